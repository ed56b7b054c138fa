//! Named entities between tags.

use serde::Deserialize;
use serde_json::{Value, json};
use toml::Table;

use super::super::super::sample::Sample;
use super::super::super::tags::{Counts, EntityType, Mode, annotated, tags_of};
use super::super::case::{Case, Marks, Taken};
use super::super::params::read;
use super::{Made, Score, noted_list};

pub(super) const NAMES: &[&str] = &["tags"];

pub(super) fn scorer(name: &str, params: &Table) -> Made {
    Ok(Box::new(read::<Tags>(name, params)?))
}

/// Precision, recall and F1 of the entities of one text and the share of tokens with the right tag. The tags themselves
/// are noted, for the figures of a subset count all its entities together.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tags {
    types: Vec<EntityType>,
}

impl Score for Tags {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let tokens = noted_list(case.sample, "tokens");
        let there = noted_list(case.sample, "ner_tags");
        let found = tags_of(&taken.text, &tokens, &self.types);
        let mut counts = Counts::new(Mode::Lenient);
        counts.add(&there, &found);
        let scores = counts.scores();
        let values = [
            ("precision", scores.precision),
            ("recall", scores.recall),
            ("f1", scores.f1),
            ("accuracy", scores.accuracy),
        ];
        Marks::of(values).noting("y_true", json!(there)).noting("y_pred", json!(found))
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        let tags = noted_list(sample, "ner_tags");
        // A text without entities has no F1 that could be 1.
        let has_entities = tags.iter().any(|tag| tag.starts_with("B-"));
        has_entities.then(|| annotated(&noted_list(sample, "tokens"), &tags, &self.types))
    }

    fn wrong(&self, sample: &Sample) -> Option<String> {
        Some(format!("<response>{}</response>", noted_list(sample, "tokens").join(" ")))
    }
}

/// The tags that marks noted.
pub fn noted_tags(marks: &Marks, name: &str) -> Option<Vec<String>> {
    let tags = marks.meta.get(name)?.as_array()?;
    Some(tags.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}
