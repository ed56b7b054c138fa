//! Percentiles of a sample by the definitions of Hyndman and Fan (1996, <https://doi.org/10.2307/2684934>) and those of
//! numpy.

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
