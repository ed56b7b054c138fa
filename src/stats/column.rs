//! A column of values whose quantiles are exact while it is short and bounded in memory when it is long.

use crate::hist::Hist;

/// Beyond this many values a column is kept as a histogram.
pub(super) const EXACT: usize = 20_000;
/// Steps of the histogram to a unit: a nanosecond where values are seconds.
const STEPS: f64 = 1e9;

/// Values with their exact sum. Quantiles are of nearest rank; those of a long column are off by less than 0.1 %.
#[derive(Debug, Clone, Default)]
pub(super) struct Column {
    values: Vec<f64>,
    long: Option<Box<Hist>>,
    sum: f64,
    n: u64,
    bounds: Option<(f64, f64)>,
}

impl Column {
    /// Adds a value; what is not finite is no value.
    pub(super) fn push(&mut self, value: f64) {
        self.push_up_to(EXACT, value);
    }

    /// The same, for a column that is kept exact up to `exact` values.
    pub(super) fn push_up_to(&mut self, exact: usize, value: f64) {
        if !value.is_finite() {
            return;
        }
        self.sum += value;
        self.n += 1;
        self.bounds = Some(self.bounds.map_or((value, value), |(min, max)| (min.min(value), max.max(value))));
        if let Some(long) = &mut self.long {
            long.record(steps(value));
        } else {
            self.values.push(value);
            if self.values.len() > exact {
                let mut long = Hist::new();
                std::mem::take(&mut self.values).into_iter().for_each(|value| long.record(steps(value)));
                self.long = Some(Box::new(long));
            }
        }
    }

    pub(super) fn sum(&self) -> f64 {
        self.sum
    }

    pub(super) fn len(&self) -> u64 {
        self.n
    }

    pub(super) fn mean(&self) -> Option<f64> {
        (self.n > 0).then(|| self.sum / self.n as f64)
    }

    /// Whether quantiles come from a histogram.
    pub(super) fn is_long(&self) -> bool {
        self.long.is_some()
    }

    /// The values at these percents, by nearest rank; the ends are exact.
    pub(super) fn at(&self, percents: &[f64]) -> Vec<Option<f64>> {
        let mut sorted = self.values.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let one = |percent: f64| match (&self.long, self.bounds) {
            (_, None) => None,
            (Some(_), Some((min, _))) if percent <= 0.0 => Some(min),
            (Some(_), Some((_, max))) if percent >= 100.0 => Some(max),
            (Some(long), _) => long.quantile(percent / 100.0).map(|value| value as f64 / STEPS),
            (None, _) => {
                let rank = (sorted.len() as f64 * percent / 100.0).ceil() as usize;
                sorted.get(rank.max(1) - 1).copied()
            }
        };
        percents.iter().map(|percent| one(*percent)).collect()
    }

    /// The values at these percents, interpolated linearly between neighbours, as numpy does; `None` of an empty column.
    pub(super) fn between<const N: usize>(&self, percents: [f64; N]) -> Option<[f64; N]> {
        let mut sorted = self.values.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let exact = |percent: f64| {
            let place = (sorted.len() - 1) as f64 * percent / 100.0;
            let (below, share) = (place.floor(), place.fract());
            let at = |index: f64| sorted[(index as usize).min(sorted.len() - 1)];
            at(below) + share * (at(below + 1.0) - at(below))
        };
        self.bounds?;
        // Neighbours of a long column lie so near that there is nothing to interpolate.
        Some(percents.map(|percent| match &self.long {
            Some(_) => self.at(&[percent])[0].unwrap_or(0.0),
            None => exact(percent),
        }))
    }
}

fn steps(value: f64) -> u64 {
    (value * STEPS).round().max(0.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_column_agrees_with_the_exact_one() {
        let mut column = Column::default();
        let values: Vec<f64> = (0..2 * EXACT).map(|i| 0.001 + (i * 7919 % (2 * EXACT)) as f64 * 1e-6).collect();
        values.iter().for_each(|value| column.push(*value));
        assert!(column.is_long());
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        let percents = [0.0, 1.0, 50.0, 99.0, 100.0];
        for (found, percent) in column.at(&percents).into_iter().zip(percents) {
            let rank = (sorted.len() as f64 * percent / 100.0).ceil() as usize;
            let exact = sorted[rank.max(1) - 1];
            assert!(found.is_some_and(|found| (found - exact).abs() <= 0.001 * exact), "{percent}: {found:?} {exact}");
        }
        let sum: f64 = values.iter().sum();
        assert_eq!((column.sum(), column.len()), (sum, values.len() as u64));
    }

    #[test]
    fn an_empty_column_has_nothing() {
        let mut column = Column::default();
        column.push(f64::NAN);
        assert_eq!((column.mean(), column.at(&[50.0]), column.between([50.0])), (None, vec![None], None));
    }

    #[test]
    fn between_two_values_a_line_is_drawn() {
        let mut column = Column::default();
        [4.0, 1.0, 2.0].into_iter().for_each(|value| column.push(value));
        let found = column.between([0.0, 50.0, 75.0, 90.0, 100.0]);
        assert_eq!(found, Some([1.0, 2.0, 3.0, 3.6, 4.0]));
    }
}
