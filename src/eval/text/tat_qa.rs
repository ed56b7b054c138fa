//! Answers to questions on tables and text: spans, or a number with its scale, as TAT-QA scores them.
//!
//! F. Zhu and others, TAT-QA: a question answering benchmark on a hybrid of tabular and textual content in finance, ACL
//! 2021.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::number::{python_float, python_repr, round_half_even};
use super::pattern::pattern;
use super::squad::{ExactAndF1, without_articles, without_punctuation};
use super::words::{squeezed, words};

/// Scales that an answer may have; an empty one is none.
const SCALES: [&str; 5] = ["", "thousand", "million", "billion", "percent"];

static ANSWER: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?im)^\s*\**\s*(?:final\s+)?answer\s*\**\s*:[ \t]*(.*)$"));
static SCALE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?im)^\s*\**\s*scale\s*\**\s*:[ \t]*(.*)$"));
static NUMBER: LazyLock<Regex> = LazyLock::new(|| pattern(r"([+-]?[0-9]+(?:\.[0-9]+)?)|[+-]?\.[0-9]+"));
static BRACKETS: LazyLock<Regex> = LazyLock::new(|| pattern(r"\([0-9.\s]+\)"));
static PERCENT: LazyLock<Regex> = LazyLock::new(|| pattern(r"[0-9.\s]+%"));
static SCALED: LazyLock<Regex> = LazyLock::new(|| pattern(r"[0-9.]+\s?[a-zA-Z]+"));

/// What is right.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gold {
    /// Spans, or one number.
    pub answer: Vec<String>,
    /// `span`, `multi-span`, `arithmetic` or `count`.
    pub kind: String,
    /// `thousand`, `million`, `billion`, `percent` or nothing.
    pub scale: String,
}

/// The spans and the scale of the last `Answer:` and `Scale:` lines; spans are divided by `|`.
pub fn taken(reply: &str) -> (Vec<String>, String) {
    let last = |lines: &Regex| {
        lines.captures_iter(reply).last().and_then(|found| found.get(1)).map(|line| bare(line.as_str()))
    };
    let Some(answer) = last(&ANSWER) else { return (Vec::new(), String::new()) };
    let spans = answer.split('|').map(bare).filter(|span| !span.is_empty()).collect();
    let scale = last(&SCALE).unwrap_or_default().trim_end_matches('.').to_lowercase();
    (spans, if SCALES.contains(&scale.as_str()) { scale } else { String::new() })
}

fn bare(text: &str) -> String {
    text.trim().trim_matches('*').trim().to_owned()
}

/// Exact match and F1. Numbers count only as a whole, a share may be given for percent.
pub fn score(gold: &Gold, spans: &[String], scale: &str) -> ExactAndF1 {
    let mut answers = gold.answer.clone();
    if gold.kind == "count" {
        answers.iter_mut().for_each(|answer| *answer = whole(answer));
    }
    let (Some(_), Some(first)) = (answers.first(), spans.first()) else { return ExactAndF1::default() };
    let right = form(&answers, &gold.scale);
    let mut given = vec![form(spans, scale)];
    if spans.len() == 1 && scale.is_empty() && !first.contains('%') && is_number(first) {
        given.extend(value(first).map(|number| format!("{:.4}", number.value)));
    }
    let figures = given.iter().map(|given| compared(given, &right));
    let mut best = figures.fold(ExactAndF1::default(), |best, next| {
        let better = (next.exact_match, next.f1) > (best.exact_match, best.f1);
        if better { next } else { best }
    });
    if ["arithmetic", "count"].contains(&gold.kind.as_str()) {
        best.f1 = best.exact_match;
    }
    best
}

/// A count without its fraction.
fn whole(count: &str) -> String {
    count.trim().parse::<f64>().map_or_else(|_| count.to_owned(), |count| format!("{:.0}", count.trunc()))
}

/// Factors of scales by words they may be in.
fn factor(scale: &str) -> f64 {
    let scale = scale.to_lowercase();
    let factors = [("hundred", 1e2), ("thousand", 1e3), ("million", 1e6), ("billion", 1e9), ("percent", 0.01)];
    factors.iter().find(|(name, _)| scale.contains(name)).map_or(1.0, |(_, factor)| *factor)
}

/// The text without what may stand in and around numbers.
fn clean(text: &str) -> String {
    text.chars().filter(|c| !"'\"\\$€£¥%(),[]".contains(*c)).collect()
}

fn is_number(text: &str) -> bool {
    let cleaned: Vec<String> = words(text).map(clean).collect();
    let joined = cleaned.join(" ");
    let mut parts = words(&joined);
    let number = parts.next().and_then(python_float).is_some_and(|number| !number.is_nan());
    number && parts.next().is_none_or(|scale| factor(scale) != 1.0)
}

/// A number, and whether it is written as a whole one.
#[derive(Clone, Copy)]
struct Number {
    value: f64,
    whole: bool,
}

impl Number {
    fn text(self) -> String {
        if self.whole { format!("{:.0}", self.value) } else { python_repr(self.value) }
    }
}

/// The number that a text states with its scale, its sign by brackets and its percent sign; rounded to four decimals.
fn value(text: &str) -> Option<Number> {
    let cleaned = clean(text);
    let digits = NUMBER.captures(&cleaned)?.get(1)?.as_str();
    let number: f64 = digits.parse().ok()?;
    let scale = SCALED.find(text).map_or(1.0, |scaled| factor(scaled.as_str()));
    let sign = if BRACKETS.is_match(text.trim()) { -1.0 } else { 1.0 };
    let share = if PERCENT.is_match(text.trim()) { 0.01 } else { 1.0 };
    let whole = !digits.contains('.') && scale >= 1.0 && share == 1.0;
    Some(Number { value: round_half_even(number * scale * sign * share, 4), whole })
}

/// Spans in order as one text, numbers with four decimals and multiplied by the scale.
fn form(spans: &[String], scale: &str) -> String {
    let mut spans = spans.to_vec();
    spans.sort();
    let one = |span: &String| match value(span).filter(|_| is_number(span)) {
        Some(number) if span.contains('%') => format!("{:.4}", number.value),
        Some(number) => format!("{:.4}", round_half_even(number.value, 2) * factor(scale)),
        None if scale.is_empty() => span.clone(),
        None => format!("{span} {scale}"),
    };
    spans.iter().map(one).collect::<Vec<_>>().join(" ")
}

/// Words between single blanks, lowered, without punctuation unless they are numbers, without articles.
fn normalized(text: &str) -> String {
    let word = |word: &str| {
        let lower = word.to_lowercase();
        let plain = if is_number(&lower) { lower } else { without_punctuation(&lower) };
        let number =
            if is_number(&plain) { value(&plain).map_or_else(|| "None".to_owned(), Number::text) } else { plain };
        squeezed(&without_articles(&number))
    };
    let parts: Vec<String> = text.split(' ').map(word).filter(|part| !part.is_empty()).collect();
    parts.join(" ")
}

fn compared(given: &str, right: &str) -> ExactAndF1 {
    let (given, right) = (normalized(given), normalized(right));
    let bag = |text: &str| words(text).map(str::to_owned).collect::<BTreeSet<_>>();
    let (given_bag, right_bag) = (bag(&given), bag(&right));
    let common = given_bag.intersection(&right_bag).count() as f64;
    let share = |bag: &BTreeSet<String>| if bag.is_empty() { 1.0 } else { common / bag.len() as f64 };
    let (precision, recall) = (share(&given_bag), share(&right_bag));
    let f1 = if precision + recall == 0.0 { 0.0 } else { 2.0 * precision * recall / (precision + recall) };
    ExactAndF1 { exact_match: f64::from(given == right), f1: round_half_even(f1, 2) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn figures(answer: &[&str], kind: &str, scale: &str, reply: &str) -> (f64, f64) {
        let gold = Gold {
            answer: answer.iter().map(|text| (*text).to_owned()).collect(),
            kind: kind.to_owned(),
            scale: scale.to_owned(),
        };
        let (spans, scale) = taken(reply);
        let found = score(&gold, &spans, &scale);
        (found.exact_match, found.f1)
    }

    #[test]
    fn lines_are_read_from_the_end() {
        let (spans, scale) = taken("Answer: 1\n**Answer:** tea | milk\nScale: Million.");
        assert_eq!((spans, scale.as_str()), (vec!["tea".to_owned(), "milk".to_owned()], "million"));
        assert_eq!(taken("nothing"), (vec![], String::new()));
        assert_eq!(taken("Answer:\nScale: dozens"), (vec![], String::new()));
    }

    #[test]
    fn numbers_have_scales() {
        assert_eq!(figures(&["12.5"], "arithmetic", "million", "Answer: 12.5\nScale: million"), (1.0, 1.0));
        assert_eq!(figures(&["12.5"], "arithmetic", "million", "Answer: 12,500\nScale: thousand"), (1.0, 1.0));
        assert_eq!(figures(&["12.5"], "arithmetic", "million", "Answer: 12.5"), (0.0, 0.0));
        assert_eq!(figures(&["23.42"], "arithmetic", "percent", "Answer: 0.2342"), (1.0, 1.0));
        assert_eq!(figures(&["23.42"], "arithmetic", "percent", "Answer: 23.42%"), (1.0, 1.0));
        assert_eq!(figures(&["-7"], "arithmetic", "", "Answer: (7)"), (1.0, 1.0));
        assert_eq!(figures(&["3"], "count", "", "Answer: 3"), (1.0, 1.0));
    }

    #[test]
    fn spans_come_in_any_order() {
        assert_eq!(figures(&["tea", "black milk"], "multi-span", "", "Answer: Black milk | Tea"), (1.0, 1.0));
        assert_eq!(figures(&["the large harbour"], "span", "", "Answer: harbour"), (0.0, 0.67));
        assert_eq!(figures(&["in 2019"], "span", "", "Answer: In 2019."), (1.0, 1.0));
    }

    proptest! {
        #[test]
        fn a_score_is_a_share(reply in "(Answer: |Scale: |[0-9.%(), ]|million|\\PC|\n){0,30}") {
            let (exact, f1) = figures(&["12.5"], "arithmetic", "percent", &reply);
            prop_assert!((0.0..=1.0).contains(&exact) && (0.0..=1.0).contains(&f1));
        }
    }
}
