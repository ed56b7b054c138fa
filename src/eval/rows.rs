//! Rows of predictions and reviews, in the shape of EvalScope's files.

use ring::digest::{SHA256, digest};
use serde_json::{Map, Value, json};

use super::asking::{Answered, REFUSED, Spoken};
use super::method::{Marks, Reply, Standing};
use super::sample::Sample;
use crate::record::Record;
use crate::units::seconds;
use crate::wire::{Call, Ended};

/// Where our own facts of a prediction stand: `model_output.metadata.evalscope`.
const OWN: &str = "evalscope";
/// Where EvalScope keeps the reply of a decision server, below `model_output.metadata`.
const DECISION: &str = "choice_response";

/// An answer as a file keeps it and a scorer takes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// The row of the file.
    pub row: Value,
    /// What is scored; `None` where the sample failed.
    pub reply: Option<Reply>,
}

/// What tells one question from another, whatever its place: the body that asks it, without whether it is streamed, and the
/// turns that follow.
pub fn question_digest(body: &[u8], sample: &Sample) -> String {
    let mut asked: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    if let Some(fields) = asked.as_object_mut() {
        fields.shift_remove("stream");
        fields.shift_remove("stream_options");
    }
    let whole = json!([asked, sample.turns]).to_string();
    digest(&SHA256, whole.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Eight characters of a message's name, the same each time.
fn name(of: &str, place: usize) -> String {
    digest(&SHA256, format!("{of}/{place}").as_bytes())
        .as_ref()
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn reason(ended: Ended) -> &'static str {
    match ended {
        Ended::Stop => "stop",
        Ended::Length => "max_tokens",
        Ended::Calls => "tool_calls",
        Ended::Filter => "content_filter",
        Ended::Unknown => "unknown",
    }
}

fn ended(reason: &str) -> Ended {
    match reason {
        "stop" => Ended::Stop,
        "max_tokens" | "model_length" => Ended::Length,
        "tool_calls" => Ended::Calls,
        "content_filter" => Ended::Filter,
        _ => Ended::Unknown,
    }
}

/// EvalScope's figures of a request: seconds.
pub fn perf(record: &Record) -> Value {
    let latency = record.e2e_ns().map(seconds);
    let ttft = record.ttft_ns().map(seconds);
    // EvalScope's: what is left after the first token, over the tokens after it.
    let tokens = record.completion_tokens.filter(|tokens| *tokens > 1);
    let tpot = latency.zip(ttft).zip(tokens).map(|((latency, ttft), tokens)| (latency - ttft) / (tokens - 1) as f64);
    json!({
        "latency": latency, "ttft": ttft, "input_tokens": record.prompt_tokens, "output_tokens": record.completion_tokens,
        "tpot": tpot,
    })
}

/// Calls of tools as EvalScope keeps them: arguments parsed, or an error that says why not.
fn calls(calls: &[Call]) -> Value {
    if calls.is_empty() {
        return Value::Null;
    }
    let call = |call: &Call| {
        let parsed: Result<Map<String, Value>, _> = serde_json::from_str(&call.arguments);
        let (arguments, error) = match parsed {
            Ok(arguments) => (json!(arguments), Value::Null),
            Err(error) => (json!({}), json!(error.to_string())),
        };
        json!({"id": call.id, "function": {"name": call.name, "arguments": arguments}, "type": "function",
            "parse_error": error, "internal": {"arguments": call.arguments}})
    };
    calls.iter().map(call).collect()
}

fn message(id: &str, role: &str, content: Value) -> Value {
    json!({"id": id, "content": content, "source": null, "metadata": null, "internal": null, "perf_metrics": null, "role": role,
        "tool_call_id": null})
}

fn said(digest: &str, place: usize, spoken: &Spoken, model: &str) -> Value {
    let thought = &spoken.thought;
    let content = if thought.reasoning.is_empty() {
        json!(thought.answer)
    } else {
        json!([{"type": "reasoning", "reasoning": thought.reasoning}, {"type": "text", "text": thought.answer}])
    };
    json!({"id": name(digest, place), "content": content, "source": "generate", "metadata": null, "internal": null,
        "perf_metrics": perf(&spoken.record), "role": "assistant", "tool_calls": calls(&spoken.answer.calls), "model": model})
}

/// What a server says that refuses a request, as scorers see it.
fn refusal(status: impl Into<Value>) -> Reply {
    let raw = Map::from_iter([("status".to_owned(), status.into())]);
    Reply { raw: Some(Value::Object(raw)), turns: vec![String::new()], ended: Ended::Stop, ..Reply::default() }
}

/// Makes the row of a sample. `digest` tells the question, `model` is what was asked; where the benchmark weighs refusals, one
/// is a reply, which EvalScope writes as an empty message beside the error.
pub fn prediction(
    sample: &Sample,
    answered: &Answered,
    digest: &str,
    model: &str,
    weighs_refusals: bool,
) -> Prediction {
    let refused = answered.failure.as_ref().filter(|loss| weighs_refusals && loss.is_refusal());
    let mut messages: Vec<Value> = Vec::new();
    for given in &sample.messages {
        let role = given["role"].as_str().unwrap_or("user");
        messages.push(message(&name(digest, messages.len()), role, given["content"].clone()));
    }
    for (turn, spoken) in answered.turns.iter().enumerate() {
        if let Some(text) = turn.checked_sub(1).and_then(|turn| sample.turns.get(turn)) {
            messages.push(message(&name(digest, messages.len()), "user", json!(text)));
        }
        messages.push(said(digest, messages.len(), spoken, model));
    }
    let last = answered.turns.last();
    let error = answered.failure.as_ref().map(|loss| loss.why.clone());
    let total = |pick: fn(&Record) -> Option<u64>| -> Option<u64> {
        answered.turns.iter().map(|spoken| pick(&spoken.record)).sum()
    };
    let (input, output) = (total(|record| record.prompt_tokens), total(|record| record.completion_tokens));
    let latency: Option<f64> = answered.turns.iter().map(|spoken| spoken.record.e2e_ns().map(seconds)).sum();
    let perf_of_last = last.map(|spoken| perf(&spoken.record));
    let choices = match last {
        Some(spoken) if error.is_none() => json!([{
            "message": messages.last(), "stop_reason": reason(spoken.answer.ended), "logprobs": spoken.answer.logprobs,
        }]),
        None if refused.is_some() => json!([{
            "message": message(&name(digest, messages.len()), "assistant", json!("")), "stop_reason": "stop", "logprobs": null,
        }]),
        _ => json!([]),
    };
    let stamps: Vec<Value> = answered.turns.iter().map(|spoken| stamps(&spoken.record)).collect();
    let served = last.and_then(|spoken| spoken.answer.model.clone()).unwrap_or_else(|| model.to_owned());
    let mut row = json!({
        "index": sample.index,
        "model": model,
        "model_output": {
            "id": last.and_then(|spoken| spoken.answer.id.clone()).unwrap_or_default(),
            "model": served,
            "choices": choices,
            "usage": {
                "input_tokens": input, "output_tokens": output, "total_tokens": input.zip(output).map(|(a, b)| a + b),
                "input_tokens_cache_write": null, "input_tokens_cache_read": total(|record| record.cached_tokens),
                "reasoning_tokens": total(|record| record.reasoning_tokens),
            },
            "time": latency,
            "metadata": {OWN: {
                "question_sha256": digest,
                "generation_index": sample.repeat,
                "retries": answered.retries,
                "failure": answered.failure.as_ref().map(|loss| loss.kind),
                "status": answered.failure.as_ref().and_then(|loss| loss.status),
                "reasoning_unfinished": last.is_some_and(|spoken| spoken.thought.unfinished),
                "stamps": stamps,
            }},
            "error": error,
            "perf_metrics": perf_of_last,
        },
        "messages": messages,
        "agent_trace": null,
        "metadata": sample.meta,
    });
    if let Some(decision) = last.and_then(|spoken| spoken.answer.decision.as_ref()) {
        row["model_output"]["metadata"][DECISION] = decision.clone();
    }
    let reply = last.filter(|_| error.is_none()).map(|spoken| Reply {
        text: spoken.thought.answer.clone(),
        turns: answered.turns.iter().map(|spoken| spoken.thought.answer.clone()).collect(),
        reasoned: !spoken.thought.reasoning.is_empty(),
        calls: spoken.answer.calls.clone(),
        ended: spoken.answer.ended,
        raw: spoken.answer.logprobs.clone().or_else(|| spoken.answer.decision.clone()),
    });
    Prediction { row, reply: reply.or_else(|| refused.map(|loss| refusal(loss.status))) }
}

/// When what happened, in nanoseconds since the run's epoch.
fn stamps(record: &Record) -> Value {
    json!({
        "request_id": record.request_id, "intended_ns": record.intended_ns, "started_ns": record.started_ns,
        "sent_ns": record.sent_ns, "first_byte_ns": record.first_byte_ns, "first_token_ns": record.first_token_ns,
        "last_token_ns": record.last_token_ns, "end_ns": record.end_ns, "chunks": record.chunks,
        "connection_reused": record.connection_reused, "prompt_tokens": record.prompt_tokens,
        "completion_tokens": record.completion_tokens,
    })
}

/// What a row of a file answers: the digest of its question where it tells one, which of the tries it was, and the reply;
/// `None` where the sample failed.
pub fn read(row: &Value) -> Option<(Option<String>, usize, Reply)> {
    let output = &row["model_output"];
    let choice = output["choices"].as_array()?.first()?;
    let own = &output["metadata"][OWN];
    let digest = own["question_sha256"].as_str().map(str::to_owned);
    let generation = own["generation_index"].as_u64().and_then(|index| usize::try_from(index).ok()).unwrap_or(0);
    if output["error"].is_string() {
        // An error beside a message that ended well is a refusal that was asked for; EvalScope ends other failures otherwise.
        let refused = ended(choice["stop_reason"].as_str().unwrap_or("")) == Ended::Stop;
        return refused.then(|| (digest, generation, refusal(REFUSED)));
    }
    let text = |content: &Value| match content {
        Value::Array(parts) => {
            parts.iter().filter(|part| part["type"] == "text").filter_map(|part| part["text"].as_str()).collect()
        }
        other => other.as_str().unwrap_or("").to_owned(),
    };
    let message = &choice["message"];
    let generated = |message: &&Value| message["source"] == "generate" && message["role"] == "assistant";
    let turns: Vec<String> = row["messages"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(generated)
        .map(|message| text(&message["content"]))
        .collect();
    let call = |call: &Value| Call {
        id: call["id"].as_str().unwrap_or("").to_owned(),
        name: call["function"]["name"].as_str().unwrap_or("").to_owned(),
        arguments: match call["internal"]["arguments"].as_str() {
            Some(text) => text.to_owned(),
            None => call["function"]["arguments"].to_string(),
        },
    };
    let reply = Reply {
        text: text(&message["content"]),
        turns,
        reasoned: message["content"]
            .as_array()
            .is_some_and(|parts| parts.iter().any(|part| part["type"] == "reasoning")),
        calls: message["tool_calls"].as_array().into_iter().flatten().map(call).collect(),
        ended: ended(choice["stop_reason"].as_str().unwrap_or("")),
        raw: [&choice["logprobs"], &output["metadata"][DECISION]].into_iter().find(|raw| !raw.is_null()).cloned(),
    };
    Some((digest, generation, reply))
}

/// The row of a review.
pub fn review(sample: &Sample, prediction: &Value, reply: &Reply, marks: &Marks) -> Value {
    let values: Map<String, Value> = marks.values.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    let mut meta = marks.meta.clone();
    if let Some(via) = marks.via {
        meta.insert("extracted_via".to_owned(), json!(via));
    }
    json!({
        "index": sample.index,
        "target": sample.target_list(),
        "messages": prediction["messages"],
        "agent_trace": null,
        "sample_score": {
            "score": {
                "value": values,
                "status": marks.standing.name(),
                "judge_summary": null,
                "extracted_prediction": marks.extracted,
                "prediction": reply.text,
                "explanation": marks.explanation,
                "metadata": meta,
                "main_score_name": marks.values.first().map(|(name, _)| name),
            },
            "sample_id": sample.index,
            "group_id": sample.group,
            "generation_index": sample.repeat,
            "sample_metadata": sample.meta,
        },
    })
}

/// Whether marks count.
pub fn counts(marks: &Marks) -> bool {
    marks.standing == Standing::Scored
}
