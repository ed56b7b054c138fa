//! The network: embedding, blocks of grouped attention and SwiGLU behind RMS norms, and a head.
//!
//! One decoder for the families of Llama, Mistral, Phi-3, Qwen 2 and Qwen 3: they differ in sizes, in which layers add a
//! bias, in norms of queries and keys, in rotations and in windows, and all of that stands in the [`Shape`].

use candle_core::{DType, Result, Tensor};

use super::config::Shape;
use super::kernel::Kind;
use super::machine::Machine;
use super::network::{Attention, Cache, Embedding, Linear, Norm, Run, Step, gate, sum};

/// A decoder.
pub struct Decoder {
    /// Its sizes and rules.
    pub shape: Shape,
    /// The kind of most of its weights.
    pub kind: Kind,
    /// What it is computed on.
    pub machine: Machine,
    pub(super) embedding: Embedding,
    pub(super) blocks: Vec<Block>,
    pub(super) norm: Norm,
    pub(super) head: Linear,
    /// Radians a position.
    pub(super) frequencies: Vec<f32>,
}

/// One layer.
pub(super) struct Block {
    pub(super) before: Norm,
    /// To queries, keys and values.
    pub(super) asking: Linear,
    pub(super) attention: Attention,
    pub(super) mixing: Linear,
    pub(super) between: Norm,
    /// To gate and up.
    pub(super) opening: Linear,
    pub(super) closing: Linear,
}

impl Decoder {
    /// Bytes of its weights.
    pub fn bytes(&self) -> u64 {
        let of_block = |block: &Block| {
            [&block.asking, &block.mixing, &block.opening, &block.closing].map(Linear::bytes).iter().sum::<usize>()
        };
        let embedding = if self.shape.tied { 0 } else { self.embedding.weight().bytes() };
        (embedding + self.head.bytes() + self.blocks.iter().map(of_block).sum::<usize>()) as u64
    }

    /// Takes the tokens of some sequences through the network, adds them to the cache, and gives the logits of those that
    /// are wanted, in their order: `[wanted, vocabulary]` in 32 bits, or nothing when none is.
    ///
    /// # Errors
    /// When candle fails.
    pub fn forward(&self, runs: &[Run<'_>], cache: &mut Cache) -> Result<Option<Tensor>> {
        self.machine.enter(|| self.forward_here(runs, cache))
    }

    fn forward_here(&self, runs: &[Run<'_>], cache: &mut Cache) -> Result<Option<Tensor>> {
        let machine = &self.machine;
        let tokens = runs.iter().flat_map(|run| run.tokens).copied();
        let positions = runs.iter().flat_map(|run| run.position..run.position + run.tokens.len());
        let step = Step { runs, angles: self.shape.rotation.angles(&self.frequencies, positions) };
        let mut x = self.embedding.forward(tokens, machine.activations(self.kind), &machine.device())?;
        for block in &self.blocks {
            let asking = block.asking.forward(&block.before.forward(&x, machine)?, machine)?;
            let mixed = block.attention.forward(&asking, &self.shape, &step, cache, machine)?;
            x = sum(&x, &block.mixing.forward(&mixed, machine)?, machine)?;
            let opened = gate(&block.opening.forward(&block.between.forward(&x, machine)?, machine)?, machine)?;
            x = sum(&x, &block.closing.forward(&opened, machine)?, machine)?;
        }
        let mut wanted: Vec<u32> = Vec::new();
        let mut row = 0;
        for run in runs {
            row += run.tokens.len();
            wanted.extend((row - run.wanted..row).map(|row| row as u32));
        }
        if wanted.is_empty() {
            return Ok(None);
        }
        if wanted.len() < row {
            let count = wanted.len();
            x = x.index_select(&Tensor::from_vec(wanted, count, &machine.device())?, 0)?;
        }
        let logits = self.head.forward(&self.norm.forward(&x, machine)?, machine)?;
        logits.to_dtype(DType::F32).map(Some)
    }
}
