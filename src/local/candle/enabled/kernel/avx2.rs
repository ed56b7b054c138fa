//! The products for AVX2.

#![expect(clippy::needless_range_loop, reason = "see `vector::vectorized` for why the loops count indices")]

use std::arch::x86_64::*;
use std::ops::Range;

use super::block::Block;
use super::dispatch::{eight, eight_numbers, four, halves, quarter};
use super::float::{self, Float, Numbers, Rows, Stretch, TILE};
use super::input::Quantised;
use super::panel::{self, Blocks, LANES, Panel};

/// Runs a loop compiled for these vectors.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub fn run<R>(work: &mut impl FnMut() -> R) -> R {
    work()
}

/// Computes the outputs of quantised weights from `first` on for all rows.
#[target_feature(enable = "avx2,fma,f16c")]
pub fn blocks<B: Block>(matrix: Blocks<'_>, x: &Quantised, first: usize, out: &mut [&mut [f32]]) {
    panel::product::<B>(matrix, x, first, out, panel::scales, panel::transpose, |panel, x, parts, sums| {
        for row in (0..sums.len()).step_by(2) {
            match sums.len() - row {
                1 => tile::<B, 1>(panel, x, row, parts.clone(), &mut sums[row..]),
                _ => tile::<B, 2>(panel, x, row, parts.clone(), &mut sums[row..]),
            }
        }
    });
}

/// Adds the product of a panel to the sums of `N` rows, in two halves of 8 outputs.
#[target_feature(enable = "avx2,fma,f16c")]
fn tile<B: Block, const N: usize>(
    panel: &Panel,
    x: &Quantised,
    row: usize,
    parts: Range<usize>,
    sums: &mut [[f32; LANES]],
) {
    // The sum of two products fits 16 bits if one factor has 7 bits only; a quant of 8 bits becomes signed again, its
    // sign goes to the other factor, and nothing is left to take away.
    let signed = B::OFFSET == 128;
    let (flip, ones) = (_mm256_set1_epi8(-128), _mm256_set1_epi16(1));
    let mut totals = [[_mm256_setzero_ps(); 2]; N];
    for n in 0..N {
        for half in 0..2 {
            totals[n][half] = eight(sums[n].as_chunks::<8>().0[half]);
        }
    }
    for part in 0..parts.len() {
        for piece in 0..B::SCALES {
            let mut whole = [[_mm256_setzero_si256(); 2]; N];
            for n in 0..N {
                let less = x.less[(row + n) * x.parts + parts.start + part];
                let less = if B::SCALES == 1 { less[0] + less[1] } else { less[piece] };
                whole[n] = [_mm256_set1_epi32(if signed { 0 } else { B::OFFSET * less }); 2];
            }
            for g in piece * 8 / B::SCALES..(piece + 1) * 8 / B::SCALES {
                let group = panel.quants[8 * part + g].as_chunks::<32>().0;
                for half in 0..2 {
                    let mut weights = halves(group[half]);
                    if signed {
                        weights = _mm256_xor_si256(weights, flip);
                    }
                    for n in 0..N {
                        let quants = &x.quants[(row + n) * x.parts + parts.start + part];
                        let four = _mm256_set1_epi32(i32::from_le_bytes(quants.as_chunks::<4>().0[g]));
                        let pairs = match signed {
                            true => _mm256_maddubs_epi16(_mm256_abs_epi8(weights), _mm256_sign_epi8(four, weights)),
                            false => _mm256_maddubs_epi16(weights, four),
                        };
                        whole[n][half] = _mm256_add_epi32(whole[n][half], _mm256_madd_epi16(pairs, ones));
                    }
                }
            }
            let scales = panel.scales[part * B::SCALES + piece].as_chunks::<8>().0;
            for n in 0..N {
                let x_scale = _mm256_set1_ps(x.scales[(row + n) * x.parts + parts.start + part]);
                for half in 0..2 {
                    let scaled = _mm256_mul_ps(_mm256_cvtepi32_ps(whole[n][half]), eight(scales[half]));
                    totals[n][half] = _mm256_fmadd_ps(scaled, x_scale, totals[n][half]);
                }
            }
        }
        if B::MINS {
            let mins = panel.mins[part].as_chunks::<8>().0;
            for n in 0..N {
                let at = (row + n) * x.parts + parts.start + part;
                let total = _mm256_set1_ps(x.scales[at] * (x.less[at][0] + x.less[at][1]) as f32);
                for half in 0..2 {
                    totals[n][half] = _mm256_fmadd_ps(eight(mins[half]), total, totals[n][half]);
                }
            }
        }
    }
    for n in 0..N {
        for half in 0..2 {
            sums[n][8 * half..8 * half + 8].copy_from_slice(&eight_numbers(totals[n][half]));
        }
    }
}

/// Computes the outputs of floating-point weights from `first` on for all rows, in 8 lanes.
#[target_feature(enable = "avx2,fma,f16c")]
pub fn wide<F: Float>(job: Numbers<'_, f32>, first: usize, out: &mut [&mut [f32]]) {
    // With 4 outputs, the sums of two rows fill 8 of 16 registers.
    float::tiles::<F, f32, [__m256; TILE]>(
        job,
        first,
        out,
        2,
        [_mm256_setzero_ps(); TILE],
        |stretch, x, sums| match sums.len() {
            1 => wide_tile::<F, 1>(stretch, x, sums),
            _ => wide_tile::<F, 2>(stretch, x, sums),
        },
        |sums| fold(sums),
    );
}

#[expect(clippy::manual_memcpy, reason = "copied as a whole, the sums would be kept in memory throughout")]
#[inline(never)]
#[target_feature(enable = "avx2,fma,f16c")]
fn wide_tile<F: Float, const N: usize>(stretch: Stretch<'_>, x: Rows<'_, f32>, sums: &mut [[__m256; TILE]]) {
    let weights = stretch.weights;
    let steps = weights[0].len() / (8 * F::BYTES);
    let rest = steps * 8 * F::BYTES;
    let all = weights[0].len().div_ceil(8 * F::BYTES);
    let mut totals = [[_mm256_setzero_ps(); TILE]; N];
    let mut xs = [&x.x.as_chunks::<8>().0[..0]; N];
    for n in 0..N {
        xs[n] = &x.x[n * x.width..].as_chunks::<8>().0[..all];
        totals[n] = sums[n];
    }
    for step in 0..steps {
        stretch.fetch(step, 8 * F::BYTES);
        for i in 0..TILE {
            let w = lanes::<F>(&weights[i][step * 8 * F::BYTES..(step + 1) * 8 * F::BYTES]);
            for n in 0..N {
                totals[n][i] = _mm256_fmadd_ps(w, eight(xs[n][step]), totals[n][i]);
            }
        }
    }
    if rest < weights[0].len() {
        for i in 0..TILE {
            let mut last = [0; 32];
            last[..weights[i].len() - rest].copy_from_slice(&weights[i][rest..]);
            let w = lanes::<F>(&last);
            for n in 0..N {
                totals[n][i] = _mm256_fmadd_ps(w, eight(xs[n][steps]), totals[n][i]);
            }
        }
    }
    for n in 0..N {
        sums[n] = totals[n];
    }
}

/// 8 weights as numbers.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn lanes<F: Float>(bytes: &[u8]) -> __m256 {
    if F::BYTES == 4 {
        return bytes.first_chunk().map_or(_mm256_setzero_ps(), |all| _mm256_castsi256_ps(halves(*all)));
    }
    let Some(all) = bytes.first_chunk() else { return _mm256_setzero_ps() };
    match F::IEEE {
        true => _mm256_cvtph_ps(quarter(*all)),
        false => _mm256_castsi256_ps(_mm256_slli_epi32::<16>(_mm256_cvtepu16_epi32(quarter(*all)))),
    }
}

/// Adds up the lanes of four outputs, all in the same tree.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn fold(sums: [__m256; TILE]) -> [f32; TILE] {
    let [a, b, c, d] = sums;
    let both = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
    four(_mm_add_ps(_mm256_castps256_ps128(both), _mm256_extractf128_ps::<1>(both)))
}
