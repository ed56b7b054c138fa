//! Norms, sums, and the gate of the feed-forward.

use candle_core::{Result, Tensor};
use candle_nn::ops;

use crate::local::candle::chosen::kernel::{rms_norm, silu_gate};
use crate::local::candle::chosen::machine::{Machine, SHARE, on_both, on_rows};

/// A norm by the root mean square (Zhang and Sennrich, arXiv:1910.07467).
#[derive(Clone)]
pub struct Norm {
    weight: Vec<f32>,
    on_device: Tensor,
    epsilon: f32,
}

impl Norm {
    /// A norm with these weights.
    ///
    /// # Errors
    /// When they cannot be brought to the machine.
    pub fn new(weight: Vec<f32>, epsilon: f32, machine: &Machine) -> Result<Self> {
        let on_device = Tensor::new(weight.as_slice(), &machine.device())?;
        Ok(Norm { weight, on_device, epsilon })
    }

    /// Norms each row.
    ///
    /// # Errors
    /// When candle fails.
    pub fn forward(&self, x: &Tensor, machine: &Machine) -> Result<Tensor> {
        match machine {
            Machine::Kernels(team) => on_rows(x, self.weight.len(), |x, _, out| {
                let share = SHARE * self.weight.len();
                let parts = x.chunks(share).zip(out.chunks_mut(share)).collect();
                team.share(parts, |(x, out): (&[f32], &mut [f32])| self.rows(x, out));
            }),
            Machine::Candle(_) => ops::rms_norm(x, &self.on_device.to_dtype(x.dtype())?, self.epsilon),
        }
    }

    /// Norms vectors as long as the weights, on the processor.
    pub fn rows(&self, x: &[f32], out: &mut [f32]) {
        rms_norm(x, &self.weight, self.epsilon, out);
    }
}

/// SwiGLU (Shazeer, arXiv:2002.05202): of each row `[gate, up]` the product of `up` with the SiLU of `gate`.
///
/// # Errors
/// When candle fails.
pub fn gate(x: &Tensor, machine: &Machine) -> Result<Tensor> {
    match machine {
        Machine::Kernels(team) => {
            let width = x.dim(1)?;
            on_rows(x, width / 2, |x, _, out| {
                let parts = x.chunks(SHARE * width).zip(out.chunks_mut(SHARE * width / 2)).collect();
                team.share(parts, |(x, out): (&[f32], &mut [f32])| {
                    for (x, out) in x.chunks_exact(width).zip(out.chunks_exact_mut(width / 2)) {
                        let (gate, up) = x.split_at(width / 2);
                        silu_gate(gate, up, out);
                    }
                });
            })
        }
        Machine::Candle(_) => ops::swiglu(x),
    }
}

/// The sum of two tensors of one shape. candle's own spreads over all processors.
///
/// # Errors
/// When candle fails.
pub fn sum(x: &Tensor, y: &Tensor, machine: &Machine) -> Result<Tensor> {
    match machine {
        Machine::Kernels(team) => {
            let share = SHARE * x.dim(1)?;
            on_both(x, y, |x, y, out| {
                let parts = x.chunks(share).zip(y.chunks(share)).zip(out.chunks_mut(share)).collect();
                team.share(parts, |((x, y), out): ((&[f32], &[f32]), &mut [f32])| {
                    x.iter().zip(y).zip(out).for_each(|((x, y), out)| *out = x + y);
                });
            })
        }
        Machine::Candle(_) => x + y,
    }
}
