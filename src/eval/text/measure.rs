//! Readings of instruments: a number or a time within an interval, and its unit.

use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;
use unicode_normalization::UnicodeNormalization;

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

static BOXED: LazyLock<Regex> = LazyLock::new(|| pattern(r"\\boxed\{([^}]+)\}"));
static TIME: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?\b"));
static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?<top>[+\-−]?[0-9]+)\s*/\s*(?<bottom>[+\-−]?[0-9]+)|(?<plain>[+\-−]?(?:[0-9]*\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+))",
    )
});

/// The answer in a reply: after the last "Answer" or "答案", else in the first box, else the whole reply; with dashes,
/// primes and dots in their plain form.
pub fn measure_answer(reply: &str) -> String {
    let marker = ["Answer:", "Answer", "答案：", "答案:", "答案"].into_iter().find(|marker| reply.contains(marker));
    let after = marker.and_then(|marker| reply.rsplit(marker).next());
    let boxed = || BOXED.captures(reply).and_then(|found| found.get(1)).map(|inside| inside.as_str());
    let plain = |c: char| match c {
        '′' => '\'',
        '\u{a0}' => ' ',
        '‐' | '−' | '–' => '-',
        '⋅' => '·',
        other => other,
    };
    after.or_else(boxed).map_or(reply, str::trim).chars().map(plain).collect()
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
    let form = |text: &str| text.to_lowercase().nfkc().collect::<String>().replace('µ', "μ");
    let lower = form(answer);
    let named = units.iter().any(|unit| lower.contains(&form(unit)));
    let unit = (!units.is_empty()).then(|| f64::from(named));
    let nothing = Reading { unit, ..Reading::default() };
    let found = match interval {
        Interval::Numbers([low, high]) => last_number(answer).map(|number| (number, *low, *high)),
        Interval::Times([low, high]) => first_time(answer).map(|time| (time, seconds(low), seconds(high))),
    };
    let Some((number, low, high)) = found else { return nothing };
    if number < low || number > high {
        let far = |end: f64| ((number - end) / (end + 1e-6)).abs();
        return Reading { error: Some(far(low).min(far(high))), ..nothing };
    }
    Reading { accuracy: unit.unwrap_or(1.0), number: 1.0, unit, error: Some(0.0) }
}

/// The last number of a text, a fraction of whole numbers as its value.
fn last_number(text: &str) -> Option<f64> {
    let value = |text: &str| text.replace('−', "-").parse::<f64>().ok();
    let numbers = NUMBER.captures_iter(text).filter_map(|found| match (found.name("top"), found.name("bottom")) {
        (Some(top), Some(bottom)) => {
            let bottom = value(bottom.as_str()).filter(|bottom| *bottom != 0.0)?;
            Some(value(top.as_str())? / bottom)
        }
        _ => value(found.name("plain")?.as_str()),
    });
    numbers.last().filter(|number| number.is_finite())
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
