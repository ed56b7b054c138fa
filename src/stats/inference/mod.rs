//! What samples tell about the whole: intervals, tests, resampling and agreement, for values that are independent of
//! each other or come in known clusters.
//!
//! * [`special`] and [`distribution`]: the functions that all else stands on;
//! * [`mean`], [`proportion`]: figures of one sample with their bounds;
//! * [`paired`], [`mcnemar`], [`two_sample`], [`ranks`], [`kolmogorov`]: two samples, on the same items or not;
//! * [`bootstrap`], [`clustered`]: errors without a formula, and of values that come in groups;
//! * [`percentile`], [`multiple`], [`kappa`]: order statistics, many tests at once, raters.
//!
//! A figure that its sample does not define (the spread of one value) is `None`. Tests are two-sided. Nothing here knows
//! what a value means, and nothing is drawn at random without a seed.

pub mod bootstrap;
pub mod clustered;
pub mod distribution;
pub mod kappa;
pub mod kolmogorov;
pub mod mcnemar;
pub mod mean;
pub mod multiple;
pub mod paired;
pub mod percentile;
pub mod proportion;
pub mod ranks;
pub mod special;
pub mod two_sample;

use serde::{Deserialize, Serialize};

/// A lower and an upper bound.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bounds {
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
}

impl Bounds {
    /// An estimate with the same distance to both sides.
    pub fn around(middle: f64, half: f64) -> Self {
        Bounds { low: middle - half, high: middle + half }
    }

    /// The part between 0 and 1.
    #[must_use]
    pub fn within_unit(self) -> Self {
        Bounds { low: self.low.clamp(0.0, 1.0), high: self.high.clamp(0.0, 1.0) }
    }
}

/// A test statistic with its two-sided p value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Test {
    /// The statistic.
    pub statistic: f64,
    /// Chance of one as extreme where there is no difference.
    pub p: f64,
}

#[cfg(test)]
mod tests;
