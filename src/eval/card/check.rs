//! What makes a card wrong, before it is used.

use super::super::{extra, readers};
use super::catalog::shared_templates;
use super::expression::{Language, Seeded};
use super::fields::{Answer, Card, Fields, Mode, Param, Prompt, SubsetBy};
use crate::error::known;

/// Aggregations by name.
pub const AGGREGATES: [&str; 9] = [
    "mean",
    "weighted_mean",
    "clipped_mean",
    "mean_and_pass_at_k",
    "mean_and_vote_at_k",
    "mean_and_pass_hat_k",
    "f1",
    "f1_weighted",
    "official",
];

/// What a question may consist of.
const MODALITIES: [&str; 7] =
    ["text", "image+text", "audio+text", "video+text", "image+audio+text", "image", "decision"];

/// Looks for what the form of the file alone does not forbid.
///
/// # Errors
/// In words that name the key and the remedy.
pub fn check(card: &Card) -> Result<(), String> {
    if card.kind != "benchmark" {
        return Err(format!("kind {:?}: the card of a benchmark says \"benchmark\"", card.kind));
    }
    let plain = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    if !plain(&card.name) {
        return Err(format!(
            "name {:?}: use letters, digits, `_`, `-` and `.`, for files are named after it",
            card.name
        ));
    }
    one_of("modality", &card.modality, &MODALITIES)?;
    one_of("report.aggregate", card.report.aggregate.as_deref().unwrap_or("mean"), &AGGREGATES)?;
    let metrics = &card.report.metrics;
    if metrics.is_empty() {
        return Err("report.metrics: name at least one metric".to_owned());
    }
    for (key, name) in [("report.primary", card.report.primary.as_ref())].into_iter().filter_map(|(k, n)| Some((k, n?)))
    {
        // With dimensions in brackets one of several figures of a metric is meant.
        if !metrics.contains(name) && !metrics.iter().any(|metric| name.split('[').next() == Some(metric)) {
            return Err(format!("{key} {name:?}: not among report.metrics: {}", known(metrics)));
        }
    }
    source(card)?;
    if let Some(rows) = &card.report.rows {
        one_of("report.rows", rows, &extra::NAMES)?;
    }
    for (name, value) in &card.params {
        let read: Result<Param, _> = value.clone().try_into();
        let param = read.map_err(|error| format!("params.{name}: {}", error.message()))?;
        one_of(&format!("params.{name}.type"), &param.kind, &["bool", "int", "float", "str", "list"])?;
    }
    let mut language = Language::new(Seeded(0));
    expressions(&mut language, card)?;
    methods("answer", &card.answer)?;
    for (index, variant) in card.variants.iter().enumerate() {
        methods(&format!("variant {}: answer", index + 1), &card.answer.with(&variant.answer))?;
    }
    Ok(())
}

fn one_of(key: &str, value: &str, all: &[&str]) -> Result<(), String> {
    if all.contains(&value) { Ok(()) } else { Err(format!("{key} {value:?}: known are {}", known(all))) }
}

fn source(card: &Card) -> Result<(), String> {
    let source = &card.source;
    if source.subsets.is_empty() {
        return Err("source.subsets: name at least one, such as [\"default\"]".to_owned());
    }
    if source.subset_by == SubsetBy::Field && card.record.fields.subset.is_none() {
        return Err("record.fields.subset: with source.subset_by = \"field\" it says which subset a record belongs to"
            .to_owned());
    }
    if source.subset_by != SubsetBy::Split && source.split.is_none() && source.splits.is_empty() {
        return Err("source.split: name the split of the questions, or set subset_by = \"split\"".to_owned());
    }
    if !source.splits.is_empty()
        && (source.split.is_some() || matches!(source.subset_by, SubsetBy::Split | SubsetBy::Field))
    {
        return Err("source.splits: goes without source.split, where subsets are configurations or files".to_owned());
    }
    braces(card)?;
    for (index, edition) in source.editions.iter().enumerate() {
        if edition.when.is_none() && edition.columns.is_empty() {
            return Err(format!("source.edition {}: say `when` it is met, or name its `columns`", index + 1));
        }
    }
    if source.editions.iter().filter(|edition| !edition.columns.is_empty()).count() > 1 {
        return Err("source.edition: one of them may name `columns`: tables without names look alike".to_owned());
    }
    if let Some(reader) = &source.reader {
        one_of("source.reader", reader, &readers::NAMES)?;
    }
    for (group, subsets) in &source.groups {
        let names = subsets.as_array().ok_or_else(|| format!("source.groups.{group}: must be a list of subsets"))?;
        for name in names {
            let there = name.as_str().is_some_and(|name| source.subsets.iter().any(|subset| subset == name));
            if !there {
                return Err(format!("source.groups.{group}: {name} is not among source.subsets"));
            }
        }
    }
    let drawn = card.prompt.examples.as_ref().is_some_and(|examples| examples.mode == Mode::Drawn);
    if drawn && source.train.is_none() {
        return Err("source.train: prompt.examples are drawn, so name the split they are drawn from".to_owned());
    }
    Ok(())
}

/// Whether what stands in braces can be filled in.
fn braces(card: &Card) -> Result<(), String> {
    let source = &card.source;
    let by_field = source.subset_by == SubsetBy::Field;
    let places: [(&str, &Option<String>, &[&str]); 4] = [
        ("config", &source.config, &[]),
        ("split", &source.split, if by_field { &[] } else { &["subset"] }),
        ("train", &source.train, if by_field { &[] } else { &["subset"] }),
        ("files", &source.files, &["subset", "split"]),
    ];
    for (key, text, names) in places {
        for part in text.iter().flat_map(|text| text.split('{').skip(1)) {
            let name = part.split('}').next().unwrap_or(part);
            if !names.contains(&name) && !card.params.contains_key(name) {
                let all = names.iter().copied().chain(card.params.keys().map(String::as_str));
                return Err(format!("source.{key}: {{{name}}}: known are {}", known(all)));
            }
        }
    }
    Ok(())
}

/// Compiles all that is an expression or a template.
fn expressions(language: &mut Language, card: &Card) -> Result<(), String> {
    let mut compile = |key: &str, text: &str| language.add("e", text).map_err(|why| format!("{key}: {why}"));
    for (index, edition) in card.source.editions.iter().enumerate() {
        let key = format!("source.edition {}", index + 1);
        edition.when.iter().try_for_each(|text| compile(&format!("{key}: when"), text))?;
        for (name, value) in &edition.record {
            let text = value.as_str().ok_or_else(|| format!("{key}: record.{name}: must be an expression, as text"))?;
            compile(&format!("{key}: record.{name}"), text)?;
        }
    }
    let record = &card.record;
    for (key, text) in [("record.keep", &record.keep), ("record.each", &record.each)] {
        text.iter().try_for_each(|text| compile(key, text))?;
    }
    for (table, entries) in [("record.let", &record.names), ("record.meta", &record.meta)] {
        for (name, value) in entries {
            let text = value.as_str().ok_or_else(|| format!("{table}.{name}: must be an expression, as text"))?;
            compile(&format!("{table}.{name}"), text)?;
        }
    }
    let mut fields = |key: &str, fields: &Fields| -> Result<(), String> {
        fields.list().into_iter().try_for_each(|(name, text)| compile(&format!("{key}.{name}"), text))
    };
    fields("record.fields", &record.fields)?;
    if record.fields.question.is_none() && record.fields.messages.is_none() && record.each.is_none() {
        let varied =
            card.variants.iter().any(|variant| variant.fields.question.is_some() || variant.fields.messages.is_some());
        if !varied && card.source.reader.is_none() {
            return Err("record.fields: say what is asked: `question`, or `messages` for a whole chat".to_owned());
        }
    }
    for (index, variant) in card.variants.iter().enumerate() {
        fields(&format!("variant {}: fields", index + 1), &variant.fields)?;
    }
    for (index, variant) in card.variants.iter().enumerate() {
        language.add("e", &variant.when).map_err(|why| format!("variant {}: when: {why}", index + 1))?;
        prompt(language, &format!("variant {}: prompt", index + 1), &variant.prompt)?;
    }
    prompt(language, "prompt", &card.prompt)
}

fn prompt(language: &mut Language, key: &str, prompt: &Prompt) -> Result<(), String> {
    let shared = shared_templates().map_err(|failure| failure.to_string())?;
    let mut named = |key: String,
                     name: &Option<String>,
                     own: &Option<String>,
                     known_ones: &std::collections::BTreeMap<String, String>| {
        if let Some(name) = name
            && !known_ones.contains_key(name)
        {
            return Err(format!("{key}.template {name:?}: known are {}", known(known_ones.keys())));
        }
        match own {
            Some(own) => language.add_template("t", own).map_err(|why| format!("{key}.text: {why}")),
            None => Ok(()),
        }
    };
    named(key.to_owned(), &prompt.template, &prompt.text, &shared.prompt)?;
    if let Some(examples) = &prompt.examples {
        named(format!("{key}.examples"), &examples.template, &examples.text, &shared.example)?;
        if let Some(intro) = &examples.intro {
            language.add_template("t", intro).map_err(|why| format!("{key}.examples.intro: {why}"))?;
        }
        if !examples.allowed.is_empty() && !examples.allowed.contains(&examples.count) {
            return Err(format!("{key}.examples.count {}: not among `allowed`", examples.count));
        }
    }
    if let Some(system) = &prompt.system {
        language.add_template("t", system).map_err(|why| format!("{key}.system: {why}"))?;
    }
    Ok(())
}

/// Whether extractor and scorer are known and take their parameters.
fn methods(key: &str, answer: &Answer) -> Result<(), String> {
    crate::eval::method::Method::of(answer).map(drop).map_err(|why| format!("{key}: {why}"))
}
