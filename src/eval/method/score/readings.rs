//! Readings of instruments: a number or a time within an interval, with its unit.
//!
//! F. Lin and others, MeasureBench: do vision-language models measure up?, 2025, <https://arxiv.org/abs/2510.26865>.

use serde_json::Value;
use toml::Table;

use super::super::super::sample::{Sample, spelled};
use super::super::super::text::measure::{Interval, measure};
use super::super::case::{Case, Marks, Taken};
use super::super::params::none;
use super::{Made, Score};

pub(super) const NAMES: &[&str] = &["measure-bench"];

pub(super) fn scorer(name: &str, params: &Table) -> Made {
    none(name, params).map(|()| Box::new(MeasureBench) as Box<dyn Score>)
}

struct MeasureBench;

fn texts(value: &Value) -> Vec<String> {
    value.as_array().map(|list| list.iter().map(spelled).collect()).unwrap_or_default()
}

/// The intervals in which a reading may lie, each with its units; `None` where they cannot be read.
fn intervals(sample: &Sample) -> Option<Vec<(Interval, Vec<String>)>> {
    let rule: Value = match sample.meta.get("evaluator_kwargs")? {
        Value::String(text) => serde_json::from_str(text).ok()?,
        other => other.clone(),
    };
    let list = match sample.meta.get("evaluator").and_then(Value::as_str) {
        None | Some("interval_matching") => vec![rule["interval"].clone()],
        Some("multi_interval_matching") => rule["intervals"].as_array()?.clone(),
        Some(_) => return None,
    };
    let units = &rule["units"];
    let own = matches!(units.get(0), Some(Value::Array(_)));
    let unit = |place: usize| if own { texts(&units[place]) } else { texts(units) };
    let read = list
        .into_iter()
        .enumerate()
        .map(|(place, interval)| Some((serde_json::from_value(interval).ok()?, unit(place))));
    read.collect()
}

impl Score for MeasureBench {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let Some(intervals) = intervals(case.sample) else {
            return Marks::excluded("the interval of the reading cannot be read");
        };
        let reading = measure(&taken.text, &intervals);
        let mut marks = Marks::of([("accuracy", reading.accuracy), ("number_acc", reading.number)]);
        marks.values.extend(reading.unit.map(|unit| ("unit_acc".to_owned(), unit)));
        marks
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        let (interval, units) = intervals(sample)?.into_iter().next()?;
        let number = match interval {
            Interval::Numbers([low, _]) => low.to_string(),
            Interval::Times([low, _]) => low,
        };
        Some(format!("{number} {}", units.first().map_or("", String::as_str)).trim().to_owned())
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        Some("-987654 parsecs".to_owned())
    }
}
