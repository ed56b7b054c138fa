//! Figures with their 95 % intervals: `212.4 ±3.1` for means and rates, `309 −22 +33` for quantiles, whose bounds need
//! not be equally far, and words where too few values are independent of each other.

use super::notice::{load_cell, mark_of};
use super::performance::by_load;
use super::pooled::{pool_cell, pool_mark};
use super::table::{Cell, Column, Mark, Row, Table};
use super::time::TimeUnit;
use super::view::any_scheduled;
use crate::run::RunResult;
use crate::stats::{Figures, Interval, Spread, SteadyFigures};
use crate::units::{down_up, plus_minus, range};

/// What stands for an interval that too few values support.
pub const TOO_FEW: &str = "not enough data";

/// A mean or a rate with its interval, both divided by `scale`.
pub fn mean_cell(value: Option<f64>, ci: Option<Interval>, scale: f64) -> Cell {
    match (value.filter(|value| value.is_finite()), ci) {
        (None, _) => Cell::Figure(None),
        (Some(value), None) => Cell::Weak(value / scale),
        // A bound that is cut off at zero is nearer than the other.
        (Some(value), Some(ci)) => Cell::Text(plus_minus(value / scale, (ci.high - value).max(value - ci.low) / scale)),
    }
}

/// A quantile with its interval, both divided by `scale`.
pub fn tail_cell(value: Option<f64>, ci: Option<Interval>, scale: f64) -> Cell {
    match (value, ci) {
        (None, _) => Cell::Figure(None),
        (Some(_), None) => Cell::Text(TOO_FEW.to_owned()),
        (Some(value), Some(ci)) => Cell::Text(down_up(value / scale, ci.low / scale, ci.high / scale)),
    }
}

/// A latency of whole figures or of those of a part.
pub(super) struct Latency {
    pub(super) name: &'static str,
    pub(super) of: fn(&Figures) -> Option<&Spread>,
    pub(super) of_part: fn(&SteadyFigures) -> Option<&Spread>,
    /// Medians from here on are shown in seconds, where a column has one unit.
    seconds_from_ms: f64,
}

/// The latencies that intervals are made of, all from the first byte of the request.
pub(super) const LATENCIES: [Latency; 4] = [
    Latency {
        name: "TTFT",
        of: |figures| figures.ttft_ms.as_ref(),
        of_part: |part| part.ttft_ms.as_ref(),
        seconds_from_ms: 10_000.0,
    },
    Latency {
        name: "TPOT",
        of: |figures| figures.tpot_ms.as_ref(),
        of_part: |part| part.tpot_ms.as_ref(),
        seconds_from_ms: 10_000.0,
    },
    Latency {
        name: "ITL",
        of: |figures| figures.itl_ms.as_ref(),
        of_part: |part| part.itl_ms.as_ref(),
        seconds_from_ms: 10_000.0,
    },
    Latency {
        name: "E2E",
        of: |figures| figures.e2e_ms.as_ref(),
        of_part: |part| part.e2e_ms.as_ref(),
        seconds_from_ms: 1_000.0,
    },
];

/// A row of the tables below: a load, and what was found there.
struct Source<'a> {
    load: Cell,
    mark: Mark,
    figures: &'a Figures,
}

/// A row a load: its repeats together where they were pooled, else each load point.
fn sources(run: &RunResult) -> Vec<Source<'_>> {
    let mut sources: Vec<(f64, Source<'_>)> = Vec::new();
    for pooled in &run.pooled {
        let source = Source { load: pool_cell(pooled), mark: pool_mark(pooled), figures: &pooled.figures };
        sources.push((pooled.load.level(), source));
    }
    let alone = |folder: &str| !run.pooled.iter().any(|pooled| pooled.has(folder));
    for point in by_load(run).into_iter().filter(|point| alone(&point.folder)) {
        let source = Source { load: load_cell(point), mark: mark_of(point), figures: &point.figures };
        sources.push((point.point.load.level(), source));
    }
    sources.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    sources.into_iter().map(|(_, source)| source).filter(|source| source.figures.counts.ok > 0).collect()
}

/// The tables of a console: means and rates, p99, and p99.9 where any load has enough data for it; the notes of the last
/// one are for all.
pub fn bounds(run: &RunResult) -> Vec<Table> {
    of_sources(&sources(run), any_scheduled(run))
}

/// The same of pooled runs alone.
pub(super) fn bounds_of_pooled(pooled: &[crate::run::Pooled]) -> Vec<Table> {
    let sources: Vec<Source<'_>> = pooled
        .iter()
        .map(|pooled| Source { load: pool_cell(pooled), mark: pool_mark(pooled), figures: &pooled.figures })
        .filter(|source| source.figures.counts.ok > 0)
        .collect();
    of_sources(&sources, false)
}

fn of_sources(sources: &[Source<'_>], scheduled: bool) -> Vec<Table> {
    if sources.is_empty() {
        return Vec::new();
    }
    let there: Vec<(&Latency, TimeUnit)> = LATENCIES
        .iter()
        .filter(|latency| sources.iter().any(|source| (latency.of)(source.figures).is_some()))
        .map(|latency| {
            let spreads = sources.iter().filter_map(|source| (latency.of)(source.figures));
            (latency, TimeUnit::of(spreads, latency.seconds_from_ms))
        })
        .collect();
    let columns = |first: &str, rates: &[&str]| -> Vec<Column> {
        let latencies = there.iter().map(|(latency, unit)| {
            // Where latencies count from the due time elsewhere, these are told apart.
            let sent = if scheduled && matches!(latency.name, "TTFT" | "E2E") { " sent" } else { "" };
            format!("{}{sent} {}", latency.name, unit.name)
        });
        let rates = rates.iter().map(|rate| (*rate).to_owned());
        std::iter::once(first.to_owned()).chain(rates).chain(latencies).map(Column::alone).collect()
    };
    let table = |columns: Vec<Column>, cells: &dyn Fn(&Source<'_>) -> Vec<Cell>| Table {
        caption: "95 % intervals".to_owned(),
        columns,
        rows: sources
            .iter()
            .map(|source| {
                let mut all = vec![source.load.clone()];
                all.extend(cells(source));
                Row { mark: source.mark, cells: all, words: Vec::new() }
            })
            .collect(),
        mixed: true,
        notes: Vec::new(),
    };
    let means = table(columns("mean at", &["req/s", "tok/s"]), &|source| {
        let figures = source.figures;
        let mut cells = vec![
            mean_cell(figures.request_throughput, figures.request_throughput_ci, 1.0),
            mean_cell(figures.output_throughput, figures.output_throughput_ci, 1.0),
        ];
        cells.extend(there.iter().map(|(latency, unit)| {
            let spread = (latency.of)(figures);
            mean_cell(spread.map(|spread| spread.mean), spread.and_then(|spread| spread.mean_ci), unit.ms)
        }));
        cells
    });
    let tail = |name: &str, of: fn(&Spread) -> (f64, Option<Interval>)| {
        table(columns(name, &[]), &|source| {
            let cell = |(latency, unit): &(&Latency, TimeUnit)| {
                let found = (latency.of)(source.figures).map(of);
                tail_cell(found.map(|found| found.0), found.and_then(|found| found.1), unit.ms)
            };
            there.iter().map(cell).collect()
        })
    };
    let mut tables = vec![means, tail("p99 at", |spread| (spread.p99, spread.p99_ci))];
    // Few runs have enough data for this one, so that it shows only what has.
    let farther = tail("p99.9 at", |spread| (spread.p999, spread.p999_ci));
    let known =
        |at: usize| farther.rows.iter().any(|row| matches!(&row.cells[at], Cell::Text(text) if text != TOO_FEW));
    let kept: Vec<bool> = (0..farther.columns.len()).map(|at| at == 0 || known(at)).collect();
    let mut notes = Vec::new();
    if kept.iter().skip(1).any(|kept| *kept) {
        tables.push(farther.only(|at| kept[at]));
    }
    let unknown: Vec<&str> = there
        .iter()
        .zip(kept.iter().skip(1))
        .filter(|(_, kept)| !**kept)
        .map(|((latency, _), _)| latency.name)
        .collect();
    if !unknown.is_empty() {
        notes.push(format!("p99.9 of {}: not enough data at any load", unknown.join(", ")));
    }
    let any = |of: fn(&Cell) -> bool| tables.iter().flat_map(|table| &table.rows).flat_map(|row| &row.cells).any(of);
    let weak = any(|cell| matches!(cell, Cell::Weak(_)));
    if weak || any(|cell| cell.text() == TOO_FEW) {
        let signs = if weak { "~ and “not enough data”" } else { "not enough data" };
        notes.push(format!("{signs}: too few requests that are independent of each other for a 95 % interval"));
    }
    if let Some(last) = tables.last_mut() {
        last.notes = notes;
    }
    tables
}

/// A figure and its interval in two cells, for tables that have a column for each.
pub(super) fn apart(value: Option<f64>, ci: Option<Interval>) -> [Cell; 2] {
    let interval = match (value, ci) {
        (None, _) => "—".to_owned(),
        (Some(_), None) => TOO_FEW.to_owned(),
        (Some(_), Some(ci)) => range(ci.low, ci.high),
    };
    [Cell::Figure(value), Cell::Text(interval)]
}

/// A statistic of a latency: its name, and where it and its interval stand.
type Stat = (&'static str, fn(&Spread) -> (f64, Option<Interval>));

/// The statistics of a latency that a table of one load has.
pub(super) const STATS: [Stat; 4] = [
    ("mean", |spread| (spread.mean, spread.mean_ci)),
    ("p50", |spread| (spread.p50, spread.p50_ci)),
    ("p99", |spread| (spread.p99, spread.p99_ci)),
    ("p99.9", |spread| (spread.p999, spread.p999_ci)),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_blank() {
        let ci = |low, high| Some(Interval { low, high });
        assert_eq!(mean_cell(Some(212.43), ci(209.3, 215.5), 1.0).text(), "212.4 ±3.1");
        assert_eq!(mean_cell(Some(1.0), ci(0.0, 3.0), 1.0).text(), "1.0 ±2.0");
        assert_eq!(mean_cell(Some(35.9), None, 1.0).text(), "~35.9");
        assert_eq!(mean_cell(None, None, 1.0).text(), "—");
        assert_eq!(tail_cell(Some(1309.0), ci(1287.0, 1342.0), 1000.0).text(), "1.309 −0.022 +0.033");
        assert_eq!(tail_cell(Some(1309.0), None, 1.0).text(), "not enough data");
        assert_eq!(tail_cell(None, None, 1.0).text(), "—");
        let apart = |value, ci| apart(value, ci).map(|cell| cell.text());
        assert_eq!(apart(Some(46.31), ci(45.5, 46.74)), ["46.3", "45.50 – 46.74"]);
        assert_eq!(apart(Some(46.31), None), ["46.3", "not enough data"]);
        assert_eq!(apart(None, None), ["—", "—"]);
    }
}
