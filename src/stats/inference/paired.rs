//! Two values of each item: what their differences tell.

use super::distribution::{even_split, student_quantile, student_two_sided};
use super::mean::{mean, standard_error, variance};
use super::{Bounds, Test};

/// Items whose signs are all tried, at most.
const FLIPS: usize = 22;

/// The differences of pairs, first less second; what is longer is cut.
pub fn differences(first: &[f64], second: &[f64]) -> Vec<f64> {
    first.iter().zip(second).map(|(a, b)| a - b).collect()
}

/// Student's test that the mean difference is zero; `None` where the differences do not vary.
pub fn t_test(differences: &[f64]) -> Option<Test> {
    let error = standard_error(differences).filter(|error| *error > 0.0)?;
    let t = mean(differences)? / error;
    Some(Test { statistic: t, p: student_two_sided(t, differences.len() as f64 - 1.0) })
}

/// Bounds of the mean difference by Student's t.
pub fn bounds(differences: &[f64], confidence: f64) -> Option<Bounds> {
    let t = student_quantile(0.5 + 0.5 * confidence, differences.len() as f64 - 1.0);
    Some(Bounds::around(mean(differences)?, t * standard_error(differences)?))
}

/// Cohen's d of differences: their mean in their standard deviations; `None` where they do not vary.
pub fn cohen_d(differences: &[f64]) -> Option<f64> {
    let spread = variance(differences).filter(|variance| *variance > 0.0)?;
    Some(mean(differences)? / spread.sqrt())
}

/// Pearson's correlation; `None` where one side does not vary.
pub fn correlation(first: &[f64], second: &[f64]) -> Option<f64> {
    let (a, b) = (mean(first)?, mean(second)?);
    let sum = |of: &dyn Fn(f64, f64) -> f64| first.iter().zip(second).map(|(x, y)| of(x - a, y - b)).sum::<f64>();
    let (squares, others) = (sum(&|x, _| x * x), sum(&|_, y| y * y));
    (squares > 0.0 && others > 0.0).then(|| (sum(&|x, y| x * y) / (squares.sqrt() * others.sqrt())).clamp(-1.0, 1.0))
}

/// The sign test: a fair coin for each difference that is not zero.
pub fn sign_test(differences: &[f64]) -> f64 {
    let up = differences.iter().filter(|difference| **difference > 0.0).count() as u64;
    let down = differences.iter().filter(|difference| **difference < 0.0).count() as u64;
    even_split(up, up + down)
}

/// The exact test by all signs: the share of them whose sum is as far from zero as this one's. `None` where there are too
/// many to try.
pub fn sign_flips(differences: &[f64]) -> Option<f64> {
    // Zeros have no sign; they double both sides of the ratio.
    let sizes: Vec<f64> = differences.iter().map(|d| d.abs()).filter(|size| *size > 0.0).collect();
    if sizes.len() > FLIPS || differences.is_empty() {
        return None;
    }
    let observed = differences.iter().sum::<f64>().abs();
    // Sums that differ by rounding only are equal.
    let limit = observed - 1e-12 * sizes.iter().sum::<f64>().max(f64::MIN_POSITIVE);
    let total = 1u64 << sizes.len();
    let mut sum: f64 = -sizes.iter().sum::<f64>();
    let mut extreme = u64::from(sum.abs() >= limit);
    let mut signs = vec![false; sizes.len()];
    for step in 1..total {
        // Gray's order changes one sign at a time.
        let at = step.trailing_zeros() as usize;
        if let (Some(sign), Some(size)) = (signs.get_mut(at), sizes.get(at)) {
            *sign = !*sign;
            sum += if *sign { 2.0 * size } else { -2.0 * size };
        }
        extreme += u64::from(sum.abs() >= limit);
    }
    Some(extreme as f64 / total as f64)
}
