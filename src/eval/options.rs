//! The options of a question: as lines, and in another order.

use serde_json::{Map, Value};

use super::card::{Options, label};
use super::sample::{Sample, spelled};

/// The options as lines, and their labels.
pub(super) fn options(sample: &Sample, style: Options) -> (String, String) {
    let line = |(place, text): (usize, &String)| {
        let label = label(place);
        match style {
            Options::Bracket => format!("{label}) {text}"),
            Options::Dot => format!("{label}. {text}"),
            Options::Brackets => format!("({label}) {text}"),
            Options::Bare => format!("{label} {text}"),
        }
    };
    let lines: Vec<String> = sample.choices.iter().enumerate().map(line).collect();
    (lines.join("\n"), sample.labels().join(","))
}

/// Puts the options into another order that hangs on the text alone, and moves what is right along.
pub(super) fn shuffle(sample: &mut Sample, seed: u64) {
    let order = super::orders::choices(i64::try_from(seed).unwrap_or(i64::MAX), &sample.question, &sample.choices);
    let moved: Map<String, Value> =
        order.iter().enumerate().map(|(new, old)| (label(*old), Value::String(label(new)))).collect();
    let turned =
        |value: &Value| value.as_str().and_then(|text| moved.get(text)).cloned().unwrap_or_else(|| value.clone());
    sample.target = match &sample.target {
        Value::Array(list) => {
            let mut list: Vec<Value> = list.iter().map(turned).collect();
            list.sort_by_key(spelled);
            Value::Array(list)
        }
        one => turned(one),
    };
    sample.choices = order.iter().filter_map(|place| sample.choices.get(*place).cloned()).collect();
}
