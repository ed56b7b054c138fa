//! A decoder out of a description and a source of weights.

use super::checkpoint::{Checkpoint, Stored};
use super::config::Shape;
use super::convert::convert;
use super::decoder::{Block, Decoder};
use super::kernel::Kind;
use super::machine::Machine;
use super::network::linear::vector;
use super::network::{Attention, Embedding, Linear, Norm, Weight};
use crate::error::{Failure, Result};

/// A tensor of a decoder by what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The rows of tokens.
    Embedding,
    /// The norm before attention.
    Before,
    /// Queries.
    Queries,
    /// Keys.
    Keys,
    /// Values.
    Values,
    /// The norm of each head of queries.
    QueryNorm,
    /// The norm of each head of keys.
    KeyNorm,
    /// The output of attention.
    Mixing,
    /// The norm between attention and feed-forward.
    Between,
    /// The gate of the feed-forward.
    Gate,
    /// What the gate is multiplied by.
    Up,
    /// The output of the feed-forward.
    Closing,
    /// The norm after the last layer.
    Last,
    /// The head.
    Head,
}

/// Where weights come from.
pub trait Source {
    /// The matrix of a part, `[outer, inner]`.
    ///
    /// # Errors
    /// When there is none, or it has another shape.
    fn matrix(&self, part: Part, layer: usize, outer: usize, inner: usize) -> Result<Stored>;

    /// The bias of a part, or the weights of a norm.
    ///
    /// # Errors
    /// As those of [`Source::matrix`].
    fn numbers(&self, part: Part, layer: usize, count: usize, is_bias: bool) -> Result<Vec<f32>>;

    /// By how many rows the embedding of a token lies from that of the one before; more than 1 only where weights are
    /// drawn, see [`Embedding`].
    fn stride(&self) -> usize {
        1
    }

    /// Where they come from, for messages.
    fn place(&self) -> &str;
}

/// Builds a decoder, its matrices in `kind` or, where that is not said, as they are stored.
///
/// # Errors
/// When a tensor is missing, has another shape, cannot be brought into the kind, or does not fit into the machine.
pub fn decoder(shape: Shape, source: &dyn Source, kind: Option<Kind>, machine: Machine) -> Result<Decoder> {
    let failed = |error: candle_core::Error| {
        Failure::files(format!("{}: the model cannot be loaded", source.place())).because(error)
    };
    let mut stored_kind = None;
    let mut weight = |part, layer, outer, inner| -> Result<Weight> {
        let mut stored = source.matrix(part, layer, outer, inner)?;
        if let Some(kind) = kind {
            let bytes = convert(&stored, outer, inner, kind)
                .map_err(|why| Failure::files(format!("{}: {part:?}: {why}", source.place())))?;
            stored = Stored { kind, bytes, ..stored };
        }
        if part != Part::Embedding {
            stored_kind.get_or_insert(stored.kind);
        }
        Weight::new(&stored, outer, inner, &machine).map_err(failed)
    };
    let norm = |part, layer, count| -> Result<Norm> {
        Norm::new(source.numbers(part, layer, count, false)?, shape.epsilon, &machine).map_err(failed)
    };
    let biases = |wanted: bool, layer, parts: &[(Part, usize)]| -> Result<Option<Vec<f32>>> {
        let each = parts.iter().map(|(part, count)| source.numbers(*part, layer, *count, true));
        wanted.then(|| each.collect::<Result<Vec<_>>>().map(|parts| parts.concat())).transpose()
    };
    let (hidden, inner) = (shape.hidden, shape.inner);
    let embedding = weight(Part::Embedding, 0, shape.vocabulary, hidden)?;
    let mut blocks = Vec::with_capacity(shape.layers);
    for layer in 0..shape.layers {
        let mut linear = |parts: &[(Part, usize)], inner, bias| -> Result<Linear> {
            let weights = parts.iter().map(|(part, outer)| Ok((weight(*part, layer, *outer, inner)?, *outer)));
            let weights = weights.collect::<Result<Vec<_>>>()?;
            Linear::new(weights, biases(bias, layer, parts)?, &machine).map_err(failed)
        };
        let asking = [(Part::Queries, shape.asking()), (Part::Keys, shape.asked()), (Part::Values, shape.asked())];
        blocks.push(Block {
            asking: linear(&asking, hidden, shape.biases.asking)?,
            mixing: linear(&[(Part::Mixing, hidden)], shape.asking(), shape.biases.mixing)?,
            opening: linear(&[(Part::Gate, inner), (Part::Up, inner)], hidden, shape.biases.inner)?,
            closing: linear(&[(Part::Closing, hidden)], inner, shape.biases.inner)?,
            before: norm(Part::Before, layer, hidden)?,
            between: norm(Part::Between, layer, hidden)?,
            attention: Attention {
                norms: match shape.head_norms {
                    true => Some([norm(Part::QueryNorm, layer, shape.head)?, norm(Part::KeyNorm, layer, shape.head)?]),
                    false => None,
                },
                layer,
            },
        });
    }
    let head = if shape.tied { embedding.clone() } else { weight(Part::Head, 0, shape.vocabulary, hidden)? };
    let head = Linear::new(vec![(head, shape.vocabulary)], None, &machine).map_err(failed)?;
    Ok(Decoder {
        kind: stored_kind.unwrap_or(Kind::F32),
        embedding: Embedding::new(embedding, shape.vocabulary, hidden, source.stride()),
        blocks,
        norm: norm(Part::Last, 0, hidden)?,
        head,
        frequencies: shape.rotation.frequencies(),
        shape,
        machine,
    })
}

/// Weights in a folder as on Hugging Face.
pub struct Folder<'a> {
    /// The tensors.
    pub checkpoint: &'a Checkpoint,
    /// The sizes that fused tensors are cut by.
    pub shape: &'a Shape,
}

impl Folder<'_> {
    fn name(part: Part, layer: usize, kind: &str) -> String {
        let within = match part {
            Part::Embedding => return format!("model.embed_tokens.{kind}"),
            Part::Last => return format!("model.norm.{kind}"),
            Part::Head => return format!("lm_head.{kind}"),
            Part::Before => "input_layernorm",
            Part::Queries => "self_attn.q_proj",
            Part::Keys => "self_attn.k_proj",
            Part::Values => "self_attn.v_proj",
            Part::QueryNorm => "self_attn.q_norm",
            Part::KeyNorm => "self_attn.k_norm",
            Part::Mixing => "self_attn.o_proj",
            Part::Between => "post_attention_layernorm",
            Part::Gate => "mlp.gate_proj",
            Part::Up => "mlp.up_proj",
            Part::Closing => "mlp.down_proj",
        };
        format!("model.layers.{layer}.{within}.{kind}")
    }
}

impl Source for Folder<'_> {
    fn matrix(&self, part: Part, layer: usize, outer: usize, inner: usize) -> Result<Stored> {
        let (asking, asked) = (self.shape.asking(), self.shape.asked());
        let fused = [("self_attn.qkv_proj", asking + 2 * asked), ("mlp.gate_up_proj", 2 * self.shape.inner)];
        let within = match part {
            Part::Queries => Some((fused[0], 0)),
            Part::Keys => Some((fused[0], asking)),
            Part::Values => Some((fused[0], asking + asked)),
            Part::Gate => Some((fused[1], 0)),
            Part::Up => Some((fused[1], self.shape.inner)),
            _ => None,
        };
        if let Some(((within, rows), from)) = within {
            let name = format!("model.layers.{layer}.{within}.weight");
            if self.checkpoint.has(&name) {
                return Ok(cut(&self.checkpoint.take(&name, &[rows, inner])?, rows, from, outer));
            }
        }
        self.checkpoint.take(&Self::name(part, layer, "weight"), &[outer, inner])
    }

    fn numbers(&self, part: Part, layer: usize, count: usize, is_bias: bool) -> Result<Vec<f32>> {
        let name = Self::name(part, layer, if is_bias { "bias" } else { "weight" });
        numbers(self.checkpoint, &name, count)
    }

    fn place(&self) -> &str {
        self.checkpoint.place()
    }
}

/// Weights in a GGUF file.
pub struct File<'a> {
    /// The tensors.
    pub checkpoint: &'a Checkpoint,
    /// The sizes that fused tensors are cut by.
    pub shape: &'a Shape,
}

impl File<'_> {
    fn name(part: Part, layer: usize, kind: &str) -> String {
        let within = match part {
            Part::Embedding => return format!("token_embd.{kind}"),
            Part::Last => return format!("output_norm.{kind}"),
            Part::Head => return format!("output.{kind}"),
            Part::Before => "attn_norm",
            Part::Queries => "attn_q",
            Part::Keys => "attn_k",
            Part::Values => "attn_v",
            Part::QueryNorm => "attn_q_norm",
            Part::KeyNorm => "attn_k_norm",
            Part::Mixing => "attn_output",
            Part::Between => "ffn_norm",
            Part::Gate => "ffn_gate",
            Part::Up => "ffn_up",
            Part::Closing => "ffn_down",
        };
        format!("blk.{layer}.{within}.{kind}")
    }
}

impl Source for File<'_> {
    fn matrix(&self, part: Part, layer: usize, outer: usize, inner: usize) -> Result<Stored> {
        let (asking, asked) = (self.shape.asking(), self.shape.asked());
        let within = match part {
            Part::Queries => Some(("attn_qkv", asking + 2 * asked, 0)),
            Part::Keys => Some(("attn_qkv", asking + 2 * asked, asking)),
            Part::Values => Some(("attn_qkv", asking + 2 * asked, asking + asked)),
            // Phi-3 has both in one tensor, under the name of the second.
            Part::Gate => Some(("ffn_up", 2 * self.shape.inner, 0)),
            Part::Up => Some(("ffn_up", 2 * self.shape.inner, self.shape.inner)),
            _ => None,
        };
        if let Some((within, rows, from)) = within {
            let name = format!("blk.{layer}.{within}.weight");
            if self.checkpoint.dims(&name) == Some(&[rows, inner]) {
                return Ok(cut(&self.checkpoint.take(&name, &[rows, inner])?, rows, from, outer));
            }
        }
        self.checkpoint.take(&Self::name(part, layer, "weight"), &[outer, inner])
    }

    fn numbers(&self, part: Part, layer: usize, count: usize, is_bias: bool) -> Result<Vec<f32>> {
        let name = Self::name(part, layer, if is_bias { "bias" } else { "weight" });
        numbers(self.checkpoint, &name, count)
    }

    fn place(&self) -> &str {
        self.checkpoint.place()
    }
}

/// Some rows of a matrix.
fn cut(stored: &Stored, rows: usize, from: usize, count: usize) -> Stored {
    let row = stored.bytes.len() / rows;
    Stored { bytes: stored.bytes.slice(from * row..(from + count) * row), dims: vec![count, stored.dims[1]], ..*stored }
}

fn numbers(checkpoint: &Checkpoint, name: &str, count: usize) -> Result<Vec<f32>> {
    let stored = checkpoint.take(name, &[count])?;
    vector(&stored).map_err(|error| {
        Failure::files(format!("{}: the tensor {name} cannot be read", checkpoint.place())).because(error)
    })
}
