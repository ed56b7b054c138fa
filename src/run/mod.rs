//! Conducts one or many runs: the sweep over load points, and the making of result files from saved rows.

mod result;

pub use result::{FORMAT_VERSION, PointResult, RunResult, Setting, Status};
