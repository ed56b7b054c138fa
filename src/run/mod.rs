//! Conducts one or many runs: the sweep over load points, and the making of result files from saved rows.

mod args;
mod calibrate;
mod check;
mod point;
mod rebuild;
mod result;
mod selfcheck;
mod sweep;

pub use calibrate::{Calibration, Level, calibrate};
pub use rebuild::rebuild;
pub use result::{FORMAT_VERSION, PointResult, RunResult, Setting, Status};
pub use selfcheck::{Trial, self_check};
pub use sweep::{Watcher, sweep};
