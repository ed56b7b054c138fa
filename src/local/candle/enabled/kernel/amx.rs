//! Products of bfloat16 weights in the tiles of AMX.
//!
//! The weights are the left operand just as they lie: 16 outputs by 32 numbers. The rows are the right one, in
//! [bands](band) of 16 that are made once for all matrices that they pass. Sums stay in tiles, outputs by rows, so the products of
//! an output are added in the same order whatever the number of rows.

#![expect(clippy::needless_range_loop, reason = "see `vector::vectorized` for why the loops count indices")]

use std::arch::x86_64::*;
use std::ops::Range;

use super::dispatch::{floats, line_of, numbers, prefetch, vector_of, words};
use super::float::Numbers;
use super::input::{LINE, LINES, Square};
use super::row512::rounded;
use super::tile::{self, Shapes};

/// Numbers of a row, or of the weights of an output, that are in one tile.
pub const NUMBERS: usize = 32;

/// Outputs whose sums are kept while all rows pass: their weights, as far as a stretch goes, stay in the second cache.
const OUTPUTS: usize = 128;

/// Tiles along the rows that all rows pass before the next. With those of 32 rows they fill two thirds of the nearest cache.
const STRETCH: usize = 16;

/// Makes the right operands of up to 16 rows of `inner` numbers, rounded to bfloat16: line `p` of tile `t` has the pair
/// `16 t + p` of each row. What is missing is zero.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
pub fn band(x: &[f32], inner: usize, tiles: &mut [Square]) {
    let rows = x.len() / inner;
    for t in 0..tiles.len() {
        let mut lines = [_mm512_setzero_si512(); LINES];
        for i in 0..rows.min(LINES) {
            let row = &x[i * inner + t * NUMBERS..(i + 1) * inner];
            lines[i] = match row.first_chunk::<NUMBERS>() {
                Some(whole) => pairs(whole),
                None => {
                    let mut filled = [0.0; NUMBERS];
                    filled[..row.len()].copy_from_slice(row);
                    pairs(&filled)
                }
            };
        }
        tiles[t] = transposed(lines);
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
fn pairs(numbers: &[f32; NUMBERS]) -> __m512i {
    let halves = numbers.as_chunks::<16>().0;
    let low = _mm512_castsi256_si512(rounded(floats(halves[0])));
    _mm512_inserti64x4::<1>(low, rounded(floats(halves[1])))
}

/// A tile whose columns are these lines.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
fn transposed(lines: [__m512i; LINES]) -> Square {
    let (mut twos, mut fours) = (lines, lines);
    for i in 0..8 {
        twos[2 * i] = _mm512_unpacklo_epi32(lines[2 * i], lines[2 * i + 1]);
        twos[2 * i + 1] = _mm512_unpackhi_epi32(lines[2 * i], lines[2 * i + 1]);
    }
    // Then a quarter `k` of `4 i + c` holds column `4 k + c` of the lines from `4 i` on.
    for i in 0..4 {
        fours[4 * i] = _mm512_unpacklo_epi64(twos[4 * i], twos[4 * i + 2]);
        fours[4 * i + 1] = _mm512_unpackhi_epi64(twos[4 * i], twos[4 * i + 2]);
        fours[4 * i + 2] = _mm512_unpacklo_epi64(twos[4 * i + 1], twos[4 * i + 3]);
        fours[4 * i + 3] = _mm512_unpackhi_epi64(twos[4 * i + 1], twos[4 * i + 3]);
    }
    let mut tile = Square::ZERO;
    for c in 0..4 {
        let even_low = _mm512_shuffle_i32x4::<0b10_00_10_00>(fours[c], fours[4 + c]);
        let even_high = _mm512_shuffle_i32x4::<0b10_00_10_00>(fours[8 + c], fours[12 + c]);
        let odd_low = _mm512_shuffle_i32x4::<0b11_01_11_01>(fours[c], fours[4 + c]);
        let odd_high = _mm512_shuffle_i32x4::<0b11_01_11_01>(fours[8 + c], fours[12 + c]);
        tile.0[c] = line_of(_mm512_shuffle_i32x4::<0b10_00_10_00>(even_low, even_high));
        tile.0[4 + c] = line_of(_mm512_shuffle_i32x4::<0b10_00_10_00>(odd_low, odd_high));
        tile.0[8 + c] = line_of(_mm512_shuffle_i32x4::<0b11_01_11_01>(even_low, even_high));
        tile.0[12 + c] = line_of(_mm512_shuffle_i32x4::<0b11_01_11_01>(odd_low, odd_high));
    }
    tile
}

/// All tiles are whole: 16 outputs by 32 numbers, 16 pairs by 16 rows, 16 outputs by 16 rows.
struct Whole;

impl Shapes for Whole {
    const OF: [(usize, usize); 8] = [(LINES, LINE); 8];
}

type Session = tile::Session<Whole>;

/// Sums of 32 outputs by 32 rows: the tile of outputs `o` and rows `r` is `2 o + r`.
type Sums = [Square; 4];

/// Computes the outputs from `first` on for all rows, whose bands are `job.x`. Where there are no tiles it does nothing.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
pub fn product(job: Numbers<'_, Square>, first: usize, out: &mut [&mut [f32]]) {
    let Some(session) = Session::begin() else { return };
    let across = job.width / NUMBERS;
    let width = out.first().map_or(0, |row| row.len());
    let bands: Vec<&[Square]> = job.x.chunks(across).take(out.len().div_ceil(LINES)).collect();
    // The weights of few rows are read once, in the order in which they lie.
    let few = bands.len() <= 2;
    let stretch = if few { across } else { STRETCH };
    let pairs = bands.len().div_ceil(2);
    let mut sums = vec![[Square::ZERO; 4]; OUTPUTS.min(width).div_ceil(2 * LINES) * pairs];
    for block in (0..width).step_by(OUTPUTS) {
        let count = OUTPUTS.min(width - block);
        for from in (0..across).step_by(stretch) {
            let steps = from..across.min(from + stretch);
            for (pair, bands) in bands.chunks(2).enumerate() {
                for output in (0..count).step_by(2 * LINES) {
                    let sums = &mut sums[output / (2 * LINES) * pairs + pair];
                    add(&session, job, first + block + output, bands, steps.clone(), few, sums);
                }
            }
        }
        for output in (0..count).step_by(LINES) {
            let end = count.min(output + LINES);
            for (row, out) in out.chunks_mut(LINES).enumerate() {
                let sums = &sums[output / (2 * LINES) * pairs + row / 2][output / LINES % 2 * 2 + row % 2];
                let mut lines = [_mm512_setzero_si512(); LINES];
                for i in 0..LINES {
                    lines[i] = vector_of(sums.0[i]);
                }
                let rows = transposed(lines);
                for i in 0..out.len() {
                    let numbers = row_of(&rows, i);
                    match out[i][block + output..].first_chunk_mut() {
                        Some(all) => *all = numbers,
                        None => out[i][block + output..].copy_from_slice(&numbers[..end - output]),
                    }
                }
            }
        }
    }
}

/// A line as numbers.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
fn row_of(rows: &Square, line: usize) -> [f32; LINES] {
    numbers(_mm512_castsi512_ps(vector_of(rows.0[line])))
}

/// Adds the products of some tiles along the rows for 32 outputs and one or two bands; the first tile begins anew. With
/// `ahead`, the weights of the next outputs are fetched meanwhile.
#[inline(always)]
fn add(
    session: &Session,
    job: Numbers<'_, Square>,
    output: usize,
    bands: &[&[Square]],
    steps: Range<usize>,
    ahead: bool,
    sums: &mut Sums,
) {
    if steps.start == 0 {
        session.zero::<0>();
        session.zero::<1>();
        session.zero::<2>();
        session.zero::<3>();
    } else {
        session.load::<0>(&sums[0]);
        session.load::<1>(&sums[1]);
        session.load::<2>(&sums[2]);
        session.load::<3>(&sums[3]);
    }
    let next = (output + 2 * LINES) * 2 * job.inner;
    for step in steps {
        if ahead {
            prefetch(job.bytes, next + 2 * LINES * LINE * step, 2 * LINES * LINE);
        }
        weights::<4>(session, job, output, step);
        session.load::<6>(&bands[0][step]);
        session.add_pairs::<0, 4, 6>();
        weights::<5>(session, job, output + LINES, step);
        session.add_pairs::<2, 5, 6>();
        if let [_, second] = bands {
            session.load::<7>(&second[step]);
            session.add_pairs::<1, 4, 7>();
            session.add_pairs::<3, 5, 7>();
        }
    }
    session.store::<0>(&mut sums[0]);
    session.store::<1>(&mut sums[1]);
    session.store::<2>(&mut sums[2]);
    session.store::<3>(&mut sums[3]);
}

/// Loads the weights of 16 outputs: where they lie, or at an end of the matrix filled up with zeros.
#[inline(always)]
fn weights<const TO: usize>(session: &Session, job: Numbers<'_, Square>, output: usize, step: usize) {
    let stride = 2 * job.inner;
    if output + LINES <= job.outer && (step + 1) * NUMBERS <= job.inner {
        return session.load_apart::<TO>(&job.bytes[output * stride + step * LINE..], stride);
    }
    let mut tile = Square::ZERO;
    for line in 0..LINES.min(job.outer.saturating_sub(output)) {
        let row = &job.bytes[(output + line) * stride..(output + line + 1) * stride][step * LINE..];
        let mut bytes = [0; LINE];
        let count = LINE.min(row.len());
        bytes[..count].copy_from_slice(&row[..count]);
        tile.0[line] = line_of(words(bytes));
    }
    session.load::<TO>(&tile);
}
