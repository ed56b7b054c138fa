//! One load point with its intervals: the whole run beside the part in which the server was warm and the load full.

use super::bounds::{LATENCIES, STATS, mean_cell};
use super::notice::{level, load_name};
use super::performance::by_load;
use super::table::{Cell, Column, Row, Table};
use super::time::quantile;
use crate::run::{PointResult, RunResult};
use crate::stats::{Figures, Spread, SteadyFigures};
use crate::units::{count, figure};

/// Figures of the whole load point and of its steady part; without such a part the reason stands below.
pub fn side_by_side(figures: &Figures) -> Table {
    let part = figures.steady.as_ref();
    let mut rows: Vec<Row> = Vec::new();
    let mut row = |name: String, whole: Cell, inside: Option<Cell>| {
        let mut cells = vec![Cell::Words(name), whole];
        if part.is_some() {
            cells.push(inside.unwrap_or(Cell::Figure(None)));
        }
        rows.push(cells.into());
    };
    let bare = |rate: Option<f64>| Cell::Figure(rate);
    let (requests, tokens) = (figures.request_throughput, figures.output_throughput);
    row(
        "req/s".to_owned(),
        mean_cell(requests, figures.request_throughput_ci, 1.0),
        part.map(|part| bare(part.request_throughput)),
    );
    if tokens.is_some() {
        row(
            "tok/s".to_owned(),
            mean_cell(tokens, figures.output_throughput_ci, 1.0),
            part.map(|part| bare(part.output_throughput)),
        );
    }
    for latency in &LATENCIES {
        let Some(whole) = (latency.of)(figures) else { continue };
        let inside = part.and_then(latency.of_part);
        for (name, cell) in STATS {
            row(format!("{} {name}, ms", latency.name), cell(whole), inside.map(cell));
        }
    }
    let mut columns = vec![Column::alone("figure"), Column::alone("whole run")];
    let mut notes = Vec::new();
    match (part, &figures.steady_none) {
        (Some(part), _) => {
            columns.push(Column::alone("steady part"));
            let SteadyFigures { part: place, requests, .. } = part;
            notes.push(format!(
                "Steady part: {} to {} s, {}; {} requests ended in it, latencies are of those wholly inside.",
                figure(Some(place.from_s)),
                figure(Some(place.to_s)),
                place.how,
                count(*requests)
            ));
        }
        (None, Some(reason)) => notes.push(format!("No steady part: {reason}.")),
        (None, None) => {}
    }
    notes.push(
        "± and −+ are 95 % intervals; “not enough data” and ~: too few requests that are independent of each other for one"
            .to_owned(),
    );
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
    let (from, to) = (figure(Some(part.part.from_s)), figure(Some(part.part.to_s)));
    format!("{}, {from} to {to} s: {}", load_name(run, point), parts.join(", "))
}
