//! Repeats of a load, and runs of several hosts or days, as one: exact, with the spread between them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use serde_json::{Value, json};

use crate::support::{Perf, Reply, Run, Server, outcome, perf, report};

/// Streams of two tokens whose first one takes its time by turns.
fn server() -> Server {
    Server::start(|seen| {
        if seen.index() % 20 == 19 {
            return Reply::error(500, "now and then");
        }
        let usage = json!({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2}});
        let step = Duration::from_millis(1 + (seen.index() % 5) as u64);
        Reply::stream().role().pause(step).text("a").pause(step).text("b").finish().event(&usage).done()
    })
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// Times to first token of all good rows in these folders, in ms, in order.
fn ttfts(folders: &[PathBuf]) -> Vec<f64> {
    let mut all = Vec::new();
    for folder in folders {
        let text = std::fs::read_to_string(folder.join("requests.jsonl")).unwrap();
        let rows = text.lines().skip(1).map(|line| serde_json::from_str::<Value>(line).unwrap());
        all.extend(
            rows.filter(|row| outcome(row) == "ok")
                .map(|row| (number(&row["first_token_ns"]) - number(&row["started_ns"])) / 1e6),
        );
    }
    all.sort_by(f64::total_cmp);
    all
}

/// Counts of an interval log by value, read by the histogram's own crate.
fn counts(path: &Path) -> BTreeMap<u64, u64> {
    let mut counts = BTreeMap::new();
    let text = std::fs::read_to_string(path).unwrap();
    for line in text.lines().filter(|line| !line.starts_with(['#', '"'])) {
        let bytes = STANDARD.decode(line.rsplit(',').next().unwrap()).unwrap();
        let interval: Histogram<u64> = Deserializer::new().deserialize(&mut &bytes[..]).unwrap();
        for step in interval.iter_recorded() {
            *counts.entry(step.value_iterated_to()).or_default() += step.count_at_value();
        }
    }
    counts
}

/// The joined logs of a folder hold exactly what those of its parts hold.
fn assert_joined(joined: &Path, parts: &[PathBuf]) {
    for name in ["ttft", "tpot", "itl", "e2e", "ttft_intended", "e2e_intended"] {
        let name = format!("{name}.hlog");
        let mut expected = BTreeMap::new();
        for (value, count) in parts.iter().flat_map(|part| counts(&part.join(&name))) {
            *expected.entry(value).or_default() += count;
        }
        assert!(!expected.is_empty(), "{name}");
        assert_eq!(counts(&joined.join(&name)), expected, "{name}");
    }
}

/// The quantile of sorted values by nearest rank.
fn at(values: &[f64], q: f64) -> f64 {
    values[(q * values.len() as f64).ceil() as usize - 1]
}

fn close(found: &Value, expected: f64) {
    assert!((number(found) / expected - 1.0).abs() < 1e-3, "{found} is not {expected}");
}

#[test]
fn repeats_are_pooled_exactly_and_their_spread_is_told() {
    let server = server();
    let args = "--number 60 --parallel 4 --repeat 3 --goodput ttft:60000 e2el:0.000001";
    let run = perf().against(&server).args(args).prints("4 x3").prints("lowest").prints("steady none at 4").run();
    let summary = run.summary();
    let pooled = &summary["pooled"][0];
    assert_eq!((summary["pooled"].as_array().map(Vec::len), &pooled["parallel"]), (Some(1), &json!(4)));
    assert_eq!((&pooled["number"], &pooled["folder"]), (&json!(60), &json!("pooled_parallel_4_number_60")));
    let points = summary["points"].as_array().unwrap();
    let folders: Vec<PathBuf> = points.iter().map(|point| run.dir().join(point["folder"].as_str().unwrap())).collect();
    assert_eq!(folders.len(), 3);

    let (figures, all) = (&pooled["figures"], ttfts(&folders));
    assert_eq!((&figures["counts"]["total"], &figures["counts"]["ok"]), (&json!(180), &json!(171)));
    assert_eq!(figures["ttft_ms"]["n"], json!(all.len()));
    close(&figures["ttft_ms"]["mean"], all.iter().sum::<f64>() / all.len() as f64);
    for (key, q) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)] {
        close(&figures["ttft_ms"][key], at(&all, q));
    }
    let wall: f64 = points.iter().map(|point| number(&point["figures"]["wall_s"])).sum();
    close(&figures["wall_s"], wall);
    close(&figures["request_throughput"], 171.0 / wall);
    assert_eq!((&figures["goodput"]["n"], &figures["goodput"]["limits"][0]["met"]), (&json!(180), &json!(171)));
    assert!(figures["request_throughput_ci"]["low"].is_number(), "three runs tell how runs scatter");

    let between = pooled["between"].as_array().unwrap();
    let p99 = between.iter().find(|between| between["figure"] == "ttft_ms.p99").unwrap();
    let own: Vec<f64> = points.iter().map(|point| number(&point["figures"]["ttft_ms"]["p99"])).collect();
    assert_eq!(p99["values"], json!(own));
    assert_eq!(number(&p99["lowest"]), own.iter().copied().fold(f64::INFINITY, f64::min));
    assert_eq!(number(&p99["highest"]), own.iter().copied().fold(0.0, f64::max));
    assert_joined(&run.dir().join("pooled_parallel_4_number_60"), &folders);
    let page = std::fs::read_to_string(run.dir().join("perf_report.html")).unwrap();
    assert!(page.contains("Runs together") && page.contains("Limits kept"));

    // Made again from the rows it is the same.
    std::fs::remove_dir_all(run.dir().join("pooled_parallel_4_number_60")).unwrap();
    let again = report(&run).args("--json").run();
    let again: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(again["pooled"], summary["pooled"]);
    assert_joined(&run.dir().join("pooled_parallel_4_number_60"), &folders);
}

#[test]
fn a_run_without_repeats_pools_nothing() {
    let run = perf().against(&server()).args("--number 4 --parallel 1,2").run();
    assert_eq!(run.summary()["pooled"], json!([]));
    perf().inside(&run).arg("merge").arg(run.dir()).exit(2).says("nothing to pool").run();
}

/// A run of some loads of a server, and its folder.
fn measured(server: &Server, loads: &str) -> (Run, PathBuf) {
    let run = perf().against(server).args(loads).run();
    let dir = run.dir();
    (run, dir)
}

fn merge(home: &Run, runs: &[&Path]) -> Perf {
    runs.iter().fold(perf().inside(home).arg("merge"), |perf, run| perf.arg(*run))
}

#[test]
fn runs_of_several_days_are_merged_exactly() {
    let (monday, tuesday) = (server(), server());
    let (one, a) = measured(&monday, "--number 40 --parallel 2,4 --workload-seed 1");
    let (_two, b) = measured(&tuesday, "--number 60 --parallel 2,4 --workload-seed 2");
    let shown = merge(&one, &[&a, &b]).args("--output both").prints("2 x2").prints("--url").run();
    assert!(shown.stdout.contains("lowest") && shown.stdout.contains("saved  both"), "{}", shown.stdout);
    let out = one.home().join("both");
    let merged: Value = serde_json::from_str(&std::fs::read_to_string(out.join("merged.json")).unwrap()).unwrap();
    assert_eq!(merged["runs"].as_array().map(Vec::len), Some(2));
    let pooled = merged["pooled"].as_array().unwrap();
    let loads: Vec<&Value> = pooled.iter().map(|pooled| &pooled["parallel"]).collect();
    assert_eq!(loads, [2, 4]);
    for (pooled, parallel) in pooled.iter().zip([2, 4]) {
        let parts =
            [a.join(format!("parallel_{parallel}_number_40")), b.join(format!("parallel_{parallel}_number_60"))];
        assert_eq!(pooled["folder"], json!(format!("pooled_parallel_{parallel}")));
        assert_joined(&out.join(pooled["folder"].as_str().unwrap()), &parts);
        let all = ttfts(&parts);
        assert_eq!(pooled["figures"]["ttft_ms"]["n"], json!(all.len()));
        close(&pooled["figures"]["ttft_ms"]["p50"], at(&all, 0.5));
        assert_eq!(pooled["figures"]["counts"]["total"], 100);
        assert_eq!(pooled["at_once_s"], json!(0.0));
    }
    let json = merge(&one, &[&a, &b]).args("--output again --json").run();
    let again: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(again["pooled"], merged["pooled"]);
    // What was written is never written over.
    merge(&one, &[&a, &b]).args("--output both").exit(4).says("has something in it").run();
}

#[test]
fn what_does_not_match_is_refused_by_name() {
    let server = server();
    let (one, a) = measured(&server, "--number 20 --parallel 2,4");
    let (_two, b) = measured(&server, "--number 20 --parallel 2,8");
    let refused = merge(&one, &[&a, &b]).exit(2).says("do not match").says("at 4 in flight").says("at 8 in flight");
    refused.says(a.to_str().unwrap()).says(b.to_str().unwrap()).run();
    merge(&one, &[&a, &a]).exit(2).says("given twice").run();
    merge(&one, &[&a, one.home()]).exit(4).says("no run folder").run();
    std::fs::remove_file(a.join("parallel_2_number_20/summary.json")).unwrap();
    merge(&one, &[&a, &b]).exit(4).says("parallel_2_number_20").says("evalscope perf report").run();
    assert!(!one.home().join("outputs/merged").exists());
    perf().args("merge").exit(2).says("RUN").run();
    perf().args("merge --help").prints("never from averages").run();
}
