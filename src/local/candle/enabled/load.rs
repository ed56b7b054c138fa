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

/// Weights in files.
pub struct Files<'a> {
    /// The tensors.
    pub checkpoint: &'a Checkpoint,
    /// The sizes that fused tensors are cut by.
    pub shape: &'a Shape,
    /// How the tensors are named.
    pub names: Names,
}

/// How tensors are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// As on Hugging Face.
    Folder,
    /// As in GGUF files.
    File,
}

/// Queries, keys and values, or gate and up, in one tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fused {
    Asking,
    Opening,
}

impl Names {
    /// The name of a tensor without its last part.
    fn of(self, part: Part, layer: usize) -> String {
        let [folder, file] = match part {
            Part::Embedding => return self.choose(["model.embed_tokens", "token_embd"]).to_owned(),
            Part::Last => return self.choose(["model.norm", "output_norm"]).to_owned(),
            Part::Head => return self.choose(["lm_head", "output"]).to_owned(),
            Part::Before => ["input_layernorm", "attn_norm"],
            Part::Queries => ["self_attn.q_proj", "attn_q"],
            Part::Keys => ["self_attn.k_proj", "attn_k"],
            Part::Values => ["self_attn.v_proj", "attn_v"],
            Part::QueryNorm => ["self_attn.q_norm", "attn_q_norm"],
            Part::KeyNorm => ["self_attn.k_norm", "attn_k_norm"],
            Part::Mixing => ["self_attn.o_proj", "attn_output"],
            Part::Between => ["post_attention_layernorm", "ffn_norm"],
            Part::Gate => ["mlp.gate_proj", "ffn_gate"],
            Part::Up => ["mlp.up_proj", "ffn_up"],
            Part::Closing => ["mlp.down_proj", "ffn_down"],
        };
        self.within(layer, [folder, file])
    }

    /// The name of a tensor of several parts without its last part.
    fn of_fused(self, fused: Fused, layer: usize) -> String {
        self.within(
            layer,
            match fused {
                Fused::Asking => ["self_attn.qkv_proj", "attn_qkv"],
                // GGUF has both under the name of the second.
                Fused::Opening => ["mlp.gate_up_proj", "ffn_up"],
            },
        )
    }

    fn within(self, layer: usize, names: [&str; 2]) -> String {
        format!("{}.{layer}.{}", self.choose(["model.layers", "blk"]), self.choose(names))
    }

    fn choose(self, [folder, file]: [&str; 2]) -> &str {
        match self {
            Names::Folder => folder,
            Names::File => file,
        }
    }
}

impl Source for Files<'_> {
    fn matrix(&self, part: Part, layer: usize, outer: usize, inner: usize) -> Result<Stored> {
        let (asking, asked, opened) = (self.shape.asking(), self.shape.asked(), self.shape.inner);
        let own = format!("{}.weight", self.names.of(part, layer));
        let fused = match part {
            Part::Queries => Some((Fused::Asking, 0)),
            Part::Keys => Some((Fused::Asking, asking)),
            Part::Values => Some((Fused::Asking, asking + asked)),
            Part::Gate => Some((Fused::Opening, 0)),
            Part::Up => Some((Fused::Opening, opened)),
            _ => None,
        };
        if let Some((fused, from)) = fused {
            let name = format!("{}.weight", self.names.of_fused(fused, layer));
            let rows = match fused {
                Fused::Asking => asking + 2 * asked,
                Fused::Opening => 2 * opened,
            };
            // Where the name is that of a part as well, the sizes tell which it is.
            let is_it = match self.names {
                Names::Folder => self.checkpoint.has(&name),
                Names::File => self.checkpoint.dims(&name) == Some(&[rows, inner]),
            };
            if is_it {
                return Ok(cut(&self.checkpoint.take(&name, &[rows, inner])?, rows, from, outer));
            }
        }
        self.checkpoint.take(&own, &[outer, inner])
    }

    fn numbers(&self, part: Part, layer: usize, count: usize, is_bias: bool) -> Result<Vec<f32>> {
        let name = format!("{}.{}", self.names.of(part, layer), if is_bias { "bias" } else { "weight" });
        let stored = self.checkpoint.take(&name, &[count])?;
        vector(&stored).map_err(|error| {
            Failure::files(format!("{}: the tensor {name} cannot be read", self.place())).because(error)
        })
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
