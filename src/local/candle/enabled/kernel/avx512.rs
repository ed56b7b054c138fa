//! The products for AVX-512.
//!
//! Tiles are functions apart, because in one large function the compiler keeps their sums in memory.

#![expect(clippy::needless_range_loop, reason = "see `vector::vectorized` for why the loops count indices")]

use std::arch::x86_64::*;
use std::ops::Range;

use super::block::{Block, Group};
use super::dispatch::{brain_words, brains, bytes_of, floats, four, halves, numbers, quarter, words};
use super::float::{self, BF16, Float, Numbers, Rows, Stretch, TILE};
use super::input::Quantised;
use super::panel::{self, Blocks, LANES, PARTS, Panel};

/// Runs a loop compiled for these vectors.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
pub fn run<R>(work: &mut impl FnMut() -> R) -> R {
    work()
}

/// Computes the outputs of quantised weights from `first` on for all rows.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
pub fn blocks<B: Block>(matrix: Blocks<'_>, x: &Quantised, first: usize, out: &mut [&mut [f32]]) {
    if B::OFFSET == 128
        && let [out] = out
    {
        return single::<B>(matrix, x, first, out);
    }
    panel::product::<B>(
        matrix,
        x,
        first,
        out,
        |rows, at| numbers(scales(rows, at)),
        |rows, at, groups, flip| transpose(rows, at, groups, flip),
        |panel, x, parts, sums| tiles::<B>(panel, x, 0, parts, sums),
    );
}

/// Adds the product of a panel to the sums of the rows from `first` on.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
pub fn tiles<B: Block>(panel: &Panel, x: &Quantised, first: usize, parts: Range<usize>, sums: &mut [[f32; LANES]]) {
    for at in (0..sums.len()).step_by(8) {
        let count = 8.min(sums.len() - at);
        let (row, sums) = (first + at, &mut sums[at..at + count]);
        let parts = parts.clone();
        match count {
            1 => tile::<B, 1>(panel, x, row, parts, sums),
            2 => tile::<B, 2>(panel, x, row, parts, sums),
            3 => tile::<B, 3>(panel, x, row, parts, sums),
            4 => tile::<B, 4>(panel, x, row, parts, sums),
            5 => tile::<B, 5>(panel, x, row, parts, sums),
            6 => tile::<B, 6>(panel, x, row, parts, sums),
            7 => tile::<B, 7>(panel, x, row, parts, sums),
            _ => tile::<B, 8>(panel, x, row, parts, sums),
        }
    }
}

/// Adds the product of a panel to the sums of `N` rows.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
fn tile<B: Block, const N: usize>(
    panel: &Panel,
    x: &Quantised,
    row: usize,
    parts: Range<usize>,
    sums: &mut [[f32; LANES]],
) {
    let count = parts.len();
    let quants = &panel.quants.as_chunks::<8>().0[..count];
    let (scales, mins) = (&panel.scales[..count * B::SCALES], &panel.mins[..count]);
    let mut x_quants = [&x.quants[..0]; N];
    let mut x_scales = [&x.scales[..0]; N];
    let mut x_less = [&x.less[..0]; N];
    let mut totals = [_mm512_setzero_ps(); N];
    for n in 0..N {
        let at = (row + n) * x.parts + parts.start;
        x_quants[n] = &x.quants[at..at + count];
        x_scales[n] = &x.scales[at..at + count];
        x_less[n] = &x.less[at..at + count];
        totals[n] = floats(sums[n]);
    }
    for part in 0..count {
        for piece in 0..B::SCALES {
            let mut whole = [_mm512_setzero_si512(); N];
            for n in 0..N {
                let less = x_less[n][part];
                let less = if B::SCALES == 1 { less[0] + less[1] } else { less[piece] };
                whole[n] = _mm512_set1_epi32(B::OFFSET * less);
            }
            for g in piece * 8 / B::SCALES..(piece + 1) * 8 / B::SCALES {
                let weights = words(quants[part][g]);
                for n in 0..N {
                    let four = i32::from_le_bytes(x_quants[n][part].as_chunks::<4>().0[g]);
                    whole[n] = _mm512_dpbusd_epi32(whole[n], weights, _mm512_set1_epi32(four));
                }
            }
            let scale = floats(scales[part * B::SCALES + piece]);
            for n in 0..N {
                let scaled = _mm512_mul_ps(_mm512_cvtepi32_ps(whole[n]), scale);
                totals[n] = _mm512_fmadd_ps(scaled, _mm512_set1_ps(x_scales[n][part]), totals[n]);
            }
        }
        if B::MINS {
            let min = floats(mins[part]);
            for n in 0..N {
                let less = x_less[n][part];
                let total = x_scales[n][part] * (less[0] + less[1]) as f32;
                totals[n] = _mm512_fmadd_ps(min, _mm512_set1_ps(total), totals[n]);
            }
        }
    }
    for n in 0..N {
        sums[n] = numbers(totals[n]);
    }
}

/// Computes the outputs of signed bytes from `first` on for one row. For one row a panel does not pay: the products of
/// a part are added up within its bytes, which gives the same integers.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
fn single<B: Block>(matrix: Blocks<'_>, x: &Quantised, first: usize, out: &mut [f32]) {
    let flip = _mm512_set1_epi8(-128);
    for start in (0..out.len()).step_by(LANES) {
        let rows = matrix.rows(first + start);
        let mut total = _mm512_setzero_ps();
        for part in (0..x.parts).step_by(PARTS) {
            let count = PARTS.min(x.parts - part);
            let mut blocks = rows;
            for lane in 0..LANES {
                blocks[lane] = &rows[lane][part * B::BYTES..(part + count) * B::BYTES];
            }
            for i in 0..count {
                matrix.prefetch::<B>(first + start, part + i);
                let quants = _mm512_broadcast_i64x4(halves(x.quants[part + i]));
                let at = i * B::BYTES + B::GROUPS_AT;
                let mut quarters = [_mm512_setzero_si512(); 4];
                for q in 0..4 {
                    let mut pair = [_mm512_setzero_si512(); 2];
                    for p in 0..2 {
                        let lane = 8 * (q / 2) + 2 * (q % 2) + p;
                        let low = part_of(blocks[lane], at);
                        let both = _mm512_inserti64x4::<1>(_mm512_castsi256_si512(low), part_of(blocks[lane + 4], at));
                        let weights = _mm512_xor_si512(both, flip);
                        pair[p] = _mm512_dpbusd_epi32(_mm512_setzero_si512(), weights, quants);
                    }
                    let [a, b] = pair;
                    quarters[q] = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
                }
                let [a, b, c, d] = quarters;
                let ab = _mm512_add_epi32(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
                let cd = _mm512_add_epi32(_mm512_unpacklo_epi64(c, d), _mm512_unpackhi_epi64(c, d));
                // Even quarters hold one half of the sums of four outputs each, odd quarters the other.
                let even = _mm512_shuffle_i32x4::<0b10_00_10_00>(ab, cd);
                let odd = _mm512_shuffle_i32x4::<0b11_01_11_01>(ab, cd);
                let less = x.less[part + i];
                let less = _mm512_set1_epi32(B::OFFSET * (less[0] + less[1]));
                let whole = _mm512_add_epi32(_mm512_add_epi32(even, odd), less);
                let scaled = _mm512_mul_ps(_mm512_cvtepi32_ps(whole), scales(&blocks, i * B::BYTES + B::SCALE_AT));
                total = _mm512_fmadd_ps(scaled, _mm512_set1_ps(x.scales[part + i]), total);
            }
        }
        let count = LANES.min(out.len() - start);
        out[start..start + count].copy_from_slice(&numbers(total)[..count]);
    }
}

/// A half of each output. Put together from single halves in registers: read from memory where they have just been
/// written, they would have to wait.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
pub fn scales(rows: &[&[u8]; LANES], at: usize) -> __m512 {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = rows;
    let half = |bytes: &[u8]| {
        let bytes = &bytes[at..at + 2];
        i16::from_le_bytes([bytes[0], bytes[1]])
    };
    let low = _mm_setr_epi16(half(a), half(b), half(c), half(d), half(e), half(f), half(g), half(h));
    let high = _mm_setr_epi16(half(i), half(j), half(k), half(l), half(m), half(n), half(o), half(p));
    _mm512_cvtph_ps(_mm256_inserti128_si256::<1>(_mm256_castsi128_si256(low), high))
}

/// The 32 bytes at a position.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
fn part_of(bytes: &[u8], at: usize) -> __m256i {
    match bytes[at..at + 32].as_chunks::<32>().0 {
        [all, ..] => halves(*all),
        [] => _mm256_setzero_si256(),
    }
}

/// Reads groups with the bits of `flip` flipped in each byte, four at a time: 16 bytes of each output, whose rows 0, 4, 8 and 12 share a register, and so on, then
/// 4 by 4 transposed within each quarter.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
pub fn transpose(rows: &[&[u8]; LANES], at: usize, groups: &mut [Group], flip: u8) {
    let flip = _mm512_set1_epi8(flip as i8);
    let quads = groups.as_chunks_mut::<4>().0;
    let mut pieces = [&rows[0].as_chunks::<16>().0[..0]; LANES];
    for lane in 0..LANES {
        pieces[lane] = &rows[lane][at..].as_chunks::<16>().0[..quads.len()];
    }
    for q in 0..quads.len() {
        let mut four = [_mm512_setzero_si512(); 4];
        for i in 0..4 {
            let mut all = _mm512_castsi128_si512(quarter(pieces[i][q]));
            all = _mm512_inserti32x4::<1>(all, quarter(pieces[i + 4][q]));
            all = _mm512_inserti32x4::<2>(all, quarter(pieces[i + 8][q]));
            four[i] = _mm512_inserti32x4::<3>(all, quarter(pieces[i + 12][q]));
        }
        let (a, b) = (_mm512_unpacklo_epi32(four[0], four[1]), _mm512_unpackhi_epi32(four[0], four[1]));
        let (c, d) = (_mm512_unpacklo_epi32(four[2], four[3]), _mm512_unpackhi_epi32(four[2], four[3]));
        quads[q][0] = bytes_of(_mm512_xor_si512(_mm512_unpacklo_epi64(a, c), flip));
        quads[q][1] = bytes_of(_mm512_xor_si512(_mm512_unpackhi_epi64(a, c), flip));
        quads[q][2] = bytes_of(_mm512_xor_si512(_mm512_unpacklo_epi64(b, d), flip));
        quads[q][3] = bytes_of(_mm512_xor_si512(_mm512_unpackhi_epi64(b, d), flip));
    }
}

/// 16 weights as numbers.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
fn lanes<F: Float>(bytes: &[u8]) -> __m512 {
    if F::BYTES == 4 {
        return bytes.first_chunk().map_or(_mm512_setzero_ps(), |all| _mm512_castsi512_ps(words(*all)));
    }
    let Some(all) = bytes.first_chunk() else { return _mm512_setzero_ps() };
    match F::IEEE {
        true => _mm512_cvtph_ps(halves(*all)),
        false => _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(halves(*all)))),
    }
}

/// Rows of a tile at most: with 4 outputs, their sums fill 24 of 32 registers.
const ROWS: usize = 6;

/// Computes the outputs of floating-point weights from `first` on for all rows.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
pub fn wide<F: Float>(job: Numbers<'_, f32>, first: usize, out: &mut [&mut [f32]]) {
    float::tiles::<F, f32, [__m512; TILE]>(
        job,
        first,
        out,
        ROWS,
        [_mm512_setzero_ps(); TILE],
        |stretch, x, sums| match sums.len() {
            1 => wide_tile::<F, 1>(stretch, x, sums),
            2 => wide_tile::<F, 2>(stretch, x, sums),
            3 => wide_tile::<F, 3>(stretch, x, sums),
            4 => wide_tile::<F, 4>(stretch, x, sums),
            5 => wide_tile::<F, 5>(stretch, x, sums),
            _ => wide_tile::<F, 6>(stretch, x, sums),
        },
        |sums| fold(sums),
    );
}

#[expect(clippy::manual_memcpy, reason = "copied as a whole, the sums would be kept in memory throughout")]
#[inline(never)]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
fn wide_tile<F: Float, const N: usize>(stretch: Stretch<'_>, x: Rows<'_, f32>, sums: &mut [[__m512; TILE]]) {
    let weights = stretch.weights;
    let steps = weights[0].len() / (16 * F::BYTES);
    let rest = steps * 16 * F::BYTES;
    let all = weights[0].len().div_ceil(16 * F::BYTES);
    let mut totals = [[_mm512_setzero_ps(); TILE]; N];
    let mut xs = [&x.x.as_chunks::<16>().0[..0]; N];
    for n in 0..N {
        xs[n] = &x.x[n * x.width..].as_chunks::<16>().0[..all];
        totals[n] = sums[n];
    }
    for step in 0..steps {
        stretch.fetch(step, 16 * F::BYTES);
        let mut w = [_mm512_setzero_ps(); TILE];
        for i in 0..TILE {
            w[i] = lanes::<F>(&weights[i][step * 16 * F::BYTES..(step + 1) * 16 * F::BYTES]);
        }
        for n in 0..N {
            let x = floats(xs[n][step]);
            for i in 0..TILE {
                totals[n][i] = _mm512_fmadd_ps(w[i], x, totals[n][i]);
            }
        }
    }
    if rest < weights[0].len() {
        for i in 0..TILE {
            let w = lanes::<F>(&filled(&weights[i][rest..]));
            for n in 0..N {
                totals[n][i] = _mm512_fmadd_ps(w, floats(xs[n][steps]), totals[n][i]);
            }
        }
    }
    for n in 0..N {
        sums[n] = totals[n];
    }
}

/// Computes the outputs of bfloat16 weights from `first` on for all rows, by products of bfloat16.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512bf16,avx2,fma,f16c")]
pub fn pairs(job: Numbers<'_, u16>, first: usize, out: &mut [&mut [f32]]) {
    float::tiles::<BF16, u16, [__m512; TILE]>(
        job,
        first,
        out,
        ROWS,
        [_mm512_setzero_ps(); TILE],
        |stretch, x, sums| match sums.len() {
            1 => pairs_tile::<1>(stretch, x, sums),
            2 => pairs_tile::<2>(stretch, x, sums),
            3 => pairs_tile::<3>(stretch, x, sums),
            4 => pairs_tile::<4>(stretch, x, sums),
            5 => pairs_tile::<5>(stretch, x, sums),
            _ => pairs_tile::<6>(stretch, x, sums),
        },
        |sums| fold(sums),
    );
}

#[expect(clippy::manual_memcpy, reason = "copied as a whole, the sums would be kept in memory throughout")]
#[inline(never)]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512bf16,avx2,fma,f16c")]
fn pairs_tile<const N: usize>(stretch: Stretch<'_>, x: Rows<'_, u16>, sums: &mut [[__m512; TILE]]) {
    let weights = stretch.weights;
    let steps = weights[0].len() / 64;
    let rest = steps * 64;
    let all = weights[0].len().div_ceil(64);
    let mut totals = [[_mm512_setzero_ps(); TILE]; N];
    let mut xs = [&x.x.as_chunks::<32>().0[..0]; N];
    for n in 0..N {
        xs[n] = &x.x[n * x.width..].as_chunks::<32>().0[..all];
        totals[n] = sums[n];
    }
    let mut ws = [&weights[0].as_chunks::<64>().0[..0]; TILE];
    for i in 0..TILE {
        ws[i] = &weights[i].as_chunks::<64>().0[..steps];
    }
    for step in 0..steps {
        stretch.fetch(step, 64);
        let mut w = [brains([0; 32]); TILE];
        for i in 0..TILE {
            w[i] = brain_words(ws[i][step]);
        }
        for n in 0..N {
            let x = brains(xs[n][step]);
            for i in 0..TILE {
                totals[n][i] = _mm512_dpbf16_ps(totals[n][i], w[i], x);
            }
        }
    }
    if rest < weights[0].len() {
        for i in 0..TILE {
            let w = brain_words(filled(&weights[i][rest..]));
            for n in 0..N {
                totals[n][i] = _mm512_dpbf16_ps(totals[n][i], w, brains(xs[n][steps]));
            }
        }
    }
    for n in 0..N {
        sums[n] = totals[n];
    }
}

/// The last bytes of a row, filled up with zeros.
fn filled(bytes: &[u8]) -> [u8; 64] {
    let mut filled = [0; 64];
    filled[..bytes.len()].copy_from_slice(bytes);
    filled
}

/// Adds up the lanes of four outputs, all in the same tree.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
fn fold(sums: [__m512; TILE]) -> [f32; TILE] {
    let [a, b, c, d] = sums;
    let ab = _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
    let cd = _mm512_add_ps(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
    let (ab, cd) = (_mm512_castps_pd(ab), _mm512_castps_pd(cd));
    let low = _mm512_castpd_ps(_mm512_unpacklo_pd(ab, cd));
    let high = _mm512_castpd_ps(_mm512_unpackhi_pd(ab, cd));
    // Each quarter now holds a sum of each output.
    let quarters = _mm512_add_ps(low, high);
    let halves = _mm256_add_ps(_mm512_castps512_ps256(quarters), _mm512_extractf32x8_ps::<1>(quarters));
    four(_mm_add_ps(_mm256_castps256_ps128(halves), _mm256_extractf128_ps::<1>(halves)))
}
