//! All datasets, or one of them, on a console.

use super::terminal::{Style, wrap};
use crate::error::Result;
use crate::plan::dataset::Set;
use crate::plan::{Hub, Pick, repo_of};
use crate::workload::{Card, options};

/// Columns of the words before a text.
const MARGIN: usize = 9;
/// Columns that a text takes at most.
const WIDTH: usize = 100;

/// A line a dataset: its name, what it needs, what it is.
pub fn datasets_table(cards: &[Card], width: usize, style: Style) -> Result<String> {
    let names = cards.iter().map(|card| card.name.len()).max().unwrap_or(0);
    let mut out = String::new();
    for card in cards {
        let set = Set::named(&card.name)?;
        let text = format!("{:names$}  {:8}  {}", card.name, needs(set), card.title);
        out.push_str(&style.plain(&text.chars().take(width).collect::<String>()));
        out.push('\n');
    }
    out.push_str(
        "\n`evalscope perf datasets NAME` shows what the file holds, the options, and a command that runs it\n",
    );
    Ok(out)
}

/// What a dataset needs, in a word.
fn needs(set: Set) -> &'static str {
    match set {
        Set::OpenQa => "built in",
        set if set.needs_no_file() => "made",
        set if set.has_schedule() => "trace",
        _ => "file",
    }
}

/// Everything about one dataset.
pub fn dataset_text(card: &Card) -> Result<String> {
    let set = Set::named(&card.name)?;
    let mut out = format!("{}: {}\n\n", card.name, card.title);
    for line in wrap(&card.description, WIDTH) {
        out.push_str(&format!("{line}\n"));
    }
    out.push('\n');
    let mut part = |name: &str, text: &str| {
        for (index, line) in wrap(text, WIDTH - MARGIN).iter().enumerate() {
            let name = if index == 0 { name } else { "" };
            out.push_str(&format!("{name:MARGIN$}{line}\n"));
        }
    };
    if let Some(input) = &card.input {
        part("file", input);
    }
    if let Some(row) = &card.row {
        part("row", row);
    }
    part("flags", &flags(set).join(", "));
    for (index, (name, meaning)) in options(set).iter().enumerate() {
        part(if index == 0 { "options" } else { "" }, &format!("{name}: {meaning}"));
    }
    let places = Hub::ALL.iter().filter_map(|(name, hub)| {
        let (id, pick) = repo_of(&card.name, *hub)?;
        let inside = match pick {
            Pick::File(file) => format!(", {file}"),
            Pick::Rows { config, split, .. } => format!(", split {split} of {config}"),
            Pick::Split(split) => format!(", split {split}"),
            Pick::Data(_) | Pick::Tokenizer | Pick::Model => String::new(),
        };
        Some(format!("--data-source {name}: {id}{inside}"))
    });
    for (index, place) in places.enumerate() {
        part(if index == 0 { "hubs" } else { "" }, &place);
    }
    part("origin", &card.origin);
    out.push_str(&format!("{:MARGIN$}{}\n", "example", card.example));
    Ok(out)
}

/// The flags that mean something for a dataset, beside those that all take.
fn flags(set: Set) -> Vec<&'static str> {
    let mut flags = Vec::new();
    if !set.needs_no_file() {
        flags.push("--dataset-path");
    }
    if set == Set::OpenQa {
        flags.push("--dataset-path (optional)");
    }
    if !options(set).is_empty() {
        flags.push("--dataset-args");
    }
    if !set.is_speed() && set != Set::SharedPrefix {
        flags.push("--min-prompt-length, --max-prompt-length");
    }
    if set.takes_prefix() {
        flags.push("--prefix-length, --prefix-count");
    }
    if set == Set::RandomVl {
        flags.push("--image-width, --image-height, --image-num, --image-format");
    }
    if set.has_turns() {
        flags.push("--multi-turn, --min-turns, --max-turns");
    }
    if set.has_schedule() {
        flags.push("--open-loop, --trace-speed");
    }
    flags.push("--cache-bust");
    flags
}

/// The cards as JSON.
///
/// # Errors
/// Never, unless a card cannot be written.
pub fn datasets_json(cards: &[Card]) -> serde_json::Result<String> {
    let whole: serde_json::Result<Vec<serde_json::Value>> = cards
        .iter()
        .map(|card| {
            let mut value = serde_json::to_value(card)?;
            if let (Some(fields), Ok(set)) = (value.as_object_mut(), Set::named(&card.name)) {
                let told = options(set).iter().map(|(name, meaning)| ((*name).to_owned(), (*meaning).into()));
                fields.insert("options".to_owned(), serde_json::Value::Object(told.collect()));
            }
            Ok(value)
        })
        .collect();
    serde_json::to_string_pretty(&whole?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::cards;

    #[test]
    fn all_are_listed_and_one_is_told_in_full() -> Result<()> {
        let cards = cards()?;
        let table = datasets_table(&cards, 100, Style { color: false, ascii: false })?;
        assert_eq!(table.lines().count(), cards.len() + 2);
        assert!(table.lines().any(|line| line.starts_with("mooncake ") && line.contains("  trace  ")));
        for card in &cards {
            let text = dataset_text(card)?;
            assert!(text.contains(&card.example) && text.starts_with(&card.name), "{text}");
        }
        Ok(())
    }

    #[test]
    fn one_dataset_in_full() -> Result<()> {
        let card = cards()?.into_iter().find(|card| card.name == "workload_trace");
        insta::assert_snapshot!(card.map_or_else(String::new, |card| dataset_text(&card).unwrap_or_default()));
        Ok(())
    }
}
