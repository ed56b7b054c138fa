//! The format of a file, told by its name and, where that says nothing, by its first bytes.

use std::path::Path;

use crate::error::known;

/// How the rows of a file are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Apache Parquet.
    Parquet,
    /// Arrow IPC: a file with a footer, also known as Feather, or a stream.
    Arrow,
    /// A JSON value a line.
    Lines,
    /// One JSON array of rows, or JSON objects one after another.
    Json,
    /// Cells separated by commas, quoted as RFC 4180 says, under a line of names.
    Csv,
    /// Cells separated by tabs without quoting, under a line of names.
    Tsv,
    /// A line of text a row.
    Text,
    /// A tar archive as WebDataset has it: files that share a name make a row.
    Tar,
}

/// Endings of file names and what they stand for.
const ENDINGS: [(&str, Format); 12] = [
    ("parquet", Format::Parquet),
    ("arrow", Format::Arrow),
    ("feather", Format::Arrow),
    ("jsonl", Format::Lines),
    ("ndjson", Format::Lines),
    ("jsonlines", Format::Lines),
    ("json", Format::Json),
    ("csv", Format::Csv),
    ("tsv", Format::Tsv),
    ("txt", Format::Text),
    ("text", Format::Text),
    ("tar", Format::Tar),
];

/// What begins a file compressed with gzip.
pub(super) const GZIP: [u8; 2] = [0x1f, 0x8b];

impl Format {
    /// The format that the ending of a file's name stands for; `.gz` behind it is looked through. `None` where the
    /// ending says nothing.
    pub fn of_name(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        let (_, ending) = name.rsplit_once('.')?;
        ENDINGS.iter().find(|(known, _)| *known == ending).map(|(_, format)| *format)
    }

    /// The format by what a file begins with, taken off its byte order mark. Columnar formats have marks of their own
    /// and win over the name; text goes by the name, and by its first character where that says nothing.
    pub(super) fn tell(path: &Path, first: &[u8]) -> Option<Self> {
        let named = Self::of_name(path);
        if first.starts_with(b"PAR1") {
            return Some(Format::Parquet);
        }
        // A stream begins with a continuation mark and the length of its schema; old ones with the length alone.
        if first.starts_with(b"ARROW1") || first.starts_with(&[0xff; 4]) {
            return Some(Format::Arrow);
        }
        named.or_else(|| match first.iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(b'[') => Some(Format::Json),
            Some(b'{') => Some(Format::Json),
            _ => None,
        })
    }

    /// The endings that are known, for messages.
    pub(super) fn endings() -> String {
        known(ENDINGS.map(|(ending, _)| format!(".{ending}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_first_bytes_tell_the_format() {
        for (name, first, expected) in [
            ("a.parquet", &b"PAR1\x15"[..], Some(Format::Parquet)),
            ("a.bin", b"PAR1", Some(Format::Parquet)),
            ("a.JSONL.gz", b"{}", Some(Format::Lines)),
            ("a.json", b"[1]", Some(Format::Json)),
            ("data-00000-of-00001.arrow", b"\xff\xff\xff\xff\x10", Some(Format::Arrow)),
            ("a.feather", b"ARROW1\0\0", Some(Format::Arrow)),
            ("a.csv", b"a,b", Some(Format::Csv)),
            ("a.tsv", b"a\tb", Some(Format::Tsv)),
            ("a.txt", b"{", Some(Format::Text)),
            ("a", b" \n[{", Some(Format::Json)),
            ("a.b", b"{\"a\":1}\n", Some(Format::Json)),
            ("a.tar", b"x", Some(Format::Tar)),
            ("a.bin", b"x", None),
            ("a", b"", None),
        ] {
            assert_eq!(Format::tell(Path::new(name), first), expected, "{name}");
        }
    }
}
