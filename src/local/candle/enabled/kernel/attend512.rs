//! Attention for AVX-512.

use std::arch::x86_64::*;

use half::slice::HalfFloatSliceExt;

use super::attend::{Memory, POSITIONS, Scores, Seen, State, Store, Tile};
use super::dispatch::{floats, numbers, sixteen};
use super::row512::exp;

/// Mixes the values for a tile.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
pub fn tile(memory: &Memory, tile: &mut Tile<'_>, scores: Scores) {
    memory.tile(
        tile,
        scores,
        |store, at, width, out, length| match store {
            Store::F16(store) if width == length => widen(store[at..at + out.len()].reinterpret_cast(), out),
            _ => store.read(at, width, out, length),
        },
        |seen, query, states, mixed| {
            let (width, length) = (seen.keys.len() / POSITIONS, seen.values.len() / POSITIONS);
            let mut at = 0;
            while at < states.len() {
                let (query, states, mixed) = (&query[at * width..], &mut states[at..], &mut mixed[at * length..]);
                at += match states.len() {
                    1 => mix::<1>(seen, query, states, mixed),
                    2 => mix::<2>(seen, query, states, mixed),
                    3 => mix::<3>(seen, query, states, mixed),
                    _ => mix::<4>(seen, query, states, mixed),
                };
            }
        },
    );
}

/// Widens halves, a multiple of 16.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
fn widen(halves: &[u16], out: &mut [f32]) {
    let (halves, out) = (halves.as_chunks::<16>().0, out.as_chunks_mut::<16>().0);
    for i in 0..out.len() {
        out[i] = numbers(_mm512_cvtph_ps(sixteen(halves[i])));
    }
}

/// Adds a block to `N` queries; returns `N`. More than one are taken at once for speed only.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
fn mix<const N: usize>(seen: &Seen<'_>, query: &[f32], states: &mut [State], mixed: &mut [f32]) -> usize {
    let keys = seen.keys.as_chunks::<POSITIONS>().0;
    let width = keys.len();
    let mut queries = [&query[..0]; N];
    for n in 0..N {
        queries[n] = &query[n * width..(n + 1) * width];
    }
    // Every fourth number goes to the same sum, so that one product need not wait for the one before.
    let mut sums = [[_mm512_setzero_ps(); 4]; N];
    let fours = width / 4 * 4;
    for i in (0..fours).step_by(4) {
        for j in 0..4 {
            let key = floats(keys[i + j]);
            for n in 0..N {
                sums[n][j] = _mm512_fmadd_ps(_mm512_set1_ps(queries[n][i + j]), key, sums[n][j]);
            }
        }
    }
    for i in fours..width {
        let key = floats(keys[i]);
        for n in 0..N {
            sums[n][i % 4] = _mm512_fmadd_ps(_mm512_set1_ps(queries[n][i]), key, sums[n][i % 4]);
        }
    }
    let lanes = ((1u32 << seen.high) - (1u32 << seen.low)) as __mmask16;
    let (mut shares, mut old) = ([[0.0; POSITIONS]; N], [0.0; N]);
    for n in 0..N {
        let [a, b, c, d] = sums[n];
        let scores = _mm512_add_ps(_mm512_add_ps(a, b), _mm512_add_ps(c, d));
        let scores = _mm512_mul_ps(scores, _mm512_set1_ps(seen.scale));
        let state = &mut states[n];
        let most = _mm512_mask_reduce_max_ps(lanes, scores);
        let most = if state.most > most { state.most } else { most };
        let e = _mm512_maskz_mov_ps(lanes, exp(_mm512_sub_ps(scores, _mm512_set1_ps(most))));
        let faded = _mm512_cvtss_f32(exp(_mm512_set1_ps(state.most - most)));
        // Before the first block there is nothing to fade, and its largest score is no number to compute with.
        old[n] = if state.total > 0.0 { faded } else { 0.0 };
        shares[n] = numbers(e);
        *state = State { most, total: state.total * old[n] + _mm512_reduce_add_ps(e) };
    }
    let values = seen.values.as_chunks::<16>().0;
    let mixed = mixed.as_chunks_mut::<16>().0;
    let chunks = values.len() / POSITIONS;
    let mut chunk = 0;
    while chunk < chunks {
        let seen = (seen.low, seen.high);
        chunk += match chunks - chunk {
            1..4 => values_of::<N, 1>(values, seen, &shares, &old, mixed, chunk, chunks),
            _ => values_of::<N, 4>(values, seen, &shares, &old, mixed, chunk, chunks),
        };
    }
    N
}

/// Mixes `C` chunks of 16 numbers of the values into those of `N` queries; returns `C`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
fn values_of<const N: usize, const C: usize>(
    values: &[[f32; 16]],
    (low, high): (usize, usize),
    shares: &[[f32; POSITIONS]; N],
    old: &[f32; N],
    mixed: &mut [[f32; 16]],
    chunk: usize,
    chunks: usize,
) -> usize {
    let mut sums = [[_mm512_setzero_ps(); C]; N];
    for n in 0..N {
        for c in 0..C {
            sums[n][c] = _mm512_mul_ps(floats(mixed[n * chunks + chunk + c]), _mm512_set1_ps(old[n]));
        }
    }
    for position in low..high.min(POSITIONS) {
        let row = &values[position * chunks + chunk..position * chunks + chunk + C];
        for n in 0..N {
            let share = _mm512_set1_ps(shares[n][position]);
            for c in 0..C {
                sums[n][c] = _mm512_fmadd_ps(share, floats(row[c]), sums[n][c]);
            }
        }
    }
    for n in 0..N {
        for c in 0..C {
            mixed[n * chunks + chunk + c] = numbers(sums[n][c]);
        }
    }
    C
}
