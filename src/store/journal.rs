//! Rows of a load point, appended as requests end: one JSON object a line, after a header line.
//!
//! A line is handed to the operating system before the next is counted, so a program that is killed loses nothing but
//! what was in flight. A last line that was cut short is passed over and counted.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::hlog::cannot;
use crate::error::{Failure, Result};
use crate::plan::Point;
use crate::record::Record;

/// Version of the row file.
const FORMAT_VERSION: u32 = 1;
/// Name of the row file in the folder of a load point.
const NAME: &str = "requests.jsonl";

/// The first line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    format_version: u32,
    /// The epoch of all stamps, ns of the wall clock since 1970.
    pub epoch_unix_ns: u64,
    /// What was asked.
    pub point: Point,
}

/// The row file being written.
pub struct Journal {
    file: BufWriter<File>,
    path: PathBuf,
}

impl Journal {
    /// Makes the row file of a load point.
    ///
    /// # Errors
    /// When the file exists or cannot be made.
    pub fn create(folder: &Path, epoch_unix_ns: u64, point: Point) -> Result<Self> {
        let path = folder.join(NAME);
        let file = File::create_new(&path).map_err(|error| cannot("made", &path).because(error))?;
        let mut journal = Journal { file: BufWriter::with_capacity(1 << 16, file), path };
        journal.line(&Header { format_version: FORMAT_VERSION, epoch_unix_ns, point })?;
        journal.flush()?;
        Ok(journal)
    }

    /// Appends a row.
    ///
    /// # Errors
    /// When it cannot be written, for instance because the disk is full.
    pub fn append(&mut self, record: &Record) -> Result<()> {
        self.line(record)
    }

    /// Hands everything appended to the operating system.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn flush(&mut self) -> Result<()> {
        self.file.flush().map_err(|error| Failure::unwritten(self.path.display(), error))
    }

    fn line(&mut self, value: &impl Serialize) -> Result<()> {
        serde_json::to_writer(&mut self.file, value)
            .map_err(std::io::Error::from)
            .and_then(|()| self.file.write_all(b"\n"))
            .map_err(|error| Failure::unwritten(self.path.display(), error))
    }
}

/// The rows of a load point, read one by one.
pub struct Rows {
    lines: BufReader<File>,
    path: PathBuf,
    number: u64,
    line: Vec<u8>,
    /// What the file says of itself.
    pub header: Header,
    /// Rows at the end that were cut short.
    pub torn: u64,
}

impl Rows {
    /// Opens the row file of a load point.
    ///
    /// # Errors
    /// When there is none, it cannot be read, or it is of another version.
    pub fn open(folder: &Path) -> Result<Self> {
        let path = folder.join(NAME);
        let file = File::open(&path).map_err(|error| cannot("read", &path).because(error))?;
        let mut lines = BufReader::with_capacity(1 << 16, file);
        let mut line = Vec::new();
        lines.read_until(b'\n', &mut line).map_err(|error| cannot("read", &path).because(error))?;
        let header: Header = serde_json::from_slice(&line)
            .map_err(|error| Failure::files(format!("{}: line 1: not a header", path.display())).because(error))?;
        if header.format_version != FORMAT_VERSION {
            return Err(Failure::files(format!(
                "{}: format version {}, this program reads {FORMAT_VERSION}",
                path.display(),
                header.format_version
            )));
        }
        Ok(Rows { lines, path, number: 1, line, header, torn: 0 })
    }

    /// Whether a folder holds a row file.
    pub fn exist(folder: &Path) -> bool {
        folder.join(NAME).is_file()
    }

    /// The next row, or `None` at the end.
    ///
    /// # Errors
    /// When the file cannot be read, or a row that is not the last is damaged.
    pub fn next_row(&mut self) -> Result<Option<Record>> {
        self.line.clear();
        self.number += 1;
        let read =
            self.lines.read_until(b'\n', &mut self.line).map_err(|error| cannot("read", &self.path).because(error))?;
        if read == 0 {
            return Ok(None);
        }
        if self.line.last() != Some(&b'\n') {
            self.torn += 1;
            return Ok(None);
        }
        serde_json::from_slice(&self.line).map(Some).map_err(|error| {
            Failure::files(format!("{}: line {}: damaged row", self.path.display(), self.number)).because(error)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_and_a_torn_one_is_counted() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let point = Point::closed(2, 3, 0);
        let mut journal = Journal::create(folder.path(), 42, point)?;
        let mut record = Record::due("a-0".to_owned(), 0, 0, 5);
        record.gaps_ns = vec![1, 2, 3];
        journal.append(&record)?;
        journal.flush()?;
        drop(journal);
        let mut file = File::options().append(true).open(folder.path().join(NAME))?;
        file.write_all(b"{\"request_id\":\"a-1\",\"conv")?;
        let mut rows = Rows::open(folder.path())?;
        assert_eq!((rows.header.epoch_unix_ns, rows.header.point), (42, point));
        assert_eq!(rows.next_row()?, Some(record));
        assert_eq!((rows.next_row()?, rows.torn), (None, 1));
        assert!(Journal::create(folder.path(), 42, point).is_err());
        Ok(())
    }
}
