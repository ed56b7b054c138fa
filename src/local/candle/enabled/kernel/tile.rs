//! Tiles of AMX: registers of 16 lines of 64 bytes, and the instructions for them.
//!
//! The standard library has no stable functions for these instructions yet, so they stand here as assembly, behind a
//! [`Session`]: that there is one means that the machine has tiles and that they have their shapes on this thread.

#![expect(unsafe_code, reason = "the instructions are written as assembly, and the system is asked for their use")]

use std::arch::asm;
use std::marker::PhantomData;
use std::sync::OnceLock;

use super::input::{LINE, LINES, Square};

/// Whether this machine has tiles with products of bfloat16 and of bytes, and the system lets this process use them. Asked once: a
/// process may use them for good as soon as it was let.
pub fn available() -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    *AVAILABLE.get_or_init(|| has_tiles() && granted())
}

/// Bits 22, 24 and 25 of the features of leaf 7: AMX-BF16, AMX-TILE and AMX-INT8.
fn has_tiles() -> bool {
    use std::arch::x86_64::{__cpuid, __cpuid_count};
    const WANTED: u32 = 1 << 22 | 1 << 24 | 1 << 25;
    __cpuid(0).eax >= 7 && __cpuid_count(7, 0).edx & WANTED == WANTED
}

/// Asks Linux for the use of tiles, which take 8 KiB more for each thread that is interrupted. It refuses where its
/// version knows none or a thread has too small a stack for signals.
#[cfg(target_os = "linux")]
fn granted() -> bool {
    /// `ARCH_REQ_XCOMP_PERM` of the call `arch_prctl`.
    const REQUEST: libc::c_long = 0x1023;
    /// The number of the state of tiles.
    const TILES: libc::c_long = 18;
    // SAFETY: the call takes two numbers and changes nothing but what this process may use.
    unsafe { libc::syscall(libc::SYS_arch_prctl, REQUEST, TILES) == 0 }
}

#[cfg(not(target_os = "linux"))]
fn granted() -> bool {
    false
}

/// The shapes of the tiles in a product.
pub trait Shapes {
    /// Lines and bytes of a line of each tile.
    const OF: [(usize, usize); 8];
}

/// The use of tiles of some shapes on this thread; given back when it is dropped.
pub struct Session<S>(PhantomData<(*const (), S)>);

impl<S: Shapes> Session<S> {
    /// Gives the tiles their shapes; `None` where there are none.
    pub fn begin() -> Option<Self> {
        #[repr(C, align(64))]
        struct Configuration {
            palette: u8,
            start: u8,
            reserved: [u8; 14],
            bytes: [u16; 16],
            lines: [u8; 16],
        }
        const { assert!(allowed(S::OF)) }
        if !available() {
            return None;
        }
        let mut all = Configuration { palette: 1, start: 0, reserved: [0; 14], bytes: [0; 16], lines: [0; 16] };
        for (tile, (lines, bytes)) in S::OF.into_iter().enumerate() {
            all.bytes[tile] = bytes as u16;
            all.lines[tile] = lines as u8;
        }
        // SAFETY: the machine has tiles and this process may use them; what is read has its 64 bytes, and no shape is larger
        // than a tile.
        unsafe { asm!("ldtilecfg [{}]", in(reg) &raw const all, options(nostack, readonly, preserves_flags)) }
        Some(Session(PhantomData))
    }

    /// Fills a tile with zeros.
    #[inline(always)]
    pub fn zero<const TO: usize>(&self) {
        // SAFETY: there are tiles, as long as there is a session.
        unsafe { asm!("tilezero tmm{}", const TO, options(nostack, nomem, preserves_flags)) }
    }

    /// Loads a tile.
    #[inline(always)]
    pub fn load<const TO: usize>(&self, tile: &Square) {
        // SAFETY: there are tiles, and no tile has more lines than a square.
        unsafe { load::<TO>(tile.0.as_ptr().cast(), LINE) }
    }

    /// Loads a tile whose lines begin so many bytes apart.
    ///
    /// # Panics
    /// When there are too few bytes.
    #[inline(always)]
    pub fn load_apart<const TO: usize>(&self, bytes: &[u8], apart: usize) {
        let (lines, width) = S::OF[TO];
        let all = &bytes[..(lines - 1) * apart + width];
        // SAFETY: there are tiles, and the lines are within the bytes, as the slice has just shown.
        unsafe { load::<TO>(all.as_ptr(), apart) }
    }

    /// Stores a tile.
    #[inline(always)]
    pub fn store<const FROM: usize>(&self, tile: &mut Square) {
        // SAFETY: there are tiles, and no tile has more lines than a square.
        unsafe {
            asm!("tilestored [{} + {}], tmm{}", in(reg) tile.0.as_mut_ptr(), in(reg) LINE, const FROM,
                options(nostack, preserves_flags));
        }
    }

    /// Adds the products of pairs of bfloat16 to numbers of 32 bits: of each line of `A` with each column of pairs of `B`.
    #[inline(always)]
    pub fn add_pairs<const TO: usize, const A: usize, const B: usize>(&self) {
        // SAFETY: there are tiles, as long as there is a session, and their shapes fit.
        unsafe {
            const { assert!(fit(S::OF[TO], S::OF[A], S::OF[B])) }
            asm!("tdpbf16ps tmm{}, tmm{}, tmm{}", const TO, const A, const B,
                options(nostack, nomem, preserves_flags));
        }
    }

    /// Adds the products of signed bytes of `A` and unsigned ones of `B` to integers of 32 bits: of each line of `A` with
    /// each column of fours of `B`.
    #[inline(always)]
    pub fn add_bytes<const TO: usize, const A: usize, const B: usize>(&self) {
        // SAFETY: there are tiles, as long as there is a session, and their shapes fit.
        unsafe {
            const { assert!(fit(S::OF[TO], S::OF[A], S::OF[B])) }
            asm!("tdpbsud tmm{}, tmm{}, tmm{}", const TO, const A, const B,
                options(nostack, nomem, preserves_flags));
        }
    }
}

/// Whether no shape is larger than a tile, or empty.
const fn allowed(shapes: [(usize, usize); 8]) -> bool {
    let mut tile = 0;
    while tile < 8 {
        let (lines, bytes) = shapes[tile];
        if lines == 0 || lines > LINES || bytes == 0 || bytes > LINE || !bytes.is_multiple_of(4) {
            return false;
        }
        tile += 1;
    }
    true
}

/// Whether a product of `a` and `b` goes into `to`.
const fn fit(to: (usize, usize), a: (usize, usize), b: (usize, usize)) -> bool {
    to.0 == a.0 && to.1 == b.1 && a.1 == 4 * b.0
}

/// Loads a tile from a place with a distance between lines.
///
/// # Safety
/// There must be tiles, and the bytes of all lines of this one.
#[inline(always)]
unsafe fn load<const TO: usize>(at: *const u8, apart: usize) {
    // SAFETY: the caller's word.
    unsafe {
        asm!("tileloadd tmm{}, [{} + {}]", const TO, in(reg) at, in(reg) apart,
            options(nostack, readonly, preserves_flags));
    }
}

impl<S> Drop for Session<S> {
    fn drop(&mut self) {
        // SAFETY: there are tiles, as long as there is a session.
        unsafe { asm!("tilerelease", options(nostack, nomem, preserves_flags)) }
    }
}
