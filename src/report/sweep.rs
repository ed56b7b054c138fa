//! The one table of a sweep: a row a load point, what it gave and what it cost.

use super::answer::{best_point, knee_point};
use super::notice::{early_end, load_cell, mark_of, repeat};
use super::performance::by_load;
use super::table::{Cell, Column, Mark, Row, Table};
use super::time::{SECOND, TimeUnit};
use super::trust::verdict_mark;
use super::view::{self, any_scheduled};
use crate::run::{PointResult, RunResult};
use crate::stats::{Spread, Verdict};

/// One latency of the table.
struct Metric {
    name: &'static str,
    of: fn(&PointResult) -> Option<&Spread>,
    /// Medians from here on are shown in seconds.
    seconds_from_ms: f64,
    /// A second view, shown only where there is room.
    second: bool,
}

const METRICS: [Metric; 3] = [
    Metric { name: "TTFT", of: view::ttft, seconds_from_ms: 10_000.0, second: false },
    Metric { name: "TPOT", of: view::tpot, seconds_from_ms: 10_000.0, second: false },
    Metric { name: "E2E", of: view::e2e, seconds_from_ms: 1_000.0, second: false },
];

/// What a schedule adds: the same from the first byte.
const FROM_SENT: [Metric; 2] = [
    Metric { name: "TTFT sent", of: |point| point.figures.ttft_ms.as_ref(), seconds_from_ms: 10_000.0, second: true },
    Metric { name: "E2E sent", of: |point| point.figures.e2e_ms.as_ref(), seconds_from_ms: 1_000.0, second: true },
];

/// A quantile in the unit of its column.
pub fn quantile(spread: Option<&Spread>, q: f64, of: fn(&Spread) -> f64, unit: TimeUnit) -> Cell {
    match spread {
        None => Cell::Figure(None),
        Some(spread) if spread.is_firm(q) => Cell::Figure(Some(of(spread) / unit.ms)),
        Some(spread) => Cell::Weak(of(spread) / unit.ms),
    }
}

/// The table of all points.
pub fn sweep(run: &RunResult) -> Table {
    let points = by_load(run);
    let figures = || points.iter().map(|point| &point.figures);
    let scheduled = any_scheduled(run);
    let open = points.iter().any(|point| point.point.load.is_open());
    let asked = points.iter().any(|point| point.point.load.rate().is_some());
    // In an open loop the load is the rate that was asked for.
    let mut columns = match (open, scheduled) {
        (true, _) if !asked => vec![Column::of("trace", "speed"), Column::alone("req/s")],
        (true, _) => vec![Column::of("req/s", "asked"), Column::of("req/s", "served")],
        (false, true) => vec![Column::alone("load"), Column::of("req/s", "asked"), Column::of("req/s", "served")],
        (false, false) => vec![Column::alone("load"), Column::alone("req/s")],
    };
    columns.extend([Column::alone("tok/s"), Column::of("in+out", "tok/s").wide()]);
    let mut cells: Vec<Vec<Cell>> = points
        .iter()
        .map(|point| {
            let figures = &point.figures;
            let mut cells = vec![load_cell(point)];
            if scheduled && !open {
                cells.push(Cell::Figure(point.point.load.rate()));
            }
            cells.push(Cell::Figure(figures.request_throughput.filter(|_| figures.counts.ok > 0)));
            cells.push(Cell::Figure(figures.output_throughput));
            cells.push(Cell::Figure(figures.total_throughput));
            cells
        })
        .collect();
    let metrics = METRICS.iter().chain(FROM_SENT.iter().filter(|_| scheduled));
    for metric in metrics {
        // What was not asked for has no column; what was asked for and failed has an empty one.
        let none = || points.iter().all(|point| (metric.of)(point).is_none());
        if !metric.name.starts_with("E2E") && !run.setting.stream && none() {
            continue;
        }
        let unit = TimeUnit::of(points.iter().filter_map(|point| (metric.of)(point)), metric.seconds_from_ms);
        let group = format!("{} {}", metric.name, unit.name);
        let column = |name: &str| Column { wide: metric.second, ..Column::of(group.clone(), name) };
        columns.push(column("p50"));
        if !metric.second {
            columns.push(column("p90").wide());
        }
        columns.push(column("p99"));
        for (cells, point) in cells.iter_mut().zip(&points) {
            let spread = (metric.of)(point);
            cells.push(quantile(spread, 0.5, |spread| spread.p50, unit));
            if !metric.second {
                cells.push(quantile(spread, 0.9, |spread| spread.p90, unit));
            }
            cells.push(quantile(spread, 0.99, |spread| spread.p99, unit));
        }
    }
    let unit = TimeUnit::of(figures().filter_map(|figures| figures.slot_wait_ms.as_ref()), SECOND.ms * 10.0);
    columns.push(Column::of(format!("wait {}", unit.name), "p99").wide());
    columns.push(Column::alone("failed"));
    let rows: Vec<Row> = points
        .iter()
        .zip(cells)
        .map(|(point, mut cells)| {
            cells.push(quantile(point.figures.slot_wait_ms.as_ref(), 0.99, |spread| spread.p99, unit));
            cells.push(Cell::Count(point.figures.counts.failed));
            Row { mark: mark_of(point), cells, words: words(run, point) }
        })
        .collect();
    Table { caption: "Load points".to_owned(), notes: notes(run, &points), columns, rows, mixed: false }
}

/// What a point is good for, and how it ended.
fn words(run: &RunResult, point: &PointResult) -> Vec<String> {
    let mut words: Vec<String> = repeat(run, point).into_iter().collect();
    if verdict_mark(point.verdict()) != Mark::Good {
        words.extend(point.verdict().map(|verdict| verdict.name().to_lowercase()));
    }
    // With one sound point there is nothing to choose from.
    let sound: Vec<&PointResult> = by_load(run).into_iter().filter(|point| point.is_sound()).collect();
    if sound.len() > 1 {
        let here = |other: Option<&PointResult>| other.is_some_and(|other| other.folder == point.folder);
        if here(knee_point(run, &sound)) && !run.best.knee_not_reached {
            words.push("knee".to_owned());
        }
        if here(best_point(run, &sound)) {
            words.push("best".to_owned());
        }
    }
    words.extend(early_end(point.status).map(str::to_owned));
    words
}

fn notes(run: &RunResult, points: &[&PointResult]) -> Vec<String> {
    let mut notes = Vec::new();
    if any_scheduled(run) {
        notes.push(
            "TTFT and E2E count from the time a request was due, as a user feels them; “sent” ones from its first byte"
                .to_owned(),
        );
    }
    let spreads = || {
        points.iter().flat_map(|point| [view::ttft(point), view::tpot(point), view::e2e(point)].into_iter().flatten())
    };
    let weak: Vec<&str> = [(0.5, "6 for p50"), (0.9, "36 for p90"), (0.99, "368 for p99")]
        .into_iter()
        .filter(|(q, _)| spreads().any(|spread| !spread.is_firm(*q)))
        .map(|(_, words)| words)
        .collect();
    if points.iter().any(|point| point.verdict() == Some(Verdict::Invalid)) {
        notes.push("✗ not to be believed, so in no choice; see trust above".to_owned());
    }
    if !weak.is_empty() {
        notes.push(format!("~ too few requests for a 95 % interval, which takes {}", weak.join(", ")));
    }
    notes
}
