//! The program measures itself against a server whose timing it knows.

use serde_json::Value;

use crate::support::{Reply, Server, calibrate, perf, report};

fn server() -> Server {
    Server::start(|_| Reply::of(&["a", "b"]))
}

/// Asserts that an error bar holds numbers, and so many requests of which none was missed.
#[track_caller]
fn is_whole(check: &Value, streams: u64, requests: u64) {
    assert_eq!(check["streams"], streams, "{check}");
    assert_eq!(check["requests"], requests, "{check}");
    assert_eq!(check["missing"], 0, "{check}");
    // 13 events a reply at 20 a second, more where the point before was faster.
    let events = check["events"].as_u64().unwrap();
    assert!(events >= requests * 13 && events.is_multiple_of(requests), "{check}");
    assert!(check["events_per_s"].as_f64().unwrap() > 0.0, "{check}");
    for of in ["ttft_ms", "itl_ms", "send_ms"] {
        let at = |part: &str| check[of][part].as_f64().unwrap_or_else(|| panic!("no {of}.{part} in {check}"));
        assert!(at("bias").is_finite() && at("low") <= at("high"), "{check}");
    }
}

#[test]
fn each_load_point_has_an_error_bar_that_a_report_keeps() {
    let server = server();
    let run = perf().with_self_check().against(&server).args("--number 4 --parallel 1,3").run();
    assert_eq!(server.seen().len(), 8, "the server gets nothing of the self-check");
    for (parallel, requests) in [(1, 2), (3, 6)] {
        let point = run.point(&format!("parallel_{parallel}_number_4"));
        is_whole(&point.json("trust.json")["self_check"], parallel, requests);
        assert_eq!(point.rows().len(), 4, "nor is it among the rows");
    }
    let before = run.point("parallel_3_number_4").json("trust.json")["self_check"].clone();
    let again = report(&run).run();
    assert_eq!(again.point("parallel_3_number_4").json("trust.json")["self_check"], before);
}

#[test]
fn an_open_loop_is_checked_at_its_rate() {
    let run = perf().with_self_check().against(&server()).args("--open-loop --rate 10 --number 3").run();
    is_whole(&run.only_point().json("trust.json")["self_check"], 7, 7);
}

#[test]
fn without_it_there_is_none() {
    let run = perf().against(&server()).args("--number 2").run();
    assert_eq!(run.only_point().json("trust.json")["self_check"], Value::Null);
}

#[cfg(target_os = "linux")]
#[test]
fn a_check_that_cannot_be_made_is_a_notice_and_the_run_goes_on() {
    // With so few files the run has enough for itself, but the check does not for another stream.
    let run = perf().with_self_check().against(&server()).args("--number 2").most_files(64).run();
    assert_eq!(run.only_point().count("ok"), 2);
    assert_eq!(run.only_point().json("trust.json")["self_check"], Value::Null);
    assert!(run.notices().contains("self-check at 1 in flight: not made"), "{}", run.notices());
}

#[test]
fn a_signal_during_the_check_ends_the_run_before_its_first_request() {
    let server = server();
    let running = perf()
        .with_self_check()
        .against(&server)
        .args("--number 4 --debug")
        .exit(130)
        .says("nothing was measured")
        .spawn();
    running.wait_until_said("self-check of this machine");
    running.signal("INT");
    assert!(running.finish().left_nothing());
    assert_eq!(server.seen().len(), 0);
}

#[test]
fn calibrate_prints_a_row_a_level_and_the_greatest_that_is_valid() {
    let run = calibrate().args("--parallel 1,2 --rate 5").prints("2 in flight").prints("5 req/s").run();
    let last = run.stdout.trim_end().lines().last().unwrap();
    assert!(last.starts_with("valid "), "{}", run.stdout);
    assert!(run.left_nothing());
}

#[test]
fn calibrate_prints_one_object_of_json() {
    let run = calibrate().args("--parallel 2 --chunk-gap 50 --json").run();
    let shown: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(run.stdout.trim_end().lines().count(), 1);
    assert_eq!(shown["format_version"], 1);
    let level = &shown["levels"][0];
    assert_eq!(level["parallel"], 2);
    is_whole(&level["trust"]["self_check"], 2, 4);
    let valid = level["trust"]["verdict"] == "VALID";
    let short = !level["trust"]["self_check"]["short_of"].is_null();
    assert_eq!(shown["valid_parallel"].as_u64(), (valid && !short).then_some(2));
}

#[test]
fn calibrate_refuses_what_it_cannot_try() {
    for (args, flag) in [
        ("--parallel 0", "--parallel"),
        ("--rate 0", "--rate"),
        ("--chunk-gap 1", "--chunk-gap"),
        ("--workers 0", "--workers"),
    ] {
        calibrate().args(args).exit(2).says(flag).run();
    }
}
