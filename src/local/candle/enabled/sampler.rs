//! Logits to a token.

use std::cmp::Ordering;
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
    kept: Vec<(f32, u32)>,
}

impl Sampler {
    /// A sampler for a reply to `prompt`.
    pub fn new(draw: Draw, seed: u64, prompt: &[u32]) -> Self {
        let plain = draw.repetition_penalty == 1.0 && draw.frequency_penalty == 0.0 && draw.presence_penalty == 0.0;
        let seen = (!plain).then(|| prompt.iter().map(|token| (*token, 0)).collect());
        Sampler { draw, rng: ChaCha8Rng::seed_from_u64(seed), seen, kept: Vec::new() }
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
        if self.draw.top_k.is_none() && self.draw.top_p >= 1.0 {
            pick(logits, unit)
        } else {
            self.keep(logits);
            let weights: Vec<f32> = self.kept.iter().map(|(weight, _)| *weight).collect();
            self.kept[pick(&weights, unit) as usize].1
        }
    }

    /// Keeps the tokens that `top_k` and then `top_p` leave, the heaviest first, equals by their id.
    fn keep(&mut self, weights: &[f32]) {
        let order = |a: &(f32, u32), b: &(f32, u32)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
        let kept = &mut self.kept;
        kept.clear();
        kept.extend(weights.iter().copied().zip(0u32..).filter(|(weight, _)| *weight > 0.0));
        if let Some(k) = self.draw.top_k.filter(|k| *k < kept.len()) {
            kept.select_nth_unstable_by(k - 1, order);
            kept.truncate(k);
        }
        if self.draw.top_p < 1.0 {
            let total: f32 = kept.iter().map(|(weight, _)| weight).sum();
            // All tokens lighter than an equal share of what is cut off are cut off together, which spares sorting
            // the long tail.
            let floor = total * (1.0 - self.draw.top_p) / kept.len() as f32;
            kept.retain(|(weight, _)| *weight >= floor);
            kept.sort_unstable_by(order);
            let mut left = total * self.draw.top_p;
            let enough = kept.iter().position(|(weight, _)| {
                left -= weight;
                left <= 0.0
            });
            kept.truncate(enough.map_or(kept.len(), |last| last + 1));
        } else {
            kept.sort_unstable_by(order);
        }
    }
}

/// The token of the greatest logit, the first of equals.
fn greatest(logits: &[f32]) -> u32 {
    let most = maximum(logits);
    logits.iter().position(|logit| logit.total_cmp(&most) == Ordering::Equal).unwrap_or(0) as u32
}

fn maximum(logits: &[f32]) -> f32 {
    vectorized(
        #[inline(always)]
        || {
            let (blocks, rest) = logits.as_chunks::<16>();
            let mut most = [f32::NEG_INFINITY; 16];
            for block in blocks {
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
            for logit in logits {
                let weight = exp((*logit - most) * sharpness);
                *logit = if *logit == f32::NEG_INFINITY { 0.0 } else { weight };
            }
        },
    );
}

/// The index at which the running sum of the weights passes the given share of the whole.
fn pick(weights: &[f32], unit: f64) -> u32 {
    let sum = |block: &[f32]| f64::from(block.iter().sum::<f32>());
    let total: f64 = weights.chunks(BLOCK).map(sum).sum();
    let mut left = total * unit;
    let mut last = 0;
    for (b, block) in weights.chunks(BLOCK).enumerate() {
        let weight = sum(block);
        if left >= weight {
            left -= weight;
            continue;
        }
        for (i, weight) in block.iter().enumerate().filter(|(_, weight)| **weight > 0.0) {
            last = b * BLOCK + i;
            left -= f64::from(*weight);
            if left < 0.0 {
                return last as u32;
            }
        }
    }
    // Rounding may leave a trifle after the last weight. The last token of any weight gets it.
    let heavy = weights.iter().rposition(|weight| *weight > 0.0).unwrap_or(last);
    if last > 0 { last as u32 } else { heavy as u32 }
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
        let logits = [0.2f32.ln(), 0.5f32.ln(), 0.1f32.ln(), 0.2f32.ln()];
        let two = drawn(Draw { top_k: Some(2), ..Draw::default() }, 3, &logits);
        assert!(share(&two, 1) + share(&two, 0) == 1.0 && (share(&two, 1) - 5.0 / 7.0).abs() < 0.05);
        let most = drawn(Draw { top_p: 0.65, ..Draw::default() }, 3, &logits);
        assert!(share(&most, 1) + share(&most, 0) == 1.0 && share(&most, 0) > 0.0);
        let one = drawn(Draw { top_p: 0.01, ..Draw::default() }, 3, &logits);
        assert_eq!(share(&one, 1), 1.0);
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
