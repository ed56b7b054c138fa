//! Settings to where requests go: the API, its address, its dialect and its headers.

use http::{HeaderName, HeaderValue, Uri};

use super::Settings;
use super::dataset::Set;
use crate::error::{Failure, Result};
use crate::target::{Api, CustomApi, Dialect, FIELDS, Secret, resolve_url};

/// The version of Anthropic's API that is spoken.
const ANTHROPIC_VERSION: &str = "2023-06-01";

/// Where requests go and how they are spelled there.
pub(super) struct Endpoint {
    /// The API; `Local` where nothing names a server and the model inside speaks it.
    pub(super) api: Api,
    pub(super) url: Uri,
    pub(super) dialect: Dialect,
    /// Whether plain text is a chat, where no flag says so.
    pub(super) chat: bool,
}

impl Endpoint {
    /// Resolves `--api`, `--url` and what goes with them, and writes the outcome back into the settings.
    pub(super) fn of(settings: &mut Settings, notices: &mut Vec<String>) -> Result<Self> {
        let named = Api::of(&settings.api)?;
        let described = described(settings, named)?;
        if settings.vllm_args.is_some() && named != Api::LocalVllm {
            return Err(Failure::usage("--vllm-args goes with --api local_vllm"));
        }
        if settings.url.is_some() && named.is_local() {
            notices.push(format!("--api {} starts its own server, --url is not used", settings.api));
            settings.url = None;
        }
        let (api, url) = match &settings.url {
            Some(given) => {
                let path = described.as_ref().and_then(|described| described.path.as_deref());
                let (url, notice) = resolve_url(given, named, path)?;
                notices.extend(notice);
                (named, url)
            }
            None if matches!(named, Api::Embedding | Api::Rerank) => {
                let path = if named == Api::Embedding { "/v1/embeddings" } else { "/v1/rerank" };
                (Api::Local, resolve_url(&format!("http://127.0.0.1{path}"), named, None)?.0)
            }
            None if named.is_local() || named == Api::OpenAi => {
                // As EvalScope has it: the speed benchmark measures completions.
                let path = if is_speed(settings) { "/v1/completions" } else { "/v1/chat/completions" };
                let (url, _) = resolve_url(&format!("http://127.0.0.1{path}"), Api::OpenAi, None)?;
                (if named == Api::OpenAi { Api::Local } else { named }, url)
            }
            None => {
                return Err(Failure::usage(format!("--api {} needs --url", settings.api)).hint(
                    "the model inside this program speaks openai, embedding and rerank; give the address of a server",
                ));
            }
        };
        let dialect = Dialect::of(named, &url, described);
        let (url, dialect) = match dialect {
            // As in EvalScope, which however sends its first load point to the address of chats.
            Dialect::Chat if is_speed(settings) && settings.apply_chat_template != Some(true) => {
                notices.push(format!("--dataset {} measures completions, so its prompts go there", settings.dataset));
                completions(&url)?
            }
            other => (url, other),
        };
        let chat = dialect.prefers_chat();
        let (url, dialect) = if settings.tokenize_prompt {
            // The address is about to change, and a saved plan must resolve to the same again.
            settings.apply_chat_template.get_or_insert(chat);
            tokenized(settings, url, dialect)?
        } else {
            (url, dialect)
        };
        if settings.url.is_some() {
            settings.url = Some(url.to_string());
        }
        settings.stream &= dialect.streams();
        Ok(Endpoint { api, url, dialect, chat })
    }
}

/// The description of a custom API.
fn described(settings: &Settings, api: Api) -> Result<Option<CustomApi>> {
    match (&settings.api_file, api) {
        (Some(file), Api::Custom) => CustomApi::open(file, &FIELDS).map(Some),
        (None, Api::Custom) => Err(Failure::usage("--api custom needs --api-file")
            .hint("name a TOML file that describes the API, or a built-in description such as llama-cpp")),
        (Some(_), _) => Err(Failure::usage(format!("--api-file goes with --api custom, not with {}", settings.api))),
        (None, _) => Ok(None),
    }
}

/// Whether prompts are those of the speed benchmark.
fn is_speed(settings: &Settings) -> bool {
    settings.set().is_some_and(Set::is_speed)
}

/// The address of completions beside that of chat completions.
fn completions(url: &Uri) -> Result<(Uri, Dialect)> {
    let text = url.to_string().replacen("/chat/completions", "/completions", 1);
    Ok((resolve_url(&text, Api::OpenAi, None)?.0, Dialect::Completion))
}

/// Where prompts of token ids go: to completions, where the address is that of chat completions.
fn tokenized(settings: &Settings, url: Uri, dialect: Dialect) -> Result<(Uri, Dialect)> {
    if settings.tokenizer_path.is_none() {
        return Err(Failure::usage("--tokenize-prompt needs --tokenizer-path")
            .hint("name the tokenizer of the model; the ids must be those of the server's own vocabulary"));
    }
    match dialect {
        Dialect::Chat => completions(&url),
        Dialect::Completion | Dialect::Embedding | Dialect::Custom(_) => Ok((url, dialect)),
        _ => Err(Failure::usage(format!("--tokenize-prompt: --api {} takes no token ids", settings.api))
            .hint("send them to completions: --api openai with an address of /v1/completions")),
    }
}

/// Headers sent with each request: those of the API, which give way to the user's, and the key where the API wants it.
pub(super) fn headers(
    settings: &Settings,
    key: Option<Secret>,
    dialect: &Dialect,
) -> Result<Vec<(HeaderName, HeaderValue)>> {
    let mut headers: Vec<(HeaderName, HeaderValue)> = match dialect {
        Dialect::Messages => {
            vec![(HeaderName::from_static("anthropic-version"), HeaderValue::from_static(ANTHROPIC_VERSION))]
        }
        Dialect::DashScope if settings.stream => {
            vec![(HeaderName::from_static("x-dashscope-sse"), HeaderValue::from_static("enable"))]
        }
        Dialect::Custom(api) => api.headers.clone(),
        _ => Vec::new(),
    };
    let mut put = |name: HeaderName, value: HeaderValue| {
        headers.retain(|(known, _)| *known != name);
        headers.push((name, value));
    };
    for pair in &settings.headers {
        let (name, value) = pair.split_once('=').ok_or_else(|| {
            Failure::usage("--headers: an item has no '='").hint("write --headers Name=value Other=value")
        })?;
        let name: HeaderName = name.trim().parse().map_err(|error| {
            Failure::usage(format!("--headers: {:?} is not a header name", name.trim())).because(error)
        })?;
        // Neither the value nor the cause is shown, for the value may be a key.
        let value: HeaderValue = value.trim().parse().map_err(|_| {
            Failure::usage(format!("--headers: the value of {name} has characters a header cannot carry"))
        })?;
        put(name, value);
    }
    if let Some(key) = key {
        let as_it_is = match dialect {
            Dialect::Messages => Some(HeaderName::from_static("x-api-key")),
            Dialect::Custom(api) => api.key_header.clone(),
            _ => None,
        };
        let text = match &as_it_is {
            Some(_) => key.expose().to_owned(),
            None => format!("Bearer {}", key.expose()),
        };
        let mut value: HeaderValue =
            text.parse().map_err(|_| Failure::usage("the API key has characters a header cannot carry"))?;
        value.set_sensitive(true);
        put(as_it_is.unwrap_or(http::header::AUTHORIZATION), value);
    }
    Ok(headers)
}
