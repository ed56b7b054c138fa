//! What ends a load point early, what of its begin does not count, and how often it is run.

use std::time::Duration;

use crate::support::{Reply, Server, perf};

fn prompt_server() -> Server {
    Server::start(|_| Reply::stream().role().pause(Duration::from_millis(2)).text("a").finish().usage(1, 1).done())
}

#[test]
fn a_figure_that_is_known_well_enough_ends_the_point() {
    let server = prompt_server();
    let run = perf().against(&server).args("--parallel 4 --number 20000 --until").arg("mean ttft ±50%").run();
    let point = run.only_point();
    let (ok, unsent) = (point.count("ok"), point.count("unsent"));
    // It is looked at from 100 values on, and the bound must hold three times.
    assert!((100..20_000).contains(&ok) && ok + unsent == 20_000, "{ok} done, {unsent} unsent");
    assert_eq!(point.summary()["status"], "complete");
    let reason = point.summary()["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("enough was known") && reason.contains(&format!("{unsent} requests were not sent")));
    let notices = run.notices();
    assert!(notices.contains("--until \"mean ttft ±50%\" reached: ±") && notices.contains(&reason), "{notices}");
    assert!(run.stderr.contains("reached"), "{}", run.stderr);
}

#[test]
fn a_rule_that_is_never_met_is_bounded_and_said_to_be() {
    let server = prompt_server();
    let call = || perf().against(&server).args("--parallel 4 --until").arg("p99.9 e2e ±0.001%");
    let run = call().args("--number 150").run();
    let point = run.only_point();
    assert_eq!((point.count("ok"), point.count("unsent")), (150, 0));
    assert!(point.summary()["reason"].is_null());
    assert!(run.notices().contains("--until \"p99.9 e2e ±0.001%\" not reached: "), "{}", run.notices());
    let run = call().args("--number 1000000 --duration 0.4").run();
    let point = run.only_point();
    assert!(point.count("ok") > 0 && point.count("unsent") > 0);
    assert!(run.notices().contains("not reached: "), "{}", run.notices());
}

#[test]
fn a_slow_begin_is_found_and_left_out_but_its_rows_are_kept() {
    const SLOW: usize = 25;
    let server = Server::start(|seen| {
        let wait = if seen.index() < SLOW { 300 } else { 30 };
        Reply::stream().role().pause(Duration::from_millis(wait)).text("a").finish().usage(1, 1).done()
    });
    let run = perf().against(&server).args("--number 225 --parallel 5 --warmup-num auto").run();
    let point = run.only_point();
    let (warmup, ok) = (point.count("warmup"), point.count("ok"));
    // Windows hold about five requests, and a busy machine may have more to settle; half of the point at most.
    assert!((20..=120).contains(&warmup) && warmup + ok == 225, "{warmup} left out, {ok} count");
    let notice = format!("s after the begin; the {warmup} requests before count as warm-up");
    assert!(run.notices().contains("latencies settled") && run.notices().contains(&notice), "{}", run.notices());
    let rows = point.rows();
    assert_eq!(rows.len(), 225);
    assert!(rows.iter().all(|row| row["warmup"] == false), "what was sent stays as it was sent");
    let figures = point.summary()["figures"].clone();
    assert_eq!(figures["ttft_ms"]["n"], ok);
    assert!(figures["ttft_ms"]["p50"].as_f64().unwrap() < 200.0);
    let args = point.json("benchmark_args.json");
    assert_eq!(args["warmup_num"], "auto");
}

#[test]
fn a_steady_begin_is_left_alone() {
    let server = Server::start(|_| Reply::of(&["a"]));
    let run = perf().against(&server).args("--number 30 --warmup-num auto").run();
    let point = run.only_point();
    assert_eq!((point.count("warmup"), point.count("ok")), (0, 30));
    assert!(run.notices().contains("no warm-up was found in the latencies; all requests count"), "{}", run.notices());
}

#[test]
fn a_share_of_a_fifth_is_sent_first() {
    let server = Server::start(|_| Reply::of(&["a"]));
    let run = perf().against(&server).args("--warmup-num 0.2 --number 10 --parallel 2").run();
    let point = run.only_point();
    assert_eq!((server.seen().len(), point.count("warmup"), point.count("ok")), (12, 2, 10));
    let warmups: Vec<bool> = point.rows().iter().map(|row| row["warmup"].as_bool().unwrap()).collect();
    assert_eq!(warmups, [vec![true; 2], vec![false; 10]].concat());
}

#[test]
fn repeats_are_whole_sweeps_with_folders_and_prompts_of_their_own() {
    let server = Server::start(|_| Reply::of(&["a"]));
    let run = perf().against(&server).args("--parallel 1,2 --number 3 --repeat 2").run();
    let summary = run.summary();
    let points: Vec<(&str, u64)> = summary["points"]
        .as_array()
        .unwrap()
        .iter()
        .map(|point| (point["folder"].as_str().unwrap(), point["repeat"].as_u64().unwrap()))
        .collect();
    let folders = ["parallel_1_number_3", "parallel_2_number_3"];
    let again = ["parallel_1_number_3_run_2", "parallel_2_number_3_run_2"];
    assert_eq!(points, [(folders[0], 1), (folders[1], 1), (again[0], 2), (again[1], 2)]);
    for folder in folders.iter().chain(&again) {
        assert_eq!(run.point(folder).count("ok"), 3);
    }
    let mut prompts: Vec<String> = server.asked().iter().map(|seen| seen.prompt()).collect();
    prompts.sort();
    prompts.dedup();
    assert_eq!(prompts.len(), 12, "the second sweep reads on where the first ended");
}
