//! Where metrics are pushed to, and the credentials that stood in the address.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue, Uri};

use crate::error::{Failure, Result};
use crate::target::MASK;

/// An address without credentials, and the header that carries them.
#[derive(Debug, Clone)]
pub(super) struct Address {
    /// The address without user and password.
    pub(super) uri: Uri,
    /// What stood before the `@`, as basic authentication.
    pub(super) credentials: Option<(HeaderName, HeaderValue)>,
}

impl Address {
    /// Reads an address; `flag` is blamed for what is wrong with it.
    ///
    /// # Errors
    /// When it is none, has no host, or is neither http nor https.
    pub(super) fn of(flag: &str, given: &str) -> Result<Self> {
        // What stands before an @ may be a password.
        let shown = given.rsplit_once('@').map_or_else(|| given.to_owned(), |(_, rest)| format!("{MASK}@{rest}"));
        let invalid = |why: &str| {
            Failure::usage(format!("{flag} {shown:?}: {why}")).hint("give a full address such as http://127.0.0.1:9091")
        };
        // The cause may repeat what it could not read, so it is not shown.
        let whole: Uri = given.trim().parse().map_err(|_| invalid("not an address"))?;
        let scheme = whole.scheme_str().filter(|scheme| matches!(*scheme, "http" | "https"));
        let scheme = scheme.ok_or_else(|| invalid("it must begin with http:// or https://"))?;
        let authority = whole.authority().filter(|authority| !authority.host().is_empty());
        let authority = authority.ok_or_else(|| invalid("it has no host"))?.as_str();
        let (user, place) = authority.rsplit_once('@').map_or((None, authority), |(user, place)| (Some(user), place));
        let has_port = place.rsplit_once(':').is_some_and(|(_, port)| !port.is_empty() && !port.ends_with(']'));
        if has_port && whole.port_u16().is_none() {
            return Err(invalid("its port is no number"));
        }
        let path = whole.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let uri = format!("{scheme}://{place}{path}").parse().map_err(|_| invalid("not an address"))?;
        let credentials = user.map(|user| {
            let mut value = HeaderValue::try_from(format!("Basic {}", BASE64_STANDARD.encode(decoded(user))))
                .map_err(|_| invalid("its user or password cannot be sent"))?;
            value.set_sensitive(true);
            Ok((AUTHORIZATION, value))
        });
        Ok(Address { uri, credentials: credentials.transpose()? })
    }

    /// The same with this at the end of its path, which is appended where it is missing.
    ///
    /// # Errors
    /// When no address comes of it.
    pub(super) fn ending_in(self, end: &str) -> Result<Self> {
        let path = self.uri.path().trim_end_matches('/');
        if path.ends_with(end) {
            return Ok(self);
        }
        let path = format!("{path}{end}");
        self.at(&path)
    }

    /// The same with another path.
    ///
    /// # Errors
    /// When no address comes of it.
    pub(super) fn at(self, path: &str) -> Result<Self> {
        let (scheme, place) =
            (self.uri.scheme_str().unwrap_or("http"), self.uri.authority().map_or("", |at| at.as_str()));
        let query = self.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        let uri = format!("{scheme}://{place}{path}{query}").parse();
        let uri =
            uri.map_err(|error| Failure::usage(format!("{path:?} cannot be the path of an address")).because(error))?;
        Ok(Address { uri, ..self })
    }

    /// The address without its query, which may carry a key.
    pub(super) fn bare(&self) -> String {
        let (scheme, place) =
            (self.uri.scheme_str().unwrap_or("http"), self.uri.authority().map_or("", |at| at.as_str()));
        format!("{scheme}://{place}{}", self.uri.path())
    }
}

/// Text with its percent-encoding undone; what is no encoding stays as it is.
pub(super) fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        let pair = bytes.get(at + 1..at + 3).filter(|pair| bytes[at] == b'%' && pair.iter().all(u8::is_ascii_hexdigit));
        let byte = pair.and_then(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
        out.push(byte.unwrap_or(bytes[at]));
        at += if byte.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_leave_the_address() -> Result<()> {
        let address = Address::of("--x", "http://me:p%40ss@h:9091/base?token=t")?;
        assert_eq!(address.uri.to_string(), "http://h:9091/base?token=t");
        assert_eq!(address.bare(), "http://h:9091/base");
        let value = address.credentials.as_ref().and_then(|(_, value)| value.to_str().ok());
        assert_eq!(value, Some("Basic bWU6cEBzcw=="));
        assert!(!format!("{address:?}").contains("bWU6"), "{address:?}");
        assert!(Address::of("--x", "https://h")?.credentials.is_none());
        Ok(())
    }

    #[test]
    fn an_ending_is_appended_once() -> Result<()> {
        for (given, expected) in [
            ("http://h:1", "http://h:1/v1/metrics"),
            ("http://h:1/", "http://h:1/v1/metrics"),
            ("http://h:1/otlp/v1/metrics", "http://h:1/otlp/v1/metrics"),
            ("http://h:1/otlp?a=b", "http://h:1/otlp/v1/metrics?a=b"),
        ] {
            assert_eq!(Address::of("--x", given)?.ending_in("/v1/metrics")?.uri.to_string(), expected);
        }
        assert_eq!(Address::of("--x", "http://[::1]")?.bare(), "http://[::1]/");
        Ok(())
    }

    #[test]
    fn bad_addresses_are_refused_without_their_password() {
        for given in ["", "h:9091", "ftp://h", "http://", "ftp://u:secret@h", "http://u:secret@", "http://u:secret@h:x"]
        {
            let failure = Address::of("--x", given).err();
            let fit = failure.as_ref().is_some_and(|failure| {
                failure.message.contains("--x") && !failure.message.contains("secret") && failure.hint.is_some()
            });
            assert!(fit, "{given}: {failure:?}");
        }
    }

    #[test]
    fn percent_encoding_is_undone() {
        assert_eq!(decoded("a%20b%2"), "a b%2");
        assert_eq!(decoded("%zz%é"), "%zz%é");
    }
}
