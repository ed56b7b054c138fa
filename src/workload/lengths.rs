//! Lengths drawn from a spread.

use rand::distr::Distribution;
use rand::distr::weighted::WeightedIndex;
use rand_chacha::ChaCha8Rng;
use rand_distr::{LogNormal, Normal};

use super::rng;
use crate::error::{Failure, Result};
use crate::plan::dataset::{Pair, Spread};

/// A spread ready to be drawn from.
#[derive(Debug, Clone)]
pub(super) enum Lengths {
    /// Each length between the bounds alike.
    Uniform(u32, u32),
    /// Normal, held between the bounds.
    Normal(Normal<f64>, u32, u32),
    /// Lognormal, held between the bounds.
    Lognormal(LogNormal<f64>, u32, u32),
    /// Given lengths by weight.
    Values(WeightedIndex<f64>, Vec<u32>),
}

impl Lengths {
    /// Prepares a spread.
    pub(super) fn of(spread: &Spread) -> Result<Self> {
        Ok(match spread {
            Spread::Uniform(min, max) => Lengths::Uniform(*min, *max),
            Spread::Normal(bell) => {
                Lengths::Normal(Normal::new(bell.mean, bell.std).map_err(refused)?, bell.min, bell.max)
            }
            Spread::Lognormal(bell) => {
                let spread = LogNormal::from_mean_cv(bell.mean, bell.std / bell.mean).map_err(refused)?;
                Lengths::Lognormal(spread, bell.min, bell.max)
            }
            Spread::Values(values) => {
                let (lengths, weights): (Vec<u32>, Vec<f64>) = values.iter().copied().unzip();
                Lengths::Values(WeightedIndex::new(weights).map_err(refused)?, lengths)
            }
        })
    }

    /// Draws one.
    pub(super) fn draw(&self, rng: &mut ChaCha8Rng) -> u32 {
        let held = |value: f64, min: u32, max: u32| (value.round() as u32).clamp(min, max);
        match self {
            Lengths::Uniform(min, max) => rng::within(rng, *min, *max),
            Lengths::Normal(normal, min, max) => held(normal.sample(rng), *min, *max),
            Lengths::Lognormal(lognormal, min, max) => held(lognormal.sample(rng), *min, *max),
            Lengths::Values(index, lengths) => lengths.get(index.sample(rng)).copied().unwrap_or(1),
        }
    }
}

/// Lengths of prompt and reply that belong together.
#[derive(Debug, Clone)]
pub(super) struct Pairs {
    index: WeightedIndex<f64>,
    pairs: Vec<Pair>,
}

impl Pairs {
    /// Prepares pairs; `None` where there are none.
    pub(super) fn of(pairs: &[Pair]) -> Result<Option<Self>> {
        if pairs.is_empty() {
            return Ok(None);
        }
        let index = WeightedIndex::new(pairs.iter().map(|pair| pair.weight)).map_err(refused)?;
        Ok(Some(Pairs { index, pairs: pairs.to_vec() }))
    }

    /// Draws one.
    pub(super) fn draw(&self, rng: &mut ChaCha8Rng) -> Option<Pair> {
        self.pairs.get(self.index.sample(rng)).copied()
    }
}

/// Group `k` of `groups`, from 0, with weight `(k + 1)^-exponent`.
pub(super) fn zipf(groups: u32, exponent: f64) -> Result<WeightedIndex<f64>> {
    WeightedIndex::new((1..=groups).map(|rank| f64::from(rank).powf(-exponent))).map_err(refused)
}

fn refused(error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Failure::usage("--dataset-args: lengths or weights cannot be drawn from").because(error)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::rng::{Purpose, stream};
    use super::super::testing::TestResult;
    use super::*;

    fn draws(spread: Value) -> TestResult<Vec<f64>> {
        let lengths = Lengths::of(&serde_json::from_value(spread)?)?;
        let mut rng = stream(3, Purpose::Length, 0);
        Ok((0..20_000).map(|_| f64::from(lengths.draw(&mut rng))).collect())
    }

    fn moments(draws: &[f64]) -> (f64, f64) {
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        let variance = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / draws.len() as f64;
        (mean, variance.sqrt())
    }

    #[test]
    fn means_and_deviations_are_the_asked_ones() -> TestResult {
        for (spread, mean, std) in [
            (json!([100, 300]), 200.0, 58.0),
            (json!({"normal": {"mean": 500, "std": 90}}), 500.0, 90.0),
            (json!({"lognormal": {"mean": 500, "std": 250}}), 500.0, 250.0),
            (json!({"values": [[100, 3], [200, 1]]}), 125.0, 43.3),
        ] {
            let (found_mean, found_std) = moments(&draws(spread.clone())?);
            assert!((found_mean / mean - 1.0).abs() < 0.02, "{spread}: mean {found_mean}");
            assert!((found_std / std - 1.0).abs() < 0.05, "{spread}: deviation {found_std}");
        }
        Ok(())
    }

    #[test]
    fn bounds_hold() -> TestResult {
        let drawn = draws(json!({"normal": {"mean": 10, "std": 50, "min": 4, "max": 20}}))?;
        assert!(drawn.iter().all(|length| (4.0..=20.0).contains(length)));
        Ok(())
    }

    #[test]
    fn groups_come_as_often_as_zipf_says() -> TestResult {
        let groups = zipf(4, 1.0)?;
        let mut rng = stream(3, Purpose::Group, 0);
        let mut counts = [0.0_f64; 4];
        (0..40_000).for_each(|_| counts[groups.sample(&mut rng)] += 1.0);
        for (rank, count) in counts.iter().enumerate() {
            let ratio = counts[0] / count;
            assert!((ratio / (rank + 1) as f64 - 1.0).abs() < 0.06, "{counts:?}");
        }
        Ok(())
    }
}
