//! Many tests at once: p values adjusted so that one limit holds for all of them.

/// What is adjusted and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Times the number of tests.
    Bonferroni,
    /// One step, for independent tests: 1 - (1 - p)^n.
    Sidak,
    /// Holm's steps down from the least.
    Holm,
    /// The same with Sidak's formula.
    HolmSidak,
    /// Hochberg's steps up from the greatest.
    Hochberg,
    /// Hommel's, the least of those by Simes' test.
    Hommel,
    /// Benjamini and Hochberg: the share of false discoveries.
    BenjaminiHochberg,
    /// Benjamini and Yekutieli: the same for dependent tests.
    BenjaminiYekutieli,
}

/// The adjusted p values, in the order given.
pub fn adjusted(p: &[f64], method: Method) -> Vec<f64> {
    let n = p.len() as f64;
    let sidak = |p: f64, n: f64| -(n * (-p).ln_1p()).exp_m1();
    match method {
        Method::Bonferroni => p.iter().map(|p| (p * n).min(1.0)).collect(),
        Method::Sidak => p.iter().map(|p| sidak(*p, n)).collect(),
        Method::Holm => stepped(p, false, |p, rank| p * (n - rank)),
        Method::HolmSidak => stepped(p, false, |p, rank| sidak(p, n - rank)),
        Method::Hochberg => stepped(p, true, |p, rank| p * (n - rank)),
        Method::BenjaminiHochberg => stepped(p, true, |p, rank| p * n / (rank + 1.0)),
        Method::BenjaminiYekutieli => {
            let sum: f64 = (1..=p.len()).map(|i| 1.0 / i as f64).sum();
            stepped(p, true, |p, rank| p * n * sum / (rank + 1.0))
        }
        Method::Hommel => hommel(p),
    }
}

/// The order of p values from the least.
fn order(p: &[f64]) -> Vec<(usize, f64)> {
    let mut order: Vec<(usize, f64)> = p.iter().copied().enumerate().collect();
    order.sort_by(|a, b| a.1.total_cmp(&b.1));
    order
}

/// A formula of p and its rank from 0, made monotone: from the least up by maxima, or from the greatest down by minima.
fn stepped(p: &[f64], from_greatest: bool, of: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    let mut steps: Vec<(usize, f64)> =
        order(p).into_iter().enumerate().map(|(rank, (index, p))| (index, of(p, rank as f64).min(1.0))).collect();
    if from_greatest {
        steps.reverse();
    }
    let mut found = vec![0.0; p.len()];
    let mut bound = if from_greatest { 1.0 } else { 0.0 };
    for (index, value) in steps {
        bound = if from_greatest { f64::min(bound, value) } else { f64::max(bound, value) };
        if let Some(place) = found.get_mut(index) {
            *place = bound;
        }
    }
    found
}

/// Hommel's values: for each number m of hypotheses the bound of Simes' test on the m greatest, of which the largest is
/// kept (Wright, 1992).
fn hommel(p: &[f64]) -> Vec<f64> {
    let order = order(p);
    let sorted: Vec<f64> = order.iter().map(|(_, p)| *p).collect();
    let n = sorted.len();
    let simes = |values: &[f64], m: f64, from: usize| {
        values.iter().enumerate().map(|(index, p)| m * p / (index + from) as f64).fold(f64::INFINITY, f64::min)
    };
    let mut best = vec![simes(&sorted, n as f64, 1); n];
    for m in (2..n).rev() {
        let (low, high) = sorted.split_at(n - m + 1);
        let bound = simes(high, m as f64, 2);
        let lowered: Vec<f64> = low.iter().map(|p| (m as f64 * p).min(bound)).collect();
        let last = lowered.last().copied().unwrap_or(bound);
        let all = lowered.into_iter().chain(std::iter::repeat(last));
        best.iter_mut().zip(all).for_each(|(best, value)| *best = best.max(value));
    }
    let mut found = vec![0.0; n];
    for ((index, p), value) in order.into_iter().zip(best) {
        if let Some(place) = found.get_mut(index) {
            *place = value.max(p).min(1.0);
        }
    }
    found
}
