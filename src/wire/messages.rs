//! Anthropic's Messages.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

use super::parts::{Part, calls, data_url, parts, plain, said};
use super::text::Text;
use super::{Delta, Reply, ServerError, Usage, server_message};
use crate::mark::Mark;
use crate::prompt::{Content, Prompt, Sampling};

/// The protocol wants a bound; this one where none is set.
const MAX_TOKENS: u32 = 4096;

/// The prompt as messages; what the system says has a field of its own.
pub(super) fn content(content: &Content) -> Option<Map<String, Value>> {
    let messages = match content {
        Content::Text(text) => vec![json!({"role": "user", "content": text})],
        Content::Messages(messages) => messages.clone(),
        _ => return None,
    };
    let (system, spoken): (Vec<Value>, Vec<Value>) =
        messages.into_iter().partition(|message| message["role"] == "system" || message["role"] == "developer");
    let mut fields = Map::new();
    fields.insert("messages".to_owned(), spoken.iter().map(turn).collect());
    if !system.is_empty() {
        fields.insert("system".to_owned(), json!(plain(&system)));
    }
    Some(fields)
}

/// Everything but the prompt; the protocol has no place for more.
pub(super) fn options(prompt: &Prompt, sampling: &Sampling, model: &str) -> Map<String, Value> {
    let mut wished = Map::new();
    wished.insert("model".to_owned(), json!(model));
    wished.insert("max_tokens".to_owned(), json!(sampling.most(prompt).unwrap_or(MAX_TOKENS)));
    if let Some(stop) = sampling.fields.get("stop") {
        wished.insert("stop_sequences".to_owned(), stop.clone());
    }
    wished.insert("stream".to_owned(), json!(sampling.stream));
    if let Some(temperature) = sampling.temperature {
        wished.insert("temperature".to_owned(), json!(temperature));
    }
    for name in ["top_p", "top_k"] {
        if let Some(value) = sampling.fields.get(name) {
            wished.insert(name.to_owned(), value.clone());
        }
    }
    wished.extend(sampling.extra.clone());
    wished
}

/// One message: pictures, calls of tools and their results are blocks here.
fn turn(message: &Value) -> Value {
    if message["role"] == "tool" {
        let result =
            json!({"type": "tool_result", "tool_use_id": message["tool_call_id"], "content": message["content"]});
        return json!({"role": "user", "content": [result]});
    }
    let calls = calls(message);
    if calls.is_empty() && !message["content"].is_array() {
        return said(&message["role"], message["content"].clone());
    }
    // Empty text is no block, and servers refuse it.
    let is_said = |part: &Part<'_>| !matches!(part, Part::Text(""));
    let mut blocks: Vec<Value> = parts(&message["content"]).iter().filter(|part| is_said(part)).map(block).collect();
    blocks.extend(calls.into_iter().map(|call| {
        let input: Value = serde_json::from_str(call.arguments).unwrap_or_else(|_| json!({}));
        json!({"type": "tool_use", "id": call.id, "name": call.name, "input": input})
    }));
    said(&message["role"], Value::Array(blocks))
}

fn block(part: &Part<'_>) -> Value {
    match part {
        Part::Text(text) => json!({"type": "text", "text": text}),
        Part::Picture { url, .. } => match data_url(url) {
            Some((kind, data)) => {
                json!({"type": "image", "source": {"type": "base64", "media_type": kind, "data": data}})
            }
            None => json!({"type": "image", "source": {"type": "url", "url": url}}),
        },
        Part::Other(other) => (*other).clone(),
    }
}

/// Reads one event; its kind stands in its `type`, as in its name.
pub(super) fn decode(data: &str, text: &mut String) -> Result<Delta, serde_json::Error> {
    let event: Event = serde_json::from_str(data)?;
    let mut delta = Delta::default();
    let mut piece = |piece: &Text<'_>, flag: u16| {
        text.push_str(&piece.0);
        if piece.0.is_empty() { 0 } else { flag }
    };
    match event.kind.as_ref() {
        "message_start" => {
            let message = event.message.unwrap_or_default();
            delta.flags = Mark::ROLE;
            // The reply has hardly begun, so that its length is not known yet.
            delta.usage = message.usage.map(|counts| Usage { completion_tokens: None, ..counts.usage() });
        }
        "content_block_start" => {
            let block = event.content_block.unwrap_or_default();
            delta.flags = Mark::CHOICES
                | piece(&block.text, Mark::CONTENT)
                | piece(&block.thinking, Mark::REASONING)
                | piece(&block.name, Mark::TOOL);
        }
        "content_block_delta" => {
            let parts = event.delta.unwrap_or_default();
            delta.flags = Mark::CHOICES
                | piece(&parts.text, Mark::CONTENT)
                | piece(&parts.thinking, Mark::REASONING)
                | piece(&parts.partial_json, Mark::TOOL);
        }
        "message_delta" => {
            delta.flags = if event.delta.is_some_and(|parts| parts.stop_reason.is_some()) { Mark::FINISH } else { 0 };
            delta.usage = event.usage.map(|counts| counts.usage());
        }
        "message_stop" => delta.flags = Mark::DONE,
        "error" => delta.error = Some(server_message(data)),
        _ => {}
    }
    delta.flags |= if delta.usage.is_some() { Mark::USAGE } else { 0 };
    Ok(delta)
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    message: Option<Message>,
    #[serde(borrow)]
    content_block: Option<Parts<'a>>,
    #[serde(borrow)]
    delta: Option<Parts<'a>>,
    usage: Option<Counts>,
}

#[derive(Deserialize, Default)]
struct Message {
    usage: Option<Counts>,
}

/// What a block begins with, and what is added to it.
#[derive(Deserialize, Default)]
struct Parts<'a> {
    #[serde(borrow, default)]
    text: Text<'a>,
    #[serde(borrow, default)]
    thinking: Text<'a>,
    #[serde(borrow, default)]
    partial_json: Text<'a>,
    #[serde(borrow, default)]
    name: Text<'a>,
    stop_reason: Option<IgnoredAny>,
}

/// Token counts, where what was read from or written to the cache is not part of `input_tokens`.
#[derive(Deserialize, Clone, Copy)]
struct Counts {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
}

impl Counts {
    fn usage(self) -> Usage {
        let cached = self.cache_read_input_tokens;
        let apart = cached.unwrap_or(0) + self.cache_creation_input_tokens.unwrap_or(0);
        Usage {
            prompt_tokens: self.input_tokens.map(|input| input + apart),
            completion_tokens: self.output_tokens,
            cached_tokens: cached,
            reasoning_tokens: None,
        }
    }
}

/// Reads a reply that is not streamed.
pub(super) fn reply(value: &Value) -> Result<Reply, ServerError> {
    if value["type"] == "error" {
        return Err(ServerError::Reported(server_message(&value.to_string())));
    }
    let blocks =
        value["content"].as_array().ok_or_else(|| ServerError::Malformed("the reply has no content".to_owned()))?;
    let (mut text, mut visible) = (String::new(), String::new());
    for block in blocks {
        visible.push_str(block["text"].as_str().unwrap_or(""));
        for piece in [&block["thinking"], &block["text"], &block["name"]] {
            text.push_str(piece.as_str().unwrap_or(""));
        }
        if let Some(input) = block.get("input") {
            text.push_str(&input.to_string());
        }
    }
    let counts: Option<Counts> = value.get("usage").and_then(|usage| serde_json::from_value(usage.clone()).ok());
    Ok(Reply { text, visible, usage: counts.map(Counts::usage) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_read_block_by_block() -> Result<(), serde_json::Error> {
        let (mut text, mut usage) = (String::new(), Usage::default());
        let mut flags = Vec::new();
        for event in [
            json!({"type": "message_start", "message": {"id": "m", "type": "message", "role": "assistant", "content": [],
                "stop_reason": null, "usage": {"input_tokens": 4, "cache_creation_input_tokens": 2,
                "cache_read_input_tokens": 8, "output_tokens": 1}}}),
            json!({"type": "ping"}),
            json!({"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}}),
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "so "}}),
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "x"}}),
            json!({"type": "content_block_stop", "index": 0}),
            json!({"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}}),
            json!({"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "hi"}}),
            json!({"type": "content_block_start", "index": 2,
                "content_block": {"type": "tool_use", "id": "t", "name": "f", "input": {}}}),
            json!({"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": "{}"}}),
            json!({"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null},
                "usage": {"output_tokens": 12}}),
            json!({"type": "message_stop"}),
        ] {
            let delta = decode(&event.to_string(), &mut text)?;
            usage = usage.then(delta.usage.unwrap_or_default());
            assert_eq!(delta.error, None);
            flags.push(delta.flags);
        }
        let c = Mark::CHOICES;
        assert_eq!(
            flags,
            [
                Mark::ROLE | Mark::USAGE,
                0,
                c,
                c | Mark::REASONING,
                c,
                0,
                c,
                c | Mark::CONTENT,
                c | Mark::TOOL,
                c | Mark::TOOL,
                Mark::FINISH | Mark::USAGE,
                Mark::DONE
            ]
        );
        assert_eq!(text, "so hif{}");
        assert_eq!((usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens), (Some(14), Some(12), Some(8)));
        Ok(())
    }

    #[test]
    fn errors_are_seen() {
        let event = json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}});
        let error = decode(&event.to_string(), &mut String::new()).unwrap_or_default().error;
        assert_eq!(error.as_deref(), Some("Overloaded"));
        assert_eq!(reply(&event), Err(ServerError::Reported("Overloaded".to_owned())));
    }

    #[test]
    fn whole_replies_are_read() {
        let body = json!({"type": "message", "content": [{"type": "text", "text": "hi"}],
            "usage": {"input_tokens": 3, "output_tokens": 2, "cache_read_input_tokens": null}});
        let reply = reply(&body).unwrap_or_default();
        let usage = Usage { prompt_tokens: Some(3), completion_tokens: Some(2), ..Usage::default() };
        assert_eq!(reply, Reply { text: "hi".to_owned(), visible: "hi".to_owned(), usage: Some(usage) });
        assert!(super::reply(&json!({"choices": []})).is_err());
    }

    #[test]
    fn messages_take_their_own_form() {
        let messages = Content::Messages(vec![
            json!({"role": "system", "content": "Be brief."}),
            json!({"role": "user", "content": [{"type": "text", "text": "what?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]}),
            json!({"role": "assistant", "content": "",
                "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"a\": 1}"}}]}),
            json!({"role": "tool", "tool_call_id": "c1", "content": "7"}),
        ]);
        let fields = content(&messages).map(Value::Object).unwrap_or_default();
        insta::assert_snapshot!(fields, @r#"{"messages":[{"role":"user","content":[{"type":"text","text":"what?"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA=="}}]},{"role":"assistant","content":[{"type":"tool_use","id":"c1","name":"f","input":{"a":1}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":"7"}]}],"system":"Be brief."}"#);
    }
}
