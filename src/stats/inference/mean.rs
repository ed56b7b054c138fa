//! The mean of a sample, its spread and shape, and bounds of the mean.

use super::Bounds;
use super::distribution::{normal_quantile, student_quantile};

/// Sum over number; `None` without values.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The mean of powers of the distances from the mean.
fn moment(values: &[f64], power: i32) -> Option<f64> {
    let middle = mean(values)?;
    mean(&values.iter().map(|value| (value - middle).powi(power)).collect::<Vec<_>>())
}

/// Variance with n in the denominator; `None` without values.
pub fn population_variance(values: &[f64]) -> Option<f64> {
    moment(values, 2)
}

/// Variance with n - 1 in the denominator; `None` below two values.
pub fn variance(values: &[f64]) -> Option<f64> {
    let n = values.len() as f64;
    (n > 1.0).then_some(population_variance(values)? * n / (n - 1.0))
}

/// Standard error of the mean; `None` below two values.
pub fn standard_error(values: &[f64]) -> Option<f64> {
    Some((variance(values)? / values.len() as f64).sqrt())
}

/// The middle value, or the mean of the two in the middle.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    let is_odd = sorted.len() % 2 == 1;
    Some(if is_odd { upper } else { 0.5 * (upper + sorted.get(sorted.len() / 2 - 1)?) })
}

/// Third standardised moment, biased; `None` where all values are the same.
pub fn skewness(values: &[f64]) -> Option<f64> {
    let spread = moment(values, 2).filter(|spread| *spread > 0.0)?;
    Some(moment(values, 3)? / spread.powf(1.5))
}

/// Fourth standardised moment less that of a normal distribution, biased; `None` where all values are the same.
pub fn excess_kurtosis(values: &[f64]) -> Option<f64> {
    let spread = moment(values, 2).filter(|spread| *spread > 0.0)?;
    Some(moment(values, 4)? / (spread * spread) - 3.0)
}

/// Bounds of the mean by Student's t; `None` below two values.
pub fn t_bounds(values: &[f64], confidence: f64) -> Option<Bounds> {
    let t = student_quantile(0.5 + 0.5 * confidence, values.len() as f64 - 1.0);
    Some(Bounds::around(mean(values)?, t * standard_error(values)?))
}

/// Bounds of the mean by the normal distribution; `None` below two values.
pub fn z_bounds(values: &[f64], confidence: f64) -> Option<Bounds> {
    let z = normal_quantile(0.5 + 0.5 * confidence);
    Some(Bounds::around(mean(values)?, z * standard_error(values)?))
}
