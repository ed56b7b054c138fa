//! DashScope's text generation.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::chat::ToolCall;
use super::text::Text;
use super::{Delta, Reply, ServerError, Usage, server_message};
use crate::mark::Mark;
use crate::prompt::{Content, Prompt, Sampling};

/// The prompt below `input`.
pub(super) fn content(content: &Content) -> Option<Map<String, Value>> {
    let (name, value) = match content {
        Content::Messages(messages) => ("messages", Value::Array(messages.clone())),
        Content::Text(text) => ("prompt", json!(text)),
        _ => return None,
    };
    Some(Map::from_iter([("input".to_owned(), json!({ name: value }))]))
}

/// Everything but the prompt: sampling goes below `parameters`, extra arguments as well. Replies come as messages, and
/// each event of a stream brings only what is new.
pub(super) fn options(prompt: &Prompt, sampling: &Sampling, model: &str) -> Map<String, Value> {
    let mut parameters = Map::new();
    parameters.insert("result_format".to_owned(), json!("message"));
    if sampling.stream {
        parameters.insert("incremental_output".to_owned(), json!(true));
    }
    if let Some(most) = sampling.most(prompt) {
        parameters.insert("max_tokens".to_owned(), json!(most));
    }
    let mut field = |name: &str| {
        if let Some(value) = sampling.fields.get(name) {
            parameters.insert(name.to_owned(), value.clone());
        }
    };
    for name in ["frequency_penalty", "repetition_penalty", "logprobs", "n", "seed", "stop"] {
        field(name);
    }
    if let Some(temperature) = sampling.temperature {
        parameters.insert("temperature".to_owned(), json!(temperature));
    }
    for name in ["top_p", "top_k"] {
        if let Some(value) = sampling.fields.get(name) {
            parameters.insert(name.to_owned(), value.clone());
        }
    }
    parameters.extend(sampling.extra.clone());
    Map::from_iter([("model".to_owned(), json!(model)), ("parameters".to_owned(), Value::Object(parameters))])
}

/// A complete body that was written for chat: its prompt goes below `input`. Parameters that it lacks are filled in.
pub(super) fn adapt(body: &mut Map<String, Value>, wished: &Map<String, Value>) {
    if !body.contains_key("input") {
        for name in ["messages", "prompt"] {
            if let Some(value) = body.shift_remove(name) {
                body.insert("input".to_owned(), json!({ name: value }));
                break;
            }
        }
    }
    let given = body.entry("parameters").or_insert_with(|| json!({}));
    if let (Value::Object(given), Some(Value::Object(wished))) = (given, wished.get("parameters")) {
        for (name, value) in wished {
            given.entry(name).or_insert_with(|| value.clone());
        }
    }
}

/// Reads one event. An event named `error` is one; the others hold `output`.
pub(super) fn decode(name: &str, data: &str, text: &mut String) -> Result<Delta, serde_json::Error> {
    let event: Event = serde_json::from_str(data)?;
    let mut delta = Delta { usage: event.usage, ..Delta::default() };
    delta.flags |= if delta.usage.is_some() { Mark::USAGE } else { 0 };
    let Some(output) = event.output else {
        if name == "error" || event.code.is_some_and(|code| !code.0.is_empty()) {
            delta.error = Some(server_message(data));
        }
        return Ok(delta);
    };
    // The word "null" stands for a choice that goes on.
    let is_over =
        |reason: &Option<Cow<'_, str>>| reason.as_deref().is_some_and(|reason| reason != "null" && !reason.is_empty());
    let mut piece = |piece: &Text<'_>, flag: u16| {
        text.push_str(&piece.0);
        if piece.0.is_empty() { 0 } else { flag }
    };
    if let Some(whole) = &output.text {
        delta.flags |= Mark::CHOICES | piece(whole, Mark::CONTENT);
    }
    delta.flags |= if is_over(&output.finish_reason) { Mark::FINISH } else { 0 };
    for choice in output.choices.unwrap_or_default() {
        delta.flags |= Mark::CHOICES;
        delta.flags |= if is_over(&choice.finish_reason) { Mark::FINISH } else { 0 };
        let Some(message) = choice.message else { continue };
        delta.flags |= piece(&message.reasoning_content, Mark::REASONING) | piece(&message.content, Mark::CONTENT);
        for call in message.tool_calls.unwrap_or_default() {
            let call = call.function.unwrap_or_default();
            delta.flags |= piece(&call.name, Mark::TOOL) | piece(&call.arguments, Mark::TOOL);
        }
    }
    Ok(delta)
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    output: Option<Output<'a>>,
    usage: Option<Usage>,
    #[serde(borrow)]
    code: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Output<'a> {
    #[serde(borrow)]
    choices: Option<Vec<Choice<'a>>>,
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    finish_reason: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    message: Option<Message<'a>>,
    #[serde(borrow)]
    finish_reason: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    content: Text<'a>,
    #[serde(borrow, default)]
    reasoning_content: Text<'a>,
    #[serde(borrow)]
    tool_calls: Option<Vec<ToolCall<'a>>>,
}

/// Reads a reply that is not streamed: it is the only event of its kind.
pub(super) fn reply(body: &str, value: &Value) -> Result<Reply, ServerError> {
    let mut text = String::new();
    let delta = decode("", body, &mut text).map_err(|error| ServerError::Malformed(error.to_string()))?;
    match delta.error {
        Some(said) => Err(ServerError::Reported(said)),
        None if !delta.has(Mark::CHOICES) => Err(ServerError::Malformed("the reply has no output".to_owned())),
        None => {
            let output = &value["output"];
            let places = [&output["choices"][0]["message"]["content"], &output["text"]];
            let visible = places.iter().find_map(|place| place.as_str()).unwrap_or("").to_owned();
            Ok(Reply { text, visible, usage: delta.usage })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_read_with_its_counts() -> Result<(), serde_json::Error> {
        let (mut text, mut usage, mut flags) = (String::new(), Usage::default(), Vec::new());
        for event in [
            json!({"output": {"choices": [{"message": {"role": "assistant", "content": "", "reasoning_content": "so "},
                "finish_reason": "null"}]}, "usage": {"input_tokens": 5, "output_tokens": 1, "total_tokens": 6}}),
            json!({"output": {"choices": [{"message": {"role": "assistant", "content": "hi"}, "finish_reason": "null"}]},
                "usage": {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}, "request_id": "r"}),
            json!({"output": {"choices": [{"message": {"content": ""}, "finish_reason": "stop"}]},
                "usage": {"input_tokens": 5, "output_tokens": 2, "prompt_tokens_details": {"cached_tokens": 3}}}),
        ] {
            let delta = decode("result", &event.to_string(), &mut text)?;
            usage = usage.then(delta.usage.unwrap_or_default());
            flags.push(delta.flags);
        }
        let both = Mark::CHOICES | Mark::USAGE;
        assert_eq!(flags, [both | Mark::REASONING, both | Mark::CONTENT, both | Mark::FINISH]);
        assert_eq!(text, "so hi");
        assert_eq!((usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens), (Some(5), Some(2), Some(3)));
        Ok(())
    }

    #[test]
    fn plain_text_is_read_as_well() -> Result<(), serde_json::Error> {
        let mut text = String::new();
        let data = r#"{"output":{"text":"hi","finish_reason":"stop"},"usage":{"input_tokens":1,"output_tokens":1}}"#;
        let delta = decode("result", data, &mut text)?;
        assert!(delta.has(Mark::CHOICES | Mark::CONTENT | Mark::FINISH | Mark::USAGE));
        let read = reply(data, &serde_json::from_str(data)?).unwrap_or_default();
        assert_eq!((read.text.as_str(), read.visible.as_str()), ("hi", "hi"));
        Ok(())
    }

    #[test]
    fn errors_are_seen() {
        let data = r#"{"code":"InvalidApiKey","message":"Invalid API-key provided.","request_id":"r"}"#;
        let error = decode("error", data, &mut String::new()).unwrap_or_default().error;
        assert_eq!(error.as_deref(), Some("Invalid API-key provided."));
        assert!(matches!(reply(data, &Value::Null), Err(ServerError::Reported(_))));
        assert!(matches!(reply("{}", &Value::Null), Err(ServerError::Malformed(_))));
    }
}
