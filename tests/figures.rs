//! The figures of a report are those of its rows.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Point, Reply, Server, outcome, perf};

const NS_PER_S: f64 = 1e9;
const NS_PER_MS: f64 = 1e6;

/// A run of streams with gaps, tokens that are more than chunks, cached tokens and failures.
fn measured() -> Point {
    let server = Server::start(|seen| {
        if seen.index() % 7 == 6 {
            return Reply::error(500, "now and then");
        }
        let chunks = 2 + seen.index() % 4;
        let step = Duration::from_millis(1 + (seen.index() % 3) as u64);
        let reply = (0..chunks).fold(Reply::stream().role().pause(step), |reply, _| reply.text("a b").pause(step));
        let usage = json!({"choices": [], "usage": {"prompt_tokens": 11 + seen.index() % 5,
            "completion_tokens": 2 * chunks + 1, "prompt_tokens_details": {"cached_tokens": seen.index() % 5}}});
        reply.finish().event(&usage).done()
    });
    perf().against(&server).args("--number 80 --parallel 4 --warmup-num 4").run().only_point()
}

fn number(row: &Value, name: &str) -> f64 {
    row[name].as_f64().unwrap_or_else(|| panic!("no {name} in {row}"))
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[track_caller]
fn close(found: &Value, expected: f64, unit: f64) {
    let found = found.as_f64().unwrap();
    // Half of the last place for the rounding, and as much again for sums in another order.
    assert!((found - expected).abs() <= unit, "{found} instead of {expected}");
}

#[test]
fn every_figure_can_be_made_again_from_the_rows() {
    let point = measured();
    let rows: Vec<Value> = point.rows().into_iter().filter(|row| row["warmup"] == false).collect();
    let good: Vec<&Value> = rows.iter().filter(|row| outcome(row) == "ok").collect();
    let each = |of: &dyn Fn(&Value) -> f64| -> Vec<f64> { good.iter().map(|row| of(row)).collect() };
    let since_start = |row: &Value, name: &str| number(row, name) - number(row, "started_ns");

    let ttft = each(&|row| since_start(row, "first_token_ns"));
    let e2e = each(&|row| since_start(row, "last_event_ns"));
    let tokens = each(&|row| number(row, "completion_tokens"));
    let prompts = each(&|row| number(row, "prompt_tokens"));
    let gaps: Vec<f64> =
        good.iter().flat_map(|row| row["gaps_ns"].as_array().unwrap()).map(|gap| gap.as_f64().unwrap()).collect();
    let start = rows.iter().map(|row| number(row, "started_ns")).fold(f64::INFINITY, f64::min);

    // EvalScope's files: a stream ends with its last event, and TPOT with the latency.
    let theirs = point.json("benchmark_summary.json");
    let end = |row: &Value| row["last_event_ns"].as_f64().unwrap_or_else(|| number(row, "end_ns"));
    let wall = (rows.iter().map(end).fold(0.0, f64::max) - start) / NS_PER_S;
    let tpot: Vec<f64> = (0..good.len()).map(|i| (e2e[i] - ttft[i]) / (tokens[i] - 1.0)).collect();
    assert_eq!((rows.len(), good.len()), (80, point.count("ok") as usize));
    assert_eq!(theirs["Total Requests"], 80);
    assert_eq!(theirs["Success Requests"], good.len());
    assert_eq!(theirs["Failed Requests"], 80 - good.len());
    let (s, ms) = (0.0001, 0.01);
    close(&theirs["Test Duration (s)"], wall, s);
    close(&theirs["Req Throughput (req/s)"], good.len() as f64 / wall, s);
    close(&theirs["Avg Latency (s)"], mean(&e2e) / NS_PER_S, s);
    close(&theirs["Avg TTFT (ms)"], mean(&ttft) / NS_PER_MS, ms);
    close(&theirs["Avg TPOT (ms)"], mean(&tpot) / NS_PER_MS, ms);
    close(&theirs["Avg ITL (ms)"], mean(&gaps) / NS_PER_MS, ms);
    close(&theirs["Avg Input Tokens"], mean(&prompts), s);
    close(&theirs["Avg Output Tokens"], mean(&tokens), s);
    close(&theirs["Output Throughput (tok/s)"], tokens.iter().sum::<f64>() / wall, s);
    let all = tokens.iter().sum::<f64>() + prompts.iter().sum::<f64>();
    close(&theirs["Total Throughput (tok/s)"], all / wall, s);
    let cached: f64 = each(&|row| number(row, "cached_tokens")).iter().sum();
    close(&theirs["KV Cache Hit Rate (%)"], 100.0 * cached / prompts.iter().sum::<f64>(), ms);

    // Our own: a request ends with its last byte, and TPOT with the last token.
    let ours = &point.summary()["figures"];
    let wall = (rows.iter().map(|row| number(row, "end_ns")).fold(0.0, f64::max) - start) / NS_PER_S;
    let tpot = each(&|row| {
        (number(row, "last_token_ns") - number(row, "first_token_ns")) / (number(row, "completion_tokens") - 1.0)
    });
    let fine = 1e-6;
    close(&ours["wall_s"], wall, fine);
    close(&ours["request_throughput"], good.len() as f64 / wall, fine);
    close(&ours["output_throughput"], tokens.iter().sum::<f64>() / wall, fine);
    close(&ours["total_throughput"], all / wall, fine);
    for (name, values) in [("ttft_ms", &ttft), ("e2e_ms", &e2e), ("itl_ms", &gaps), ("tpot_ms", &tpot)] {
        close(&ours[name]["mean"], mean(values) / NS_PER_MS, fine);
        assert_eq!(ours[name]["n"], values.len());
        let most = values.iter().copied().fold(0.0, f64::max);
        close(&ours[name]["max"], most / NS_PER_MS, fine);
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        for (quantile, key) in [(0.5, "p50"), (0.9, "p90"), (0.99, "p99")] {
            let rank = (quantile * sorted.len() as f64).ceil() as usize;
            let exact = sorted[rank.max(1) - 1] / NS_PER_MS;
            close(&ours[name][key], exact, exact * 0.001 + fine);
        }
    }
}

#[test]
fn percentiles_are_nearest_ranks_of_each_column() {
    let point = measured();
    let rows = point.rows();
    let good = rows.iter().filter(|row| row["warmup"] == false && outcome(row) == "ok");
    let mut ttft: Vec<f64> =
        good.map(|row| (number(row, "first_token_ns") - number(row, "started_ns")) / NS_PER_MS).collect();
    ttft.sort_by(f64::total_cmp);
    let theirs = point.json("benchmark_percentile.json");
    let found = |name: &str| {
        theirs.as_array().unwrap().iter().find(|row| row["Percentiles"] == name).unwrap()["TTFT (ms)"].clone()
    };
    close(&found("min"), ttft[0], 0.0001);
    close(&found("max"), ttft[ttft.len() - 1], 0.0001);
    let column: Vec<f64> = theirs.as_array().unwrap().iter().map(|row| row["TTFT (ms)"].as_f64().unwrap()).collect();
    assert!(column.is_sorted(), "{column:?}");
    for value in column {
        assert!(ttft.iter().any(|ttft| (ttft - value).abs() <= 0.0001), "{value} was never measured");
    }
}

#[test]
fn both_row_files_say_the_same() {
    let point = measured();
    let rows: Vec<Value> = point.rows().into_iter().filter(|row| row["warmup"] == false).collect();
    let frame = point.parquet().sort(["conversation"], Default::default()).unwrap();
    assert_eq!(frame.height(), rows.len());
    for name in [
        "started_ns",
        "first_token_ns",
        "last_event_ns",
        "end_ns",
        "status",
        "prompt_tokens",
        "completion_tokens",
        "chunks",
    ] {
        let column: Vec<Option<i64>> = frame.column(name).unwrap().i64().unwrap().iter().collect();
        let expected: Vec<Option<i64>> = rows.iter().map(|row| row[name].as_i64()).collect();
        assert_eq!(column, expected, "{name}");
    }
    let column: Vec<Option<&str>> = frame.column("error").unwrap().str().unwrap().iter().collect();
    let expected: Vec<Option<&str>> = rows.iter().map(|row| row["error"].as_str()).collect();
    assert_eq!(column, expected);
}
