//! The network: embeddings of tokens, positions and types, and layers of attention and feed-forward with a norm behind
//! each.

use candle_core::{Result as Computed, Tensor};

use super::config::{Config, Shape, Task};
use super::head::{Head, Scorer};
use super::layer::{Layer, LayerNorm, Step};
use super::parts::{Part, Source};
use super::text::Text;
use crate::error::{Failure, Result};
use crate::local::candle::chosen::checkpoint::Stored;
use crate::local::candle::chosen::convert::convert;
use crate::local::candle::chosen::kernel::Kind;
use crate::local::candle::chosen::machine::Machine;
use crate::local::candle::chosen::network::{Embedding, Linear, Weight, sum};

/// An encoder.
pub struct Encoder {
    shape: Shape,
    /// What it is computed on.
    pub machine: Machine,
    /// The kind of most of its weights.
    kind: Kind,
    words: Embedding,
    positions: Embedding,
    types: Option<Embedding>,
    norm: LayerNorm,
    layers: Vec<Layer>,
    head: Head,
}

impl Encoder {
    /// Builds an encoder, its matrices in `kind` or, where that is not said, as they are stored.
    ///
    /// # Errors
    /// When a tensor is missing, has another shape, cannot be brought into the kind, or does not fit into the machine.
    pub fn new(config: &Config, source: &dyn Source, kind: Option<Kind>, machine: Machine) -> Result<Self> {
        let loader = Loader { source, kind, machine: &machine, epsilon: config.shape.epsilon };
        let Shape { hidden, inner, vocabulary, positions, types, .. } = config.shape;
        let layer = |layer| -> Result<Layer> {
            let asking = [Part::Queries, Part::Keys, Part::Values];
            Ok(Layer {
                asking: loader.linear(&asking, layer, hidden, hidden)?,
                mixing: loader.linear(&[Part::Mixing], layer, hidden, hidden)?,
                mixed: loader.norm(Part::Mixed, layer, hidden)?,
                opening: loader.linear(&[Part::Opening], layer, inner, hidden)?,
                closing: loader.linear(&[Part::Closing], layer, hidden, inner)?,
                closed: loader.norm(Part::Closed, layer, hidden)?,
            })
        };
        let head = match &config.task {
            Task::Embed(pooling) => Head::Vector(pooling.clone()),
            Task::Score { sigmoid } => Head::Score(Scorer {
                pooler: loader.linear(&[Part::Pooler], 0, hidden, hidden)?,
                score: loader.linear(&[Part::Score], 0, 1, hidden)?,
                sigmoid: *sigmoid,
            }),
        };
        Ok(Encoder {
            kind: loader.matrix(Part::Mixing, 0, hidden, hidden)?.kind,
            words: loader.embedding(Part::Words, vocabulary, hidden)?,
            positions: loader.embedding(Part::Positions, positions, hidden)?,
            types: match types {
                0 => None,
                types => Some(loader.embedding(Part::Types, types, hidden)?),
            },
            norm: loader.norm(Part::First, 0, hidden)?,
            layers: (0..config.shape.layers).map(layer).collect::<Result<_>>()?,
            head,
            shape: config.shape.clone(),
            machine,
        })
    }

    /// Bytes of its weights.
    pub fn bytes(&self) -> u64 {
        let tables = [Some(&self.words), Some(&self.positions), self.types.as_ref()];
        let tables = tables.into_iter().flatten().map(|table| table.weight().bytes()).sum::<usize>();
        (tables + self.layers.iter().map(Layer::bytes).sum::<usize>() + self.head.bytes()) as u64
    }

    /// Takes some texts through the network and gives the vector of each, or its score as a vector of one. No text may
    /// be empty or longer than there are positions, and no token or type beyond the rows there are.
    ///
    /// # Errors
    /// When candle fails.
    pub fn forward(&self, texts: &[Text]) -> Computed<Vec<Vec<f32>>> {
        self.machine.enter(|| {
            let rows = self.rows(texts)?;
            self.head.forward(&rows, texts, &self.shape, &self.machine)
        })
    }

    /// The rows of all tokens, `[tokens, hidden]`.
    fn rows(&self, texts: &[Text]) -> Computed<Tensor> {
        let machine = &self.machine;
        let (type_, device) = (machine.activations(self.kind), machine.device());
        let positions = texts.iter().flat_map(|text| (0..text.tokens.len()).map(|at| (self.shape.first + at) as u32));
        let words = self.words.forward(texts.iter().flat_map(|text| text.tokens.iter().copied()), type_, &device)?;
        let positions = self.positions.forward(positions, type_, &device)?;
        let mut x = match &self.types {
            None => self.norm.of_sum(&words, &positions, machine)?,
            Some(types) => {
                let types = types.forward(texts.iter().flat_map(|text| text.types.iter().copied()), type_, &device)?;
                self.norm.of_sum(&sum(&words, &positions, machine)?, &types, machine)?
            }
        };
        let mut step = Step::new(texts, &self.shape, machine);
        for layer in &self.layers {
            x = layer.forward(&x, &self.shape, &mut step, machine)?;
        }
        Ok(x)
    }
}

/// What the parts are built with.
struct Loader<'a> {
    source: &'a dyn Source,
    kind: Option<Kind>,
    machine: &'a Machine,
    epsilon: f32,
}

impl Loader<'_> {
    fn failed(&self, error: candle_core::Error) -> Failure {
        Failure::files(format!("{}: the model cannot be loaded", self.source.place())).because(error)
    }

    fn matrix(&self, part: Part, layer: usize, outer: usize, inner: usize) -> Result<Stored> {
        let stored = self.source.matrix(part, layer, outer, inner)?;
        let Some(kind) = self.kind else { return Ok(stored) };
        let bytes = convert(&stored, outer, inner, kind)
            .map_err(|why| Failure::files(format!("{}: {part:?}: {why}", self.source.place())))?;
        Ok(Stored { kind, bytes, ..stored })
    }

    fn weight(&self, part: Part, layer: usize, outer: usize, inner: usize) -> Result<Weight> {
        let stored = self.matrix(part, layer, outer, inner)?;
        Weight::new(&stored, outer, inner, self.machine).map_err(|error| self.failed(error))
    }

    /// A linear layer of some parts of `outer` outputs each, whose outputs stand side by side.
    fn linear(&self, parts: &[Part], layer: usize, outer: usize, inner: usize) -> Result<Linear> {
        let weights = parts.iter().map(|part| Ok((self.weight(*part, layer, outer, inner)?, outer)));
        let biases = parts.iter().map(|part| self.source.bias(*part, layer, outer)).collect::<Result<Vec<_>>>()?;
        let weights = weights.collect::<Result<Vec<_>>>()?;
        Linear::new(weights, Some(biases.concat()), self.machine).map_err(|error| self.failed(error))
    }

    fn norm(&self, part: Part, layer: usize, count: usize) -> Result<LayerNorm> {
        let (weight, bias) = (self.source.norm(part, layer, count)?, self.source.bias(part, layer, count)?);
        LayerNorm::new(weight, bias, self.epsilon, self.machine).map_err(|error| self.failed(error))
    }

    fn embedding(&self, part: Part, rows: usize, hidden: usize) -> Result<Embedding> {
        Ok(Embedding::new(self.weight(part, 0, rows, hidden)?, rows, hidden, 1))
    }
}
