//! What is sent: bodies, headers and keys.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{Reply, Run, Server, perf};

fn server() -> Server {
    Server::start(|_| Reply::of(&["a", "b"]))
}

/// The body that a call with these arguments sends.
fn body(args: &str) -> Value {
    let server = server();
    perf().against(&server).args("--number 1 --prompt hello").args(args).run();
    server.asked()[0].json()
}

#[test]
fn a_body_holds_what_was_asked_and_nothing_else() {
    let server = server();
    perf().against(&server).args("--number 1 --prompt hello --max-tokens 16").run();
    let sent = String::from_utf8(server.asked()[0].body.clone()).unwrap();
    assert_eq!(
        sent,
        r#"{"messages":[{"role":"user","content":"hello"}],"model":"test-model","max_tokens":16,"stream":true,"stream_options":{"include_usage":true},"temperature":0.0}"#
    );
}

#[test]
fn sampling_flags_are_sent_under_the_servers_names() {
    let sent = body(
        "--max-tokens 9 --min-tokens 2 --temperature 0.5 --top-p 0.9 --top-k 40 --frequency-penalty 0.1 \
         --repetition-penalty 1.1 --seed 7 --n-choices 2 --logprobs --stop END --stop-token-ids 1,2 \
         --extra-args {\"ignore_eos\":true,\"temperature\":0.25}",
    );
    let expected = json!({"messages": [{"role": "user", "content": "hello"}], "model": "test-model", "max_tokens": 9,
        "min_tokens": 2, "frequency_penalty": 0.1, "repetition_penalty": 1.1, "logprobs": true, "n": 2, "seed": 7,
        "stop": ["END"], "stream": true, "stream_options": {"include_usage": true}, "stop_token_ids": [1, 2],
        "temperature": 0.25, "top_p": 0.9, "top_k": 40, "ignore_eos": true});
    assert_eq!(sent, expected);
}

#[test]
fn a_reply_that_is_not_streamed_is_asked_for_without_stream_options() {
    let sent = body("--no-stream");
    assert_eq!(sent["stream"], false);
    assert!(sent.get("stream_options").is_none());
    assert_eq!(body("--no-stream --stream")["stream"], true, "the last of the two wins");
}

#[test]
fn plain_text_goes_to_the_completions_endpoint() {
    let server = Server::start(|_| {
        let piece = json!({"choices": [{"text": "x", "finish_reason": null}]});
        Reply::stream().event(&piece).event(&piece).finish().usage(1, 2).done()
    });
    let url = server.url().replace("/chat/completions", "/completions");
    let run = perf().arg("--url").arg(url).args("--model m --number 1 --prompt hello").run();
    assert_eq!(server.asked()[0].path, "/v1/completions");
    assert_eq!(server.asked()[0].json()["prompt"], "hello");
    assert_eq!(run.only_point().row()["chunks"], 2);
}

#[test]
fn an_address_is_completed_and_its_query_kept() {
    let server = server();
    let base = server.url().replace("/v1/chat/completions", "");
    let run = perf().arg("--url").arg(format!("{base}/v1?api-version=2")).args("--model m --number 1").run();
    assert!(server.asked().iter().all(|seen| seen.path == "/v1/chat/completions?api-version=2"));
    assert!(run.notices().contains("/v1/chat/completions"));
}

#[test]
fn each_request_has_an_id_that_its_row_bears() {
    let server = server();
    let point = perf().against(&server).args("--number 20 --parallel 4").run().only_point();
    let sent: Vec<String> = server.asked().iter().map(|seen| seen.header("x-request-id").unwrap().to_owned()).collect();
    assert_eq!(sent.iter().collect::<BTreeSet<_>>().len(), 20);
    let rows: Vec<String> = point.rows().iter().map(|row| row["request_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(sent, rows);
}

#[test]
fn headers_are_sent_and_secret_ones_are_not_saved() {
    let server = server();
    let run = perf()
        .against(&server)
        .args("--number 1 --headers X-Team=load X-Api-Key=sk-header-secret")
        .hides("sk-header-secret")
        .run();
    let seen = &server.asked()[0];
    assert_eq!((seen.header("x-team"), seen.header("x-api-key")), (Some("load"), Some("sk-header-secret")));
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(seen.header("host"), server.url().split('/').nth(2));
    nowhere(&run, "sk-header-secret");
    assert_eq!(run.only_point().json("benchmark_args.json")["headers"]["x-team"], "load");
}

/// Asserts that no file of the run holds the text.
fn nowhere(run: &Run, text: &str) {
    assert!(run.files().len() > 5);
    for file in run.files() {
        let bytes = std::fs::read(&file).unwrap();
        assert!(!bytes.windows(text.len()).any(|window| window == text.as_bytes()), "{} holds it", file.display());
    }
}

#[test]
fn the_key_is_sent_and_shown_nowhere() {
    for (args, env, key) in [
        ("", &[("OPENAI_API_KEY", "sk-one")][..], "sk-one"),
        ("", &[("EVALSCOPE_API_KEY", "sk-two"), ("OPENAI_API_KEY", "sk-one")], "sk-two"),
        ("--api-key sk-three", &[("EVALSCOPE_API_KEY", "sk-two")], "sk-three"),
        ("--api-key sk-three --headers Authorization=sk-four", &[], "sk-three"),
    ] {
        let server = server();
        let call = perf().checking(&server).args("--number 2 --debug").args(args).hides(key);
        let run = env.iter().fold(call, |call, (name, value)| call.env(name, value)).run();
        let expected = format!("Bearer {key}");
        for seen in server.seen() {
            let sent: Vec<&str> = seen
                .headers
                .iter()
                .filter(|(name, _)| name == "authorization")
                .map(|(_, value)| value.as_str())
                .collect();
            assert_eq!(sent, [expected.as_str()]);
        }
        nowhere(&run, key);
        assert_eq!(run.only_point().json("benchmark_args.json")["api_key"], "**********");
    }
}

#[test]
fn a_header_may_carry_the_key() {
    let server = server();
    let run =
        perf().against(&server).args("--number 1 --headers").arg("Authorization=Bearer sk-five").hides("sk-five").run();
    assert_eq!(server.asked()[0].header("authorization"), Some("Bearer sk-five"));
    nowhere(&run, "sk-five");
}

#[test]
fn without_a_key_no_authorization_is_sent() {
    let server = server();
    perf().against(&server).args("--number 1").env("OPENAI_API_KEY", "").run();
    assert_eq!(server.asked()[0].header("authorization"), None);
}

#[test]
fn a_server_that_repeats_the_key_cannot_make_us_show_it() {
    let server = Server::start(|seen| {
        let key = seen.header("authorization").unwrap_or("").to_owned();
        Reply::error(401, &format!("Incorrect API key provided: {key}"))
    });
    let call = || perf().env("OPENAI_API_KEY", "sk-echoed").exit(3).hides("sk-echoed").args("--number 3 --debug");
    call().checking(&server).says("Bearer **********").run();
    nowhere(&call().against(&server).run(), "sk-echoed");
}

#[test]
fn the_look_before_the_run_asks_for_one_token() {
    let server = server();
    perf().checking(&server).args("--number 2 --max-tokens 500 --min-tokens 400").run();
    let seen = server.seen();
    assert_eq!(seen.len(), 3);
    assert!(seen[0].is_probe());
    assert_eq!(seen[0].json()["max_tokens"], 1);
    assert!(seen[0].json().get("min_tokens").is_none());
}

#[test]
fn a_query_template_is_filled() {
    let server = server();
    perf()
        .against(&server)
        .file("body.json", r#"{"messages": [], "tools": [{"type": "function"}], "temperature": 0.7}"#)
        .args("--number 1 --prompt hello --query-template @body.json")
        .run();
    let sent = server.asked()[0].json();
    assert_eq!(sent["messages"], json!([{"role": "user", "content": "hello"}]));
    // As in EvalScope the flags win over these two.
    assert_eq!((&sent["temperature"], &sent["model"]), (&json!(0.0), &json!("test-model")));
    assert!(sent["tools"].is_array());
}
