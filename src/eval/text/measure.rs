//! Readings of instruments: a number or a time within an interval, and its unit.

use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;
use unicode_normalization::UnicodeNormalization;

use super::super::boxed::boxed;
use super::super::maths::{self, rule};
use super::pattern::pattern;

/// Where a reading must lie, ends included.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Interval {
    /// Numbers.
    Numbers([f64; 2]),
    /// Times of day as `H:MM:SS`, without seconds or minutes from the end.
    Times([String; 2]),
}

/// What is right about a reading.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reading {
    /// Number and unit, 0 or 1.
    pub accuracy: f64,
    /// The number lies in the interval.
    pub number: f64,
    /// A unit is named; none where the question has no unit.
    pub unit: Option<f64>,
    /// How far the number lies from the nearer end, relative to it; none without a number.
    pub error: Option<f64>,
}

static BOX: LazyLock<Regex> = LazyLock::new(|| pattern(r"\\(?:boxed|fbox)\s*\{"));
static COMMAND: LazyLock<Regex> = LazyLock::new(|| pattern(r"\\[a-z]+"));
static TIME: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?\b"));
/// A number with a unit at its end; the first group is the number.
static WITH_UNIT: LazyLock<Regex> = LazyLock::new(|| {
    let power = r"(?:\^(?:[+-]?[0-9]+|\{[+-]?[0-9]+\})|[²³])?";
    let symbol = format!(r"[A-Za-z°μµΩ%]+{power}");
    let named = r"\\(?:text|mathrm)\{[^{}]*\}";
    pattern(&format!(r"(?s)^(.*[0-9}}])(?:\s|\\[,;!])*({named}|{symbol}(?:[/·]{symbol})*)\s*[$]*\s*[.,]?\s*$"))
});

/// Units that a number may have behind each other, such as one in a box and one behind it.
const MOST_UNITS: usize = 8;

/// The answer in a reply: what stands behind the last "Answer" or "答案", of that the last box with the unit behind it
/// where there is one; with dashes, primes and dots in their plain form. A box that is not closed holds no answer.
pub fn measure_answer(reply: &str) -> String {
    let marker = ["Answer:", "Answer", "答案：", "答案:", "答案"].into_iter().find(|marker| reply.contains(marker));
    let after = marker.and_then(|marker| reply.rsplit(marker).next()).map_or(reply, str::trim);
    let text = match BOX.find_iter(after).last() {
        Some(last) => after.get(last.start()..).and_then(unboxed).unwrap_or_default(),
        None => after.to_owned(),
    };
    let plain = |c: char| match c {
        '′' => '\'',
        '\u{a0}' => ' ',
        '‐' | '−' | '–' => '-',
        '⋅' => '·',
        other => other,
    };
    text.chars().map(plain).collect()
}

/// The content of the box that a text begins with, and the rest of its line.
fn unboxed(text: &str) -> Option<String> {
    let text = format!("\\boxed{}", text.get(text.find('{')?..)?);
    let inside = boxed(&text)?;
    let behind = text.split_once(&format!("{inside}}}")).map_or("", |(_, behind)| behind);
    Some(format!("{inside}{}", behind.lines().next().unwrap_or_default()))
}

/// The best reading over several intervals, each with its units.
pub fn measure(answer: &str, intervals: &[(Interval, Vec<String>)]) -> Reading {
    let mut best: Option<Reading> = None;
    for (interval, units) in intervals {
        let reading = reading(answer, interval, units);
        if reading.accuracy == 1.0 {
            return reading;
        }
        if best.is_none_or(|best| better(reading, best)) {
            best = Some(reading);
        }
    }
    best.unwrap_or_default()
}

fn better(one: Reading, other: Reading) -> bool {
    let sum = |reading: Reading| reading.number + reading.unit.unwrap_or(1.0);
    let closer = matches!((one.error, other.error), (Some(a), Some(b)) if a < b);
    sum(one) > sum(other) || closer
}

fn reading(answer: &str, interval: &Interval, units: &[String]) -> Reading {
    let unit = (!units.is_empty()).then(|| f64::from(names_unit(answer, units)));
    let nothing = Reading { unit, ..Reading::default() };
    let found = match interval {
        Interval::Numbers([low, high]) => number(answer).map(|number| (number, *low, *high)),
        Interval::Times([low, high]) => first_time(answer).map(|time| (time, seconds(low), seconds(high))),
    };
    let Some((number, low, high)) = found else { return nothing };
    if number < low || number > high {
        let far = |end: f64| ((number - end) / (end + 1e-6)).abs();
        return Reading { error: Some(far(low).min(far(high))), ..nothing };
    }
    Reading { accuracy: unit.unwrap_or(1.0), number: 1.0, unit, error: Some(0.0) }
}

/// Whether a unit is named. Commands of LaTeX are no units, unless a unit is written with one.
fn names_unit(answer: &str, units: &[String]) -> bool {
    let form = |text: &str| text.to_lowercase().nfkc().collect::<String>().replace('µ', "μ");
    let units: Vec<String> = units.iter().map(|unit| form(unit)).collect();
    let lower = form(answer);
    let kept = COMMAND.replace_all(&lower, |found: &regex::Captures<'_>| {
        let command = found.get(0).map_or("", |command| command.as_str());
        if units.iter().any(|unit| unit.contains(command)) { command.to_owned() } else { String::new() }
    });
    units.iter().any(|unit| kept.contains(unit.as_str()))
}

/// The number that a reading states, without its unit: the last one, a formula as its value.
fn number(text: &str) -> Option<f64> {
    let mut text = text.to_owned();
    for _ in 0..MOST_UNITS {
        let Some(found) = WITH_UNIT.captures(&text) else { break };
        // What looks like the exponent of a number, and pi, are no units.
        if matches!(found.get(2).map(|unit| unit.as_str()), Some("pi" | "e" | "E")) {
            break;
        }
        let bare = found.get(1).map_or(String::new(), |number| number.as_str().to_owned());
        text = boxed(&bare).unwrap_or(bare);
    }
    let answer = maths::answer(&text)?;
    rule::value(&answer.text).filter(|number| number.is_finite())
}

fn first_time(text: &str) -> Option<f64> {
    let found = TIME.captures(text)?;
    let part = |index: usize| found.get(index).and_then(|part| part.as_str().parse::<f64>().ok()).unwrap_or(0.0);
    Some(part(1) * 3600.0 + part(2) * 60.0 + part(3))
}

fn seconds(time: &str) -> f64 {
    let parts = time.split(':').zip([3600.0, 60.0, 1.0]);
    parts.map(|(part, scale)| part.trim().parse::<f64>().unwrap_or(0.0) * scale).sum()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pressure() -> Vec<(Interval, Vec<String>)> {
        vec![(Interval::Numbers([1.0, 1.2]), vec!["bar".to_owned()])]
    }

    #[test]
    fn numbers_and_units() {
        let right = measure(&measure_answer("I read it.\nAnswer: 1.1 Bar"), &pressure());
        assert_eq!((right.accuracy, right.number, right.unit), (1.0, 1.0, Some(1.0)));
        let no_unit = measure("1.1", &pressure());
        assert_eq!((no_unit.accuracy, no_unit.number, no_unit.unit), (0.0, 1.0, Some(0.0)));
        let far = measure("2 bar", &pressure());
        assert_eq!((far.number, far.unit), (0.0, Some(1.0)));
        assert!(far.error.is_some_and(|error| (error - 0.8 / 1.200_001).abs() < 1e-9));
        assert_eq!(measure("bar", &pressure()).error, None);
        assert_eq!(measure("11/10 bar", &pressure()).accuracy, 1.0);
    }

    #[test]
    fn readings_are_numbers_without_units() {
        for (text, value) in [
            ("42.5 A", Some(42.5)),
            ("-3.2 °C", Some(-3.2)),
            ("about 12 m^2", Some(12.0)),
            ("5 m/s.", Some(5.0)),
            ("\\frac{1}{2} \\text{bar}", Some(0.5)),
            ("80%", Some(80.0)),
            ("no idea", None),
        ] {
            assert_eq!(number(text), value, "{text}");
        }
        assert_eq!(measure_answer("So \\boxed{42} mm\nas seen"), "42 mm");
        assert_eq!(measure_answer("so \\boxed{4} or \\boxed{42"), "");
    }

    #[test]
    fn times() {
        let intervals: Interval = serde_json::from_str(r#"["11:15:59", "11:16:30"]"#).unwrap();
        let intervals = [(intervals, Vec::new())];
        assert_eq!(measure("\\boxed{11:16}", &intervals).accuracy, 1.0);
        assert_eq!(measure("12:00", &intervals).accuracy, 0.0);
    }

    #[test]
    fn the_best_of_several() {
        let two = [pressure(), vec![(Interval::Numbers([100.0, 120.0]), vec!["kPa".to_owned()])]].concat();
        assert_eq!(measure("110 kpa", &two).accuracy, 1.0);
        assert_eq!(measure("x", &[]), Reading::default());
    }

    proptest! {
        #[test]
        fn any_reply_is_read(reply in "(\\PC|[0-9./:−-]|Answer){0,30}") {
            let _ = measure(&measure_answer(&reply), &pressure());
        }
    }
}
