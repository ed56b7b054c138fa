//! The formats of quantised weights: blocks as ggml writes them, all numbers little-endian.
//!
//! A block is read for 16 outputs at a time. Its bytes come transposed: group `g` holds the bytes `4 * g..4 * g + 4` of
//! each output, output after output. So the same few operations unpack the weights and scales of all 16.

use super::panel::LANES;
use super::vector::widen;

/// Four bytes of each of 16 outputs.
pub type Group = [u8; 4 * LANES];

/// A format of blocks. A weight is `scale * (quant - OFFSET) - min`.
pub trait Block {
    /// Bytes of a block.
    const BYTES: usize;
    /// Weights of a block, a multiple of 32.
    const WEIGHTS: usize;
    /// Where the scale of the whole block stands, a half.
    const SCALE_AT: usize;
    /// Where the bytes begin that are read as groups.
    const GROUPS_AT: usize;
    /// How many groups there are.
    const GROUPS: usize;
    /// What is taken from each quant. If it is 128, quants are signed bytes: flipping the sign bit adds 128 and makes
    /// them unsigned.
    const OFFSET: i32;
    /// Scales of 32 weights: 1 or 2.
    const SCALES: usize;
    /// Whether 32 weights have a minimum.
    const MINS: bool;

    /// Unpacks a block of 16 outputs: its quants in groups, the scales and the minima in the order of the weights.
    /// Where there are as many groups as quants, the quants are those groups already.
    fn spread(
        groups: &[Group],
        scale: &[f32; LANES],
        quants: &mut [Group],
        scales: &mut [[f32; LANES]],
        mins: &mut [[f32; LANES]],
    );
}

/// 32 weights of 8 bits and a scale.
pub struct Q8_0;

/// 256 weights of 4 bits; 32 share a scale and a minimum of 6 bits.
pub struct Q4K;

/// 256 weights of 5 bits; 32 share a scale and a minimum of 6 bits.
pub struct Q5K;

/// 256 weights of 6 bits; 16 share a scale of 8 bits.
pub struct Q6K;

impl Block for Q8_0 {
    const BYTES: usize = 34;
    const WEIGHTS: usize = 32;
    const SCALE_AT: usize = 0;
    const GROUPS_AT: usize = 2;
    const GROUPS: usize = 8;
    const OFFSET: i32 = 128;
    const SCALES: usize = 1;
    const MINS: bool = false;

    #[inline(always)]
    fn spread(_: &[Group], scale: &[f32; LANES], _: &mut [Group], scales: &mut [[f32; LANES]], _: &mut [[f32; LANES]]) {
        scales[0] = *scale;
    }
}

impl Block for Q4K {
    const BYTES: usize = 144;
    const WEIGHTS: usize = 256;
    const SCALE_AT: usize = 0;
    const GROUPS_AT: usize = 0;
    const GROUPS: usize = 36;
    const OFFSET: i32 = 0;
    const SCALES: usize = 1;
    const MINS: bool = true;

    #[inline(always)]
    fn spread(
        groups: &[Group],
        scale: &[f32; LANES],
        quants: &mut [Group],
        scales: &mut [[f32; LANES]],
        mins: &mut [[f32; LANES]],
    ) {
        scales_and_mins(groups, scale, scales, mins);
        for pair in 0..4 {
            for g in 0..8 {
                let both = &groups[4 + 8 * pair + g];
                for i in 0..64 {
                    quants[16 * pair + g][i] = both[i] & 0xf;
                }
                for i in 0..64 {
                    quants[16 * pair + 8 + g][i] = both[i] >> 4;
                }
            }
        }
    }
}

impl Block for Q5K {
    const BYTES: usize = 176;
    const WEIGHTS: usize = 256;
    const SCALE_AT: usize = 0;
    const GROUPS_AT: usize = 0;
    const GROUPS: usize = 44;
    const OFFSET: i32 = 0;
    const SCALES: usize = 1;
    const MINS: bool = true;

    #[inline(always)]
    fn spread(
        groups: &[Group],
        scale: &[f32; LANES],
        quants: &mut [Group],
        scales: &mut [[f32; LANES]],
        mins: &mut [[f32; LANES]],
    ) {
        scales_and_mins(groups, scale, scales, mins);
        for pair in 0..4 {
            for g in 0..8 {
                let (fifth, both) = (&groups[4 + g], &groups[12 + 8 * pair + g]);
                for i in 0..64 {
                    quants[16 * pair + g][i] = both[i] & 0xf | (fifth[i] >> (2 * pair) & 1) << 4;
                }
                for i in 0..64 {
                    quants[16 * pair + 8 + g][i] = both[i] >> 4 | (fifth[i] >> (2 * pair + 1) & 1) << 4;
                }
            }
        }
    }
}

impl Block for Q6K {
    const BYTES: usize = 210;
    const WEIGHTS: usize = 256;
    const SCALE_AT: usize = 208;
    const GROUPS_AT: usize = 0;
    const GROUPS: usize = 52;
    const OFFSET: i32 = 32;
    const SCALES: usize = 2;
    const MINS: bool = false;

    #[inline(always)]
    fn spread(
        groups: &[Group],
        scale: &[f32; LANES],
        quants: &mut [Group],
        scales: &mut [[f32; LANES]],
        _: &mut [[f32; LANES]],
    ) {
        for i in 0..16 {
            for lane in 0..LANES {
                scales[i][lane] = scale[lane] * f32::from(groups[48 + i / 4][4 * lane + i % 4] as i8);
            }
        }
        for half in 0..2 {
            for part in 0..4 {
                for g in 0..8 {
                    let low = &groups[16 * half + 8 * (part % 2) + g];
                    let high = &groups[32 + 8 * half + g];
                    let quants = &mut quants[32 * half + 8 * part + g];
                    for i in 0..64 {
                        quants[i] = low[i] >> (4 * (part / 2)) & 0xf | (high[i] >> (2 * part) & 3) << 4;
                    }
                }
            }
        }
    }
}

/// The scales and minima that `Q4_K` and `Q5_K` share: two halves, then 8 scales and 8 minima of 6 bits in 12 bytes.
#[inline(always)]
fn scales_and_mins(groups: &[Group], scale: &[f32; LANES], scales: &mut [[f32; LANES]], mins: &mut [[f32; LANES]]) {
    for lane in 0..LANES {
        let bytes = 4 * lane;
        let min = widen(u16::from_le_bytes([groups[0][bytes + 2], groups[0][bytes + 3]]));
        for i in 0..4 {
            let (first, second, third) = (groups[1][bytes + i], groups[2][bytes + i], groups[3][bytes + i]);
            scales[i][lane] = scale[lane] * f32::from(first & 63);
            mins[i][lane] = min * f32::from(second & 63);
            // The upper two bits of the last four stand above the six of the first four.
            scales[i + 4][lane] = scale[lane] * f32::from(third & 0xf | first >> 6 << 4);
            mins[i + 4][lane] = min * f32::from(third >> 4 | second >> 6 << 4);
        }
    }
}
