//! JSON documents: one array whose items are rows, or values one after another. One row is in memory at a time.

use std::io::BufRead;

use serde::Deserialize;
use serde_json::Value;

use super::lines::row;
use super::rows::Step;

/// A JSON document that is read row by row.
pub(super) struct Json {
    reader: Box<dyn BufRead + Send>,
    place: Place,
    /// Rows so far, for messages.
    number: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Start,
    /// Inside the array, before an item or its end.
    Array,
    /// Between values that stand one after another.
    Values,
    End,
}

impl Json {
    pub(super) fn new(reader: Box<dyn BufRead + Send>) -> Self {
        Json { reader, place: Place::Start, number: 0 }
    }

    pub(super) fn next(&mut self) -> Step {
        if self.place == Place::Start {
            self.place = match self.peek()? {
                Some(b'[') => {
                    self.reader.consume(1);
                    Place::Array
                }
                _ => Place::Values,
            };
        }
        let first = match self.place {
            Place::Array if self.number == 0 => match self.peek()? {
                Some(b']') => return self.close(),
                first => first,
            },
            Place::Array => match self.peek()? {
                Some(b',') => {
                    self.reader.consume(1);
                    self.peek()?
                }
                Some(b']') => return self.close(),
                Some(_) => return Err(self.at("neither ',' nor ']' follows it")),
                None => return Err(self.at("the array does not end")),
            },
            Place::Values => self.peek()?,
            Place::Start | Place::End => None,
        };
        match first {
            None if self.place == Place::Array => Err(self.at("the array does not end")),
            None => Ok(None),
            // Only objects, arrays and strings end of themselves; behind a number the reader would have to look ahead.
            Some(b'{' | b'[' | b'"') => {
                let mut values = serde_json::Deserializer::from_reader(&mut self.reader);
                let value = Value::deserialize(&mut values);
                self.number += 1;
                let value = value.map_err(|error| {
                    let text = error.to_string();
                    self.at(&format!("not JSON: {}", text.split(" at line ").next().unwrap_or(&text)))
                })?;
                Ok(Some(row(value)))
            }
            Some(_) => {
                self.number += 1;
                Err(self.at("not a JSON object"))
            }
        }
    }

    /// The end of the array, behind which there must be nothing.
    fn close(&mut self) -> Step {
        self.reader.consume(1);
        self.place = Place::End;
        match self.peek()? {
            None => Ok(None),
            Some(_) => Err("something follows the array".to_owned()),
        }
    }

    /// The next byte that is no blank.
    fn peek(&mut self) -> Result<Option<u8>, String> {
        loop {
            let bytes = self.reader.fill_buf().map_err(|error| format!("cannot be read: {error}"))?;
            if bytes.is_empty() {
                return Ok(None);
            }
            let blank = bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            let found = bytes.get(blank).copied();
            self.reader.consume(blank);
            if found.is_some() {
                return Ok(found);
            }
        }
    }

    fn at(&self, why: &str) -> String {
        format!("row {}: {why}", self.number)
    }
}
