//! What the client's machine did during each load point, and how it measured a server of known timing.

use super::notice::load_name;
use super::table::{Cell, Column, Row, Table};
use super::trust::verdict_mark;
use crate::run::{PointResult, RunResult};
use crate::stats::{Bias, Host, SelfCheck};
use crate::units::clean;

/// Longest words on what a self-check left out.
const WORDS: usize = 200;

/// A row for each load point that noted what the machine did.
pub fn client(run: &RunResult, points: &[&PointResult]) -> Table {
    let columns = [
        ("", "load"),
        ("", "workers"),
        ("workers, % of a core", "used"),
        ("workers, % of a core", "kept waiting"),
        ("workers, % of a core", "stolen"),
        ("seen late, ms", "p50"),
        ("seen late, ms", "p99"),
        ("seen late, ms", "max"),
        ("", "latest wake-up, ms"),
        ("reads stamped by", "kernel"),
        ("reads stamped by", "program"),
        ("sends stamped by", "kernel"),
        ("sends stamped by", "program"),
        ("", "events that share a stamp"),
        ("clock steps", "n"),
        ("clock steps", "largest, ms"),
        ("", "waits for a prompt"),
    ];
    let rows = points.iter().filter_map(|point| {
        let host = point.trust.as_ref()?.host.as_ref()?;
        let mut cells = vec![Cell::words(load_name(run, point))];
        cells.extend(of_host(host, point.figures.counts.shared_stamps));
        Some(Row { mark: verdict_mark(point.verdict()), cells, words: Vec::new() })
    });
    Table {
        caption: "The client's machine".to_owned(),
        columns: columns.map(|(group, name)| Column::of(group, name)).to_vec(),
        rows: rows.collect(),
        ..Table::default()
    }
}

fn of_host(host: &Host, shared: u64) -> Vec<Cell> {
    let lag = |value| Cell::Lag { value, weak: false };
    let seen = host.lag_ms.as_ref();
    vec![
        Cell::Count(host.workers),
        Cell::Percent(host.cpu_percent),
        Cell::Percent(host.run_delay_percent),
        Cell::Percent(host.stolen_percent),
        lag(seen.map(|lag| lag.p50)),
        Cell::Lag { value: seen.map(|lag| lag.p99), weak: seen.is_some_and(|lag| !lag.is_firm(0.99)) },
        lag(seen.map(|lag| lag.max)),
        lag(host.pulse_ms.as_ref().map(|pulse| pulse.max)),
        Cell::Count(host.kernel_reads),
        Cell::Count(host.user_reads),
        Cell::Count(host.kernel_sends),
        Cell::Count(host.user_sends),
        Cell::Count(shared),
        Cell::Count(host.clock_steps),
        lag(Some(host.clock_step_ms)),
        Cell::Count(host.starved),
    ]
}

/// A row for each load point that was preceded by a self-check.
pub fn self_checks(run: &RunResult, points: &[&PointResult]) -> Table {
    let mut columns: Vec<Column> = ["load", "streams", "requests", "events"].map(Column::alone).to_vec();
    for group in ["error of TTFT, ms", "error of ITL, ms", "written to read, ms"] {
        columns.extend(["mean", "from", "to"].map(|name| Column::of(group, name)));
    }
    let rows: Vec<Row> = points
        .iter()
        .filter_map(|point| {
            let check = point.trust.as_ref()?.self_check.as_ref()?;
            Some(of_check(load_name(run, point), check))
        })
        .collect();
    Table {
        caption: "Self-check: measured minus true, and the middle 95 %".to_owned(),
        columns,
        rows,
        ..Table::default()
    }
}

fn of_check(name: String, check: &SelfCheck) -> Row {
    let mut cells =
        vec![Cell::words(name), Cell::Count(check.streams), Cell::Count(check.requests), Cell::Count(check.events)];
    for Bias { bias, low, high } in [check.ttft_ms, check.itl_ms, check.send_ms] {
        cells.extend([bias, low, high].map(|value| Cell::Figure(Some(value))));
    }
    let short = check.short_of.as_deref().map(|text| format!("not tried: {}", clean(text, WORDS)));
    Row { cells, words: short.into_iter().collect(), ..Row::default() }
}
