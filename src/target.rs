//! Where and how to speak: everything about a server that is known before a connection is made.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use http::Uri;

use crate::error::{Failure, Result};

/// A value that must never be printed. `Debug` and `Display` show asterisks.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// What stands for a secret in files and on screen.
pub const MASK: &str = "**********";

impl Secret {
    /// Wraps a secret.
    pub fn new(value: impl Into<String>) -> Self {
        Secret(value.into())
    }

    /// The secret itself, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

/// Whether a header of this name carries a secret.
pub fn is_secret_header(name: &str) -> bool {
    ["authorization", "proxy-authorization", "x-api-key", "x-auth-token", "api-key", "cookie"]
        .contains(&name.to_ascii_lowercase().as_str())
}

/// How requests and replies are spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAI chat completions.
    Chat,
    /// OpenAI completions.
    Completion,
}

/// Which HTTP version is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpVersion {
    /// HTTP/1.1 in the clear; what ALPN agrees on over TLS.
    Auto,
    /// HTTP/1.1 only.
    Http1,
    /// HTTP/2 only, with prior knowledge in the clear.
    Http2,
}

/// Whom to trust over TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// The platform's roots.
    Platform,
    /// The certificates of a PEM file, and nothing else.
    Roots(PathBuf),
    /// Nobody is checked. Reports say so.
    Anyone,
}

/// Limits of one request. `None` is no limit of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// Setting up the connection: name, TCP, TLS.
    pub connect: Option<Duration>,
    /// The longest gap between two reads of a response.
    pub read: Option<Duration>,
    /// The whole request.
    pub total: Duration,
}

/// Where and how to speak.
#[derive(Debug, Clone)]
pub struct Target {
    /// The full address requests are posted to.
    pub url: Uri,
    /// How requests and replies are spelled.
    pub dialect: Dialect,
    /// Sent as `model`.
    pub model: String,
    /// Headers sent with each request, the key among them.
    pub headers: Vec<(http::HeaderName, http::HeaderValue)>,
    /// Limits of one request.
    pub deadlines: Deadlines,
    /// Whom to trust over TLS.
    pub trust: Trust,
    /// Which HTTP version is spoken.
    pub http: HttpVersion,
}

impl Target {
    /// Whether the connection is encrypted.
    pub fn is_tls(&self) -> bool {
        self.url.scheme_str() == Some("https")
    }

    /// Host name without brackets, as it is resolved and verified.
    pub fn host(&self) -> &str {
        self.url.host().unwrap_or("").trim_start_matches('[').trim_end_matches(']')
    }

    /// Port, by the scheme where none is written.
    pub fn port(&self) -> u16 {
        self.url.port_u16().unwrap_or(if self.is_tls() { 443 } else { 80 })
    }

    /// `host:port` for messages.
    pub fn endpoint(&self) -> String {
        let host = self.host();
        if host.contains(':') { format!("[{host}]:{}", self.port()) } else { format!("{host}:{}", self.port()) }
    }
}

/// Paths that are used as they are, whatever the API.
const ENDPOINTS: [&str; 6] = ["/chat/completions", "/completions", "/responses", "/embeddings", "/reranks", "/rerank"];

/// Resolves what the user gave as `--url` into the address that is posted to, with a notice when something was added.
///
/// As in EvalScope an address that ends in a known endpoint is used as it is, the query is kept, and otherwise the
/// endpoint is appended. An address without any path gets `/v1` as well: EvalScope leaves that out, and no server
/// answers there.
///
/// # Errors
/// When the address cannot be parsed, has no host, or is neither http nor https.
pub fn resolve_url(given: &str) -> Result<(Uri, Option<String>)> {
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
    let path = uri.path().trim_end_matches('/');
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let (path, notice) = if ENDPOINTS.iter().any(|end| path.ends_with(end)) {
        (path.to_owned(), None)
    } else {
        let path = if path.is_empty() { "/v1/chat/completions".to_owned() } else { format!("{path}/chat/completions") };
        let notice = format!("the address names no endpoint, {path} is used");
        (path, Some(notice))
    };
    let full = format!("{}://{}{path}{query}", uri.scheme_str().unwrap_or("http"), authority);
    Ok((full.parse().map_err(|error| invalid(&format!("not an address: {error}")))?, notice))
}

/// The dialect that an address speaks.
///
/// # Errors
/// When the endpoint is one that load tests do not speak yet.
pub fn dialect_of(url: &Uri) -> Result<Dialect> {
    let path = url.path();
    if path.ends_with("/chat/completions") {
        Ok(Dialect::Chat)
    } else if path.ends_with("/completions") {
        Ok(Dialect::Completion)
    } else {
        Err(Failure::usage(format!("--url {url}: this endpoint is not one that --api openai speaks"))
            .hint("known endpoints: /chat/completions, /completions"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_resolve_as_documented() {
        let cases = [
            ("http://h:1/v1/chat/completions", "http://h:1/v1/chat/completions"),
            ("http://h:1/v1/completions/", "http://h:1/v1/completions"),
            ("http://h:1/v1", "http://h:1/v1/chat/completions"),
            ("http://h:1", "http://h:1/v1/chat/completions"),
            ("https://h/x/v1?api-version=2", "https://h/x/v1/chat/completions?api-version=2"),
        ];
        for (given, expected) in cases {
            assert_eq!(resolve_url(given).map(|(uri, _)| uri.to_string()).ok().as_deref(), Some(expected));
        }
    }

    #[test]
    fn bad_addresses_are_refused_with_a_hint() {
        for given in ["", "h:8000/v1", "ftp://h/v1", "http://", "http://user:pw@h/v1", "ftp://user:pw@h/v1"] {
            let failure = resolve_url(given).err();
            assert!(failure.is_some_and(|f| f.hint.is_some() && !f.message.contains("pw")), "{given}");
        }
    }

    #[test]
    fn secrets_do_not_print() {
        assert_eq!(format!("{0} {0:?}", Secret::new("sk-1")), format!("{MASK} {MASK}"));
    }
}
