//! Exact match and F1 of answers that are lists of spans, as DROP scores them.
//!
//! D. Dua and others, DROP: a reading comprehension benchmark requiring discrete reasoning over paragraphs, NAACL 2019.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::assign::best_assignment;
use super::number::{python_float, python_repr, round_half_even};
use super::pattern::pattern;
use super::squad::{ExactAndF1, without_articles, without_punctuation};
use super::words::squeezed;

static ANSWER: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)answer\s*:\s*(.+)"));

/// The line after the last `Answer:`, else the whole reply; blanks at its end stay.
pub fn drop_answer(reply: &str) -> String {
    let last = ANSWER.captures_iter(reply).last().and_then(|found| found.get(1));
    last.map_or(reply, |line| line.as_str()).to_owned()
}

/// The best figures over the right answers, each a list of spans.
pub fn drop_scores(answer: &str, golds: &[Vec<String>]) -> ExactAndF1 {
    let predicted = Spans::of(std::iter::once(answer));
    let mut best = ExactAndF1::default();
    for gold in golds.iter().filter(|gold| gold.iter().any(|span| !span.trim().is_empty())) {
        let gold = Spans::of(gold.iter().map(String::as_str));
        best.exact_match = best.exact_match.max(predicted.equals(&gold));
        best.f1 = best.f1.max(predicted.f1(&gold));
    }
    best
}

struct Spans {
    normalized: Vec<String>,
    bags: Vec<BTreeSet<String>>,
}

impl Spans {
    fn of<'a>(spans: impl Iterator<Item = &'a str>) -> Self {
        let normalized: Vec<String> = spans.map(normalized).collect();
        let bags = normalized.iter().map(|span| super::words::words(span).map(str::to_owned).collect()).collect();
        Self { normalized, bags }
    }

    fn equals(&self, gold: &Spans) -> f64 {
        let set = |spans: &Spans| spans.normalized.iter().cloned().collect::<BTreeSet<_>>();
        f64::from(set(self) == set(gold) && self.normalized.len() == gold.normalized.len())
    }

    /// The mean F1 of the best pairs of spans, over the longer list, rounded to two decimals.
    fn f1(&self, gold: &Spans) -> f64 {
        let row = |right: &BTreeSet<String>| self.bags.iter().map(|bag| bag_f1(bag, right)).collect();
        let scores: Vec<Vec<f64>> = gold.bags.iter().map(row).collect();
        let pairs = best_assignment(&scores).into_iter().zip(&scores);
        let sum: f64 = pairs.filter_map(|(column, row)| row.get(column?)).sum();
        let length = self.bags.len().max(gold.bags.len());
        if length == 0 { 0.0 } else { round_half_even(sum / length as f64, 2) }
    }
}

/// F1 of two sets of tokens; 0 where the right one has numbers and none of them is predicted.
fn bag_f1(predicted: &BTreeSet<String>, gold: &BTreeSet<String>) -> f64 {
    let mut numbers = gold.iter().filter(|token| python_float(token).is_some()).peekable();
    if numbers.peek().is_some() && !numbers.any(|number| predicted.contains(number)) {
        return 0.0;
    }
    let common = predicted.intersection(gold).count() as f64;
    let share = |set: &BTreeSet<String>| if set.is_empty() { 1.0 } else { common / set.len() as f64 };
    let (precision, recall) = (share(predicted), share(gold));
    if precision + recall == 0.0 { 0.0 } else { 2.0 * precision * recall / (precision + recall) }
}

/// DROP's form of a span: parts between blanks and hyphens, lowered, without punctuation unless they are numbers,
/// numbers as Python writes them, without articles.
fn normalized(span: &str) -> String {
    let part = |part: &str| {
        let lower = part.to_lowercase();
        let plain = if python_float(&lower).is_some() { lower } else { without_punctuation(&lower) };
        let plain = python_float(&plain).map_or(plain, python_repr);
        squeezed(&without_articles(&plain))
    };
    let parts: Vec<String> = span.split([' ', '-']).map(part).filter(|part| !part.is_empty()).collect();
    parts.join(" ").trim().to_owned()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::eval::agreement::{Agreement, cases};

    #[test]
    fn golden() {
        let mut extracted = Agreement::new("text_metrics", "drop.extracted");
        let mut scores = Agreement::new("text_metrics", "drop");
        for case in cases("text_metrics").iter().filter(|case| case["kind"] == "drop") {
            let (id, expected) = (case["id"].as_str().unwrap(), &case["expected"]);
            let answer = drop_answer(case["prediction"].as_str().unwrap());
            extracted.row(id, &answer.as_str(), &expected["extracted"].as_str().unwrap());
            let golds: Vec<Vec<String>> = serde_json::from_value(case["golds"].clone()).unwrap();
            let ours = drop_scores(&answer, &golds);
            let theirs = (expected["em"].as_f64().unwrap(), expected["f1"].as_f64().unwrap());
            scores.row(id, &(ours.exact_match, ours.f1), &theirs);
        }
        extracted.check(1.0);
        scores.check(1.0);
    }

    proptest! {
        #[test]
        fn figures_are_shares(reply in "(Answer:|\\PC|[0-9. -]){0,30}", gold in "[a-c0-9 -]{0,12}") {
            let ours = drop_scores(&drop_answer(&reply), &[vec![gold.clone()], vec![gold, reply]]);
            prop_assert!((0.0..=1.0).contains(&ours.f1));
        }
    }
}
