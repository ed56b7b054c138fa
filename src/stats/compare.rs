//! Two load points side by side: what changed, and how sure that is.
//!
//! Each figure has its own 95 % interval in each run. The interval of the change is made of both by the method of
//! variance estimates recovery (Zou and Donner, 2008, <https://doi.org/10.1002/sim.3095>): on logarithms, so that it is
//! one of the ratio. Neither needs to be symmetric, and nothing is drawn at random. A change is told apart from none
//! only where its interval excludes it.

use serde::{Deserialize, Serialize};

use super::figures::Figures;
use super::interval::{Error, Interval, Intervals};
use super::slots::{Add, Slots};
use super::until::{Latency, Stat};
use crate::record::{Outcome, Record};
use crate::units::{NS_PER_MS, seconds};

/// Sections of equal length that the error of a rate is made from, at most, and requests in each, at least.
const SECTIONS: (usize, u64) = (32, 8);
/// Fewer sections than this give no interval.
const FEWEST: usize = 8;

/// A figure that two runs are compared by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Quantity {
    /// Output tokens a second.
    Tokens,
    /// Successful requests a second.
    Requests,
    /// A statistic of a latency.
    Latency(Stat, Latency),
}

impl Quantity {
    /// The figures of a comparison, in order.
    pub const ALL: [Quantity; 11] = {
        use Latency::{E2e, Itl, Tpot, Ttft};
        use Stat::{Mean, Quantile};
        [
            Quantity::Tokens,
            Quantity::Requests,
            Quantity::Latency(Mean, Ttft),
            Quantity::Latency(Quantile(0.5), Ttft),
            Quantity::Latency(Quantile(0.99), Ttft),
            Quantity::Latency(Mean, Tpot),
            Quantity::Latency(Quantile(0.5), Tpot),
            Quantity::Latency(Quantile(0.99), Tpot),
            Quantity::Latency(Quantile(0.99), Itl),
            Quantity::Latency(Quantile(0.5), E2e),
            Quantity::Latency(Quantile(0.99), E2e),
        ]
    };

    /// Its name: `tok/s`, `req/s`, `p99 ttft`.
    pub fn name(self) -> String {
        match self {
            Quantity::Tokens => "tok/s".to_owned(),
            Quantity::Requests => "req/s".to_owned(),
            Quantity::Latency(stat, latency) => format!("{stat} {}", latency.name()),
        }
    }

    /// Whether less of it is better.
    pub fn less_is_better(self) -> bool {
        matches!(self, Quantity::Latency(..))
    }
}

/// Requests and tokens that ended in a slot of time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Done {
    requests: u64,
    tokens: u64,
}

impl Add for Done {
    fn plus(self, other: Self) -> Self {
        Done { requests: self.requests + other.requests, tokens: self.tokens + other.tokens }
    }
}

/// The rows of a load point, as far as intervals need them.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    latencies: [Intervals; Latency::ALL.len()],
    done: Slots<Done>,
    total: Done,
    with_tokens: u64,
    first: Option<u64>,
    last: u64,
}

impl Evidence {
    /// Adds a row, in order of their ends. Only measured requests count, and only complete ones enter a figure.
    pub fn add(&mut self, record: &Record) {
        let (Some(start), true) =
            (record.started_ns, !record.warmup && !matches!(record.outcome, Outcome::Cancelled | Outcome::Unsent))
        else {
            return;
        };
        self.first = Some(self.first.map_or(start, |first| first.min(start)));
        self.last = self.last.max(record.end_ns);
        if !record.is_ok() {
            return;
        }
        let done = Done { requests: 1, tokens: record.completion_tokens.unwrap_or(0) };
        self.done.add(record.end_ns, done);
        self.total = self.total.plus(done);
        self.with_tokens += u64::from(record.completion_tokens.is_some());
        for (latency, values) in Latency::ALL.into_iter().zip(&mut self.latencies) {
            match latency {
                Latency::Ttft => record.ttft_ns().into_iter().for_each(|ns| values.add(ns)),
                Latency::Tpot => record.tpot_ns().into_iter().for_each(|ns| values.add(ns.round() as u64)),
                Latency::Itl => record.gaps_ns.iter().for_each(|ns| values.add(*ns)),
                Latency::E2e => record.e2e_ns().into_iter().for_each(|ns| values.add(ns)),
            }
        }
    }

    /// Successful requests.
    pub fn requests(&self) -> u64 {
        self.total.requests
    }

    fn values(&self, latency: Latency) -> &Intervals {
        &self.latencies[latency as usize]
    }

    /// A figure: rates per second, latencies in ms.
    pub fn estimate(&self, quantity: Quantity) -> Option<f64> {
        match quantity {
            Quantity::Latency(stat, latency) => Some(stat.estimate(self.values(latency))? / NS_PER_MS),
            Quantity::Tokens if self.with_tokens == 0 => None,
            Quantity::Tokens => Some(self.total.tokens as f64 / self.wall_s()?),
            Quantity::Requests => Some(self.total.requests as f64 / self.wall_s()?),
        }
    }

    /// Its 95 % interval in the same unit; `None` where there are too few values.
    pub fn interval(&self, quantity: Quantity) -> Option<Interval> {
        match quantity {
            Quantity::Latency(stat, latency) => Some(stat.interval(self.values(latency))?.scaled(NS_PER_MS)),
            Quantity::Tokens => self.rate_interval(self.estimate(quantity)?, |done| done.tokens),
            Quantity::Requests => self.rate_interval(self.estimate(quantity)?, |done| done.requests),
        }
    }

    /// Puts the intervals beside the figures of the same rows.
    pub fn bound(&self, figures: &mut Figures) {
        for (spread, latency) in [
            (&mut figures.ttft_ms, Latency::Ttft),
            (&mut figures.tpot_ms, Latency::Tpot),
            (&mut figures.itl_ms, Latency::Itl),
            (&mut figures.e2e_ms, Latency::E2e),
        ] {
            spread.iter_mut().for_each(|spread| spread.bound(self.values(latency), NS_PER_MS));
        }
        figures.request_throughput_ci = self.interval(Quantity::Requests);
        figures.output_throughput_ci = self.interval(Quantity::Tokens);
    }

    fn wall_s(&self) -> Option<f64> {
        let first = self.first.filter(|first| *first < self.last)?;
        Some(seconds(self.last - first))
    }

    /// The error of a rate, from what was done in sections of equal length. Those of the start and the end, where the
    /// load grows and dies away, are sections as well, so the interval is rather too wide than too narrow.
    fn rate_interval(&self, rate: f64, of: impl Fn(Done) -> u64) -> Option<Interval> {
        let first = self.first?;
        let wished = (self.total.requests / SECTIONS.1).min(SECTIONS.0 as u64) as usize;
        if wished < FEWEST {
            return None;
        }
        let mut sections = vec![0.0; wished];
        let length = ((self.last - first) / wished as u64).max(1);
        for (begin, done) in self.done.iter() {
            let middle = begin + self.done.width() / 2;
            let section = (middle.saturating_sub(first) / length).min(wished as u64 - 1);
            sections[section as usize] += of(done) as f64;
        }
        let mean = sections.iter().sum::<f64>() / wished as f64;
        let error = Error::of(&sections);
        let half = rate * error.t() * error.variance.sqrt() / mean;
        half.is_finite().then(|| Interval { low: (rate - half).max(0.0), high: rate + half })
    }
}

/// What a comparison of one figure says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// B is better, and chance alone would hardly do that.
    Better,
    /// B is worse, and chance alone would hardly do that.
    Worse,
    /// Chance alone would do that, or there are too few values to tell.
    NotApart,
}

impl Told {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Told::Better => "better",
            Told::Worse => "worse",
            Told::NotApart => "not told apart",
        }
    }
}

/// One figure of two runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Name of the figure: `tok/s`, `req/s`, or a statistic and a latency, in ms.
    pub figure: String,
    /// In the first run.
    pub a: Option<f64>,
    /// In the second run.
    pub b: Option<f64>,
    /// (B - A) / A in percent.
    pub percent: Option<f64>,
    /// Its 95 % interval in percent; `None` where one of the runs has too few values.
    pub percent_ci: Option<Interval>,
    /// B - A in the unit of the figure.
    pub difference: Option<f64>,
    /// Its 95 % interval.
    pub difference_ci: Option<Interval>,
    /// What that says.
    pub told: Told,
}

impl Change {
    /// From the first to the second.
    pub fn of(a: &Evidence, b: &Evidence, quantity: Quantity) -> Self {
        let estimates = (a.estimate(quantity), b.estimate(quantity));
        let both = estimates.0.zip(estimates.1);
        let intervals = both.zip(a.interval(quantity).zip(b.interval(quantity)));
        let difference_ci = intervals.map(|((a, b), (in_a, in_b))| recovered(a, in_a, b, in_b));
        let ln = |interval: Interval| Interval { low: interval.low.ln(), high: interval.high.ln() };
        let percent = |ln: f64| 100.0 * ln.exp_m1();
        let percent_ci = intervals
            .map(|((a, b), (in_a, in_b))| recovered(a.ln(), ln(in_a), b.ln(), ln(in_b)))
            .filter(|ci| ci.low.is_finite() && ci.high.is_finite())
            .map(|ci| Interval { low: percent(ci.low), high: percent(ci.high) });
        let told = match percent_ci {
            Some(ci) if ci.low > 0.0 => Told::Worse,
            Some(ci) if ci.high < 0.0 => Told::Better,
            _ => Told::NotApart,
        };
        let told = match told {
            Told::Worse if !quantity.less_is_better() => Told::Better,
            Told::Better if !quantity.less_is_better() => Told::Worse,
            told => told,
        };
        Change {
            figure: quantity.name(),
            a: estimates.0,
            b: estimates.1,
            percent: both.filter(|(a, _)| *a > 0.0).map(|(a, b)| 100.0 * (b - a) / a),
            percent_ci,
            difference: both.map(|(a, b)| b - a),
            difference_ci,
            told,
        }
    }
}

/// The interval of b - a from those of a and b.
fn recovered(a: f64, in_a: Interval, b: f64, in_b: Interval) -> Interval {
    let difference = b - a;
    Interval {
        low: difference - ((b - in_b.low).powi(2) + (in_a.high - a).powi(2)).sqrt(),
        high: difference + ((in_b.high - b).powi(2) + (a - in_a.low).powi(2)).sqrt(),
    }
}

#[cfg(test)]
#[path = "compare_tests.rs"]
mod tests;
