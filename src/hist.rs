//! A histogram of one quantity: bounded error, exact sums, exact merging.

use hdrhistogram::Histogram;

/// Significant digits of a bucket: a quantile is off by less than 0.1 %.
pub(crate) const DIGITS: u8 = 3;
/// Largest value, a day in nanoseconds; larger ones are counted as clipped.
pub(crate) const LARGEST: u64 = 86_400_000_000_000;

/// An HDR histogram with the exact sum, least and greatest value beside it.
///
/// `merge` is associative and commutative: any split of the same values over histograms merges to the same one.
#[derive(Debug, Clone, PartialEq)]
pub struct Hist {
    buckets: Histogram<u64>,
    sum: u128,
    squares: u128,
    least: u64,
    greatest: u64,
    clipped: u64,
}

impl Default for Hist {
    fn default() -> Self {
        Self::new()
    }
}

impl Hist {
    /// An empty histogram.
    pub fn new() -> Self {
        let mut buckets = match Histogram::new_with_bounds(1, 2, DIGITS) {
            Ok(buckets) => buckets,
            Err(_) => unreachable!("the bounds are constants that the crate accepts"),
        };
        buckets.auto(true);
        Hist { buckets, sum: 0, squares: 0, least: u64::MAX, greatest: 0, clipped: 0 }
    }

    /// Records one value.
    pub fn record(&mut self, value: u64) {
        if value > LARGEST {
            self.clipped += 1;
        }
        // An auto-resizing histogram takes every value up to the bound.
        let recorded = self.buckets.record(value.min(LARGEST));
        debug_assert!(recorded.is_ok());
        self.sum += u128::from(value);
        self.squares += u128::from(value) * u128::from(value);
        self.least = self.least.min(value);
        self.greatest = self.greatest.max(value);
    }

    /// Adds everything the other has recorded.
    pub fn merge(&mut self, other: &Hist) {
        // Auto-resizing histograms of the same precision always add.
        let added = self.buckets.add(&other.buckets);
        debug_assert!(added.is_ok());
        self.sum += other.sum;
        self.squares += other.squares;
        self.least = self.least.min(other.least);
        self.greatest = self.greatest.max(other.greatest);
        self.clipped += other.clipped;
    }

    /// Number of values.
    pub fn len(&self) -> u64 {
        self.buckets.len()
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Exact sum of the values.
    pub fn sum(&self) -> u128 {
        self.sum
    }

    /// Values above a day, which count at a day in the quantiles.
    pub fn clipped(&self) -> u64 {
        self.clipped
    }

    /// Exact least value.
    pub fn min(&self) -> Option<u64> {
        (!self.is_empty()).then_some(self.least)
    }

    /// Exact greatest value.
    pub fn max(&self) -> Option<u64> {
        (!self.is_empty()).then_some(self.greatest)
    }

    /// Mean from the exact sum.
    pub fn mean(&self) -> Option<f64> {
        (!self.is_empty()).then(|| self.sum as f64 / self.len() as f64)
    }

    /// Standard deviation of the values themselves (divisor n), from exact sums.
    pub fn std(&self) -> Option<f64> {
        let n = u128::from(self.len());
        // n * squares - sum^2 is exact in integers as long as it fits; beyond that the relative error is that of f64.
        let spread = match n.checked_mul(self.squares).zip(self.sum.checked_mul(self.sum)) {
            Some((a, b)) => a.saturating_sub(b) as f64,
            None => (n as f64 * self.squares as f64 - self.sum as f64 * self.sum as f64).max(0.0),
        };
        (n > 0).then(|| spread.sqrt() / n as f64)
    }

    /// The value at a quantile in [0, 1] by nearest rank, off by less than 0.1 %: the middle of its bucket, never
    /// outside the least and greatest value.
    pub fn quantile(&self, q: f64) -> Option<u64> {
        (!self.is_empty()).then(|| {
            let value = self.buckets.value_at_quantile(q);
            self.buckets.median_equivalent(value).clamp(self.least, self.greatest)
        })
    }

    /// Points (value, share of values at or below it) that trace the distribution, at most `most` of them.
    pub fn curve(&self, most: usize) -> Vec<(u64, f64)> {
        let total = self.len() as f64;
        let mut seen = 0u64;
        let all: Vec<(u64, f64)> = self
            .buckets
            .iter_recorded()
            .map(|step| {
                seen += step.count_since_last_iteration();
                (
                    self.buckets.median_equivalent(step.value_iterated_to()).clamp(self.least, self.greatest),
                    seen as f64 / total,
                )
            })
            .collect();
        if all.len() <= most {
            return all;
        }
        let stride = all.len().div_ceil(most.max(2) - 1);
        let mut thinned: Vec<(u64, f64)> = all.iter().step_by(stride).copied().collect();
        thinned.extend(all.last().filter(|last| thinned.last() != Some(last)));
        thinned
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values: &[u64]) -> Hist {
        let mut hist = Hist::new();
        values.iter().for_each(|value| hist.record(*value));
        hist
    }

    proptest! {
        #[test]
        fn merging_is_exact_whatever_the_split(
            values in prop::collection::vec(0u64..100_000_000_000, 1..200), cut in 0usize..200, other in 0usize..200,
        ) {
            let (a, b) = (cut.min(values.len()), other.min(values.len()));
            let (low, high) = (a.min(b), a.max(b));
            let whole = of(&values);
            let (first, second, third) = (of(&values[..low]), of(&values[low..high]), of(&values[high..]));
            let mut left = first.clone();
            left.merge(&second);
            left.merge(&third);
            let mut right = third;
            right.merge(&second);
            right.merge(&first);
            prop_assert_eq!(left.curve(1000), whole.curve(1000));
            prop_assert_eq!(right.curve(1000), whole.curve(1000));
            prop_assert_eq!((left.sum(), left.min(), left.max(), left.std()), (whole.sum(), whole.min(), whole.max(), whole.std()));
        }

        #[test]
        fn quantiles_are_off_by_less_than_a_thousandth(
            mut values in prop::collection::vec(1u64..80_000_000_000_000, 1..300), q in 0.0f64..=1.0,
        ) {
            let hist = of(&values);
            values.sort_unstable();
            let rank = ((q * values.len() as f64).ceil() as usize).clamp(1, values.len());
            let exact = values[rank - 1] as f64;
            let got = hist.quantile(q).unwrap_or(0) as f64;
            prop_assert!((got - exact).abs() <= exact * 0.001, "{} against {}", got, exact);
        }
    }

    #[test]
    fn moments_are_exact() {
        let hist = of(&[2, 4, 4, 4, 5, 5, 7, 9]);
        assert_eq!((hist.mean(), hist.std()), (Some(5.0), Some(2.0)));
        assert_eq!(Hist::new().mean(), None);
        assert_eq!(Hist::new().quantile(0.5), None);
    }
}
