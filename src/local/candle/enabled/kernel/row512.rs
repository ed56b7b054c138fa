//! What is done to the numbers of rows, for AVX-512.

use std::arch::x86_64::*;

use super::dispatch::{floats, numbers, quarter_bytes, sixteen_halves};
use super::input::{Quantised, Room};

/// Makes numbers of 8 bits of parts of 32.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
pub fn quantise(x: &[[f32; 32]], out: &mut Room<'_>) {
    let count = x.len();
    let (quants, scales, less) = (&mut out.quants[..count], &mut out.scales[..count], &mut out.less[..count]);
    for part in 0..count {
        let halves = x[part].as_chunks::<16>().0;
        let (a, b) = (floats(halves[0]), floats(halves[1]));
        let most = _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(a), _mm512_abs_ps(b)));
        scales[part] = Quantised::scale(most);
        let inverse = _mm512_set1_ps(Quantised::inverse(most));
        for (half, numbers) in [a, b].into_iter().enumerate() {
            let whole = _mm512_cvtps_epi32(_mm512_mul_ps(numbers, inverse));
            less[part][half] = _mm512_reduce_add_epi32(whole).wrapping_neg();
            quants[part][16 * half..16 * half + 16].copy_from_slice(&quarter_bytes(_mm512_cvtepi32_epi8(whole)));
        }
    }
}

/// Rounds numbers to bfloat16, to even; as many as there are whole vectors of 16.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
pub fn round(x: &[f32], out: &mut [u16]) {
    let (x, out) = (x.as_chunks::<16>().0, out.as_chunks_mut::<16>().0);
    for i in 0..out.len() {
        out[i] = sixteen_halves(rounded(floats(x[i])));
    }
}

/// 16 numbers rounded to bfloat16, to even.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
pub fn rounded(numbers: __m512) -> __m256i {
    let bits = _mm512_castps_si512(numbers);
    let even = _mm512_and_si512(_mm512_srli_epi32::<16>(bits), _mm512_set1_epi32(1));
    let rounded = _mm512_add_epi32(bits, _mm512_add_epi32(even, _mm512_set1_epi32(0x7fff)));
    // What is not a number keeps its upper bits, lest rounding makes it infinite.
    let none = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(numbers, numbers);
    let kept = _mm512_mask_or_epi32(rounded, none, bits, _mm512_set1_epi32(0x40_0000));
    _mm512_cvtepi32_epi16(_mm512_srli_epi32::<16>(kept))
}

/// The product of `up` with the SiLU of `gate`.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
pub fn gate(gate: &[f32], up: &[f32], out: &mut [f32]) {
    let (gates, gate_rest) = gate.as_chunks::<16>();
    let (ups, up_rest) = up.as_chunks::<16>();
    let (outs, rest) = out.as_chunks_mut::<16>();
    for i in 0..outs.len() {
        outs[i] = numbers(gated(floats(gates[i]), floats(ups[i])));
    }
    // The rest goes the same way, so that a number does not depend on where in its vector it stands.
    let (mut last_gate, mut last_up) = ([0.0; 16], [0.0; 16]);
    last_gate[..rest.len()].copy_from_slice(&gate_rest[..rest.len()]);
    last_up[..rest.len()].copy_from_slice(&up_rest[..rest.len()]);
    rest.copy_from_slice(&numbers(gated(floats(last_gate), floats(last_up)))[..rest.len()]);
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
fn gated(gate: __m512, up: __m512) -> __m512 {
    let one = _mm512_set1_ps(1.0);
    // The exponential is taken of a negative number only, where it cannot overflow.
    let e = exp(_mm512_sub_ps(_mm512_setzero_ps(), _mm512_abs_ps(gate)));
    let positive = _mm512_cmp_ps_mask::<_CMP_GE_OQ>(gate, _mm512_setzero_ps());
    let share = _mm512_div_ps(_mm512_mask_mov_ps(e, positive, one), _mm512_add_ps(one, e));
    _mm512_mul_ps(_mm512_mul_ps(gate, share), up)
}

/// e to the power of numbers of at most 0, as [`exp`](super::vector::exp) computes it, but with fused products.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
pub fn exp(x: __m512) -> __m512 {
    let x = _mm512_max_ps(x, _mm512_set1_ps(-87.0));
    let n = _mm512_roundscale_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(_mm512_mul_ps(
        x,
        _mm512_set1_ps(std::f32::consts::LOG2_E),
    ));
    let r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693_359_4), x);
    let r = _mm512_fmadd_ps(n, _mm512_set1_ps(2.121_944_4e-4), r);
    let mut p = _mm512_set1_ps(1.987_569_2e-4);
    for c in [1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(c));
    }
    let e = _mm512_add_ps(_mm512_fmadd_ps(p, _mm512_mul_ps(r, r), r), _mm512_set1_ps(1.0));
    _mm512_scalef_ps(e, n)
}
