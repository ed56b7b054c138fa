//! Failures in the middle of a run: what is measured is kept, and what was not is said.

use serde_json::{Value, json};

use crate::support::{Reply, Server, closed_port, outcome, perf, report};

#[test]
fn a_server_that_dies_ends_the_run_with_what_was_measured() {
    let server = Server::start(|seen| if seen.index() == 30 { Reply::die() } else { Reply::of(&["a", "b"]) });
    let run = perf().against(&server).args("--number 500 --parallel 4").exit(3).says("was lost").says("not sent").run();
    let point = run.point("parallel_4_number_500");
    let summary = point.summary();
    assert_eq!(summary["status"], "aborted");
    assert!(summary["reason"].as_str().unwrap().contains("was lost"));
    let (total, unsent) = (point.count("total"), point.count("unsent"));
    assert!(unsent > 0 && total + unsent == 500, "{total} sent, {unsent} not");
    let rows = point.rows();
    assert_eq!((rows.len() as u64, point.parquet().height() as u64), (total, total));
    assert!(point.count("ok") >= 27, "all that was answered before is there");
    assert!(rows.iter().filter(|row| outcome(row) == "connect").count() >= 20);
    for file in ["benchmark_summary.json", "benchmark_percentile.json", "benchmark_args.json"] {
        assert!(point.path.join(file).is_file(), "{file}");
    }
    assert_eq!(point.json("benchmark_summary.json")["Success Requests"], point.count("ok"));
    assert!(run.notices().contains("was lost"));
}

#[test]
fn a_lost_target_ends_the_sweep() {
    let server = Server::start(|seen| if seen.index() == 3 { Reply::die() } else { Reply::of(&["a"]) });
    let run = perf().against(&server).args("--number 40 --parallel 1,2,4").exit(3).run();
    let points = run.summary()["points"].as_array().unwrap().len();
    assert_eq!(points, 1, "no later point was begun");
}

#[test]
fn nobody_listens_and_the_look_before_was_skipped() {
    let (_held, port) = closed_port();
    let run = perf()
        .args(&format!("--url http://127.0.0.1:{port}/v1 --model m --number 1000 --parallel 2 --no-test-connection"))
        .exit(3)
        .says("was lost")
        .run();
    let point = run.only_point();
    assert_eq!((point.count("ok"), point.summary()["status"].as_str()), (0, Some("aborted")));
    assert!(point.count("unsent") > 900);
    assert!(point.rows().iter().all(|row| row["started_ns"].is_null() && outcome(row) == "connect"));
}

#[test]
fn when_every_request_fails_the_run_is_no_success() {
    let server = Server::start(|_| Reply::error(500, "boom"));
    let run = perf().against(&server).args("--number 8 --parallel 2").exit(3).says("every request failed").run();
    let point = run.only_point();
    let summary = point.summary();
    assert_eq!((point.count("ok"), point.count("failed"), point.count("unsent")), (0, 8, 0));
    assert_eq!(summary["failures"], json!(null));
    assert_eq!(summary["figures"]["failures"]["status"]["count"], 8);
    assert_eq!(summary["figures"]["failures"]["status"]["statuses"], json!({"500": 8}));
    assert!(summary["figures"]["failures"]["status"]["first"].as_str().unwrap().contains("boom"));
    for figure in ["ttft_ms", "e2e_ms", "tpot_ms", "itl_ms", "output_tokens"] {
        assert!(summary["figures"][figure].is_null(), "{figure} of nothing");
    }
    let theirs = point.json("benchmark_summary.json");
    assert_eq!((&theirs["Failed Requests"], &theirs["Success Requests"]), (&json!(8), &json!(0)));
    assert!(point.path.join("benchmark_percentile.json").is_file());
}

#[test]
fn some_failures_are_counted_by_kind_and_enter_no_latency() {
    let server = Server::start(|seen| match seen.index() % 5 {
        1 => Reply::error(503, "busy"),
        2 => Reply::stream().role().text("a").cut(),
        3 => Reply::stream().role().text("a").event(&json!({"error": {"message": "no memory"}})),
        4 => Reply::whole(200, "text/html", "<html>"),
        _ => Reply::of(&["a", "b", "c"]),
    });
    let run = perf().against(&server).args("--number 50 --parallel 5").run();
    let point = run.only_point();
    let summary = point.summary();
    let failures = &summary["figures"]["failures"];
    for kind in ["status", "broken", "server", "payload"] {
        assert_eq!(failures[kind]["count"], 10, "{kind}: {failures}");
        assert!(!failures[kind]["first"].as_str().unwrap().is_empty());
    }
    assert_eq!((point.count("total"), point.count("ok"), point.count("failed")), (50, 10, 40));
    for (figure, values) in [("ttft_ms", 10), ("e2e_ms", 10), ("tpot_ms", 10), ("itl_ms", 20), ("output_tokens", 10)] {
        assert_eq!(summary["figures"][figure]["n"], values, "{figure}");
    }
    assert_eq!(summary["status"], "complete");
    let outcomes = point.parquet();
    let outcomes: Vec<Option<&str>> = outcomes.column("outcome").unwrap().str().unwrap().iter().collect();
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Some("ok")).count(), 10);
}

#[test]
fn a_report_made_again_says_the_same() {
    let server = Server::start(|seen| if seen.index() == 12 { Reply::die() } else { Reply::of(&["a", "b"]) });
    let run = perf().against(&server).args("--number 100 --parallel 2").exit(3).run();
    let (point, summary) = (run.only_point().summary(), run.summary());
    let theirs = std::fs::read(run.only_point().path.join("benchmark_summary.json")).unwrap();
    report(&run).run();
    assert_eq!(run.only_point().summary(), point);
    let without_path = |mut summary: Value| summary.as_object_mut().unwrap().remove("path").map(|_| summary.clone());
    assert_eq!(without_path(run.summary()), without_path(summary));
    assert_eq!(std::fs::read(run.only_point().path.join("benchmark_summary.json")).unwrap(), theirs);
}
