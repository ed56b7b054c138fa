//! The inner loops, as candle operations on the CPU.
//!
//! Each row of a batch is computed in the same order of additions, whatever the number of rows: that is what makes
//! batched and single decoding equal to the bit. The loops are plain ones over arrays of fixed length, compiled for
//! several instruction sets and chosen at run time; no product is fused with a sum, so the sets agree to the bit too.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor, bail};

/// Outputs of a linear layer that are computed together: their sums fill half of the vector registers of AVX2.
pub const PANEL: usize = 64;

/// Multiplies rows by a matrix in panels: `[rows, inner]` by `[panels, inner, PANEL]` gives `[rows, panels * PANEL]`.
///
/// # Errors
/// When the shapes do not fit.
pub fn linear(x: &Tensor, matrix: &Tensor) -> Result<Tensor> {
    x.apply_op2_no_bwd(matrix, &Linear)
}

/// Divides each row by its root mean square.
///
/// # Errors
/// When the tensor is not contiguous.
pub fn normalize(x: &Tensor) -> Result<Tensor> {
    x.apply_op1_no_bwd(&Normalize)
}

/// SwiGLU: of each row `[gate, up]` the product of `up` with the SiLU of `gate`.
///
/// # Errors
/// When the tensor is not contiguous.
pub fn gate(x: &Tensor) -> Result<Tensor> {
    x.apply_op1_no_bwd(&Gate)
}

/// Runs a loop compiled for the widest vectors of this machine.
///
/// Only what is inlined into it is compiled so. Adapters of iterators are not, where the build keeps its units apart,
/// which is why the loops count indices.
#[inline(always)]
pub fn vectorized<R>(work: impl FnMut() -> R) -> R {
    pulp::Arch::new().dispatch(Call(work))
}

/// Calls a closure by reference: a call by value goes through a function of the compiler's own making, which is not
/// inlined and thus compiled for the narrowest vectors.
struct Call<F>(F);

impl<R, F: FnMut() -> R> pulp::NullaryFnOnce for Call<F> {
    type Output = R;

    #[inline(always)]
    fn call(mut self) -> R {
        (self.0)()
    }
}

/// The numbers of a contiguous tensor.
pub fn numbers<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let Some((start, end)) = layout.contiguous_offsets() else { bail!("a kernel needs contiguous numbers") };
    Ok(&storage.as_slice::<f32>()?[start..end])
}

/// e to the power of `x`, for `x` of at most 0; exact to some 2 units in the last place. Unlike the one of the
/// standard library it is made of additions and products, so it can be vectorised and is the same everywhere.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    // Adding and taking away 1.5 * 2^23 rounds to an integer.
    const ROUND: f32 = 12_582_912.0;
    let x = x.max(-87.0);
    let n = (x * std::f32::consts::LOG2_E + ROUND) - ROUND;
    // ln 2 in two parts, so that the rest keeps its last bits.
    let r = (x - n * 0.693_359_4) + n * 2.121_944_4e-4;
    let mut p = 1.987_569_2e-4;
    for c in [1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        p = p * r + c;
    }
    let e = p * (r * r) + r + 1.0;
    // The power of two is put together from its exponent; n lies between -126 and 0.
    e * f32::from_bits(((n as i32 + 127) as u32) << 23)
}

/// The product of two vectors of equal length, a multiple of 8.
#[inline(always)]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; 8];
    let (a, b) = (a.as_chunks::<8>().0, b.as_chunks::<8>().0);
    for block in 0..a.len() {
        for i in 0..8 {
            sums[i] += a[block][i] * b[block][i];
        }
    }
    let [a, b, c, d, e, f, g, h] = sums;
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

struct Linear;

impl CustomOp2 for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        matrix: &CpuStorage,
        matrix_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (rows, inner) = x_layout.shape().dims2()?;
        let (panels, matrix_inner, panel) = matrix_layout.shape().dims3()?;
        if inner != matrix_inner || panel != PANEL {
            bail!("{:?} does not fit {:?}", x_layout.shape(), matrix_layout.shape());
        }
        let width = panels * PANEL;
        let mut out = vec![0.0f32; rows * width];
        let (x, matrix) = (numbers(x, x_layout)?, numbers(matrix, matrix_layout)?);
        vectorized(
            #[inline(always)]
            || multiply(x, matrix, inner, width, &mut out),
        );
        Ok((CpuStorage::F32(out), (rows, width).into()))
    }
}

/// The panels go in the outer loop, so that the matrix is read once for the whole batch.
#[inline(always)]
fn multiply(x: &[f32], matrix: &[f32], inner: usize, width: usize, out: &mut [f32]) {
    let matrix = matrix.as_chunks::<PANEL>().0;
    let rows = x.len() / inner;
    for p in 0..width / PANEL {
        let panel = &matrix[p * inner..(p + 1) * inner];
        for row in 0..rows {
            let x = &x[row * inner..(row + 1) * inner];
            let mut sums = [0.0f32; PANEL];
            for k in 0..inner {
                let weights = &panel[k];
                for j in 0..PANEL {
                    sums[j] += x[k] * weights[j];
                }
            }
            let at = row * width + p * PANEL;
            out[at..at + PANEL].copy_from_slice(&sums);
        }
    }
}

struct Normalize;

impl CustomOp1 for Normalize {
    fn name(&self) -> &'static str {
        "normalize"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let width = layout.shape().dims2()?.1;
        let mut out = numbers(x, layout)?.to_vec();
        for row in out.chunks_exact_mut(width) {
            let scale = 1.0 / (dot(row, row) / width as f32 + 1e-6).sqrt();
            row.iter_mut().for_each(|x| *x *= scale);
        }
        Ok((CpuStorage::F32(out), layout.shape().clone()))
    }
}

struct Gate;

impl CustomOp1 for Gate {
    fn name(&self) -> &'static str {
        "gate"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (rows, width) = layout.shape().dims2()?;
        let half = width / 2;
        let mut out = vec![0.0f32; rows * half];
        let x = numbers(x, layout)?;
        vectorized(
            #[inline(always)]
            || {
                for row in 0..rows {
                    let gates = &x[row * width..row * width + half];
                    let ups = &x[row * width + half..(row + 1) * width];
                    let out = &mut out[row * half..(row + 1) * half];
                    for i in 0..half {
                        // The exponential is taken of a negative number only, where it cannot overflow.
                        let e = exp(-gates[i].abs());
                        let share = if gates[i] >= 0.0 { 1.0 } else { e } / (1.0 + e);
                        out[i] = gates[i] * share * ups[i];
                    }
                }
            },
        );
        Ok((CpuStorage::F32(out), (rows, half).into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_exact_to_a_few_units() {
        for i in 0..87_000 {
            let x = -(i as f32) / 1000.0;
            let exact = f64::from(x).exp();
            assert!((f64::from(exp(x)) / exact - 1.0).abs() < 4e-7, "{x}");
        }
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(f32::NEG_INFINITY) < 1e-37);
    }
}
