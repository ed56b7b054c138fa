//! Whole conversations: how many came to their end, how long they took, and what a prefix cache could give back.

use super::notice::{load_name, mark_of};
use super::performance::by_load;
use super::table::{Cell, Column, Row, Table};
use crate::run::RunResult;
use crate::stats::{ConversationFigures, Spread};

/// A row for each load point whose requests belong together.
pub fn conversations(run: &RunResult) -> Table {
    let mut columns = vec![Column::alone("load")];
    columns.extend(["whole", "failed", "cut short"].map(|name| Column::of("conversations", name)));
    columns.extend(["mean", "unsent"].map(|name| Column::of("turns", name)));
    for group in ["TTFT of first turns, ms", "TTFT of later turns, ms", "to the last answer, ms", "duration, ms"] {
        columns.extend(["p50", "p99"].map(|name| Column::of(group, name)));
    }
    columns.push(Column::alone("said before, %"));
    let points = by_load(run);
    let rows = points.iter().filter_map(|point| {
        let talks = point.figures.conversations.as_ref()?;
        let cells = [Cell::words(load_name(run, point))].into_iter().chain(cells(talks)).collect();
        Some(Row { mark: mark_of(point), cells, words: Vec::new() })
    });
    let rows: Vec<Row> = rows.collect();
    let notes = [
        "Duration is from the start of the first turn to the end of the last, pauses included; to the last answer, to its \
         first token. Both of whole conversations only.",
        "Said before: share of the prompt tokens that stood in earlier turns of the same conversation, estimated from the \
         counts of the turn before: what a prefix cache could give back.",
    ];
    Table {
        caption: "Conversations".to_owned(),
        columns,
        notes: if rows.is_empty() { Vec::new() } else { notes.map(str::to_owned).to_vec() },
        rows,
        ..Table::default()
    }
}

fn cells(talks: &ConversationFigures) -> Vec<Cell> {
    let quantiles = |spread: &Option<Spread>| match spread {
        None => [Cell::Figure(None), Cell::Figure(None)],
        Some(spread) => [(0.5, spread.p50), (0.99, spread.p99)]
            .map(|(q, value)| if spread.is_firm(q) { Cell::Figure(Some(value)) } else { Cell::Weak(value) }),
    };
    let spreads = [&talks.ttft_first_turn_ms, &talks.ttft_later_turns_ms, &talks.last_answer_ms, &talks.duration_ms];
    [Cell::Count(talks.complete), Cell::Count(talks.failed), Cell::Count(talks.cut)]
        .into_iter()
        .chain([Cell::Figure(talks.turns.as_ref().map(|turns| turns.mean)), Cell::Count(talks.turns_unsent)])
        .chain(spreads.into_iter().flat_map(quantiles))
        .chain([Cell::Percent(talks.cached_percent_estimated)])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    #[test]
    fn a_load_with_conversations_has_a_row() {
        let mut run = fixture::three();
        assert_eq!(conversations(&run).rows, []);
        let spread = run.points[0].figures.ttft_ms.clone();
        run.points[1].figures.conversations = Some(ConversationFigures {
            complete: 12,
            failed: 1,
            turns_unsent: 3,
            ttft_later_turns_ms: spread,
            cached_percent_estimated: Some(61.25),
            ..ConversationFigures::default()
        });
        let table = conversations(&run);
        let texts: Vec<String> = table.rows.iter().flat_map(|row| row.cells.iter().map(Cell::text)).collect();
        assert_eq!(table.rows.len(), 1);
        assert_eq!(texts.len(), table.columns.len());
        assert_eq!((texts[1].as_str(), texts[2].as_str(), texts[5].as_str()), ("12", "1", "3"));
        assert_eq!((texts[6].as_str(), texts.last().map(String::as_str)), ("—", Some("61.2 %")));
    }
}
