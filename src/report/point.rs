//! The two tables that follow each load point on the console, with EvalScope's names and keys.

use serde_json::{Map, Value};

use super::boxed::boxed;
use super::decimal::{MISSING, decimal, number, shown};
use super::speed::speed_text;
use crate::run::PointResult;
use crate::stats::{Throughput, ThroughputRow, TraceSummary};

/// Rows of one group: the key and its decimals. A row whose key is absent is left out.
type Group = (&'static str, &'static [(&'static str, usize)]);

const GENERAL: &[(&str, usize)] =
    &[("Test Duration (s)", 2), ("Concurrency", 0), ("Request Rate (req/s)", 2), ("Req Throughput (req/s)", 2)];

const GROUPS: &[Group] = &[
    (
        "Latency",
        &[
            ("Avg Latency (s)", 3),
            ("Avg TTFT (ms)", 2),
            ("Avg TPOT (ms)", 2),
            ("Avg ITL (ms)", 2),
            ("Avg Steady ITL (ms)", 2),
            ("Avg PD Handoff Latency (ms)", 2),
            ("Avg PD Handoff Overhead (ms)", 2),
        ],
    ),
    (
        "Tokens",
        &[
            ("Avg Input Tokens", 1),
            ("Avg Output Tokens", 1),
            ("Input Throughput (tok/s)", 2),
            ("Output Throughput (tok/s)", 2),
            ("Total Throughput (tok/s)", 2),
        ],
    ),
    (
        "Multi-turn",
        &[
            ("Avg Turns/Request", 1),
            ("KV Cache Hit Rate (%)", 1),
            ("Avg First-Turn TTFT (ms)", 2),
            ("Avg Subsequent-Turn TTFT (ms)", 2),
        ],
    ),
    ("Speculative Decoding", &[("Avg Decoded Tok/Iter", 2), ("Spec. Accept Rate", 2)]),
];

/// Rows that say nothing when they are zero, because then the quantity does not exist for this kind of request.
const HIDDEN_AT_ZERO: &[&str] = &["Avg TTFT (ms)", "Avg TPOT (ms)", "Avg ITL (ms)", "Input Throughput (tok/s)"];

/// Rows of generated text, which EvalScope writes as zeros where there is none.
const OF_TEXT: &[&str] = &["Avg Output Tokens", "Output Throughput (tok/s)", "Total Throughput (tok/s)"];

/// `Benchmarking summary` and `Percentile results` of one load point.
pub fn point_tables(point: &PointResult) -> String {
    let summary = &point.evalscope_summary;
    let mut rows = vec![group("General")];
    rows.extend(GENERAL.iter().map(|(key, decimals)| vec![(*key).to_owned(), value(summary, key, *decimals)]));
    rows.push(vec![
        "Total / Success / Failed".to_owned(),
        joined(summary, &["Total Requests", "Success Requests", "Failed Requests"]),
    ]);
    let kinds = ["Stream Requests", "Non-Stream Requests"];
    if kinds.iter().all(|key| number(summary.get(*key)).is_some_and(|count| count > 0.0)) {
        rows.push(vec!["Stream / Non-Stream".to_owned(), joined(summary, &kinds)]);
    }
    let read_only = point.evalscope_percentiles.first().is_some_and(|row| row.contains_key("Input (tok/s)"));
    for (name, keys) in GROUPS {
        let shown: Vec<Vec<String>> = keys
            .iter()
            .filter(|(key, _)| {
                let zero = number(summary.get(*key)) == Some(0.0);
                let hidden = HIDDEN_AT_ZERO.contains(key) || (read_only && OF_TEXT.contains(key));
                summary.contains_key(*key) && !(zero && hidden)
            })
            .map(|(key, decimals)| vec![(*key).to_owned(), value(summary, key, *decimals)])
            .collect();
        if !shown.is_empty() {
            rows.push(group(name));
            rows.extend(shown);
        }
    }
    let summary = boxed("Benchmarking summary", &["Key", "Value"], rows, 1);
    let mut text = format!("{summary}\n{}", percentiles(&point.evalscope_percentiles));
    let further = [
        point.evalscope_traces.as_ref().map(traces),
        point.evalscope_throughput.as_ref().map(throughput),
        point.speed.as_ref().map(speed_text),
    ];
    further.into_iter().flatten().for_each(|table| text.push_str(&format!("\n{table}")));
    text
}

/// The spreads of whole conversations.
fn traces(summary: &TraceSummary) -> String {
    let rows = summary.rows.iter().map(|row| {
        let values = [row.mean, row.min, row.p50, row.p90, row.p95, row.p99, row.max];
        std::iter::once(row.metric.clone()).chain(values.map(|value| decimal(value, 2))).collect()
    });
    let title = format!("Per-trace summary ({} traces)", summary.n_traces);
    boxed(&title, &["Metric", "mean", "min", "p50", "p90", "p95", "p99", "max"], rows.collect(), 1)
}

/// Tokens a second in three windows of the time.
fn throughput(of: &Throughput) -> String {
    let title = format!("Workload throughput ({} samples)", of.n_samples);
    boxed(&title, &["Metric (tok/s)", "Overall", "Last 30s", "Steady (drop 20%)"], windows(of), 1)
}

/// A row a kind of token: its name and the rate in each window.
pub(super) fn windows(of: &Throughput) -> Vec<Vec<String>> {
    let row = |row: &ThroughputRow| {
        let rates = [row.overall, row.last_window, row.steady_state].map(|rate| decimal(rate, 2));
        std::iter::once(row.metric.clone()).chain(rates).collect()
    };
    of.rows.iter().map(row).collect()
}

fn group(name: &str) -> Vec<String> {
    vec![format!("── {name} ──"), String::new()]
}

fn value(summary: &Map<String, Value>, key: &str, decimals: usize) -> String {
    let value = number(summary.get(key));
    // -1 is how EvalScope writes "not set" for these two.
    if value.is_none() && matches!(key, "Concurrency" | "Request Rate (req/s)") {
        return "-".to_owned();
    }
    shown(value, decimals)
}

fn joined(summary: &Map<String, Value>, keys: &[&str]) -> String {
    keys.iter().map(|key| shown(number(summary.get(*key)), 0)).collect::<Vec<_>>().join(" / ")
}

/// One row a metric, one column a rank.
fn percentiles(rows: &[Map<String, Value>]) -> String {
    let ranks: Vec<&str> =
        rows.iter().map(|row| row.get("Percentiles").and_then(Value::as_str).unwrap_or(MISSING)).collect();
    let metrics = rows.first().into_iter().flat_map(Map::keys).filter(|key| *key != "Percentiles");
    let body = metrics
        .map(|metric| {
            let decimals = match metric.as_str() {
                "Latency (s)" => 3,
                "Input tokens" | "Output tokens" => 0,
                _ => 2,
            };
            let cells = rows.iter().map(|row| {
                number(row.get(metric)).map_or_else(|| MISSING.to_owned(), |value| decimal(value, decimals))
            });
            std::iter::once(metric.clone()).chain(cells).collect()
        })
        .collect();
    let header: Vec<&str> = std::iter::once("Metric").chain(ranks).collect();
    boxed("Percentile results", &header, body, 1)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{self, Load};
    use super::*;

    #[test]
    fn both_tables_of_a_point() {
        insta::assert_snapshot!(point_tables(&Load::of(8, 400).result()));
    }

    #[test]
    fn nothing_succeeded() {
        insta::assert_snapshot!(point_tables(&fixture::all_failed().points[0]));
    }

    #[test]
    fn one_request() {
        insta::assert_snapshot!(point_tables(&fixture::one_request().points[0]));
    }
}
