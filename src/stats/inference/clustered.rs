//! The error of a mean of values that come in groups, such as questions about one text.

use std::collections::HashMap;
use std::hash::Hash;

use super::mean::mean;

/// A mean with its errors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clustered {
    /// The mean of all values.
    pub mean: f64,
    /// Its standard error by the sums of residuals of clusters (CR0): sqrt(sum of their squares) / n.
    pub standard_error: f64,
    /// The same, corrected for few clusters: times sqrt(G / (G - 1)); `None` with one cluster.
    pub corrected: Option<f64>,
    /// Clusters.
    pub clusters: usize,
}

/// The mean of values, each with its cluster; `None` without values. See Miller (2024, <https://arxiv.org/abs/2411.00640>).
pub fn clustered<K: Eq + Hash>(values: &[f64], clusters: &[K]) -> Option<Clustered> {
    let middle = mean(values)?;
    let mut sums: HashMap<&K, f64> = HashMap::new();
    let mut order = Vec::new();
    for (value, cluster) in values.iter().zip(clusters) {
        *sums.entry(cluster).or_insert_with(|| {
            order.push(cluster);
            0.0
        }) += value - middle;
    }
    // In order of first sight, so that rounding does not depend on hashes.
    let squares: f64 = order.iter().filter_map(|cluster| sums.get(*cluster)).map(|sum| sum * sum).sum();
    let standard_error = squares.sqrt() / values.len() as f64;
    let groups = order.len() as f64;
    let corrected = (groups > 1.0).then(|| standard_error * (groups / (groups - 1.0)).sqrt());
    Some(Clustered { mean: middle, standard_error, corrected, clusters: order.len() })
}
