//! 95 % confidence intervals of a mean and of quantiles, from one pass over values that depend on their neighbours.
//!
//! Latencies of a loaded server are correlated: a slow request has slow neighbours. Formulas for independent values then
//! give intervals that are far too narrow, so here the spread of *batches* of successive values decides.
//!
//! * Values arrive in order of time and fill batches of equal size. When [`MOST`] batches are full, neighbours are
//!   merged and the size doubles, so memory stays flat and there are always 32 or more batches of a long run. A batch
//!   keeps its exact sum and its histogram with the buckets of [`crate::hist::Hist`].
//! * The mean: Student's t over batch means (Law and Kelton's batch means). Batches are merged further while the means
//!   of neighbours are correlated (von Neumann's test), down to [`LEAST`]; what correlation is left widens the interval
//!   as that of a first-order autoregression does, by (1 + r) / (1 - r).
//! * A quantile: the share of values at or below the estimate is a mean as well. The spread of the batches' shares says
//!   how many independent values the sample is worth, and the ranks of order statistics that enclose a quantile of that
//!   many independent values, whatever their distribution, give the bounds. Where they do not exist, because
//!   n < ln 0.025 / ln q, there is no interval.
//!
//! Nothing is drawn at random, so the same values give the same interval.

use serde::{Deserialize, Serialize};

use super::inference::Bounds;
use super::inference::distribution::{normal_quantile, student_quantile};
use super::inference::percentile::ranks_around;

/// How often the bounds hold the true value.
pub(super) const CONFIDENCE: f64 = 0.95;
/// The quantile at the upper bound.
pub(super) const UPPER: f64 = 0.5 * (1.0 + CONFIDENCE);
/// Batches that are kept; when they are full, there are half as many of twice the size.
const MOST: usize = 64;
/// Batches that are left, at least, where they are merged for the sake of independence.
const LEAST: usize = 8;
/// Fewer values than this give no interval.
const FEWEST: u64 = 10;
/// Values that wait to be put into the current batch.
const WAITING: usize = 1024;
/// Buckets that one power of two is cut into: those of a histogram with three digits.
const PER_OCTAVE: u32 = 10;

/// Bounds that hold the true value in 95 of 100 runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
}

impl Interval {
    /// The same bounds in another unit: both divided by `scale`.
    #[must_use]
    pub fn scaled(self, scale: f64) -> Self {
        Interval { low: self.low / scale, high: self.high / scale }
    }

    /// Half the width relative to an estimate; `None` where the estimate is not positive.
    pub fn relative_half_width(self, estimate: f64) -> Option<f64> {
        (estimate > 0.0).then(|| (self.high - self.low) / (2.0 * estimate))
    }
}

/// Successive values, by their buckets.
#[derive(Debug, Clone, Default, PartialEq)]
struct Batch {
    sum: u128,
    /// Bucket and number of values in it, in order. Many of these are kept, so they are small: a number stops at four
    /// thousand million.
    buckets: Vec<(u32, u32)>,
}

impl Batch {
    fn merge(&mut self, other: &Batch) {
        self.sum += other.sum;
        // Both parts are in order, which a stable sort makes use of.
        let mut all = [&self.buckets[..], &other.buckets[..]].concat();
        all.sort_by_key(|(bucket, _)| *bucket);
        let same = || all.chunk_by(|a, b| a.0 == b.0);
        let mut sums = Vec::with_capacity(same().count());
        sums.extend(
            same().map(|same| (same[0].0, same.iter().fold(0u32, |sum, (_, count)| sum.saturating_add(*count)))),
        );
        self.buckets = sums;
    }

    /// Number of values in a bucket or in one below it.
    fn up_to(&self, bucket: u32) -> u64 {
        self.buckets.iter().take_while(|(at, _)| *at <= bucket).map(|(_, count)| u64::from(*count)).sum()
    }
}

/// The bucket of a value: exact below 2,048, then 1,024 to a power of two.
fn bucket_of(value: u64) -> u32 {
    let octave = (u64::BITS - value.leading_zeros()).saturating_sub(PER_OCTAVE + 1);
    (octave << PER_OCTAVE) + (value >> octave) as u32
}

/// The middle of a bucket.
fn middle_of(bucket: u32) -> f64 {
    let octave = (bucket >> PER_OCTAVE).saturating_sub(1);
    let least = u64::from(bucket - (octave << PER_OCTAVE)) << octave;
    // The same middle as a histogram's: half a bucket above its least value, exact where a bucket is one value.
    (least + ((1u64 << octave) >> 1)) as f64
}

/// Takes values in order of time and tells how well their mean and quantiles are known.
#[derive(Debug, Clone, PartialEq)]
pub struct Intervals {
    size: u64,
    full: Vec<Batch>,
    current: Batch,
    in_current: u64,
    waiting: Vec<u32>,
    n: u64,
    least: u64,
    greatest: u64,
}

impl Default for Intervals {
    fn default() -> Self {
        Intervals {
            size: 1,
            full: Vec::with_capacity(MOST),
            current: Batch::default(),
            in_current: 0,
            waiting: Vec::new(),
            n: 0,
            least: u64::MAX,
            greatest: 0,
        }
    }
}

impl Intervals {
    /// Takes the next value in order of time.
    pub fn add(&mut self, value: u64) {
        self.n += 1;
        self.least = self.least.min(value);
        self.greatest = self.greatest.max(value);
        self.current.sum += u128::from(value);
        self.waiting.push(bucket_of(value));
        self.in_current += 1;
        if self.in_current == self.size {
            self.settle();
            self.full.push(std::mem::take(&mut self.current));
            self.in_current = 0;
            if self.full.len() == MOST {
                self.full = pairs(std::mem::take(&mut self.full));
                self.size *= 2;
            }
        } else if self.waiting.len() == WAITING {
            self.settle();
        }
    }

    /// Puts the waiting values into the current batch.
    fn settle(&mut self) {
        let batch = counted(&mut self.waiting);
        self.current.merge(&batch);
    }

    /// Number of values.
    pub fn n(&self) -> u64 {
        self.n
    }

    /// The mean of all values; `None` without any.
    pub fn estimated_mean(&self) -> Option<f64> {
        let sum = self.full.iter().map(|batch| batch.sum).sum::<u128>() + self.current.sum;
        (self.n > 0).then(|| sum as f64 / self.n as f64)
    }

    /// The quantile of all values by nearest rank, off by less than 0.1 %; `None` without any.
    pub fn estimated_quantile(&self, q: f64) -> Option<f64> {
        (self.n > 0).then(|| self.value_at(&self.whole(), (q * self.n as f64).ceil()))
    }

    /// The interval of the mean, in the unit of the values; `None` below ten values.
    pub fn mean(&self) -> Option<Interval> {
        let mean = self.estimated_mean()?;
        if self.n < FEWEST {
            return None;
        }
        let error = Error::of(&self.full.iter().map(|batch| batch.sum as f64 / self.size as f64).collect::<Vec<_>>());
        // Values beyond the last full batch count in the mean but not in its error.
        let half = error.t() * (error.variance * self.in_full() / self.n as f64).sqrt();
        Some(Interval { low: (mean - half).max(0.0), high: mean + half })
    }

    /// The interval of a quantile between 0 and 1, in the unit of the values; `None` where too few values are
    /// independent of each other.
    pub fn quantile(&self, q: f64) -> Option<Interval> {
        let whole = self.whole();
        let n = self.n as f64;
        let own = self.inflation(&whole, q);
        // Few values lie beyond a high quantile, so that their dependence is easily missed; that of the middle is not.
        ranks_around(n / own.max(self.inflation(&whole, 0.5)), q, CONFIDENCE)?;
        let worth = n / own;
        let Bounds { low, high } = ranks_around(worth, q, CONFIDENCE)?;
        let rank = |rank: f64| rank / (worth + 1.0) * (n + 1.0);
        Some(Interval { low: self.value_at(&whole, rank(low).floor()), high: self.value_at(&whole, rank(high).ceil()) })
    }

    /// How many times as many values are needed as independent ones for the share of values at or below a quantile; at
    /// least 1. It includes the doubt about itself.
    fn inflation(&self, whole: &Batch, q: f64) -> f64 {
        if self.n < FEWEST {
            return f64::INFINITY;
        }
        let n = self.n as f64;
        let bucket = self.bucket_at(whole, (q * n).ceil());
        let below = whole.up_to(bucket) as f64 / n;
        // Where all values are in the bucket or below, the one before it is the nearest that tells values apart.
        let bucket = if below < 1.0 { bucket } else { bucket.saturating_sub(1) };
        let below = whole.up_to(bucket) as f64 / n;
        let error =
            Error::of(&self.full.iter().map(|batch| batch.up_to(bucket) as f64 / self.size as f64).collect::<Vec<_>>());
        let independent = below * (1.0 - below) / self.in_full();
        if independent == 0.0 {
            return 1.0;
        }
        let ratio = error.variance / independent;
        // The ratio of independent values is spread around 1 by sqrt(2 / (batches - 1)).
        if ratio <= 1.0 + (2.0 / error.freedom).sqrt() {
            1.0
        } else {
            ratio * (error.t() / normal_quantile(UPPER)).powi(2)
        }
    }

    /// Values in full batches.
    fn in_full(&self) -> f64 {
        self.full.len() as f64 * self.size as f64
    }

    fn whole(&self) -> Batch {
        let mut batches: Vec<Batch> = self.full.clone();
        batches.push(self.current.clone());
        batches.push(counted(&mut self.waiting.clone()));
        while batches.len() > 1 {
            batches = batches
                .chunks(2)
                .map(|pair| {
                    let mut first = pair[0].clone();
                    pair.get(1).into_iter().for_each(|second| first.merge(second));
                    first
                })
                .collect();
        }
        batches.pop().unwrap_or_default()
    }

    fn bucket_at(&self, whole: &Batch, rank: f64) -> u32 {
        let rank = rank.clamp(1.0, self.n as f64) as u64;
        let mut seen = 0;
        let at = whole.buckets.iter().find(|(_, count)| {
            seen += u64::from(*count);
            seen >= rank
        });
        at.map_or(0, |(bucket, _)| *bucket)
    }

    fn value_at(&self, whole: &Batch, rank: f64) -> f64 {
        middle_of(self.bucket_at(whole, rank)).clamp(self.least as f64, self.greatest as f64)
    }
}

/// Buckets to sorted counts; leaves nothing behind.
fn counted(buckets: &mut Vec<u32>) -> Batch {
    buckets.sort_unstable();
    let counts =
        buckets.chunk_by(|a, b| a == b).map(|same| (same[0], u32::try_from(same.len()).unwrap_or(u32::MAX))).collect();
    buckets.clear();
    Batch { sum: 0, buckets: counts }
}

/// Neighbours together. Each pair goes as it is merged, so that both generations are never there at once.
fn pairs(batches: Vec<Batch>) -> Vec<Batch> {
    let mut merged = Vec::with_capacity(MOST);
    let mut batches = batches.into_iter();
    while let (Some(mut first), Some(second)) = (batches.next(), batches.next()) {
        first.merge(&second);
        merged.push(first);
    }
    merged
}

/// How far the mean of successive batch figures may be from the truth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Error {
    /// Variance of the mean of the figures.
    pub(super) variance: f64,
    /// Degrees of freedom of the variance.
    pub(super) freedom: f64,
}

impl Error {
    /// The error of the mean of figures of successive batches of equal size.
    pub(super) fn of(figures: &[f64]) -> Self {
        let mut figures = figures.to_vec();
        loop {
            let k = figures.len() as f64;
            let mean = figures.iter().sum::<f64>() / k;
            let squares: f64 = figures.iter().map(|x| (x - mean).powi(2)).sum();
            let steps: f64 = figures.windows(2).map(|pair| (pair[1] - pair[0]).powi(2)).sum();
            // Von Neumann's ratio gives the correlation of neighbours; without any it is spread by 1 / sqrt(k).
            let correlation = if squares > 0.0 { 1.0 - steps / (2.0 * squares) } else { 0.0 };
            if correlation * k.sqrt() > SUSPECT && figures.len() >= 2 * LEAST {
                figures = figures.chunks_exact(2).map(|pair| 0.5 * (pair[0] + pair[1])).collect();
                continue;
            }
            let r = correlation.clamp(0.0, 0.8);
            let variance = squares / (k - 1.0) / k * (1.0 + r) / (1.0 - r);
            return Error { variance, freedom: k - 1.0 };
        }
    }

    /// Half width of the 95 % interval of the mean in standard errors.
    pub(super) fn t(self) -> f64 {
        student_quantile(UPPER, self.freedom)
    }
}

/// Correlation of neighbours, in its own standard errors, from which on batches are merged.
const SUSPECT: f64 = 0.5;

#[cfg(test)]
#[path = "interval_tests.rs"]
mod tests;
