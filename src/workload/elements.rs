//! Elements of a JSON array in a file, one at a time, each with the line it begins in.

use std::io::BufRead;

use crate::error::{Failure, Result};

/// Longest element that is taken for one.
const LONGEST: usize = 1 << 30;

/// An array that is read element by element; only the current one is in memory.
pub(super) struct Elements {
    reader: Box<dyn BufRead>,
    name: String,
    line: u64,
    buffer: Vec<u8>,
    begun: bool,
    /// Name of the field that holds the array, where it is not the whole file.
    field: Option<&'static str>,
}

impl Elements {
    /// Begins before the array.
    pub(super) fn new(reader: Box<dyn BufRead>, name: String, field: Option<&'static str>) -> Self {
        Elements { reader, name, line: 1, buffer: Vec::new(), begun: false, field }
    }

    /// The line and the bytes of the next element; `None` after the last.
    pub(super) fn next(&mut self) -> Result<Option<(u64, &str)>> {
        if !self.begun {
            self.begun = true;
            self.enter()?;
        }
        loop {
            match self.peek()? {
                Some(b',' | b' ' | b'\t' | b'\r' | b'\n') => drop(self.take()?),
                Some(b']') => return Ok(None),
                Some(_) => break,
                None => return Err(self.refuse("the array has no end")),
            }
        }
        let line = self.line;
        self.element()?;
        match std::str::from_utf8(&self.buffer) {
            Ok(text) => Ok(Some((line, text))),
            Err(_) => Err(self.refuse("not valid UTF-8").hint("save the file as UTF-8")),
        }
    }

    /// Goes to just behind the bracket of the array.
    fn enter(&mut self) -> Result<()> {
        if let Some(field) = self.field {
            self.find(&format!("\"{field}\""))?;
        }
        loop {
            match self.take()? {
                Some(b'[') => return Ok(()),
                Some(b' ' | b'\t' | b'\r' | b'\n' | 0xEF | 0xBB | 0xBF) => {}
                _ => return Err(self.refuse("no JSON array")),
            }
        }
    }

    /// Goes to just behind the colon of a field of the outermost object.
    fn find(&mut self, field: &str) -> Result<()> {
        let mut depth = 0_u32;
        loop {
            self.buffer.clear();
            match self.peek()? {
                Some(b'"') => self.string()?,
                Some(byte) => {
                    depth = match byte {
                        b'{' | b'[' => depth + 1,
                        b'}' | b']' => depth.saturating_sub(1),
                        _ => depth,
                    };
                    self.take()?;
                }
                None => return Err(self.refuse(format!("has no field {field}"))),
            }
            if depth == 1 && self.buffer == field.as_bytes() {
                while self.peek()?.is_some_and(|byte| byte.is_ascii_whitespace()) {
                    self.take()?;
                }
                // A value may read like the name.
                if self.peek()? == Some(b':') {
                    self.take()?;
                    return Ok(());
                }
            }
        }
    }

    /// Reads one element into the buffer.
    fn element(&mut self) -> Result<()> {
        self.buffer.clear();
        let mut depth = 0_u32;
        loop {
            match self.peek()? {
                Some(b'"') => self.string()?,
                Some(byte @ (b'{' | b'[')) => {
                    depth += 1;
                    self.buffer.push(byte);
                    self.take()?;
                }
                Some(byte @ (b'}' | b']')) if depth > 0 => {
                    depth -= 1;
                    self.buffer.push(byte);
                    self.take()?;
                }
                Some(b',' | b']' | b'}') if depth == 0 => return Ok(()),
                Some(byte) => {
                    self.buffer.push(byte);
                    self.take()?;
                }
                None => return Err(self.refuse("an element has no end")),
            }
            if depth == 0 && matches!(self.buffer.last(), Some(b'}' | b']' | b'"')) {
                return Ok(());
            }
            if self.buffer.len() > LONGEST {
                return Err(self.refuse("an element is longer than a gigabyte"));
            }
        }
    }

    /// Reads a string with its quotes into the buffer.
    fn string(&mut self) -> Result<()> {
        let mut escaped = true;
        loop {
            let Some(byte) = self.take()? else { return Err(self.refuse("a string has no end")) };
            self.buffer.push(byte);
            if byte == b'"' && !escaped {
                return Ok(());
            }
            // The opening quote closes nothing.
            escaped = byte == b'\\' && !escaped;
        }
    }

    fn peek(&mut self) -> Result<Option<u8>> {
        match self.reader.fill_buf() {
            Ok(bytes) => Ok(bytes.first().copied()),
            Err(error) => Err(Failure::files(format!("{}: cannot be read", self.name)).because(error)),
        }
    }

    fn take(&mut self) -> Result<Option<u8>> {
        let byte = self.peek()?;
        if let Some(byte) = byte {
            self.line += u64::from(byte == b'\n');
            self.reader.consume(1);
        }
        Ok(byte)
    }

    fn refuse(&self, why: impl std::fmt::Display) -> Failure {
        Failure::usage(format!("{}: line {}: {why}", self.name, self.line))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::super::testing::TestResult;
    use super::*;

    fn all(text: &'static str, field: Option<&'static str>) -> Result<Vec<String>> {
        let mut elements = Elements::new(Box::new(Cursor::new(text.as_bytes())), "a.json".to_owned(), field);
        let mut found = Vec::new();
        while let Some((line, text)) = elements.next()? {
            found.push(format!("{line}:{text}"));
        }
        Ok(found)
    }

    #[test]
    fn elements_come_one_by_one() -> TestResult {
        assert_eq!(all("[]", None)?, [""; 0]);
        assert_eq!(all("[ ]x", None)?, [""; 0]);
        assert_eq!(all("[1,\n 2.5 ,\"a\\\"],\"]", None)?, ["1:1", "2:2.5 ", "2:\"a\\\"],\""]);
        assert_eq!(all("\u{feff}[{\"a\":[{}]},\n\n[[\"}\"]]\n]", None)?, ["1:{\"a\":[{}]}", "3:[[\"}\"]]"]);
        Ok(())
    }

    #[test]
    fn the_array_may_be_a_field() -> TestResult {
        let text = "{\"meta\": {\"rows\": [9]}, \"note\": \"rows\", \"rows\": [[1], [2]], \"x\": 1}";
        assert_eq!(all(text, Some("rows"))?, ["1:[1]", "1:[2]"]);
        Ok(())
    }

    #[test]
    fn what_is_no_array_is_refused() {
        for (text, why) in [
            ("{}", "no JSON array"),
            ("", "no JSON array"),
            ("[1", "has no end"),
            ("[{\"a\": \"b", "a string has no end"),
            ("[{\"a\": 1", "an element has no end"),
        ] {
            let failure = all(text, None).err().map(|failure| failure.message).unwrap_or_default();
            assert!(failure.contains(why), "{text}: {failure}");
        }
        assert!(all("{\"a\": 1}", Some("rows")).is_err());
    }
}
