//! The rows that matrices are multiplied by, with the forms in which their kinds of weights want them.

#![expect(clippy::needless_range_loop, reason = "see `vector::vectorized` for why the loops count indices")]

use std::borrow::Cow;
use std::sync::OnceLock;

use super::dispatch::{self, Level};
use super::team::Team;

/// Rows of one width. What is prepared for one matrix serves all that follow.
pub struct Input<'a> {
    x: &'a [f32],
    rows: usize,
    inner: usize,
    padded: OnceLock<Cow<'a, [f32]>>,
    brains: OnceLock<Vec<u16>>,
    tiles: OnceLock<Vec<Square>>,
    quantised: OnceLock<Quantised>,
}

/// Rows in parts of 32 numbers of 8 bits, each part with a scale.
pub struct Quantised {
    /// Parts of a row.
    pub parts: usize,
    /// The numbers, between -127 and 127, as the bytes of signed ones.
    pub quants: Vec<[u8; 32]>,
    /// What each part is multiplied by.
    pub scales: Vec<f32>,
    /// The sums of both halves of a part, negated: what the offset of the weights takes away.
    pub less: Vec<[i32; 2]>,
    /// The scales and sums of 16 rows together, part by part, for as many rows as make whole bands; empty where no tiles
    /// want them.
    pub bands: Vec<Band>,
}

/// What belongs to a part of each of 16 rows.
#[derive(Clone, Copy)]
pub struct Band {
    /// The scales.
    pub scales: [f32; LINES],
    /// The sums of the parts, negated.
    pub less: [i32; LINES],
}

/// Room for the parts of some rows.
pub struct Room<'a> {
    /// For the numbers.
    pub quants: &'a mut [[u8; 32]],
    /// For the scales.
    pub scales: &'a mut [f32],
    /// For the sums of halves.
    pub less: &'a mut [[i32; 2]],
}

/// Lines of a tile.
pub const LINES: usize = 16;

/// Bytes of a line.
pub const LINE: usize = 64;

/// What a tile holds: lines of 16 numbers of 32 bits, or of 16 pairs of bfloat16.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub struct Square(pub [[u32; LINE / 4]; LINES]);

impl Square {
    /// Zeros.
    pub const ZERO: Square = Square([[0; LINE / 4]; LINES]);
}

/// To what the rows of floating-point forms are filled up with zeros.
pub const ALIGN: usize = 32;

impl<'a> Input<'a> {
    /// Rows of `inner` numbers, one after the other.
    pub fn new(x: &'a [f32], rows: usize, inner: usize) -> Self {
        let x = &x[..rows * inner];
        Input {
            x,
            rows,
            inner,
            padded: OnceLock::new(),
            brains: OnceLock::new(),
            tiles: OnceLock::new(),
            quantised: OnceLock::new(),
        }
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The numbers of a row.
    pub fn inner(&self) -> usize {
        self.inner
    }

    /// The numbers of a row with the zeros behind it, in the forms of floating point.
    pub fn width(&self) -> usize {
        self.inner.next_multiple_of(ALIGN)
    }

    /// The rows as they are, each filled up with zeros.
    pub fn padded(&self) -> &[f32] {
        self.padded.get_or_init(|| {
            let width = self.width();
            if width == self.inner {
                return Cow::Borrowed(self.x);
            }
            let mut padded = vec![0.0; self.rows * width];
            for row in 0..self.rows {
                padded[row * width..][..self.inner].copy_from_slice(&self.x[row * self.inner..][..self.inner]);
            }
            Cow::Owned(padded)
        })
    }

    /// The rows as bfloat16, rounded to even, each filled up with zeros.
    pub fn brains(&self, level: Level) -> &[u16] {
        self.brains.get_or_init(|| {
            let padded = self.padded();
            let mut brains = vec![0; padded.len()];
            dispatch::round(level, padded, &mut brains);
            brains
        })
    }

    /// The rows as bfloat16, rounded to even, in tiles: those of the first 16 rows, then those of the next.
    pub fn tiles(&self, team: &Team) -> &[Square] {
        self.tiles.get_or_init(|| {
            let across = self.width() / ALIGN;
            let mut tiles = vec![Square::ZERO; self.rows.div_ceil(LINES) * across];
            let parts = self.x.chunks(LINES * self.inner).zip(tiles.chunks_mut(across)).collect();
            team.share(parts, |(x, tiles)| dispatch::band(team.level(), x, self.inner, tiles));
            tiles
        })
    }

    /// The rows in parts of 32 numbers of 8 bits. Their width must be a multiple of 32.
    pub fn quantised(&self, team: &Team) -> &Quantised {
        self.quantised.get_or_init(|| {
            let x = self.x.as_chunks::<32>().0;
            let parts = self.inner / 32;
            let bands = if team.level().tiles() { self.rows / LINES } else { 0 };
            let mut quantised = Quantised {
                parts,
                quants: vec![[0; 32]; x.len()],
                scales: vec![0.0; x.len()],
                less: vec![[0; 2]; x.len()],
                bands: vec![Band { scales: [0.0; LINES], less: [0; LINES] }; bands * parts],
            };
            let share = LINES * parts;
            let rooms = quantised.quants.chunks_mut(share).zip(quantised.scales.chunks_mut(share));
            let rooms = rooms.zip(quantised.less.chunks_mut(share));
            // Rows that make no whole band have none.
            let bands = quantised.bands.chunks_mut(parts).map(Some).chain(std::iter::repeat_with(|| None));
            let each = x.chunks(share).zip(rooms.zip(bands)).collect();
            team.share(each, |(x, (((quants, scales), less), bands))| {
                let mut room = Room { quants, scales, less };
                dispatch::quantise(team.level(), x, &mut room);
                for (part, band) in bands.into_iter().flatten().enumerate() {
                    room.band(part, parts, band);
                }
            });
            quantised
        })
    }
}

/// Rounds numbers to bfloat16, to even.
#[inline(always)]
pub fn round(x: &[f32], out: &mut [u16]) {
    for i in 0..out.len() {
        let bits = x[i].to_bits();
        // What is not a number keeps its upper bits, lest rounding makes it infinite.
        let rounded = bits.wrapping_add(0x7fff + (bits >> 16 & 1));
        out[i] = (if x[i].is_nan() { bits | 0x40_0000 } else { rounded } >> 16) as u16;
    }
}

impl Quantised {
    /// What the numbers of a part are multiplied by to get them back, from the largest of them.
    #[inline(always)]
    pub fn scale(most: f32) -> f32 {
        most / 127.0
    }

    /// What the numbers of a part are multiplied by to be rounded. Those too small for an inverse count as 0.
    #[inline(always)]
    pub fn inverse(most: f32) -> f32 {
        if most > 1e-30 { 127.0 / most } else { 0.0 }
    }
}

impl Room<'_> {
    /// Puts together what belongs to a part of 16 rows of so many parts.
    fn band(&self, part: usize, parts: usize, band: &mut Band) {
        for row in 0..LINES {
            let at = row * parts + part;
            band.scales[row] = self.scales[at];
            band.less[row] = self.less[at][0] + self.less[at][1];
        }
    }

    /// Makes numbers of 8 bits of parts of 32.
    #[inline(always)]
    pub fn fill(&mut self, x: &[[f32; 32]]) {
        // Adding 1.5 * 2^23 leaves the rounded number in the lowest bits.
        const ROUND: f32 = 12_582_912.0;
        for part in 0..x.len() {
            let numbers = &x[part];
            let mut most = [0.0f32; 16];
            for i in 0..16 {
                let (a, b) = (numbers[i].abs(), numbers[i + 16].abs());
                most[i] = if a > b { a } else { b };
            }
            for width in [8, 4, 2, 1] {
                for i in 0..width {
                    most[i] = if most[i] > most[i + width] { most[i] } else { most[i + width] };
                }
            }
            let inverse = Quantised::inverse(most[0]);
            let mut whole = [0i32; 32];
            for i in 0..32 {
                whole[i] = (numbers[i] * inverse + ROUND).to_bits().wrapping_sub(ROUND.to_bits()) as i32;
            }
            let mut sums = [0i32; 2];
            for half in 0..2 {
                for i in 0..16 {
                    sums[half] = sums[half].wrapping_sub(whole[16 * half + i]);
                }
            }
            for i in 0..32 {
                self.quants[part][i] = whole[i] as u8;
            }
            self.scales[part] = Quantised::scale(most[0]);
            self.less[part] = sums;
        }
    }
}
