//! `vllm bench serve` and the profile `vllm-bench` send the same.

use serde_json::Value;

use crate::support::{Reply, Server, perf};

/// What `tests/golden/make_vllm_bodies.py` wrote.
const GOLDEN: &str = include_str!("golden/vllm_bodies.jsonl");

#[test]
fn the_profile_sends_the_bodies_of_vllm() {
    let mut cases = 0;
    for line in GOLDEN.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let server = Server::start(|_| Reply::of(&["a", "b"]));
        let ours = case["ours"].as_str().unwrap();
        let call = perf().at(&server, "/v1/completions").args("--profile vllm-bench --no-test-connection").args(ours);
        let run = call.run();
        let sent: Vec<Value> = server.asked().iter().map(|seen| seen.json()).collect();
        assert_eq!(Value::from(sent), case["bodies"], "{ours}");
        if let Some(due) = case["due_s"].as_array() {
            let first: Vec<f64> = due.iter().filter_map(Value::as_f64).collect();
            let rows = run.only_point().rows();
            let found: Vec<f64> = rows.iter().map(|row| row["intended_ns"].as_f64().unwrap() / 1e9).collect();
            let offsets = |all: &[f64]| all.iter().map(|at| at - all[0]).collect::<Vec<_>>();
            for (found, expected) in offsets(&found).iter().zip(offsets(&first)) {
                assert!((found - expected).abs() < 2e-9, "{found} instead of {expected}");
            }
        }
        cases += 1;
    }
    assert_eq!(cases, 2);
}

#[test]
fn all_of_vllms_requests_go_at_once() {
    let server = Server::start(|_| Reply::of(&["a"]));
    let plan = perf().at(&server, "/v1/completions").args("--profile vllm-bench --dry-run").run().stdout;
    for line in ["1000 in flight, number 1000, warm-up 0", "compat = \"vllm\"", "temperature = \"server\""] {
        assert!(plan.contains(line), "{line}: {plan}");
    }
    assert!(!plan.contains("\nseed = "), "{plan}");
}

/// Flags in the first cells of the tables of a page, and what stands behind them.
fn rows(page: &str) -> Vec<(String, String)> {
    page.lines()
        .filter(|line| line.starts_with("| `--"))
        .map(|line| {
            let (first, rest) = line.trim_start_matches("| ").split_once(" | ").unwrap();
            (first.to_owned(), rest.trim_end_matches(" |").to_owned())
        })
        .collect()
}

#[test]
fn the_page_maps_to_flags_that_exist() {
    let page = include_str!("../profiles/vllm-bench-serve.md");
    let help = perf().arg("--help").run().stdout;
    let rows = rows(page);
    let theirs: usize = rows.iter().map(|(flags, _)| flags.matches("`--").count()).sum();
    assert!(theirs >= 90, "{theirs} flags of vLLM");
    for (flags, ours) in rows {
        let own = ours.split(" | ").next().unwrap();
        for flag in own.split('`').skip(1).step_by(2).filter(|code| code.starts_with("--")) {
            let name = flag.split([' ', '=']).next().unwrap();
            let known = help.contains(&format!("{name} ")) || help.contains(&format!("{name}\n"));
            assert!(known, "{flags}: {name} is no flag");
        }
    }
}
