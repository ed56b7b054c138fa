//! Linear layers and the embedding.

use std::borrow::Cow;
use std::sync::Arc;

use candle_core::quantized::{GgmlDType, QMatMul, QStorage, QTensor};
use candle_core::{DType, Device, Module, Result, Tensor, bail};

use crate::local::candle::chosen::checkpoint::Stored;
use crate::local::candle::chosen::kernel::{Input, Kind, Matrix};
use crate::local::candle::chosen::machine::{Machine, on_rows};

/// The matrix of a linear layer, `[outer, inner]`.
#[derive(Clone)]
pub enum Weight {
    /// For the kernels, where it lies.
    Kernels(Matrix),
    /// For candle, on the device, in a type that it computes with.
    Plain(Tensor),
    /// For candle, on the device, in blocks.
    Quantized(Arc<QTensor>),
}

impl Weight {
    /// Brings a matrix to where it is computed with.
    ///
    /// # Errors
    /// When its bytes do not fit its sizes, or the device has no room.
    pub fn new(stored: &Stored, outer: usize, inner: usize, machine: &Machine) -> Result<Self> {
        let matrix = Matrix::new(stored.kind, outer, inner, stored.bytes.clone()).map_err(candle_core::Error::msg)?;
        let device = match machine {
            Machine::Kernels(_) => return Ok(Weight::Kernels(matrix)),
            Machine::Candle(device) => device,
        };
        let plain = |type_| Tensor::from_raw_buffer(&stored.bytes, type_, &[outer, inner], device).map(Weight::Plain);
        let quantized = |type_| {
            let storage = QStorage::from_data(Cow::Borrowed(&stored.bytes), device, type_)?;
            Ok(Weight::Quantized(Arc::new(QTensor::new(storage, (outer, inner))?)))
        };
        match stored.kind {
            Kind::F32 => plain(DType::F32),
            Kind::F16 => plain(DType::F16),
            Kind::BF16 => plain(DType::BF16),
            Kind::Q8_0 => quantized(GgmlDType::Q8_0),
            Kind::Q4K => quantized(GgmlDType::Q4K),
            Kind::Q5K => quantized(GgmlDType::Q5K),
            Kind::Q6K => quantized(GgmlDType::Q6K),
        }
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> usize {
        match self {
            Weight::Kernels(matrix) => matrix.bytes(),
            Weight::Plain(tensor) => tensor.elem_count() * tensor.dtype().size_in_bytes(),
            Weight::Quantized(tensor) => tensor.storage_size_in_bytes(),
        }
    }

    /// Multiplies rows on a device. candle computes with blocks in 32 bits only.
    fn multiply(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Weight::Kernels(_) => bail!("weights for the kernels are on no device"),
            Weight::Plain(tensor) => x.to_dtype(tensor.dtype())?.matmul(&tensor.t()?)?.to_dtype(x.dtype()),
            Weight::Quantized(tensor) => {
                QMatMul::QTensor(Arc::clone(tensor)).forward(&x.to_dtype(DType::F32)?)?.to_dtype(x.dtype())
            }
        }
    }
}

/// Numbers that are not multiplied as a matrix, such as those of a norm or a bias.
///
/// # Errors
/// When they are of a kind that such numbers do not come in.
pub fn vector(stored: &Stored) -> Result<Vec<f32>> {
    let count: usize = stored.dims.iter().product();
    let matrix = Matrix::new(stored.kind, 1, count, stored.bytes.clone()).map_err(candle_core::Error::msg)?;
    let mut numbers = vec![0.0; count];
    matrix.row(0, &mut numbers);
    Ok(numbers)
}

/// A linear layer: matrices whose outputs stand side by side, and what is added.
#[derive(Clone)]
pub struct Linear {
    parts: Vec<(Weight, usize)>,
    outer: usize,
    bias: Option<Bias>,
}

/// What is added to each row.
#[derive(Clone)]
struct Bias {
    numbers: Vec<f32>,
    on_device: Tensor,
}

impl Linear {
    /// A layer of matrices with their numbers of outputs, and a bias over all of them.
    ///
    /// # Errors
    /// When the bias cannot be brought to the machine.
    pub fn new(parts: Vec<(Weight, usize)>, bias: Option<Vec<f32>>, machine: &Machine) -> Result<Self> {
        let outer = parts.iter().map(|(_, outer)| outer).sum();
        let on_device = |numbers: &Vec<f32>| Tensor::from_slice(numbers, (1, outer), &machine.device());
        let bias = match bias {
            Some(numbers) => Some(Bias { on_device: on_device(&numbers)?, numbers }),
            None => None,
        };
        Ok(Linear { parts, outer, bias })
    }

    /// Multiplies rows: `[rows, inner]` to `[rows, outer]`.
    ///
    /// # Errors
    /// When candle fails.
    pub fn forward(&self, x: &Tensor, machine: &Machine) -> Result<Tensor> {
        match machine {
            Machine::Kernels(team) => {
                let inner = x.dim(1)?;
                on_rows(x, self.outer, |x, rows, out| {
                    let input = Input::new(x, rows, inner);
                    let mut offset = 0;
                    for (weight, outer) in &self.parts {
                        if let Weight::Kernels(matrix) = weight {
                            matrix.multiply(&input, out, self.outer, offset, team);
                        }
                        offset += outer;
                    }
                    // candle's own sums spread over all processors.
                    if let Some(bias) = &self.bias {
                        for row in out.chunks_exact_mut(self.outer) {
                            row.iter_mut().zip(&bias.numbers).for_each(|(sum, number)| *sum += number);
                        }
                    }
                })
            }
            Machine::Candle(_) => {
                let each = self.parts.iter().map(|(weight, _)| weight.multiply(x)).collect::<Result<Vec<_>>>()?;
                let product = if let [one] = each.as_slice() { one.clone() } else { Tensor::cat(&each, 1)? };
                match &self.bias {
                    Some(bias) => product.broadcast_add(&bias.on_device.to_dtype(product.dtype())?),
                    None => Ok(product),
                }
            }
        }
    }

    /// Bytes of its matrices.
    pub fn bytes(&self) -> usize {
        self.parts.iter().map(|(weight, _)| weight.bytes()).sum()
    }
}

/// The rows of tokens.
#[derive(Clone)]
pub struct Embedding {
    weight: Weight,
    hidden: usize,
    /// The row of token `t` is `t * stride` modulo this number of rows: 1 but for drawn weights that are tied to the head,
    /// where a token's own row would make it its own successor.
    stride: usize,
    rows: usize,
}

impl Embedding {
    /// An embedding of `rows` rows.
    pub fn new(weight: Weight, rows: usize, hidden: usize, stride: usize) -> Self {
        Embedding { weight, hidden, stride, rows }
    }

    /// The rows of some tokens, `[tokens, hidden]`.
    ///
    /// # Errors
    /// When a token is out of range, or candle fails.
    pub fn forward(&self, tokens: impl Iterator<Item = u32>, type_: DType, device: &Device) -> Result<Tensor> {
        let indices: Vec<usize> = tokens.map(|token| token as usize * self.stride % self.rows).collect();
        match &self.weight {
            Weight::Kernels(matrix) => {
                let mut numbers = vec![0.0; indices.len() * self.hidden];
                for (index, row) in indices.iter().zip(numbers.chunks_exact_mut(self.hidden)) {
                    matrix.row(*index, row);
                }
                Tensor::from_vec(numbers, (indices.len(), self.hidden), device)
            }
            Weight::Plain(table) => table.index_select(&on_device(indices, device)?, 0)?.to_dtype(type_),
            Weight::Quantized(table) => {
                table.dequantize(device)?.index_select(&on_device(indices, device)?, 0)?.to_dtype(type_)
            }
        }
    }

    /// Its matrix, to be the head as well.
    pub fn weight(&self) -> &Weight {
        &self.weight
    }
}

fn on_device(indices: Vec<usize>, device: &Device) -> Result<Tensor> {
    let count = indices.len();
    Tensor::from_vec(indices.into_iter().map(|index| index as u32).collect(), count, device)
}
