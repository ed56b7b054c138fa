//! The incomplete beta function and what intervals need of it: Student's t and the ranks of order statistics.

/// Probability left out at each side of a 95 % interval.
pub(super) const TAIL: f64 = 0.025;
/// The value a normal variable stays below with probability 1 - [`TAIL`].
pub(super) const NORMAL: f64 = 1.959_963_984_540_054;

/// Natural logarithm of the gamma function for positive arguments, by Lanczos' approximation with g = 7; relative error
/// below 1e-13.
fn ln_gamma(x: f64) -> f64 {
    const TERMS: [f64; 9] = [
        0.999_999_999_999_809_9,
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    let x = x - 1.0;
    let sum: f64 =
        TERMS[0] + TERMS[1..].iter().enumerate().map(|(index, term)| term / (x + 1.0 + index as f64)).sum::<f64>();
    let t = x + 7.5;
    0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

/// The regularised incomplete beta function: the probability that a Beta(a, b) variable is at most x. The continued
/// fraction of Abramowitz and Stegun 26.5.8, evaluated by Lentz' method.
pub(super) fn beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return x.clamp(0.0, 1.0);
    }
    // The fraction converges fast on this side of the mean only.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - beta(1.0 - x, b, a);
    }
    let away_from_zero = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    for step in 1..10_000 {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for term in [even, odd] {
            d = 1.0 / away_from_zero(1.0 + term * d);
            c = away_from_zero(1.0 + term / c);
            change = c * d;
            fraction *= change;
        }
        if (change - 1.0).abs() < 1e-14 {
            break;
        }
    }
    let front = ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (1.0 - x).ln();
    front.exp() * fraction / a
}

/// The root of a function that falls from positive to negative between two bounds, by halving.
fn falling_root(mut low: f64, mut high: f64, of: impl Fn(f64) -> f64) -> f64 {
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if of(middle) > 0.0 { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// The half width of a 95 % interval in standard errors, for a variance with so many degrees of freedom.
pub(super) fn student_t(freedom: f64) -> f64 {
    falling_root(0.0, 1e3, |t| beta(freedom / (freedom + t * t), freedom / 2.0, 0.5) - 2.0 * TAIL)
}

/// Ranks of the order statistics of `n` independent values that enclose the quantile `q` in 95 of 100 cases, whatever
/// the distribution. The r-th of n values lies at a share of it that is Beta(r, n - r + 1) distributed. The ranks are
/// real numbers from 1 to n; `None` where n values are too few: n < ln 0.025 / ln q.
pub(super) fn ranks(n: f64, q: f64) -> Option<(f64, f64)> {
    let below = |rank: f64| beta(q, rank, n - rank + 1.0);
    if n < 1.0 || below(1.0) < 1.0 - TAIL || below(n) > TAIL {
        return None;
    }
    let low = falling_root(1.0, n, |rank| below(rank) - (1.0 - TAIL));
    let high = falling_root(1.0, n, |rank| below(rank) - TAIL);
    Some((low, high))
}

/// Wilson's 95 % interval of a share of `good` among `n`. <https://doi.org/10.1080/01621459.1927.10502953>
pub(super) fn wilson(good: u64, n: u64) -> Option<(f64, f64)> {
    if n == 0 {
        return None;
    }
    let (n, share, square) = (n as f64, good as f64 / n as f64, NORMAL * NORMAL);
    let middle = (share + square / (2.0 * n)) / (1.0 + square / n);
    let half = NORMAL / (1.0 + square / n) * (share * (1.0 - share) / n + square / (4.0 * n * n)).sqrt();
    Some(((middle - half).max(0.0), (middle + half).min(1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 1e-7 * expected.abs().max(1e-3), "{found} instead of {expected}");
    }

    /// Against values of an independent library (SciPy 1.x: `special.betainc`, `stats.t.ppf`).
    #[test]
    fn known_values() {
        near(beta(0.4, 2.0, 3.0), 0.5248);
        near(beta(0.99, 990.5, 10.5), 0.520_943_193_769_609_4);
        near(beta(0.1, 0.5, 15.0), 0.922_141_329_685_332_1);
        near(beta(0.99, 99_000.0, 1001.0), 0.508_409_473_351_421_4);
        for (freedom, t) in
            [(1.0, 12.706_204_736), (7.0, 2.364_624_251_6), (31.0, 2.039_513_446_4), (1000.0, 1.962_339_080_8)]
        {
            near(student_t(freedom), t);
        }
        let (low, high) = ranks(1000.0, 0.99).unwrap_or_default();
        near(low, 983.913_114_821);
        near(high, 996.145_127_58);
    }

    #[test]
    fn ranks_exist_exactly_where_the_rule_says() {
        for q in [0.5, 0.9, 0.95, 0.99, 0.999] {
            let least = (TAIL.ln() / f64::ln(q)).ceil();
            assert!(ranks(least, q).is_some() && ranks(least - 1.0, q).is_none(), "{q}");
        }
        assert_eq!(ranks(0.0, 0.5), None);
    }

    #[test]
    fn a_share_stays_between_none_and_all() {
        assert_eq!(wilson(0, 0), None);
        let (low, high) = wilson(10, 10).unwrap_or_default();
        near(low, 0.722_467_200_137_110_7);
        near(high, 1.0);
        assert_eq!(wilson(0, 10).map(|(low, _)| low), Some(0.0));
    }
}
