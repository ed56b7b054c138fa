//! What the user gave as `--url` to the address that requests are posted to.

use http::Uri;

use super::{Api, MASK};
use crate::error::{Failure, Result};

/// DashScope's endpoint, below its base `/api/v1`.
const GENERATION: &str = "/services/aigc/text-generation/generation";

/// Endings of paths that belong to an API, longer ones first where one is the end of another.
const ENDPOINTS: [(&str, Api); 10] = [
    ("/chat/completions", Api::OpenAi),
    ("/completions", Api::OpenAi),
    ("/responses", Api::Responses),
    ("/embeddings", Api::Embedding),
    ("/reranks", Api::Rerank),
    ("/rerank", Api::Rerank),
    ("/messages", Api::Messages),
    ("-generation/generation", Api::DashScope),
    ("/systemone", Api::SystemOne),
    ("/decide", Api::AutoTrust),
];

/// Resolves an address for an API, with a notice when something was added or changed. `described` is the path of a
/// custom API.
///
/// As in EvalScope an address that ends in an endpoint of the API is used as it is, the query is kept, otherwise the
/// endpoint is appended, and for Responses the path of chat completions is exchanged. An address without any path gets
/// `/v1` as well: EvalScope leaves that out, and no server answers there.
///
/// # Errors
/// When the address cannot be parsed, has no host, is neither http nor https, or names the endpoint of another API.
pub fn resolve_url(given: &str, api: Api, described: Option<&str>) -> Result<(Uri, Option<String>)> {
    // What stands before an @ may be a password.
    let shown = given.rsplit_once('@').map_or_else(|| given.to_owned(), |(_, rest)| format!("{MASK}@{rest}"));
    let invalid = |why: &str| {
        Failure::usage(format!("--url {shown:?}: {why}"))
            .hint("give a full address such as http://127.0.0.1:8000/v1/chat/completions")
    };
    let uri: Uri = given.trim().parse().map_err(|error| invalid(&format!("not an address: {error}")))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(invalid("it must begin with http:// or https://"));
    }
    let authority = uri.authority().filter(|a| !a.host().is_empty()).ok_or_else(|| invalid("it has no host"))?;
    if authority.as_str().contains('@') {
        return Err(invalid("a user or password in the address would end up in files and logs")
            .hint("pass the key with --api-key, OPENAI_API_KEY or --headers"));
    }
    let given_path = uri.path().trim_end_matches('/');
    let (path, notice) = match api {
        Api::Custom => with_described(given_path, described),
        _ => with_endpoint(given_path, api).map_err(|other| {
            invalid(&format!("this is the endpoint of another API than --api {}", api.name())).hint(format!(
                "set --api {}, or give an address that ends in {}",
                other.name(),
                endpoint(api, "/v1")
            ))
        })?,
    };
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let full = format!("{}://{}{path}{query}", uri.scheme_str().unwrap_or("http"), authority);
    Ok((full.parse().map_err(|error| invalid(&format!("not an address: {error}")))?, notice))
}

/// The path with the endpoint of its API; the API whose endpoint it has, where that is another one.
fn with_endpoint(path: &str, api: Api) -> Result<(String, Option<String>), Api> {
    let found = ENDPOINTS.iter().find(|(end, _)| path.ends_with(end));
    match found {
        Some((_, of)) if *of == api => return Ok((path.to_owned(), None)),
        Some((end @ "/chat/completions", _)) if api == Api::Responses => {
            let path = format!("{}/responses", path.strip_suffix(end).unwrap_or(path));
            let notice = format!("the address is that of chat completions, {path} is used");
            return Ok((path, Some(notice)));
        }
        Some((_, other)) => return Err(*other),
        None => {}
    }
    let full = match api {
        // Alibaba's servers have a path of their own below another base; whoever gives a third one knows it.
        Api::DashScope if !path.is_empty() && !path.ends_with("/api/v1") => return Ok((path.to_owned(), None)),
        _ => endpoint(api, path),
    };
    let notice = format!("the address names no endpoint, {full} is used");
    Ok((full, Some(notice)))
}

/// The path of an API's endpoint below a base, which may be empty.
fn endpoint(api: Api, base: &str) -> String {
    let below = |end: &str| if base.is_empty() { format!("/v1{end}") } else { format!("{base}{end}") };
    match api {
        Api::OpenAi | Api::Local | Api::LocalVllm => below("/chat/completions"),
        Api::Responses => below("/responses"),
        Api::Embedding => below("/embeddings"),
        Api::Rerank => below("/reranks"),
        Api::SystemOne => below("/systemone"),
        Api::AutoTrust => below("/decide"),
        // Anthropic's own clients append the version to whatever base they are given.
        Api::Messages if !base.ends_with("/v1") => format!("{base}/v1/messages"),
        Api::Messages => below("/messages"),
        Api::DashScope if base.ends_with("/api/v1") => below(GENERATION),
        Api::DashScope => format!("/api/v1{GENERATION}"),
        Api::Custom => base.to_owned(),
    }
}

/// The path of a custom API, which its file names, below what the address has.
fn with_described(path: &str, described: Option<&str>) -> (String, Option<String>) {
    let path = match described.map(|described| described.trim_end_matches('/')) {
        Some(described) if !path.ends_with(described) => format!("{path}{described}"),
        _ => path.to_owned(),
    };
    (if path.is_empty() { "/".to_owned() } else { path }, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_resolve_as_documented() {
        let dash = "http://h/api/v1/services/aigc/text-generation/generation";
        let cases = [
            (Api::OpenAi, "http://h:1/v1/chat/completions", "http://h:1/v1/chat/completions"),
            (Api::OpenAi, "http://h:1/v1/completions/", "http://h:1/v1/completions"),
            (Api::OpenAi, "http://h:1/v1", "http://h:1/v1/chat/completions"),
            (Api::OpenAi, "http://h:1", "http://h:1/v1/chat/completions"),
            (Api::OpenAi, "https://h/x/v1?api-version=2", "https://h/x/v1/chat/completions?api-version=2"),
            (Api::Responses, "http://h/v1", "http://h/v1/responses"),
            (Api::Responses, "http://h/v1/responses", "http://h/v1/responses"),
            (Api::Responses, "http://h/v1/chat/completions?a=b", "http://h/v1/responses?a=b"),
            (Api::Embedding, "http://h/v1/", "http://h/v1/embeddings"),
            (Api::Embedding, "http://h", "http://h/v1/embeddings"),
            (Api::Rerank, "http://h/v1", "http://h/v1/reranks"),
            (Api::Rerank, "http://h/rerank", "http://h/rerank"),
            (Api::Rerank, "http://h/v1/reranks", "http://h/v1/reranks"),
            (Api::Messages, "http://h", "http://h/v1/messages"),
            (Api::Messages, "http://h/v1", "http://h/v1/messages"),
            (Api::Messages, "http://h/anthropic", "http://h/anthropic/v1/messages"),
            (Api::Messages, "http://h/v1/messages?beta=true", "http://h/v1/messages?beta=true"),
            (Api::DashScope, "http://h", dash),
            (Api::DashScope, "http://h/api/v1", dash),
            (Api::DashScope, dash, dash),
            (Api::DashScope, "http://h/proxy", "http://h/proxy"),
        ];
        for (api, given, expected) in cases {
            assert_eq!(resolve_url(given, api, None).map(|(uri, _)| uri.to_string()).ok().as_deref(), Some(expected));
        }
    }

    #[test]
    fn a_custom_api_brings_its_path() {
        for (given, path, expected) in [
            ("http://h", Some("/completion"), "http://h/completion"),
            ("http://h/base/", Some("/completion"), "http://h/base/completion"),
            ("http://h/base/completion", Some("/completion"), "http://h/base/completion"),
            ("http://h/v1/chat/completions", None, "http://h/v1/chat/completions"),
            ("http://h", None, "http://h/"),
        ] {
            let resolved = resolve_url(given, Api::Custom, path).map(|(uri, _)| uri.to_string());
            assert_eq!(resolved.ok().as_deref(), Some(expected));
        }
    }

    #[test]
    fn an_endpoint_of_another_api_is_refused_with_its_name() {
        for (api, given, other) in [
            (Api::OpenAi, "http://h/v1/embeddings", "openai_embedding"),
            (Api::OpenAi, "http://h/v1/messages", "anthropic"),
            (Api::Embedding, "http://h/v1/chat/completions", "openai"),
            (Api::Responses, "http://h/v1/completions", "openai"),
            (Api::Messages, "http://h/v1/responses", "openai_responses"),
            (Api::DashScope, "http://h/compatible-mode/v1/chat/completions", "openai"),
        ] {
            let hint = resolve_url(given, api, None).err().and_then(|failure| failure.hint).unwrap_or_default();
            assert!(hint.contains(&format!("--api {other},")), "{given}: {hint}");
        }
    }

    #[test]
    fn bad_addresses_are_refused_with_a_hint() {
        for given in ["", "h:8000/v1", "ftp://h/v1", "http://", "http://user:pw@h/v1", "ftp://user:pw@h/v1"] {
            let failure = resolve_url(given, Api::OpenAi, None).err();
            assert!(failure.is_some_and(|f| f.hint.is_some() && !f.message.contains("pw")), "{given}");
        }
    }
}
