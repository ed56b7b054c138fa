//! The files of a run: its folder, the append-only rows, and the Parquet files made from them.

mod chunks;
mod hlog;
mod join;
mod journal;
mod parquet;
mod requests;
mod run_dir;
mod saved;
mod token_timeline;

pub use chunks::Chunks;
pub use hlog::{Hlogs, merge};
pub use join::join;
pub use journal::{Header, Journal, Rows};
pub use requests::Requests;
pub use run_dir::{RunDir, write_file};
pub use saved::{Digest, SavedHeader, SavedReader, SavedRequest, SavedWriter};
pub use token_timeline::TokenTimeline;
