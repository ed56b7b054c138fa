//! Means of scores.

use super::Aggregate;

/// A score and what it weighs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weighted {
    /// The score.
    pub score: f64,
    /// A whole number, zero or more; `None` where none is known or it is none.
    pub weight: Option<u64>,
}

/// Sum over number; `None` without values.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The plain mean.
pub fn plain(metric: &str, values: &[f64]) -> Option<Aggregate> {
    Some(Aggregate::new(metric, "mean", mean(values)?, values.len() as u64))
}

/// The mean, brought between 0 and 1.
pub fn clipped(metric: &str, values: &[f64]) -> Option<Aggregate> {
    Some(Aggregate::new(metric, "clipped_mean", mean(values)?.clamp(0.0, 1.0), values.len() as u64))
}

/// The mean by weights. Where one is missing it is the plain mean, and says so; `None` where all weigh nothing.
pub fn weighted(metric: &str, rows: &[Weighted]) -> Option<Aggregate> {
    let Some(weights) = rows.iter().map(|row| row.weight).collect::<Option<Vec<u64>>>() else {
        return plain(metric, &rows.iter().map(|row| row.score).collect::<Vec<_>>());
    };
    let total = weights.iter().fold(0u64, |sum, weight| sum.saturating_add(*weight));
    let sum: f64 = rows.iter().zip(&weights).map(|(row, weight)| row.score * *weight as f64).sum();
    (total > 0).then(|| Aggregate::new(metric, "weighted_mean", sum / total as f64, total))
}
