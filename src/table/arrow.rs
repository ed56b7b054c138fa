//! Arrow IPC, a batch of rows at a time.

use std::fs::File;
use std::io::{BufReader, Seek, SeekFrom};

use polars_arrow::datatypes::ArrowSchema;
use polars_arrow::io::ipc::read::{FileReader, StreamReader, StreamState, read_file_metadata, read_stream_metadata};

use super::rows::Column;

/// An Arrow file that is read batch by batch.
pub(super) enum Arrow {
    /// With a footer that says where batches are.
    File(Box<FileReader<BufReader<File>>>),
    /// One batch after another.
    Stream(Box<StreamReader<BufReader<File>>>),
}

impl Arrow {
    pub(super) fn open(file: File, footer: bool) -> Result<Self, String> {
        let mut reader = BufReader::new(file);
        reader.seek(SeekFrom::Start(0)).map_err(|error| error.to_string())?;
        if footer {
            let metadata = read_file_metadata(&mut reader).map_err(|error| error.to_string())?;
            Ok(Arrow::File(Box::new(FileReader::new(reader, metadata, None, None))))
        } else {
            let metadata = read_stream_metadata(&mut reader).map_err(|error| error.to_string())?;
            Ok(Arrow::Stream(Box::new(StreamReader::new(reader, metadata, None))))
        }
    }

    fn schema(&self) -> &ArrowSchema {
        match self {
            Arrow::File(reader) => reader.schema(),
            Arrow::Stream(reader) => reader.schema(),
        }
    }

    /// Names of the columns.
    pub(super) fn names(&self) -> Vec<String> {
        self.schema().iter_names().map(ToString::to_string).collect()
    }

    /// The columns of the next batch, each in one piece.
    pub(super) fn next(&mut self) -> Result<Option<Vec<Column>>, String> {
        let batch = match self {
            Arrow::File(reader) => reader.next(),
            Arrow::Stream(reader) => match reader.next() {
                Some(Ok(StreamState::Some(batch))) => Some(Ok(batch)),
                // More may come where a writer is still at work; a file of data has what it has.
                Some(Ok(StreamState::Waiting)) | None => None,
                Some(Err(error)) => Some(Err(error)),
            },
        };
        let batch = batch.transpose().map_err(|error| error.to_string())?;
        Ok(batch.map(|batch| batch.into_arrays().into_iter().map(|array| vec![array]).collect()))
    }
}
