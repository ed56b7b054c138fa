//! Conducts one or many runs: the sweep over load points, the search for the right one, the making of result files from
//! saved rows, and the comparison and the pooling of runs. It also lets a server go on until somebody ends it.

mod args;
mod bench;
mod calibrate;
mod check;
mod compare;
mod dialogue;
mod fetch;
mod memory;
mod merge;
mod point;
mod pooled;
mod precision;
mod probe;
mod ready;
mod rebuild;
mod recast;
mod requests;
mod result;
mod scrape;
mod search;
mod selfcheck;
mod serve;
mod settle;
mod spelling;
mod survey;
mod sweep;
mod tune;
mod vllm;

pub use args::arguments;
pub use calibrate::{Calibration, Level, calibrate};
pub use compare::{Comparison, Difference, PointComparison, Side, Standing, compare};
pub use fetch::{fetch, fetch_one};
pub use merge::{Merged, MergedRun, merge};
pub use pooled::{Member, Pooled};
pub use probe::search;
pub use ready::{complete, dry, validate};
pub use rebuild::rebuild;
pub use recast::{Recast, RecastOptions, recast};
pub use result::{FORMAT_VERSION, PointResult, RunResult, Setting, Status};
pub use selfcheck::{Trial, self_check};
pub use serve::serve;
pub use settle::settle;
pub use sweep::{Watcher, save_result, sweep};
pub use tune::{Probe, ProbeRun, Prober, SLA_VERSION, Selection, SlaResult, Verdict, tune};
pub use vllm::abandon;
