//! A row a line: JSON, or text.

use std::io::BufRead;

use serde_json::{Map, Value};

use super::rows::{Row, Step};

/// The key of a row that has no names: a line of text.
const TEXT: &str = "text";
/// The key of a row that is JSON, but no object.
const VALUE: &str = "value";

/// Makes a row of any JSON value.
pub(super) fn row(value: Value) -> Row {
    match value {
        Value::Object(row) => row,
        other => Map::from_iter([(VALUE.to_owned(), other)]),
    }
}

/// Lines of a text file. Only the current one is in memory.
pub(super) struct Lines {
    reader: Box<dyn BufRead + Send>,
    number: u64,
    buffer: Vec<u8>,
    json: bool,
    /// Lines with nothing but blanks, which are passed over.
    pub(super) blank: u64,
}

impl Lines {
    pub(super) fn new(reader: Box<dyn BufRead + Send>, json: bool) -> Self {
        Lines { reader, number: 0, buffer: Vec::new(), json, blank: 0 }
    }

    pub(super) fn next(&mut self) -> Step {
        loop {
            self.buffer.clear();
            let read = self.reader.read_until(b'\n', &mut self.buffer);
            if read.map_err(|error| format!("cannot be read after line {}: {error}", self.number))? == 0 {
                return Ok(None);
            }
            self.number += 1;
            let line = self.buffer.strip_suffix(b"\n").unwrap_or(&self.buffer);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.iter().all(u8::is_ascii_whitespace) {
                self.blank += 1;
                continue;
            }
            let number = self.number;
            if self.json {
                let value: Value = serde_json::from_slice(line).map_err(|error| {
                    // The parser sees one line and would call it line 1.
                    let text = error.to_string();
                    let why = text.split(" at line ").next().unwrap_or(&text).to_owned();
                    format!("line {number}: column {}: not JSON: {why}", error.column())
                })?;
                return Ok(Some(row(value)));
            }
            let text = std::str::from_utf8(line)
                .map_err(|error| format!("line {number}: byte {} is not valid UTF-8", error.valid_up_to() + 1))?;
            return Ok(Some(Map::from_iter([(TEXT.to_owned(), Value::String(text.to_owned()))])));
        }
    }
}
