//! What is measured of a reply, whatever shape the server gives it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Reply, Run, Seen, Server, outcome, perf};

/// Long enough for two events to arrive in two reads.
const APART: Duration = Duration::from_millis(100);

fn measure_with(args: &str, script: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Run {
    let server = Server::start(script);
    perf().against(&server).args("--number 1").args(args).run()
}

/// The row of the one request that gets this reply, whatever becomes of the run.
fn row_of(make: impl Fn() -> Reply + Send + Sync + 'static) -> Value {
    measure_with("", move |_| make()).only_point().row()
}

fn failed_row_of(make: impl Fn() -> Reply + Send + Sync + 'static) -> Value {
    let server = Server::start(move |_| make());
    perf().against(&server).args("--number 1").exit(3).run().only_point().row()
}

fn stamp(row: &Value, name: &str) -> Option<u64> {
    row[format!("{name}_ns")].as_u64()
}

#[test]
fn role_reasoning_and_text_have_stamps_of_their_own() {
    let row = row_of(|| {
        Reply::stream()
            .role()
            .pause(APART)
            .reasoning("hm")
            .pause(APART)
            .text("yes")
            .pause(APART)
            .finish()
            .usage(3, 2)
            .done()
    });
    let stamps: Vec<u64> = ["started", "head", "first_event", "first_token", "first_text", "last_event", "end"]
        .map(|name| stamp(&row, name).unwrap_or_else(|| panic!("no {name}")))
        .to_vec();
    assert!(stamps.is_sorted(), "{stamps:?}");
    assert!(stamps[2] < stamps[3] && stamps[3] < stamps[4] && stamps[4] < stamps[5], "{stamps:?}");
    assert_eq!(stamp(&row, "last_token"), stamp(&row, "first_text"));
    assert_eq!((&row["chunks"], &row["outcome"], &row["status"]), (&json!(2), &json!("ok"), &json!(200)));
    assert_eq!(row["gaps_ns"].as_array().unwrap().len(), 1);
    assert!(stamp(&row, "sent").unwrap() >= stamps[0] && row["intended_ns"].as_u64().unwrap() <= stamps[0]);
}

#[test]
fn stamps_that_have_no_event_are_absent() {
    let row = row_of(|| Reply::stream().role().reasoning("a").reasoning("b").finish().usage(3, 2).done());
    assert!(stamp(&row, "first_token").is_some() && stamp(&row, "first_text").is_none());
    assert_eq!(row["chunks"], 2);

    let row = row_of(|| Reply::stream().role().finish().usage(3, 0).done());
    assert!(stamp(&row, "first_event").is_some() && stamp(&row, "first_token").is_none());
    assert_eq!((&row["chunks"], &row["outcome"]), (&json!(0), &json!("ok")));

    let run = measure_with("--no-stream", |_| {
        Reply::json(
            200,
            &json!({"choices": [{"message": {"content": "hi"}}], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}),
        )
    });
    let row = run.only_point().row();
    assert!(stamp(&row, "first_token").is_none() && stamp(&row, "last_event").is_none());
    assert_eq!((&row["stream"], &row["completion_tokens"]), (&json!(false), &json!(2)));
    assert!(run.only_point().summary()["figures"]["ttft_ms"].is_null(), "a whole reply has no first token");
}

#[test]
fn every_kind_of_token_is_a_chunk_and_nothing_else_is() {
    let row = row_of(|| {
        let call = |call: Value| json!({"tool_calls": [{"index": 0, "function": call}]});
        Reply::stream()
            .role()
            .delta(&json!({"reasoning": "one"}))
            .delta(&json!({"reasoning_content": "two"}))
            .delta(&json!({"content": ""}))
            .delta(&json!({"content": null}))
            .delta(&json!({}))
            .delta(&call(json!({"name": "f", "arguments": ""})))
            .delta(&call(json!({"arguments": "{}"})))
            .delta(&call(json!({"arguments": ""})))
            .text("five")
            .finish()
            .done()
    });
    assert_eq!(row["chunks"], 5);
    assert_eq!(row["gaps_ns"].as_array().unwrap().len(), 4);
    assert_eq!(row["text"], "onetwof{}five");
}

#[test]
fn counts_come_from_usage_else_from_a_tokenizer_else_from_nowhere() {
    let plain = || Reply::stream().role().text("the state of").text(" the art").finish().done();
    let counted = measure_with("", move |_| Reply::of(&["a", "b", "c"])).only_point();
    assert_eq!((&counted.row()["tokens_from"], &counted.row()["completion_tokens"]), (&json!("usage"), &json!(3)));
    assert_eq!((counted.row()["prompt_tokens"].as_u64(), counted.count("tokens_from_usage")), (Some(7), 1));
    assert!(counted.row()["text"].is_null(), "text is kept only where it must be counted");

    let run = measure_with("", move |_| plain());
    let nowhere = run.only_point();
    assert!(nowhere.row()["completion_tokens"].is_null() && nowhere.row()["tokens_from"].is_null());
    assert_eq!(nowhere.count("tokens_missing"), 1);
    assert!(nowhere.summary()["figures"]["output_tokens"].is_null());
    assert!(run.notices().contains("--tokenizer-path"), "{}", run.notices());

    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/datasets/tokenizer/tokenizer.json");
    let tokenizer = evalscope::tokenizer::Tokenizer::built_in().unwrap();
    let expected = i64::try_from(tokenizer.count("the state of the art").unwrap()).unwrap();
    let server = Server::start(move |_| plain());
    let point = perf().against(&server).args("--number 1 --prompt the --tokenizer-path").arg(file).run().only_point();
    assert_eq!(point.count("tokens_from_tokenizer"), 1);
    let frame = point.parquet();
    assert_eq!(frame.column("completion_tokens").unwrap().i64().unwrap().get(0), Some(expected));
    assert_eq!(frame.column("tokens_from").unwrap().str().unwrap().get(0), Some("tokenizer"));
    assert_eq!(frame.column("prompt_tokens").unwrap().i64().unwrap().get(0), Some(1));
}

#[test]
fn cached_and_reasoning_tokens_are_kept() {
    let run = measure_with("", |_| {
        let usage = json!({"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 4,
            "prompt_tokens_details": {"cached_tokens": 8}, "completion_tokens_details": {"reasoning_tokens": 3}}});
        Reply::stream().role().reasoning("x").text("y").finish().event(&usage).done()
    });
    let point = run.only_point();
    let row = point.row();
    assert_eq!((&row["cached_tokens"], &row["reasoning_tokens"]), (&json!(8), &json!(3)));
    let summary = point.summary();
    assert_eq!(summary["figures"]["cached_percent"], 80.0);
    assert_eq!(summary["figures"]["reasoning_tokens"], 3);
    assert_eq!(point.json("benchmark_summary.json")["KV Cache Hit Rate (%)"], 80.0);
}

#[test]
fn a_stream_may_end_without_its_mark_and_without_its_blank_line() {
    let row = row_of(|| Reply::stream().role().text("a").finish());
    assert_eq!((outcome(&row), &row["done_missing"]), ("ok", &json!(true)));
    let row = row_of(|| Reply::stream().role().text("a").finish().usage(1, 1).bytes("data: [DONE]"));
    assert_eq!((outcome(&row), &row["done_missing"]), ("ok", &json!(false)));
    let row = row_of(|| {
        Reply::stream()
            .role()
            .text("a")
            .bytes(r#"data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":9}}"#)
    });
    assert_eq!((outcome(&row), &row["completion_tokens"]), ("ok", &json!(9)));
    let done = row_of(|| Reply::of(&["a"]));
    assert_eq!(done["done_missing"], false);
}

#[test]
fn events_that_are_not_json_are_passed_over_and_counted() {
    let run = measure_with("", |_| {
        Reply::stream()
            .comment("ping")
            .bytes("event: ping\ndata: ping\n\n")
            .role()
            .text("a")
            .finish()
            .usage(1, 1)
            .done()
    });
    assert_eq!(run.only_point().row()["ignored_events"], 1);
    assert_eq!(run.only_point().count("ignored_events"), 1);
    assert_eq!(run.only_point().count("ok"), 1);
}

/// What a row says of its reply, apart from when.
fn said(row: &Value) -> Value {
    json!([
        row["outcome"],
        row["chunks"],
        row["decode_chunks"],
        row["text"],
        row["done_missing"],
        row["error"],
        row["ignored_events"]
    ])
}

#[test]
fn the_result_is_the_same_wherever_the_bytes_are_split() {
    fn reply(crlf: bool) -> Reply {
        let reply =
            Reply::stream().role().comment("żyję").text("é€😀").reasoning("思").text("\u{2028}z").finish().done();
        if crlf { reply.crlf() } else { reply }
    }
    for crlf in [false, true] {
        let length = reply(crlf).len();
        let server = Server::start(move |seen| reply(crlf).split_at(seen.index()));
        let point = perf()
            .against(&server)
            .args("--parallel 8 --workers 2 --number")
            .arg(length.to_string())
            .run()
            .only_point();
        let rows = point.rows();
        assert_eq!(rows.len(), length);
        assert_eq!(said(&rows[0]), json!(["ok", 3, 4, "é€😀思\u{2028}z", false, null, 0]));
        for (byte, row) in rows.iter().enumerate() {
            assert_eq!(said(row), said(&rows[0]), "split at byte {byte}, CRLF: {crlf}");
        }
    }
}

#[test]
fn an_error_inside_a_stream_is_the_servers() {
    let row = failed_row_of(|| {
        Reply::stream().role().text("a").event(&json!({"error": {"message": "out of memory", "code": 500}})).done()
    });
    assert_eq!((outcome(&row), &row["error"], &row["status"]), ("server", &json!("out of memory"), &json!(200)));
    let row = failed_row_of(|| Reply::json(200, &json!({"error": {"message": "overloaded"}})));
    assert_eq!((outcome(&row), &row["error"]), ("server", &json!("overloaded")));
}

#[test]
fn a_reply_that_breaks_off_is_broken() {
    for (name, make) in [
        ("truncated but closed as HTTP wants", (|| Reply::stream().role().text("a")) as fn() -> Reply),
        ("closed amid the stream", || Reply::stream().role().text("a").cut()),
        ("reset amid the stream", || Reply::stream().role().text("a").reset()),
        ("closed before the head", Reply::hang_up),
        ("cut amid an event", || Reply::stream().role().text("a").bytes("data: {\"choi").cut()),
        ("a body shorter than its length", || {
            Reply::raw("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{}")
        }),
    ] {
        let row = failed_row_of(make);
        assert_eq!(outcome(&row), "broken", "{name}: {row}");
        let error = row["error"].as_str().unwrap();
        assert!(!error.is_empty() && error.contains("reset") == name.contains("reset"), "{name}: {error}");
    }
}

#[test]
fn what_is_no_reply_is_called_so() {
    for (make, words) in [
        ((|| Reply::whole(200, "text/html", "<html><body>Welcome</body></html>")) as fn() -> Reply, "web page"),
        (|| Reply::whole(200, "application/json", "pong"), "not JSON"),
        (|| Reply::whole(200, "application/json", ""), "empty"),
        (|| Reply::json(200, &json!({"ok": true})), "no choices"),
        (|| Reply::stream().comment("nothing").done(), "without a single choice"),
        (|| Reply::raw("SSH-2.0-OpenSSH_9.6\r\n\r\n"), "HTTP"),
    ] {
        let row = failed_row_of(make);
        assert_eq!(outcome(&row), "payload", "{row}");
        assert!(row["error"].as_str().unwrap().contains(words), "{words}: {row}");
    }
}

#[test]
fn a_status_is_kept_with_what_the_server_said() {
    for status in [400, 401, 403, 404, 429, 500, 503] {
        let row = failed_row_of(move || Reply::error(status, "no \u{1b}[31mway"));
        assert_eq!((outcome(&row), &row["status"]), ("status", &json!(status)));
        let error = row["error"].as_str().unwrap();
        assert!(error.contains("way") && error.contains(&status.to_string()) && !error.contains('\u{1b}'), "{error}");
    }
}

#[test]
fn a_whole_reply_though_a_stream_was_asked_for_is_one() {
    let row = row_of(|| {
        Reply::json(
            200,
            &json!({"choices": [{"message": {"content": "hi"}}], "usage": {"prompt_tokens": 4, "completion_tokens": 2}}),
        )
    });
    assert_eq!((outcome(&row), &row["stream"]), ("ok", &json!(false)));
    assert_eq!((&row["prompt_tokens"], &row["completion_tokens"]), (&json!(4), &json!(2)));
}

#[test]
fn deadlines_end_what_does_not_end() {
    for (args, words, make) in [
        ("--read-timeout 0.2", "nothing arrived for 0.2 s", Reply::never as fn() -> Reply),
        ("--read-timeout 0.2", "nothing arrived for 0.2 s", || Reply::stream().role().text("a").hang()),
        ("--total-timeout 0.3", "not finished within 0.3 s", || Reply::stream().role().text("a").hang()),
    ] {
        let server = Server::start(move |_| make());
        let row = perf().against(&server).args("--number 1").args(args).exit(3).run().only_point().row();
        assert_eq!(outcome(&row), "timeout", "{row}");
        assert!(row["error"].as_str().unwrap().contains(words), "{row}");
        assert!(row["started_ns"].is_u64(), "what was written is known: {row}");
    }
}

#[test]
fn a_stream_left_open_after_its_mark_is_complete() {
    let row = row_of(|| Reply::of(&["a", "b"]).hang());
    assert_eq!((outcome(&row), &row["chunks"], &row["done_missing"]), ("ok", &json!(2), &json!(false)));
}
