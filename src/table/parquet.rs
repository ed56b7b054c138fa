//! Parquet, a group of rows at a time: the smallest part that the format lets one read.

use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};

use polars_arrow::datatypes::ArrowSchema;
use polars_parquet::read::{
    BasicDecompressor, ColumnChunkMetadata, FileMetadata, PageReader, column_iter_to_arrays, infer_schema,
    read_metadata,
};

use super::rows::Column;

/// A Parquet file that is read group by group.
pub(super) struct Parquet {
    file: File,
    metadata: FileMetadata,
    schema: ArrowSchema,
    group: usize,
}

impl Parquet {
    pub(super) fn open(mut file: File) -> Result<Self, String> {
        let metadata = read_metadata(&mut file).map_err(|error| error.to_string())?;
        let schema = infer_schema(&metadata).map_err(|error| error.to_string())?;
        Ok(Parquet { file, metadata, schema, group: 0 })
    }

    /// Names of the columns.
    pub(super) fn names(&self) -> Vec<String> {
        self.schema.iter_names().map(ToString::to_string).collect()
    }

    /// The columns of the next group of rows, each in one or more pieces.
    pub(super) fn next(&mut self) -> Result<Option<Vec<Column>>, String> {
        let Some(group) = self.metadata.row_groups.get(self.group) else { return Ok(None) };
        self.group += 1;
        let mut columns = Vec::new();
        for (name, field) in self.schema.iter() {
            let parts: Vec<&ColumnChunkMetadata> =
                group.columns_under_root_iter(name).ok_or_else(|| format!("column {name:?} is missing"))?.collect();
            let mut pages = Vec::new();
            let mut types = Vec::new();
            for part in parts {
                let bytes = bytes(&mut self.file, part).map_err(|error| format!("column {name:?}: {error}"))?;
                let reader = PageReader::new(Cursor::new(bytes.into()), part, Vec::new(), usize::MAX);
                pages.push(BasicDecompressor::new(reader, Vec::new()));
                types.push(&part.descriptor().descriptor.primitive_type);
            }
            let (arrays, _) = column_iter_to_arrays(pages, types, field.clone(), None)
                .map_err(|error| format!("column {name:?}: {error}"))?;
            columns.push(arrays);
        }
        Ok(Some(columns))
    }
}

/// The bytes of a column in a group of rows.
fn bytes(file: &mut File, column: &ColumnChunkMetadata) -> std::io::Result<Vec<u8>> {
    let range = column.byte_range();
    let length = range.end.saturating_sub(range.start);
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(range.start))?;
    let read = file.take(length).read_to_end(&mut bytes)?;
    if read as u64 == length { Ok(bytes) } else { Err(std::io::ErrorKind::UnexpectedEof.into()) }
}
