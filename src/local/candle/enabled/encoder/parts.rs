//! The tensors of an encoder by what they do, and where they come from.

use super::config::{Family, Shape};
use crate::error::{Failure, Result};
use crate::local::candle::chosen::checkpoint::{Checkpoint, Stored};
use crate::local::candle::chosen::network::linear::vector;

/// A tensor of an encoder by what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The rows of tokens.
    Words,
    /// The rows of positions.
    Positions,
    /// The rows of types of tokens.
    Types,
    /// The norm of the sum of those.
    First,
    /// Queries.
    Queries,
    /// Keys.
    Keys,
    /// Values.
    Values,
    /// The output of attention.
    Mixing,
    /// The norm behind attention.
    Mixed,
    /// The first half of the feed-forward.
    Opening,
    /// The second half of the feed-forward.
    Closing,
    /// The norm behind the feed-forward.
    Closed,
    /// What the first row of a pair goes through before it is scored.
    Pooler,
    /// The score.
    Score,
}

/// Where weights come from.
pub trait Source {
    /// The matrix of a part, `[outer, inner]`.
    ///
    /// # Errors
    /// When there is none, or it has another shape.
    fn matrix(&self, part: Part, layer: usize, outer: usize, inner: usize) -> Result<Stored>;

    /// The weights of a norm.
    ///
    /// # Errors
    /// As those of [`Source::matrix`].
    fn norm(&self, part: Part, layer: usize, count: usize) -> Result<Vec<f32>>;

    /// The bias of a linear layer or of a norm.
    ///
    /// # Errors
    /// As those of [`Source::matrix`].
    fn bias(&self, part: Part, layer: usize, count: usize) -> Result<Vec<f32>>;

    /// Where they come from, for messages.
    fn place(&self) -> &str;
}

/// Weights in a folder as on Hugging Face.
pub struct Folder<'a> {
    checkpoint: &'a Checkpoint,
    family: Family,
    /// What the names of the network begin with where it is part of a larger model.
    prefix: &'static str,
}

/// What the names of a network may begin with, by the class that it was saved from.
const PREFIXES: [&str; 4] = ["", "bert.", "roberta.", "distilbert."];

impl<'a> Folder<'a> {
    /// The weights of a folder.
    pub fn new(checkpoint: &'a Checkpoint, shape: &Shape) -> Self {
        let begins = |prefix: &&str| checkpoint.has(&format!("{prefix}embeddings.word_embeddings.weight"));
        let prefix = PREFIXES.into_iter().find(begins).unwrap_or_default();
        Folder { checkpoint, family: shape.family, prefix }
    }

    /// The name of a tensor without its last part.
    fn name(&self, part: Part, layer: usize) -> String {
        let prefix = self.prefix;
        let distil = self.family == Family::DistilBert;
        let either = |name: &'static str, distilled: &'static str| if distil { distilled } else { name };
        let within = match part {
            Part::Words => return format!("{prefix}embeddings.word_embeddings"),
            Part::Positions => return format!("{prefix}embeddings.position_embeddings"),
            Part::Types => return format!("{prefix}embeddings.token_type_embeddings"),
            Part::First => return format!("{prefix}embeddings.LayerNorm"),
            Part::Pooler => {
                return match self.family {
                    Family::Bert => format!("{prefix}pooler.dense"),
                    Family::DistilBert => "pre_classifier".to_owned(),
                    Family::Roberta => "classifier.dense".to_owned(),
                };
            }
            Part::Score if self.family == Family::Roberta => return "classifier.out_proj".to_owned(),
            Part::Score => return "classifier".to_owned(),
            Part::Queries => either("attention.self.query", "attention.q_lin"),
            Part::Keys => either("attention.self.key", "attention.k_lin"),
            Part::Values => either("attention.self.value", "attention.v_lin"),
            Part::Mixing => either("attention.output.dense", "attention.out_lin"),
            Part::Mixed => either("attention.output.LayerNorm", "sa_layer_norm"),
            Part::Opening => either("intermediate.dense", "ffn.lin1"),
            Part::Closing => either("output.dense", "ffn.lin2"),
            Part::Closed => either("output.LayerNorm", "output_layer_norm"),
        };
        format!("{prefix}{}.{layer}.{within}", either("encoder.layer", "transformer.layer"))
    }

    /// Numbers under one of two names: what TensorFlow wrote calls those of norms `gamma` and `beta`.
    fn numbers(&self, part: Part, layer: usize, count: usize, names: [&str; 2]) -> Result<Vec<f32>> {
        let [name, other] = names.map(|name| format!("{}.{name}", self.name(part, layer)));
        let name = if !self.checkpoint.has(&name) && self.checkpoint.has(&other) { other } else { name };
        let stored = self.checkpoint.take(&name, &[count])?;
        vector(&stored).map_err(|error| {
            Failure::files(format!("{}: the tensor {name} cannot be read", self.checkpoint.place())).because(error)
        })
    }
}

impl Source for Folder<'_> {
    fn matrix(&self, part: Part, layer: usize, outer: usize, inner: usize) -> Result<Stored> {
        self.checkpoint.take(&format!("{}.weight", self.name(part, layer)), &[outer, inner])
    }

    fn norm(&self, part: Part, layer: usize, count: usize) -> Result<Vec<f32>> {
        self.numbers(part, layer, count, ["weight", "gamma"])
    }

    fn bias(&self, part: Part, layer: usize, count: usize) -> Result<Vec<f32>> {
        self.numbers(part, layer, count, ["bias", "beta"])
    }

    fn place(&self) -> &str {
        self.checkpoint.place()
    }
}
