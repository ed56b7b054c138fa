//! `evalscope perf datasets`.

use clap::Args;

use super::console::Console;
use crate::error::{Exit, Failure, Result};
use crate::plan::dataset::Set;
use crate::report::{self, Style};
use crate::workload::cards;

/// What `perf datasets` takes.
#[derive(Debug, Args)]
pub(super) struct Datasets {
    /// Name of one dataset [default: all of them]
    name: Option<String>,
    /// Print JSON on stdout and nothing else there
    #[arg(long)]
    json: bool,
}

/// Lists all datasets, or shows one.
pub(super) fn datasets(flags: &Datasets, console: &Console) -> Result<Exit> {
    let mut cards = cards()?;
    if let Some(name) = &flags.name {
        let own = Set::named(name)?.name();
        cards.retain(|card| card.name == own);
    }
    let style = Style { color: console.colour(), ascii: !console.is_terminal() };
    console.out(&match (flags.json, cards.as_slice()) {
        (true, cards) => report::datasets_json(cards)
            .map_err(|error| Failure::bug("the list cannot be spelled as JSON").because(error))?,
        (false, [card]) if flags.name.is_some() => report::dataset_text(card)?,
        (false, cards) => report::datasets_table(cards, console.width(), style)?,
    });
    Ok(Exit::Done)
}
