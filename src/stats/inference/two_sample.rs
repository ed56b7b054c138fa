//! Two samples of different items.

use super::distribution::{student_quantile, student_two_sided};
use super::mean::{mean, variance};
use super::special::half_step_ratio;
use super::{Bounds, Test};

/// The moments that the tests need.
#[derive(Debug, Clone, Copy)]
struct Moments {
    n: f64,
    mean: f64,
    variance: f64,
}

impl Moments {
    fn of(values: &[f64]) -> Option<Self> {
        Some(Moments { n: values.len() as f64, mean: mean(values)?, variance: variance(values)? })
    }

    fn error(self) -> f64 {
        self.variance / self.n
    }
}

/// Welch's test, which lets the variances differ.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Welch {
    /// Statistic and p value.
    pub test: Test,
    /// Degrees of freedom by Satterthwaite's approximation.
    pub freedom: f64,
    /// Bounds of the difference of means.
    pub bounds: Bounds,
}

/// The difference of means, first less second.
pub fn difference(first: &[f64], second: &[f64]) -> Option<f64> {
    Some(mean(first)? - mean(second)?)
}

/// Welch's test; `None` below two values in either sample, and where neither varies.
pub fn welch(first: &[f64], second: &[f64], confidence: f64) -> Option<Welch> {
    let (one, two) = (Moments::of(first)?, Moments::of(second)?);
    let error = one.error() + two.error();
    let freedom = error * error / (one.error().powi(2) / (one.n - 1.0) + two.error().powi(2) / (two.n - 1.0));
    let t = (one.mean - two.mean) / error.sqrt();
    let half = student_quantile(0.5 + 0.5 * confidence, freedom) * error.sqrt();
    (error > 0.0).then(|| Welch {
        test: Test { statistic: t, p: student_two_sided(t, freedom) },
        freedom,
        bounds: Bounds::around(one.mean - two.mean, half),
    })
}

fn pooled(one: Moments, two: Moments) -> f64 {
    ((one.n - 1.0) * one.variance + (two.n - 1.0) * two.variance) / (one.n + two.n - 2.0)
}

/// Student's test with one variance of both; `None` as Welch's.
pub fn student(first: &[f64], second: &[f64]) -> Option<Test> {
    let (one, two) = (Moments::of(first)?, Moments::of(second)?);
    let variance = pooled(one, two) * (1.0 / one.n + 1.0 / two.n);
    let t = (one.mean - two.mean) / variance.sqrt();
    (variance > 0.0).then(|| Test { statistic: t, p: student_two_sided(t, one.n + two.n - 2.0) })
}

/// Cohen's d: the difference of means in pooled standard deviations; `None` as Welch's.
pub fn cohen_d(first: &[f64], second: &[f64]) -> Option<f64> {
    let (one, two) = (Moments::of(first)?, Moments::of(second)?);
    let variance = pooled(one, two);
    (variance > 0.0).then(|| (one.mean - two.mean) / variance.sqrt())
}

/// Hedges' g: Cohen's d without its bias, by the exact factor; `None` as Welch's.
pub fn hedges_g(first: &[f64], second: &[f64]) -> Option<f64> {
    let freedom = (first.len() + second.len()) as f64 - 2.0;
    let factor = half_step_ratio(0.5 * (freedom - 1.0)) / (0.5 * freedom).sqrt();
    Some(cohen_d(first, second)? * factor)
}
