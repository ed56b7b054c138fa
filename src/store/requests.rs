//! `requests.parquet`: one row a request.

use std::path::Path;

use polars::prelude::{Column, DataFrame, IntoColumn, NamedFrom, PolarsResult, Series};

use super::parquet::Table;
use crate::error::Result;
use crate::record::Record;

/// Version of the Parquet file, saved in its metadata.
const FORMAT_VERSION: u32 = 1;
/// Rows held at a time, so that memory stays flat whatever the number of requests.
const BATCH: usize = 1 << 13;

/// `requests.parquet` being written. Stamps are nanoseconds since the epoch in the file's metadata; what was not
/// measured is null. Warm-up requests are left out.
pub struct Requests {
    table: Table,
    batch: Vec<Record>,
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
    pub fn push(&mut self, mut record: Record) -> Result<()> {
        if record.warmup {
            return Ok(());
        }
        record.gaps_ns = Vec::new();
        record.marks = Vec::new();
        record.text = None;
        self.batch.push(record);
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

fn frame(records: &[Record]) -> PolarsResult<DataFrame> {
    let integers = |name: &str, of: fn(&Record) -> Option<u64>| -> Column {
        let values: Vec<Option<i64>> = records.iter().map(|r| of(r).map(|value| value as i64)).collect();
        Series::new(name.into(), values).into_column()
    };
    fn texts<'a>(records: &'a [Record], name: &str, of: impl Fn(&'a Record) -> Option<&'a str>) -> Column {
        let values: Vec<Option<&str>> = records.iter().map(of).collect();
        Series::new(name.into(), values).into_column()
    }
    let reused: Vec<bool> = records.iter().map(|record| record.connection_reused).collect();
    let streams: Vec<bool> = records.iter().map(|record| record.stream).collect();
    let columns = vec![
        texts(records, "request_id", |r| Some(&r.request_id)),
        integers("conversation", |r| Some(r.conversation)),
        integers("turn", |r| Some(u64::from(r.turn))),
        integers("intended_ns", |r| Some(r.intended_ns)),
        integers("started_ns", |r| r.started_ns),
        integers("sent_ns", |r| r.sent_ns),
        integers("head_ns", |r| r.head_ns),
        integers("first_event_ns", |r| r.first_event_ns),
        integers("first_token_ns", |r| r.first_token_ns),
        integers("first_text_ns", |r| r.first_text_ns),
        integers("last_token_ns", |r| r.last_token_ns),
        integers("last_event_ns", |r| r.last_event_ns),
        integers("end_ns", |r| Some(r.end_ns)),
        texts(records, "outcome", |r| Some(r.outcome.name())),
        integers("status", |r| r.status.map(u64::from)),
        texts(records, "error", |r| r.error.as_deref()),
        integers("prompt_tokens", |r| r.prompt_tokens),
        integers("completion_tokens", |r| r.completion_tokens),
        integers("cached_tokens", |r| r.cached_tokens),
        integers("reasoning_tokens", |r| r.reasoning_tokens),
        texts(records, "tokens_from", |r| r.tokens_from.map(|from| from.name())),
        integers("chunks", |r| Some(u64::from(r.chunks))),
        Series::new("connection_reused".into(), reused).into_column(),
        integers("connect_ns", |r| r.connect_ns),
        Series::new("stream".into(), streams).into_column(),
    ];
    DataFrame::new(records.len(), columns)
}
