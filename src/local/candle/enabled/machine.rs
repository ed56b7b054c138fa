//! What the network is computed on.

use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp1, CustomOp2, DType, Device, Layout, Result, Shape, Tensor, bail};
use std::cell::RefCell;

use super::kernel::{Kind, Team};

/// What the network is computed on: the kernels of this program where there is only a processor, else the operations of
/// candle.
#[derive(Clone)]
pub enum Machine {
    /// The processor, by the kernels.
    Kernels(Arc<Team>),
    /// A device, by candle.
    Candle(Device),
}

impl Machine {
    /// The best that this machine and this build have. On a processor so many threads share the work.
    ///
    /// # Errors
    /// In words, when the device cannot be used or the threads cannot be had.
    pub fn best(threads: usize) -> std::result::Result<Self, String> {
        let device = device().map_err(|error| format!("the device cannot be used: {error}"))?;
        match device {
            Some(device) => Ok(Machine::Candle(device)),
            None => Team::new(threads).map(|team| Machine::Kernels(Arc::new(team))),
        }
    }

    /// Where tensors lie.
    pub fn device(&self) -> Device {
        match self {
            Machine::Kernels(_) => Device::Cpu,
            Machine::Candle(device) => device.clone(),
        }
    }

    /// The type of activations between weights of a kind: the kernels always compute in 32 bits.
    pub fn activations(&self, kind: Kind) -> DType {
        match (self, kind) {
            (Machine::Candle(_), Kind::BF16) => DType::BF16,
            (Machine::Candle(_), Kind::F16) => DType::F16,
            _ => DType::F32,
        }
    }

    /// Computes on the threads of the machine, so that the parts of the work need not be handed over one by one.
    pub fn enter<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        match self {
            Machine::Kernels(team) => team.enter(work),
            Machine::Candle(_) => work(),
        }
    }

    /// Does the work of each part on the processor, on all threads that the machine has there.
    pub fn each<T: Send>(&self, parts: Vec<T>, work: impl Fn(T) + Sync) {
        match self {
            Machine::Kernels(team) => team.share(parts, work),
            Machine::Candle(_) => parts.into_iter().for_each(work),
        }
    }
}

/// The device that this build is for, where there is one.
fn device() -> Result<Option<Device>> {
    #[cfg(feature = "cuda")]
    return Device::new_cuda(0).map(Some);
    #[cfg(all(feature = "metal", not(feature = "cuda")))]
    return Device::new_metal(0).map(Some);
    // Products by MKL are candle's.
    #[cfg(all(feature = "mkl", not(any(feature = "cuda", feature = "metal"))))]
    return Ok(Some(Device::Cpu));
    #[cfg(not(any(feature = "cuda", feature = "metal", feature = "mkl")))]
    Ok(None)
}

/// Computes rows out of rows on the processor, as an operation of candle: `[rows, inner]` to `[rows, outer]`. The work gets
/// the numbers, how many rows they are, and room for the result, all zero.
///
/// # Errors
/// When the tensor is not contiguous.
pub fn on_rows(x: &Tensor, outer: usize, work: impl FnMut(&[f32], usize, &mut [f32])) -> Result<Tensor> {
    x.apply_op1_no_bwd(&Rows { outer, work: RefCell::new(work) })
}

/// Rows that a thread takes at a time where nothing but their number matters.
pub const SHARE: usize = 8;

/// A function of rows. In a cell because candle hands out operations shared.
struct Rows<F> {
    outer: usize,
    work: RefCell<F>,
}

impl<F: FnMut(&[f32], usize, &mut [f32])> CustomOp1 for Rows<F> {
    fn name(&self) -> &'static str {
        "rows"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (rows, _) = layout.shape().dims2()?;
        let Some((start, end)) = layout.contiguous_offsets() else { bail!("a kernel needs contiguous numbers") };
        let mut out = vec![0.0f32; rows * self.outer];
        (self.work.borrow_mut())(&x.as_slice::<f32>()?[start..end], rows, &mut out);
        Ok((CpuStorage::F32(out), (rows, self.outer).into()))
    }
}

/// The same out of two tensors of rows, as many and as wide as those that are computed.
///
/// # Errors
/// When a tensor is not contiguous, or they differ in their sizes.
pub fn on_both(x: &Tensor, y: &Tensor, work: impl FnMut(&[f32], &[f32], &mut [f32])) -> Result<Tensor> {
    x.apply_op2_no_bwd(y, &Both(RefCell::new(work)))
}

/// A function of two tensors of rows.
struct Both<F>(RefCell<F>);

impl<F: FnMut(&[f32], &[f32], &mut [f32])> CustomOp2 for Both<F> {
    fn name(&self) -> &'static str {
        "both"
    }

    fn cpu_fwd(&self, x: &CpuStorage, of_x: &Layout, y: &CpuStorage, of_y: &Layout) -> Result<(CpuStorage, Shape)> {
        let (Some((from, to)), Some((start, end))) = (of_x.contiguous_offsets(), of_y.contiguous_offsets()) else {
            bail!("a kernel needs contiguous numbers")
        };
        if of_x.shape() != of_y.shape() {
            bail!("{:?} does not fit {:?}", of_x.shape(), of_y.shape());
        }
        let mut out = vec![0.0f32; to - from];
        (self.0.borrow_mut())(&x.as_slice::<f32>()?[from..to], &y.as_slice::<f32>()?[start..end], &mut out);
        Ok((CpuStorage::F32(out), of_x.shape().clone()))
    }
}
