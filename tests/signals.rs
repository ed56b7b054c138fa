//! A run that somebody ends keeps what it measured.

use std::io::Write;

use crate::support::{Gate, Reply, Run, Seen, Server, outcome, perf, report};

/// Answers the first four requests; later ones get what `later` says.
fn server(later: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Server {
    Server::start(move |seen| if seen.index() < 4 { Reply::of(&["a", "b"]) } else { later(seen) })
}

fn outcomes(run: &Run) -> Vec<String> {
    run.only_point().rows().iter().map(|row| outcome(row).to_owned()).collect()
}

fn drains_after(signal: &str) {
    let gate = Gate::default();
    let held = gate.clone();
    let server = server(move |_| Reply::stream().role().wait_for(&held).text("late").finish().usage(1, 1).done());
    let running = perf().against(&server).args("--number 50 --parallel 2").exit(130).says("drained").spawn();
    server.wait_for(6);
    running.signal(signal);
    running.wait_until_said("stopping");
    gate.open();
    let run = running.finish();
    assert_eq!(outcomes(&run), ["ok"; 6], "what was in flight came to its end");
    let point = run.only_point();
    assert_eq!(point.summary()["status"], "interrupted");
    assert_eq!((point.count("ok"), point.count("cancelled"), point.count("unsent")), (6, 0, 44));
    assert_eq!(server.seen().len(), 6, "nothing new was sent");
    assert!(run.notices().contains("stopped by the user"));
}

#[test]
fn the_first_ctrl_c_drains() {
    drains_after("INT");
}

#[test]
fn sigterm_is_like_ctrl_c() {
    drains_after("TERM");
}

#[test]
fn the_second_ctrl_c_cuts() {
    let server = server(|_| Reply::stream().role().text("a").hang());
    let running = perf().against(&server).args("--number 50 --parallel 2").exit(130).says("cutting").spawn();
    server.wait_for(6);
    running.signal("INT");
    running.wait_until_said("stopping");
    running.signal("INT");
    let run = running.finish();
    assert_eq!(outcomes(&run), ["ok", "ok", "ok", "ok", "cancelled", "cancelled"]);
    let point = run.only_point();
    assert_eq!((point.count("ok"), point.count("cancelled"), point.count("failed")), (4, 2, 0));
    assert_eq!((point.count("unsent"), point.count("total")), (44, 6));
    let theirs = point.json("benchmark_summary.json");
    assert_eq!(theirs["Failed Requests"], 0, "what we cut is no failure of the server");
    assert_eq!(theirs["Total Requests"], 4);
    assert_eq!(point.parquet().height(), 6);
}

#[test]
fn a_sweep_that_is_stopped_begins_no_further_point() {
    let server = server(|_| Reply::stream().role().text("a").hang());
    let running = perf().against(&server).args("--number 50 --parallel 1,2").exit(130).spawn();
    server.wait_for(5);
    running.signal("INT");
    running.wait_until_said("stopping");
    running.signal("INT");
    let run = running.finish();
    assert_eq!(run.summary()["points"].as_array().unwrap().len(), 1);
}

#[test]
fn stopped_before_the_first_request_nothing_is_left() {
    let server = Server::start(|_| Reply::never());
    let running = perf().checking(&server).args("--number 5").exit(130).says("nothing was measured").spawn();
    server.wait_for(1);
    running.signal("INT");
    running.wait_until_said("stopping");
    running.signal("INT");
    assert!(running.finish().left_nothing());
}

#[test]
fn a_killed_run_is_rebuilt_from_its_rows() {
    let server = server(|_| Reply::stream().role().text("a").hang());
    let running = perf().against(&server).args("--number 50 --parallel 2").exit(-1).spawn();
    server.wait_for(6);
    running.wait_for_rows("parallel_2_number_50", 4);
    running.signal("KILL");
    let run = running.finish();
    let folder = run.point("parallel_2_number_50");
    let mut rows = std::fs::File::options().append(true).open(folder.path.join("requests.jsonl")).unwrap();
    rows.write_all(b"{\"request_id\":\"torn-5\",\"conver").unwrap();
    drop(rows);

    let again = report(&run).run();
    let point = again.only_point();
    let summary = point.summary();
    assert_eq!(summary["status"], "recovered");
    assert!(summary["reason"].as_str().unwrap().contains("killed"));
    assert_eq!((point.count("ok"), point.count("total"), point.count("unsent")), (4, 4, 46));
    assert_eq!(point.parquet().height(), 4);
    assert!(again.notices().contains("cut short"), "{}", again.notices());
    for file in ["benchmark_summary.json", "benchmark_percentile.json", "benchmark_args.json"] {
        assert!(point.path.join(file).is_file(), "{file}");
    }
    let twice = report(&run).run();
    assert_eq!(twice.only_point().summary()["status"], "recovered", "a second report knows it still");
    assert_eq!(twice.only_point().count("unsent"), 46);
}
