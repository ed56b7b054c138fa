//! Where and how to speak: everything about a server that is known before a connection is made.
//!
//! | file | noun |
//! |---|---|
//! | `api` | the protocols by name |
//! | `address` | what the user gave to the address that is posted to |
//! | `dialect` | how requests and replies are spelled |
//! | `custom`, `place` | an API as a file describes it; where something stands in a JSON document |

mod address;
mod api;
mod custom;
mod dialect;
mod place;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use http::Uri;

pub use address::resolve_url;
pub use api::Api;
pub use custom::{CustomApi, Framing, Places};
pub use dialect::{Dialect, FIELDS};
pub use place::Place;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_print() {
        assert_eq!(format!("{0} {0:?}", Secret::new("sk-1")), format!("{MASK} {MASK}"));
    }
}
