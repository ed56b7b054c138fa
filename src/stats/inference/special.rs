//! Gamma, beta and error functions, to about 1e-13 relative, far into the tails.
//!
//! The factors in front of series and fractions are made from the deviances of Loader (2000, "Fast and accurate
//! computation of binomial probabilities"), which lose nothing where logarithms of large factorials would cancel.

use std::f64::consts::{PI, TAU};

/// Below this a continued fraction counts as zero.
const TINY: f64 = 1e-300;
const STEPS: u32 = 200_000;
const CLOSE: f64 = 1e-16;

/// Terms of Stirling's series: B(2k) / (2k (2k - 1)).
const STIRLING: [f64; 8] = [
    1.0 / 12.0,
    -1.0 / 360.0,
    1.0 / 1260.0,
    -1.0 / 1680.0,
    1.0 / 1188.0,
    -691.0 / 360_360.0,
    1.0 / 156.0,
    -3617.0 / 122_400.0,
];

/// Stirling's series without its leading part, for arguments of 15 and more.
fn stirling_tail(x: f64) -> f64 {
    let square = 1.0 / (x * x);
    STIRLING.iter().rev().fold(0.0, |sum, term| sum * square + term) / x
}

/// Natural logarithm of the gamma function of a positive number.
pub fn ln_gamma(x: f64) -> f64 {
    if x == 1.0 || x == 2.0 {
        return 0.0;
    }
    let mut shifted = x;
    let mut product = 1.0;
    while shifted < 15.0 {
        product *= shifted;
        shifted += 1.0;
    }
    (shifted - 0.5) * shifted.ln() - shifted + 0.5 * TAU.ln() + stirling_tail(shifted) - f64::ln(product)
}

/// ln(x!) - ln(sqrt(2 pi x) (x / e)^x).
fn stirling_error(x: f64) -> f64 {
    if x >= 15.0 { stirling_tail(x) } else { ln_gamma(x + 1.0) - (x + 0.5) * x.ln() + x - 0.5 * TAU.ln() }
}

/// x ln(x / mean) + mean - x, without loss where the two are close.
fn deviance(x: f64, mean: f64) -> f64 {
    let distance = x - mean;
    if distance.abs() >= 0.1 * (x + mean) {
        return x * (x / mean).ln() + mean - x;
    }
    let ratio = distance / (x + mean);
    let mut sum = distance * ratio;
    let mut power = 2.0 * x * ratio;
    for step in 1..1000 {
        power *= ratio * ratio;
        let next = sum + power / f64::from(2 * step + 1);
        if next == sum {
            break;
        }
        sum = next;
    }
    sum
}

/// mean^x e^-mean / x! for real x of zero and more.
pub(super) fn poisson_mass(x: f64, mean: f64) -> f64 {
    if x == 0.0 {
        return (-mean).exp();
    }
    if mean == 0.0 {
        return 0.0;
    }
    (-stirling_error(x) - deviance(x, mean)).exp() / (TAU * x).sqrt()
}

/// C(a + b, a) p^a q^b for real a and b of zero and more, q being 1 - p.
pub(super) fn binomial_mass(a: f64, b: f64, p: f64, q: f64) -> f64 {
    let n = a + b;
    if a == 0.0 {
        return (b * if p < 0.5 { (-p).ln_1p() } else { q.ln() }).exp();
    }
    if b == 0.0 {
        return (a * if q < 0.5 { (-q).ln_1p() } else { p.ln() }).exp();
    }
    if p <= 0.0 || q <= 0.0 {
        return 0.0;
    }
    let errors = stirling_error(n) - stirling_error(a) - stirling_error(b);
    (errors - deviance(a, n * p) - deviance(b, n * q)).exp() * (n / (TAU * a * b)).sqrt()
}

/// Lentz' evaluation of 1 / (1 + t1 / (1 + t2 / (1 + ...))), or of any fraction whose parts are (numerator, denominator).
fn fraction(first: f64, parts: impl Iterator<Item = (f64, f64)>) -> f64 {
    let away = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut value = away(first);
    let (mut c, mut d) = (value, 0.0);
    for (numerator, denominator) in parts {
        d = 1.0 / away(denominator + numerator * d);
        c = away(denominator + numerator / c);
        let change = c * d;
        value *= change;
        if (change - 1.0).abs() < CLOSE {
            break;
        }
    }
    value
}

/// The regularised incomplete beta function and its complement: the chances that a Beta(a, b) variable is at most x, and
/// more. `y` is 1 - x, which the caller may know better.
pub fn beta(a: f64, b: f64, x: f64, y: f64) -> (f64, f64) {
    if x <= 0.0 || y >= 1.0 {
        return (0.0, 1.0);
    }
    if y <= 0.0 || x >= 1.0 {
        return (1.0, 0.0);
    }
    // The fraction converges fast on this side of the mean only.
    if x > (a + 1.0) / (a + b + 2.0) {
        let (upper, lower) = beta(b, a, y, x);
        return (lower, upper);
    }
    let parts = (1..STEPS).map(|step| {
        let m = f64::from(step / 2);
        let numerator = if step % 2 == 0 {
            m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m))
        } else {
            -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0))
        };
        (numerator, 1.0)
    });
    let lower = binomial_mass(a, b, x, y) * b / (a + b) / fraction(1.0, parts);
    (lower, 1.0 - lower)
}

/// The regularised incomplete gamma functions P(a, x) and Q(a, x) = 1 - P.
pub fn gamma(a: f64, x: f64) -> (f64, f64) {
    if x <= 0.0 {
        return (0.0, 1.0);
    }
    if x == f64::INFINITY {
        return (1.0, 0.0);
    }
    let front = poisson_mass(a, x);
    if x < a + 1.0 {
        let mut term = 1.0;
        let mut sum = 1.0;
        for step in 1..STEPS {
            term *= x / (a + f64::from(step));
            sum += term;
            if term < sum * CLOSE {
                break;
            }
        }
        let lower = front * sum;
        return (lower, 1.0 - lower);
    }
    let parts = (1..STEPS).map(|step| {
        let step = f64::from(step);
        (-step * (step - a), x + 2.0 * step + 1.0 - a)
    });
    let upper = front * a / fraction(x + 1.0 - a, parts);
    (1.0 - upper, upper)
}

/// The error function.
pub fn erf(x: f64) -> f64 {
    gamma(0.5, x * x).0.copysign(x)
}

/// 1 - erf(x), exact in the right tail.
pub fn erfc(x: f64) -> f64 {
    let (lower, upper) = gamma(0.5, x * x);
    if x < 0.0 { 1.0 + lower } else { upper }
}

/// Gamma(a + 1/2) / Gamma(a), for corrections of standard deviations.
pub(super) fn half_step_ratio(a: f64) -> f64 {
    (ln_gamma(a + 0.5) - ln_gamma(a)).exp()
}

/// sqrt(2 pi).
pub(super) fn sqrt_tau() -> f64 {
    (2.0 * PI).sqrt()
}
