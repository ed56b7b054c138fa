//! Tests that look at the order of values only.

use super::Test;
use super::distribution::normal_sf;

/// Ranks from 1, equals sharing the mean of theirs, and the sum of t^3 - t over groups of t equals.
pub fn ranks(values: &[f64]) -> (Vec<f64>, f64) {
    let mut order: Vec<usize> = (0..values.len()).collect();
    let value = |index: &usize| values.get(*index).copied().unwrap_or(f64::NAN);
    order.sort_by(|a, b| value(a).total_cmp(&value(b)));
    let mut ranks = vec![0.0; values.len()];
    let mut ties = 0.0;
    let mut before = 0;
    for equals in order.chunk_by(|a, b| value(a) == value(b)) {
        let count = equals.len() as f64;
        ties += count.powi(3) - count;
        for index in equals {
            if let Some(rank) = ranks.get_mut(*index) {
                *rank = before as f64 + 0.5 * (count + 1.0);
            }
        }
        before += equals.len();
    }
    (ranks, ties)
}

/// Ranks of the sizes of differences that are not zero, with the sums of the positive and the negative.
fn signed(differences: &[f64]) -> (Vec<f64>, f64, f64, f64) {
    let kept: Vec<f64> = differences.iter().copied().filter(|difference| *difference != 0.0).collect();
    let (ranks, ties) = ranks(&kept.iter().map(|difference| difference.abs()).collect::<Vec<_>>());
    let sum =
        |positive: bool| kept.iter().zip(&ranks).filter(|(d, _)| (**d > 0.0) == positive).map(|(_, rank)| rank).sum();
    let (up, down) = (sum(true), sum(false));
    (ranks, ties, up, down)
}

/// Wilcoxon's signed-rank test by the normal distribution: zeros dropped, the variance corrected for ties, no correction
/// for continuity. The statistic is the lesser of the two sums. `None` where no difference is left.
pub fn wilcoxon(differences: &[f64]) -> Option<Test> {
    let (ranks, ties, up, down) = signed(differences);
    let n = ranks.len() as f64;
    let statistic = f64::min(up, down);
    let variance = (n * (n + 1.0) * (2.0 * n + 1.0) - 0.5 * ties) / 24.0;
    let z = (statistic - 0.25 * n * (n + 1.0)) / variance.sqrt();
    (n > 0.0).then(|| Test { statistic, p: (2.0 * normal_sf(z.abs())).min(1.0) })
}

/// The same test by all signs. `None` with ties or zeros, where ranks are no whole numbers, and beyond 500 differences.
pub fn wilcoxon_exact(differences: &[f64]) -> Option<Test> {
    let (ranks, ties, up, down) = signed(differences);
    let n = ranks.len();
    if n == 0 || n > 500 || n < differences.len() || ties > 0.0 {
        return None;
    }
    let statistic = f64::min(up, down);
    // The chance of each sum of a random half of 1..=n.
    let mut chances = vec![0.0; n * (n + 1) / 2 + 1];
    chances.first_mut().into_iter().for_each(|none| *none = 1.0);
    for rank in 1..=n {
        for sum in (0..chances.len()).rev() {
            let with = sum.checked_sub(rank).and_then(|rest| chances.get(rest)).copied().unwrap_or(0.0);
            chances.get_mut(sum).into_iter().for_each(|chance| *chance = 0.5 * (*chance + with));
        }
    }
    let tail: f64 = chances.iter().take(statistic as usize + 1).sum();
    Some(Test { statistic, p: (2.0 * tail).min(1.0) })
}

/// Pairs of values of two samples in which the first is greater, half of the equal ones added.
fn wins(first: &[f64], second: &[f64]) -> (f64, f64) {
    let all: Vec<f64> = first.iter().chain(second).copied().collect();
    let (ranks, ties) = ranks(&all);
    let n = first.len() as f64;
    (ranks.iter().take(first.len()).sum::<f64>() - 0.5 * n * (n + 1.0), ties)
}

/// Mann and Whitney's test by the normal distribution, corrected for ties and continuity. The statistic is U of the first
/// sample. `None` where a sample is empty or all values are the same.
pub fn mann_whitney(first: &[f64], second: &[f64]) -> Option<Test> {
    let (u, ties) = wins(first, second);
    let (n, m) = (first.len() as f64, second.len() as f64);
    let all = n + m;
    let variance = n * m / 12.0 * (all + 1.0 - ties / (all * (all - 1.0)));
    let z = (u.max(n * m - u) - 0.5 * n * m - 0.5) / variance.sqrt();
    (n * m > 0.0 && variance > 0.0).then(|| Test { statistic: u, p: (2.0 * normal_sf(z)).min(1.0) })
}

/// The same test by all orders. `None` with ties, and beyond a thousand pairs of values.
pub fn mann_whitney_exact(first: &[f64], second: &[f64]) -> Option<Test> {
    let (u, ties) = wins(first, second);
    let (n, m) = (first.len(), second.len());
    if n == 0 || m == 0 || n * m > 1000 || ties > 0.0 {
        return None;
    }
    // Ways to reach each U with i values of the first among those of the second: a value adds those below it.
    let mut ways = vec![vec![0.0; n * m + 1]; n + 1];
    ways.first_mut().and_then(|none| none.first_mut()).into_iter().for_each(|way| *way = 1.0);
    for below in 0..=m {
        for i in 1..=n {
            for sum in below..=n * m {
                let less = ways.get(i - 1).and_then(|row| row.get(sum - below)).copied().unwrap_or(0.0);
                ways.get_mut(i).and_then(|row| row.get_mut(sum)).into_iter().for_each(|way| *way += less);
            }
        }
    }
    let ways = ways.pop()?;
    let total: f64 = ways.iter().sum();
    let least = f64::min(u, (n * m) as f64 - u) as usize;
    let tail = ways.iter().take(least + 1).sum::<f64>() / total;
    Some(Test { statistic: u, p: (2.0 * tail).min(1.0) })
}

/// Cliff's delta: pairs in which the first is greater less those in which it is less, over all pairs.
pub fn cliffs_delta(first: &[f64], second: &[f64]) -> Option<f64> {
    let pairs = (first.len() * second.len()) as f64;
    (pairs > 0.0).then(|| 2.0 * wins(first, second).0 / pairs - 1.0)
}
