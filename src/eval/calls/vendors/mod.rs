//! Checks of vendors: whether an endpoint serves a model as its makers do.

mod k2;
pub mod kimi;
pub mod minimax;

pub use k2::{mended, rates};

use serde::Serialize;

/// A share of samples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rate {
    /// The name of the metric.
    pub name: &'static str,
    /// The share; none where no sample was looked at for it.
    pub rate: Option<f64>,
    /// How many samples were looked at for it.
    pub num: u64,
}

impl Rate {
    /// The share of a part in a number of samples.
    fn of(name: &'static str, part: u64, num: u64) -> Self {
        Self { name, rate: (num > 0).then(|| part as f64 / num as f64), num }
    }
}
