//! The look at the target before a run, and what to say when it refuses.

use serde_json::Value;

use crate::engine::{Request, Route, Stop, get, probe};
use crate::error::{Exit, Failure, Result};
use crate::plan::Plan;
use crate::prompt::{Content, Prompt};
use crate::record::{FailureKind, Outcome, Record};
use crate::target::Target;
use crate::units::clean;
use crate::wire;

/// Sends one short request and explains a failure. EvalScope sends the run's full settings here, so that a probe may
/// generate thousands of tokens, and asks again for up to six hours; ours asks for one token, once.
pub(super) fn check(plan: &Plan, route: &Route, stop: &Stop) -> Result<()> {
    let target = &plan.target;
    let content = if plan.workload.chat {
        Content::Messages(vec![serde_json::json!({"role": "user", "content": "hello"})])
    } else {
        Content::Text("hello".to_owned())
    };
    let prompt = Prompt { max_tokens: Some(1), ..Prompt::new(content) };
    let mut sampling = plan.sampling.clone();
    sampling.fields.shift_remove("min_tokens");
    let encoded = wire::encode(&prompt, &sampling, &target.model)?;
    let request = Request { body: encoded.bytes, stream: encoded.stream, ..Request::default() };
    let runtime = runtime()?;
    let record = runtime.block_on(probe(target, route, &request, stop));
    match record.outcome {
        Outcome::Ok => Ok(()),
        Outcome::Cancelled | Outcome::Unsent => {
            Err(Failure::new(Exit::Interrupted, "interrupted before the run; nothing was measured"))
        }
        Outcome::Failed(kind) => {
            let served = (record.status == Some(404))
                .then(|| runtime.block_on(get(target, route, &models_path(target))))
                .flatten()
                .map(|answer| served_models(&answer.body))
                .unwrap_or_default();
            Err(explain(target, kind, &record, &served))
        }
    }
}

/// Resolves the target's name and reads its certificates.
pub(super) fn route(target: &Target) -> Result<Route> {
    runtime()?.block_on(Route::to(target))
}

pub(super) fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::bug("no runtime can be made").because(error))
}

/// `/v1/models` beside the endpoint.
fn models_path(target: &Target) -> String {
    let path = target.url.path();
    let base = path.strip_suffix("/chat/completions").or_else(|| path.strip_suffix("/completions")).unwrap_or("");
    format!("{base}/models")
}

fn served_models(body: &[u8]) -> Vec<String> {
    let Ok(list) = serde_json::from_slice::<Value>(body) else { return Vec::new() };
    let ids = list["data"].as_array().into_iter().flatten().filter_map(|model| model["id"].as_str());
    ids.take(20).map(|id| clean(id, 100)).collect()
}

/// What went wrong with a request to the target, and one thing to do about it.
fn explain(target: &Target, kind: FailureKind, record: &Record, served: &[String]) -> Failure {
    let said = record.error.as_deref().unwrap_or("no reason given");
    let failure = Failure::target(format!("POST {}: {said}", target.url));
    match (kind, record.status) {
        (FailureKind::Connect, _) => failure.hint(format!(
            "start the server, or check host and port in --url ({})",
            target.endpoint()
        )),
        (FailureKind::Tls, _) => failure.hint(
            "check that the server speaks TLS and its certificate is trusted; name your own root with --ca-cert FILE",
        ),
        (FailureKind::Timeout, _) => {
            failure.hint("the server is too slow or stuck; raise --connect-timeout, --read-timeout or --total-timeout")
        }
        (_, Some(401 | 403)) => {
            let sent = target.headers.iter().any(|(name, _)| crate::target::is_secret_header(name.as_str()));
            failure.hint(if sent {
                "a key was sent and refused; check OPENAI_API_KEY, EVALSCOPE_API_KEY or --api-key"
            } else {
                "no key was sent; set OPENAI_API_KEY or EVALSCOPE_API_KEY, or pass --api-key"
            })
        }
        (_, Some(404)) if served.contains(&target.model) || served.is_empty() => {
            failure.hint("check the path of --url: it should end in /v1/chat/completions or /v1/completions")
        }
        (_, Some(404)) => failure.hint(format!(
            "--model {} is not served here; the server serves: {}",
            target.model,
            served.join(", ")
        )),
        (FailureKind::Payload, _) => failure.hint(
            "this does not look like an OpenAI-compatible endpoint; check the path of --url (/v1/chat/completions) and any proxy in between",
        ),
        (_, Some(429)) => failure.hint("the server limits the rate; wait, or raise its limits for the test"),
        (_, Some(400 | 422)) => {
            failure.hint("the server refuses the request body; check --model, --extra-args and the sampling flags")
        }
        _ => failure.hint("look at the server's log; --no-test-connection skips this check"),
    }
}
