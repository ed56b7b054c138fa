//! Who is evaluated, and how it is asked to generate: a task as a plan of the load engine.

use serde_json::{Map, Value, json};

use super::task::{Generation, Task};
use crate::error::{Failure, Result, known};
use crate::plan::{EMBEDDED_MODEL, Plan, layer};
use crate::target::{Dialect, Secret};

/// Most tokens of a reply of the model in this program where the user does not say: EvalScope's number for a local model, and
/// less for one whose weights are drawn, which has nothing to say.
const MOST: u64 = 2048;
const MOST_DRAWN: u64 = 64;

/// Fields of the generation that bodies hold under the same name, apart from those that the plan knows.
const SAME: [&str; 12] = [
    "frequency_penalty",
    "presence_penalty",
    "repetition_penalty",
    "logit_bias",
    "top_logprobs",
    "parallel_tool_calls",
    "reasoning_effort",
    "min_tokens",
    "min_p",
    "ignore_eos",
    "tool_choice",
    "response_format",
];

/// The plan that a task asks with, and what was decided for the user.
///
/// # Errors
/// When a value cannot be used; the message names the flag.
pub fn plan(task: &Task, generation: &Generation) -> Result<Plan> {
    let api = match task.api()? {
        "mock" => "local",
        api => api,
    };
    let embedded = api == "local";
    if let "systemone" | "autotrust" = api {
        shapes_nothing(task)?;
    }
    let model = task.model.clone().unwrap_or_else(|| EMBEDDED_MODEL.to_owned());
    if task.model.is_none() && !embedded {
        return Err(Failure::usage("--model is required with --api-url")
            .hint("give the name the server serves; GET /v1/models lists it"));
    }
    let mut flags = toml::Table::new();
    let mut set = |name: &str, value: toml::Value| drop(flags.insert(name.to_owned(), value));
    set("api", api.into());
    set("model", model.clone().into());
    if let Some(url) = &task.api_url {
        set("url", with_query(url, &generation.query).into());
    }
    if !generation.headers.is_empty() {
        set("headers", generation.headers.clone().into());
    }
    if let Some(timeout) = generation.timeout {
        set("total-timeout", timeout.into());
    }
    set("stream", generation.stream.into());
    set("temperature", "server".into());
    set("self-check", false.into());
    set("server-metrics", false.into());
    // What is asked comes from cards; the plan's own prompt is never sent.
    set("prompt", "hello".into());
    set("apply-chat-template", true.into());
    if let Some(seed) = generation.fields.get("seed").and_then(Value::as_i64) {
        set("seed", seed.into());
    }
    if let Some(args) = &task.model_args {
        model_args(args, &mut set)?;
    }
    if let Some(hub) = task.dataset_hub.as_deref().filter(|hub| embedded && ["modelscope", "huggingface"].contains(hub))
    {
        set("data-source", hub.into());
    }
    let key = task.api_key.clone().filter(|key| !key.is_empty() && key != "EMPTY").map(Secret::new);
    let settings = layer(None, flags)?;
    let mut plan = Plan::resolve(settings, key, 0).map_err(in_our_words)?;
    plan.sampling.max_tokens = match generation.fields.get("max_tokens").and_then(Value::as_u64) {
        Some(most) => Some((most as u32, most as u32)),
        None if embedded => {
            let most = if model.starts_with("random:") { MOST_DRAWN } else { MOST };
            Some((most as u32, most as u32))
        }
        None => None,
    };
    plan.sampling.temperature = generation.fields.get("temperature").and_then(Value::as_f64);
    fields(&mut plan, generation)?;
    plan.notices.retain(|notice| !notice.contains("--prompt"));
    Ok(plan)
}

/// Settings of the generation that say how a request is made and not what text is generated.
const OF_REQUESTS: [&str; 9] =
    ["timeout", "retries", "retry_interval", "batch_size", "n", "stream", "extra_headers", "extra_query", "extra_body"];

/// Refuses what shapes generated text where there is none.
fn shapes_nothing(task: &Task) -> Result<()> {
    let given = task.generation_config.iter().flatten().filter(|(_, value)| !value.is_null());
    for (name, value) in given {
        if !OF_REQUESTS.contains(&name.as_str()) || (name == "stream" && *value != json!(false)) {
            return Err(Failure::usage(format!(
                "--generation-config {name}: shapes generated text, and a decision server gives none"
            ))
            .hint(format!("it takes {}", known(OF_REQUESTS.iter().filter(|name| **name != "stream")))));
        }
    }
    if task.stream == Some(true) {
        return Err(Failure::usage("--stream: a decision server gives its answer at once").hint("leave the flag out"));
    }
    Ok(())
}

/// Puts the fields of the generation where the dialect has them.
fn fields(plan: &mut Plan, generation: &Generation) -> Result<()> {
    let mut extra: Map<String, Value> = Map::new();
    for (name, value) in &generation.fields {
        if value.is_null() {
            continue;
        }
        match name.as_str() {
            "max_tokens" | "temperature" | "do_sample" | "num_beams" | "reasoning_history" => {}
            "top_p" | "top_k" | "seed" | "logprobs" => drop(plan.sampling.fields.insert(name.clone(), value.clone())),
            "stop_seqs" | "stop" => drop(plan.sampling.fields.insert("stop".to_owned(), value.clone())),
            "response_schema" => {
                let format = json!({"type": "json_schema", "json_schema": {"name": "answer", "schema": value}});
                extra.insert("response_format".to_owned(), format);
            }
            "reasoning_tokens" if plan.target.dialect == Dialect::Messages => {
                extra.insert("thinking".to_owned(), json!({"type": "enabled", "budget_tokens": value}));
            }
            "extra_body" => extra.extend(value.as_object().cloned().unwrap_or_default()),
            "height" | "width" | "num_inference_steps" | "guidance_scale" => {
                return Err(Failure::usage(format!("--generation-config {name}: images are not generated here")));
            }
            name if SAME.contains(&name) => drop(extra.insert(name.to_owned(), value.clone())),
            // EvalScope keeps what it does not know, and so do we.
            name => drop(extra.insert(name.to_owned(), value.clone())),
        }
    }
    plan.sampling.extra.extend(extra);
    Ok(())
}

/// Arguments of a local model that mean something here.
fn model_args(args: &Map<String, Value>, set: &mut dyn FnMut(&str, toml::Value)) -> Result<()> {
    for (name, value) in args {
        let text = value.as_str();
        match (name.as_str(), text) {
            ("precision" | "torch_dtype" | "dtype", Some(text)) => {
                let dtype = match text.trim_start_matches("torch.") {
                    "float16" | "f16" | "half" => "f16",
                    "bfloat16" | "bf16" => "bf16",
                    "float32" | "f32" | "float" => "f32",
                    other => other,
                };
                set("dtype", dtype.into());
            }
            ("threads" | "max_model_len" | "max_num_seqs", _) => {
                let number =
                    value.as_i64().ok_or_else(|| Failure::usage(format!("--model-args {name}: must be a number")))?;
                set(&name.replace('_', "-"), number.into());
            }
            (
                "revision"
                | "device_map"
                | "model_path"
                | "tokenizer_path"
                | "chat_template"
                | "tokenizer_call_args"
                | "enable_thinking",
                _,
            ) => {}
            _ => {
                return Err(Failure::usage(format!("--model-args {name}: is not known"))
                    .hint("known are precision, threads, max_model_len, max_num_seqs, and EvalScope's revision, device_map and so on"));
            }
        }
    }
    Ok(())
}

/// An address with what is added to its query.
fn with_query(url: &str, query: &Map<String, Value>) -> String {
    if query.is_empty() {
        return url.to_owned();
    }
    let pairs: Vec<String> =
        query.iter().map(|(name, value)| format!("{name}={}", super::sample::spelled(value))).collect();
    let joint = if url.contains('?') { '&' } else { '?' };
    format!("{url}{joint}{}", pairs.join("&"))
}

/// A failure of the plan with the names that flags have here.
pub fn in_our_words(failure: Failure) -> Failure {
    let ours = |text: &str| {
        text.replace("--url", "--api-url")
            .replace("--total-timeout", "timeout in --generation-config")
            .replace("--headers", "extra_headers in --generation-config")
            .replace("--dtype", "precision in --model-args")
    };
    let mut told = Failure::new(failure.exit, ours(&failure.message));
    if let Some(hint) = &failure.hint {
        told = told.hint(ours(hint));
    }
    match std::error::Error::source(&failure).map(ToString::to_string) {
        Some(source) => told.because(source),
        None => told,
    }
}
