//! The one table of a sweep: a row a load point, what it gave and what it cost.

use super::notice::{early_end, load_cell, mark_of};
use super::performance::by_load;
use super::table::{Cell, Column, Row, Table};
use super::time::{SECOND, TimeUnit};
use crate::run::{PointResult, RunResult};
use crate::stats::{Figures, Spread};

/// One latency of the table.
struct Metric {
    name: &'static str,
    of: fn(&Figures) -> Option<&Spread>,
    /// Medians from here on are shown in seconds.
    seconds_from_ms: f64,
}

const METRICS: [Metric; 3] = [
    Metric { name: "TTFT", of: |figures| figures.ttft_ms.as_ref(), seconds_from_ms: 10_000.0 },
    Metric { name: "TPOT", of: |figures| figures.tpot_ms.as_ref(), seconds_from_ms: 10_000.0 },
    Metric { name: "E2E", of: |figures| figures.e2e_ms.as_ref(), seconds_from_ms: 1_000.0 },
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
    let mut columns = vec![
        Column::alone("load"),
        Column::alone("req/s"),
        Column::alone("tok/s"),
        Column::of("in+out", "tok/s").wide(),
    ];
    let mut cells: Vec<Vec<Cell>> = points
        .iter()
        .map(|point| {
            let figures = &point.figures;
            vec![
                load_cell(point),
                Cell::Figure(figures.request_throughput.filter(|_| figures.counts.ok > 0)),
                Cell::Figure(figures.output_throughput),
                Cell::Figure(figures.total_throughput),
            ]
        })
        .collect();
    for metric in &METRICS {
        // What was not asked for has no column; what was asked for and failed has an empty one.
        if metric.name != "E2E" && !run.setting.stream && figures().all(|figures| (metric.of)(figures).is_none()) {
            continue;
        }
        let unit = TimeUnit::of(figures().filter_map(metric.of), metric.seconds_from_ms);
        let group = format!("{} {}", metric.name, unit.name);
        columns.extend([
            Column::of(group.clone(), "p50"),
            Column::of(group.clone(), "p90").wide(),
            Column::of(group, "p99"),
        ]);
        for (cells, figures) in cells.iter_mut().zip(figures()) {
            let spread = (metric.of)(figures);
            cells.push(quantile(spread, 0.5, |spread| spread.p50, unit));
            cells.push(quantile(spread, 0.9, |spread| spread.p90, unit));
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
    Table { caption: "Load points".to_owned(), notes: notes(&points), columns, rows, mixed: false }
}

/// What a point is good for, and how it ended.
fn words(run: &RunResult, point: &PointResult) -> Vec<String> {
    let here = Some(point.point.load.level());
    let mut words = Vec::new();
    // With one measured point there is nothing to choose from.
    if run.points.iter().filter(|point| point.figures.counts.ok > 0).count() > 1 && point.figures.counts.ok > 0 {
        if run.best.knee == here && !run.best.knee_not_reached {
            words.push("knee".to_owned());
        }
        if run.best.throughput == here {
            words.push("best".to_owned());
        }
    }
    words.extend(early_end(point.status).map(str::to_owned));
    words
}

fn notes(points: &[&PointResult]) -> Vec<String> {
    let mut notes = Vec::new();
    let spreads = || {
        points.iter().flat_map(|point| {
            let figures = &point.figures;
            [&figures.ttft_ms, &figures.tpot_ms, &figures.e2e_ms].into_iter().flatten()
        })
    };
    let weak: Vec<&str> = [(0.5, "6 for p50"), (0.9, "36 for p90"), (0.99, "368 for p99")]
        .into_iter()
        .filter(|(q, _)| spreads().any(|spread| !spread.is_firm(*q)))
        .map(|(_, words)| words)
        .collect();
    if !weak.is_empty() {
        notes.push(format!("~ too few requests for a 95 % interval, which takes {}", weak.join(", ")));
    }
    notes
}
