//! Editions of data: the shapes in which people hold it beside that of the hub, such as the files of its authors, and how
//! their records become those that the card speaks of.

use std::path::Path;

use super::benchmark::Benchmark;
use super::readers;
use crate::error::{Failure, Result};
use crate::table::{Row, Rows};

/// The key under which a record has the line of the file beside its table.
const LABEL: &str = "label";

/// What is known of a record beside its columns.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The name of its file, without the ending.
    pub file: &'a str,
    /// Its file has no line of names.
    pub headless: bool,
}

/// Records of a file or of the files of a folder, and what a reader of the results should know.
///
/// # Errors
/// When a file cannot be read, or its records cannot be made into those of the card; the message names the file and the row.
pub fn records(benchmark: &Benchmark, path: &Path, config: &str) -> Result<(Vec<Row>, Option<String>)> {
    let source = &benchmark.card().source;
    if let Some(reader) = &source.reader {
        let read = readers::read(reader, path, config, &benchmark.params)?;
        return Ok((read.rows, read.notice));
    }
    if source.editions.is_empty() {
        return Ok((Rows::open(path)?.collect::<Result<_>>()?, None));
    }
    let columns = source.editions.iter().find(|edition| !edition.columns.is_empty());
    let columns = columns.map_or(&[][..], |edition| &edition.columns);
    let mut read = Rows::open_as(path, columns)?;
    let mut rows: Vec<Row> = Vec::new();
    let mut labels = Labels::default();
    while let Some(row) = read.next().transpose()? {
        let file = read.file().unwrap_or(path);
        let row = match source.editions.iter().find_map(|edition| edition.labels.as_deref()) {
            Some(name) => labels.joined(row, file, name)?,
            None => row,
        };
        let file = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let origin = Origin { file: file.split('.').next().unwrap_or(file), headless: read.is_headless() };
        let made = benchmark.recast(row, origin);
        rows.push(made.map_err(|why| Failure::usage(format!("{}: {}: {why}", benchmark.card().name, read.place())))?);
    }
    labels.close()?;
    Ok((rows, None))
}

/// Lines of a file beside a table, one for each of its records.
#[derive(Default)]
struct Labels {
    /// Where they are, where there are any.
    path: std::path::PathBuf,
    of: std::path::PathBuf,
    lines: Vec<String>,
    taken: usize,
}

impl Labels {
    /// A record with its line; one that has a label of its own stays as it is.
    fn joined(&mut self, mut row: Row, file: &Path, name: &str) -> Result<Row> {
        if row.contains_key(LABEL) {
            return Ok(row);
        }
        if self.of != file {
            self.close()?;
            let stem = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let stem = stem.split('.').next().unwrap_or(stem);
            let path = file.with_file_name(name.replace("{file}", stem));
            let Ok(text) = std::fs::read_to_string(&path) else { return Ok(row) };
            let lines = text.lines().map(str::to_owned).collect();
            *self = Labels { path, of: file.to_owned(), lines, taken: 0 };
        }
        let Some(line) = self.lines.get(self.taken) else {
            return Err(Failure::usage(format!(
                "{}: {} lines, fewer than the records of {}",
                self.path.display(),
                self.lines.len(),
                self.of.display()
            )));
        };
        row.insert(LABEL.to_owned(), line.trim().into());
        self.taken += 1;
        Ok(row)
    }

    /// At the end of a table every line was needed.
    fn close(&self) -> Result<()> {
        if self.taken == self.lines.len() {
            return Ok(());
        }
        Err(Failure::usage(format!(
            "{}: {} lines for {} records of {}",
            self.path.display(),
            self.lines.len(),
            self.taken,
            self.of.display()
        )))
    }
}
