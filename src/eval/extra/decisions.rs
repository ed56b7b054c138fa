//! Probabilities of options over all decisions: how honest they are, and how much can be gained by leaving out those that
//! are least sure. Decisions of different kinds, and scales of different length, are kept apart.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::super::aggregate::confusion::harmonic;
use super::super::aggregate::{Aggregate, means};
use super::super::figures::Scored;
use super::{mean, note};
use crate::stats::inference::ranks::ranks;

/// What is noted of a decision.
#[derive(Debug, Clone, Deserialize)]
pub struct Observation {
    /// `choice`, `noul` (yes or no) or `score`.
    pub kind: String,
    /// The options.
    pub labels: Vec<String>,
    /// Their probabilities, which add up to 1.
    pub probabilities: Vec<f64>,
    /// The right option, or a number.
    pub gold: Value,
    /// The option that was chosen.
    pub predicted: String,
    /// 1 where it is the right one.
    pub correct: f64,
    /// The expected level of a score.
    pub expected: Option<f64>,
    /// How sure the server says it is.
    pub confidence: Option<f64>,
    /// Whether the right answer is a number between levels.
    pub continuous: bool,
    /// The family of questions.
    pub family: String,
    /// Whether the options are the same for all questions.
    pub fixed_classes: bool,
}

impl Observation {
    /// The decision of a sample.
    pub fn of(sample: &Scored) -> Option<Self> {
        serde_json::from_value(note(sample, "decision")?.clone()).ok()
    }

    /// The probability of an option.
    pub fn probability(&self, label: &str) -> f64 {
        let place = self.labels.iter().position(|known| known == label);
        place.and_then(|place| self.probabilities.get(place)).copied().unwrap_or(0.0)
    }

    /// The probability of the likeliest option.
    pub fn top(&self) -> f64 {
        self.probabilities.iter().copied().fold(0.0, f64::max)
    }

    fn gold(&self) -> f64 {
        self.gold.as_f64().or_else(|| self.gold.as_str()?.trim().parse().ok()).unwrap_or(0.0)
    }

    fn is_yes(&self) -> bool {
        self.gold.as_str() == Some("yes")
    }
}

/// Bins of the calibration error.
const BINS: usize = 10;

/// Expected calibration error of forecasts and what came: over ten bins of equal width, which have their lower bound, the
/// distance between the sums of both.
pub fn ece(pairs: &[(f64, f64)]) -> Option<f64> {
    let mut bins = [0.0; BINS];
    for (forecast, outcome) in pairs {
        let place = ((forecast.clamp(0.0, 1.0) * BINS as f64) as usize).min(BINS - 1);
        if let Some(bin) = bins.get_mut(place) {
            *bin += forecast - outcome;
        }
    }
    let sum: f64 = bins.iter().map(|bin: &f64| bin.abs()).sum();
    (!pairs.is_empty()).then(|| sum / pairs.len() as f64)
}

/// Area under the curve of risk over coverage: of losses in the order of how sure each was, the surest first; those that are
/// equally sure enter together.
fn aurc(mut rows: Vec<(f64, f64)>) -> Option<f64> {
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let all = rows.len() as f64;
    let (mut area, mut sum, mut previous) = (0.0, 0.0, 0);
    for (place, (sure, loss)) in rows.iter().enumerate() {
        sum += loss;
        let end = place + 1;
        if rows.get(end).is_some_and(|next| next.0 == *sure) {
            continue;
        }
        area += (end - previous) as f64 / all * sum / end as f64;
        previous = end;
    }
    (!rows.is_empty()).then_some(area)
}

/// Area under the curve of true over false positives: the chance that a yes is given more than a no.
fn auroc(rows: &[(f64, bool)]) -> Option<f64> {
    let mut sorted = rows.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (yes, no) = (rows.iter().filter(|row| row.1).count(), rows.iter().filter(|row| !row.1).count());
    let (mut below, mut sum) = (0.0, 0.0);
    for same in sorted.chunk_by(|a, b| a.0 == b.0) {
        let (own_yes, own_no) =
            (same.iter().filter(|row| row.1).count() as f64, same.iter().filter(|row| !row.1).count() as f64);
        sum += own_yes * (below + own_no / 2.0);
        below += own_no;
    }
    (yes > 0 && no > 0).then(|| sum / (yes as f64 * no as f64))
}

/// Average precision: over the steps of recall, the precision there.
fn auprc(rows: &[(f64, bool)]) -> Option<f64> {
    let mut sorted = rows.to_vec();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let positives = rows.iter().filter(|row| row.1).count() as f64;
    let (mut right, mut seen, mut sum) = (0.0, 0.0, 0.0);
    for same in sorted.chunk_by(|a, b| a.0 == b.0) {
        let added = same.iter().filter(|row| row.1).count() as f64;
        right += added;
        seen += same.len() as f64;
        sum += added / positives * right / seen;
    }
    (positives > 0.0).then_some(sum)
}

/// Pearson's correlation; `None` where one side does not vary.
fn correlation(one: &[f64], other: &[f64]) -> Option<f64> {
    let (mean_one, mean_other) = (means::mean(one)?, means::mean(other)?);
    let (mut both, mut first, mut second) = (0.0, 0.0, 0.0);
    for (a, b) in one.iter().zip(other) {
        let (a, b) = (a - mean_one, b - mean_other);
        both += a * b;
        first += a * a;
        second += b * b;
    }
    Some(both / (first * second).sqrt()).filter(|value| value.is_finite())
}

/// A kind of decision, and of scores how many levels they have.
type Kind = (String, Option<u64>);

/// The figures of a subset.
pub fn figures(samples: &[&Scored]) -> Vec<Aggregate> {
    let noted: Vec<(&Scored, Observation)> =
        samples.iter().filter_map(|sample| Some((*sample, Observation::of(sample)?))).collect();
    let mut kinds: BTreeMap<Kind, Vec<&(&Scored, Observation)>> = BTreeMap::new();
    for entry in &noted {
        let levels = (entry.1.kind == "score").then_some(entry.1.labels.len() as u64);
        kinds.entry((entry.1.kind.clone(), levels)).or_default().push(entry);
    }
    let mut rows: Vec<Aggregate> = mean(samples, "accuracy").into_iter().collect();
    let several = kinds.len() > 1;
    for ((kind, levels), entries) in &kinds {
        let at = |figure: Aggregate| {
            let figure = figure.at("kind", kind.as_str());
            match levels {
                Some(levels) => figure.at("levels", *levels),
                None => figure,
            }
        };
        let own: Vec<&Scored> = entries.iter().map(|entry| entry.0).collect();
        let metrics: &[&str] =
            if several { &["accuracy", "mae", "nrps", "nll", "brier"] } else { &["mae", "nrps", "nll", "brier"] };
        // Losses of different kinds are never put together.
        let aggregation = if several { "decision" } else { "mean" };
        let losses = metrics.iter().filter_map(|metric| mean(&own, metric));
        rows.extend(losses.map(|figure| at(Aggregate { aggregation: aggregation.to_owned(), ..figure })));
        let decisions: Vec<&Observation> = entries.iter().map(|entry| &entry.1).collect();
        rows.extend(of_kind(kind, &decisions).into_iter().map(at));
    }
    rows.extend(families(&noted).map(|(score, num)| Aggregate::new("family_macro", "decision", score, num)));
    rows
}

/// JevBench's figures, in which a decision that is missing is wrong, beside the plain ones; its mean over families takes the
/// place of theirs.
pub fn official(samples: &[&Scored]) -> Vec<Aggregate> {
    let mut rows = figures(samples);
    rows.retain(|figure| figure.metric != "family_macro");
    rows.extend(public(samples));
    rows
}

/// The figures of decisions of one kind.
fn of_kind(kind: &str, decisions: &[&Observation]) -> Vec<Aggregate> {
    let num = decisions.len() as u64;
    let figure = |name: &str, score: f64| Aggregate::new(name, "decision", score, num);
    let mut rows = Vec::new();
    if !decisions.iter().any(|decision| decision.continuous) {
        let pair = |decision: &&Observation| match kind {
            "noul" => (decision.probability("yes"), f64::from(decision.is_yes())),
            _ => (decision.top(), decision.correct),
        };
        let mode = if kind == "noul" { "binary" } else { "top_label" };
        let pairs: Vec<(f64, f64)> = decisions.iter().map(pair).collect();
        rows.extend(ece(&pairs).map(|score| figure("ece", score).at("bins", BINS as u64).at("mode", mode)));
        rows.extend(macro_f1(decisions).map(|score| figure("macro_f1", score)));
    }
    let loss = |decision: &Observation| match (kind, decision.expected) {
        ("score", Some(expected)) => (expected - decision.gold()).abs() / (decision.labels.len().max(2) - 1) as f64,
        _ => 1.0 - decision.correct,
    };
    let risk = if kind == "score" { "normalized_mae" } else { "classification_error" };
    let by_top: Vec<(f64, f64)> = decisions.iter().map(|decision| (decision.top(), loss(decision))).collect();
    let by_word: Vec<(f64, f64)> =
        decisions.iter().filter_map(|decision| Some((decision.confidence?, loss(decision)))).collect();
    for (basis, pairs) in [("top_probability", by_top), ("provider_confidence", by_word)] {
        let num = pairs.len() as u64;
        let named = |score| Aggregate::new("aurc", "decision", score, num).at("confidence", basis).at("risk", risk);
        rows.extend(aurc(pairs).map(named));
    }
    if kind == "noul" {
        rows.extend(yes_or_no(decisions).into_iter().map(|(name, score)| figure(name, score)));
    }
    if kind == "score" {
        let golds: Vec<f64> = decisions.iter().map(|decision| decision.gold()).collect();
        let expected: Vec<f64> = decisions.iter().map(|decision| decision.expected.unwrap_or(0.0)).collect();
        let by_rank = correlation(&ranks(&golds).0, &ranks(&expected).0);
        rows.extend(by_rank.map(|score| figure("spearman", score)));
        rows.extend(correlation(&golds, &expected).map(|score| figure("pearson", score)));
    }
    rows
}

fn yes_or_no(decisions: &[&Observation]) -> Vec<(&'static str, f64)> {
    let count = |is: &dyn Fn(&Observation) -> bool| decisions.iter().filter(|decision| is(decision)).count() as f64;
    let right = count(&|decision| decision.is_yes() && decision.predicted == "yes");
    let given = count(&|decision| decision.predicted == "yes");
    let there = count(&|decision| decision.is_yes());
    let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
    let (precision, recall) = (share(right, given), share(right, there));
    let rows: Vec<(f64, bool)> =
        decisions.iter().map(|decision| (decision.probability("yes"), decision.is_yes())).collect();
    let plain = [("precision", precision), ("recall", recall), ("f1", harmonic(precision, recall))];
    let curves = [("auroc", auroc(&rows)), ("auprc", auprc(&rows))];
    plain.into_iter().chain(curves.into_iter().filter_map(|(name, score)| Some((name, score?)))).collect()
}

/// The mean F1 of the options, where all questions have the same fixed ones.
fn macro_f1(decisions: &[&Observation]) -> Option<f64> {
    let sorted = |decision: &Observation| {
        let mut labels = decision.labels.clone();
        labels.sort_unstable();
        labels
    };
    let first = decisions.first()?;
    let same = decisions.iter().all(|decision| decision.fixed_classes && sorted(decision) == sorted(first));
    let f1 = |label: &String| {
        let is = |decision: &&&Observation| decision.gold.as_str() == Some(label);
        let (mut right, mut off) = (0.0, 0.0);
        for decision in decisions {
            match (is(&decision), decision.predicted == *label) {
                (true, true) => right += 1.0,
                (true, false) | (false, true) => off += 1.0,
                (false, false) => {}
            }
        }
        if right + off > 0.0 { 2.0 * right / (2.0 * right + off) } else { 0.0 }
    };
    let scores: Vec<f64> = first.labels.iter().map(f1).collect();
    means::mean(&scores).filter(|_| same)
}

/// The mean over families of the share of right decisions.
fn families(noted: &[(&Scored, Observation)]) -> Option<(f64, u64)> {
    let mut families: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (_, decision) in noted.iter().filter(|(_, decision)| !decision.family.is_empty() && !decision.continuous) {
        families.entry(&decision.family).or_default().push(decision.correct);
    }
    macro_mean(&families)
}

fn macro_mean(families: &BTreeMap<&str, Vec<f64>>) -> Option<(f64, u64)> {
    let scores: Vec<f64> = families.values().filter_map(|values| means::mean(values)).collect();
    Some((means::mean(&scores)?, families.values().map(Vec::len).sum::<usize>() as u64))
}

/// Accuracy over all samples, and its mean over families.
fn public(samples: &[&Scored]) -> Vec<Aggregate> {
    let correct = |sample: &Scored| Observation::of(sample).map_or(0.0, |decision| decision.correct);
    let outcomes: Vec<f64> = samples.iter().map(|sample| correct(sample)).collect();
    let mut families: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for sample in samples {
        if let Some(family) = sample.meta.get("family").and_then(Value::as_str).filter(|family| !family.is_empty()) {
            families.entry(family).or_default().push(correct(sample));
        }
    }
    let num = samples.len() as u64;
    let figure = |name: &str, score: f64| Aggregate::new(name, "official", score, num);
    let whole = means::mean(&outcomes).map(|score| figure("public_accuracy", score));
    let of_families = macro_mean(&families).map(|(score, _)| figure("family_macro", score));
    whole.into_iter().chain(of_families).collect()
}
