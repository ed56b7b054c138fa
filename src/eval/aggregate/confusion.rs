//! Verdicts from a few labels against the truth: accuracy, precision, recall, F1 and how often a label is given.

use super::{Aggregate, IDENTITY};

/// A truth and the label that was given; `None` where the reply held no clear one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict<'a> {
    /// The right label.
    pub truth: &'a str,
    /// The given label.
    pub given: Option<&'a str>,
}

/// Counts of one label against all others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Given and right.
    pub true_positives: u64,
    /// Given but wrong.
    pub false_positives: u64,
    /// Right but not given.
    pub false_negatives: u64,
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

impl Counts {
    /// Counts a label. A verdict without a label misses its truth and gives nothing.
    pub fn of(label: &str, verdicts: &[Verdict<'_>]) -> Self {
        let mut counts = Counts::default();
        for verdict in verdicts {
            match (verdict.truth == label, verdict.given == Some(label)) {
                (true, true) => counts.true_positives += 1,
                (false, true) => counts.false_positives += 1,
                (true, false) => counts.false_negatives += 1,
                (false, false) => {}
            }
        }
        counts
    }

    /// Share of right ones among those given; 0 where none was given.
    pub fn precision(self) -> f64 {
        ratio(self.true_positives, self.true_positives + self.false_positives)
    }

    /// Share of those found among the right ones; 0 where there are none.
    pub fn recall(self) -> f64 {
        ratio(self.true_positives, self.true_positives + self.false_negatives)
    }

    /// The harmonic mean of precision and recall; 0 where both are.
    pub fn f1(self) -> f64 {
        harmonic(self.precision(), self.recall())
    }
}

/// 2ab / (a + b); 0 where both are.
pub fn harmonic(a: f64, b: f64) -> f64 {
    if a + b > 0.0 { 2.0 * a * b / (a + b) } else { 0.0 }
}

/// Share of verdicts that are right; 0 without any.
pub fn accuracy(verdicts: &[Verdict<'_>]) -> f64 {
    ratio(verdicts.iter().filter(|verdict| verdict.given == Some(verdict.truth)).count() as u64, verdicts.len() as u64)
}

/// Share of verdicts that gave a label; 0 without any.
pub fn share(label: &str, verdicts: &[Verdict<'_>]) -> f64 {
    ratio(verdicts.iter().filter(|verdict| verdict.given == Some(label)).count() as u64, verdicts.len() as u64)
}

/// The figures of two labels, one of which is the one looked for: accuracy, precision, recall, F1 and the share of that
/// label (`yes_ratio`). Nothing without verdicts.
pub fn binary(positive: &str, verdicts: &[Verdict<'_>]) -> Vec<Aggregate> {
    let counts = Counts::of(positive, verdicts);
    let ratio = format!("{}_ratio", positive.to_lowercase());
    figures(
        verdicts,
        &[
            ("accuracy", accuracy(verdicts)),
            ("precision", counts.precision()),
            ("recall", counts.recall()),
            ("f1", counts.f1()),
            (&ratio, share(positive, verdicts)),
        ],
    )
}

/// The figures of several labels: accuracy, precision, recall and F1 as means over the labels, and the shares of those
/// whose share is asked for (`yes_ratio`, `maybe_ratio`).
pub fn several(labels: &[&str], shares: &[&str], verdicts: &[Verdict<'_>]) -> Vec<Aggregate> {
    let counts: Vec<Counts> = labels.iter().map(|label| Counts::of(label, verdicts)).collect();
    let mean =
        |of: fn(Counts) -> f64| counts.iter().map(|counts| of(*counts)).sum::<f64>() / counts.len().max(1) as f64;
    let mut all = figures(
        verdicts,
        &[
            ("accuracy", accuracy(verdicts)),
            ("precision", mean(Counts::precision)),
            ("recall", mean(Counts::recall)),
            ("f1", mean(Counts::f1)),
        ],
    );
    for label in shares {
        let name = format!("{}_ratio", label.to_lowercase());
        all.extend(figures(verdicts, &[(&name, share(label, verdicts))]));
    }
    all
}

fn figures(verdicts: &[Verdict<'_>], figures: &[(&str, f64)]) -> Vec<Aggregate> {
    if verdicts.is_empty() {
        return Vec::new();
    }
    let num = verdicts.len() as u64;
    figures.iter().map(|(metric, score)| Aggregate::new(metric, IDENTITY, *score, num)).collect()
}
