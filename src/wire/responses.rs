//! OpenAI's Responses.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::parts::{Part, calls, parts, said};
use super::text::Text;
use super::{Delta, Reply, ServerError, Usage, server_message};
use crate::mark::Mark;
use crate::prompt::{Content, Prompt, Sampling};

/// The prompt as `input`: text, or items with the parts of their messages renamed.
pub(super) fn content(content: &Content) -> Option<Map<String, Value>> {
    let input = match content {
        Content::Text(text) => json!(text),
        Content::Messages(messages) => input(messages),
        _ => return None,
    };
    Some(Map::from_iter([("input".to_owned(), input)]))
}

/// Everything but the prompt, in EvalScope's order. The protocol has no place for more.
pub(super) fn options(prompt: &Prompt, sampling: &Sampling, model: &str) -> Map<String, Value> {
    let mut wished = Map::new();
    wished.insert("model".to_owned(), json!(model));
    if let Some(most) = sampling.most(prompt) {
        wished.insert("max_output_tokens".to_owned(), json!(most));
    }
    wished.insert("stream".to_owned(), json!(sampling.stream));
    if let Some(temperature) = sampling.temperature {
        wished.insert("temperature".to_owned(), json!(temperature));
    }
    if let Some(top_p) = sampling.fields.get("top_p") {
        wished.insert("top_p".to_owned(), top_p.clone());
    }
    wished.extend(sampling.extra.clone());
    wished
}

/// A complete body that was written for chat: its prompt goes to `input`, its longest reply to `max_output_tokens`.
pub(super) fn adapt(body: &mut Map<String, Value>) {
    if !body.contains_key("input") {
        match (body.shift_remove("messages"), body.shift_remove("prompt")) {
            (Some(Value::Array(messages)), _) => drop(body.insert("input".to_owned(), input(&messages))),
            (Some(other), _) | (None, Some(other)) => drop(body.insert("input".to_owned(), other)),
            (None, None) => {}
        }
    }
    for name in ["max_tokens", "max_completion_tokens"] {
        if let Some(most) = body.shift_remove(name) {
            body.entry("max_output_tokens").or_insert(most);
        }
    }
    body.shift_remove("stream_options");
}

/// Messages as input items: parts are renamed, calls of tools and their results become items of their own.
fn input(messages: &[Value]) -> Value {
    let mut items = Vec::new();
    for message in messages {
        if message["role"] == "tool" {
            let output = match &message["content"] {
                Value::String(text) => json!(text),
                other => json!(super::parts::plain(&[said(&Value::Null, other.clone())])),
            };
            items.push(json!({"type": "function_call_output", "call_id": message["tool_call_id"], "output": output}));
            continue;
        }
        let text = if message["role"] == "assistant" { "output_text" } else { "input_text" };
        let content = match &message["content"] {
            Value::Array(_) => parts(&message["content"]).into_iter().map(|part| renamed(&part, text)).collect(),
            other => other.clone(),
        };
        if !content.is_null() {
            items.push(said(&message["role"], content));
        }
        items.extend(calls(message).into_iter().map(
            |call| json!({"type": "function_call", "call_id": call.id, "name": call.name, "arguments": call.arguments}),
        ));
    }
    Value::Array(items)
}

fn renamed(part: &Part<'_>, text_type: &str) -> Value {
    match part {
        Part::Text(text) => json!({"type": text_type, "text": text}),
        Part::Picture { url, detail } => {
            let mut picture = json!({"type": "input_image", "image_url": url});
            if let Some(detail) = detail {
                picture["detail"] = (*detail).clone();
            }
            picture
        }
        Part::Other(other) => (*other).clone(),
    }
}

/// Reads one event; its kind stands in its `type`.
pub(super) fn decode(data: &str, text: &mut String) -> Result<Delta, serde_json::Error> {
    let event: Event = serde_json::from_str(data)?;
    let mut delta = Delta::default();
    let mut piece = |piece: &Text<'_>, flag: u16| {
        text.push_str(&piece.0);
        Mark::CHOICES | if piece.0.is_empty() { 0 } else { flag }
    };
    match event.kind.as_ref() {
        "response.output_text.delta" | "response.refusal.delta" => delta.flags = piece(&event.delta, Mark::CONTENT),
        "response.reasoning_text.delta" | "response.reasoning_summary_text.delta" | "response.reasoning.delta" => {
            delta.flags = piece(&event.delta, Mark::REASONING);
        }
        "response.function_call_arguments.delta"
        | "response.custom_tool_call_input.delta"
        | "response.mcp_call_arguments.delta" => delta.flags = piece(&event.delta, Mark::TOOL),
        "response.output_item.added" => {
            let item = event.item.unwrap_or_default();
            delta.flags = piece(&item.name, Mark::TOOL) | if item.role.is_some() { Mark::ROLE } else { 0 };
        }
        "response.completed" | "response.incomplete" => delta.flags = Mark::FINISH | Mark::DONE,
        "response.failed" | "error" => delta.error = Some(server_message(said_of(data, &event).as_ref())),
        _ => {}
    }
    delta.usage = event.response.and_then(|response| response.usage);
    delta.flags |= if delta.usage.is_some() { Mark::USAGE } else { 0 };
    Ok(delta)
}

/// The part of a failed event that says why.
fn said_of<'a>(data: &'a str, event: &Event<'a>) -> Cow<'a, str> {
    let inside = event.response.as_ref().and_then(|response| response.error);
    inside.filter(|error| error.get() != "null").map_or(Cow::Borrowed(data), |error| Cow::Borrowed(error.get()))
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    delta: Text<'a>,
    #[serde(borrow)]
    item: Option<Item<'a>>,
    #[serde(borrow)]
    response: Option<Response<'a>>,
}

#[derive(Deserialize, Default)]
struct Item<'a> {
    role: Option<serde::de::IgnoredAny>,
    #[serde(borrow, default)]
    name: Text<'a>,
}

#[derive(Deserialize)]
struct Response<'a> {
    usage: Option<Usage>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

/// Reads a reply that is not streamed.
pub(super) fn reply(value: &Value) -> Result<Reply, ServerError> {
    if value["status"] == "failed" {
        return Err(ServerError::Reported(server_message(&value["error"].to_string())));
    }
    let items =
        value["output"].as_array().ok_or_else(|| ServerError::Malformed("the reply has no output".to_owned()))?;
    let (mut text, mut visible) = (String::new(), String::new());
    for item in items {
        for list in [&item["summary"], &item["content"]] {
            for part in list.as_array().into_iter().flatten() {
                for piece in [&part["text"], &part["refusal"]] {
                    text.push_str(piece.as_str().unwrap_or(""));
                }
                if item["type"] == "message" {
                    visible.push_str(part["text"].as_str().unwrap_or(""));
                }
            }
        }
        for piece in [&item["name"], &item["arguments"]] {
            text.push_str(piece.as_str().unwrap_or(""));
        }
    }
    let usage = value.get("usage").and_then(|usage| serde_json::from_value(usage.clone()).ok());
    Ok(Reply { text, visible, usage })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(events: &[Value]) -> Result<(Vec<u16>, String, Usage, Option<String>), serde_json::Error> {
        let (mut text, mut usage, mut error, mut flags) = (String::new(), Usage::default(), None, Vec::new());
        for event in events {
            let delta = decode(&event.to_string(), &mut text)?;
            usage = usage.then(delta.usage.unwrap_or_default());
            error = error.or(delta.error);
            flags.push(delta.flags);
        }
        Ok((flags, text, usage, error))
    }

    #[test]
    fn a_stream_is_read_by_the_types_of_its_events() -> Result<(), serde_json::Error> {
        let (flags, text, usage, error) = read(&[
            json!({"type": "response.created", "response": {"id": "r", "status": "in_progress", "error": null, "usage": null}}),
            json!({"type": "response.output_item.added", "output_index": 0, "item": {"type": "reasoning", "summary": []}}),
            json!({"type": "response.reasoning_summary_text.delta", "delta": "so "}),
            json!({"type": "response.output_item.added", "item": {"type": "message", "role": "assistant", "content": []}}),
            json!({"type": "response.output_text.delta", "delta": "h\u{e9}", "logprobs": []}),
            json!({"type": "response.output_text.done", "text": "hé"}),
            json!({"type": "response.output_item.added", "item": {"type": "function_call", "name": "f", "arguments": ""}}),
            json!({"type": "response.function_call_arguments.delta", "delta": "{}"}),
            json!({"type": "response.completed", "response": {"status": "completed", "usage": {"input_tokens": 9,
                "input_tokens_details": {"cached_tokens": 4}, "output_tokens": 6,
                "output_tokens_details": {"reasoning_tokens": 2}, "total_tokens": 15}}}),
        ])?;
        let choices = Mark::CHOICES;
        assert_eq!(
            flags,
            [
                0,
                choices,
                choices | Mark::REASONING,
                choices | Mark::ROLE,
                choices | Mark::CONTENT,
                0,
                choices | Mark::TOOL,
                choices | Mark::TOOL,
                Mark::FINISH | Mark::DONE | Mark::USAGE
            ]
        );
        assert_eq!((text.as_str(), error), ("so héf{}", None));
        let counts = (usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens, usage.reasoning_tokens);
        assert_eq!(counts, (Some(9), Some(6), Some(4), Some(2)));
        Ok(())
    }

    #[test]
    fn failures_are_seen() -> Result<(), serde_json::Error> {
        for event in [
            json!({"type": "response.failed", "response": {"error": {"code": "x", "message": "too hot"}}}),
            json!({"type": "error", "code": "x", "message": "too hot", "param": null}),
        ] {
            assert_eq!(read(&[event])?.3.as_deref(), Some("too hot"));
        }
        assert!(decode("ping", &mut String::new()).is_err());
        Ok(())
    }

    #[test]
    fn whole_replies_are_read() {
        let body = json!({"status": "completed", "output": [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "so "}]},
            {"type": "message", "content": [{"type": "output_text", "text": "hi"}]}],
            "usage": {"input_tokens": 3, "output_tokens": 2}});
        let reply = reply(&body).unwrap_or_default();
        assert_eq!((reply.text.as_str(), reply.usage.and_then(|usage| usage.completion_tokens)), ("so hi", Some(2)));
        assert_eq!(reply.visible, "hi");
        let failed = super::reply(&json!({"status": "failed", "error": {"message": "too hot"}, "output": []}));
        assert_eq!(failed, Err(ServerError::Reported("too hot".to_owned())));
    }

    #[test]
    fn messages_become_items() {
        let messages = [
            json!({"role": "user", "content": [{"type": "text", "text": "what?"},
                {"type": "image_url", "image_url": {"url": "http://h/a.png", "detail": "low"}}]}),
            json!({"role": "assistant", "content": null,
                "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}),
            json!({"role": "tool", "tool_call_id": "c1", "content": "7"}),
            json!({"role": "assistant", "content": [{"type": "text", "text": "seven"}]}),
        ];
        insta::assert_snapshot!(input(&messages), @r#"[{"role":"user","content":[{"type":"input_text","text":"what?"},{"type":"input_image","image_url":"http://h/a.png","detail":"low"}]},{"type":"function_call","call_id":"c1","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c1","output":"7"},{"role":"assistant","content":[{"type":"output_text","text":"seven"}]}]"#);
    }
}
