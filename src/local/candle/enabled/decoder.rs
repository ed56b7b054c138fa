//! The network: embedding, blocks of grouped attention and SwiGLU behind RMS norms, and a head of its own.

use std::cell::RefCell;

use candle_core::{Device, Result, Tensor};

use super::attention::{Attention, Rotations};
use super::cache::Cache;
use super::catalog::Shape;
use super::kernel::{gate, linear, normalize};
use super::weights::Weights;

/// How far a score of attention lies from its mean. Above 1, so that heads pick a few tokens out of the past: with an
/// even mix of everything the replies soon repeat themselves.
const SCORE_GAIN: f32 = 2.0;

/// How far a logit lies from its mean. With some thousand tokens the most likely one then has a few hundredths of the
/// probability, and every token is drawn now and then.
const LOGIT_GAIN: f32 = 2.5;

/// A decoder.
pub struct Decoder {
    /// Its sizes.
    pub shape: Shape,
    /// Number of tokens.
    pub vocabulary: usize,
    pub(super) embedding: Tensor,
    pub(super) blocks: Vec<Block>,
    /// Not shared with the embedding: with a shared one, random weights answer each token with itself.
    pub(super) head: Tensor,
    rotations: Rotations,
}

/// One layer. Norms have no weights of their own: at random they would add nothing.
pub(super) struct Block {
    /// Queries, keys and values in one matrix.
    pub(super) asking: Tensor,
    pub(super) mixing: Tensor,
    /// Gate and up in one matrix.
    pub(super) opening: Tensor,
    pub(super) closing: Tensor,
}

/// One token on its way through the network.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Index of the sequence's cache.
    pub slot: usize,
    /// The token.
    pub token: u32,
    /// Whether the logits after it are wanted.
    pub wanted: bool,
}

impl Decoder {
    /// A decoder with weights of a seed.
    ///
    /// # Errors
    /// When candle refuses a shape.
    pub fn draw(shape: Shape, vocabulary: usize, seed: u64) -> Result<Self> {
        let mut weights = Weights::new(seed);
        let Shape { hidden, inner, .. } = shape;
        let embedding = weights.table(vocabulary, hidden, 1.0)?;
        let turning = shape.asking() + 2 * shape.asked();
        let mut block = || {
            Ok(Block {
                asking: weights.linear(hidden, turning, SCORE_GAIN.sqrt())?,
                mixing: weights.linear(shape.asking(), hidden, 1.0)?,
                opening: weights.linear(hidden, 2 * inner, 1.5)?,
                closing: weights.linear(inner, hidden, 1.5)?,
            })
        };
        let blocks = (0..shape.layers).map(|_| block()).collect::<Result<_>>()?;
        let head = weights.linear(hidden, vocabulary, LOGIT_GAIN)?;
        Ok(Decoder { shape, vocabulary, embedding, blocks, head, rotations: Rotations::of(&shape) })
    }

    /// Bytes of its weights.
    pub fn bytes(&self) -> u64 {
        let of_block = |block: &Block| {
            [&block.asking, &block.mixing, &block.opening, &block.closing].map(Tensor::elem_count).iter().sum::<usize>()
        };
        let numbers = self.embedding.elem_count() + self.head.elem_count();
        ((numbers + self.blocks.iter().map(of_block).sum::<usize>()) * size_of::<f32>()) as u64
    }

    /// Takes the rows through the network, adds them to their caches, and gives the logits of those that want them:
    /// `[wanted, vocabulary or somewhat more]`, or nothing when none does.
    ///
    /// # Errors
    /// When candle fails or a token is out of range.
    pub fn forward(&self, rows: &[Row], caches: &mut [Cache]) -> Result<Option<Tensor>> {
        let tokens: Vec<u32> = rows.iter().map(|row| row.token).collect();
        let slots: Vec<usize> = rows.iter().map(|row| row.slot).collect();
        let tokens = Tensor::from_vec(tokens, rows.len(), &Device::Cpu)?;
        let mut x = self.embedding.index_select(&tokens, 0)?;
        for (layer, block) in self.blocks.iter().enumerate() {
            let attention = Attention {
                shape: &self.shape,
                rotations: &self.rotations,
                layer,
                slots: &slots,
                caches: RefCell::new(caches),
            };
            let mixed = attention.apply(&linear(&normalize(&x)?, &block.asking)?)?;
            x = (x + linear(&mixed, &block.mixing)?)?;
            let opened = gate(&linear(&normalize(&x)?, &block.opening)?)?;
            x = (x + linear(&opened, &block.closing)?)?;
        }
        let wanted: Vec<u32> = (0u32..).zip(rows).filter(|(_, row)| row.wanted).map(|(index, _)| index).collect();
        if wanted.is_empty() {
            return Ok(None);
        }
        if wanted.len() < rows.len() {
            let count = wanted.len();
            x = x.index_select(&Tensor::from_vec(wanted, count, &Device::Cpu)?, 0)?;
        }
        linear(&normalize(&x)?, &self.head).map(Some)
    }
}
