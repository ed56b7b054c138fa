//! The rows of a file, or of the files of a folder one after another.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::vec::IntoIter;

use flate2::read::MultiGzDecoder;
use polars_arrow::array::Array;
use serde_json::{Map, Value};

use super::arrow::Arrow;
use super::cell::cell;
use super::format::{Format, GZIP};
use super::json::Json;
use super::lines::Lines;
use super::parquet::Parquet;
use super::separated::Separated;
use super::tar::Tar;
use crate::error::{Failure, Result};

/// A row: names and values, in the order of the file.
pub type Row = Map<String, Value>;

/// The next row of a file, or why there is none; the message names the place inside the file.
pub(super) type Step = std::result::Result<Option<Row>, String>;

/// A column of a batch, in one or more pieces.
pub(super) type Column = Vec<Box<dyn Array>>;

/// Enough of a file to tell its format.
const HEAD: usize = 1 << 10;
/// Bytes that are read at a time.
const BUFFER: usize = 1 << 16;
/// The byte order mark that some editors put first.
const MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

/// Rows of a file of data, in order. Of text one row is in memory at a time, of columnar formats one batch.
///
/// Formats: Parquet, Arrow (streams and files), JSON lines, JSON arrays, CSV, TSV, text and tar archives of
/// WebDataset; all but the columnar ones also compressed with gzip. See [`Format`] for how they are told apart, and the module for what a cell becomes.
pub struct Rows {
    files: IntoIter<PathBuf>,
    open: Option<Open>,
    /// Names of columns where a file has no line of them.
    columns: Vec<String>,
    /// Rows handed out so far.
    number: u64,
    blank: u64,
}

/// The file that is being read.
struct Open {
    path: PathBuf,
    source: Source,
}

enum Source {
    Lines(Lines),
    Json(Json),
    Separated(Separated),
    Tar(Tar),
    Columns(Columns),
}

/// Batches of columns, handed out row by row.
struct Columns {
    batches: Batches,
    names: Vec<String>,
    columns: Vec<Column>,
    row: usize,
    height: usize,
    /// Rows of the batches before.
    before: u64,
}

enum Batches {
    Parquet(Box<Parquet>),
    Arrow(Arrow),
}

impl Rows {
    /// Opens a file, or every file of data below a folder in the order of their names. A folder that Hugging Face's
    /// `save_to_disk` left is read by the list in its `state.json`.
    ///
    /// # Errors
    /// When a file cannot be read or is of no known format, or the folder holds no data.
    pub fn open(path: &Path) -> Result<Self> {
        Rows::open_as(path, &[])
    }

    /// The same with names for the columns of CSV and TSV files that have no line of names: those whose first line does not
    /// hold the first of these.
    ///
    /// # Errors
    /// As of [`Rows::open`].
    pub fn open_as(path: &Path, columns: &[String]) -> Result<Self> {
        let files = if path.is_dir() { files_of(path)? } else { vec![path.to_owned()] };
        let mut rows = Rows { files: files.into_iter(), open: None, columns: columns.to_vec(), number: 0, blank: 0 };
        // A file that is not there or is not data is told now, not when its first row is wanted.
        rows.advance()?;
        Ok(rows)
    }

    /// Where the row stands that was handed out last, for messages: its file, and its number among all rows.
    pub fn place(&self) -> String {
        let file = self.open.as_ref().map(|open| open.path.display().to_string()).unwrap_or_default();
        format!("{file}: row {}", self.number)
    }

    /// The file that the row stands in that was handed out last.
    pub fn file(&self) -> Option<&Path> {
        self.open.as_ref().map(|open| open.path.as_path())
    }

    /// Whether that file has no line of names, so that its columns have those that it was opened with.
    pub fn is_headless(&self) -> bool {
        matches!(&self.open, Some(Open { source: Source::Separated(cells), .. }) if cells.headless)
    }

    /// Lines with nothing but blanks that were passed over so far.
    pub fn blank_lines(&self) -> u64 {
        self.blank + self.open.as_ref().map_or(0, Open::blank)
    }

    fn advance(&mut self) -> Result<bool> {
        self.blank += self.open.take().map_or(0, |open| open.blank());
        let Some(path) = self.files.next() else { return Ok(false) };
        self.open = Some(Open::new(path, &self.columns)?);
        Ok(true)
    }

    fn step(&mut self) -> Result<Option<Row>> {
        while let Some(open) = &mut self.open {
            if let Some(row) = open.next()? {
                self.number += 1;
                return Ok(Some(row));
            }
            if !self.advance()? {
                break;
            }
        }
        Ok(None)
    }
}

impl Iterator for Rows {
    type Item = Result<Row>;

    /// The next row. Nothing comes after a failure.
    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step();
        if step.is_err() {
            self.open = None;
            self.files = Vec::new().into_iter();
        }
        step.transpose()
    }
}

impl Open {
    fn new(path: PathBuf, named: &[String]) -> Result<Self> {
        let unreadable = |error: std::io::Error| {
            Failure::files(format!("{}: cannot be read", path.display()))
                .because(error)
                .hint("check the path and the permission to read it")
        };
        let mut file = File::open(&path).map_err(unreadable)?;
        let mut head = Vec::new();
        Read::by_ref(&mut file).take(HEAD as u64).read_to_end(&mut head).map_err(unreadable)?;
        file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
        let zipped = head.starts_with(&GZIP);
        let mut reader: Box<dyn BufRead + Send> = if zipped {
            Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(file.try_clone().map_err(unreadable)?)))
        } else {
            Box::new(BufReader::with_capacity(BUFFER, file.try_clone().map_err(unreadable)?))
        };
        let first = reader.fill_buf().map_err(unreadable)?;
        let marked = first.starts_with(&MARK);
        let first = first.strip_prefix(&MARK).unwrap_or(first);
        let format = Format::tell(&path, &first[..first.len().min(HEAD)]).ok_or_else(|| {
            Failure::usage(format!("{}: no format of data that is known", path.display()))
                .hint(format!("the name must end in one of: {}; text may also be compressed as .gz", Format::endings()))
        })?;
        let footer = first.starts_with(b"ARROW1");
        if marked {
            reader.consume(MARK.len());
        }
        if zipped && matches!(format, Format::Parquet | Format::Arrow) {
            return Err(Failure::usage(format!("{}: columns cannot be read through gzip", path.display()))
                .hint("unpack the file first"));
        }
        let columns = |open: &mut dyn FnMut() -> std::result::Result<Batches, String>| -> Result<Source> {
            let batches = guarded(open).map_err(|why| Failure::usage(format!("{}: {why}", path.display())))?;
            Ok(Source::Columns(Columns::new(batches)))
        };
        let whole = || file.try_clone().map_err(|error| error.to_string());
        let source = match format {
            Format::Lines => Source::Lines(Lines::new(reader, true)),
            Format::Text => Source::Lines(Lines::new(reader, false)),
            Format::Json => Source::Json(Json::new(reader)),
            Format::Csv => Source::Separated(Separated::new(Box::new(reader), false, named)),
            Format::Tsv => Source::Separated(Separated::new(Box::new(reader), true, named)),
            Format::Tar => Source::Tar(Tar::new(reader)),
            Format::Parquet => columns(&mut || Ok(Batches::Parquet(Box::new(Parquet::open(whole()?)?))))?,
            Format::Arrow => columns(&mut || Ok(Batches::Arrow(Arrow::open(whole()?, footer)?)))?,
        };
        Ok(Open { path, source })
    }

    fn next(&mut self) -> Result<Option<Row>> {
        let step = match &mut self.source {
            Source::Lines(lines) => lines.next(),
            Source::Json(json) => json.next(),
            Source::Separated(cells) => cells.next(),
            Source::Tar(tar) => tar.next(),
            Source::Columns(columns) => guarded(|| columns.next()),
        };
        step.map_err(|why| Failure::usage(format!("{}: {why}", self.path.display())))
    }

    fn blank(&self) -> u64 {
        if let Source::Lines(lines) = &self.source { lines.blank } else { 0 }
    }
}

impl Columns {
    fn new(batches: Batches) -> Self {
        let names = match &batches {
            Batches::Parquet(file) => file.names(),
            Batches::Arrow(file) => file.names(),
        };
        Columns { batches, names, columns: Vec::new(), row: 0, height: 0, before: 0 }
    }

    fn next(&mut self) -> Step {
        while self.row == self.height {
            let batch = match &mut self.batches {
                Batches::Parquet(file) => file.next()?,
                Batches::Arrow(file) => file.next()?,
            };
            let Some(columns) = batch else { return Ok(None) };
            self.before += self.height as u64;
            let height = |pieces: &Column| pieces.iter().map(|piece| piece.len()).sum();
            self.height = columns.first().map_or(0, height);
            if columns.iter().any(|pieces| height(pieces) != self.height) {
                return Err(format!("the columns behind row {} differ in length", self.before));
            }
            self.columns = columns;
            self.row = 0;
        }
        let row = self.row;
        self.row += 1;
        let mut cells = Row::new();
        for (name, pieces) in self.names.iter().zip(&self.columns) {
            let at = |why: String| format!("row {}: column {name:?}: {why}", self.before + row as u64 + 1);
            cells.insert(name.clone(), piece(pieces, row).map_err(at)?);
        }
        Ok(Some(cells))
    }
}

/// Does what may meet a broken file: the library of columnar formats panics over some of them.
fn guarded<T>(read: impl FnOnce() -> std::result::Result<T, String>) -> std::result::Result<T, String> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err("the file is broken".to_owned()))
}

/// The cell in a row of a column that comes in pieces.
fn piece(pieces: &[Box<dyn Array>], mut row: usize) -> std::result::Result<Value, String> {
    for piece in pieces {
        if row < piece.len() {
            return cell(&**piece, row);
        }
        row -= piece.len();
    }
    Err("is too short".to_owned())
}

/// The files of data below a folder. What describes a dataset is no data.
fn files_of(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = match saved(folder)? {
        Some(files) => return Ok(files),
        None => Vec::new(),
    };
    collect(folder, &mut found)?;
    found.sort();
    if found.is_empty() {
        return Err(Failure::usage(format!("{}: the folder holds no file of data", folder.display()))
            .hint(format!("names end in one of: {}", Format::endings())));
    }
    let forms: Vec<Option<Format>> = found.iter().map(|path| Format::of_name(path)).collect();
    if let Some(other) = forms.iter().position(|form| *form != forms[0]) {
        return Err(Failure::usage(format!("{}: the folder holds data of several formats", folder.display()))
            .hint(format!("name one file, such as {} or {}", found[0].display(), found[other].display())));
    }
    Ok(found)
}

/// The list of files of a folder as `save_to_disk` leaves it.
fn saved(folder: &Path) -> Result<Option<Vec<PathBuf>>> {
    let path = folder.join("state.json");
    let Ok(bytes) = std::fs::read(&path) else { return Ok(None) };
    let Ok(state) = serde_json::from_slice::<Value>(&bytes) else { return Ok(None) };
    let Some(listed) = state["_data_files"].as_array() else { return Ok(None) };
    let names: Option<Vec<&str>> = listed.iter().map(|file| file["filename"].as_str()).collect();
    let plain = |name: &&str| Path::new(name).file_name().is_some_and(|file| file == *name);
    match names.filter(|names| !names.is_empty() && names.iter().all(plain)) {
        Some(names) => Ok(Some(names.into_iter().map(|name| folder.join(name)).collect())),
        None => Err(Failure::usage(format!("{}: `_data_files` lists no files of the folder", path.display()))),
    }
}

/// Names of files that describe a dataset and hold none of its rows.
const DESCRIPTIONS: [&str; 8] = [
    "dataset_info.json",
    "dataset_infos.json",
    "dataset_dict.json",
    "state.json",
    "config.json",
    "configuration.json",
    "license.txt",
    "requirements.txt",
];

/// Whether a file of this name may hold rows.
pub(crate) fn is_data(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_ascii_lowercase();
    Format::of_name(path).is_some() && !name.starts_with('.') && !DESCRIPTIONS.contains(&name.as_str())
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let entries = std::fs::read_dir(folder)
        .map_err(|error| Failure::files(format!("{}: cannot be read", folder.display())).because(error))?;
    for entry in entries.filter_map(std::result::Result::ok) {
        let path = entry.path();
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && !hidden => collect(&path, found)?,
            Ok(kind) if !kind.is_dir() && is_data(&path) => found.push(path),
            _ => {}
        }
    }
    Ok(())
}
