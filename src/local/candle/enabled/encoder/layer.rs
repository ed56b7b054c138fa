//! The parts of the network that decoders do not have: norms by mean and deviation, attention to a whole text, and a
//! feed-forward without a gate.

use candle_core::{D, DType, Result, Tensor};
use candle_nn::ops;

use super::config::{Activation, Shape};
use super::text::Text;
use crate::local::candle::chosen::kernel::{Heads, Memory, POSITIONS, Span, gelu, gelu_tanh, layer_norm, relu};
use crate::local::candle::chosen::machine::{Machine, on_both, on_rows};
use crate::local::candle::chosen::network::Linear;

/// Rows that a thread takes at a time.
const ROWS: usize = 16;

/// A norm by mean and deviation (Ba et al., arXiv:1607.06450).
pub struct LayerNorm {
    weight: Vec<f32>,
    bias: Vec<f32>,
    on_device: [Tensor; 2],
    epsilon: f32,
}

impl LayerNorm {
    /// A norm with these weights and this bias.
    ///
    /// # Errors
    /// When they cannot be brought to the machine.
    pub fn new(weight: Vec<f32>, bias: Vec<f32>, epsilon: f32, machine: &Machine) -> Result<Self> {
        let device = machine.device();
        let on_device = [Tensor::new(weight.as_slice(), &device)?, Tensor::new(bias.as_slice(), &device)?];
        Ok(LayerNorm { weight, bias, on_device, epsilon })
    }

    /// Norms each row of a sum.
    ///
    /// # Errors
    /// When candle fails.
    pub fn of_sum(&self, x: &Tensor, y: &Tensor, machine: &Machine) -> Result<Tensor> {
        match machine {
            Machine::Kernels(_) => {
                let width = ROWS * self.weight.len();
                on_both(x, y, |x, y, out| {
                    let parts = x.chunks(width).zip(y.chunks(width)).zip(out.chunks_mut(width)).collect();
                    machine.each(parts, |((x, y), out): ((&[f32], &[f32]), &mut [f32])| {
                        let sums: Vec<f32> = x.iter().zip(y).map(|(x, y)| x + y).collect();
                        layer_norm(&sums, &self.weight, &self.bias, self.epsilon, out);
                    });
                })
            }
            Machine::Candle(_) => {
                let [weight, bias] = &self.on_device;
                let sums = (x + y)?.contiguous()?;
                ops::layer_norm(&sums, &weight.to_dtype(x.dtype())?, &bias.to_dtype(x.dtype())?, self.epsilon)
            }
        }
    }
}

/// One layer.
pub struct Layer {
    /// To queries, keys and values.
    pub asking: Linear,
    /// The output of attention.
    pub mixing: Linear,
    /// The norm behind it.
    pub mixed: LayerNorm,
    /// Into the feed-forward.
    pub opening: Linear,
    /// Out of it.
    pub closing: Linear,
    /// The norm behind it.
    pub closed: LayerNorm,
}

impl Layer {
    /// Takes the rows of some texts through the layer.
    ///
    /// # Errors
    /// When candle fails.
    pub fn forward(&self, x: &Tensor, shape: &Shape, step: &mut Step<'_>, machine: &Machine) -> Result<Tensor> {
        let asking = self.asking.forward(x, machine)?;
        let mixed = step.attend(&asking, shape, machine)?;
        let x = self.mixed.of_sum(x, &self.mixing.forward(&mixed, machine)?, machine)?;
        let opened = activate(&self.opening.forward(&x, machine)?, shape.activation, machine)?;
        self.closed.of_sum(&x, &self.closing.forward(&opened, machine)?, machine)
    }

    /// Bytes of its matrices.
    pub fn bytes(&self) -> usize {
        [&self.asking, &self.mixing, &self.opening, &self.closing].map(Linear::bytes).iter().sum()
    }
}

/// What all layers of a step have in common.
pub struct Step<'a> {
    /// The texts, one behind the other.
    texts: &'a [Text],
    /// Keys and values of one layer, for the kernels; each text begins a block of its own, so that what it becomes does
    /// not depend on its neighbours.
    memory: Option<Memory>,
    blocks: Vec<Vec<u32>>,
}

impl<'a> Step<'a> {
    /// The step of some texts.
    pub fn new(texts: &'a [Text], shape: &Shape, machine: &Machine) -> Self {
        let mut taken = 0u32;
        let blocks: Vec<Vec<u32>> = texts
            .iter()
            .map(|text| {
                let first = taken;
                taken += text.tokens.len().div_ceil(POSITIONS) as u32;
                (first..taken).collect()
            })
            .collect();
        let heads = Heads { queries: shape.heads, keys: shape.heads, width: shape.head() };
        let memory = match machine {
            Machine::Kernels(_) => Some(Memory::new(heads, taken as usize, false)),
            Machine::Candle(_) => None,
        };
        Step { texts, memory, blocks }
    }

    /// Takes rows `[queries, keys, values]` and gives the mixed values of all heads: `[rows, hidden]`. Each row sees
    /// all rows of its text.
    fn attend(&mut self, rows: &Tensor, shape: &Shape, machine: &Machine) -> Result<Tensor> {
        let hidden = shape.hidden;
        let scale = 1.0 / (shape.head() as f64).sqrt();
        let Step { texts, memory, blocks } = self;
        let (Machine::Kernels(team), Some(memory)) = (machine, memory) else {
            return on_device(rows, texts, shape, scale);
        };
        on_rows(rows, hidden, |rows, count, out| {
            let mut queries = vec![0.0; count * hidden];
            let places = texts.iter().zip(blocks.iter()).flat_map(|(text, blocks)| {
                (0..text.tokens.len()).map(|position| (blocks[position / POSITIONS], position % POSITIONS))
            });
            let each = rows.chunks_exact(3 * hidden).zip(queries.chunks_exact_mut(hidden));
            for ((row, query), (block, slot)) in each.zip(places) {
                query.copy_from_slice(&row[..hidden]);
                memory.append(block, slot, &row[hidden..2 * hidden], &row[2 * hidden..]);
            }
            let spans: Vec<Span<'_>> = texts
                .iter()
                .zip(blocks.iter())
                .map(|(text, blocks)| Span { rows: text.tokens.len(), position: 0, blocks })
                .collect();
            memory.attend_whole(&queries, &spans, scale as f32, out, team);
        })
    }
}

/// The same in candle's operations, text by text.
fn on_device(rows: &Tensor, texts: &[Text], shape: &Shape, scale: f64) -> Result<Tensor> {
    let mut mixed = Vec::with_capacity(texts.len());
    let mut first = 0;
    for text in texts {
        let count = text.tokens.len();
        let heads = |from: usize| {
            let part = rows.narrow(0, first, count)?.narrow(1, from * shape.hidden, shape.hidden)?;
            part.reshape((count, shape.heads, shape.head()))?.transpose(0, 1)?.contiguous()
        };
        let (queries, keys, values) = (heads(0)?, heads(1)?, heads(2)?);
        let scores = (queries.matmul(&keys.transpose(1, 2)?.contiguous()?)? * scale)?.to_dtype(DType::F32)?;
        let shares = ops::softmax(&scores, D::Minus1)?.to_dtype(rows.dtype())?;
        mixed.push(shares.matmul(&values)?.transpose(0, 1)?.reshape((count, shape.hidden))?);
        first += count;
    }
    Tensor::cat(&mixed, 0)
}

fn activate(x: &Tensor, activation: Activation, machine: &Machine) -> Result<Tensor> {
    match machine {
        Machine::Kernels(_) => {
            let width = x.dim(1)?;
            let work = match activation {
                Activation::Gelu => gelu,
                Activation::GeluTanh => gelu_tanh,
                Activation::Relu => relu,
            };
            on_rows(x, width, |x, _, out| {
                let parts = x.chunks(ROWS * width).zip(out.chunks_mut(ROWS * width)).collect();
                machine.each(parts, |(x, out)| work(x, out));
            })
        }
        Machine::Candle(_) => match activation {
            Activation::Gelu => x.gelu_erf(),
            Activation::GeluTanh => x.gelu(),
            Activation::Relu => x.relu(),
        },
    }
}
