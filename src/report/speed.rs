//! Speed against the length of the prompt: EvalScope's speed, the decode speed beside it, time to first token and memory.

use super::boxed::boxed;
use super::decimal::shown;
use super::table::{Cell, Column, Row, Table};
use crate::stats::{MemoryOf, SpeedRow, SpeedTable};
use crate::units::{clean, count};

/// A column: its name, its decimals on the console and what it shows.
type Figure = (&'static str, usize, fn(&SpeedRow) -> Option<f64>);

/// The columns behind the length and the number of requests.
const FIGURES: [Figure; 4] = [
    ("Speed (tok/s)", 2, |row| Some(row.speed)),
    ("Decode (tok/s)", 2, |row| row.decode_speed),
    ("TTFT (ms)", 2, |row| row.ttft_ms),
    ("Memory (GiB)", 4, |row| row.memory_gib),
];

/// The table for the console, in the layout of EvalScope's.
pub fn speed_text(speed: &SpeedTable) -> String {
    let mut header = vec!["Prompt Tokens", "Requests"];
    header.extend(FIGURES.iter().map(|(name, ..)| *name));
    let rows = speed.rows.iter().map(|row| {
        let mut cells = vec![row.prompt_tokens.to_string(), row.requests.to_string()];
        cells.extend(FIGURES.iter().map(|(_, decimals, of)| shown(of(row), *decimals)));
        cells
    });
    let mut text = boxed("Speed benchmark", &header, rows.collect(), 0);
    notes(speed).iter().for_each(|note| text.push_str(&format!("{note}\n")));
    text
}

/// The table for a document; without rows where none is asked for.
pub fn speed_table(speed: Option<&SpeedTable>) -> Table {
    let Some(speed) = speed else { return Table::default() };
    let mut columns = vec![Column::alone("prompt tokens"), Column::alone("n")];
    columns.extend(["speed, tok/s", "decode, tok/s", "TTFT, ms", "memory, GiB"].map(Column::alone));
    let rows = speed.rows.iter().map(|row| {
        let mut cells = vec![Cell::Count(row.prompt_tokens), Cell::Count(row.requests)];
        cells.extend(FIGURES.iter().map(|(.., of)| Cell::Figure(of(row))));
        Row::from(cells)
    });
    Table {
        caption: "Speed against the length of the prompt".to_owned(),
        columns,
        rows: rows.collect(),
        notes: notes(speed),
        ..Table::default()
    }
}

/// What the figures are, and what is missing.
fn notes(speed: &SpeedTable) -> Vec<String> {
    let mut notes = vec![
        "Speed is completion tokens / latency, as EvalScope has it: the reading of the prompt is in it. Decode begins with the first token."
            .to_owned(),
    ];
    notes.push(match (speed.memory_of, &speed.memory_none) {
        (Some(MemoryOf::EmbeddedModel), _) => {
            "Memory is that of the embedded model: its weights and the caches of the requests under way.".to_owned()
        }
        (Some(MemoryOf::Gpus), _) => {
            "Memory is what is in use on all GPUs of this machine, whoever uses it, by nvidia-smi.".to_owned()
        }
        (None, reason) => {
            let reason = reason.as_deref().unwrap_or("it was not looked at");
            format!("Memory is not known: {}.", clean(reason, 300))
        }
    });
    if speed.counted_here > 0 {
        notes.push(format!(
            "Tokens of {} requests were counted by a tokenizer, for the server gave no usage.",
            count(speed.counted_here)
        ));
    }
    if speed.uncounted > 0 {
        notes.push(format!(
            "{} requests are in no row: the server gave no usage, and no --tokenizer-path was set to count with.",
            count(speed.uncounted)
        ));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> SpeedTable {
        let row = |prompt_tokens, speed, memory_gib| SpeedRow {
            prompt_tokens,
            requests: 2,
            speed,
            decode_speed: Some(speed * 1.25),
            ttft_ms: Some(12.345),
            memory_gib,
        };
        SpeedTable {
            rows: vec![row(1, 80.0, Some(0.00512)), row(6144, 41.666, None)],
            memory_of: Some(MemoryOf::EmbeddedModel),
            memory_none: None,
            counted_here: 2,
            uncounted: 1,
        }
    }

    #[test]
    fn a_table_on_the_console() {
        insta::assert_snapshot!(speed_text(&table()));
    }

    #[test]
    fn why_there_is_no_memory_stands_below() {
        let none = SpeedTable { memory_of: None, memory_none: Some("there is no nvidia-smi".to_owned()), ..table() };
        assert!(notes(&none).contains(&"Memory is not known: there is no nvidia-smi.".to_owned()));
        assert!(speed_table(None).rows.is_empty());
        assert_eq!(speed_table(Some(&none)).rows.len(), 2);
    }
}
