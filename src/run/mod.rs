//! Conducts one or many runs: the sweep over load points, the search for the right one, and the making of result files from saved rows.

mod args;
mod bench;
mod check;
mod point;
mod probe;
mod rebuild;
mod recast;
mod result;
mod scrape;
mod search;
mod sweep;
mod tune;

pub use probe::search;
pub use rebuild::rebuild;
pub use recast::{Recast, RecastOptions, recast};
pub use result::{FORMAT_VERSION, PointResult, RunResult, Setting, Status};
pub use sweep::{Watcher, sweep};
pub use tune::{Probe, ProbeRun, Prober, SLA_VERSION, Selection, SlaResult, Verdict, tune};
