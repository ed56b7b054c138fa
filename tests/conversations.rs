//! Conversations of several turns: the real replies grow the history, one slot holds a conversation to its end.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Reply, Server, perf};

/// Three questions with answers that nobody must send: the server's own take their place.
const TALK: &str = r#"[{"role":"system","content":"s"},{"role":"user","content":"u1"},{"role":"assistant","content":"x"},{"role":"user","content":"u2"},{"role":"assistant","content":"x"},{"role":"user","content":"u3"}]
"#;

fn contents(body: &Value) -> Vec<String> {
    let messages = body["messages"].as_array().unwrap().iter();
    messages.map(|message| message["content"].as_str().unwrap().to_owned()).collect()
}

/// Answers with the number of user messages so far, thinking aloud before.
fn echo(body: &Value) -> Reply {
    let asked = contents(body).iter().filter(|text| text.starts_with('u')).count() as u64;
    Reply::stream().role().reasoning("hm").text("r").text(&asked.to_string()).finish().usage(10 * asked, 5).done()
}

#[test]
fn the_real_replies_go_into_the_history() {
    let server = Server::start(|seen| echo(&seen.json()));
    let run = perf()
        .against(&server)
        .file("talk.jsonl", TALK.repeat(4))
        .args("--dataset custom_multi_turn --dataset-path talk.jsonl --multi-turn --parallel 2 --number 4")
        .args("--session-header X-Session-Id")
        .run();
    let seen = server.seen();
    assert_eq!(seen.len(), 12);
    let last: Vec<_> = seen.iter().filter(|seen| contents(&seen.json()).len() == 6).collect();
    assert_eq!(last.len(), 4);
    for seen in &last {
        assert_eq!(contents(&seen.json()), ["s", "u1", "r1", "u2", "r2", "u3"]);
        assert_eq!(seen.json()["messages"][2], json!({"role": "assistant", "content": "r1"}));
    }
    // All turns of a conversation come over one connection and bear its id; no two conversations share one.
    let mut sessions: Vec<_> = seen.iter().map(|seen| seen.header("x-session-id").unwrap()).collect();
    for session in &sessions {
        let of: Vec<_> = seen.iter().filter(|seen| seen.header("x-session-id") == Some(session)).collect();
        assert_eq!(of.len(), 3);
        assert!(of.iter().all(|seen| seen.connection == of[0].connection));
    }
    sessions.sort_unstable();
    sessions.dedup();
    assert_eq!(sessions.len(), 4);
    let figures = run.only_point().summary()["figures"].clone();
    let talks = &figures["conversations"];
    assert_eq!(
        (&figures["counts"]["ok"], &talks["complete"], &talks["turns"]["max"]),
        (&json!(12), &json!(4), &json!(3.0))
    );
    assert_eq!((&talks["ttft_first_turn_ms"]["n"], &talks["ttft_later_turns_ms"]["n"]), (&json!(4), &json!(8)));
    // 0 of 10, 15 of 20 and 25 of 30 tokens were said before.
    assert_eq!(talks["cached_percent_estimated"].as_f64().unwrap(), 100.0 * 40.0 / 60.0);
    let compat = run.only_point().json("benchmark_summary.json");
    let notices = run.notices();
    assert!(notices.contains("4 conversations came to their end, 3"), "{notices}");
    assert!(notices.contains("66.7 % of the prompt tokens had been said before (estimated)"), "{notices}");
    assert_eq!((&compat["Total Requests"], &compat["Avg Turns/Request"]), (&json!(12), &json!(2.0)));
    assert_eq!(compat["KV Cache Hit Rate (%)"], json!(66.6667));
}

#[test]
fn a_failed_turn_ends_its_conversation_and_what_is_left_is_counted() {
    let server = Server::start(|seen| match contents(&seen.json()).len() {
        4 => Reply::error(500, "no"),
        _ => echo(&seen.json()),
    });
    let run = perf()
        .against(&server)
        .file("talk.jsonl", TALK)
        .args("--dataset custom_multi_turn --dataset-path talk.jsonl --multi-turn --parallel 1 --number 2")
        .run();
    let talks = run.only_point().summary()["figures"]["conversations"].clone();
    assert_eq!((&talks["complete"], &talks["failed"], &talks["turns_unsent"]), (&json!(0), &json!(2), &json!(2)));
    assert_eq!(server.seen().len(), 4);
}

#[test]
fn a_duration_cuts_no_conversation_in_two() {
    let slow = || Reply::stream().pause(Duration::from_millis(150)).text("r").finish().usage(1, 1).done();
    let server = Server::start(move |_| slow());
    for load in ["--parallel 2", "--open-loop --rate 20"] {
        let run = perf()
            .against(&server)
            .file("talk.jsonl", TALK)
            .args("--dataset custom_multi_turn --dataset-path talk.jsonl --multi-turn --number 100 --duration 0.4")
            .args(load)
            .run();
        let figures = run.only_point().summary()["figures"].clone();
        let talks = &figures["conversations"];
        let complete = talks["complete"].as_u64().unwrap();
        assert!(complete > 0, "{load}");
        assert_eq!((&talks["cut"], &talks["failed"]), (&json!(0), &json!(0)), "{load}");
        assert_eq!(figures["counts"]["ok"], 3 * complete, "{load}");
        assert_eq!(figures["counts"]["unsent"], 100 - complete, "{load}");
    }
}

#[test]
fn conversations_cannot_be_saved_for_they_hold_the_replies() {
    let server = Server::start(|seen| echo(&seen.json()));
    perf()
        .against(&server)
        .file("talk.jsonl", TALK)
        .args("--dataset custom_multi_turn --dataset-path talk.jsonl --multi-turn --number 2 --save-workload w.jsonl")
        .exit(2)
        .says("a conversation of several turns cannot be saved")
        .run();
}
