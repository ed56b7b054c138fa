//! The instruction sets of this machine, and the way into the functions that are compiled for them.

#![expect(
    unsafe_code,
    reason = "what is compiled for an instruction set may only run where the machine has it, and a vector is made of \
              numbers by reading the same bits"
)]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{__m128, __m128i, __m256, __m256i, __m512, __m512bh, __m512i, _MM_HINT_T1, _mm_prefetch};

use std::sync::OnceLock;

use super::attend::{Memory, Scores, Store, Tile};
use super::block::Block;
use super::float::{self, Float, Numbers};
use super::input::{self, Quantised, Room, Square};
use super::panel::{self, Blocks};
use super::row;
#[cfg(target_arch = "x86_64")]
use super::{amx, amx_panel, attend256, attend512, avx2, avx512, row512, tile};

/// An instruction set of this machine that the kernels know. Only what the machine has can be had, which is what makes
/// the calls below sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Level(Set);

/// The instruction sets, each with those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Set {
    /// What every machine of the architecture has.
    Portable,
    /// AVX2 with fused products and halves.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512 with products of bytes.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// AVX-512 with products of bfloat16 too.
    #[cfg(target_arch = "x86_64")]
    Avx512Brains,
    /// AVX-512 with the tiles of AMX, and their products of bfloat16.
    #[cfg(target_arch = "x86_64")]
    Tiles,
}

impl Level {
    /// All of this machine, the best last.
    pub fn all() -> Vec<Self> {
        let mut all = vec![Level(Set::Portable)];
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 =
                is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("f16c");
            let avx512 = avx2
                && is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vnni");
            all.extend(avx2.then_some(Level(Set::Avx2)));
            all.extend(avx512.then_some(Level(Set::Avx512)));
            all.extend((avx512 && is_x86_feature_detected!("avx512bf16")).then_some(Level(Set::Avx512Brains)));
            all.extend((avx512 && tile::available()).then_some(Level(Set::Tiles)));
        }
        all
    }

    /// The best of this machine.
    pub fn best() -> Self {
        static BEST: OnceLock<Level> = OnceLock::new();
        *BEST.get_or_init(|| Level::all().pop().unwrap_or(Level(Set::Portable)))
    }

    /// Whether there are products of bfloat16 in tiles.
    pub fn tiles(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        return self.0 == Set::Tiles;
        #[cfg(not(target_arch = "x86_64"))]
        return false;
    }

    /// Whether there are products of bfloat16 in vectors.
    pub fn brains(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        return self.0 == Set::Avx512Brains;
        #[cfg(not(target_arch = "x86_64"))]
        return false;
    }

    /// Runs a loop compiled for this instruction set; see [`vectorized`](super::vector::vectorized).
    #[inline(always)]
    pub fn run<R>(self, mut work: impl FnMut() -> R) -> R {
        match self.0 {
            Set::Portable => work(),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: there is no such level on a machine without the instruction set.
            Set::Avx2 => unsafe { avx2::run(&mut work) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Set::Avx512 | Set::Avx512Brains | Set::Tiles => unsafe { avx512::run(&mut work) },
        }
    }
}

/// The product of floating-point weights with rows of 32 bits, for the outputs from `first` on.
pub fn numbers_of<F: Float>(level: Level, job: Numbers<'_, f32>, first: usize, out: &mut [&mut [f32]]) {
    match level.0 {
        Set::Portable => float::product::<F>(job, first, out),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: there is no such level on a machine without the instruction set.
        Set::Avx2 => unsafe { avx2::wide::<F>(job, first, out) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Set::Avx512 | Set::Avx512Brains | Set::Tiles => unsafe { avx512::wide::<F>(job, first, out) },
    }
}

/// The product of bfloat16 weights with rows of bfloat16, for the outputs from `first` on. Does nothing where
/// [`Level::brains`] says that there is none.
pub fn pairs(level: Level, job: Numbers<'_, u16>, first: usize, out: &mut [&mut [f32]]) {
    #[cfg(target_arch = "x86_64")]
    if level.brains() {
        // SAFETY: there is no such level on a machine without the instruction set.
        unsafe { avx512::pairs(job, first, out) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (level, job, first, out);
}

/// The product of bfloat16 weights with [bands](band) of rows, for the outputs from `first` on. Does nothing where
/// [`Level::tiles`] says that there is none.
pub fn tiles(level: Level, job: Numbers<'_, Square>, first: usize, out: &mut [&mut [f32]]) {
    #[cfg(target_arch = "x86_64")]
    if level.tiles() {
        // SAFETY: there is no such level on a machine without the instruction set.
        unsafe { amx::product(job, first, out) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (level, job, first, out);
}

/// Makes the tiles of up to 16 rows for [`tiles`].
pub fn band(level: Level, x: &[f32], inner: usize, out: &mut [Square]) {
    #[cfg(target_arch = "x86_64")]
    if level.tiles() {
        // SAFETY: there is no such level on a machine without the instruction set.
        unsafe { amx::band(x, inner, out) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (level, x, inner, out);
}

/// The product of quantised weights, for the outputs from `first` on.
pub fn blocks<B: Block>(level: Level, matrix: Blocks<'_>, x: &Quantised, first: usize, out: &mut [&mut [f32]]) {
    match level.0 {
        Set::Portable => panel::product::<B>(matrix, x, first, out, panel::scales, panel::transpose, panel::tile::<B>),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: there is no such level on a machine without the instruction set.
        Set::Avx2 => unsafe { avx2::blocks::<B>(matrix, x, first, out) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Set::Avx512 | Set::Avx512Brains => unsafe { avx512::blocks::<B>(matrix, x, first, out) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Set::Tiles => unsafe { amx_panel::blocks::<B>(matrix, x, first, out) },
    }
}

/// Mixes the values for a tile of attention.
pub fn attend(level: Level, memory: &Memory, tile: &mut Tile<'_>, scores: Scores) {
    match level.0 {
        Set::Portable => memory.tile(tile, scores, Store::read, |seen, query, states, mixed| {
            seen.mix(query, states, mixed);
        }),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: there is no such level on a machine without the instruction set.
        Set::Avx2 => unsafe { attend256::tile(memory, tile, scores) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Set::Avx512 | Set::Avx512Brains | Set::Tiles => unsafe { attend512::tile(memory, tile, scores) },
    }
}

/// Makes numbers of 8 bits of parts of 32.
pub fn quantise(level: Level, x: &[[f32; 32]], out: &mut Room<'_>) {
    match level.0 {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: there is no such level on a machine without the instruction set.
        Set::Avx512 | Set::Avx512Brains | Set::Tiles => unsafe { row512::quantise(x, out) },
        _ => level.run(
            #[inline(always)]
            || out.fill(x),
        ),
    }
}

/// Rounds numbers to bfloat16; there are whole vectors of them.
pub fn round(level: Level, x: &[f32], out: &mut [u16]) {
    match level.0 {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: there is no such level on a machine without the instruction set.
        Set::Avx512 | Set::Avx512Brains | Set::Tiles => unsafe { row512::round(x, out) },
        _ => level.run(
            #[inline(always)]
            || input::round(x, out),
        ),
    }
}

/// The product of `up` with the SiLU of `gate`.
pub fn gate(level: Level, gate: &[f32], up: &[f32], out: &mut [f32]) {
    match level.0 {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: there is no such level on a machine without the instruction set.
        Set::Avx512 | Set::Avx512Brains | Set::Tiles => unsafe { row512::gate(gate, up, out) },
        _ => level.run(
            #[inline(always)]
            || row::gate_loop(gate, up, out),
        ),
    }
}

/// Fetches a stretch of bytes into the cache, as far as there are so many: what is needed soon but not in an order that
/// the machine foresees.
#[inline(always)]
pub fn prefetch(bytes: &[u8], at: usize, count: usize) {
    #[cfg(target_arch = "x86_64")]
    for line in (at..bytes.len().min(at + count)).step_by(64) {
        // SAFETY: the address is one of the bytes, and nothing but the cache changes.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(bytes.as_ptr().wrapping_add(line).cast()) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (bytes, at, count);
}

/// Functions that read numbers as a vector or a vector as numbers.
macro_rules! reads {
    ($($(#[$doc:meta])* $name:ident: $from:ty => $into:ty;)*) => {
        $(
            $(#[$doc])*
            #[cfg(target_arch = "x86_64")]
            #[inline(always)]
            pub fn $name(from: $from) -> $into {
                // SAFETY: both have the same size, and neither has bits that mean nothing.
                unsafe { std::mem::transmute(from) }
            }
        )*
    };
}

reads! {
    /// 64 bytes.
    words: [u8; 64] => __m512i;
    /// 32 bytes.
    halves: [u8; 32] => __m256i;
    /// 16 halves.
    sixteen: [u16; 16] => __m256i;
    /// The halves of a vector.
    sixteen_halves: __m256i => [u16; 16];
    /// 16 bytes.
    quarter: [u8; 16] => __m128i;
    /// The bytes of a quarter of a vector.
    quarter_bytes: __m128i => [u8; 16];
    /// The bytes of a vector.
    bytes_of: __m512i => [u8; 64];
    /// 16 numbers.
    floats: [f32; 16] => __m512;
    /// The numbers of a vector.
    numbers: __m512 => [f32; 16];
    /// The numbers of a quarter of a vector.
    four: __m128 => [f32; 4];
    /// 8 numbers.
    eight: [f32; 8] => __m256;
    /// The numbers of a vector.
    eight_numbers: __m256 => [f32; 8];
    /// A line of a tile.
    vector_of: [u32; 16] => __m512i;
    /// A vector as a line of a tile.
    line_of: __m512i => [u32; 16];
    /// 32 numbers of bfloat16.
    brains: [u16; 32] => __m512bh;
    /// 64 bytes as numbers of bfloat16.
    brain_words: [u8; 64] => __m512bh;
}
