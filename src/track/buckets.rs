//! A histogram with fixed bounds, as OpenTelemetry and Prometheus take it.

/// Counts of values up to each bound, with the exact sum, least and greatest value beside them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Buckets {
    bounds: &'static [f64],
    /// One count a bound, and one for what lies above them all.
    counts: Vec<u64>,
    sum: f64,
    range: Option<(f64, f64)>,
}

impl Buckets {
    /// An empty histogram; a value counts for the first bound that it does not exceed.
    pub(super) fn new(bounds: &'static [f64]) -> Self {
        Buckets { bounds, counts: vec![0; bounds.len() + 1], sum: 0.0, range: None }
    }

    pub(super) fn add(&mut self, value: f64) {
        let at = self.bounds.partition_point(|bound| *bound < value);
        self.counts[at] += 1;
        self.sum += value;
        self.range = Some(self.range.map_or((value, value), |(least, most)| (least.min(value), most.max(value))));
    }

    /// Adds a value where there is one.
    pub(super) fn add_some(&mut self, value: Option<f64>) {
        if let Some(value) = value {
            self.add(value);
        }
    }

    pub(super) fn bounds(&self) -> &'static [f64] {
        self.bounds
    }

    pub(super) fn counts(&self) -> &[u64] {
        &self.counts
    }

    pub(super) fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    pub(super) fn sum(&self) -> f64 {
        self.sum
    }

    /// Least and greatest value; `None` where there is no value.
    pub(super) fn range(&self) -> Option<(f64, f64)> {
        self.range
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_counts_for_the_first_bound_that_it_does_not_exceed() {
        let mut buckets = Buckets::new(&[1.0, 2.0]);
        [0.5, 1.0, 1.5, 2.5].into_iter().for_each(|value| buckets.add(value));
        buckets.add_some(None);
        assert_eq!(buckets.counts(), [2, 1, 1]);
        assert_eq!((buckets.count(), buckets.sum(), buckets.range()), (4, 5.5, Some((0.5, 2.5))));
        assert_eq!(Buckets::new(&[]).range(), None);
    }
}
