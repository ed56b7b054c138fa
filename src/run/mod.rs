//! Conducts one or many runs: the sweep over load points, and the making of result files from saved rows.

mod args;
mod check;
mod point;
mod rebuild;
mod result;
mod scrape;
mod sweep;

pub use rebuild::rebuild;
pub use result::{FORMAT_VERSION, PointResult, RunResult, Setting, Status};
pub use sweep::{Watcher, sweep};
