//! Chat completions and completions: events and replies that hold choices.

use std::borrow::Cow;
use std::ops::Range;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::decoder::Shape;
use super::text::Text;
use super::{Delta, Reply, ServerError, Usage, server_message};
use crate::mark::Mark;
use crate::prompt::{Content, Prompt, Sampling};

/// Where the prompt goes: messages for chat completions, `prompt` for completions. Both servers take either field and
/// refuse the wrong one themselves, as EvalScope leaves it to them. `None` for what is no text to continue.
pub(super) fn content(content: &Content) -> Option<Map<String, Value>> {
    let (name, value) = match content {
        Content::Messages(messages) => ("messages", Value::Array(messages.clone())),
        Content::Text(text) => ("prompt", json!(text)),
        Content::Tokens(ids) => ("prompt", json!(ids)),
        Content::Inputs(_) | Content::Ranking { .. } | Content::Body(_) => return None,
    };
    Some(Map::from_iter([(name.to_owned(), value)]))
}

/// Everything but the prompt, in EvalScope's order.
pub(super) fn options(prompt: &Prompt, sampling: &Sampling, model: &str) -> Map<String, Value> {
    let mut wished = Map::new();
    wished.insert("model".to_owned(), json!(model));
    if let Some(most) = sampling.most(prompt) {
        wished.insert("max_tokens".to_owned(), json!(most));
    }
    let mut field = |name: &str| {
        if let Some(value) = sampling.fields.get(name) {
            wished.insert(name.to_owned(), value.clone());
        }
    };
    for name in ["min_tokens", "frequency_penalty", "repetition_penalty", "logprobs", "n", "seed", "stop"] {
        field(name);
    }
    wished.insert("stream".to_owned(), json!(sampling.stream));
    // Holds the place in the order of keys; dropped where nothing is streamed.
    wished.insert("stream_options".to_owned(), json!({"include_usage": true}));
    if let Some(ids) = sampling.fields.get("stop_token_ids") {
        wished.insert("stop_token_ids".to_owned(), ids.clone());
    }
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

/// Reads one event; the text of all choices, reasoning included, is appended to `text`. Where that is a single piece, and
/// the event says nothing else that another of its kind might say differently, its shape is given as well.
pub(super) fn decode(data: &str, text: &mut String) -> Result<(Delta, Option<Shape>), serde_json::Error> {
    let begun = text.len();
    let mut only = None;
    let event: Event = serde_json::from_str(data)?;
    let flags = if event.usage.is_some() { Mark::USAGE } else { 0 };
    let mut delta = Delta { usage: event.usage, flags, ..Delta::default() };
    if event.error.is_some_and(|error| error.get() != "null") || event.object.as_deref() == Some("error") {
        delta.error = Some(server_message(data));
    }
    for choice in event.choices.unwrap_or_default() {
        delta.flags |= Mark::CHOICES;
        delta.flags |= if choice.finish_reason.is_some() { Mark::FINISH } else { 0 };
        let mut visible = |piece: Text| {
            text.push_str(&piece.0);
            only = piece.place(data).or(only.take());
            if piece.0.is_empty() { 0 } else { Mark::CONTENT }
        };
        delta.flags |= visible(choice.text);
        let Some(parts) = choice.delta else { continue };
        delta.flags |= if parts.role.is_some() { Mark::ROLE } else { 0 };
        delta.flags |= visible(parts.content) | visible(parts.refusal);
        // Servers spell reasoning in two ways and some send both; one of them counts.
        let reasoning = if parts.reasoning_content.0.is_empty() { parts.reasoning } else { parts.reasoning_content };
        if !reasoning.0.is_empty() {
            text.push_str(&reasoning.0);
            only = reasoning.place(data).or(only.take());
            delta.flags |= Mark::REASONING;
        }
        for call in parts.tool_calls.unwrap_or_default() {
            let call = call.function.unwrap_or_default();
            for piece in [call.name, call.arguments] {
                delta.flags |= if piece.0.is_empty() { 0 } else { Mark::TOOL };
                text.push_str(&piece.0);
            }
        }
    }
    let alone =
        |place: &Range<usize>| place.len() == text.len() - begun && delta.usage.is_none() && delta.error.is_none();
    let shape = only.filter(alone).map(|place| Shape {
        before: data[..place.start].to_owned(),
        after: data[place.end..].to_owned(),
        flags: delta.flags,
    });
    Ok((delta, shape))
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    choices: Option<Vec<Choice<'a>>>,
    usage: Option<Usage>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow, default)]
    object: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    delta: Option<Parts<'a>>,
    #[serde(borrow, default)]
    text: Text<'a>,
    finish_reason: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Parts<'a> {
    role: Option<IgnoredAny>,
    #[serde(borrow, default)]
    content: Text<'a>,
    #[serde(borrow, default)]
    refusal: Text<'a>,
    #[serde(borrow, default)]
    reasoning_content: Text<'a>,
    #[serde(borrow, default)]
    reasoning: Text<'a>,
    #[serde(borrow)]
    tool_calls: Option<Vec<ToolCall<'a>>>,
}

/// A call of a tool, or a piece of one.
#[derive(Deserialize)]
pub(super) struct ToolCall<'a> {
    #[serde(borrow)]
    pub(super) function: Option<Function<'a>>,
}

/// What is called, and with what.
#[derive(Deserialize, Default)]
pub(super) struct Function<'a> {
    #[serde(borrow, default)]
    pub(super) name: Text<'a>,
    #[serde(borrow, default)]
    pub(super) arguments: Text<'a>,
}

/// Reads a reply that is not streamed.
pub(super) fn reply(value: &Value) -> Result<Reply, ServerError> {
    let choices = value["choices"]
        .as_array()
        .filter(|choices| !choices.is_empty())
        .ok_or_else(|| ServerError::Malformed("the reply has no choices".to_owned()))?;
    let mut text = String::new();
    for choice in choices {
        let message = &choice["message"];
        let pieces = [&choice["text"], &message["reasoning_content"], &message["content"], &message["refusal"]];
        pieces.iter().filter_map(|piece| piece.as_str()).for_each(|piece| text.push_str(piece));
        if message["reasoning_content"].is_null() {
            text.push_str(message["reasoning"].as_str().unwrap_or(""));
        }
        for call in message["tool_calls"].as_array().into_iter().flatten() {
            for piece in [&call["function"]["name"], &call["function"]["arguments"]] {
                text.push_str(piece.as_str().unwrap_or(""));
            }
        }
    }
    let usage = value.get("usage").and_then(|usage| serde_json::from_value(usage.clone()).ok());
    let first = &choices[0];
    let visible = [&first["text"], &first["message"]["content"]].iter().find_map(|piece| piece.as_str());
    Ok(Reply { text, visible: visible.unwrap_or("").to_owned(), usage })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(data: &str) -> (Delta, String) {
        let mut text = String::new();
        (decode(data, &mut text).map(|(delta, _)| delta).unwrap_or_default(), text)
    }

    #[test]
    fn role_only_and_empty_chunks_have_choices_and_no_token() {
        for data in [
            r#"{"choices":[{"delta":{"role":"assistant"}}]}"#,
            r#"{"choices":[{"delta":{"role":"assistant","content":""}}]}"#,
            r#"{"choices":[{"delta":{"content":null}}]}"#,
            r#"{"choices":[{"delta":{},"finish_reason":null}]}"#,
        ] {
            let delta = read(data).0;
            assert!(delta.has(Mark::CHOICES) && !delta.is_token() && !delta.has(Mark::FINISH), "{data}");
        }
    }

    #[test]
    fn every_kind_of_token_counts_and_only_content_is_visible() {
        for (data, visible, text) in [
            (r#"{"choices":[{"delta":{"content":"h\u00e9"}}]}"#, true, "hé"),
            (
                r#"{"choices":[{"delta":{"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}}]}"#,
                true,
                "ab",
            ),
            (r#"{"choices":[{"text":"x"}]}"#, true, "x"),
            (r#"{"choices":[{"delta":{"reasoning_content":"r"}}]}"#, false, "r"),
            (r#"{"choices":[{"delta":{"reasoning":"r","reasoning_content":"r"}}]}"#, false, "r"),
            (
                r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"f","arguments":""}}]}}]}"#,
                false,
                "f",
            ),
            (
                r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\":"}}]}}]}"#,
                false,
                "{\"a\":",
            ),
        ] {
            let (delta, read) = read(data);
            assert_eq!((delta.is_token(), delta.has(Mark::CONTENT), read.as_str()), (true, visible, text), "{data}");
        }
    }

    #[test]
    fn usage_comes_with_or_without_choices() {
        let data = r#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":5,"total_tokens":8,
            "prompt_tokens_details":{"cached_tokens":2},"completion_tokens_details":{"reasoning_tokens":1}}}"#;
        let usage = Usage {
            prompt_tokens: Some(3),
            completion_tokens: Some(5),
            cached_tokens: Some(2),
            reasoning_tokens: Some(1),
        };
        assert_eq!(read(data).0, Delta { usage: Some(usage), flags: Mark::USAGE, error: None });
        let data = r#"{"choices":[{"delta":{"content":"a"}}],"usage":null}"#;
        assert_eq!(read(data).0.usage, None);
    }

    #[test]
    fn errors_inside_a_stream_are_seen() {
        assert_eq!(
            read(r#"{"error":{"message":"out of memory","code":500}}"#).0.error.as_deref(),
            Some("out of memory")
        );
        assert_eq!(read(r#"{"object":"error","message":"too long"}"#).0.error.as_deref(), Some("too long"));
        assert_eq!(read(r#"{"choices":[],"error":null}"#).0.error, None);
    }

    #[test]
    fn what_is_not_json_is_refused() {
        assert!(decode("ping", &mut String::new()).is_err());
        assert!(decode(r#"{"choices":[{"delta":{"content":"a"#, &mut String::new()).is_err());
    }
}
