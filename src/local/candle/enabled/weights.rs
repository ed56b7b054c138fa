//! Weights drawn from a seed.
//!
//! They are uniform and drawn in a fixed order by one generator, with additions and multiplications only, so that a
//! seed means the same weights on every machine.

use candle_core::{Device, Result, Tensor};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::kernel::PANEL;

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

/// A source of weights.
pub struct Weights {
    rng: ChaCha8Rng,
}

impl Weights {
    /// Weights of a seed.
    pub fn new(seed: u64) -> Self {
        Weights { rng: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// A table of `rows` by `width`, of the given standard deviation.
    ///
    /// # Errors
    /// When candle refuses the shape.
    pub fn table(&mut self, rows: usize, width: usize, deviation: f32) -> Result<Tensor> {
        let numbers: Vec<f32> = (0..rows * width).map(|_| self.number(deviation)).collect();
        Tensor::from_vec(numbers, (rows, width), &Device::Cpu)
    }

    /// The matrix of a linear layer from `inner` to `outer` numbers, in panels as the kernel reads them:
    /// `[outer / PANEL, inner, PANEL]`, rounded up. A `gain` of 1 keeps the variance of what goes through.
    ///
    /// # Errors
    /// When candle refuses the shape.
    pub fn linear(&mut self, inner: usize, outer: usize, gain: f32) -> Result<Tensor> {
        let deviation = gain / (inner as f32).sqrt();
        let panels = outer.div_ceil(PANEL);
        let numbers: Vec<f32> = (0..panels * inner * PANEL).map(|_| self.number(deviation)).collect();
        Tensor::from_vec(numbers, (panels, inner, PANEL), &Device::Cpu)
    }

    fn number(&mut self, deviation: f32) -> f32 {
        // 24 bits fill the mantissa; the uniform numbers of [-1, 1) have a deviation of 1 / sqrt 3.
        let unit = (self.rng.next_u32() >> 8) as f32 * (1.0 / 8_388_608.0) - 1.0;
        unit * (deviation * 1.732_050_8)
    }
}
