//! Logits to a token.

#![expect(clippy::needless_range_loop, reason = "see `kernel::vectorized` for why the loops count indices")]

use std::collections::HashMap;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::kernel::{exp, vectorized};
use crate::local::backend::Draw;

/// Weights whose sum is taken at once. The draw walks over blocks first.
const BLOCK: usize = 64;

/// Draws the tokens of one reply. It has a generator of its own, so that no other reply can disturb it.
#[derive(Debug)]
pub struct Sampler {
    draw: Draw,
    rng: ChaCha8Rng,
    /// Tokens seen: whether any, and how often in the reply. Kept only where a penalty needs it.
    seen: Option<HashMap<u32, u32>>,
}

impl Sampler {
    /// A sampler for a reply to `prompt`.
    pub fn new(draw: Draw, seed: u64, prompt: &[u32]) -> Self {
        let plain = draw.repetition_penalty == 1.0 && draw.frequency_penalty == 0.0 && draw.presence_penalty == 0.0;
        let seen = (!plain).then(|| prompt.iter().map(|token| (*token, 0)).collect());
        Sampler { draw, rng: ChaCha8Rng::seed_from_u64(seed), seen }
    }

    /// Draws a token. The logits are worked on in place; those at negative infinity are never drawn.
    pub fn choose(&mut self, logits: &mut [f32]) -> u32 {
        self.penalize(logits);
        let token = if self.draw.temperature == 0.0 { greatest(logits) } else { self.sample(logits) };
        if let Some(seen) = &mut self.seen {
            *seen.entry(token).or_default() += 1;
        }
        token
    }

    fn penalize(&self, logits: &mut [f32]) {
        for (token, times) in self.seen.iter().flatten() {
            let Some(logit) = logits.get_mut(*token as usize) else { continue };
            let penalty = self.draw.repetition_penalty;
            *logit = if *logit > 0.0 { *logit / penalty } else { *logit * penalty };
            if *times > 0 {
                *logit -= self.draw.frequency_penalty * *times as f32 + self.draw.presence_penalty;
            }
        }
    }

    fn sample(&mut self, logits: &mut [f32]) -> u32 {
        weigh(logits, self.draw.temperature);
        // 53 bits make every number of [0, 1) that an f64 can tell apart from its neighbours.
        let unit = (self.rng.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64);
        let floor = self.floor(logits);
        if floor > 0.0 {
            logits.iter_mut().filter(|weight| **weight < floor).for_each(|weight| *weight = 0.0);
        }
        pick(logits, unit)
    }

    /// The weight that `min_p`, `top_k` and then `top_p` ask for at least. Equal weights stay or go together.
    fn floor(&self, weights: &[f32]) -> f32 {
        let Draw { top_k, top_p, min_p, .. } = self.draw;
        // The greatest weight is 1, so a share of it is a weight.
        let by_count = min_p.max(top_k.map_or(0.0, |k| highest(|floor| total(weights, floor, |_| 1.0) >= k as f32)));
        if top_p >= 1.0 {
            return by_count;
        }
        let share = top_p * total(weights, by_count, |weight| weight);
        by_count.max(highest(|floor| total(weights, floor, |weight| weight) >= share))
    }
}

/// How likely tokens are, by the logits of the model as they are.
#[derive(Debug)]
pub struct Likely {
    logits: Vec<f32>,
    /// What is taken from a logit to make it the logarithm of a probability.
    norm: f32,
    count: usize,
}

impl Likely {
    /// Of these logits; the `count` likeliest can be told.
    pub fn of(logits: &[f32], count: usize) -> Self {
        let most = maximum(logits);
        let sum: f64 = logits.iter().map(|logit| f64::from(logit - most).exp()).sum();
        Likely { logits: logits.to_vec(), norm: most + sum.ln() as f32, count }
    }

    /// The natural logarithm of the probability of a token.
    pub fn logprob(&self, token: u32) -> f32 {
        self.logits.get(token as usize).map_or(f32::NEG_INFINITY, |logit| logit - self.norm)
    }

    /// The likeliest tokens in falling order, of equals the first.
    pub fn top(&self) -> Vec<u32> {
        let mut tokens: Vec<u32> = (0..self.logits.len() as u32).collect();
        let falling = |a: &u32, b: &u32| self.logits[*b as usize].total_cmp(&self.logits[*a as usize]).then(a.cmp(b));
        let count = self.count.min(tokens.len());
        if count < tokens.len() {
            tokens.select_nth_unstable_by(count, falling);
            tokens.truncate(count);
        }
        tokens.sort_unstable_by(falling);
        tokens
    }
}

/// The highest floor that leaves enough, found by halving: floats of one sign are ordered like their bits. It takes 30
/// passes over the weights, which is several times faster than sorting them.
fn highest(enough: impl Fn(f32) -> bool) -> f32 {
    // The greatest weight is 1, as the exponential of 0.
    let (mut low, mut high) = (0, 1.0f32.to_bits() + 1);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if enough(f32::from_bits(middle)) {
            low = middle;
        } else {
            high = middle;
        }
    }
    f32::from_bits(low)
}

/// The sum of a measure of the weights that are not below the floor.
#[inline(always)]
fn total(weights: &[f32], floor: f32, measure: impl Fn(f32) -> f32) -> f32 {
    vectorized(
        #[inline(always)]
        || {
            let (blocks, rest) = weights.as_chunks::<16>();
            let mut sums = [0.0f32; 16];
            for b in 0..blocks.len() {
                let block = &blocks[b];
                for i in 0..16 {
                    sums[i] += if block[i] >= floor { measure(block[i]) } else { 0.0 };
                }
            }
            let rest = rest.iter().filter(|weight| **weight >= floor).map(|weight| measure(*weight));
            sums.iter().copied().chain(rest).sum()
        },
    )
}

/// The token of the greatest logit, the first of equals.
fn greatest(logits: &[f32]) -> u32 {
    let most = maximum(logits);
    logits.iter().position(|logit| *logit == most).unwrap_or(0) as u32
}

fn maximum(logits: &[f32]) -> f32 {
    vectorized(
        #[inline(always)]
        || {
            let (blocks, rest) = logits.as_chunks::<16>();
            let mut most = [f32::NEG_INFINITY; 16];
            for b in 0..blocks.len() {
                let block = &blocks[b];
                for i in 0..16 {
                    most[i] = if block[i] > most[i] { block[i] } else { most[i] };
                }
            }
            most.iter().chain(rest).copied().fold(f32::NEG_INFINITY, f32::max)
        },
    )
}

/// Logits to weights: the exponentials, up to a factor. What was at negative infinity weighs nothing.
fn weigh(logits: &mut [f32], temperature: f32) {
    let most = maximum(logits);
    let sharpness = 1.0 / temperature;
    vectorized(
        #[inline(always)]
        || {
            for i in 0..logits.len() {
                let weight = exp((logits[i] - most) * sharpness);
                logits[i] = if logits[i] == f32::NEG_INFINITY { 0.0 } else { weight };
            }
        },
    );
}

/// The index at which the running sum of the weights passes the given share of the whole.
fn pick(weights: &[f32], unit: f64) -> u32 {
    let sum = |block: &[f32]| f64::from(block.iter().sum::<f32>());
    let total: f64 = weights.chunks(BLOCK).map(sum).sum();
    let mut left = total * unit;
    for (b, block) in weights.chunks(BLOCK).enumerate() {
        let weight = sum(block);
        if left >= weight {
            left -= weight;
            continue;
        }
        for (i, weight) in block.iter().enumerate().filter(|(_, weight)| **weight > 0.0) {
            left -= f64::from(*weight);
            if left < 0.0 {
                return (b * BLOCK + i) as u32;
            }
        }
    }
    // Rounding may leave a trifle after the last weight. The last token of any weight gets it.
    weights.iter().rposition(|weight| *weight > 0.0).unwrap_or(0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(draw: Draw, seed: u64, logits: &[f32]) -> Vec<u32> {
        let mut sampler = Sampler::new(draw, seed, &[]);
        (0..2000).map(|_| sampler.choose(&mut logits.to_vec())).collect()
    }

    fn share(tokens: &[u32], token: u32) -> f64 {
        tokens.iter().filter(|drawn| **drawn == token).count() as f64 / tokens.len() as f64
    }

    #[test]
    fn shares_follow_the_weights_and_the_seed() {
        let logits = [0.5f32.ln(), 0.3f32.ln(), f32::NEG_INFINITY, 0.2f32.ln()];
        let tokens = drawn(Draw::default(), 1, &logits);
        for (token, expected) in [(0, 0.5), (1, 0.3), (2, 0.0), (3, 0.2)] {
            assert!((share(&tokens, token) - expected).abs() < 0.05, "{token}");
        }
        assert_eq!(tokens, drawn(Draw::default(), 1, &logits));
        assert_ne!(tokens, drawn(Draw::default(), 2, &logits));
        let cold = drawn(Draw { temperature: 0.5, ..Draw::default() }, 1, &logits);
        assert!((share(&cold, 0) - 0.25 / 0.38).abs() < 0.05);
    }

    #[test]
    fn top_k_and_top_p_cut_the_tail() {
        let logits = [0.2f32.ln(), 0.5f32.ln(), 0.14f32.ln(), 0.16f32.ln()];
        let two = drawn(Draw { top_k: Some(2), ..Draw::default() }, 3, &logits);
        assert!(share(&two, 1) + share(&two, 0) == 1.0 && (share(&two, 1) - 5.0 / 7.0).abs() < 0.05);
        let most = drawn(Draw { top_p: 0.65, ..Draw::default() }, 3, &logits);
        assert!(share(&most, 1) + share(&most, 0) == 1.0 && share(&most, 0) > 0.0);
        let one = drawn(Draw { top_p: 0.01, ..Draw::default() }, 3, &logits);
        assert_eq!(share(&one, 1), 1.0);
    }

    #[test]
    fn min_p_is_a_share_of_the_greatest() {
        let logits = [0.5f32.ln(), 0.3f32.ln(), 0.15f32.ln(), 0.05f32.ln()];
        let drawn = drawn(Draw { min_p: 0.2, ..Draw::default() }, 3, &logits);
        assert!(share(&drawn, 2) > 0.0 && share(&drawn, 3) == 0.0);
    }

    #[test]
    fn the_likeliest_are_told_with_their_logarithms() {
        let logits = [0.2f32.ln() + 3.0, 0.5f32.ln() + 3.0, 0.1f32.ln() + 3.0, 0.2f32.ln() + 3.0];
        let likely = Likely::of(&logits, 3);
        assert_eq!((likely.top(), Likely::of(&logits, 9).top()), (vec![1, 0, 3], vec![1, 0, 3, 2]));
        assert!((likely.logprob(1) - 0.5f32.ln()).abs() < 1e-6);
        assert!(Likely::of(&logits, 0).top().is_empty());
    }

    #[test]
    fn penalties_move_the_greatest() {
        let greedy = Draw { temperature: 0.0, ..Draw::default() };
        let logits = [1.0, 2.0, 1.5];
        assert_eq!(drawn(greedy.clone(), 0, &logits)[..3], [1, 1, 1]);
        assert_eq!(drawn(Draw { presence_penalty: 0.75, ..greedy.clone() }, 0, &logits)[..3], [1, 2, 1]);
        assert_eq!(drawn(Draw { frequency_penalty: 0.3, ..greedy.clone() }, 0, &logits)[..4], [1, 1, 2, 1]);
        assert_eq!(drawn(Draw { repetition_penalty: 4.0, ..greedy }, 0, &logits)[..3], [1, 2, 0]);
    }

    #[test]
    fn the_last_share_goes_to_a_token_of_some_weight() {
        let weights: Vec<f32> = (0..100).map(|i| if i < 70 { 1.0 } else { 0.0 }).collect();
        assert_eq!(pick(&weights, 0.999_999_999_999), 69);
        assert_eq!(pick(&weights, 0.0), 0);
        assert_eq!(pick(&weights, 0.5), 35);
    }
}
