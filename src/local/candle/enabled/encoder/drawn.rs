//! Weights of an encoder drawn from a seed, as those of a decoder are.

use bytes::Bytes;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::parts::{Part, Source};
use crate::error::{Failure, Result};
use crate::local::candle::chosen::checkpoint::Stored;
use crate::local::candle::chosen::convert::encode;
use crate::local::candle::chosen::kernel::Kind;
use crate::local::candle::chosen::weights::{mix, number};

/// Weights of a seed, in 32 bits.
#[derive(Debug)]
pub struct Drawn {
    name: String,
    seed: u64,
}

impl Drawn {
    /// Weights of a model of this name.
    pub fn new(name: &str, seed: u64) -> Self {
        Drawn { name: name.to_owned(), seed }
    }
}

/// How far the weights of a part lie from their mean: what goes through keeps its variance, times a gain.
fn deviation(part: Part, inner: usize) -> f32 {
    let gain = match part {
        // The sum of the three is normed. Were positions and types as large, texts would differ by their lengths most.
        Part::Words => return 1.0,
        Part::Positions | Part::Types => return 0.2,
        // Heads pick a few tokens; an even mix of all of them would make all texts alike.
        Part::Queries | Part::Keys => 2.0f32.sqrt(),
        // Logits then spread over both halves of the scores.
        Part::Score => 2.0,
        _ => 1.0,
    };
    gain / (inner as f32).sqrt()
}

impl Source for Drawn {
    fn matrix(&self, part: Part, layer: usize, outer: usize, inner: usize) -> Result<Stored> {
        let mut rng = ChaCha8Rng::seed_from_u64(mix(mix(self.seed, layer as u64), part as u64));
        let deviation = deviation(part, inner);
        let mut row = vec![0.0; inner];
        let mut bytes = Vec::with_capacity(4 * outer * inner);
        for _ in 0..outer {
            row.fill_with(|| number(&mut rng, deviation));
            encode(&row, Kind::F32, &mut bytes)
                .map_err(|why| Failure::bug(format!("--model {}: cannot be drawn", self.name)).because(why))?;
        }
        Ok(Stored { kind: Kind::F32, dims: vec![outer, inner], bytes: Bytes::from(bytes) })
    }

    fn norm(&self, _: Part, _: usize, count: usize) -> Result<Vec<f32>> {
        // At random, norms and biases would add nothing.
        Ok(vec![1.0; count])
    }

    fn bias(&self, _: Part, _: usize, count: usize) -> Result<Vec<f32>> {
        Ok(vec![0.0; count])
    }

    fn place(&self) -> &str {
        &self.name
    }
}
