//! The look at the target before a run, and what to say when it refuses.

use http::{HeaderName, HeaderValue};
use serde_json::Value;

use super::spelling::Spelling;
use crate::engine::{Request, Route, Stop, get, probe};
use crate::error::{Exit, Failure, Result};
use crate::plan::Plan;
use crate::prompt::{Content, Prompt};
use crate::record::{FailureKind, Outcome, Record};
use crate::target::{Dialect, Target, is_secret_header};
use crate::units::clean;

/// Sends one short request and explains a failure. EvalScope sends the run's full settings here, so that a probe may
/// generate thousands of tokens, and asks again for up to six hours; ours asks for one token, once.
pub(super) fn check(plan: &Plan, spelling: &Spelling, route: &Route, stop: &Stop) -> Result<()> {
    let target = &plan.target;
    let content = if plan.workload.chat {
        Content::Messages(vec![serde_json::json!({"role": "user", "content": "hello"})])
    } else {
        Content::Text("hello".to_owned())
    };
    // OpenAI's Responses takes no less.
    let least = if target.dialect == Dialect::Responses { 16 } else { 1 };
    let prompt = Prompt { max_tokens: Some(least), ..Prompt::new(content) };
    let request = Request { prompt_tokens: None, ..spelling.clone().brief().request(&prompt)? };
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
    let known = ["/chat/completions", "/completions", "/responses", "/messages"];
    let base = known.iter().find_map(|end| path.strip_suffix(end)).unwrap_or("");
    format!("{base}/models")
}

/// Where the address of an API should end.
fn ending(dialect: &Dialect) -> String {
    match dialect {
        Dialect::Chat | Dialect::Completion => "/v1/chat/completions or /v1/completions".to_owned(),
        Dialect::Responses => "/v1/responses".to_owned(),
        Dialect::Messages => "/v1/messages".to_owned(),
        Dialect::DashScope => "/api/v1/services/aigc/text-generation/generation".to_owned(),
        Dialect::Embedding => "/v1/embeddings".to_owned(),
        Dialect::Rerank => "/v1/reranks, /v1/rerank or /rerank".to_owned(),
        Dialect::SystemOne => "/v1/systemone".to_owned(),
        Dialect::AutoTrust => "/v1/decide".to_owned(),
        Dialect::Custom(api) => api.path.clone().unwrap_or_else(|| "what its --api-file expects".to_owned()),
    }
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
            let is_key = |(name, value): &(HeaderName, HeaderValue)| is_secret_header(name.as_str()) || value.is_sensitive();
            let own = match target.dialect {
                Dialect::Messages => "ANTHROPIC_API_KEY",
                Dialect::DashScope => "DASHSCOPE_API_KEY",
                _ => "OPENAI_API_KEY",
            };
            failure.hint(if target.headers.iter().any(is_key) {
                format!("a key was sent and refused; check {own}, EVALSCOPE_API_KEY or --api-key")
            } else {
                format!("no key was sent; set {own} or EVALSCOPE_API_KEY, or pass --api-key")
            })
        }
        (_, Some(404)) if served.contains(&target.model) || served.is_empty() => {
            failure.hint(format!("check the path of --url: it should end in {}", ending(&target.dialect)))
        }
        (_, Some(404)) => failure.hint(format!(
            "--model {} is not served here; the server serves: {}",
            target.model,
            served.join(", ")
        )),
        (FailureKind::Payload, _) if matches!(target.dialect, Dialect::Chat | Dialect::Completion) => failure.hint(
            "this does not look like an OpenAI-compatible endpoint; check the path of --url (/v1/chat/completions) and any proxy in between",
        ),
        (FailureKind::Payload, _) => failure.hint(format!(
            "this is not what --api promises; check the path of --url ({}) and any proxy in between",
            ending(&target.dialect)
        )),
        (_, Some(429)) => failure.hint("the server limits the rate; wait, or raise its limits for the test"),
        (_, Some(400 | 422)) => {
            failure.hint("the server refuses the request body; check --model, --extra-args and the sampling flags")
        }
        _ => failure.hint("look at the server's log; --no-test-connection skips this check"),
    }
}
