//! Which unit a column or an axis of times takes.

use crate::stats::Spread;
use crate::units::span;

/// Milliseconds or seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimeUnit {
    /// Its letters.
    pub name: &'static str,
    /// Milliseconds in one.
    pub ms: f64,
}

/// Milliseconds.
pub const MILLI: TimeUnit = TimeUnit { name: "ms", ms: 1.0 };
/// Seconds.
pub const SECOND: TimeUnit = TimeUnit { name: "s", ms: 1000.0 };

impl TimeUnit {
    /// Seconds where the middle one of the medians reaches so many ms.
    pub fn of<'a>(spreads: impl Iterator<Item = &'a Spread>, seconds_from_ms: f64) -> Self {
        let mut medians: Vec<f64> = spreads.map(|spread| spread.p50).collect();
        medians.sort_by(f64::total_cmp);
        match medians.get(medians.len() / 2) {
            Some(median) if *median >= seconds_from_ms => SECOND,
            _ => MILLI,
        }
    }
}

/// A time in words.
pub fn words(ms: f64) -> String {
    span(ms / 1000.0)
}

/// A quantile in words, `~` before one from too few values.
pub fn quantile(spread: &Spread, q: f64, ms: f64) -> String {
    format!("{}{}", if spread.is_firm(q) { "" } else { "~" }, words(ms))
}
