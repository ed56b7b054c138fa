//! How many rows each data set of a mixture gives.

/// EvalScope's samplers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sampler {
    /// By the weights of the schema.
    Weighted,
    /// As many of each.
    Uniform,
    /// By how many rows they have.
    Stratified,
}

impl Sampler {
    /// How many rows of each data set are asked for, which add up to `count`: whole numbers are cut off, not rounded, and the
    /// last data set gets what is left. `weights` add up to 1, `sizes` are the rows that there are.
    pub fn counts(self, count: usize, weights: &[f64], sizes: &[usize]) -> Vec<usize> {
        let all: usize = sizes.iter().sum();
        let wanted = |place: usize| match self {
            Sampler::Weighted => (weights[place] * count as f64) as usize,
            Sampler::Uniform => count / sizes.len(),
            Sampler::Stratified if all == 0 => 0,
            Sampler::Stratified => (sizes[place] as f64 / all as f64 * count as f64) as usize,
        };
        let mut left = count;
        let last = sizes.len().saturating_sub(1);
        let mut counts = Vec::with_capacity(sizes.len());
        for place in 0..sizes.len() {
            // Weights that add up to a bit more than 1 do not take more than there is.
            let own = if place == last { left } else { wanted(place).min(left) };
            left -= own;
            counts.push(own);
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn shares_are_cut_off_and_the_last_takes_the_rest() {
        let (weights, sizes) = ([0.5, 0.25, 0.25], [10, 70, 20]);
        assert_eq!(Sampler::Weighted.counts(11, &weights, &sizes), [5, 2, 4]);
        assert_eq!(Sampler::Uniform.counts(11, &weights, &sizes), [3, 3, 5]);
        assert_eq!(Sampler::Stratified.counts(11, &weights, &sizes), [1, 7, 3]);
        assert_eq!(Sampler::Stratified.counts(4, &weights, &[0, 0, 0]), [0, 0, 4]);
    }

    proptest! {
        #[test]
        fn counts_add_up(count in 0..5_000usize, shares in prop::collection::vec((0.01..9.0f64, 0..400usize), 1..9)) {
            let total: f64 = shares.iter().map(|(weight, _)| weight).sum();
            let weights: Vec<f64> = shares.iter().map(|(weight, _)| weight / total).collect();
            let sizes: Vec<usize> = shares.iter().map(|(_, size)| *size).collect();
            for sampler in [Sampler::Weighted, Sampler::Uniform, Sampler::Stratified] {
                prop_assert_eq!(sampler.counts(count, &weights, &sizes).iter().sum::<usize>(), count);
            }
        }
    }
}
