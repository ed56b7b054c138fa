//! Products of quantised weights with quantised rows: 16 outputs at a time, a stretch of their weights unpacked into a
//! panel that stays in the nearest cache while all rows pass.
//!
//! The sum of an output runs over parts of 32 weights in their order. The products within a part are integers and so
//! exact in any order; only the sums of parts are rounded. That is why tiles, threads and instruction sets are free to
//! differ in how they get there.

#![expect(clippy::needless_range_loop, reason = "see `vector::vectorized` for why the loops count indices")]

use std::ops::Range;

use super::block::{Block, Group};
use super::dispatch::prefetch;
use super::input::Quantised;
use super::vector::widen;

/// Outputs of a panel.
pub const LANES: usize = 16;

/// Parts of 32 weights in a panel: its 16 KiB fill half of a nearest cache. A multiple of the parts of any block.
pub const PARTS: usize = 32;

/// The most groups of a block.
const GROUPS: usize = 52;

/// Unpacked weights of 16 outputs.
pub struct Panel {
    /// For each 4 weights of a part their group.
    pub quants: Vec<Group>,
    /// The scales of the parts, one or two each.
    pub scales: Vec<[f32; LANES]>,
    /// The minima of the parts, for formats that have them.
    pub mins: Vec<[f32; LANES]>,
}

/// A quantised matrix where it lies.
#[derive(Clone, Copy)]
pub struct Blocks<'a> {
    /// Its bytes, row after row.
    pub bytes: &'a [u8],
    /// Bytes of a row.
    pub stride: usize,
    /// The number of rows: outputs.
    pub outer: usize,
}

impl<'a> Blocks<'a> {
    /// The rows of the outputs from `first` on; behind the last output its row again.
    #[inline]
    pub fn rows(&self, first: usize) -> [&'a [u8]; LANES] {
        let mut rows = [self.bytes; LANES];
        for lane in 0..LANES {
            rows[lane] = &self.bytes[(first + lane).min(self.outer - 1) * self.stride..][..self.stride];
        }
        rows
    }
}

impl Blocks<'_> {
    /// Fetches the `part`th share of the panel after the one from `first` on: the rows of a panel lie one behind the
    /// other, but it reads them side by side.
    #[inline(always)]
    pub fn prefetch<B: Block>(&self, first: usize, part: usize) {
        let share = LANES * B::BYTES;
        prefetch(self.bytes, (first + LANES) * self.stride + part * share, share);
    }
}

impl Panel {
    fn new() -> Self {
        Panel {
            quants: vec![[0; 64]; 8 * PARTS],
            scales: vec![[0.0; LANES]; 2 * PARTS],
            mins: vec![[0.0; LANES]; PARTS],
        }
    }

    /// Unpacks the `count` blocks from `first` on.
    #[inline(always)]
    fn pack<B: Block>(
        &mut self,
        rows: &[&[u8]; LANES],
        first: usize,
        count: usize,
        fetch: &impl Fn(usize),
        scales: &impl Fn(&[&[u8]; LANES], usize) -> [f32; LANES],
        transpose: &impl Fn(&[&[u8]; LANES], usize, &mut [Group], u8),
    ) {
        let mut groups = [[0; 64]; GROUPS];
        let parts = B::WEIGHTS / 32;
        for i in 0..count {
            fetch(first + i);
            let block = (first + i) * B::BYTES;
            let at = block + B::GROUPS_AT;
            let quants = &mut self.quants[i * parts * 8..][..parts * 8];
            // Groups that are quants already need no place of their own.
            if B::GROUPS == parts * 8 {
                transpose(rows, at, quants, B::OFFSET as u8);
            } else {
                transpose(rows, at, &mut groups[..B::GROUPS], 0);
            }
            B::spread(
                &groups[..B::GROUPS],
                &scales(rows, block + B::SCALE_AT),
                quants,
                &mut self.scales[i * parts * B::SCALES..][..parts * B::SCALES],
                &mut self.mins[i * parts..][..parts],
            );
        }
    }
}

/// Computes the outputs from `first` on for all rows of `x`, as many as the slices of `out` are long.
///
/// `scales` reads a half from a position of each output; `transpose` reads groups from a position of the rows and flips the given bits of each byte; `tile` adds the product of the first parts of a panel to the
/// sums of all rows, whose parts begin with the given one.
#[inline(always)]
pub fn product<B: Block>(
    matrix: Blocks<'_>,
    x: &Quantised,
    first: usize,
    out: &mut [&mut [f32]],
    scales: impl Fn(&[&[u8]; LANES], usize) -> [f32; LANES],
    transpose: impl Fn(&[&[u8]; LANES], usize, &mut [Group], u8),
    tile: impl Fn(&Panel, &Quantised, Range<usize>, &mut [[f32; LANES]]),
) {
    let width = out.first().map_or(0, |row| row.len());
    let mut panel = Panel::new();
    let mut sums = vec![[0.0; LANES]; out.len()];
    for start in (0..width).step_by(LANES) {
        let rows = matrix.rows(first + start);
        let fetch = |block| matrix.prefetch::<B>(first + start, block);
        sums.fill([0.0; LANES]);
        for part in (0..x.parts).step_by(PARTS) {
            let end = x.parts.min(part + PARTS);
            let block = B::WEIGHTS / 32;
            panel.pack::<B>(&rows, part / block, (end - part) / block, &fetch, &scales, &transpose);
            tile(&panel, x, part..end, &mut sums);
        }
        let count = LANES.min(width - start);
        for row in 0..out.len() {
            match out[row][start..].first_chunk_mut() {
                Some(all) => *all = sums[row],
                None => out[row][start..].copy_from_slice(&sums[row][..count]),
            }
        }
    }
}

/// Reads a half of each output.
#[inline(always)]
pub fn scales(rows: &[&[u8]; LANES], at: usize) -> [f32; LANES] {
    let (mut halves, mut scales) = ([0; LANES], [0.0; LANES]);
    for lane in 0..LANES {
        let bytes = &rows[lane][at..at + 2];
        halves[lane] = u16::from_le_bytes([bytes[0], bytes[1]]);
    }
    for lane in 0..LANES {
        scales[lane] = widen(halves[lane]);
    }
    scales
}

/// Reads groups one output after the other, with the bits of `flip` flipped in each byte.
#[inline(always)]
pub fn transpose(rows: &[&[u8]; LANES], at: usize, groups: &mut [Group], flip: u8) {
    for lane in 0..LANES {
        let bytes = &rows[lane][at..at + 4 * groups.len()];
        for g in 0..groups.len() {
            for i in 0..4 {
                groups[g][4 * lane + i] = bytes[4 * g + i] ^ flip;
            }
        }
    }
}

/// Adds the product of a panel, one row after the other.
#[inline(always)]
pub fn tile<B: Block>(panel: &Panel, x: &Quantised, parts: Range<usize>, sums: &mut [[f32; LANES]]) {
    for row in 0..sums.len() {
        let sum = &mut sums[row];
        for part in 0..parts.len() {
            let at = row * x.parts + parts.start + part;
            let (quants, x_scale, less) = (&x.quants[at], x.scales[at], x.less[at]);
            for piece in 0..B::SCALES {
                let start = if B::SCALES == 1 { less[0] + less[1] } else { less[piece] };
                let mut whole = [B::OFFSET * start; LANES];
                for g in piece * 8 / B::SCALES..(piece + 1) * 8 / B::SCALES {
                    let group = &panel.quants[8 * part + g];
                    for lane in 0..LANES {
                        for i in 0..4 {
                            whole[lane] += i32::from(group[4 * lane + i]) * i32::from(quants[4 * g + i] as i8);
                        }
                    }
                }
                let scales = &panel.scales[part * B::SCALES + piece];
                for lane in 0..LANES {
                    sum[lane] += whole[lane] as f32 * scales[lane] * x_scale;
                }
            }
            if B::MINS {
                let total = x_scale * (less[0] + less[1]) as f32;
                for lane in 0..LANES {
                    sum[lane] += panel.mins[part][lane] * total;
                }
            }
        }
    }
}

/// The weights of one output, from its bytes.
pub fn row<B: Block>(bytes: &[u8], out: &mut [f32]) {
    let rows = [bytes; LANES];
    let mut panel = Panel::new();
    for (block, out) in out.chunks_mut(B::WEIGHTS).enumerate() {
        panel.pack::<B>(&rows, block, 1, &|_| (), &scales, &transpose);
        for i in 0..out.len() {
            let quant = i32::from(panel.quants[i / 4][i % 4]) - B::OFFSET;
            let scale = panel.scales[i * B::SCALES / 32][0];
            let min = if B::MINS { panel.mins[i / 32][0] } else { 0.0 };
            out[i] = scale * quant as f32 - min;
        }
    }
}
