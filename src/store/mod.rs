//! The files of a run: its folder, the append-only rows, and the Parquet made from them.

mod hlog;
mod journal;
mod requests;
mod run_dir;

pub use hlog::{Hlogs, merge};
pub use journal::{Header, Journal, Rows};
pub use requests::Requests;
pub use run_dir::{RunDir, write_file};
