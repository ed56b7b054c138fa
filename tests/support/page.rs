//! Commands of pages: as a shell takes them, and a server that answers all of them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::{Value, json};

use super::program::{Perf, perf};
use super::reply::Reply;
use super::server::Server;

/// The address that pages give.
const ADDRESS: &str = "http://127.0.0.1:8000";

/// A server that speaks every API, in replies of two tokens.
pub fn everything() -> Server {
    Server::start(|seen| {
        let path = seen.path.split('?').next().unwrap();
        match path.rsplit('/').next().unwrap() {
            "embeddings" => Reply::json(
                200,
                &json!({"data": [{"index": 0, "embedding": [0.1]}], "usage": {"prompt_tokens": 6, "total_tokens": 6}}),
            ),
            "rerank" | "reranks" => Reply::json(
                200,
                &json!({"results": [{"index": 0, "relevance_score": 0.9}], "usage": {"total_tokens": 9}}),
            ),
            "systemone" => system_one(&seen.json()["questions"]["answer"]["type"]),
            "decide" => auto_trust(),
            "responses" => responses(),
            "generation" => dashscope(),
            "completion" => llama(),
            "completions" if !path.ends_with("/chat/completions") => {
                let text = |text: &str| json!({"choices": [{"index": 0, "text": text, "finish_reason": null}]});
                Reply::stream().event(&text("a")).event(&text("b")).usage(7, 2).done()
            }
            "completions" => Reply::of(&["a", "b"]),
            "health" => Reply::whole(200, "text/plain", ""),
            _ => Reply::error(404, "no such path"),
        }
    })
}

/// A decision of the kind that was asked for, with its token counts.
fn system_one(kind: &Value) -> Reply {
    let answer = match kind.as_str().unwrap() {
        "noul" => json!({"type": "noul", "noul": 0.2}),
        "score" => {
            json!({"type": "score", "score": 1.5, "probabilities": {"0": 0.25, "1": 0.25, "2": 0.25, "3": 0.25}})
        }
        _ => json!({"type": "choice", "choice": "close", "probabilities": {"close": 0.9, "heat": 0.02, "wait": 0.08}}),
    };
    Reply::json(200, &json!({"model": "m", "answers": {"answer": answer}, "usage": {"input_tokens": 40}}))
}

/// A decision without token counts.
fn auto_trust() -> Reply {
    let body = json!({"model": "m", "kind": "noul", "options": ["false", "true"], "probabilities": [0.75, 0.25],
        "choice_index": 0, "choice": "false"});
    Reply::json(200, &body)
}

fn responses() -> Reply {
    [
        json!({"type": "response.output_text.delta", "delta": "h"}),
        json!({"type": "response.output_text.delta", "delta": "i"}),
        json!({"type": "response.completed", "response": {"usage": {"input_tokens": 5, "output_tokens": 2}}}),
    ]
    .iter()
    .fold(Reply::stream(), |reply, data| reply.event(data))
}

fn dashscope() -> Reply {
    let event = |text: &str, reason: &str, tokens: u64| {
        let choice = json!({"message": {"role": "assistant", "content": text}, "finish_reason": reason});
        json!({"output": {"choices": [choice]}, "usage": {"input_tokens": 5, "output_tokens": tokens}})
    };
    Reply::stream().event(&event("h", "null", 1)).event(&event("i", "null", 2)).event(&event("", "stop", 2))
}

fn llama() -> Reply {
    let event = |text: &str, stop: bool| json!({"content": text, "stop": stop});
    let end = json!({"content": "", "stop": true, "tokens_evaluated": 5, "tokens_predicted": 2});
    Reply::stream().event(&event("h", false)).event(&event("i", false)).event(&end)
}

/// The words of a command as a shell takes them: quotes keep blanks together.
pub fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in command.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    words.into_iter().filter(|word| !word.is_empty()).collect()
}

/// The command of a page, its samples found from anywhere and its address that of a server.
pub fn command(text: &str, server: &Server) -> Perf {
    let samples = format!("{}/datasets/", env!("CARGO_MANIFEST_DIR"));
    let given = words(text.strip_prefix("evalscope perf ").unwrap());
    let call = perf().args("--no-server-metrics");
    given.iter().fold(call, |call, word| {
        let word = if word.starts_with("datasets/") { word.replacen("datasets/", &samples, 1) } else { word.clone() };
        call.arg(word.replace(ADDRESS, &server.at("")))
    })
}

/// Does something for each item, two at a time; all of them are done before the first failure is told.
pub fn each<T: Sync>(items: &[T], what: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    let failed: Vec<String> = thread::scope(|scope| {
        let one = || {
            let mut failed = Vec::new();
            while let Some(item) = items.get(next.fetch_add(1, Ordering::SeqCst)) {
                if let Err(panic) = catch_unwind(AssertUnwindSafe(|| what(item))) {
                    let told = panic.downcast_ref::<String>().cloned();
                    failed.push(told.unwrap_or_else(|| "a failure without words".to_owned()));
                }
            }
            failed
        };
        let both = [scope.spawn(one), scope.spawn(one)];
        both.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(failed.is_empty(), "{} of {} failed:\n{}", failed.len(), items.len(), failed.join("\n\n"));
}
