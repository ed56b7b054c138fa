//! How many requests are sent, when no more are, and what is in them.

use std::collections::BTreeSet;
use std::time::Duration;

use evalscope::tokenizer::Tokenizer;

use crate::support::{Reply, Server, perf};

fn server() -> Server {
    Server::start(|_| Reply::of(&["a", "b"]))
}

#[test]
fn warm_up_is_sent_first_and_enters_no_figure() {
    let server = server();
    let run = perf().against(&server).args("--warmup-num 3 --number 5 --parallel 2").run();
    let point = run.only_point();
    assert_eq!(server.seen().len(), 8);
    assert_eq!((point.count("total"), point.count("warmup"), point.count("ok")), (5, 3, 5));
    assert_eq!(point.parquet().height(), 5);
    let warmups: Vec<bool> = point.rows().iter().map(|row| row["warmup"].as_bool().unwrap()).collect();
    assert_eq!(warmups, [true, true, true, false, false, false, false, false]);
    assert_eq!(point.json("benchmark_summary.json")["Total Requests"], 5);
    assert_eq!(point.summary()["figures"]["ttft_ms"]["n"], 5);
}

#[test]
fn warm_up_may_be_a_share() {
    let server = server();
    let run = perf().against(&server).args("--warmup-num 0.25 --number 8").run();
    assert_eq!((server.seen().len(), run.only_point().count("warmup")), (10, 2));
}

#[test]
fn one_number_serves_every_point_or_each_has_its_own() {
    let server = server();
    let run = perf().against(&server).args("--parallel 1,2 --number 3,4").run();
    assert_eq!(run.point("parallel_1_number_3").count("ok"), 3);
    assert_eq!(run.point("parallel_2_number_4").count("ok"), 4);
    assert_eq!(server.seen().len(), 7);
}

#[test]
fn no_more_requests_are_in_flight_than_asked_for() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    // A script is asked when a request has come; the one before on the same connection is over by then, so requests in
    // flight are never more than connections.
    let most = Arc::new(AtomicUsize::new(0));
    let server = {
        let most = Arc::clone(&most);
        Server::start(move |seen| {
            most.fetch_max(seen.connection + 1, Ordering::SeqCst);
            Reply::of(&["a"]).pause(Duration::from_millis(2))
        })
    };
    perf().against(&server).args("--parallel 7 --number 70 --workers 3").run();
    assert_eq!(most.load(Ordering::SeqCst), 7);
}

#[test]
fn a_duration_ends_the_sending_and_nothing_else() {
    let server = Server::start(|_| {
        Reply::stream().role().pause(Duration::from_millis(20)).text("a").finish().usage(1, 1).done()
    });
    let run = perf().against(&server).args("--duration 0.4 --number 1000 --parallel 2").run();
    let point = run.only_point();
    let (total, unsent) = (point.count("total"), point.count("unsent"));
    assert!(total > 0 && unsent > 0 && total + unsent == 1000, "{total} sent, {unsent} not");
    assert_eq!((point.count("ok"), server.seen().len() as u64), (total, total), "what was begun came to its end");
    assert_eq!(point.summary()["status"], "complete");
}

#[test]
fn reply_lengths_are_drawn_between_the_bounds() {
    let sent = |args: &str| -> Vec<u64> {
        let server = server();
        perf().against(&server).args("--number 60 --seed 4 --max-tokens 3 9").args(args).run();
        server.asked().iter().map(|seen| seen.json()["max_tokens"].as_u64().unwrap()).collect()
    };
    let drawn = sent("");
    assert_eq!(drawn.iter().copied().collect::<BTreeSet<_>>(), (3..=9).collect());
    assert_eq!(drawn, sent("--parallel 5"), "whatever the order of sending");
    assert_ne!(drawn, sent("--workload-seed 5"));
}

#[test]
fn random_prompts_have_exactly_the_asked_length() {
    let tokenizer = Tokenizer::built_in().unwrap();
    let prompts = |args: &str| -> Vec<String> {
        let server = server();
        perf().against(&server).args("--dataset random --number 24 --parallel 4 --seed 9").args(args).run();
        server.asked().iter().map(|seen| seen.prompt()).collect()
    };
    let lengths = |prompts: &[String]| -> BTreeSet<usize> {
        prompts.iter().map(|prompt| tokenizer.count(prompt).unwrap()).collect()
    };
    let exact = "--min-prompt-length 300 --max-prompt-length 300";
    let once = prompts(&format!("{exact} --num-workers 1"));
    assert_eq!(lengths(&once), BTreeSet::from([300]));
    assert_eq!(once, prompts(&format!("{exact} --num-workers 2")), "threads make no difference");
    assert_eq!(once.iter().collect::<BTreeSet<_>>().len(), 24, "no prompt is there twice");

    let drawn = lengths(&prompts("--min-prompt-length 10 --max-prompt-length 12"));
    assert_eq!(drawn, BTreeSet::from([10, 11, 12]));

    let prefixed = prompts("--min-prompt-length 20 --max-prompt-length 20 --prefix-length 50");
    assert_eq!(lengths(&prefixed), BTreeSet::from([70]));
    let common = prefixed[0].bytes().zip(prefixed[1].bytes()).take_while(|(a, b)| a == b).count();
    assert!(tokenizer.count(&prefixed[0][..common.min(prefixed[0].len())]).unwrap() >= 50, "a prefix is shared");
}

#[test]
fn a_dataset_is_sent_in_order_and_again_from_its_start() {
    let server = server();
    let run = perf()
        .against(&server)
        .file("lines.txt", "one\n\ntwo\nthree\n")
        .args("--dataset line_by_line --dataset-path lines.txt --dataset-offset 1 --number 3 --parallel 1,2")
        .run();
    let sent: Vec<String> = server.seen().iter().map(|seen| seen.prompt()).collect();
    assert_eq!(sent[..3], ["two", "three", "one"]);
    let mut rest = sent[3..].to_vec();
    rest.sort();
    assert_eq!(rest, ["one", "three", "two"], "the second point reads on where the first ended");
    assert!(run.notices().contains("repeat after 3"), "{}", run.notices());
    assert!(run.notices().contains("1 blank line"), "{}", run.notices());
}

#[test]
fn lines_that_are_messages_go_as_they_are() {
    let server = server();
    let line = r#"[{"role":"system","content":"be kind"},{"role":"user","content":"hi"}]"#;
    perf()
        .against(&server)
        .file("chat.jsonl", line)
        .args("--dataset line_by_line --dataset-path chat.jsonl --number 1")
        .run();
    let expected: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(server.asked()[0].json()["messages"], expected);
}

#[test]
fn slots_open_one_after_another() {
    const SLOTS: u64 = 4;
    const STEP_NS: u64 = 100_000_000;
    let server = Server::start(|_| Reply::of(&["a"]).pause(Duration::from_millis(10)));
    let run = perf().against(&server).args("--parallel 4 --number 120 --ramp-up 0.4").run();
    let rows = run.only_point().rows();
    let spans: Vec<(u64, u64)> =
        rows.iter().map(|row| (row["started_ns"].as_u64().unwrap(), row["end_ns"].as_u64().unwrap())).collect();
    let first = spans.iter().map(|(start, _)| *start).min().unwrap();
    let mut most = 0;
    for (at, _) in &spans {
        let in_flight = spans.iter().filter(|(start, end)| start <= at && at < end).count() as u64;
        // The first request starts a little after its slot opens, and only the slot's instant is known.
        let open = ((at - first + STEP_NS / 2) / STEP_NS + 1).min(SLOTS);
        assert!(in_flight <= open, "{in_flight} in flight {} ms after the first", (at - first) / 1_000_000);
        most = most.max(in_flight);
    }
    assert_eq!(most, SLOTS, "all slots were used at last");
}
