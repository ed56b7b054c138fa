//! `performance_summary.txt`: the sweep in EvalScope's layout, for scripts and eyes that know it.
//!
//! Everything comes from EvalScope's own figures of each point, so the file agrees with `benchmark_summary.json` and
//! `benchmark_percentile.json` beside it.

use serde_json::{Map, Value};

use super::boxed::{boxed, panel};
use super::decimal::{decimal, number, shown};
use super::point::windows;
use crate::run::{PointResult, RunResult};
use crate::stats::TraceRow;
use crate::units::clean;

/// A row of the per-request table: its name, the key of its mean, the key of its quantiles and its decimals.
const METRICS: &[(&str, &str, &str, usize)] = &[
    ("Latency (s)", "Avg Latency (s)", "Latency (s)", 3),
    ("TTFT (ms)", "Avg TTFT (ms)", "TTFT (ms)", 2),
    ("TPOT (ms)", "Avg TPOT (ms)", "TPOT (ms)", 2),
    ("Steady ITL (ms)", "Avg Steady ITL (ms)", "Steady ITL (ms)", 2),
    ("PD Handoff Latency (ms)", "Avg PD Handoff Latency (ms)", "PD Handoff Latency (ms)", 2),
    ("PD Handoff Overhead (ms)", "Avg PD Handoff Overhead (ms)", "PD Handoff Overhead (ms)", 2),
    ("Input Tokens", "Avg Input Tokens", "Input tokens", 0),
    ("Output Tokens", "Avg Output Tokens", "Output tokens", 0),
    ("Turns/Req", "Avg Turns/Request", "", 1),
    ("Cache Hit (%)", "KV Cache Hit Rate (%)", "", 1),
    ("1st-Turn TTFT (ms)", "Avg First-Turn TTFT (ms)", "", 2),
    ("Subseq. TTFT (ms)", "Avg Subsequent-Turn TTFT (ms)", "", 2),
    ("Decode toks/s", "", "Decode (tok/s)", 2),
    ("Decoded Tok/Iter", "Avg Decoded Tok/Iter", "", 2),
    ("Spec. Accept Rate", "Spec. Accept Rate", "", 2),
];

/// Heads of the overview.
pub const OVERVIEW: [&str; 6] = ["Conc.", "Rate", "Num", "RPS", "Gen/s", "Success"];

/// The points by load, as every table lists them.
pub fn by_load(run: &RunResult) -> Vec<&PointResult> {
    let mut points: Vec<&PointResult> = run.points.iter().collect();
    let of = |point: &PointResult| (point.point.load.level(), point.point.number, point.point.repeat);
    points.sort_by(|a, b| {
        let ((level_a, ..), (level_b, ..)) = (of(a), of(b));
        level_a.total_cmp(&level_b).then((of(a).1, of(a).2).cmp(&(of(b).1, of(b).2)))
    });
    points
}

/// Heads of the one table of a run whose replies hold no text.
const READ_ONLY: [&str; 9] =
    ["Conc.", "Rate", "RPS", "Avg Lat.(s)", "P99 Lat.(s)", "Avg Inp.TPS", "P99 Inp.TPS", "Avg Inp.Tok", "Success Rate"];

/// The text of `performance_summary.txt`: 120 columns, no colour.
pub fn performance_summary(run: &RunResult) -> String {
    let points = by_load(run);
    let reads =
        |point: &&PointResult| point.evalscope_percentiles.first().is_some_and(|row| row.contains_key("Input (tok/s)"));
    if points.iter().any(reads) {
        let mut out = panel("Embedding/Rerank Performance Test Summary");
        out.push('\n');
        out.push_str(&boxed("Basic Information", &[], basics(run, &points), 2));
        out.push('\n');
        let rows = points.iter().map(|point| read_only(point)).collect();
        out.push_str(&boxed("Performance Overview", &READ_ONLY, rows, 0));
        return out;
    }
    let mut out = panel("Performance Test Summary Report");
    out.push('\n');
    out.push_str(&boxed("Basic Information", &[], basics(run, &points), 2));
    out.push('\n');
    let rows = points.iter().map(|point| overview(&point.evalscope_summary)).collect();
    out.push_str(&boxed("Performance Overview", &OVERVIEW, rows, 0));
    out.push('\n');
    let rows = points.iter().flat_map(|point| per_request(point)).collect();
    let header = ["Conc.", "Rate", "Metric", "avg", "p50", "p99", "max"];
    out.push_str(&boxed("Per-Request Metrics", &header, rows, 3));
    let rows: Vec<Vec<String>> = points.iter().flat_map(|point| per_trace(point)).collect();
    if !rows.is_empty() {
        let header = ["Conc.", "Rate", "Metric", "mean", "p50", "p90", "p99", "max"];
        out.push('\n');
        out.push_str(&boxed("Per-Trace Metrics", &header, rows, 3));
    }
    let rows: Vec<Vec<String>> = points.iter().flat_map(|point| workload(point)).collect();
    if !rows.is_empty() {
        let header = ["Conc.", "Rate", "Metric (tok/s)", "Overall", "Last 30s", "Steady (drop 20%)"];
        out.push('\n');
        out.push_str(&boxed("Workload Throughput", &header, rows, 3));
    }
    out
}

/// Rows of a point, the first of them behind its load.
fn behind_load(point: &PointResult, rows: impl Iterator<Item = Vec<String>>) -> Vec<Vec<String>> {
    let mut loads = Some(load(&point.evalscope_summary)).into_iter();
    rows.map(|row| loads.next().unwrap_or_default().into_iter().chain(row).collect()).collect()
}

/// Whole conversations of a point.
fn per_trace(point: &PointResult) -> Vec<Vec<String>> {
    let rows = point.evalscope_traces.iter().flat_map(|traces| &traces.rows);
    let cells = |row: &TraceRow| {
        let decimals = if row.metric.ends_with("(%)") { 1 } else { 4 };
        let values = [row.mean, row.p50, row.p90, row.p99, row.max];
        std::iter::once(row.metric.clone()).chain(values.map(|value| decimal(value, decimals))).collect()
    };
    behind_load(point, rows.map(cells))
}

/// Tokens a second of a point in three windows of the time.
fn workload(point: &PointResult) -> Vec<Vec<String>> {
    behind_load(point, point.evalscope_throughput.iter().flat_map(windows))
}

fn basics(run: &RunResult, points: &[&PointResult]) -> Vec<Vec<String>> {
    let get = |point: &PointResult, key: &str| number(point.evalscope_summary.get(key));
    let generated: f64 = points
        .iter()
        .filter_map(|point| Some(get(point, "Avg Output Tokens")? * get(point, "Success Requests")?))
        .sum();
    let measured = points.iter().any(|point| get(point, "Success Requests").is_some_and(|ok| ok > 0.0));
    let time: f64 = points.iter().filter_map(|point| get(point, "Test Duration (s)")).sum();
    let generated = measured.then_some(generated);
    let rate = generated.filter(|_| time > 0.0).map(|tokens| tokens / time);
    let setting = &run.setting;
    let mut rows = vec![("Model", clean(&setting.model, 200))];
    rows.extend(setting.alias.iter().map(|alias| ("Alias", clean(alias, 200))));
    rows.extend([("Test Dataset", clean(&setting.dataset, 200)), ("API Type", clean(&setting.api, 40))]);
    if let Some(endpoint) = endpoint(&setting.url) {
        rows.push(("Endpoint", clean(endpoint, 200)));
    }
    // EvalScope prints this one as a float, and scripts cut it at the blank.
    let tokens = generated.map_or_else(
        || shown(None, 0),
        |tokens| {
            let text = decimal(tokens, 1);
            if text.contains('.') { format!("{text} tokens") } else { format!("{text}.0 tokens") }
        },
    );
    rows.push(("Total Generated", tokens));
    rows.push(("Avg Output Rate", rate.map_or_else(|| shown(None, 2), |rate| format!("{} tok/s", decimal(rate, 2)))));
    rows.push(("Total Test Time", format!("{} s", decimal(time, 2))));
    rows.push(("Output Path", clean(&run.path, 500)));
    rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect()
}

/// Host and port of an address.
fn endpoint(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    rest.split('/').next().filter(|host| !host.is_empty())
}

/// Concurrency and rate; -1 stands for "not set" there and becomes a dash.
fn load(summary: &Map<String, Value>) -> [String; 2] {
    let dash = |value: Option<f64>, decimals| value.map_or_else(|| "-".to_owned(), |value| decimal(value, decimals));
    [dash(number(summary.get("Concurrency")), 0), dash(number(summary.get("Request Rate (req/s)")), 2)]
}

/// A row of the overview.
pub fn overview(summary: &Map<String, Value>) -> Vec<String> {
    let get = |key: &str| number(summary.get(key));
    let total = get("Total Requests");
    let share = get("Success Requests").zip(total).filter(|(_, total)| *total > 0.0).map(|(ok, n)| 100.0 * ok / n);
    let [parallel, rate] = load(summary);
    vec![
        parallel,
        rate,
        shown(total, 0),
        shown(get("Req Throughput (req/s)"), 2),
        shown(get("Output Throughput (tok/s)"), 2),
        share.map_or_else(|| shown(None, 1), |share| format!("{}%", decimal(share, 1))),
    ]
}

/// A row of the one table of a run whose replies hold no text.
fn read_only(point: &PointResult) -> Vec<String> {
    let summary = &point.evalscope_summary;
    let get = |key: &str| number(summary.get(key));
    let [parallel, rate] = load(summary);
    let [.., success] = &overview(summary)[..] else { return Vec::new() };
    vec![
        parallel,
        rate,
        shown(get("Req Throughput (req/s)"), 2),
        shown(get("Avg Latency (s)"), 3),
        shown(number(percentile(point, "99%", "Latency (s)")), 3),
        shown(get("Input Throughput (tok/s)"), 2),
        shown(number(percentile(point, "99%", "Input (tok/s)")), 2),
        shown(get("Avg Input Tokens"), 1),
        success.clone(),
    ]
}

fn per_request(point: &PointResult) -> Vec<Vec<String>> {
    let summary = &point.evalscope_summary;
    let [parallel, rate] = load(summary);
    let mut first = true;
    METRICS
        .iter()
        .filter_map(|(name, mean, column, decimals)| {
            let mean = match *mean {
                // EvalScope derives this mean from the mean TPOT.
                "" => number(summary.get("Avg TPOT (ms)")).filter(|tpot| *tpot > 0.0).map(|tpot| 1000.0 / tpot),
                key => number(Some(summary.get(key)?)),
            };
            let mut row = if std::mem::take(&mut first) {
                vec![parallel.clone(), rate.clone()]
            } else {
                vec![String::new(), String::new()]
            };
            row.push((*name).to_owned());
            row.push(shown(mean, *decimals));
            for rank in ["50%", "99%", "max"] {
                let cell = if column.is_empty() {
                    "-".to_owned()
                } else {
                    shown(number(percentile(point, rank, column)), *decimals)
                };
                row.push(cell);
            }
            Some(row)
        })
        .collect()
}

/// A cell of `benchmark_percentile.json`.
fn percentile<'a>(point: &'a PointResult, rank: &str, column: &str) -> Option<&'a Value> {
    point
        .evalscope_percentiles
        .iter()
        .find(|row| row.get("Percentiles").and_then(Value::as_str) == Some(rank))
        .and_then(|row| row.get(column))
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    #[test]
    fn a_sweep_is_one_merged_table() {
        insta::assert_snapshot!(performance_summary(&fixture::three()));
    }

    #[test]
    fn nothing_succeeded() {
        insta::assert_snapshot!(performance_summary(&fixture::all_failed()));
    }

    #[test]
    fn points_are_listed_by_load() {
        let mut run = fixture::three();
        run.points.reverse();
        assert_eq!(performance_summary(&run), performance_summary(&fixture::three()));
    }

    #[test]
    fn the_endpoint_is_host_and_port() {
        assert_eq!(endpoint("https://h:1/v1"), Some("h:1"));
        assert_eq!(endpoint("nothing"), None);
    }
}
