//! Products of panels with quantised rows in the tiles of AMX, 16 rows at a time.
//!
//! A part of a panel is a right operand just as it is unpacked: 8 lines of fours of 16 outputs. The products within a part
//! are integers, so they are the same as those of vectors, and the sums of parts are rounded in the same order: rows that
//! do not fill a tile may go the other way.

#![expect(clippy::needless_range_loop, reason = "see `vector::vectorized` for why the loops count indices")]

use std::arch::x86_64::*;
use std::ops::Range;

use super::avx512;
use super::block::Block;
use super::dispatch::{floats, numbers, vector_of};
use super::input::{LINE, LINES, Quantised, Square};
use super::panel::{self, Blocks, LANES, Panel};
use super::tile::{self, Shapes};

/// Bytes of a row in a part.
const BYTES: usize = 32;

/// Tiles 0 and 1 hold products of 16 rows by 16 outputs, 2 and 3 rows by bytes, 4 and 5 fours by outputs.
struct Parts;

impl Shapes for Parts {
    const OF: [(usize, usize); 8] = [
        (LINES, LINE),
        (LINES, LINE),
        (LINES, BYTES),
        (LINES, BYTES),
        (BYTES / 4, LINE),
        (BYTES / 4, LINE),
        (LINES, LINE),
        (LINES, LINE),
    ];
}

type Session = tile::Session<Parts>;

/// Computes the outputs of quantised weights from `first` on for all rows.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
pub fn blocks<B: Block>(matrix: Blocks<'_>, x: &Quantised, first: usize, out: &mut [&mut [f32]]) {
    // Where 16 weights have a scale of their own, half of each tile would be empty.
    let session = if B::SCALES == 1 && out.len() >= LINES { Session::begin() } else { None };
    let Some(session) = session else { return avx512::blocks::<B>(matrix, x, first, out) };
    panel::product::<B>(
        matrix,
        x,
        first,
        out,
        |rows, at| numbers(avx512::scales(rows, at)),
        |rows, at, groups, flip| avx512::transpose(rows, at, groups, flip),
        |panel, x, parts, sums| {
            let (whole, rest) = sums.as_chunks_mut::<LINES>();
            for (band, sums) in whole.iter_mut().enumerate() {
                add::<B>(&session, panel, x, band, parts.clone(), sums);
            }
            avx512::tiles::<B>(panel, x, whole.len() * LINES, parts, rest);
        },
    );
}

/// Adds the product of a panel to the sums of the 16 rows of a band.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
fn add<B: Block>(
    session: &Session,
    panel: &Panel,
    x: &Quantised,
    band: usize,
    parts: Range<usize>,
    sums: &mut [[f32; LANES]; LINES],
) {
    let count = parts.len();
    let (scales, mins) = (&panel.scales[..count], &panel.mins[..count]);
    let bands = &x.bands[band * x.parts..][parts.clone()];
    let rows = x.quants[band * LINES * x.parts..(band + 1) * LINES * x.parts].as_flattened();
    let quants = panel.quants.as_flattened();
    let mut totals = [_mm512_setzero_ps(); LINES];
    for n in 0..LINES {
        totals[n] = floats(sums[n]);
    }
    let mut products = [Square::ZERO; 2];
    multiply(session, rows, quants, (parts.start, 0), x.parts, &mut products[0]);
    for part in 0..count {
        // The tiles of the next part are multiplied while the vectors add up this one.
        if part + 1 < count {
            multiply(session, rows, quants, (parts.start + part + 1, part + 1), x.parts, &mut products[(part + 1) % 2]);
        }
        let (scale, band, product) = (floats(scales[part]), &bands[part], &products[part % 2]);
        for n in 0..LINES {
            let whole = _mm512_add_epi32(vector_of(product.0[n]), _mm512_set1_epi32(B::OFFSET * band.less[n]));
            let scaled = _mm512_mul_ps(_mm512_cvtepi32_ps(whole), scale);
            totals[n] = _mm512_fmadd_ps(scaled, _mm512_set1_ps(band.scales[n]), totals[n]);
        }
        if B::MINS {
            let min = floats(mins[part]);
            for n in 0..LINES {
                let total = band.scales[n] * band.less[n] as f32;
                totals[n] = _mm512_fmadd_ps(min, _mm512_set1_ps(total), totals[n]);
            }
        }
    }
    for n in 0..LINES {
        sums[n] = numbers(totals[n]);
    }
}

/// The products of a part of 16 rows and a part of the panel.
#[inline(always)]
fn multiply(
    session: &Session,
    rows: &[u8],
    quants: &[u8],
    (of_rows, of_panel): (usize, usize),
    parts: usize,
    product: &mut Square,
) {
    session.zero::<0>();
    session.load_apart::<4>(&quants[of_panel * BYTES / 4 * LINE..], LINE);
    session.load_apart::<2>(&rows[of_rows * BYTES..], parts * BYTES);
    session.add_bytes::<0, 2, 4>();
    session.store::<0>(product);
}
