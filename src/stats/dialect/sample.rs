//! Mean, spread and percentiles as numpy gives them by default.

/// Values in ascending order.
#[derive(Debug, Clone, Default)]
pub(super) struct Sample(Vec<f64>);

impl Sample {
    pub(super) fn of(mut values: Vec<f64>) -> Self {
        values.sort_unstable_by(f64::total_cmp);
        Sample(values)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn sum(&self) -> f64 {
        self.0.iter().sum()
    }

    pub(super) fn mean(&self) -> Option<f64> {
        (!self.0.is_empty()).then(|| self.sum() / self.0.len() as f64)
    }

    /// Standard deviation with divisor n.
    pub(super) fn std(&self) -> Option<f64> {
        let mean = self.mean()?;
        let squares: f64 = self.0.iter().map(|value| (value - mean).powi(2)).sum();
        Some((squares / self.0.len() as f64).sqrt())
    }

    pub(super) fn min(&self) -> Option<f64> {
        self.0.first().copied()
    }

    pub(super) fn max(&self) -> Option<f64> {
        self.0.last().copied()
    }

    /// Percentile with linear interpolation between the values beside rank (n - 1) p / 100.
    pub(super) fn percentile(&self, percent: f64) -> Option<f64> {
        let last = self.0.len().checked_sub(1)?;
        let rank = last as f64 * percent / 100.0;
        let below = (rank as usize).min(last);
        let low = self.0[below];
        let high = self.0[(below + 1).min(last)];
        Some(low + (rank - below as f64) * (high - low))
    }

    /// Each value times a factor that is positive.
    pub(super) fn times(&self, factor: f64) -> Sample {
        Sample(self.0.iter().map(|value| value * factor).collect())
    }
}

/// How a percentile is named in keys: `p99`, `p99.9`.
pub(super) fn percent_key(percent: f64) -> String {
    format!("p{percent}")
}
