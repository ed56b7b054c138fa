//! Weights drawn from a seed.
//!
//! They are uniform and drawn in a fixed order by one generator a tensor, with additions and multiplications only, so that
//! a seed means the same weights on every machine.

use bytes::Bytes;
use half::f16;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::checkpoint::Stored;
use super::config::Shape;
use super::convert::encode;
use super::kernel::Kind;
use super::load::{Part, Source};
use crate::error::{Failure, Result};

/// How far a score of attention lies from its mean. Above 1, so that heads pick a few tokens out of the past: with an
/// even mix of everything the replies soon repeat themselves.
const SCORE_GAIN: f32 = 2.0;

/// How far a logit lies from its mean. With some thousand tokens the most likely one then has a few hundredths of the
/// probability, and every token is drawn now and then.
const LOGIT_GAIN: f32 = 2.5;

/// Weights of a block of Q8_0, and its bytes.
const BLOCK: (usize, usize) = (32, 34);

/// The seed of a model's weights: two models share none.
pub fn seed(model: &str, seed: u64) -> u64 {
    model.bytes().fold(seed, |seed, byte| mix(seed, u64::from(byte)))
}

/// Mixes a number into a seed (splitmix64).
pub fn mix(seed: u64, number: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_add(number.wrapping_mul(0xd134_2543_de82_ef95));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The weights of a model that are drawn.
#[derive(Debug)]
pub struct Drawn {
    name: String,
    seed: u64,
    kind: Kind,
    tied: bool,
    vocabulary: usize,
}

impl Drawn {
    /// Weights of a seed in a kind.
    ///
    /// # Errors
    /// When weights of that kind cannot be drawn.
    pub fn new(name: &str, shape: &Shape, seed: u64, kind: Kind) -> Result<Self> {
        if matches!(kind, Kind::Q4K | Kind::Q5K | Kind::Q6K) {
            return Err(Failure::usage(format!("--dtype: {name} cannot be drawn in {kind:?}"))
                .hint("weights are drawn in f32, f16, bf16 or q8_0"));
        }
        Ok(Drawn { name: name.to_owned(), seed, kind, tied: shape.tied, vocabulary: shape.vocabulary })
    }

    /// How far the weights of a part lie from their mean: what goes through keeps its variance, times a gain.
    fn deviation(&self, part: Part, inner: usize) -> f32 {
        let gain = match part {
            Part::Embedding if !self.tied => return 1.0,
            Part::Queries | Part::Keys | Part::Values => SCORE_GAIN.sqrt(),
            Part::Gate | Part::Up | Part::Closing => 1.5,
            Part::Embedding | Part::Head => LOGIT_GAIN,
            _ => 1.0,
        };
        gain / (inner as f32).sqrt()
    }

    fn rng(&self, part: Part, layer: usize) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(mix(mix(self.seed, layer as u64), part as u64))
    }
}

impl Source for Drawn {
    fn matrix(&self, part: Part, layer: usize, outer: usize, inner: usize) -> Result<Stored> {
        let mut rng = self.rng(part, layer);
        let deviation = self.deviation(part, inner);
        let failed = |why| Failure::usage(format!("--model {}: {why}", self.name)).hint("choose another --dtype");
        let bytes = if self.kind == Kind::Q8_0 {
            if !inner.is_multiple_of(BLOCK.0) {
                return Err(failed(format!("rows of {inner} numbers do not divide into blocks of {}", BLOCK.0)));
            }
            blocks(&mut rng, outer * inner / BLOCK.0, deviation)
        } else {
            let mut row = vec![0.0; inner];
            let mut bytes = Vec::with_capacity(outer * inner * self.kind.block().1);
            for _ in 0..outer {
                row.fill_with(|| number(&mut rng, deviation));
                encode(&row, self.kind, &mut bytes).map_err(failed)?;
            }
            bytes
        };
        Ok(Stored { kind: self.kind, dims: vec![outer, inner], bytes: Bytes::from(bytes) })
    }

    fn numbers(&self, _: Part, _: usize, count: usize, is_bias: bool) -> Result<Vec<f32>> {
        // At random, norms and biases would add nothing.
        Ok(vec![if is_bias { 0.0 } else { 1.0 }; count])
    }

    fn stride(&self) -> usize {
        // Odd and not a divisor of the numbers of rows that there are, so that all rows are met.
        if self.tied && !self.vocabulary.is_multiple_of(7919) { 7919 } else { 1 }
    }

    fn place(&self) -> &str {
        &self.name
    }
}

/// A number of the mean 0 and this deviation.
pub fn number(rng: &mut ChaCha8Rng, deviation: f32) -> f32 {
    // 24 bits fill the mantissa; the uniform numbers of [-1, 1) have a deviation of 1 / sqrt 3.
    let unit = (rng.next_u32() >> 8) as f32 * (1.0 / 8_388_608.0) - 1.0;
    unit * (deviation * 1.732_050_8)
}

/// Blocks of Q8_0 whose numbers are drawn as they are stored, a byte each: half a billion of them take a second.
fn blocks(rng: &mut ChaCha8Rng, count: usize, deviation: f32) -> Vec<u8> {
    let scale = f16::from_f32(deviation * 1.732_050_8 / 127.0).to_le_bytes();
    let mut bytes = vec![0; count * BLOCK.1];
    rng.fill_bytes(&mut bytes);
    for block in bytes.chunks_exact_mut(BLOCK.1) {
        block[..2].copy_from_slice(&scale);
        // Q8_0 has no -128.
        block[2..].iter_mut().filter(|byte| **byte == 0x80).for_each(|byte| *byte = 0x81);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::candle::chosen::catalog;
    use crate::local::candle::chosen::kernel::Matrix;

    #[test]
    fn weights_have_their_deviation_in_every_kind_and_a_seed_repeats()
    -> std::result::Result<(), Box<dyn std::error::Error>> {
        let (shape, _) = catalog::find("random:tiny", 300)?;
        for kind in [Kind::F32, Kind::F16, Kind::BF16, Kind::Q8_0] {
            let drawn = Drawn::new("m", &shape, 3, kind)?;
            let stored = drawn.matrix(Part::Gate, 1, 192, 64)?;
            assert_eq!(stored.bytes, Drawn::new("m", &shape, 3, kind)?.matrix(Part::Gate, 1, 192, 64)?.bytes);
            assert_ne!(stored.bytes, drawn.matrix(Part::Up, 1, 192, 64)?.bytes);
            assert_ne!(stored.bytes, drawn.matrix(Part::Gate, 0, 192, 64)?.bytes);
            let matrix = Matrix::new(kind, 1, 192 * 64, stored.bytes)?;
            let mut numbers = vec![0.0; 192 * 64];
            matrix.row(0, &mut numbers);
            let square = numbers.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / numbers.len() as f64;
            assert!((square.sqrt() / (1.5 / 8.0) - 1.0).abs() < 0.02, "{kind:?}: {}", square.sqrt());
        }
        assert!(Drawn::new("m", &shape, 3, Kind::Q4K).is_err());
        Ok(())
    }

    #[test]
    fn a_stride_meets_every_row() {
        for rows in [151_936usize, 128_256] {
            let gcd = |mut a: usize, mut b: usize| {
                while b > 0 {
                    (a, b) = (b, a % b);
                }
                a
            };
            assert_eq!(gcd(7919, rows), 1);
        }
    }
}
