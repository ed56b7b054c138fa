//! A histogram of Prometheus: observations counted below fixed bounds.

use std::fmt::Write;

/// Observations by size.
#[derive(Debug, Clone)]
pub struct Histogram {
    /// Upper bounds in rising order; what lies above all of them is counted behind the last.
    bounds: Vec<f64>,
    counts: Vec<u64>,
    sum: f64,
}

impl Histogram {
    /// An empty histogram with these upper bounds, which rise.
    pub fn new(bounds: &[f64]) -> Self {
        Histogram { bounds: bounds.to_vec(), counts: vec![0; bounds.len() + 1], sum: 0.0 }
    }

    /// An empty histogram with the bounds 1, 2, 5, 10, 20, 50 and so on up to `most`.
    pub fn one_two_five(most: usize) -> Self {
        let decades = std::iter::successors(Some(1.0), |ten: &f64| Some(ten * 10.0));
        let bounds = decades.flat_map(|ten| [1.0, 2.0, 5.0].map(|one| one * ten));
        Self::new(&bounds.take_while(|bound| *bound <= most as f64).collect::<Vec<_>>())
    }

    /// Counts an observation; one that is equal to a bound counts below it.
    pub fn observe(&mut self, value: f64) {
        let at = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get_mut(at) {
            *count += 1;
            self.sum += value;
        }
    }

    /// Writes the samples of the histogram in Prometheus' text format. `before` and `after` are its other labels, those
    /// whose names sort before and after `le`.
    pub fn write(&self, page: &mut String, name: &str, before: &str, after: &str) {
        let mut below = 0;
        let bounds = self.bounds.iter().map(|bound| format!("{bound:?}")).chain(["+Inf".to_owned()]);
        for (count, bound) in self.counts.iter().zip(bounds) {
            below += count;
            // Writing to a string cannot fail, here and below.
            let _ = writeln!(page, "{name}_bucket{{{before},le=\"{bound}\",{after}}} {below}");
        }
        let _ = writeln!(page, "{name}_count{{{before},{after}}} {below}");
        let _ = writeln!(page, "{name}_sum{{{before},{after}}} {}", self.sum);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bounds_grow_by_one_two_and_five() {
        assert_eq!(Histogram::one_two_five(150).bounds, [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0]);
        assert_eq!(Histogram::one_two_five(0).counts, [0]);
    }

    #[test]
    fn a_page_counts_from_below() {
        let mut histogram = Histogram::new(&[0.5, 10.0]);
        [0.25, 0.5, 3.0, 99.0].into_iter().for_each(|value| histogram.observe(value));
        let mut page = String::new();
        histogram.write(&mut page, "x", "a=\"1\"", "m=\"2\"");
        assert_eq!(
            page,
            "x_bucket{a=\"1\",le=\"0.5\",m=\"2\"} 2\nx_bucket{a=\"1\",le=\"10.0\",m=\"2\"} 3\n\
             x_bucket{a=\"1\",le=\"+Inf\",m=\"2\"} 4\nx_count{a=\"1\",m=\"2\"} 4\nx_sum{a=\"1\",m=\"2\"} 102.75\n"
        );
    }

    proptest! {
        #[test]
        fn every_observation_is_in_one_bucket(values in proptest::collection::vec(0.0f64..1e4, 0..50)) {
            let mut histogram = Histogram::one_two_five(1000);
            values.iter().for_each(|value| histogram.observe(*value));
            prop_assert_eq!(histogram.counts.iter().sum::<u64>(), values.len() as u64);
            for (index, bound) in histogram.bounds.iter().enumerate() {
                let below = values.iter().filter(|value| *value <= bound).count() as u64;
                prop_assert_eq!(histogram.counts[..=index].iter().sum::<u64>(), below);
            }
        }
    }
}
