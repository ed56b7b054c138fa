//! What a feed-forward without gates does to its numbers.

use super::vector::{exp, vectorized};

/// GELU (Hendrycks and Gimpel, arXiv:1606.08415): each number times the share of a normal distribution below it. The
/// share is exact to 2e-7 (Abramowitz and Stegun, 7.1.26).
pub fn gelu(x: &[f32], out: &mut [f32]) {
    let count = out.len();
    let x = &x[..count];
    vectorized(
        #[inline(always)]
        || {
            for i in 0..count {
                let z = x[i].abs() * std::f32::consts::FRAC_1_SQRT_2;
                let t = 1.0 / (1.0 + 0.327_591_1 * z);
                let mut p = 1.061_405_4;
                for c in [-1.453_152, 1.421_413_8, -0.284_496_74, 0.254_829_6] {
                    p = p * t + c;
                }
                // What lies beyond on one side.
                let beyond = 0.5 * p * t * exp(-z * z);
                out[i] = x[i] * if x[i] >= 0.0 { 1.0 - beyond } else { beyond };
            }
        },
    );
}

/// The same by a hyperbolic tangent, as the first GPT has it.
pub fn gelu_tanh(x: &[f32], out: &mut [f32]) {
    let count = out.len();
    let x = &x[..count];
    vectorized(
        #[inline(always)]
        || {
            for i in 0..count {
                let inner = 0.797_884_6 * (x[i] + 0.044_715 * x[i] * x[i] * x[i]);
                // (1 + tanh u) / 2 is 1 / (1 + e^(-2u)); the exponential is taken of a negative number only.
                let e = exp(-2.0 * inner.abs());
                out[i] = x[i] * (if inner >= 0.0 { 1.0 } else { e } / (1.0 + e));
            }
        },
    );
}

/// What is positive.
pub fn relu(x: &[f32], out: &mut [f32]) {
    let count = out.len();
    let x = &x[..count];
    vectorized(
        #[inline(always)]
        || {
            for i in 0..count {
                out[i] = if x[i] > 0.0 { x[i] } else { 0.0 };
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The integral of the normal distribution below a number, by Simpson's rule.
    fn below(x: f64) -> f64 {
        let (steps, from) = (4000, -12.0);
        let width = (x - from) / f64::from(steps);
        let density = |x: f64| (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
        let weight = |i: i32| f64::from(if i == 0 || i == steps { 1 } else { 2 + 2 * (i % 2) });
        (0..=steps).map(|i| weight(i) * density(from + f64::from(i) * width)).sum::<f64>() * width / 3.0
    }

    #[test]
    fn activations_are_those_of_their_definitions() {
        let x: Vec<f32> = (-90..=90).map(|i| i as f32 / 10.0).collect();
        let mut out = vec![0.0; x.len()];
        let mut check = |activation: fn(&[f32], &mut [f32]), exact: &dyn Fn(f64) -> f64| {
            activation(&x, &mut out);
            for (x, out) in x.iter().zip(&out) {
                let exact = exact(f64::from(*x));
                assert!((f64::from(*out) - exact).abs() < 2e-6, "{x}: {out} is not {exact}");
            }
        };
        check(gelu, &|x| x * below(x));
        check(gelu_tanh, &|x| {
            0.5 * x * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3))).tanh())
        });
        check(relu, &|x| x.max(0.0));
    }

    #[test]
    fn what_is_far_away_stays_a_number() {
        let x = [-1e30, -100.0, 100.0, 1e30];
        for activation in [gelu, relu] {
            let mut out = [1.0; 4];
            activation(&x, &mut out);
            assert!(out[0].abs() < 1e-30 && out[1].abs() < 1e-30, "{out:?}");
            assert_eq!(out[2..], [100.0, 1e30]);
        }
        let mut out = [1.0; 2];
        gelu_tanh(&[-1e10, 1e10], &mut out);
        assert!(out[0].abs() < 1e-20, "{out:?}");
        assert_eq!(out[1], 1e10);
    }
}
