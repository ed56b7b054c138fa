//! Conducts one or many runs: the sweep over load points, the making of result files from saved rows,
//! and the comparison of runs.

mod args;
mod check;
mod compare;
mod point;
mod rebuild;
mod result;
mod scrape;
mod sweep;

pub use compare::{Comparison, Difference, PointComparison, Side, Standing, compare};
pub use rebuild::rebuild;
pub use result::{FORMAT_VERSION, PointResult, RunResult, Setting, Status};
pub use sweep::{Watcher, sweep};
