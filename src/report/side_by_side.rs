//! One load point with its intervals: the whole run beside the part in which the server was warm and the load full.

use super::bounds::{LATENCIES, STATS, TOO_FEW, apart};
use super::notice::{MESSAGE, level, load_name};
use super::performance::by_load;
use super::table::{Cell, Column, Row, Table};
use super::time::quantile;
use crate::run::{PointResult, RunResult};
use crate::stats::{Figures, Spread, Steady, SteadyFigures};
use crate::units::{clean, count, figure};

/// Figures of the whole load point and of its steady part; without such a part the reason stands below.
pub fn side_by_side(figures: &Figures) -> Table {
    let part = figures.steady.as_ref();
    let mut rows: Vec<Row> = Vec::new();
    let mut row = |name: String, whole: [Cell; 2], inside: Option<[Cell; 2]>| {
        let mut cells = vec![Cell::Words(name)];
        cells.extend(whole);
        if part.is_some() {
            cells.extend(inside.unwrap_or_else(|| apart(None, None)));
        }
        rows.push(cells.into());
    };
    // The rates of a part have no interval.
    let bare = |rate: Option<f64>| [Cell::Figure(rate), Cell::Text("—".to_owned())];
    let (requests, tokens) = (figures.request_throughput, figures.output_throughput);
    let of_part = part.map(|part| bare(part.request_throughput));
    row("req/s".to_owned(), apart(requests, figures.request_throughput_ci), of_part);
    if tokens.is_some() {
        let of_part = part.map(|part| bare(part.output_throughput));
        row("tok/s".to_owned(), apart(tokens, figures.output_throughput_ci), of_part);
    }
    for latency in &LATENCIES {
        let Some(whole) = (latency.of)(figures) else { continue };
        let inside = part.and_then(latency.of_part);
        for (name, stat) in STATS {
            let cells = |spread: &Spread| {
                let (value, ci) = stat(spread);
                apart(Some(value), ci)
            };
            row(format!("{} {name}, ms", latency.name), cells(whole), inside.map(cells));
        }
    }
    let columns_of = |group: &str| [Column::of(group, "value"), Column::of(group, "95 % interval")];
    let mut columns = vec![Column::alone("figure")];
    columns.extend(columns_of("whole run"));
    let mut notes = Vec::new();
    match (part, &figures.steady_none) {
        (Some(part), _) => {
            columns.extend(columns_of("steady part"));
            let SteadyFigures { part: place, requests, .. } = part;
            notes.push(format!(
                "Steady part: {:.1} to {:.1} s, {}; {} requests ended in it, latencies are of those wholly inside. Its rates have no interval.",
                place.from_s,
                place.to_s,
                clean(&place.how, MESSAGE),
                count(*requests)
            ));
        }
        (None, Some(reason)) => notes.push(format!("No steady part: {reason}.")),
        (None, None) => {}
    }
    if rows.iter().flat_map(|row| &row.cells).any(|cell| cell.text() == TOO_FEW) {
        notes.push(
            "Not enough data: too few requests that are independent of each other for a 95 % interval.".to_owned(),
        );
    }
    let caption = if part.is_some() { "Whole run and steady part" } else { "Whole run" };
    Table { caption: format!("{caption}, with 95 % intervals"), columns, rows, notes, mixed: true }
}

/// A line a load point with a steady part, and one for each reason why others have none.
pub fn steady_lines(run: &RunResult) -> Vec<String> {
    let mut lines = Vec::new();
    let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
    for point in by_load(run) {
        match (&point.figures.steady, &point.figures.steady_none) {
            (Some(part), _) => lines.push(line(run, point, part)),
            (None, Some(reason)) => {
                let load = level(point.point.load.level());
                match reasons.iter_mut().find(|(known, _)| known == reason) {
                    Some((_, loads)) => loads.push(load),
                    None => reasons.push((reason, vec![load])),
                }
            }
            (None, None) => {}
        }
    }
    lines.extend(reasons.into_iter().map(|(reason, mut loads)| {
        // Repeats of a load may share their reason.
        loads.dedup();
        format!("none at {}: {reason}", loads.join(", "))
    }));
    lines
}

fn line(run: &RunResult, point: &PointResult, part: &SteadyFigures) -> String {
    let figures = &point.figures;
    let mut parts = Vec::new();
    let rates = [
        (part.request_throughput, figures.request_throughput, "req/s"),
        (part.output_throughput, figures.output_throughput, "tok/s"),
    ];
    for (inside, whole, unit) in rates {
        if inside.is_some() {
            parts.push(format!("{} {unit} (whole run {})", figure(inside), figure(whole)));
        }
    }
    let p99 = |spread: &Spread| quantile(spread, 0.99, spread.p99);
    for latency in LATENCIES.iter().filter(|latency| latency.name != "ITL") {
        if let (Some(inside), Some(whole)) = ((latency.of_part)(part), (latency.of)(figures)) {
            parts.push(format!("{} p99 {} ({})", latency.name, p99(inside), p99(whole)));
        }
    }
    let Steady { from_s, to_s, .. } = &part.part;
    format!("{}, {from_s:.1} to {to_s:.1} s: {}", load_name(run, point), parts.join(", "))
}
