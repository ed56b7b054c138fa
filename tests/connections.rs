//! Connections are kept, counted, and renewed without blame.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::support::{Http2Server, Reply, Server, outcome, perf};

#[test]
fn a_connection_serves_one_slot_for_the_whole_run() {
    let server = Server::start(|_| Reply::of(&["a", "b"]).pause(Duration::from_millis(2)));
    let point = perf().against(&server).args("--number 40 --parallel 4").run().only_point();
    assert_eq!(server.connections(), 4);
    assert_eq!(point.count("connections"), 4);
    let rows = point.rows();
    assert_eq!(rows.iter().filter(|row| row["connection_reused"] == false).count(), 4);
    for row in &rows {
        assert_eq!(row["connect_ns"].is_null(), row["connection_reused"] == true, "{row}");
    }
}

#[test]
fn a_failure_that_was_read_to_its_end_keeps_the_connection() {
    let server = Server::start(|seen| if seen.index() < 3 { Reply::error(500, "no") } else { Reply::of(&["a"]) });
    let point = perf().against(&server).args("--number 6").run().only_point();
    assert_eq!((server.connections(), point.count("failed"), point.count("ok")), (1, 3, 3));
}

#[test]
fn a_server_that_closes_after_each_reply_is_no_failure() {
    let server = Server::start(|_| Reply::of(&["a", "b"]).close());
    let point = perf().against(&server).args("--number 12 --parallel 2").run().only_point();
    assert_eq!((point.count("ok"), point.count("failed"), point.count("connections")), (12, 0, 12));
    assert_eq!(server.connections(), 12);
}

#[test]
fn a_server_that_hangs_up_without_a_word_costs_no_more_than_the_request_it_met() {
    // Whether the next request meets the goodbye is a race; one that does was sent in vain and is told so.
    let server = Server::start(|_| Reply::of(&["a"]).close_silently());
    let point = perf().against(&server).args("--number 40 --parallel 2").run().only_point();
    let rows = point.rows();
    assert_eq!((rows.len(), point.count("ok") + point.count("failed")), (40, 40));
    for pair in rows.iter().filter(|row| outcome(row) != "ok") {
        assert_eq!((outcome(pair), &pair["connection_reused"]), ("broken", &serde_json::json!(true)), "{pair}");
    }
}

#[test]
fn a_reply_whose_end_is_the_end_of_the_connection_is_whole() {
    let body = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let reply = format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n{body}");
    let server = Server::start(move |_| Reply::raw(&reply));
    let point = perf().against(&server).args("--number 8 --parallel 2").run().only_point();
    assert_eq!((point.count("ok"), point.count("connections"), server.connections()), (8, 8, 8));
}

#[test]
fn http_2_is_spoken_in_the_clear_where_asked_for() {
    let body = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n\
                data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}\n\n\
                data: [DONE]\n\n";
    let server = Http2Server::start(body);
    let run =
        perf().against_http2(&server).args("--http-version 2 --number 10 --parallel 2 --no-test-connection").run();
    let point = run.only_point();
    assert_eq!((point.count("ok"), point.count("connections")), (10, 2));
    assert_eq!(server.connections.load(Ordering::SeqCst), 2);
    let seen = server.seen.lock().unwrap();
    assert_eq!(seen.len(), 10);
    assert!(seen.iter().all(|(version, _)| *version == http::Version::HTTP_2));
    assert_eq!(run.summary()["setting"]["http_version"], "2");
}

#[test]
fn a_server_that_only_speaks_http_1_is_told_apart() {
    let server = Server::start(|_| Reply::of(&["a"]));
    let row =
        perf().against(&server).args("--http-version 2 --number 1 --read-timeout 5").exit(3).run().only_point().row();
    assert!(!row["error"].as_str().unwrap().is_empty(), "{row}");
}
