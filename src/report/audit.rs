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
