//! The bootstrap (Efron): the spread of a figure from samples drawn out of the sample.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::Bounds;
use super::distribution::{normal_cdf, normal_quantile};
use super::mean::variance;
use super::percentile::{Method, percentile};

/// Draws of `n` indices with replacement, so many rounds of them; the same seed gives the same draws.
pub fn draws(n: usize, rounds: usize, seed: u64) -> impl Iterator<Item = Vec<usize>> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    // The upper half of a product is an index without a bias that could be seen.
    let mut index = move || ((u128::from(random.next_u64()) * n as u128) >> 64) as usize;
    (0..rounds).map(move |_| (0..n).map(|_| index()).collect())
}

/// A figure of the sample and of samples drawn from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Bootstrap {
    estimate: f64,
    drawn: Vec<f64>,
    /// The figure without each of the items in turn.
    without: Vec<f64>,
}

impl Bootstrap {
    /// Makes the figure of the values, of the drawn ones, and of all but one. Indices that are none are left out.
    pub fn of(values: &[f64], draws: impl IntoIterator<Item = Vec<usize>>, figure: impl Fn(&[f64]) -> f64) -> Self {
        let pick =
            |indices: Vec<usize>| indices.iter().filter_map(|index| values.get(*index)).copied().collect::<Vec<_>>();
        let drawn = draws.into_iter().map(|indices| figure(&pick(indices))).collect();
        let but = |left_out: usize| -> Vec<f64> {
            values.iter().enumerate().filter(|(index, _)| *index != left_out).map(|(_, value)| *value).collect()
        };
        let without = (0..values.len()).map(|index| figure(&but(index))).collect();
        Bootstrap { estimate: figure(values), drawn, without }
    }

    /// The figure of the sample.
    pub fn estimate(&self) -> f64 {
        self.estimate
    }

    /// The figures of the drawn samples.
    pub fn drawn(&self) -> &[f64] {
        &self.drawn
    }

    /// Standard deviation of the drawn figures.
    pub fn standard_error(&self) -> Option<f64> {
        Some(variance(&self.drawn)?.sqrt())
    }

    fn at(&self, share: f64) -> Option<f64> {
        percentile(&self.drawn, 100.0 * share, Method::Linear)
    }

    /// Percentiles of the drawn figures.
    pub fn percentile(&self, confidence: f64) -> Option<Bounds> {
        let tail = 0.5 * (1.0 - confidence);
        Some(Bounds { low: self.at(tail)?, high: self.at(1.0 - tail)? })
    }

    /// The percentiles mirrored at the estimate.
    pub fn basic(&self, confidence: f64) -> Option<Bounds> {
        let Bounds { low, high } = self.percentile(confidence)?;
        Some(Bounds { low: 2.0 * self.estimate - high, high: 2.0 * self.estimate - low })
    }

    /// The bias of the drawn figures in standard errors: the normal quantile of the share below the estimate, equals
    /// counting half.
    pub fn bias(&self) -> Option<f64> {
        // The order of a sum changes its last digits, which makes no draw less or more.
        let close = 1e-12 * self.estimate.abs();
        let equal = self.drawn.iter().filter(|figure| (**figure - self.estimate).abs() <= close).count() as f64;
        let below = self.drawn.iter().filter(|figure| **figure < self.estimate - close).count() as f64;
        (!self.drawn.is_empty()).then(|| normal_quantile((below + 0.5 * equal) / self.drawn.len() as f64))
    }

    /// How the standard error changes with the figure, by the jackknife; 0 where the figure does not change.
    pub fn acceleration(&self) -> f64 {
        let middle = self.without.iter().sum::<f64>() / self.without.len().max(1) as f64;
        let sum = |power: i32| self.without.iter().map(|figure| (middle - figure).powi(power)).sum::<f64>();
        let squares = sum(2);
        if squares > 0.0 { sum(3) / (6.0 * squares.powf(1.5)) } else { 0.0 }
    }

    /// Percentiles corrected for bias and acceleration (BCa; Efron, 1987). `None` where all drawn figures lie on one side.
    pub fn bca(&self, confidence: f64) -> Option<Bounds> {
        let bias = self.bias().filter(|bias| bias.is_finite())?;
        let acceleration = self.acceleration();
        let share = |z: f64| normal_cdf(bias + (bias + z) / (1.0 - acceleration * (bias + z)));
        let z = normal_quantile(0.5 + 0.5 * confidence);
        Some(Bounds { low: self.at(share(-z))?, high: self.at(share(z))? })
    }
}
