//! A Parquet file being written in batches, so that memory stays flat whatever the number of rows.

use std::fs::File;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use polars::io::parquet::write::{BatchedWriter, StatisticsOptions};
use polars::prelude::{CompatLevel, DataFrame, KeyValueMetadata, ParquetWriter, PolarsResult, SchemaExt};
use polars_arrow::io::ipc::write::{default_ipc_fields, schema_to_bytes};

use crate::error::{Failure, Result};

/// A file of which every batch has the columns of the first one. It gets its name when it is finished.
pub(super) struct Table {
    writer: BatchedWriter<File>,
    path: PathBuf,
}

impl Table {
    /// Begins a file with the columns of an empty batch, and keys that explain it.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(super) fn create(path: PathBuf, empty: PolarsResult<DataFrame>, keys: &[(&str, String)]) -> Result<Self> {
        let file = File::create(part(&path)).map_err(|error| failed(&path, "made").because(error))?;
        let empty = empty.map_err(|error| failed(&path, "laid out").because(error))?;
        // Least and greatest values of each batch would be held until the end, and nobody asks for a part of these files.
        let writer = ParquetWriter::new(file)
            .with_statistics(StatisticsOptions::empty())
            .with_key_value_metadata(Some(metadata(&empty, keys)))
            .batched(empty.schema())
            .map_err(|error| failed(&path, "begun").because(error))?;
        Ok(Table { writer, path })
    }

    /// Appends a batch.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write(&mut self, batch: PolarsResult<DataFrame>) -> Result<()> {
        let batch = batch.map_err(|error| failed(&self.path, "filled").because(error))?;
        self.writer.write_batch(&batch).map_err(|error| failed(&self.path, "written").because(error))
    }

    /// Ends the file and gives it its name.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn finish(self) -> Result<()> {
        self.writer.finish().map_err(|error| failed(&self.path, "finished").because(error))?;
        std::fs::rename(part(&self.path), &self.path)
            .map_err(|error| failed(&self.path, "put in its place").because(error))
    }
}

/// The file's own keys, and the same keys inside the Arrow schema: readers that find an Arrow schema, such as pyarrow,
/// look nowhere else.
fn metadata(frame: &DataFrame, keys: &[(&str, String)]) -> KeyValueMetadata {
    let tool = ("tool", concat!("evalscope ", env!("CARGO_PKG_VERSION")).to_owned());
    let pairs: Vec<&(&str, String)> = keys.iter().chain([&tool]).collect();
    let schema = frame.schema().to_arrow(CompatLevel::newest());
    let custom = pairs.iter().map(|(key, value)| ((*key).into(), value.as_str().into())).collect();
    let message = schema_to_bytes(&schema, &default_ipc_fields(schema.iter_values()), Some(&custom));
    // The framing of an IPC message: a continuation mark and the length.
    let framed = [&u32::MAX.to_le_bytes(), &(message.len() as u32).to_le_bytes(), &message[..]].concat();
    let mut keys: Vec<(String, String)> =
        pairs.into_iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    keys.push(("ARROW:schema".to_owned(), STANDARD.encode(framed)));
    KeyValueMetadata::from_static(keys)
}

fn part(path: &Path) -> PathBuf {
    path.with_extension("parquet.part")
}

fn failed(path: &Path, what: &str) -> Failure {
    Failure::files(format!("{} cannot be {what}", path.display()))
}
