//! Lines of a text file, one at a time, each with its number.

use std::io::{BufRead, BufReader, Cursor};
use std::path::{Path, PathBuf};

use super::elements::Elements;
use crate::error::{Failure, Result};
use crate::table;

/// Where the text of a dataset is.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    /// In the program.
    BuiltIn { name: &'static str, text: &'static str },
    /// In a file.
    File(PathBuf),
    /// In a file that holds a line a row, one JSON array, which may be a field of an object, or a table; or in a folder of
    /// tables.
    Array {
        /// The file.
        path: PathBuf,
        /// Name of the field.
        field: Option<&'static str>,
        /// Whether a row can be an array itself, so that a bracket does not tell.
        nested: bool,
    },
}

/// Rows of a file, one at a time.
pub(super) enum Rows {
    /// A line each.
    Lines(Lines),
    /// An element of an array each.
    Elements(Elements, String),
    /// A row of a table each, as JSON.
    Table(Box<Table>),
}

/// Rows of a table, written as JSON one at a time.
pub(super) struct Table {
    rows: table::Rows,
    name: String,
    number: u64,
    text: String,
}

impl Table {
    fn next(&mut self) -> Result<Option<(Place<'_>, &str)>> {
        let Some(row) = self.rows.next().transpose()? else { return Ok(None) };
        self.number += 1;
        self.text = serde_json::Value::Object(row).to_string();
        Ok(Some((Place { file: &self.name, line: self.number }, &self.text)))
    }
}

/// Whether rows are those of a table, or of the tables of a folder.
fn is_table(path: &Path) -> bool {
    const ENDINGS: [&str; 7] = [".parquet", ".arrow", ".csv", ".tsv", ".gz", ".feather", ".tar"];
    let name = path.to_string_lossy().to_lowercase();
    path.is_dir() || ENDINGS.iter().any(|ending| name.ends_with(ending))
}

impl Rows {
    /// The next row; `None` after the last.
    pub(super) fn next(&mut self) -> Result<Option<(Place<'_>, &str)>> {
        match self {
            Rows::Lines(lines) => lines.next(),
            Rows::Table(table) => table.next(),
            Rows::Elements(elements, name) => {
                Ok(elements.next()?.map(|(line, text)| (Place { file: name.as_str(), line }, text)))
            }
        }
    }
}

/// Whether the first bytes of a file are those of one array, rather than of a first line.
fn is_array(start: &[u8], field: Option<&str>, nested: bool) -> bool {
    let text = String::from_utf8_lossy(start);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    if let Some(field) = field
        && text.starts_with('{')
    {
        let place = |name: &str| text.find(&format!("\"{name}\"")).unwrap_or(usize::MAX);
        return place(field) < place("messages");
    }
    let Some(inner) = text.strip_prefix('[').map(str::trim_start) else { return false };
    // A list of messages on a line is a row: its first object has a role or what goes with one.
    let first_key = inner.strip_prefix('{').map(|object| object.trim_start().trim_start_matches('"'));
    let message =
        |key: &str| ["role\"", "content\"", "name\"", "from\"", "human\""].iter().any(|name| key.starts_with(name));
    !nested || !first_key.is_some_and(message)
}

impl Origin {
    /// How messages call it.
    pub(super) fn name(&self) -> String {
        match self {
            Origin::BuiltIn { name, .. } => format!("{name} (built in)"),
            Origin::File(path) | Origin::Array { path, .. } => path.display().to_string(),
        }
    }

    /// Begins at the first row.
    pub(super) fn rows(&self) -> Result<Rows> {
        let name = self.name();
        match self {
            Origin::BuiltIn { text, .. } => Ok(Rows::Lines(Lines::new(Box::new(Cursor::new(text.as_bytes())), name))),
            Origin::File(path) => Lines::open(path, "--dataset-path").map(Rows::Lines),
            Origin::Array { path, .. } if is_table(path) => {
                let rows = table::Rows::open(path)?;
                Ok(Rows::Table(Box::new(Table { rows, name, number: 0, text: String::new() })))
            }
            Origin::Array { path, field, nested } => {
                let mut lines = Lines::open(path, "--dataset-path")?;
                let start = lines
                    .reader
                    .fill_buf()
                    .map_err(|error| Failure::files(format!("--dataset-path {name}: cannot be read")).because(error))?;
                if is_array(start, *field, *nested) {
                    let field = field.filter(|_| start.trim_ascii_start().starts_with(b"{"));
                    Ok(Rows::Elements(Elements::new(lines.reader, name.clone(), field), name))
                } else {
                    Ok(Rows::Lines(lines))
                }
            }
        }
    }
}

/// A line of a file, for messages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// Name of the file.
    pub(super) file: &'a str,
    /// Number of the line, from 1.
    pub(super) line: u64,
}

impl Place<'_> {
    /// Refuses the line.
    pub(super) fn refuse(&self, why: impl std::fmt::Display) -> Failure {
        Failure::usage(format!("{}: line {}: {why}", self.file, self.line))
    }
}

/// A file that is read line by line. Only the current line is in memory.
pub(super) struct Lines {
    reader: Box<dyn BufRead>,
    name: String,
    number: u64,
    buffer: Vec<u8>,
}

impl Lines {
    /// Begins at the first line of a file that a flag names.
    pub(super) fn open(path: &Path, flag: &str) -> Result<Self> {
        let file = std::fs::File::open(path).map_err(|error| {
            Failure::files(format!("{flag} {}: cannot be read", path.display()))
                .because(error)
                .hint("check the path and the permission to read it")
        })?;
        Ok(Self::new(Box::new(BufReader::with_capacity(1 << 16, file)), path.display().to_string()))
    }

    fn new(reader: Box<dyn BufRead>, name: String) -> Self {
        Lines { reader, name, number: 0, buffer: Vec::new() }
    }

    /// The next line without its end (LF or CRLF) and without the byte order mark that some editors put first; `None`
    /// after the last.
    pub(super) fn next(&mut self) -> Result<Option<(Place<'_>, &str)>> {
        self.buffer.clear();
        let read = self.reader.read_until(b'\n', &mut self.buffer).map_err(|error| {
            Failure::files(format!("{}: cannot be read after line {}", self.name, self.number)).because(error)
        })?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        let place = Place { file: &self.name, line: self.number };
        let mut line = self.buffer.as_slice();
        line = line.strip_suffix(b"\n").unwrap_or(line);
        line = line.strip_suffix(b"\r").unwrap_or(line);
        if self.number == 1 {
            line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
        }
        match std::str::from_utf8(line) {
            Ok(text) => Ok(Some((place, text))),
            Err(error) => Err(place
                .refuse(format_args!("byte {} is not valid UTF-8", error.valid_up_to() + 1))
                .hint("save the file as UTF-8")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{TestResult, file};
    use super::*;
    use crate::error::Exit;

    fn all(bytes: &[u8]) -> TestResult<Vec<String>> {
        let (_folder, path) = file("a.txt", bytes)?;
        let mut lines = Lines::open(&path, "--dataset-path")?;
        let mut found = Vec::new();
        while let Some((place, text)) = lines.next()? {
            found.push(format!("{}:{text}", place.line));
        }
        Ok(found)
    }

    #[test]
    fn line_ends_and_byte_order_mark_are_taken_off() -> TestResult {
        assert_eq!(all(b"\xEF\xBB\xBFa\r\n\r\n b \nc")?, ["1:a", "2:", "3: b ", "4:c"]);
        assert_eq!(all(b"")?, [""; 0]);
        Ok(())
    }

    #[test]
    fn a_line_that_is_not_utf_8_is_named() -> TestResult {
        let (_folder, path) = file("a.txt", b"good\nba\xFFd\n")?;
        let mut lines = Lines::open(&path, "--dataset-path")?;
        lines.next()?;
        let failure = lines.next().err().ok_or("accepted")?;
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.message.ends_with("a.txt: line 2: byte 3 is not valid UTF-8"), "{failure}");
        Ok(())
    }

    #[test]
    fn a_file_that_is_not_there_is_a_failure_of_files() -> TestResult {
        let failure = Origin::File("/no/such/file".into()).rows().err().ok_or("accepted")?;
        assert_eq!(failure.exit, Exit::Files);
        assert!(failure.message.contains("/no/such/file"));
        Ok(())
    }
}
