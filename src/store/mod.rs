//! The files of a run: its folder, the append-only rows, and the Parquet made from them.

mod journal;
mod requests;
mod run_dir;
mod saved;

pub use journal::{Header, Journal, Rows};
pub use requests::Requests;
pub use run_dir::{RunDir, write_file};
pub use saved::{Digest, SavedHeader, SavedReader, SavedRequest, SavedWriter};
