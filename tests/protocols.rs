//! Every API from end to end: what is sent, and what is made of what comes back.

use serde_json::{Value, json};

use crate::support::{Perf, Point, Reply, Run, Seen, Server, outcome, perf};

/// A run of two requests for one prompt at a path of a server, with these flags.
fn speak(server: &Server, path: &str, args: &str) -> Perf {
    perf()
        .at(server, path)
        .args("--number 2 --max-tokens 16 --no-test-connection")
        .args(args)
        .arg("--prompt")
        .arg("say hi")
}

/// Asks twice and expects these counts of prompt, reply and cache in each row.
fn counts(run: &Run, prompt: u64, completion: u64, cached: Option<u64>) -> Point {
    let point = run.only_point();
    assert_eq!((point.count("ok"), point.count("tokens_from_usage")), (2, 2), "{}", point.summary()["figures"]);
    for row in point.rows() {
        assert_eq!((&row["prompt_tokens"], &row["completion_tokens"]), (&json!(prompt), &json!(completion)), "{row}");
        assert_eq!(row["cached_tokens"], json!(cached), "{row}");
    }
    point
}

/// A stream whose text comes in so many pieces.
fn streamed(point: &Point, chunks: u64) {
    let summary = point.summary();
    for name in ["ttft_ms", "itl_ms", "tpot_ms", "e2e_ms"] {
        assert!(summary["figures"][name]["mean"].as_f64().is_some_and(|mean| mean >= 0.0), "{name}");
    }
    for row in point.rows() {
        assert_eq!((&row["stream"], &row["chunks"]), (&json!(true), &json!(chunks)), "{row}");
        assert_eq!((&row["done_missing"], &row["ignored_events"]), (&json!(false), &json!(0)), "{row}");
    }
}

fn body(server: &Server) -> String {
    String::from_utf8(server.asked()[0].body.clone()).unwrap()
}

fn named(reply: Reply, data: &Value) -> Reply {
    reply.bytes(format!("event: {}\ndata: {data}\n\n", data["type"].as_str().unwrap()))
}

fn responses(_: &Seen) -> Reply {
    [
        json!({"type": "response.created", "response": {"id": "r", "usage": null, "error": null}}),
        json!({"type": "response.output_item.added", "item": {"type": "message", "role": "assistant"}}),
        json!({"type": "response.output_text.delta", "delta": "h"}),
        json!({"type": "response.output_text.delta", "delta": "i"}),
        json!({"type": "response.completed", "response": {"usage": {"input_tokens": 5, "output_tokens": 2,
            "input_tokens_details": {"cached_tokens": 4}}}}),
    ]
    .iter()
    .fold(Reply::stream(), named)
}

#[test]
fn responses_are_spoken() {
    let server = Server::start(responses);
    let args = "--api responses --seed 7 --stop x --top-p 0.5";
    let run = speak(&server, "/v1/chat/completions", args).says("no place for seed, stop: not sent").run();
    streamed(&counts(&run, 5, 2, Some(4)), 2);
    assert_eq!(server.asked()[0].path, "/v1/responses");
    insta::assert_snapshot!(body(&server), @r#"{"input":"say hi","model":"test-model","max_output_tokens":16,"stream":true,"temperature":0.0,"top_p":0.5}"#);

    let server = Server::start(|_| {
        let failed = json!({"type": "response.failed", "response": {"error": {"message": "too hot"}}});
        named(Reply::stream(), &failed)
    });
    let row = &speak(&server, "/v1/responses", "--api openai_response").exit(3).run().only_point().rows()[0];
    assert_eq!((outcome(row), &row["error"]), ("server", &json!("too hot")));

    let server = Server::start(|_| {
        Reply::json(
            200,
            &json!({"status": "completed", "output": [{"type": "message", "content": [{"type": "output_text", "text": "hi"}]}],
                "usage": {"input_tokens": 5, "output_tokens": 2}}),
        )
    });
    let run = speak(&server, "/v1/responses", "--api openai_responses --no-stream").run();
    assert_eq!(counts(&run, 5, 2, None).rows()[0]["stream"], false);
}

fn messages(_: &Seen) -> Reply {
    [
        json!({"type": "message_start", "message": {"role": "assistant", "content": [],
            "usage": {"input_tokens": 3, "cache_read_input_tokens": 4, "cache_creation_input_tokens": 0, "output_tokens": 1}}}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "ping"}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "h"}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "i"}}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}}),
        json!({"type": "message_stop"}),
    ]
    .iter()
    .fold(Reply::stream(), named)
}

#[test]
fn messages_are_spoken_and_the_key_goes_where_they_want_it() {
    let server = Server::start(messages);
    let run = speak(&server, "/anthropic", "--api anthropic --stop x")
        .env("ANTHROPIC_API_KEY", "sk-ant-secret")
        .env("OPENAI_API_KEY", "sk-other")
        .hides("sk-ant-secret")
        .run();
    streamed(&counts(&run, 7, 2, Some(4)), 2);
    let asked = &server.asked()[0];
    assert_eq!(asked.path, "/anthropic/v1/messages");
    assert_eq!((asked.header("x-api-key"), asked.header("authorization")), (Some("sk-ant-secret"), None));
    assert_eq!(asked.header("anthropic-version"), Some("2023-06-01"));
    insta::assert_snapshot!(body(&server), @r#"{"messages":[{"role":"user","content":"say hi"}],"model":"test-model","max_tokens":16,"stop_sequences":["x"],"stream":true,"temperature":0.0}"#);
    for file in run.files() {
        let bytes = std::fs::read(&file).unwrap();
        assert!(!bytes.windows(13).any(|window| window == b"sk-ant-secret"), "{}", file.display());
    }

    let server = Server::start(|_| {
        let begun = json!({"type": "message_start", "message": {"usage": {"input_tokens": 3, "output_tokens": 1}}});
        let piece = json!({"type": "content_block_delta", "delta": {"type": "text_delta", "text": "h"}});
        named(named(Reply::stream(), &begun), &piece)
    });
    let row = &speak(&server, "/v1/messages", "--api messages").exit(3).run().only_point().rows()[0];
    assert_eq!(outcome(row), "broken", "usage at the start is no end: {row}");
}

#[test]
fn dashscope_is_spoken() {
    let server = Server::start(|_| {
        let event = |text: &str, reason: &str, tokens: u64| {
            let choice = json!({"message": {"role": "assistant", "content": text}, "finish_reason": reason});
            let usage = json!({"input_tokens": 5, "output_tokens": tokens, "total_tokens": 5 + tokens});
            let data = json!({"output": {"choices": [choice]}, "usage": usage, "request_id": "r"});
            format!("id:1\nevent:result\n:HTTP_STATUS/200\ndata:{data}\n\n")
        };
        Reply::stream().bytes(event("h", "null", 1)).bytes(event("i", "null", 2)).bytes(event("", "stop", 2))
    });
    let run = speak(&server, "", "--api dashscope --seed 7").run();
    streamed(&counts(&run, 5, 2, None), 2);
    let asked = &server.asked()[0];
    assert_eq!(asked.path, "/api/v1/services/aigc/text-generation/generation");
    assert_eq!(asked.header("x-dashscope-sse"), Some("enable"));
    insta::assert_snapshot!(body(&server), @r#"{"input":{"messages":[{"role":"user","content":"say hi"}]},"model":"test-model","parameters":{"result_format":"message","incremental_output":true,"max_tokens":16,"seed":7,"temperature":0.0}}"#);

    let server = Server::start(|_| {
        let choice = json!({"message": {"content": "hi"}, "finish_reason": "stop"});
        Reply::json(200, &json!({"output": {"choices": [choice]}, "usage": {"input_tokens": 5, "output_tokens": 2}}))
    });
    let run = speak(&server, "/api/v1", "--api dashscope --no-stream").run();
    counts(&run, 5, 2, None);
    assert_eq!(server.asked()[0].header("x-dashscope-sse"), None);

    let server = Server::start(|_| {
        Reply::stream().bytes("id:1\nevent:error\ndata:{\"code\":\"Throttling\",\"message\":\"too many\"}\n\n")
    });
    let row = &speak(&server, "", "--api dashscope").exit(3).run().only_point().rows()[0];
    assert_eq!((outcome(row), &row["error"]), ("server", &json!("too many")));
}

#[test]
fn embeddings_are_measured_by_what_is_read() {
    let server = Server::start(|_| {
        let vectors = json!([{"object": "embedding", "index": 0, "embedding": [0.1, 0.2, 0.3]}]);
        Reply::json(200, &json!({"object": "list", "data": vectors, "usage": {"prompt_tokens": 6, "total_tokens": 6}}))
    });
    let run = perf()
        .at(&server, "/v1")
        .args("--api embedding --number 4 --parallel 2 --extra-args")
        .arg(r#"{"dimensions": 3}"#)
        .args("--prompt hello")
        .prints("Input Throughput (tok/s)")
        .hides("TTFT")
        .run();
    assert_eq!(server.seen().len(), 4, "there is no request before the run");
    insta::assert_snapshot!(body(&server), @r#"{"input":"hello","model":"test-model","dimensions":3}"#);
    assert_eq!(server.asked()[0].path, "/v1/embeddings");
    let point = run.only_point();
    let figures = &point.summary()["figures"];
    assert_eq!((point.count("ok"), point.count("tokens_from_usage"), point.count("non_stream")), (4, 4, 4));
    let (wall, rate) = (figures["wall_s"].as_f64().unwrap(), figures["input_throughput"].as_f64().unwrap());
    assert!((rate * wall - 24.0).abs() < 1e-6, "{figures}");
    assert_eq!(figures["input_tokens"]["mean"], 6.0);
    for missing in ["output_throughput", "total_throughput", "output_tokens", "ttft_ms", "tpot_ms"] {
        assert!(figures[missing].is_null(), "{missing}: {figures}");
    }
    let summary = point.json("benchmark_summary.json");
    assert!(summary["Input Throughput (tok/s)"].as_f64().unwrap() > 0.0, "{summary}");
    assert_eq!((&summary["Avg Input Tokens"], &summary["Avg TTFT (ms)"]), (&json!(6.0), &json!(0.0)));
    let row = &point.json("benchmark_percentile.json")[5];
    let columns: Vec<&String> = row.as_object().unwrap().keys().collect();
    assert_eq!(columns, ["Percentiles", "Latency (s)", "Input tokens", "Input (tok/s)"]);
    let text = std::fs::read_to_string(run.dir().join("performance_summary.txt")).unwrap();
    assert!(text.contains("Embedding/Rerank Performance Test Summary") && text.contains("Avg Inp.TPS"), "{text}");
    let html = std::fs::read_to_string(run.dir().join("perf_report.html")).unwrap();
    assert!(html.contains("Input throughput") && !html.contains("TTFT, ms") && !html.contains("TPOT, ms"));
    perf()
        .at(&server, "/v1")
        .args("--api embedding --sla-auto-tune --sla-params")
        .arg(r#"{"p99_ttft": "<=2"}"#)
        .exit(2)
        .says("p99_ttft")
        .says("avg_latency, p99_latency, rps")
        .run();
}

#[test]
fn documents_are_ranked() {
    let server = Server::start(|_| {
        Reply::json(200, &json!({"results": [{"index": 0, "relevance_score": 0.9}], "usage": {"total_tokens": 9}}))
    });
    let row = r#"{"query": "q", "documents": ["a", "b"], "top_n": 1}"#;
    let run = perf()
        .at(&server, "/v1/rerank")
        .file("rank.jsonl", row)
        .args("--api rerank --number 2 --dataset line_by_line --dataset-path rank.jsonl")
        .run();
    assert_eq!(run.only_point().rows()[0]["prompt_tokens"], 9);
    assert_eq!(server.asked()[0].path, "/v1/rerank");
    insta::assert_snapshot!(body(&server), @r#"{"query":"q","documents":["a","b"],"top_n":1,"model":"test-model"}"#);

    let server = Server::start(|_| Reply::json(200, &json!({"results": []})));
    let row = &speak(&server, "", "--api openai_rerank").exit(3).run().only_point().rows()[0];
    assert_eq!((outcome(row), &row["error"]), ("payload", &json!("the reply has no results")));
    assert_eq!(server.asked()[0].path, "/v1/reranks");
}

#[test]
fn prompts_go_as_token_ids() {
    let tokenizer = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/datasets/tokenizer/tokenizer.json")).unwrap();
    let template = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
    let server = Server::start(|_| {
        let text = |text: &str| json!({"choices": [{"index": 0, "text": text, "finish_reason": null}]});
        Reply::stream().event(&text("h")).event(&text("i")).done()
    });
    let call = |args: &str| {
        let call = speak(&server, "/v1/chat/completions", "--tokenize-prompt --tokenizer-path .").args(args);
        call.file("tokenizer.json", &tokenizer)
    };
    let rendered = |text: &str| {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/datasets/tokenizer/tokenizer.json");
        evalscope::tokenizer::Tokenizer::open(path.as_ref()).unwrap().encode(text).unwrap()
    };
    let run = call("--name chat").file("chat_template.jinja", template).run();
    let expected = rendered("<|im_start|>user\nsay hi<|im_end|>\n<|im_start|>assistant\n");
    let asked = &server.asked()[0];
    assert_eq!((asked.path.as_str(), &asked.json()["prompt"]), ("/v1/completions", &json!(expected)));
    assert!(asked.json().get("messages").is_none());
    let row = &run.only_point().rows()[0];
    assert_eq!(row["prompt_tokens"], json!(expected.len()));
    assert_eq!(run.only_point().summary()["figures"]["output_tokens"]["mean"], 2.0, "counted after the run");
    // A saved plan sends the same again.
    let sent = server.seen().len();
    perf().inside(&run).arg("--profile").arg(run.dir().join("plan.toml")).args("--name again").run();
    assert_eq!(server.seen()[sent].body, asked.body);

    let plain = server.seen().len();
    call("--no-apply-chat-template").run();
    assert_eq!(server.seen()[plain].json()["prompt"], json!(rendered("say hi")));

    call("").exit(2).says("no chat template beside").says("--no-apply-chat-template").run();
    let needs = speak(&server, "/v1", "--tokenize-prompt");
    needs.exit(2).says("--tokenize-prompt needs --tokenizer-path").run();
    call("--api responses").exit(2).says("--tokenize-prompt: --api responses takes no token ids").run();
}

const LINES: &str = r#"
path = "/api/generate"
stream = "lines"
key-header = "X-Key"
body = '{"model": {{ model | tojson }}, "prompt": {{ prompt | tojson }}, "stream": {{ stream | tojson }}, "options": {"num_predict": {{ max_tokens }}{% if seed is defined %}, "seed": {{ seed }}{% endif %}}}'
[headers]
X-Tenant = "tests"
[reply]
text = "response"
reasoning = "thinking"
finish = "done"
error = "error"
prompt-tokens = "prompt_eval_count"
completion-tokens = "eval_count"
"#;

#[test]
fn an_api_that_a_file_describes_is_spoken() {
    let line = |fields: Value| format!("{fields}\n");
    let server = Server::start(move |_| {
        let head = Reply::whole(200, "application/x-ndjson", "");
        let last = line(json!({"response": "", "done": true, "prompt_eval_count": 5, "eval_count": 3}));
        let mut reply = head.chunked();
        for piece in [
            line(json!({"thinking": "so ", "response": "", "done": false})),
            line(json!({"response": "h", "done": false})),
            line(json!({"response": "i", "done": false})),
            last,
        ] {
            reply = reply.bytes(piece);
        }
        reply
    });
    let run = speak(&server, "", "--api custom --api-file my.toml --seed 7 --stop x --log-chunks")
        .file("my.toml", LINES)
        .env("EVALSCOPE_API_KEY", "sk-custom")
        .hides("sk-custom")
        .says("no place for stop: not sent")
        .run();
    let point = counts(&run, 5, 3, None);
    streamed(&point, 3);
    assert_eq!(point.rows()[0]["text"], "so hi");
    let asked = &server.asked()[0];
    assert_eq!(asked.path, "/api/generate");
    assert_eq!((asked.header("x-tenant"), asked.header("x-key")), (Some("tests"), Some("sk-custom")));
    insta::assert_snapshot!(body(&server), @r#"{"model":"test-model","prompt":"say hi","stream":true,"options":{"num_predict":16,"seed":7}}"#);
    for file in run.files() {
        let bytes = std::fs::read(&file).unwrap();
        assert!(!bytes.windows(9).any(|window| window == b"sk-custom"), "{}", file.display());
    }

    let server = Server::start(|_| Reply::json(200, &json!({"response": "hi", "done": true, "eval_count": 3})));
    let run = speak(&server, "", "--api custom --api-file my.toml --no-stream").file("my.toml", LINES).run();
    assert_eq!(run.only_point().rows()[0]["completion_tokens"], 3);

    let server = Server::start(|_| Reply::whole(200, "application/x-ndjson", "{\"response\":\"h\",\"done\":false}\n"));
    let cut = speak(&server, "", "--api custom --api-file my.toml").file("my.toml", LINES).exit(3).run();
    assert_eq!(outcome(&cut.only_point().rows()[0]), "broken");
}

#[test]
fn llama_cpps_own_api_is_built_in() {
    let server = Server::start(|_| {
        let piece = |text: &str| json!({"content": text, "stop": false});
        let last = json!({"content": "", "stop": true, "tokens_evaluated": 4, "tokens_predicted": 2});
        Reply::stream().event(&piece("h")).event(&piece("i")).event(&last)
    });
    let extra = r#"{"min_p": 0.1}"#;
    let run = speak(&server, "", "--api custom --api-file llama-cpp").arg("--extra-args").arg(extra).run();
    streamed(&counts(&run, 4, 2, None), 2);
    assert_eq!(server.asked()[0].path, "/completion");
    insta::assert_snapshot!(body(&server), @r#"{"prompt":"say hi","n_predict":16,"stream":true,"temperature":0.0,"cache_prompt":true,"min_p":0.1}"#);
}

#[test]
fn what_cannot_be_spoken_is_named() {
    let server = Server::start(|_| Reply::of(&["a"]));
    let cases: [(&str, &str, &[&str]); 8] = [
        (
            "/v1",
            "--api grpc",
            &[
                "known APIs: openai, local, local_vllm, openai_responses",
                "anthropic, messages, dashscope, systemone, autotrust, custom",
            ],
        ),
        ("/v1/embeddings", "--api openai", &["another API than --api openai", "--api openai_embedding"]),
        ("/v1/chat/completions", "--api embedding", &["another API", "/v1/embeddings"]),
        ("/v1", "--api custom", &["--api custom needs --api-file", "llama-cpp"]),
        ("/v1", "--api-file tgi", &["--api-file goes with --api custom"]),
        ("/v1", "--api custom --api-file bad.toml", &["bad.toml", "txet", "text"]),
        ("/v1", "--vllm-args x", &["--vllm-args goes with --api local_vllm"]),
        ("/v1", "--headers Host", &["--headers"]),
    ];
    for (path, args, words) in cases {
        let bad = "body = '{}'\n[reply]\ntxet = 'a'\n";
        let call = speak(&server, path, args).file("bad.toml", bad).exit(2);
        words.iter().fold(call, |call, words| call.says(*words)).run();
    }
    speak(&server, "/v1", "--api custom --api-file gone.toml").exit(4).says("gone.toml").says("llama-cpp, tgi").run();
    perf().args("--api anthropic --model m").exit(2).says("--api anthropic needs --url").run();
    assert!(server.seen().is_empty());
}

#[test]
fn the_look_before_the_run_speaks_the_api_as_well() {
    let server = Server::start(|seen| if seen.is_probe() { Reply::error(404, "no such page") } else { messages(seen) });
    let call = perf().at(&server, "/v1").args("--api anthropic --number 1 --prompt hi");
    call.exit(3).says("it should end in /v1/messages").run();
    let probe = &server.seen()[0];
    assert_eq!((probe.path.as_str(), &probe.json()["max_tokens"]), ("/v1/messages", &json!(1)));
}
