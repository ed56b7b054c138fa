//! Loops over vectors, compiled for several instruction sets, and the functions they share.

/// Runs a loop compiled for the widest vectors of this machine.
///
/// Only what is inlined into it is compiled so. Adapters of iterators are not, where the build keeps its units apart,
/// which is why the loops count indices.
#[inline(always)]
pub fn vectorized<R>(work: impl FnMut() -> R) -> R {
    pulp::Arch::new().dispatch(Call(work))
}

/// Calls a closure by reference: a call by value goes through a function of the compiler's own making, which is not
/// inlined and thus compiled for the narrowest vectors.
struct Call<F>(F);

impl<R, F: FnMut() -> R> pulp::NullaryFnOnce for Call<F> {
    type Output = R;

    #[inline(always)]
    fn call(mut self) -> R {
        (self.0)()
    }
}

/// e to the power of `x`, for `x` of at most 0; exact to some 2 units in the last place. Unlike the one of the
/// standard library it is made of additions and products, so it can be vectorised and is the same everywhere.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    // Adding and taking away 1.5 * 2^23 rounds to an integer.
    const ROUND: f32 = 12_582_912.0;
    let x = x.max(-87.0);
    let n = (x * std::f32::consts::LOG2_E + ROUND) - ROUND;
    // ln 2 in two parts, so that the rest keeps its last bits.
    let r = (x - n * 0.693_359_4) + n * 2.121_944_4e-4;
    let mut p = 1.987_569_2e-4;
    for c in [1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        p = p * r + c;
    }
    let e = p * (r * r) + r + 1.0;
    // The power of two is put together from its exponent; n lies between -126 and 0.
    e * f32::from_bits(((n as i32 + 127) as u32) << 23)
}

/// The number whose bits are a half, exactly.
#[inline(always)]
pub fn widen(half: u16) -> f32 {
    // Shifted into place, a half has an exponent that is too small by 112; that goes for those below the normal
    // range too. Those that are not finite get the exponent of all ones back.
    let bits = u32::from(half & 0x7fff) << 13;
    let number = f32::from_bits(bits) * f32::from_bits((112 + 127) << 23);
    let infinite = if bits >= 0x0f80_0000 { 0x7f80_0000 } else { 0 };
    f32::from_bits(number.to_bits() | infinite | u32::from(half & 0x8000) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_exact_to_a_few_units() {
        for i in 0..87_000 {
            let x = -(i as f32) / 1000.0;
            let exact = f64::from(x).exp();
            assert!((f64::from(exp(x)) / exact - 1.0).abs() < 4e-7, "{x}");
        }
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(f32::NEG_INFINITY) < 1e-37);
    }

    #[test]
    fn every_half_is_widened() {
        for bits in 0..=u16::MAX {
            let (exact, ours) = (half::f16::from_bits(bits).to_f32(), widen(bits));
            assert!(exact.to_bits() == ours.to_bits() || exact.is_nan() && ours.is_nan(), "{bits:x}");
        }
    }
}
