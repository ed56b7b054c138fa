//! `evalscope benchmarks`.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::console::Console;
use crate::error::{Exit, Failure, Result};
use crate::eval::card::{Catalog, Entry};
use crate::report::{self, Style};

/// What `benchmarks` takes.
#[derive(Debug, Args)]
pub(super) struct Benchmarks {
    /// Name of one benchmark [default: all of them]
    name: Option<String>,
    /// Only those with this tag
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// Folder of cards of your own
    #[arg(long, value_name = "FOLDER")]
    cards: Option<PathBuf>,
    /// Print JSON on stdout and nothing else there
    #[arg(long)]
    json: bool,
}

/// Lists the benchmarks, or shows one.
pub(super) fn benchmarks(flags: &Benchmarks, console: &Console) -> Result<Exit> {
    let catalog = Catalog::open(flags.cards.as_deref())?;
    let has = |entry: &&Entry| match &flags.tag {
        Some(tag) => entry.card.tags.iter().any(|own| own.eq_ignore_ascii_case(tag)),
        None => true,
    };
    let entries: Vec<&Entry> = match &flags.name {
        Some(name) => vec![catalog.get(name)?],
        None => catalog.all().filter(has).collect(),
    };
    if entries.is_empty() {
        let mut tags: Vec<&str> = catalog.all().flat_map(|entry| entry.card.tags.iter().map(String::as_str)).collect();
        tags.sort_unstable();
        tags.dedup();
        return Err(Failure::usage(format!("--tag {}: no benchmark has it", flags.tag.as_deref().unwrap_or_default()))
            .hint(format!("tags are: {}", tags.join(", "))));
    }
    console.out(&match (flags.json, flags.name.is_some(), entries.as_slice()) {
        (true, ..) => serde_json::to_string_pretty(&entries.iter().map(|entry| facts(entry)).collect::<Vec<_>>())
            .unwrap_or_default(),
        (false, true, [entry]) => report::benchmark_text(entry),
        (false, _, entries) => {
            let style = Style { color: console.colour(), ascii: false };
            format!(
                "{}\n{} benchmarks; `evalscope benchmarks NAME` shows one",
                report::benchmarks_table(entries, style),
                entries.len()
            )
        }
    });
    Ok(Exit::Done)
}

fn facts(entry: &Entry) -> Value {
    let card = &entry.card;
    json!({
        "name": card.name, "title": card.title, "version": card.version, "tags": card.tags, "modality": card.modality,
        "licence": card.licence, "paper": card.paper, "about": card.about, "modelscope": card.source.modelscope,
        "huggingface": card.source.huggingface, "subsets": card.source.subsets, "split": card.source.split,
        "metrics": card.report.metrics, "primary": card.report.primary,
    })
}
