//! The search for the load that holds what was asked.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Perf, Reply, Run, Server, perf};

/// Holds each reply back, so that requests overlap, and those above so many in flight for much longer.
fn server(most: usize) -> Server {
    Server::start(move |seen| {
        let held = if seen.in_flight > most { 1500 } else { 150 };
        Reply::stream().role().pause(Duration::from_millis(held)).text("a").text("b").finish().usage(7, 2).done()
    })
}

/// A search in single runs, each to its first value that is too long.
fn search(server: &Server, params: &str) -> Perf {
    perf().against(server).args("--sla-auto-tune --sla-num-runs 1 --sla-params").arg(params)
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn sla(run: &Run) -> Value {
    read(&run.dir().join("sla.json"))
}

fn values(sla: &Value) -> Vec<u64> {
    sla["probes"].as_array().unwrap().iter().map(|probe| probe["value"].as_u64().unwrap()).collect()
}

#[test]
fn the_parallelism_that_a_server_bears_is_found() {
    let server = server(5);
    let call = search(&server, r#"[{"p99_ttft": "<=1s"}]"#).args("--parallel 2").prints("Probes").prints("Selections");
    let run = call.run();
    let sla = sla(&run);
    assert_eq!(values(&sla), [2, 4, 8, 6, 5]);
    let selection = &sla["selections"][0];
    assert_eq!((&selection["selected"], &selection["status"]), (&json!(5), &json!("selected")));
    assert_eq!(selection["criteria"], "p99_ttft <= 1000 ms");
    let eight = &sla["probes"][2];
    assert_eq!(eight["groups"][0]["holds"], false);
    let dir = run.dir();
    let five = dir.join("sla_tuning/sla_parallel_5_run_0");
    let args = read(&five.join("benchmark_args.json"));
    assert_eq!((&args["sla_auto_tune"], &args["sla_variable"]), (&json!(true), &json!("parallel")));
    assert_eq!((&args["parallel"], &args["number"], &args["sla_num_runs"]), (&json!(5), &json!(10), &json!(1)));
    assert_eq!(args["sla_params"], r#"[{"p99_ttft": "<=1s"}]"#);
    let summary = read(&dir.join("sla_summary.json"));
    let keys: Vec<&String> = summary.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["parallel_2", "parallel_4", "parallel_5", "parallel_6", "parallel_8"]);
    assert_eq!(summary["parallel_5"]["metrics"], read(&five.join("benchmark_summary.json")));
    let rows = read(&five.join("benchmark_percentile.json"));
    assert_eq!(summary["parallel_5"]["percentiles"]["TTFT (ms)"][10], rows[10]["TTFT (ms)"]);
    let text = std::fs::read_to_string(dir.join("performance_summary.txt")).unwrap();
    assert!(text.contains("5 in flight"), "{text}");
}

#[test]
fn a_probe_ends_when_its_failure_is_certain() {
    let server = server(1);
    let args = "--sla-num-runs 3 --sla-upper-bound 1 --sla-number-multiplier 40";
    let run = perf()
        .against(&server)
        .args("--sla-auto-tune --sla-params")
        .arg(r#"{"p99_ttft": "<=1ms"}"#)
        .args(args)
        .exit(1)
        .prints("ended early, run 1 of 3")
        .run();
    let sla = sla(&run);
    let probe = &sla["probes"][0];
    assert_eq!(probe["early"], "p99_ttft is certain to be above 1 ms");
    assert_eq!((probe["runs"].as_array().unwrap().len(), &probe["runs"][0]["planned"]), (1, &json!(40)));
    assert!(probe["done"].as_u64() < Some(40), "{probe}");
    let point = read(&run.dir().join("sla_tuning/sla_parallel_1_run_0/summary.json"));
    assert_eq!(point["status"], "complete");
    assert!(point["reason"].as_str().unwrap().starts_with("enough was known"), "{}", point["reason"]);
}

#[test]
fn runs_use_fresh_prompts() {
    let server = Server::start(|_| Reply::of(&["a", "b"]));
    let run = perf()
        .against(&server)
        .args("--sla-auto-tune --sla-upper-bound 2 --sla-num-runs 2 --sla-params")
        .arg(r#"{"rps": ">0"}"#)
        .run();
    assert_eq!(values(&sla(&run)), [1, 2]);
    let prompts: std::collections::BTreeSet<String> = server.asked().iter().map(|seen| seen.prompt()).collect();
    assert_eq!(prompts.len(), 2 * 2 + 2 * 4, "two runs of two and two of four");
    let selection = &sla(&run)["selections"][0];
    assert_eq!(selection["reason"], "holds up to the upper bound (2)");
}

#[test]
fn nothing_holds_and_everything_is_written() {
    let server = Server::start(|_| Reply::of(&["a", "b"]));
    let params = r#"[{"rps": ">1e9"}, {"rps": ">0"}]"#;
    let run = search(&server, params).args("--parallel 2 --sla-upper-bound 2").exit(1).says("no value holds").run();
    let sla = sla(&run);
    let reason = sla["selections"][0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("Failed at lower bound (1): "), "{reason}");
    assert_eq!(sla["selections"][0]["selected"], Value::Null);
    assert_eq!(sla["selections"][1]["selected"], 2, "each group is searched on its own");
    assert!(run.dir().join("sla_summary.json").is_file());
    assert!(run.stdout.contains("None"));
}

#[test]
fn a_server_that_fails_every_request() {
    let server = Server::start(|_| Reply::error(500, "out of order"));
    let run = search(&server, r#"{"tps": "max"}"#).exit(3).says("every request failed").run();
    assert_eq!(sla(&run)["selections"][0]["status"], "failed");
}

#[test]
fn a_search_that_is_stopped_keeps_what_it_has() {
    let server = Server::start(|seen| match seen.in_flight {
        1 => Reply::of(&["a", "b"]),
        _ => Reply::stream().role().text("a").hang(),
    });
    let running = search(&server, r#"{"rps": ">0"}"#).exit(130).spawn();
    // Two requests of the first probe, and two of the second that find each other.
    server.wait_for(4);
    running.signal("INT");
    running.wait_until_said("stopping");
    running.signal("INT");
    let run = running.finish();
    let sla = sla(&run);
    assert_eq!(sla["selections"][0]["status"], "interrupted");
    assert_eq!(values(&sla), [1, 2]);
    assert_eq!(sla["probes"][0]["groups"][0]["holds"], true);
}

#[test]
fn what_is_wrong_with_a_search_is_said_before_anything_is_sent() {
    let server = Server::start(|_| Reply::of(&["a"]));
    for (params, words) in [
        (r#"[{"p95_ttft": "<1"}]"#, "known metrics: avg_latency"),
        (r#"[{"rps": "fast"}]"#, "group 1, rps"),
        ("p99", "--sla-params: not JSON"),
    ] {
        let run = search(&server, params).exit(2).says(words).run();
        assert!(run.left_nothing());
    }
    perf().against(&server).args("--sla-auto-tune").exit(2).says("--sla-params").run();
    assert!(server.seen().is_empty());
    let dry = search(&server, r#"{"rps": ">1"}"#).args("--dry-run").run();
    assert!(
        dry.stdout.contains("# search: parallel from 1 to 65536, first 1, 1 runs each: rps > 1 req/s"),
        "{}",
        dry.stdout
    );
}

#[test]
fn a_rate_is_searched_for_below_a_fixed_cap() {
    let server = Server::start(|_| Reply::of(&["a", "b"]));
    let args = "--sla-variable rate --sla-lower-bound 200 --sla-upper-bound 400";
    let run = search(&server, r#"{"rps": ">0"}"#).args(args).run();
    let sla = sla(&run);
    assert_eq!(values(&sla), [200, 400]);
    assert_eq!((&sla["selections"][0]["selected"], &sla["fixed_parallel"]), (&json!(400), &json!(400)));
    let folder = run.dir().join("sla_tuning/sla_rate_400_run_0");
    let args = read(&folder.join("benchmark_args.json"));
    assert_eq!((&args["rate"], &args["parallel"], &args["number"]), (&json!(400.0), &json!(400), &json!(800)));
    let plan = std::fs::read_to_string(folder.join("plan.toml")).unwrap();
    assert!(plan.contains("sla-auto-tune = false") && plan.contains("rate = 400.0"), "{plan}");
}
