//! The key that a server asks for.

use http::{HeaderMap, header};
use ring::digest::{SHA256, digest};

use crate::target::Secret;

/// What is kept of a key: its digest, which tells whether another one is equal and not what it is.
#[derive(Clone)]
pub struct Key([u8; 32]);

impl Key {
    /// Keeps a key.
    pub fn of(secret: &Secret) -> Self {
        Key(hash(secret.expose()))
    }

    /// Whether the headers of a request carry it, as `Authorization: Bearer KEY`.
    pub fn admits(&self, headers: &HeaderMap) -> bool {
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let key =
            given.and_then(|given| given.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        key.is_some_and(|(_, key)| {
            // Digests are compared to their ends, so that the time tells nothing of where they differ.
            let differing = hash(key.trim()).iter().zip(&self.0).fold(0, |all, (one, other)| all | (one ^ other));
            std::hint::black_box(differing) == 0
        })
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(crate::target::MASK)
    }
}

fn hash(text: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    bytes
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_key_opens_and_nothing_else_does() {
        let key = Key::of(&Secret::new("sk-1"));
        for (given, expected) in [
            (Some("Bearer sk-1"), true),
            (Some("bearer sk-1"), true),
            (Some("Bearer sk-2"), false),
            (Some("Bearer sk-11"), false),
            (Some("Bearer "), false),
            (Some("Basic sk-1"), false),
            (Some("sk-1"), false),
            (None, false),
        ] {
            let headers = given.map(|given| (header::AUTHORIZATION, HeaderValue::from_static(given)));
            assert_eq!(key.admits(&HeaderMap::from_iter(headers)), expected, "{given:?}");
        }
        assert_eq!(format!("{key:?}"), crate::target::MASK);
    }
}
