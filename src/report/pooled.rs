//! The runs of a load together, and how far they lie apart.

use super::bounds::{LATENCIES, STATS, apart, bounds_of_pooled};
use super::goodput::{goodput_table, sentence};
use super::notice::{early_end, level};
use super::table::{Cell, Column, Mark, Row, Table};
use super::terminal::{Style, laid_out, told, wrap};
use super::time::TimeUnit;
use super::trust::verdict_mark;
use crate::run::{Member, Merged, Pooled};
use crate::stats::{Between, Spread};
use crate::units::{clean, count, span};

/// A load in depth: of several runs.
#[derive(Debug, Clone, PartialEq)]
pub struct PooledDepth {
    /// Unique in the document.
    pub id: String,
    /// Its load in words.
    pub title: String,
    /// What is wrong with it.
    pub mark: Mark,
    /// Its main figures, one line.
    pub line: String,
    /// Pooled figures with intervals beside those of each run.
    pub table: Table,
    /// Limits kept by the requests of all runs.
    pub goodput: Table,
}

/// The load with the number of runs: `8 ×3`.
pub(super) fn pool_cell(pooled: &Pooled) -> Cell {
    Cell::Text(format!("{} ×{}", level(pooled.load.level()), pooled.runs.len()))
}

/// Whether the pooled figures carry a warning.
pub(super) fn pool_mark(pooled: &Pooled) -> Mark {
    let counts = &pooled.figures.counts;
    let cut = pooled.runs.iter().any(|run| early_end(run.status).is_some());
    match verdict_mark(pooled.verdict) {
        _ if counts.ok == 0 => Mark::Bad,
        Mark::Good if cut || counts.failed > 0 || counts.tokens_missing > 0 => Mark::Doubt,
        mark => mark,
    }
}

/// What must be told of the runs, in words.
fn words(pooled: &Pooled) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    if verdict_mark(pooled.verdict) != Mark::Good {
        words.extend(pooled.verdict.map(|verdict| verdict.name().to_lowercase()));
    }
    let cut: Vec<&Member> = pooled.runs.iter().filter(|run| early_end(run.status).is_some()).collect();
    if !cut.is_empty() {
        words.push(format!("{} cut short", cut.len()));
    }
    if pooled.at_once_s > 0.0 {
        words.push("at once".to_owned());
    }
    words
}

fn name(pooled: &Pooled) -> String {
    format!("{} {}", level(pooled.load.level()), pooled.load.unit())
}

/// A figure of the console's table: its path in [`Between`], and its value in all runs together.
type Shown = (&'static str, fn(&Pooled) -> Option<f64>);

const RATES: [Shown; 2] = [
    ("request_throughput", |pooled| pooled.figures.request_throughput),
    ("output_throughput", |pooled| pooled.figures.output_throughput),
];
/// A latency of that table.
type Timed = (&'static str, &'static str, f64, fn(&Pooled) -> Option<&Spread>);

const TIMES: [Timed; 3] = [
    ("TTFT", "ttft_ms", 10_000.0, |pooled| pooled.figures.ttft_ms.as_ref()),
    ("TPOT", "tpot_ms", 10_000.0, |pooled| pooled.figures.tpot_ms.as_ref()),
    ("E2E", "e2e_ms", 1_000.0, |pooled| pooled.figures.e2e_ms.as_ref()),
];

fn between<'a>(pooled: &'a Pooled, figure: &str) -> Option<&'a Between> {
    pooled.between.iter().find(|between| between.figure == figure)
}

/// Three rows a load: all runs together, and the lowest and highest value of any run.
pub fn pooled_table(all: &[Pooled]) -> Table {
    let mut columns = ["pooled", "req/s", "tok/s"].map(Column::alone).to_vec();
    let mut rows: Vec<Vec<[Cell; 3]>> = all
        .iter()
        .map(|pooled| {
            let ends = |text: &str| Cell::Text(text.to_owned());
            let mut cells = vec![[pool_cell(pooled), ends("lowest"), ends("highest")]];
            cells.extend(RATES.map(|(figure, value)| {
                let ends = between(pooled, figure);
                [value(pooled), ends.map(|ends| ends.lowest), ends.map(|ends| ends.highest)].map(Cell::Figure)
            }));
            cells
        })
        .collect();
    for (latency, path, seconds_from_ms, of) in TIMES {
        if all.iter().all(|pooled| of(pooled).is_none()) {
            continue;
        }
        let unit = TimeUnit::of(all.iter().filter_map(of), seconds_from_ms);
        for (stat, value) in [("p50", (|s| s.p50) as fn(&Spread) -> f64), ("p99", |s| s.p99)] {
            columns.push(Column::of(format!("{latency} {}", unit.name), stat));
            for (cells, pooled) in rows.iter_mut().zip(all) {
                let ends = between(pooled, &format!("{path}.{stat}"));
                let values = [of(pooled).map(value), ends.map(|ends| ends.lowest), ends.map(|ends| ends.highest)];
                cells.push(values.map(|value| Cell::Figure(value.map(|value| value / unit.ms))));
            }
        }
    }
    let rows = rows.into_iter().zip(all).flat_map(|(cells, pooled)| {
        [0, 1, 2].map(|index| Row {
            mark: if index == 0 { pool_mark(pooled) } else { Mark::Good },
            cells: cells.iter().map(|cell| cell[index].clone()).collect(),
            words: if index == 0 { words(pooled) } else { Vec::new() },
        })
    });
    Table {
        caption: "Runs of a load together".to_owned(),
        columns,
        rows: rows.collect(),
        notes: notes(all),
        mixed: false,
    }
}

fn notes(all: &[Pooled]) -> Vec<String> {
    let mut notes = vec![
        "pooled: percentiles of all values together; lowest and highest: of the values of the single runs".to_owned(),
    ];
    if all.iter().any(|pooled| pooled.runs.len() < 3) {
        notes.push("rates have a 95 % interval from three runs on".to_owned());
    }
    notes
}

/// The depth of one load of several runs.
pub fn pooled_depth(pooled: &Pooled, index: usize) -> PooledDepth {
    let figures = &pooled.figures;
    let mut columns = vec![Column::alone("figure")];
    columns.extend(["value", "95 % interval"].map(|name| Column::of("together", name)));
    columns.extend(["lowest", "highest"].map(|name| Column::of("of any run", name)));
    columns.extend((1..=pooled.runs.len()).map(|number| Column::of("run", count(number as u64))));
    let row = |name: String, path: &str, whole: [Cell; 2]| -> Row {
        let ends = between(pooled, path);
        let mut cells = vec![Cell::Words(name)];
        cells.extend(whole);
        cells.extend([ends.map(|ends| ends.lowest), ends.map(|ends| ends.highest)].map(Cell::Figure));
        let values = (0..pooled.runs.len()).map(|at| ends.and_then(|ends| ends.values.get(at).copied().flatten()));
        cells.extend(values.map(Cell::Figure));
        cells.into()
    };
    let requests = apart(figures.request_throughput, figures.request_throughput_ci);
    let mut rows = vec![row("req/s".to_owned(), "request_throughput", requests)];
    if figures.output_throughput.is_some() {
        let tokens = apart(figures.output_throughput, figures.output_throughput_ci);
        rows.push(row("tok/s".to_owned(), "output_throughput", tokens));
    }
    if let Some(goodput) = &figures.goodput {
        let cells = [Cell::Figure(goodput.goodput), Cell::Text("—".to_owned())];
        rows.push(row("goodput, req/s".to_owned(), "goodput.goodput", cells));
    }
    for latency in &LATENCIES {
        let Some(spread) = (latency.of)(figures) else { continue };
        for (name, stat) in STATS {
            let path = format!("{}_ms.{name}", latency.name.to_lowercase());
            let (value, ci) = stat(spread);
            rows.push(row(format!("{} {name}, ms", latency.name), &path, apart(Some(value), ci)));
        }
    }
    let notes = vec![
        "Percentiles are of all values together, never averages of percentiles. The 95 % intervals of rates come from the spread between runs, from three runs on; not enough data: too few runs, or too few requests that are independent of each other.".to_owned(),
    ];
    let mut parts = words(pooled);
    parts.push(format!("{} runs", count(pooled.runs.len() as u64)));
    parts.push(format!("{} of {} requests succeeded", count(figures.counts.ok), count(figures.counts.total)));
    parts.extend(figures.wall_s.map(span));
    PooledDepth {
        id: format!("pooled{}", index + 1),
        title: name(pooled),
        mark: pool_mark(pooled),
        line: parts.join(" · "),
        table: Table { caption: format!("{} runs together", name(pooled)), columns, rows, notes, mixed: true },
        goodput: goodput_table(figures.goodput.as_ref()),
    }
}

/// Several runs as one on a console.
pub fn merged(merged: &Merged, width: usize, style: Style) -> String {
    let mut out = String::new();
    for run in &merged.runs {
        let begun = jiff::Timestamp::from_nanosecond(i128::from(run.begun_unix_ns)).ok();
        let begun = begun.map(|begun| begun.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()).unwrap_or_default();
        let text = format!("{}  {}  {begun}", clean(&run.path, 500), clean(&run.model, 80));
        wrap(&style.plain(&text), width).iter().for_each(|line| out.push_str(&format!("{line}\n")));
    }
    for notice in &merged.notices {
        out.push_str(&told("! ", &clean(notice, 1000), width, style));
    }
    out.push('\n');
    let table = pooled_table(&merged.pooled);
    out.push_str(&laid_out(&table, width, style));
    out.push('\n');
    let bounds = bounds_of_pooled(&merged.pooled);
    bounds.iter().for_each(|table| out.push_str(&laid_out(table, width, style)));
    for note in bounds.iter().flat_map(|table| &table.notes).chain(&table.notes) {
        for line in wrap(&style.plain(note), width) {
            out.push_str(&format!("{}\n", style.dim(&line)));
        }
    }
    for pooled in &merged.pooled {
        if let Some(goodput) = &pooled.figures.goodput {
            out.push_str(&told("slo    ", &sentence(&name(pooled), goodput), width, style));
        }
    }
    out.push_str(&format!("saved  {}\n", clean(&merged.path, 1000)));
    out
}

/// What the console says of the limits that were kept by all runs of a load together.
pub(super) fn pooled_goodput(pooled: &Pooled) -> Option<String> {
    let all = format!("{}, {} runs", name(pooled), count(pooled.runs.len() as u64));
    Some(sentence(&all, pooled.figures.goodput.as_ref()?))
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::super::terminal::columns_of;
    use super::*;
    use crate::run::{FORMAT_VERSION, MergedRun, Status};
    use crate::stats::Verdict;

    fn example() -> Merged {
        let run = |host: u64| MergedRun {
            path: format!("host-{host}/qwen2.5-7b-instruct"),
            model: "qwen2.5-7b-instruct".to_owned(),
            url: "http://10.0.0.5:8000/v1/chat/completions".to_owned(),
            begun_unix_ns: 1_795_231_000_000_000_000 + host * 1_000_000_000,
        };
        Merged {
            format_version: FORMAT_VERSION,
            tool: "evalscope 0.1.0".to_owned(),
            path: "outputs/merged_20261121_040000".to_owned(),
            runs: vec![run(1), run(2), run(3)],
            pooled: fixture::pooled_goodput().pooled,
            notices: vec!["host-2 differs from host-1: --url http://a → http://b".to_owned()],
            definitions: Default::default(),
        }
    }

    #[test]
    fn merged_runs_on_a_console() {
        insta::assert_snapshot!(merged(&example(), 100, Style { color: false, ascii: false }));
    }

    #[test]
    fn no_line_is_wider_than_asked() {
        for width in [24, 40, 60, 80, 120] {
            let text = merged(&example(), width, Style { color: false, ascii: true });
            for line in text.lines().filter(|line| !line.starts_with("saved")) {
                assert!(columns_of(line) <= width && line.replace('—', "").is_ascii(), "{width}: {line}");
            }
        }
    }

    #[test]
    fn what_casts_doubt_on_a_run_is_told_of_all() {
        let mut pooled = fixture::pooled_goodput().pooled.remove(0);
        assert_eq!((pool_mark(&pooled), words(&pooled)), (Mark::Good, Vec::new()));
        pooled.runs[1].status = Status::Interrupted;
        assert_eq!((pool_mark(&pooled), words(&pooled)), (Mark::Doubt, vec!["1 cut short".to_owned()]));
        pooled.verdict = Some(Verdict::Invalid);
        pooled.at_once_s = 3.0;
        assert_eq!(
            (pool_mark(&pooled), words(&pooled).join(", ")),
            (Mark::Bad, "invalid, 1 cut short, at once".to_owned())
        );
    }
}
