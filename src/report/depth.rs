//! One load point in depth: counts, every quantity with its quantiles, distributions and the course over time.

use super::chart::Chart;
use super::course::course;
use super::goodput::goodput_table;
use super::notice::{early_end, load_name, mark_of, offered};
use super::quantiles::quantiles;
use super::shapes::shapes;
use super::side_by_side::side_by_side;
use super::speed::speed_table;
use super::sweep::quantile;
use super::table::{Cell, Column, Mark, Row, Table};
use super::time::MILLI;
use super::trust::verdict_mark;
use super::view::token_rate;
use crate::run::{PointResult, RunResult};
use crate::stats::{Counts, Figures, Spread};
use crate::units::{count, figure, span};

/// A load point in depth.
#[derive(Debug, Clone, PartialEq)]
pub struct Depth {
    /// Unique in the document.
    pub id: String,
    /// Its load in words.
    pub title: String,
    /// What is wrong with it.
    pub mark: Mark,
    /// How it ended and its main figures, one line.
    pub line: String,
    /// Counts that are not zero.
    pub facts: Vec<(String, String)>,
    /// The main figures with their intervals, beside those of the steady part.
    pub beside: Table,
    /// Limits that were kept.
    pub goodput: Table,
    /// Speed against the length of the prompt.
    pub speed: Table,
    /// Every quantity.
    pub spreads: Table,
    /// Its charts.
    pub charts: Vec<Chart>,
}

/// The depth of one point.
pub fn depth(run: &RunResult, point: &PointResult, index: usize) -> Depth {
    let id = format!("p{}", index + 1);
    let mut charts = quantiles(point, &id);
    charts.extend(shapes(point, &id));
    charts.extend(course(point, &id));
    Depth {
        title: load_name(run, point),
        mark: mark_of(point),
        line: line(point),
        facts: facts(point),
        beside: side_by_side(&point.figures),
        goodput: goodput_table(point.figures.goodput.as_ref()),
        speed: speed_table(point.speed.as_ref()),
        spreads: spreads(&point.figures),
        charts,
        id,
    }
}

fn line(point: &PointResult) -> String {
    let figures = &point.figures;
    let mut parts: Vec<String> = early_end(point.status).map(str::to_owned).into_iter().collect();
    if verdict_mark(point.verdict()) != Mark::Good {
        parts.extend(point.verdict().map(|verdict| verdict.name().to_owned()));
    }
    if figures.counts.ok == 0 {
        parts.push("nothing measured".to_owned());
    } else if let Some((rate, unit)) = token_rate(point) {
        parts.push(format!("{} {unit}", figure(Some(rate))));
    } else if let Some(rate) = figures.request_throughput {
        parts.push(format!("{} req/s", figure(Some(rate))));
    }
    parts.push(format!("{} of {} requests succeeded", count(figures.counts.ok), count(figures.counts.total)));
    parts.extend(figures.wall_s.map(span));
    parts.join(" · ")
}

fn facts(point: &PointResult) -> Vec<(String, String)> {
    let figures = &point.figures;
    // Every field is named, so that a new counter cannot be forgotten here.
    let Counts {
        total,
        ok,
        failed,
        cancelled,
        unsent,
        unsent_rows,
        censored,
        warmup,
        stream,
        non_stream,
        tokens_from_usage,
        tokens_from_tokenizer,
        tokens_missing,
        no_output,
        done_missing,
        ignored_events,
        shared_stamps,
        connections,
        clipped,
    } = figures.counts;
    let mut facts = vec![
        ("requests".to_owned(), count(total)),
        ("succeeded".to_owned(), count(ok)),
        ("failed".to_owned(), count(failed)),
    ];
    let counters = [
        ("cut by the user", cancelled),
        ("planned but not sent", unsent),
        ("of these due without a free slot", unsent_rows),
        ("cut or never sent, in the view from the due time only", censored),
        ("sent to warm up", warmup),
        ("streams", stream),
        ("not streamed", non_stream),
        ("tokens counted by the server", tokens_from_usage),
        ("tokens counted by a tokenizer", tokens_from_tokenizer),
        ("without a token count", tokens_missing),
        ("streams without a token", no_output),
        ("streams without an end mark", done_missing),
        ("events that were not JSON, passed over", ignored_events),
        ("events that share the stamp of another", shared_stamps),
        ("new connections", connections),
        ("values above a day, clipped", clipped),
    ];
    facts.extend(counters.into_iter().filter(|(_, n)| *n > 0).map(|(name, n)| (name.to_owned(), count(n))));
    facts.extend(figures.wall_s.map(|wall| ("measured for".to_owned(), span(wall))));
    facts.extend(figures.cached_percent.map(|share| ("prompt tokens from cache".to_owned(), format!("{share:.1} %"))));
    facts.extend(figures.reasoning_tokens.map(|tokens| ("reasoning tokens".to_owned(), count(tokens))));
    facts.extend(point.point.load.rate().map(|rate| ("asked for".to_owned(), format!("{} req/s", figure(Some(rate))))));
    facts.extend(offered(point).map(|words| ("schedule".to_owned(), words)));
    facts.push(("folder".to_owned(), crate::units::clean(&point.folder, 200)));
    facts
}

/// A name and the quantity it stands for.
type Quantity<'a> = (&'static str, &'a Option<Spread>);
/// A quantile: its name, its share and where it stands.
type Quantile = (&'static str, f64, fn(&Spread) -> f64);

/// Columns before the ones that hold values as they were measured: the name, n, mean and deviation.
const WHOLE: usize = 4;

/// Tokens come in whole numbers; only their mean and deviation do not, and a large mean may as well.
fn whole(cell: &mut Cell) {
    let weak = matches!(cell, Cell::Weak(_));
    if let Some(value) = cell.value() {
        *cell = Cell::Tokens { value, weak };
    }
}

fn spreads(figures: &Figures) -> Table {
    let quantities: [Quantity<'_>; 14] = [
        ("TTFT, ms", &figures.ttft_ms),
        ("TTFT from due, ms", &figures.ttft_intended_ms),
        ("to first event, ms", &figures.ttft_event_ms),
        ("to first text, ms", &figures.ttft_text_ms),
        ("TPOT, ms", &figures.tpot_ms),
        ("ITL, ms a chunk", &figures.itl_ms),
        ("ITL, ms a token", &figures.itl_per_token_ms),
        ("E2E, ms", &figures.e2e_ms),
        ("E2E from due, ms", &figures.e2e_intended_ms),
        ("decode, tok/s", &figures.decode_speed),
        ("input tokens", &figures.input_tokens),
        ("output tokens", &figures.output_tokens),
        ("connect, ms", &figures.connect_ms),
        ("slot wait, ms", &figures.slot_wait_ms),
    ];
    let quantiles: [Quantile; 6] = [
        ("p25", 0.25, |spread| spread.p25),
        ("p50", 0.5, |spread| spread.p50),
        ("p90", 0.9, |spread| spread.p90),
        ("p95", 0.95, |spread| spread.p95),
        ("p99", 0.99, |spread| spread.p99),
        ("p99.9", 0.999, |spread| spread.p999),
    ];
    let mut columns = vec![Column::alone("quantity"), Column::alone("n"), Column::alone("mean"), Column::alone("std")];
    columns.push(Column::alone("min"));
    columns.extend(quantiles.iter().map(|(name, _, _)| Column::alone(*name)));
    columns.push(Column::alone("max"));
    let rows: Vec<Row> = quantities
        .into_iter()
        .filter_map(|(name, spread)| {
            let spread = spread.as_ref()?;
            let mut cells = vec![Cell::words(name), Cell::Count(spread.n)];
            cells.extend([spread.mean, spread.std, spread.min].map(|value| Cell::Figure(Some(value))));
            cells.extend(quantiles.iter().map(|(_, q, of)| quantile(Some(spread), *q, *of, MILLI)));
            cells.push(Cell::Figure(Some(spread.max)));
            if name.ends_with("tokens") {
                cells.iter_mut().skip(WHOLE).for_each(whole);
                if spread.mean >= 1000.0
                    && let Some(mean) = cells.get_mut(2)
                {
                    whole(mean);
                }
            }
            Some(cells.into())
        })
        .collect();
    let weak = rows.iter().flat_map(|row| &row.cells).any(|cell| matches!(cell, Cell::Weak(_)));
    let notes = if weak { vec!["~ too few values for a 95 % interval".to_owned()] } else { Vec::new() };
    Table { caption: "Quantities".to_owned(), columns, rows, notes, mixed: true }
}
