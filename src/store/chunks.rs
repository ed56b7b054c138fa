//! `chunks.parquet`: one row an event of a streamed reply, where the chunk log is on.

use std::path::{Path, PathBuf};

use polars::prelude::{Column, DataFrame, IntoColumn, NamedFrom, PolarsResult, Series};

use super::parquet::Table;
use crate::error::Result;
use crate::mark::Mark;
use crate::record::Record;

/// Version of the Parquet file, saved in its metadata.
const FORMAT_VERSION: u32 = 1;
/// Rows held at a time.
const BATCH: usize = 1 << 17;

/// `chunks.parquet` being written. Its column `request` is the number, from 0, of the request's row in
/// `requests.parquet`; rows of one request stand together and in order. Without any event there is no file.
pub struct Chunks {
    path: PathBuf,
    epoch_unix_ns: u64,
    table: Option<Table>,
    request: u32,
    batch: Vec<(u32, Mark)>,
}

impl Chunks {
    /// For the folder of a load point. The file is begun with the first event.
    pub fn new(folder: &Path, epoch_unix_ns: u64) -> Self {
        Chunks { path: folder.join("chunks.parquet"), epoch_unix_ns, table: None, request: 0, batch: Vec::new() }
    }

    /// Adds the events of a request; to be called for the same records in the same order as
    /// [`Requests::push`](super::Requests::push).
    ///
    /// # Errors
    /// When rows cannot be written.
    pub fn push(&mut self, record: &Record) -> Result<()> {
        if record.warmup {
            return Ok(());
        }
        self.batch.extend(record.marks.iter().map(|mark| (self.request, *mark)));
        self.request += 1;
        if self.batch.len() >= BATCH { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> Result<()> {
        let table = match &mut self.table {
            Some(table) => table,
            none => {
                let keys = [
                    ("epoch_unix_ns", self.epoch_unix_ns.to_string()),
                    ("format_version", FORMAT_VERSION.to_string()),
                    ("request", "number of the row in requests.parquet, from 0".to_owned()),
                ];
                none.insert(Table::create(self.path.clone(), frame(&[]), &keys)?)
            }
        };
        table.write(frame(&self.batch))?;
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
        self.table.map_or(Ok(()), Table::finish)
    }
}

fn frame(rows: &[(u32, Mark)]) -> PolarsResult<DataFrame> {
    let numbers = |name: &str, of: fn(&Mark) -> u32| -> Column {
        Series::new(name.into(), rows.iter().map(|(_, mark)| of(mark)).collect::<Vec<u32>>()).into_column()
    };
    let flags = |name: &str, flag: u16| -> Column {
        Series::new(name.into(), rows.iter().map(|(_, mark)| mark.has(flag)).collect::<Vec<bool>>()).into_column()
    };
    let requests: Vec<u32> = rows.iter().map(|(request, _)| *request).collect();
    let arrivals: Vec<i64> = rows.iter().map(|(_, mark)| mark.at_ns as i64).collect();
    let tokens: Vec<Option<u32>> = rows.iter().map(|(_, mark)| mark.tokens).collect();
    let columns = vec![
        Series::new("request".into(), requests).into_column(),
        Series::new("arrival_ns".into(), arrivals).into_column(),
        numbers("lag_ns", |mark| mark.lag_ns),
        numbers("bytes", |mark| mark.bytes),
        numbers("text_bytes", |mark| mark.text),
        flags("choices", Mark::CHOICES),
        flags("role", Mark::ROLE),
        flags("reasoning", Mark::REASONING),
        flags("content", Mark::CONTENT),
        flags("tool", Mark::TOOL),
        flags("finish", Mark::FINISH),
        flags("usage", Mark::USAGE),
        flags("done", Mark::DONE),
        Series::new("tokens".into(), tokens).into_column(),
    ];
    DataFrame::new(rows.len(), columns)
}

#[cfg(test)]
mod tests {
    use polars::prelude::{ParquetReader, SerReader};

    use super::*;

    #[test]
    fn rows_name_their_request_and_stay_small() -> std::result::Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let mut chunks = Chunks::new(folder.path(), 42);
        let (replies, events) = (1000u64, 200u64);
        // Stamps as a run has them: gaps and lags that look random to a compressor.
        let mut noise: u64 = 7;
        let mut draw = |below: u64| {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (noise >> 33) % below
        };
        for reply in 0..=replies {
            let mut at_ns = reply * 25_000_000;
            let marks = (0..events).map(|_| {
                at_ns += 8_000_000 + draw(4_000_000);
                let (text, flags) = (1 + draw(8) as u32, Mark::CHOICES | Mark::CONTENT);
                Mark { at_ns, lag_ns: 20_000 + draw(60_000) as u32, bytes: 190 + text, text, flags, tokens: None }
            });
            let warmup = reply == 0;
            chunks.push(&Record { marks: marks.collect(), warmup, ..Record::due(String::new(), reply, 0, 0) })?;
        }
        chunks.finish()?;
        let path = folder.path().join("chunks.parquet");
        let rows = replies * events;
        let size = std::fs::metadata(&path)?.len();
        assert!(size < 16 * rows, "{} bytes a row", size as f64 / rows as f64);
        let frame = ParquetReader::new(std::fs::File::open(&path)?).finish()?;
        assert_eq!(frame.height() as u64, rows);
        let requests = frame.column("request")?.u32()?;
        assert_eq!((requests.get(0), requests.get(rows as usize - 1)), (Some(0), Some(replies as u32 - 1)));
        assert_eq!(frame.column("content")?.bool()?.sum(), Some(rows as u32));

        let none = Chunks::new(folder.path(), 42);
        std::fs::remove_file(&path)?;
        none.finish()?;
        assert!(!path.exists());
        Ok(())
    }
}
