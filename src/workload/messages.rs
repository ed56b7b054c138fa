//! Chat messages: what makes them acceptable, and the text in them.

use serde_json::{Map, Value};

use crate::error::Result;
use crate::prompt::Content;
use crate::tokenizer::Tokenizer;

/// Checks what every server needs: a role, and a content or calls in its place. The error names the field.
pub(super) fn check(messages: &[Value]) -> Result<(), String> {
    if messages.is_empty() {
        return Err("messages: is empty".to_owned());
    }
    for (index, message) in messages.iter().enumerate() {
        let at = |what: &str| format!("messages[{index}]{what}");
        let Value::Object(message) = message else {
            return Err(at(": must be an object with `role` and `content`"));
        };
        match message.get("role") {
            Some(Value::String(_)) => {}
            Some(_) => return Err(at(".role: must be a string")),
            None => return Err(at(".role: is missing")),
        }
        match message.get("content") {
            Some(Value::String(_)) => {}
            Some(Value::Array(parts)) => {
                if let Some(part) = parts.iter().position(|part| !part.is_object() && !part.is_string()) {
                    return Err(at(&format!(".content[{part}]: must be an object")));
                }
            }
            Some(Value::Null) | None if calls(message) => {}
            Some(Value::Null) => return Err(at(".content: is null and there are no `tool_calls`")),
            Some(_) => return Err(at(".content: must be a string or an array of parts")),
            None => return Err(at(".content: is missing")),
        }
    }
    Ok(())
}

/// Whether the message calls tools, so that it needs no content.
fn calls(message: &Map<String, Value>) -> bool {
    message.get("tool_calls").and_then(Value::as_array).is_some_and(|calls| !calls.is_empty())
        || message.get("function_call").is_some_and(Value::is_object)
}

/// Tokens of the text in a content, without chat template, tools and calls; `None` where part of it is not text.
pub(super) fn tokens(content: &Content, tokenizer: &Tokenizer) -> Result<Option<u32>> {
    if let Content::Tokens(ids) = content {
        return Ok(u32::try_from(ids.len()).ok());
    }
    let mut texts = Vec::new();
    let complete = match content {
        Content::Text(text) => {
            texts.push(text.as_str());
            true
        }
        Content::Messages(messages) => messages.iter().all(|message| collect(message, &mut texts)),
        Content::Body(body) => match ["messages", "prompt", "input"].iter().find_map(|key| body.get(*key)) {
            Some(value) => collect(value, &mut texts),
            None => false,
        },
        Content::Inputs(inputs) => {
            texts.extend(inputs.iter().map(String::as_str));
            true
        }
        Content::Ranking { query, documents } => {
            texts.extend(std::iter::once(query).chain(documents).map(String::as_str));
            true
        }
        Content::Tokens(_) => false,
    };
    if !complete {
        return Ok(None);
    }
    let mut total = 0;
    for text in texts {
        total += tokenizer.count(text)?;
    }
    Ok(u32::try_from(total).ok())
}

/// Collects the texts of a string, a message, a part, or a list of them; false where something else is met.
fn collect<'a>(value: &'a Value, texts: &mut Vec<&'a str>) -> bool {
    match value {
        Value::String(text) => {
            texts.push(text);
            true
        }
        Value::Array(items) => items.iter().all(|item| collect(item, texts)),
        Value::Object(fields) => match (fields.get("text"), fields.get("content")) {
            (Some(text), None) => collect(text, texts),
            // A message that only calls tools has no text of its own.
            (None, Some(Value::Null) | None) => fields.contains_key("role"),
            (None, Some(content)) => collect(content, texts),
            (Some(_), Some(_)) => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::TestResult;
    use super::*;
    use serde_json::json;

    fn fault(messages: &Value) -> String {
        check(messages.as_array().map_or(&[], Vec::as_slice)).err().unwrap_or_default()
    }

    #[test]
    fn what_servers_take_is_accepted() {
        for messages in [
            json!([{"role": "user", "content": "hi"}]),
            json!([{"role": "user", "content": [{"type": "text", "text": "hi"}]}]),
            json!([{"role": "assistant", "content": null, "tool_calls": [{"id": "1"}]}]),
            json!([{"role": "assistant", "tool_calls": [{"id": "1"}]}]),
        ] {
            assert_eq!(fault(&messages), "");
        }
    }

    #[test]
    fn a_fault_names_its_field() {
        for (messages, field) in [
            (json!([]), "messages: is empty"),
            (json!(["hi"]), "messages[0]: must be an object"),
            (json!([{"content": "hi"}]), "messages[0].role: is missing"),
            (json!([{"role": 1, "content": "hi"}]), "messages[0].role: must be a string"),
            (json!([{"role": "a", "content": "x"}, {"role": "a"}]), "messages[1].content: is missing"),
            (json!([{"role": "a", "content": null}]), "messages[0].content: is null"),
            (json!([{"role": "a", "content": null, "tool_calls": []}]), "messages[0].content: is null"),
            (json!([{"role": "a", "content": 1}]), "messages[0].content: must be a string"),
            (json!([{"role": "a", "content": [1]}]), "messages[0].content[0]: must be an object"),
        ] {
            assert!(fault(&messages).starts_with(field), "{messages}: {}", fault(&messages));
        }
    }

    #[test]
    fn tokens_are_those_of_the_texts() -> TestResult {
        let tokenizer = Tokenizer::built_in()?;
        let hi = u32::try_from(tokenizer.count("hi there")?)?;
        let count = |content| tokens(&content, &tokenizer);
        assert_eq!(count(Content::Text("hi there".to_owned()))?, Some(hi));
        let messages = vec![
            json!({"role": "user", "content": "hi there"}),
            json!({"role": "assistant", "content": null, "tool_calls": [{}]}),
            json!({"role": "user", "content": [{"type": "text", "text": "hi there"}]}),
        ];
        assert_eq!(count(Content::Messages(messages))?, Some(2 * hi));
        let picture = vec![json!({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]})];
        assert_eq!(count(Content::Messages(picture))?, None);
        let body = json!({"prompt": ["hi there", "hi there"]});
        assert_eq!(count(Content::Body(body.as_object().cloned().unwrap_or_default()))?, Some(2 * hi));
        let ids = json!({"prompt": [1, 2, 3]});
        assert_eq!(count(Content::Body(ids.as_object().cloned().unwrap_or_default()))?, None);
        Ok(())
    }
}
