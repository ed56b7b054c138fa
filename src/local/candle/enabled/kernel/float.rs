//! Products of floating-point weights with rows.
//!
//! The products of an output are summed in lanes, 8 or 16 of them: each over every 8th or 16th number (the bfloat16
//! instruction: over every 16th pair), and the lanes in a fixed tree at the end, whatever the tile.

use super::dispatch::prefetch;
use super::vector::widen;

/// A format of floating-point weights, little-endian.
pub trait Float {
    /// Bytes of a number.
    const BYTES: usize;
    /// Whether it is IEEE half precision.
    const IEEE: bool;

    /// The number of these bytes.
    fn number(bytes: &[u8]) -> f32;
}

/// 32 bits.
pub struct F32;

/// IEEE half precision.
pub struct F16;

/// The upper half of 32 bits.
pub struct BF16;

impl Float for F32 {
    const BYTES: usize = 4;
    const IEEE: bool = false;

    #[inline(always)]
    fn number(bytes: &[u8]) -> f32 {
        f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
    }
}

impl Float for F16 {
    const BYTES: usize = 2;
    const IEEE: bool = true;

    #[inline(always)]
    fn number(bytes: &[u8]) -> f32 {
        widen(u16::from_le_bytes([bytes[0], bytes[1]]))
    }
}

impl Float for BF16 {
    const BYTES: usize = 2;
    const IEEE: bool = false;

    #[inline(always)]
    fn number(bytes: &[u8]) -> f32 {
        f32::from_bits(u32::from(u16::from_le_bytes([bytes[0], bytes[1]])) << 16)
    }
}

/// A matrix of numbers where it lies, with the rows to multiply.
#[derive(Clone, Copy)]
pub struct Numbers<'a, X> {
    /// The bytes of the matrix, row after row.
    pub bytes: &'a [u8],
    /// Numbers of a row of the matrix.
    pub inner: usize,
    /// The number of rows of the matrix: outputs.
    pub outer: usize,
    /// The rows to multiply, each filled up with zeros.
    pub x: &'a [X],
    /// Numbers of such a row with its zeros.
    pub width: usize,
}

/// The numbers of a row of weights, filled up with zeros.
#[inline(always)]
pub fn row<F: Float>(bytes: &[u8], out: &mut [f32]) {
    let count = bytes.len() / F::BYTES;
    let (numbers, zeros) = out.split_at_mut(count);
    for i in 0..count {
        numbers[i] = F::number(&bytes[i * F::BYTES..(i + 1) * F::BYTES]);
    }
    zeros.fill(0.0);
}

/// Computes the outputs from `first` on for all rows, as many as the slices of `out` are long: each row of weights is
/// widened once for all rows of the input.
#[inline(always)]
pub fn product<F: Float>(job: Numbers<'_, f32>, first: usize, out: &mut [&mut [f32]]) {
    let (stride, width) = (job.inner * F::BYTES, job.width);
    let mut weights = vec![0.0; width];
    for output in 0..out.first().map_or(0, |row| row.len()) {
        row::<F>(&job.bytes[(first + output) * stride..][..stride], &mut weights);
        let mut at = 0;
        while at < out.len() {
            let count = if out.len() - at >= 4 { 4 } else { 1 };
            let x = &job.x[at * width..(at + count) * width];
            if count == 4 {
                let sums = tile::<4>(&weights, x);
                for i in 0..4 {
                    out[at + i][output] = sums[i];
                }
            } else {
                out[at][output] = tile::<1>(&weights, x)[0];
            }
            at += count;
        }
    }
}

/// Outputs that are written together: a line of the cache.
const GROUP: usize = 16;

/// Outputs of a tile.
pub const TILE: usize = 4;

/// Numbers that all rows pass before the next: the weights of a tile stay in the nearest cache. A multiple of the
/// numbers of any step.
const STRETCH: usize = 1024;

/// Computes the outputs from `first` on for all rows, in tiles of 4 outputs by up to `most` rows.
///
/// `tile` takes a stretch of the weights of 4 outputs and the rows from a number on, and adds their products to the
/// sums of so many rows; `fold` adds up the lanes of a sum.
#[inline(always)]
pub fn tiles<F: Float, X, S: Copy>(
    job: Numbers<'_, X>,
    first: usize,
    out: &mut [&mut [f32]],
    most: usize,
    zero: S,
    tile: impl Fn(Stretch<'_>, Rows<'_, X>, &mut [S]),
    fold: impl Fn(S) -> [f32; TILE],
) {
    let stride = job.inner * F::BYTES;
    let rows = out.len();
    let width = out.first().map_or(0, |row| row.len());
    let (mut sums, mut folded) = (vec![zero; rows], vec![[0.0; GROUP]; rows]);
    let size = rows.div_ceil(rows.div_ceil(most).max(1)).max(1);
    for group in (0..width).step_by(GROUP) {
        let count = GROUP.min(width - group);
        for output in (0..count).step_by(TILE) {
            let mut weights = [job.bytes; TILE];
            for (i, weights) in weights.iter_mut().enumerate() {
                // Behind the last output there is its row again.
                let index = (first + group + output + i).min(job.outer - 1);
                *weights = &job.bytes[index * stride..(index + 1) * stride];
            }
            sums.fill(zero);
            for from in (0..job.inner).step_by(STRETCH) {
                let to = job.inner.min(from + STRETCH);
                let start = (first + group + GROUP + output) * stride + TILE * from * F::BYTES;
                let end = job.bytes.len().min(start + TILE * (to - from) * F::BYTES);
                let mut ahead = &job.bytes[start.min(end)..end];
                let mut stretch = weights;
                for i in 0..TILE {
                    stretch[i] = &weights[i][from * F::BYTES..to * F::BYTES];
                }
                for row in (0..rows).step_by(size) {
                    let x = Rows { x: &job.x[row * job.width + from..], width: job.width };
                    tile(Stretch { weights: stretch, ahead }, x, &mut sums[row..rows.min(row + size)]);
                    ahead = &[];
                }
            }
            for row in 0..rows {
                folded[row][output..output + TILE].copy_from_slice(&fold(sums[row]));
            }
        }
        for row in 0..rows {
            out[row][group..group + count].copy_from_slice(&folded[row][..count]);
        }
    }
}

/// A part of the weights of 4 outputs.
#[derive(Clone, Copy)]
pub struct Stretch<'a> {
    /// The weights.
    pub weights: [&'a [u8]; TILE],
    /// As many weights of outputs that come later, to be fetched meanwhile; empty if that is done.
    ahead: &'a [u8],
}

impl Stretch<'_> {
    /// Fetches what belongs to a step of so many bytes.
    #[inline(always)]
    pub fn fetch(&self, step: usize, bytes: usize) {
        prefetch(self.ahead, step * TILE * bytes, TILE * bytes);
    }
}

/// Rows from a number on.
#[derive(Clone, Copy)]
pub struct Rows<'a, X> {
    /// The first of them, and what follows.
    pub x: &'a [X],
    /// The distance from each to the next.
    pub width: usize,
}

#[inline(always)]
fn tile<const N: usize>(weights: &[f32], x: &[f32]) -> [f32; N] {
    let mut sums = [[0.0; 16]; N];
    let width = weights.len();
    for at in (0..width).step_by(16) {
        let weights = &weights[at..at + 16];
        for n in 0..N {
            let x = &x[n * width + at..n * width + at + 16];
            for lane in 0..16 {
                sums[n][lane] += weights[lane] * x[lane];
            }
        }
    }
    let mut out = [0.0; N];
    for n in 0..N {
        for half in [8, 4, 2, 1] {
            for lane in 0..half {
                sums[n][lane] += sums[n][lane + half];
            }
        }
        out[n] = sums[n][0];
    }
    out
}
