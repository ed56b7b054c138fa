//! Checks of endpoints that ask for what a server should refuse.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::support::{Perf, Reply, Run, Seen, Server, eval};

fn accepted() -> Reply {
    let message = json!({"role": "assistant", "content": "OK"});
    Reply::json(
        200,
        &json!({"id": "c", "model": "test-model", "choices": [{"index": 0, "message": message,
        "finish_reason": "stop"}], "usage": {"prompt_tokens": 7, "completion_tokens": 1}}),
    )
}

/// Whether Kimi K2 would take the parameters of a request: they are fixed, and the temperature is another when it thinks.
fn fits(body: &Value) -> bool {
    let thinks = body["thinking"]["type"] == "enabled" || body["chat_template_kwargs"]["thinking"] == true;
    let fixed = [
        ("temperature", if thinks { 1.0 } else { 0.6 }),
        ("top_p", 0.95),
        ("presence_penalty", 0.0),
        ("frequency_penalty", 0.0),
        ("n", 1.0),
    ];
    fixed.iter().all(|(name, value)| body[name].is_null() || body[name].as_f64() == Some(*value))
}

fn kimi(server: &Server) -> Perf {
    eval()
        .args(
            "--model test-model --datasets kimi_verifier --dataset-hub sample --no-timestamp --work-dir out --api-url",
        )
        .arg(server.at("/v1"))
}

fn read(run: &Run, path: &str) -> String {
    std::fs::read_to_string(run.home().join("out").join(path)).unwrap()
}

fn report(run: &Run) -> Value {
    serde_json::from_str(&read(run, "reports/test-model/kimi_verifier.json")).unwrap()
}

fn rates(run: &Run) -> Vec<(String, f64)> {
    let named =
        |metric: &Value| (metric["identity"]["name"].as_str().unwrap().to_owned(), metric["score"].as_f64().unwrap());
    report(run)["metrics"].as_array().unwrap().iter().map(named).collect()
}

fn rate(run: &Run, name: &str) -> f64 {
    rates(run).into_iter().find(|(found, _)| found == name).unwrap().1
}

/// The requests of the evaluation, without the first look at the server.
fn asked(server: &Server) -> Vec<Value> {
    server.asked().iter().map(Seen::json).collect()
}

#[test]
fn a_refusal_is_an_answer_where_it_is_asked_for() {
    let server = Server::start(|seen| {
        if seen.is_probe() || fits(&seen.json()) { accepted() } else { Reply::error(400, "this parameter is fixed") }
    });
    let run = kimi(&server).says("refusals by the server that count as answers").run();
    assert_eq!(rate(&run, "param_immutable_reject_rate"), 1.0);
    assert_eq!(rate(&run, "param_default_accept_rate"), 1.0);
    assert_eq!(rate(&run, "inference_error_rate"), 0.0);
    assert_eq!(report(&run)["execution_summary"]["errored"], 0);
    let bodies = asked(&server);
    assert_eq!(bodies.len(), 55);
    // Each combination has one request without any of the parameters, which nobody asked a temperature for.
    let bare = |body: &&Value| {
        ["temperature", "top_p", "presence_penalty", "frequency_penalty", "n"].iter().all(|name| body[name].is_null())
    };
    assert_eq!(bodies.iter().filter(bare).count(), 5);
    assert!(bodies.iter().all(|body| body["max_tokens"] == 16));
    assert!(bodies.iter().any(|body| body["n"] == 2 && body["thinking"]["type"] == "enabled"));
    let refused: Vec<Value> = read(&run, "predictions/test-model/kimi_verifier_none.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|row: &Value| row["model_output"]["error"].is_string())
        .collect();
    assert_eq!(refused.len(), 5);
    assert_eq!(refused[0]["model_output"]["choices"][0]["stop_reason"], "stop");
    assert_eq!(refused[0]["model_output"]["metadata"]["evalscope"]["status"], 400);
    // What was refused is known, and is not asked again.
    let before = server.seen().len();
    let again = kimi(&server).inside(&run).args("--use-cache out --no-collect-perf").run();
    assert!(server.seen().len() <= before + 1, "only the first look at the server");
    assert_eq!(rates(&again), rates(&run));
}

#[test]
fn a_server_that_takes_everything_refuses_nothing() {
    let server = Server::start(|_| accepted());
    let run = kimi(&server).run();
    assert_eq!((rate(&run, "param_immutable_reject_rate"), rate(&run, "param_default_accept_rate")), (0.0, 1.0));
}

#[test]
fn other_failures_are_no_refusals() {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let server = Server::start(move |seen| {
        let body = seen.json();
        match (seen.is_probe() || fits(&body), body["n"] == 2) {
            (true, _) => accepted(),
            (false, true) => {
                counted.fetch_add(1, Ordering::SeqCst);
                Reply::error(500, "out of order")
            }
            (false, false) => Reply::error(400, "this parameter is fixed"),
        }
    });
    let run = kimi(&server).args("--generation-config retries=1,retry_interval=0.01").exit(1).run();
    assert_eq!(count.load(Ordering::SeqCst), 10, "each is tried twice");
    assert_eq!(rate(&run, "param_immutable_reject_rate"), 1.0);
    // Reports have four digits.
    assert!((rate(&run, "inference_error_rate") - 5.0 / 55.0).abs() < 1e-4);
    assert_eq!(report(&run)["execution_summary"]["errored"], 5);
}
