//! How many rows each data set of a collection gives.

use crate::error::{Failure, Result, known};

/// EvalScope's samplers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sampler {
    /// By weight.
    Weighted,
    /// The same of each.
    Uniform,
    /// By how many samples each has.
    Stratified,
}

impl Sampler {
    /// All of them by name.
    pub const ALL: [(&'static str, Sampler); 3] =
        [("weighted", Sampler::Weighted), ("uniform", Sampler::Uniform), ("stratified", Sampler::Stratified)];

    /// The one of a name.
    ///
    /// # Errors
    /// When there is none.
    pub fn named(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, sampler)| sampler).ok_or_else(|| {
            Failure::usage(format!("--sampler {name}: no such sampler"))
                .hint(format!("known are {}", known(Self::ALL.map(|(name, _)| name))))
        })
    }

    /// How many of `count` rows each data set is to give, by what each weighs and how many samples it has. Each number is
    /// rounded down, and the last data set takes what is left, as in EvalScope; they sum to `count`.
    pub fn shares(self, weights: &[f64], sizes: &[usize], count: usize) -> Vec<usize> {
        let parts = weights.len().min(sizes.len());
        let all = sizes.iter().sum::<usize>() as f64;
        let mut left = count;
        let of = |(place, (weight, size)): (usize, (&f64, &usize))| {
            let share = match self {
                _ if place + 1 == parts => left,
                Sampler::Weighted => (weight * count as f64) as usize,
                Sampler::Uniform => count / parts,
                Sampler::Stratified if all > 0.0 => (*size as f64 / all * count as f64) as usize,
                Sampler::Stratified => 0,
            };
            // Weights that sum to a little more than 1 must not draw a row too many.
            let share = share.min(left);
            left -= share;
            share
        };
        weights.iter().zip(sizes).enumerate().map(of).collect()
    }
}
