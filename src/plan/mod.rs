//! One run, fully resolved: defaults < profile < flags become [`Settings`], and settings become a [`Plan`].
//!
//! The three layers share one key space, the names of the flags, so a profile is a set of flags in a file and the
//! `plan.toml` that a run saves is a profile again. [`layer`] merges them, [`Plan::resolve`] checks every value before
//! any request is sent.

mod criteria;
pub mod dataset;
mod embedded;
mod endpoint;
mod grid;
mod layer;
mod load;
mod prompts;
mod repos;
mod resolve;
mod settings;
mod sla;
mod specs;
mod wanted;

pub use criteria::{Criteria, Extreme, Group, Limit, METRICS, Metric, Quantity, Relation, Statistic};
pub use embedded::{EMBEDDED_MODEL, EmbeddedSpec, EngineSpec};
pub use grid::{Axes, Load, Point, grid};
pub use layer::{DEFAULTS, layer, profile_names, profile_text};
pub use repos::repo_of;
pub use resolve::Plan;
pub use settings::{Auto, ListOf, Server, Settings, Temperature, Warmup};
pub use sla::{SlaSpec, Variable};
pub use specs::{
    Arrival, Images, Lengths, LoadSpec, Pixel, Prefix, Ramp, Served, Source, Tool, Turns, VllmSpec, WorkloadSpec,
};
pub use wanted::{Hub, Kind, Pick, Repo, Wanted, Wants, is_id, is_revision, model_wanted};
