//! `requests.parquet`: one row a request.

use std::path::Path;

use polars::prelude::{Column, DataFrame, IntoColumn, NamedFrom, PolarsResult, Series};

use super::parquet::Table;
use crate::error::Result;
use crate::record::{Outcome, Record, TokensFrom};

/// Version of the Parquet file, saved in its metadata.
const FORMAT_VERSION: u32 = 1;
/// Rows held at a time, so that memory stays flat whatever the number of requests; what the writer keeps of each batch
/// until the end is some 60 KiB.
const BATCH: usize = 1 << 14;

/// `requests.parquet` being written. Stamps are nanoseconds since the epoch in the file's metadata; what was not
/// measured is null. Warm-up requests are left out.
pub struct Requests {
    table: Table,
    batch: Vec<Row>,
}

/// The numbers of a row: name of the column and value in a record, in order of the columns.
type Number = (&'static str, fn(&Record) -> Option<u64>);

const NUMBERS: [Number; 19] = [
    ("conversation", |r| Some(r.conversation)),
    ("turn", |r| Some(u64::from(r.turn))),
    ("intended_ns", |r| Some(r.intended_ns)),
    ("started_ns", |r| r.started_ns),
    ("sent_ns", |r| r.sent_ns),
    ("head_ns", |r| r.head_ns),
    ("first_event_ns", |r| r.first_event_ns),
    ("first_token_ns", |r| r.first_token_ns),
    ("first_text_ns", |r| r.first_text_ns),
    ("last_token_ns", |r| r.last_token_ns),
    ("last_event_ns", |r| r.last_event_ns),
    ("end_ns", |r| Some(r.end_ns)),
    ("status", |r| r.status.map(u64::from)),
    ("prompt_tokens", |r| r.prompt_tokens),
    ("completion_tokens", |r| r.completion_tokens),
    ("cached_tokens", |r| r.cached_tokens),
    ("reasoning_tokens", |r| r.reasoning_tokens),
    ("chunks", |r| Some(u64::from(r.chunks))),
    ("connect_ns", |r| r.connect_ns),
];
/// Stands for a number that is missing; no stamp or count is negative.
const MISSING: i64 = -1;

/// What the table takes of a record: less than half of it, for many are held at a time.
struct Row {
    request_id: Box<str>,
    numbers: [i64; NUMBERS.len()],
    outcome: Outcome,
    error: Option<Box<str>>,
    tokens_from: Option<TokensFrom>,
    connection_reused: bool,
    stream: bool,
}

impl Row {
    fn of(record: &Record) -> Self {
        Row {
            request_id: record.request_id.as_str().into(),
            numbers: NUMBERS.map(|(_, of)| of(record).map_or(MISSING, |value| value as i64)),
            outcome: record.outcome,
            error: record.error.as_deref().map(Into::into),
            tokens_from: record.tokens_from,
            connection_reused: record.connection_reused,
            stream: record.stream,
        }
    }
}

impl Requests {
    /// Begins the file in the folder of a load point; it gets its name when it is finished.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(folder: &Path, epoch_unix_ns: u64) -> Result<Self> {
        let keys = [("epoch_unix_ns", epoch_unix_ns.to_string()), ("format_version", FORMAT_VERSION.to_string())];
        let table = Table::create(folder.join("requests.parquet"), frame(&[]), &keys)?;
        Ok(Requests { table, batch: Vec::new() })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// When rows cannot be written.
    pub fn push(&mut self, record: &Record) -> Result<()> {
        if record.warmup {
            return Ok(());
        }
        self.batch.push(Row::of(record));
        if self.batch.len() >= BATCH { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> Result<()> {
        self.table.write(frame(&self.batch))?;
        self.batch.clear();
        Ok(())
    }

    /// Writes what is left and gives the file its name.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> Result<()> {
        if !self.batch.is_empty() {
            self.write()?;
        }
        self.table.finish()
    }
}

fn frame(rows: &[Row]) -> PolarsResult<DataFrame> {
    let mut numbers = NUMBERS.iter().enumerate().map(|(at, (name, _))| {
        let values = rows.iter().map(|row| Some(row.numbers[at]).filter(|value| *value != MISSING));
        Series::new((*name).into(), values.collect::<Vec<Option<i64>>>()).into_column()
    });
    fn texts<'a>(rows: &'a [Row], name: &str, of: impl Fn(&'a Row) -> Option<&'a str>) -> Column {
        let values: Vec<Option<&str>> = rows.iter().map(of).collect();
        Series::new(name.into(), values).into_column()
    }
    let flags = |name: &str, of: fn(&Row) -> bool| -> Column {
        Series::new(name.into(), rows.iter().map(of).collect::<Vec<bool>>()).into_column()
    };
    let mut columns = vec![texts(rows, "request_id", |row| Some(&row.request_id))];
    columns.extend(numbers.by_ref().take(12));
    columns.push(texts(rows, "outcome", |row| Some(row.outcome.name())));
    columns.extend(numbers.by_ref().take(1));
    columns.push(texts(rows, "error", |row| row.error.as_deref()));
    columns.extend(numbers.by_ref().take(4));
    columns.push(texts(rows, "tokens_from", |row| row.tokens_from.map(TokensFrom::name)));
    columns.extend(numbers.by_ref().take(1));
    columns.push(flags("connection_reused", |row| row.connection_reused));
    columns.extend(numbers);
    columns.push(flags("stream", |row| row.stream));
    DataFrame::new(rows.len(), columns)
}
