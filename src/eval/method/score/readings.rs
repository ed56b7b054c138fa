//! Readings of instruments: a number or a time within an interval, with its unit.
//!
//! F. Lin and others, MeasureBench: do vision-language models measure up?, 2025, <https://arxiv.org/abs/2510.26865>.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;
use toml::Table;
use unicode_normalization::UnicodeNormalization;

use super::super::super::maths::{self, rule};
use super::super::super::sample::{Sample, spelled};
use super::super::super::text::pattern::pattern;
use super::super::case::{Case, Marks, Taken};
use super::super::params::none;
use super::{Made, Score};

pub(super) const NAMES: &[&str] = &["measure-bench"];

pub(super) fn scorer(name: &str, params: &Table) -> Made {
    none(name, params).map(|()| Box::new(MeasureBench) as Box<dyn Score>)
}

static TIME: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?\b"));
static COMMAND: LazyLock<Regex> = LazyLock::new(|| pattern(r"\\[a-z]+"));
/// A number with a unit at its end; the first group is the number.
static WITH_UNIT: LazyLock<Regex> = LazyLock::new(|| {
    let power = r"(?:\^(?:[+-]?[0-9]+|\{[+-]?[0-9]+\})|[²³])?";
    let symbol = format!(r"[A-Za-z°μµΩ%]+{power}");
    pattern(&format!(
        r"(?s)^(.*[0-9}}])(?:\s|\\[,;!])*(\\(?:text|mathrm)\{{[^{{}}]*\}}|{symbol}(?:[/·]{symbol})*)\s*[$]*\s*[.,]?\s*$"
    ))
});

/// The number that a reading states, without its unit.
fn reading(text: &str) -> Option<f64> {
    let mut text = text.to_owned();
    // A unit may stand in a box and another behind it; each turn makes the text shorter.
    while let Some(found) = WITH_UNIT.captures(&text) {
        let unit = found.get(2).map_or("", |unit| unit.as_str());
        // What looks like the exponent of a number, and pi, are no units.
        if unit == "pi" || unit == "e" || unit == "E" {
            break;
        }
        text = found.get(1).map_or(String::new(), |number| number.as_str().to_owned());
        if let Some(inside) = super::super::super::boxed::boxed(&text) {
            text = inside;
        }
    }
    let answer = maths::answer(&text)?;
    rule::value(&answer.text).filter(|number| number.is_finite())
}

/// Seconds of hours, minutes and seconds; the parts that are missing count nothing.
fn seconds<'a>(parts: impl Iterator<Item = &'a str>) -> Option<f64> {
    let mut sum = 0.0;
    for (place, part) in parts.enumerate() {
        let scale = [3600.0, 60.0, 1.0].get(place)?;
        if !part.is_empty() {
            sum += scale * part.trim().parse::<u32>().map(f64::from).ok()?;
        }
    }
    Some(sum)
}

/// What a reading gets of one interval.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Judged {
    number: bool,
    /// `None` where there is no unit to be named.
    unit: Option<bool>,
    /// How far off the number is, as a share of the closer end.
    off: Option<f64>,
}

impl Judged {
    const NOTHING: Judged = Judged { number: false, unit: Some(false), off: None };

    fn is_right(self) -> bool {
        self.number && self.unit != Some(false)
    }

    fn points(self) -> u8 {
        u8::from(self.number) + u8::from(self.unit != Some(false))
    }

    fn is_better(self, other: Judged) -> bool {
        let closer = self.off.zip(other.off).is_some_and(|(off, other)| off < other);
        self.points() > other.points() || closer
    }
}

fn folded(text: &str) -> String {
    text.to_lowercase().nfkc().collect::<String>().replace('µ', "μ")
}

/// Whether a unit is named. Commands of LaTeX are no units, unless a unit is written with one.
fn names_unit(answer: &str, units: &[String]) -> Option<bool> {
    if units.is_empty() {
        return None;
    }
    let units: Vec<String> = units.iter().map(|unit| folded(unit)).collect();
    let folded = folded(answer);
    let kept = COMMAND.replace_all(&folded, |found: &regex::Captures<'_>| {
        let command = found.get(0).map_or("", |command| command.as_str());
        if units.iter().any(|unit| unit.contains(command)) { command.to_owned() } else { String::new() }
    });
    Some(units.iter().any(|unit| kept.contains(unit.as_str())))
}

/// Judges a reading by an interval of numbers or of times; `None` where the interval cannot be read.
fn judge(answer: &str, interval: &Value, units: &[String]) -> Option<Judged> {
    let (low, high) = (interval.get(0)?, interval.get(1)?);
    let unit = names_unit(answer, units);
    let (found, low, high) = match low {
        Value::String(low) => {
            let read = |found: regex::Captures<'_>| seconds((1..4).map(|at| found.get(at).map_or("", |part| part.as_str())).collect::<Vec<_>>().into_iter());
            (TIME.captures(answer).and_then(read), seconds(low.split(':'))?, seconds(high.as_str()?.split(':'))?)
        }
        _ => (reading(answer), low.as_f64()?, high.as_f64()?),
    };
    let Some(number) = found else { return Some(Judged { unit, ..Judged::default() }) };
    if number < low || number > high {
        let share = |end: f64| ((number - end) / (end + 1e-6)).abs();
        return Some(Judged { unit, off: Some(share(low).min(share(high))), ..Judged::default() });
    }
    Some(Judged { number: true, unit, off: Some(0.0) })
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().map(|list| list.iter().map(spelled).collect()).unwrap_or_default()
}

/// The best of several intervals; each may have units of its own.
fn best(answer: &str, intervals: &[Value], units: &Value) -> Option<Judged> {
    let mut best: Option<Judged> = None;
    for (place, interval) in intervals.iter().enumerate() {
        let own = match units.get(0) {
            Some(Value::Array(_)) => texts(units.get(place)?),
            _ => texts(units),
        };
        let result = judge(answer, interval, &own)?;
        if result.is_right() {
            return Some(result);
        }
        if best.is_none_or(|best| result.is_better(best)) {
            best = Some(result);
        }
    }
    best
}

/// A number within its interval, and its unit.
struct MeasureBench;

impl MeasureBench {
    fn rule(sample: &Sample) -> Option<Value> {
        match sample.meta.get("evaluator_kwargs")? {
            Value::String(text) => serde_json::from_str(text).ok(),
            other => Some(other.clone()),
        }
    }

    fn intervals(rule: &Value, sample: &Sample) -> Vec<Value> {
        match sample.meta.get("evaluator").and_then(Value::as_str).unwrap_or("interval_matching") {
            "interval_matching" => vec![rule["interval"].clone()],
            "multi_interval_matching" => rule["intervals"].as_array().cloned().unwrap_or_default(),
            _ => Vec::new(),
        }
    }
}

impl Score for MeasureBench {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let Some(rule) = Self::rule(case.sample) else {
            return Marks::excluded("evaluator_kwargs cannot be read");
        };
        let intervals = Self::intervals(&rule, case.sample);
        let result = best(&taken.text, &intervals, &rule["units"]).unwrap_or(Judged::NOTHING);
        let mut marks = Marks::of([("accuracy", f64::from(result.is_right())), ("number_acc", f64::from(result.number))]);
        if let Some(unit) = result.unit {
            marks.values.push(("unit_acc".to_owned(), f64::from(unit)));
        }
        marks
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        let rule = Self::rule(sample)?;
        let interval = Self::intervals(&rule, sample).into_iter().next()?;
        let units = match rule["units"].get(0) {
            Some(Value::Array(_)) => texts(&rule["units"][0]),
            _ => texts(&rule["units"]),
        };
        Some(format!("{} {}", spelled(interval.get(0)?), units.first().map_or("", String::as_str)).trim().to_owned())
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        Some("-987654 parsecs".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn readings_are_numbers_without_units() {
        for (text, number) in [
            ("42.5 A", Some(42.5)),
            ("-3.2 °C", Some(-3.2)),
            ("about 12 m^2", Some(12.0)),
            ("5 m/s.", Some(5.0)),
            ("\\frac{1}{2} \\text{bar}", Some(0.5)),
            ("80%", Some(80.0)),
            ("no idea", None),
        ] {
            assert_eq!(reading(text), number, "{text}");
        }
    }

    #[test]
    fn intervals_units_and_times() {
        let units = vec!["A".to_owned(), "ampere".to_owned()];
        let judge = |text: &str, interval: Value, units: &[String]| judge(text, &interval, units).map(|r| (r.number, r.unit));
        assert_eq!(judge("42.5 A", json!([42, 43]), &units), Some((true, Some(true))));
        assert_eq!(judge("42.5", json!([42, 43]), &units), Some((true, Some(false))));
        assert_eq!(judge("41 A", json!([42, 43]), &units), Some((false, Some(true))));
        assert_eq!(judge("It is 11:16:02", json!(["11:15:59", "11:16:05"]), &[]), Some((true, None)));
        assert_eq!(judge("42", json!("wrong"), &[]), None);
        let two = [json!(["11:15:00", "11:16:00"]), json!(["23:15:00", "23:16:00"])];
        assert!(best("23:15", &two, &json!([])).is_some_and(Judged::is_right));
    }

    proptest! {
        #[test]
        fn any_answer_is_judged(text in "([0-9.:a-zA-Z°/^{}\\\\$ ]|\\PC){0,60}") {
            let _ = judge(&text, &json!([1, 2]), &["A".to_owned()]);
            let _ = judge(&text, &json!(["1:00:00", "2:00:00"]), &[]);
        }
    }
}
