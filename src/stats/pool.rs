//! Several runs of one load as one: histograms merged, never percentiles averaged, and how far the runs lie apart.
//!
//! * Latencies: every value of every run, in histograms that add up exactly.
//! * Throughputs: what all runs did / the time in which at least one of them went on, by the wall clock. Runs after each
//!   other add up their lengths; runs of several hosts at the same time add up their rates.
//! * 95 % intervals of latencies: from the batches of [`super::Intervals`], the runs put one behind the other, so that
//!   what differs from run to run widens them.
//! * 95 % intervals of throughputs: Student's t over the values of the runs, from [`FEWEST`] runs on.

use serde::{Deserialize, Serialize};

use super::compare::Evidence;
use super::figures::{Figures, Spread};
use super::goodput::{GoodputTally, Slo};
use super::inference::distribution::student_quantile;
use super::interval::Interval;
use super::interval::UPPER;
use super::summary::Summary;
use crate::record::Record;
use crate::units::seconds;

/// Fewer runs than this tell nothing of the spread between them.
const FEWEST: usize = 3;

/// How far the runs of a load lie apart in one figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Between {
    /// The figure by its path in the figures of a run, such as `ttft_ms.p99`.
    pub figure: String,
    /// Least value of any run.
    pub lowest: f64,
    /// Greatest value of any run.
    pub highest: f64,
    /// The value of each run in their order; absent where it has none.
    pub values: Vec<Option<f64>>,
}

/// A main figure of a run.
type Main = (&'static str, fn(&Figures) -> Option<f64>);
/// A latency of a run.
type Latency = (&'static str, fn(&Figures) -> &Option<Spread>);
/// A statistic of a latency.
type Stat = (&'static str, fn(&Spread) -> f64);

const RATES: [Main; 3] = [
    ("request_throughput", |figures| figures.request_throughput),
    ("output_throughput", |figures| figures.output_throughput),
    ("goodput.goodput", |figures| figures.goodput.as_ref()?.goodput),
];
const LATENCIES: [Latency; 6] = [
    ("ttft_ms", |figures| &figures.ttft_ms),
    ("tpot_ms", |figures| &figures.tpot_ms),
    ("itl_ms", |figures| &figures.itl_ms),
    ("e2e_ms", |figures| &figures.e2e_ms),
    ("ttft_intended_ms", |figures| &figures.ttft_intended_ms),
    ("e2e_intended_ms", |figures| &figures.e2e_intended_ms),
];
const STATS: [Stat; 4] = [
    ("mean", |spread| spread.mean),
    ("p50", |spread| spread.p50),
    ("p99", |spread| spread.p99),
    ("p99.9", |spread| spread.p999),
];

impl Between {
    /// The main figures of several runs; those that no run has are left out.
    pub fn of(runs: &[&Figures]) -> Vec<Self> {
        let rates = RATES.iter().map(|(name, of)| Self::over(name, runs.iter().map(|figures| of(figures)).collect()));
        let latencies = LATENCIES.iter().flat_map(|(latency, spread)| {
            STATS.iter().map(move |(name, of)| {
                let values = runs.iter().map(|figures| spread(figures).as_ref().map(of)).collect();
                Self::over(&format!("{latency}.{name}"), values)
            })
        });
        rates.chain(latencies).flatten().collect()
    }

    fn over(figure: &str, values: Vec<Option<f64>>) -> Option<Self> {
        let known = || values.iter().flatten().copied();
        let (lowest, highest) = (known().min_by(f64::total_cmp)?, known().max_by(f64::total_cmp)?);
        Some(Between { figure: figure.to_owned(), lowest, highest, values })
    }
}

/// Collects the rows of several runs of one load, one run after the other.
#[derive(Debug, Clone, Default)]
pub struct Pool {
    whole: Summary,
    current: Summary,
    evidence: Evidence,
    goodput: Option<GoodputTally>,
    /// First start and last end of each run, in ns of the wall clock.
    spans: Vec<(u64, u64)>,
    rates: Vec<Figures>,
}

impl Pool {
    /// An empty pool whose requests are held against limits, where there are any.
    pub fn new(slo: Option<Slo>) -> Self {
        Pool { goodput: slo.map(GoodputTally::new), ..Pool::default() }
    }

    /// Adds a row of the current run, in order of their ends.
    pub fn add(&mut self, record: &Record) {
        self.current.add(record);
        self.evidence.add(record);
        self.goodput.iter_mut().for_each(|goodput| goodput.add(record));
    }

    /// Ends the current run, whose stamps count from `epoch_unix_ns` and of which so many planned requests have no row.
    pub fn end_run(&mut self, epoch_unix_ns: u64, unsent: u64) {
        let mut run = std::mem::take(&mut self.current);
        run.unsent(unsent);
        let wall = |ns: u64| epoch_unix_ns.saturating_add(ns);
        self.spans.extend(run.span_ns().map(|(first, last)| (wall(first), wall(last))));
        self.rates.push(run.rates());
        self.whole.merge(&run);
    }

    /// Time in which at least one run went on, in seconds.
    fn wall_s(&self) -> Option<f64> {
        let mut spans = self.spans.clone();
        spans.sort_unstable();
        let (mut total, mut until) = (0, 0);
        for (first, last) in spans {
            total += last.saturating_sub(first.max(until));
            until = until.max(last);
        }
        (total > 0).then(|| seconds(total))
    }

    /// Time in which more than one run went on, in seconds: 0 for runs after each other.
    pub fn at_once_s(&self) -> f64 {
        let mut spans = self.spans.clone();
        spans.sort_unstable();
        // Two ends of the same instant of time: the time until which one went on, and until which two did.
        let (mut total, mut one, mut two) = (0, 0u64, 0u64);
        for (first, last) in spans {
            let both = last.min(one);
            total += both.saturating_sub(first.max(two));
            two = two.max(both);
            one = one.max(last);
        }
        seconds(total)
    }

    /// The figures of all runs together. Each run has a steady part of its own, so that there is none here.
    pub fn figures(&self) -> Figures {
        let wall = self.wall_s();
        let mut figures = self.whole.figures_over(wall);
        self.evidence.bound(&mut figures);
        let spread = |of: fn(&Figures) -> Option<f64>| {
            let rates: Option<Vec<f64>> = self.rates.iter().map(of).collect();
            rates.filter(|_| self.at_once_s() == 0.0)
        };
        figures.request_throughput_ci =
            figures.request_throughput.and_then(|rate| around(rate, &spread(|figures| figures.request_throughput)?));
        figures.output_throughput_ci =
            figures.output_throughput.and_then(|rate| around(rate, &spread(|figures| figures.output_throughput)?));
        figures.goodput = self.goodput.as_ref().map(|goodput| goodput.goodput(wall));
        figures.steady_none = Some("each of the pooled runs has a steady part of its own".to_owned());
        figures
    }
}

/// Student's t interval from the values of runs, around the figure of all of them.
fn around(figure: f64, values: &[f64]) -> Option<Interval> {
    let k = values.len();
    if k < FEWEST {
        return None;
    }
    let n = k as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let half = student_quantile(UPPER, n - 1.0) * (variance / n).sqrt();
    half.is_finite().then(|| Interval { low: (figure - half).max(0.0), high: figure + half })
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
