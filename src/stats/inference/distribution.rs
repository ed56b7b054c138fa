//! Distribution functions, their upper tails and their inverses.

use super::special::{beta, erfc, gamma, sqrt_tau};

/// Halvings of a bracket; more than the bits of a number.
const HALVINGS: u32 = 120;

/// The point where a rising condition becomes true, on a scale from `low` to `high`.
pub(super) fn turning_point(mut low: f64, mut high: f64, is_below: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if is_below(middle) { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// The chance that a standard normal variable is at most x.
pub fn normal_cdf(x: f64) -> f64 {
    0.5 * erfc(-x / std::f64::consts::SQRT_2)
}

/// The chance that it is more.
pub fn normal_sf(x: f64) -> f64 {
    normal_cdf(-x)
}

/// The value that it stays below with chance p. A rational approximation (Abramowitz and Stegun 26.2.23), then Halley's
/// steps.
pub fn normal_quantile(p: f64) -> f64 {
    if p.is_nan() || !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    if p == 0.5 {
        return 0.0;
    }
    if p > 0.5 {
        return -normal_quantile(1.0 - p);
    }
    if p == 0.0 {
        return f64::NEG_INFINITY;
    }
    let t = (-2.0 * p.ln()).sqrt();
    let above = 2.515_517 + t * (0.802_853 + t * 0.010_328);
    let below = 1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308));
    let mut x = above / below - t;
    for _ in 0..4 {
        let step = (normal_cdf(x) - p) * sqrt_tau() * (0.5 * x * x).exp();
        x -= step / (1.0 + 0.5 * x * step);
    }
    x
}

/// The chance that |T| of Student's distribution stays below t, and that it does not.
fn student_both(t: f64, freedom: f64) -> (f64, f64) {
    let square = t * t;
    beta(0.5, 0.5 * freedom, square / (freedom + square), freedom / (freedom + square))
}

/// The chance that a variable of Student's distribution is more than t.
pub fn student_sf(t: f64, freedom: f64) -> f64 {
    let (inside, outside) = student_both(t, freedom);
    if t >= 0.0 { 0.5 * outside } else { 0.5 + 0.5 * inside }
}

/// The chance of one as far from zero as t, on either side.
pub fn student_two_sided(t: f64, freedom: f64) -> f64 {
    student_both(t, freedom).1
}

/// The value that a variable of Student's distribution stays below with chance p.
pub fn student_quantile(p: f64, freedom: f64) -> f64 {
    if p == 0.5 {
        return 0.0;
    }
    let tail = p.min(1.0 - p);
    // Both sides are solved where they are small, so that nothing cancels.
    let is_below = |ln_t: f64| {
        let (inside, outside) = student_both(ln_t.exp(), freedom);
        if tail < 0.25 { 0.5 * outside > tail } else { inside < 1.0 - 2.0 * tail }
    };
    turning_point(-345.0, 345.0, is_below).exp().copysign(p - 0.5)
}

/// The chance that a variable of the chi-square distribution is more than x.
pub fn chi_square_sf(x: f64, freedom: f64) -> f64 {
    gamma(0.5 * freedom, 0.5 * x).1
}

/// The chance that a variable of Fisher's F distribution is more than x.
pub fn f_sf(x: f64, numerator: f64, denominator: f64) -> f64 {
    let (share, all) = (numerator * x, denominator + numerator * x);
    beta(0.5 * denominator, 0.5 * numerator, denominator / all, share / all).0
}

/// The value that a Beta(a, b) variable stays below with chance p.
pub fn beta_quantile(p: f64, a: f64, b: f64) -> f64 {
    if p <= 0.0 || p >= 1.0 {
        return p.clamp(0.0, 1.0);
    }
    let share = |logit: f64| (1.0 / (1.0 + (-logit).exp()), 1.0 / (1.0 + logit.exp()));
    let is_below = |logit: f64| {
        let (x, y) = share(logit);
        let (lower, upper) = beta(a, b, x, y);
        if p < 0.5 { lower < p } else { upper > 1.0 - p }
    };
    share(turning_point(-700.0, 700.0, is_below)).0
}

/// The chance of at most k successes in n trials.
pub fn binomial_cdf(k: u64, n: u64, p: f64) -> f64 {
    if k >= n { 1.0 } else { beta((n - k) as f64, k as f64 + 1.0, 1.0 - p, p).0 }
}

/// The chance of more than k successes in n trials.
pub fn binomial_sf(k: u64, n: u64, p: f64) -> f64 {
    if k >= n { 0.0 } else { beta(k as f64 + 1.0, (n - k) as f64, p, 1.0 - p).0 }
}

/// The chance of exactly k successes in n trials.
pub fn binomial_pmf(k: u64, n: u64, p: f64) -> f64 {
    if k > n { 0.0 } else { super::special::binomial_mass(k as f64, (n - k) as f64, p, 1.0 - p) }
}

/// The two-sided chance of a split as uneven as k of n where both sides are as likely.
pub fn even_split(k: u64, n: u64) -> f64 {
    let less = k.min(n.saturating_sub(k));
    (2.0 * binomial_cdf(less, n, 0.5)).min(1.0)
}

/// The chance of at most k events where `mean` are expected.
pub fn poisson_cdf(k: u64, mean: f64) -> f64 {
    gamma(k as f64 + 1.0, mean).1
}
