//! The load points of a sweep.

use serde::{Deserialize, Serialize};

use crate::error::{Failure, Result};

/// One load point: so many requests with so many in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// Requests in flight.
    pub parallel: u64,
    /// Requests measured.
    pub number: u64,
    /// Requests sent before them, from the same stream, that enter no figure.
    pub warmup: u64,
}

impl Point {
    /// Name of the point's folder, as EvalScope spells it.
    pub fn folder(&self) -> String {
        format!("parallel_{}_number_{}", self.parallel, self.number)
    }
}

/// Pairs numbers with concurrencies in order. One number serves all concurrencies (EvalScope refuses that); `default`
/// gives the number of a concurrency where none is set.
///
/// # Errors
/// When the lists have different lengths, a value is zero, the warm-up is negative or a pair is listed twice.
pub fn grid(number: Option<&[u64]>, parallel: &[u64], warmup: f64, default: impl Fn(u64) -> u64) -> Result<Vec<Point>> {
    if parallel.is_empty() || parallel.contains(&0) {
        return Err(Failure::usage("--parallel: each value must be at least 1"));
    }
    if number.is_some_and(|number| number.is_empty() || number.contains(&0)) {
        return Err(Failure::usage("--number: each value must be at least 1"));
    }
    if !warmup.is_finite() || warmup < 0.0 {
        return Err(Failure::usage(format!("--warmup-num {warmup}: must be 0, a count, or a share between 0 and 1")));
    }
    if let Some(number) = number
        && number.len() > 1
        && number.len() != parallel.len()
    {
        return Err(Failure::usage(format!(
            "--number has {} values and --parallel has {}",
            number.len(),
            parallel.len()
        ))
        .hint("give one --number for all points, or one for each --parallel"));
    }
    let mut points: Vec<Point> = Vec::with_capacity(parallel.len());
    for (index, &parallel) in parallel.iter().enumerate() {
        let number = match number {
            Some([one]) => *one,
            Some(many) => many[index],
            None => default(parallel),
        };
        let warmup = if warmup >= 1.0 {
            warmup as u64
        } else if warmup > 0.0 {
            ((warmup * number as f64) as u64).max(1)
        } else {
            0
        };
        let point = Point { parallel, number, warmup };
        if points.contains(&point) {
            return Err(Failure::usage(format!("--parallel {parallel} with --number {number} is listed twice"))
                .hint("each load point has a folder of its own; list it once"));
        }
        points.push(point);
    }
    Ok(points)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_serves_all_points() -> Result<()> {
        let points = grid(Some(&[50]), &[1, 8], 0.1, |_| 0)?;
        assert_eq!(points[1], Point { parallel: 8, number: 50, warmup: 5 });
        assert_eq!(points[0].folder(), "parallel_1_number_50");
        Ok(())
    }

    #[test]
    fn lists_pair_in_order_and_defaults_fill() -> Result<()> {
        assert_eq!(grid(Some(&[5, 6]), &[1, 2], 3.0, |_| 0)?[1], Point { parallel: 2, number: 6, warmup: 3 });
        assert_eq!(grid(None, &[32], 0.0, |p| (4 * p).max(20))?[0].number, 128);
        Ok(())
    }

    #[test]
    fn bad_grids_are_refused() {
        assert!(grid(Some(&[1, 2, 3]), &[1, 2], 0.0, |_| 0).is_err());
        assert!(grid(Some(&[1]), &[0], 0.0, |_| 0).is_err());
        assert!(grid(Some(&[0]), &[1], 0.0, |_| 0).is_err());
        assert!(grid(Some(&[4]), &[1, 1], 0.0, |_| 0).is_err());
        assert!(grid(Some(&[4]), &[1], -1.0, |_| 0).is_err());
    }
}
