//! Attention for AVX2.

#![expect(clippy::needless_range_loop, reason = "see `vector::vectorized` for why the loops count indices")]

use std::arch::x86_64::*;

use super::attend::{Memory, POSITIONS, Scores, Seen, State, Store, Tile};
use super::dispatch::{eight, eight_numbers};

/// Mixes the values for a tile.
#[target_feature(enable = "avx2,fma,f16c")]
pub fn tile(memory: &Memory, tile: &mut Tile<'_>, scores: Scores) {
    memory.tile(tile, scores, Store::read, |seen, query, states, mixed| {
        let (width, length) = (seen.keys.len() / POSITIONS, seen.values.len() / POSITIONS);
        for n in 0..states.len() {
            let (query, mixed) = (&query[n * width..(n + 1) * width], &mut mixed[n * length..(n + 1) * length]);
            mix(seen, query, &mut states[n], mixed);
        }
    });
}

/// Adds a block to a query.
#[inline(never)]
#[target_feature(enable = "avx2,fma,f16c")]
fn mix(seen: &Seen<'_>, query: &[f32], state: &mut State, mixed: &mut [f32]) {
    let keys = seen.keys.as_chunks::<8>().0;
    // Every fourth number goes to the same sum, so that one product need not wait for the one before.
    let mut sums = [[_mm256_setzero_ps(); 2]; 4];
    let fours = query.len() / 4 * 4;
    for i in (0..fours).step_by(4) {
        for j in 0..4 {
            let number = _mm256_set1_ps(query[i + j]);
            for half in 0..2 {
                sums[j][half] = _mm256_fmadd_ps(number, eight(keys[2 * (i + j) + half]), sums[j][half]);
            }
        }
    }
    for i in fours..query.len() {
        let number = _mm256_set1_ps(query[i]);
        for half in 0..2 {
            sums[i % 4][half] = _mm256_fmadd_ps(number, eight(keys[2 * i + half]), sums[i % 4][half]);
        }
    }
    let mut scores = [0.0f32; POSITIONS];
    for half in 0..2 {
        let sum =
            _mm256_add_ps(_mm256_add_ps(sums[0][half], sums[1][half]), _mm256_add_ps(sums[2][half], sums[3][half]));
        let score = _mm256_mul_ps(sum, _mm256_set1_ps(seen.scale));
        scores[8 * half..8 * half + 8].copy_from_slice(&eight_numbers(score));
    }
    let mut most = state.most;
    for position in seen.low..seen.high {
        most = if scores[position] > most { scores[position] } else { most };
    }
    let mut shares = [0.0; POSITIONS];
    for half in 0..2 {
        let score = eight(scores.as_chunks::<8>().0[half]);
        let e = eight_numbers(exp(_mm256_sub_ps(score, _mm256_set1_ps(most))));
        shares[8 * half..8 * half + 8].copy_from_slice(&e);
    }
    let mut total = 0.0;
    for position in seen.low..seen.high {
        total += shares[position];
    }
    let faded = _mm256_cvtss_f32(exp(_mm256_set1_ps(state.most - most)));
    // Before the first block there is nothing to fade, and its largest score is no number to compute with.
    let old = if state.total > 0.0 { faded } else { 0.0 };
    *state = State { most, total: state.total * old + total };
    let values = seen.values.as_chunks::<16>().0;
    let mixed = mixed.as_chunks_mut::<16>().0;
    let chunks = mixed.len();
    for chunk in 0..chunks {
        let mut sums = [_mm256_setzero_ps(); 2];
        for half in 0..2 {
            let before = eight(mixed[chunk].as_chunks::<8>().0[half]);
            sums[half] = _mm256_mul_ps(before, _mm256_set1_ps(old));
        }
        for position in seen.low..seen.high {
            let row = values[position * chunks + chunk].as_chunks::<8>().0;
            for half in 0..2 {
                sums[half] = _mm256_fmadd_ps(_mm256_set1_ps(shares[position]), eight(row[half]), sums[half]);
            }
        }
        for half in 0..2 {
            mixed[chunk][8 * half..8 * half + 8].copy_from_slice(&eight_numbers(sums[half]));
        }
    }
}

/// e to the power of numbers of at most 0, as [`exp`](super::vector::exp) computes it, but with fused products.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn exp(x: __m256) -> __m256 {
    let x = _mm256_max_ps(x, _mm256_set1_ps(-87.0));
    let n = _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(_mm256_mul_ps(
        x,
        _mm256_set1_ps(std::f32::consts::LOG2_E),
    ));
    let r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0.693_359_4), x);
    let r = _mm256_fmadd_ps(n, _mm256_set1_ps(2.121_944_4e-4), r);
    let mut p = _mm256_set1_ps(1.987_569_2e-4);
    for c in [1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(c));
    }
    let e = _mm256_add_ps(_mm256_fmadd_ps(p, _mm256_mul_ps(r, r), r), _mm256_set1_ps(1.0));
    // The power of two is put together from its exponent.
    let exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
    _mm256_mul_ps(e, _mm256_castsi256_ps(_mm256_slli_epi32::<23>(exponent)))
}
