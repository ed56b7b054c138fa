//! What a run tells while it goes on: run folders that trackers' own tools upload, pushes of metrics, and the progress
//! file.
//!
//! [`Tracking`] stands on the thread that collects finished requests. It counts each, and at most once a second hands
//! what is so far to a thread of its own, which writes the files and makes the pushes: nothing of this waits for a disk
//! or a network, and workers of the load engine never see it.
//!
//! ```text
//! records -> Tracking (counts) -> once a second -> relay (a thread) -> trackers: wandb, swanlab, clearml, OTLP, Prometheus, progress.json
//! ```
//!
//! | file | noun |
//! |---|---|
//! | `spec`, `environment`, `address` | what is asked for by flags; what of the environment counts; where a push goes |
//! | `tracking`, `relay` | the side that counts, the side that writes |
//! | `totals`, `buckets` | requests, tokens and latencies of each load point, for pushes |
//! | `tracker` | what each of them is told |
//! | `wandb`, `swanlab`, `clearml` | run folders in the trackers' own formats; `framed` is the log that two of them share |
//! | `otlp`, `prometheus`, `push` | metrics as both spell them, and their way out |
//! | `progress` | EvalScope's `progress.json` |

mod address;
mod buckets;
mod clearml;
mod environment;
mod framed;
mod otlp;
mod progress;
mod prometheus;
mod push;
mod relay;
mod spec;
mod swanlab;
mod totals;
mod tracker;
mod tracking;
mod wandb;

pub use environment::Environment;
pub use spec::{TrackSpec, Visualizer};
pub use tracker::State;
pub use tracking::{Told, Tracking};
