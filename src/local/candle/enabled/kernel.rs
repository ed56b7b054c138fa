//! The inner loops, as candle operations on the CPU.
//!
//! Each row of a batch is computed in the same order of additions, whatever the number of rows: that is what makes
//! batched and single decoding equal to the bit. The loops are plain ones over arrays of fixed length, compiled for
//! several instruction sets and chosen at run time; no product is fused with a sum, so the sets agree to the bit too.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor, bail};

/// Outputs of a linear layer that are computed together.
pub const PANEL: usize = 32;

/// Rows of a batch that share one pass over a panel.
const ROWS: usize = 4;

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
#[inline(always)]
pub fn vectorized<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
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
    for (a, b) in a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0) {
        for i in 0..8 {
            sums[i] += a[i] * b[i];
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
    for (p, panel) in matrix.chunks_exact(inner * PANEL).enumerate() {
        let panel = panel.as_chunks::<PANEL>().0;
        let groups = x.chunks(ROWS * inner).zip(out.chunks_mut(ROWS * width));
        for (x, out) in groups {
            match x.len() / inner {
                1 => group::<1>(x, panel, p, width, out),
                2 => group::<2>(x, panel, p, width, out),
                3 => group::<3>(x, panel, p, width, out),
                _ => group::<ROWS>(x, panel, p, width, out),
            }
        }
    }
}

#[inline(always)]
fn group<const R: usize>(x: &[f32], panel: &[[f32; PANEL]], p: usize, width: usize, out: &mut [f32]) {
    let inner = panel.len();
    let rows: [&[f32]; R] = std::array::from_fn(|r| &x[r * inner..][..inner]);
    let mut sums = [[0.0f32; PANEL]; R];
    for (k, weights) in panel.iter().enumerate() {
        for r in 0..R {
            let x = rows[r][k];
            for j in 0..PANEL {
                sums[r][j] += x * weights[j];
            }
        }
    }
    for (r, sums) in sums.iter().enumerate() {
        out[r * width + p * PANEL..][..PANEL].copy_from_slice(sums);
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
                for (row, out) in x.chunks_exact(width).zip(out.chunks_exact_mut(half)) {
                    let (gates, ups) = row.split_at(half);
                    for ((gate, up), out) in gates.iter().zip(ups).zip(out) {
                        // The exponential is taken of a negative number only, where it cannot overflow.
                        let e = exp(-gate.abs());
                        let share = if *gate >= 0.0 { 1.0 } else { e } / (1.0 + e);
                        *out = gate * share * up;
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
