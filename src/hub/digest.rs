//! What the contents of a file must hash to.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256};
use serde::{Deserialize, Serialize};

/// A digest as a hub tells it, in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Digest {
    /// SHA-256 of the contents.
    Sha256(String),
    /// SHA-1 as git takes it of a blob: of the word `blob`, the length, a zero byte and the contents. It guards against
    /// broken transfers; nobody is kept from forging it.
    GitSha1(String),
}

impl Digest {
    /// A SHA-256; `None` where the text is none.
    pub(super) fn sha256(text: &str) -> Option<Self> {
        is_hex(text, 64).then(|| Digest::Sha256(text.to_ascii_lowercase()))
    }

    /// A SHA-1 of git; `None` where the text is none.
    pub(super) fn git_sha1(text: &str) -> Option<Self> {
        is_hex(text, 40).then(|| Digest::GitSha1(text.to_ascii_lowercase()))
    }

    /// The digest in hexadecimal.
    pub(super) fn hex(&self) -> &str {
        match self {
            Digest::Sha256(hex) | Digest::GitSha1(hex) => hex,
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Digest::Sha256(hex) => write!(f, "sha256 {hex}"),
            Digest::GitSha1(hex) => write!(f, "git sha1 {hex}"),
        }
    }
}

/// Whether the text is so many hexadecimal digits.
pub(super) fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The digest of contents that come piece by piece.
pub(super) struct Hasher {
    context: Context,
    git: bool,
}

impl Hasher {
    /// For contents of so many bytes that must have this digest.
    pub(super) fn new(wanted: &Digest, size: u64) -> Self {
        match wanted {
            Digest::Sha256(_) => Hasher { context: Context::new(&SHA256), git: false },
            Digest::GitSha1(_) => {
                let mut context = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
                context.update(format!("blob {size}\0").as_bytes());
                Hasher { context, git: true }
            }
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.context.update(bytes);
    }

    pub(super) fn read(&mut self, mut file: impl Read) -> io::Result<u64> {
        let mut buffer = vec![0; 1 << 16];
        let mut total = 0;
        loop {
            match file.read(&mut buffer) {
                Ok(0) => return Ok(total),
                Ok(read) => {
                    self.update(&buffer[..read]);
                    total += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub(super) fn finish(self) -> Digest {
        let hex: String = self.context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        if self.git { Digest::GitSha1(hex) } else { Digest::Sha256(hex) }
    }
}

/// The digest of a whole file, of the kind that is wanted.
pub(super) fn of_file(path: &Path, wanted: &Digest) -> io::Result<Digest> {
    let file = File::open(path)?;
    let mut hasher = Hasher::new(wanted, file.metadata()?.len());
    hasher.read(file)?;
    Ok(hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_git_and_sha256sum() {
        let of = |wanted: Digest, bytes: &[u8]| {
            let mut hasher = Hasher::new(&wanted, bytes.len() as u64);
            bytes.chunks(2).for_each(|chunk| hasher.update(chunk));
            hasher.finish()
        };
        // `git hash-object` of an empty file and of "hello\n".
        let git = |hex: &str| Digest::GitSha1(hex.to_owned());
        assert_eq!(of(git(""), b""), git("e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"));
        assert_eq!(of(git(""), b"hello\n"), git("ce013625030ba8dba906f756967f9e9ca394464a"));
        let sha = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
        assert_eq!(Some(of(Digest::Sha256(String::new()), b"hello\n")), Digest::sha256(&sha.to_uppercase()));
    }

    #[test]
    fn what_is_no_digest_is_none() {
        assert_eq!(Digest::sha256("abc"), None);
        assert_eq!(Digest::git_sha1(&"g".repeat(40)), None);
    }
}
