//! Cells with a separator, under a line of names. Every cell is text, as it stands.

use std::io::Read;

use csv::{Reader, ReaderBuilder, StringRecord};
use serde_json::Value;

use super::rows::Step;

/// A CSV or TSV file that is read row by row.
pub(super) struct Separated {
    reader: Reader<Box<dyn Read + Send>>,
    names: Option<Vec<String>>,
    /// Names that the columns have where the file has no line of them.
    otherwise: Vec<String>,
    /// Whether the file has none.
    pub(super) headless: bool,
    record: StringRecord,
}

impl Separated {
    /// Tabs go without quotes: a quote mark is a character like any other there. A file whose first line does not
    /// hold the first name of `otherwise`, whatever its case, has no line of names, and these are the names of its columns. The
    /// other names tell nothing: the letter of an answer may be that of a column.
    pub(super) fn new(reader: Box<dyn Read + Send>, tabs: bool, otherwise: &[String]) -> Self {
        let mut builder = ReaderBuilder::new();
        builder.flexible(true).has_headers(false);
        if tabs {
            builder.delimiter(b'\t').quoting(false);
        }
        Separated {
            reader: builder.from_reader(reader),
            names: None,
            otherwise: otherwise.to_vec(),
            headless: false,
            record: StringRecord::new(),
        }
    }

    /// A short row lacks its last cells, which are null; a long one is refused.
    pub(super) fn next(&mut self) -> Step {
        let mut first = false;
        let names = match &self.names {
            Some(names) => names,
            None => {
                if !self.read()? {
                    return Ok(None);
                }
                let known =
                    |cell: &str| self.otherwise.first().is_some_and(|name| name.eq_ignore_ascii_case(cell.trim()));
                self.headless = !self.otherwise.is_empty() && !self.record.iter().any(known);
                first = self.headless;
                // A column without a name is called by its number, as an index column of another tool often is.
                let name = |(index, name): (usize, &str)| {
                    if name.is_empty() { format!("column_{}", index + 1) } else { name.to_owned() }
                };
                let names: Vec<String> = match self.headless {
                    true => self.otherwise.clone(),
                    false => self.record.iter().enumerate().map(name).collect(),
                };
                if let Some(twice) = names.iter().enumerate().find(|(index, name)| names[..*index].contains(name)) {
                    return Err(format!("line 1: the column {:?} is there twice", twice.1));
                }
                self.names.insert(names)
            }
        }
        .len();
        // What would be the line of names is the first row there.
        if !first && !self.read()? {
            return Ok(None);
        }
        let line = self.record.position().map_or(0, csv::Position::line);
        if self.record.len() > names {
            return Err(format!("line {line}: {} cells under {names} names", self.record.len()));
        }
        let cells = self.record.iter().map(|cell| Value::String(cell.to_owned()));
        let cells = cells.chain(std::iter::repeat(Value::Null));
        Ok(self.names.as_ref().map(|names| names.iter().cloned().zip(cells).collect()))
    }

    fn read(&mut self) -> Result<bool, String> {
        self.reader.read_record(&mut self.record).map_err(|error| match error.position() {
            Some(position) => format!("line {}: {error}", position.line()),
            None => error.to_string(),
        })
    }
}
