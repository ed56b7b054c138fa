//! A model that is served for others.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use serde_json::{Value, json};

use crate::support::{Files, Gate, PATIENCE, Running, perf, serve};

const CHAT: &str = "/v1/chat/completions";

/// Sends a request, `headers` being whole lines, and gives the connection.
fn send(address: SocketAddr, path: &str, headers: &str, body: &Value) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let (method, body) = if body.is_null() { ("GET", String::new()) } else { ("POST", body.to_string()) };
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    stream
}

/// The status and the body of a reply, as they came.
fn ask_with(address: SocketAddr, path: &str, headers: &str, body: &Value) -> (u16, String) {
    let mut text = String::new();
    send(address, path, headers, body).read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

pub fn ask(address: SocketAddr, path: &str, body: &Value) -> (u16, String) {
    ask_with(address, path, "", body)
}

pub fn asked(address: SocketAddr, path: &str, body: &Value) -> Value {
    let (status, text) = ask(address, path, body);
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(&text).unwrap()
}

fn chat(extra: Value) -> Value {
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 4,
                          "ignore_eos": true});
    body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    body
}

/// Ends the server with Ctrl-C, which is a success.
pub fn interrupted(running: Running) {
    running.signal("INT");
    running.finish();
}

#[test]
fn a_model_answers_as_a_vllm_does() {
    let running =
        serve().args("--port 0 --served-model-name m").says("curl http://127.0.0.1:").says("stopping").spawn();
    let address = running.address();
    let whole = asked(address, CHAT, &chat(json!({"n": 2, "seed": 1})));
    let choices = whole["choices"].as_array().unwrap();
    assert_eq!((choices.len(), &whole["usage"]["completion_tokens"]), (2, &json!(8)));
    assert_ne!(choices[0]["message"]["content"], choices[1]["message"]["content"]);
    let (status, text) = ask(address, CHAT, &chat(json!({"stream": true})));
    assert_eq!((status, text.matches("data: ").count()), (200, 4 + 1 + 1));
    let prompts = json!({"model": "m", "prompt": ["a", "b"], "max_tokens": 1, "ignore_eos": true});
    assert_eq!(asked(address, "/v1/completions", &prompts)["choices"].as_array().unwrap().len(), 2);
    let card = asked(address, "/v1/models", &Value::Null)["data"][0].clone();
    assert_eq!((&card["id"], card["max_model_len"].is_u64()), (&json!("m"), true));
    let tokens = asked(address, "/tokenize", &json!({"prompt": "two words"}))["tokens"].clone();
    assert_eq!(asked(address, "/detokenize", &json!({"tokens": tokens}))["prompt"], "two words");
    let (status, text) = ask(address, CHAT, &chat(json!({"model": "random:tiny"})));
    assert_eq!((status, text.contains("known: m\"")), (404, true), "{text}");
    let (status, text) = ask(address, "/v1/embeddings", &json!({"model": "m", "input": "a"}));
    assert_eq!((status, text.contains("does not give embeddings")), (400, true), "{text}");
    let (status, page) = ask(address, "/metrics", &Value::Null);
    assert_eq!(status, 200);
    for line in [
        "vllm:request_success_total{engine=\"0\",finished_reason=\"length\",model_name=\"m\"} 5\n",
        "vllm:generation_tokens_total{engine=\"0\",model_name=\"m\"} 14\n",
        "vllm:time_to_first_token_seconds_count{engine=\"0\",model_name=\"m\"} 5\n",
    ] {
        assert!(page.contains(line), "{line}{page}");
    }
    interrupted(running);
}

#[test]
fn a_run_against_it_agrees_with_its_counters() {
    let running = serve().args("--port 0").spawn();
    let url = format!("http://{}{CHAT}", running.address());
    let run = perf()
        .arg("--url")
        .arg(url)
        .args("--model random:tiny --number 12 --parallel 3 --max-tokens 8 --sleep-interval 0")
        .run();
    let point = run.only_point();
    let audit = &point.summary()["audit"];
    assert_eq!((&audit["engine"], &audit["requests"]["server"]), (&json!("vLLM"), &json!(12.0)), "{audit}");
    for name in ["prompt_tokens", "completion_tokens"] {
        assert_eq!((&audit[name]["server"], audit[name]["ours"].is_null()), (&audit[name]["ours"], false), "{audit}");
    }
    // How long the first token took from the server to the client depends on what else the machine does.
    let findings = audit["findings"].as_array().unwrap().iter();
    assert_eq!(findings.filter(|finding| finding["code"] != "ttft_gap").count(), 0, "{audit}");
    interrupted(running);
}

#[test]
fn a_key_is_asked_for_and_never_said() {
    let running = serve()
        .args("--port 0 --served-model-name m")
        .env("EVALSCOPE_API_KEY", "sk-secret")
        .says("Authorization: Bearer $EVALSCOPE_API_KEY")
        .hides("sk-secret")
        .spawn();
    let address = running.address();
    assert_eq!(ask(address, CHAT, &chat(json!({}))).0, 401);
    assert_eq!(ask_with(address, CHAT, "authorization: Bearer sk-other\r\n", &chat(json!({}))).0, 401);
    assert_eq!(ask_with(address, CHAT, "authorization: Bearer sk-secret\r\n", &chat(json!({}))).0, 200);
    assert_eq!(ask(address, "/health", &Value::Null).0, 200);
    interrupted(running);
}

/// Begins a reply of so many tokens, and gives what reads it once it has begun.
fn long_reply(running: &Running, tokens: u64) -> BufReader<TcpStream> {
    let body = chat(json!({"stream": true, "max_tokens": tokens}));
    let mut reader = BufReader::new(send(running.address(), CHAT, "", &body));
    let mut line = String::new();
    while !line.contains("data: ") {
        line.clear();
        assert!(reader.read_line(&mut line).unwrap() > 0, "it ended before it began");
    }
    reader
}

fn rest(mut reader: BufReader<TcpStream>) -> String {
    let mut rest = Vec::new();
    // A connection that is reset is one way to cut a reply.
    let _ = reader.read_to_end(&mut rest);
    String::from_utf8_lossy(&rest).into_owned()
}

#[test]
fn sigterm_lets_a_reply_come_to_its_end() {
    let running = serve().args("--port 0 --served-model-name m").spawn();
    let reader = long_reply(&running, 2000);
    running.signal("TERM");
    running.wait_until_said("stopping");
    assert!(rest(reader).contains("[DONE]"));
    running.finish();
}

#[test]
fn the_second_ctrl_c_cuts_it() {
    let running = serve().args("--port 0 --served-model-name m").says("cutting").spawn();
    let reader = long_reply(&running, 8000);
    running.signal("INT");
    running.wait_until_said("stopping");
    running.signal("INT");
    running.wait_until_said("cutting");
    assert!(!rest(reader).contains("[DONE]"));
    running.finish();
}

#[test]
fn what_cannot_be_served_is_refused_before_it_starts() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    for (args, words) in [
        (format!("--port {port}"), format!("cannot listen on 127.0.0.1:{port}")),
        ("--host 0.0.0.0".to_owned(), "--host 0.0.0.0: other machines reach it".to_owned()),
        ("--host no.such.host.invalid".to_owned(), "--host no.such.host.invalid: not an address".to_owned()),
        ("--port 0 --model nonsense".to_owned(), "--model nonsense".to_owned()),
        ("--dtype int4".to_owned(), "known: auto, f32, f16, bf16, q8_0".to_owned()),
        ("--threads 0".to_owned(), "--threads 0: must be at least 1".to_owned()),
        ("--kv-cache-gib 0".to_owned(), "--kv-cache-gib 0: must be".to_owned()),
        ("--revision v1".to_owned(), "--revision v1: random:tiny is not fetched".to_owned()),
        ("--data-source github".to_owned(), "known sources: modelscope, huggingface, local".to_owned()),
    ] {
        serve().args(&args).exit(2).says(words).run();
    }
}

#[test]
fn a_model_is_fetched_from_a_hub_before_it_is_served() {
    for command in [
        serve().args("--port 0 --model me/qa --revision dev"),
        perf().args("--model me/qa@dev --prompt hello --number 1"),
    ] {
        let gate = Gate::default();
        let hub = Files::default()
            .file("config.json", "{}")
            .file("tokenizer.json", "{}")
            .file("README.md", "# A model")
            .large("model.safetensors", "weights")
            .large("pytorch_model.bin", "the same weights")
            .hold("model.safetensors", &gate)
            .start();
        let running = command
            .args("--data-source huggingface")
            .env("HF_ENDPOINT", &hub.endpoint())
            .exit(130)
            .says("of huggingface model me/qa at dev")
            .says("interrupted while files were fetched")
            .spawn();
        running.wait_until_said("fetching 3 files");
        running.signal("INT");
        running.finish();
        gate.open();
    }
}

#[test]
fn a_load_test_says_how_its_own_model_is_run() {
    perf()
        .args("--dry-run --dtype f32 --threads 2 --max-model-len 512 --max-num-seqs 4 --kv-cache-gib 0.5")
        .prints("dtype = \"f32\"\nthreads = 2\nmax-model-len = 512\nmax-num-seqs = 4\nkv-cache-gib = 0.5\n")
        .run();
    perf()
        .args("--dry-run --model me/qa@v1 --data-source huggingface")
        .prints("# fetch: huggingface model me/qa at v1, for --model")
        .prints("model = \"me/qa@v1\"")
        .run();
    for (args, words) in [
        ("--dtype int4", "--dtype int4"),
        ("--threads 0", "--threads 0"),
        ("--url http://127.0.0.1:1/v1 --model m --threads 2", "--threads goes with the model inside this program"),
    ] {
        perf().args(args).exit(2).says(words).run();
    }
}
