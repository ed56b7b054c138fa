//! Percentiles of a sample by the definitions of Hyndman and Fan (1996, <https://doi.org/10.2307/2684934>) and those of
//! numpy.

use super::Bounds;
use super::distribution::turning_point;
use super::special::beta;

/// How a percentile between two values is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Linear between the values, the first being 0 % and the last 100 % (definition 7).
    Linear,
    /// The lower of the two.
    Lower,
    /// The higher of the two.
    Higher,
    /// The nearer of the two; of equals the one at an even index from 0.
    Nearest,
    /// The mean of the two.
    Midpoint,
    /// Nearest rank: the least value that so many percent are at or below (definition 1).
    InvertedCdf,
    /// The same, the mean of two where both would do (definition 2).
    AveragedInvertedCdf,
    /// The value whose rank is nearest to that share of n (definition 3).
    ClosestObservation,
    /// Linear in the ranks over n (definition 4).
    InterpolatedInvertedCdf,
    /// Each value in the middle of its part (definition 5).
    Hazen,
    /// Ranks over n + 1 (definition 6).
    Weibull,
    /// Near the median of the order statistic, whatever the distribution (definition 8).
    MedianUnbiased,
    /// Near its mean for normal values (definition 9).
    NormalUnbiased,
}

/// The percentile `percent` (0 to 100) of values in any order; `None` without values.
pub fn percentile(values: &[f64], percent: f64, method: Method) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    of_sorted(&sorted, percent, method)
}

/// The percentile of values in order; `None` without values.
pub fn of_sorted(sorted: &[f64], percent: f64, method: Method) -> Option<f64> {
    let share = (percent / 100.0).clamp(0.0, 1.0);
    let n = sorted.len() as f64;
    let linear = (n - 1.0) * share;
    // Places by both parameters of a plotting position.
    let place = |alpha: f64, beta: f64| n * share + (alpha + share * (1.0 - alpha - beta)) - 1.0;
    let fraction = |at: f64| at - at.floor();
    let (at, weight) = match method {
        Method::Linear => (linear, fraction(linear)),
        Method::Lower => (linear, 0.0),
        Method::Higher => (linear, f64::from(u8::from(fraction(linear) > 0.0))),
        Method::Nearest => {
            let is_up = fraction(linear) > 0.5 || (fraction(linear) == 0.5 && linear.floor() % 2.0 == 1.0);
            (linear, f64::from(u8::from(is_up)))
        }
        Method::Midpoint => (linear, if fraction(linear) > 0.0 { 0.5 } else { 0.0 }),
        Method::InvertedCdf => (n * share - 1.0, f64::from(u8::from(fraction(n * share - 1.0) > 0.0))),
        Method::AveragedInvertedCdf => (n * share - 1.0, if fraction(n * share - 1.0) > 0.0 { 1.0 } else { 0.5 }),
        Method::ClosestObservation => {
            let at = n * share - 1.5;
            let stays = fraction(at) == 0.0 && at.floor().rem_euclid(2.0) == 1.0;
            (at, f64::from(u8::from(!stays)))
        }
        Method::InterpolatedInvertedCdf => (place(0.0, 1.0), fraction(place(0.0, 1.0))),
        Method::Hazen => (place(0.5, 0.5), fraction(place(0.5, 0.5))),
        Method::Weibull => (place(0.0, 0.0), fraction(place(0.0, 0.0))),
        Method::MedianUnbiased => (place(1.0 / 3.0, 1.0 / 3.0), fraction(place(1.0 / 3.0, 1.0 / 3.0))),
        Method::NormalUnbiased => (place(0.375, 0.375), fraction(place(0.375, 0.375))),
    };
    between(sorted, at.floor(), weight)
}

/// The value at an index, and so much of the way to the next; what lies outside is the first or the last.
fn between(sorted: &[f64], index: f64, weight: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let at = |index: f64| sorted.get((index.max(0.0) as usize).min(last)).copied();
    let (low, high) = (at(index)?, at(index + 1.0)?);
    Some(if weight < 0.5 { low + (high - low) * weight } else { high - (high - low) * (1.0 - weight) })
}

/// Ranks of the order statistics of `n` independent values that enclose the quantile `q` with this confidence, whatever the
/// distribution. The r-th of n values lies at a share of it that is Beta(r, n - r + 1) distributed. The ranks are real
/// numbers from 1 to n; `None` where n values are too few: at 95 %, n < ln 0.025 / ln q.
pub fn ranks_around(n: f64, q: f64, confidence: f64) -> Option<Bounds> {
    let tail = 0.5 * (1.0 - confidence);
    let below = |rank: f64| beta(rank, n - rank + 1.0, q, 1.0 - q).0;
    if n < 1.0 || below(1.0) < 1.0 - tail || below(n) > tail {
        return None;
    }
    let low = turning_point(1.0, n, |rank| below(rank) > 1.0 - tail);
    let high = turning_point(1.0, n, |rank| below(rank) > tail);
    Some(Bounds { low, high })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_exist_exactly_where_the_rule_says() {
        for q in [0.5, 0.9, 0.95, 0.99, 0.999] {
            let least = (f64::ln(0.025) / f64::ln(q)).ceil();
            assert!(ranks_around(least, q, 0.95).is_some() && ranks_around(least - 1.0, q, 0.95).is_none(), "{q}");
        }
        assert_eq!(ranks_around(0.0, 0.5, 0.95), None);
        // From SciPy's beta.cdf, solved for the rank.
        let found = ranks_around(1000.0, 0.99, 0.95).map_or((0.0, 0.0), |found| (found.low, found.high));
        assert!((found.0 - 983.913_114_821).abs() < 1e-6 && (found.1 - 996.145_127_58).abs() < 1e-6, "{found:?}");
    }
}
