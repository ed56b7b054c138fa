//! `requests.parquet`: one row a request.

use std::fs::File;
use std::path::{Path, PathBuf};

use polars::io::parquet::write::BatchedWriter;
use polars::prelude::{
    Column, DataFrame, IntoColumn, KeyValueMetadata, NamedFrom, ParquetWriter, PolarsResult, Series,
};

use crate::error::{Failure, Result};
use crate::record::Record;

/// Version of the Parquet file, saved in its metadata.
const FORMAT_VERSION: u32 = 1;
/// Rows held at a time, so that memory stays flat whatever the number of requests.
const BATCH: usize = 1 << 16;

/// `requests.parquet` being written. Stamps are nanoseconds since the epoch in the file's metadata; what was not
/// measured is null. Warm-up requests are left out.
pub struct Requests {
    writer: BatchedWriter<File>,
    batch: Vec<Record>,
    path: PathBuf,
}

impl Requests {
    /// Begins the file in the folder of a load point; it gets its name when it is finished.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(folder: &Path, epoch_unix_ns: u64) -> Result<Self> {
        let path = folder.join("requests.parquet");
        let file = File::create(part(&path)).map_err(|error| failed(&path, "made").because(error))?;
        let metadata = KeyValueMetadata::from_static(vec![
            ("epoch_unix_ns".to_owned(), epoch_unix_ns.to_string()),
            ("format_version".to_owned(), FORMAT_VERSION.to_string()),
            ("tool".to_owned(), concat!("evalscope ", env!("CARGO_PKG_VERSION")).to_owned()),
        ]);
        let writer = frame(&[])
            .and_then(|empty| ParquetWriter::new(file).with_key_value_metadata(Some(metadata)).batched(empty.schema()))
            .map_err(|error| failed(&path, "begun").because(error))?;
        Ok(Requests { writer, batch: Vec::new(), path })
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
        record.text = None;
        self.batch.push(record);
        if self.batch.len() >= BATCH { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> Result<()> {
        let frame = frame(&self.batch).map_err(|error| failed(&self.path, "filled").because(error))?;
        self.batch.clear();
        self.writer.write_batch(&frame).map_err(|error| failed(&self.path, "written").because(error))
    }

    /// Writes what is left and gives the file its name.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> Result<()> {
        if !self.batch.is_empty() {
            self.write()?;
        }
        self.writer.finish().map_err(|error| failed(&self.path, "finished").because(error))?;
        std::fs::rename(part(&self.path), &self.path)
            .map_err(|error| failed(&self.path, "put in its place").because(error))
    }
}

fn part(path: &Path) -> PathBuf {
    path.with_extension("parquet.part")
}

fn failed(path: &Path, what: &str) -> Failure {
    Failure::files(format!("{} cannot be {what}", path.display()))
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
