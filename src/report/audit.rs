//! The server's own account of each load point beside ours.

use super::notice::{findings, load_cell, mark_of};
use super::performance::by_load;
use super::table::{Cell, Column, Mark, Row, Table};
use crate::run::RunResult;
use crate::stats::{Audit, Pair};

/// A row for each load point of which the server gave an account.
pub fn audit(run: &RunResult) -> Table {
    let mut columns = vec![Column::alone("load")];
    for group in ["requests", "prompt tokens", "completion tokens", "TTFT mean, ms", "most inside / in flight"] {
        columns.extend([Column::of(group, "server"), Column::of(group, "ours")]);
    }
    columns.extend([Column::of("from prefix cache", "server"), Column::of("from prefix cache", "expected")]);
    columns.extend(["fullest KV cache", "preemptions", "scrapes", "failed scrapes"].map(Column::alone));
    let points = by_load(run);
    let audited: Vec<_> = points.iter().filter_map(|point| Some((*point, point.audit.as_ref()?))).collect();
    let rows = audited.iter().map(|(point, audit)| Row {
        mark: if findings(point).is_empty() { Mark::Good } else { mark_of(point) },
        cells: [load_cell(point)].into_iter().chain(cells(audit)).collect(),
        words: Vec::new(),
    });
    let notes = audited.first().map(|(_, audit)| {
        let engine = crate::units::clean(&audit.engine, 40);
        format!("Read from the metrics of {engine}; warm-up requests are counted on both sides.")
    });
    Table {
        caption: "The server's own account".to_owned(),
        columns,
        rows: rows.collect(),
        notes: notes.into_iter().collect(),
        mixed: false,
    }
}

fn cells(audit: &Audit) -> Vec<Cell> {
    let whole = |value: Option<f64>| match value {
        Some(value) => Cell::Count(value.round().max(0.0) as u64),
        None => Cell::Figure(None),
    };
    let counts = |pair: Pair| [whole(pair.server), whole(pair.ours)];
    let percent = |share: Option<f64>| Cell::Percent(share.map(|share| 100.0 * share));
    let ttft = audit.ttft_mean_ms;
    [counts(audit.requests), counts(audit.prompt_tokens), counts(audit.completion_tokens)]
        .into_iter()
        .flatten()
        .chain([Cell::Figure(ttft.server), Cell::Figure(ttft.ours)])
        .chain(counts(audit.running_max))
        .chain([percent(audit.cache_hit.server), percent(audit.cache_hit.ours), percent(audit.kv_usage_max)])
        .chain([whole(audit.preemptions), Cell::Count(audit.scrapes), Cell::Count(audit.scrapes_failed)])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::super::terminal::{Style, sweep_table};
    use super::*;
    use crate::stats::{Ours, Reading, Scrapes, Sharing};

    fn audited(server: f64) -> RunResult {
        let mut run = fixture::one_request();
        let ours = Ours { sent: 1, ok: 1, choices: 1, prompt_tokens: Some(1024), ..Ours::default() };
        let after = Reading { requests: Some(server), running: Some(0.0), ..Reading::default() };
        let scrapes = Scrapes { engine: "vLLM\u{1b}[1m".to_owned(), after, ..Scrapes::default() };
        run.points[0].audit = Some(Audit::of(&scrapes, &ours, Sharing::Unknown));
        run
    }

    #[test]
    fn an_account_that_fits_is_told_in_a_line() {
        let text = sweep_table(&audited(1.0), 100, Style::default());
        assert!(text.contains("audit  vLLM [1m's own counters agree with ours at 1 of 1 loads\n"), "{text}");
        let table = audit(&audited(1.0));
        assert!(table.rows.iter().all(|row| row.cells.len() == table.columns.len() && row.mark == Mark::Good));
        assert_eq!(audit(&fixture::three()).rows, []);
    }

    #[test]
    fn an_account_that_does_not_fit_stands_at_the_head() {
        let run = audited(3.0);
        let text = sweep_table(&run, 200, Style::default());
        let head = "! At 1 in flight another client was using this server: it counted 3 requests and 1 were sent; ";
        assert!(text.contains(head), "{text}");
        assert_eq!(audit(&run).rows[0].mark, Mark::Doubt);
    }
}
