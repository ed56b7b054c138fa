//! ANLS: similarity by edit distance, cut off below a threshold.
//!
//! A. F. Biten and others, Scene text visual question answering, ICCV 2019; lowered and averaged as EvalScope does.

use serde::Deserialize;
use serde_json::Value;

use super::edit::character_distance;
use super::words::squeezed;

/// Parameters of [`anls`], as a card sets them.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AnlsRule {
    /// Similarities below it count as 0.
    pub threshold: f64,
}

impl Default for AnlsRule {
    fn default() -> Self {
        Self { threshold: 0.5 }
    }
}

/// 1 less the distance over the longer length, to the closest reference; 0 below the threshold or without a reference.
pub fn anls(prediction: &str, references: &[String], rule: AnlsRule) -> f64 {
    let prediction = squeezed(&prediction.to_lowercase());
    let farness = references.iter().map(|reference| {
        let reference = squeezed(&reference.to_lowercase());
        let length = prediction.chars().count().max(reference.chars().count());
        if length == 0 { 0.0 } else { character_distance(&prediction, &reference) as f64 / length as f64 }
    });
    let similarity = farness.min_by(f64::total_cmp).map_or(0.0, |least| 1.0 - least);
    if similarity < rule.threshold { 0.0 } else { similarity }
}

/// The references in a target: the texts of a JSON list, else the text itself.
pub fn listed(target: &str) -> Vec<String> {
    match serde_json::from_str(target) {
        Ok(Value::String(text)) => vec![text],
        Ok(Value::Array(items)) => items
            .into_iter()
            .map(|item| match item {
                Value::String(text) => text,
                other => other.to_string(),
            })
            .collect(),
        _ => vec![target.to_owned()],
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]
mod tests {
    use super::*;
    use crate::eval::agreement::{Agreement, cases};

    #[test]
    fn golden() {
        for (column, threshold) in [("anls", 0.5), ("anls_threshold_0", 0.0)] {
            let mut agreement = Agreement::new("text_metrics", &format!("edit.{column}"));
            for case in cases("text_metrics").iter().filter(|case| case["kind"] == "edit") {
                let text = |field: &str| case[field].as_str().unwrap();
                let ours = anls(text("prediction"), &listed(text("anls_reference")), AnlsRule { threshold });
                agreement.near(text("id"), ours, case["expected"][column].as_f64().unwrap(), 1e-9);
            }
            agreement.check(1.0);
        }
    }

    #[test]
    fn lists_of_references() {
        assert_eq!(listed(r#"["a", "b"]"#), ["a", "b"]);
        assert_eq!(listed("12"), ["12"]);
        assert_eq!(listed("\"x\""), ["x"]);
        assert_eq!(anls("x", &[], AnlsRule::default()), 0.0);
    }
}
