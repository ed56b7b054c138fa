//! The messages of a request to a [`Chat`] that the model's template takes.

use serde_json::{Map, Value};

use super::backend::{Chat, Refusal};
use super::fields::{Fields, invalid};

/// Reads `messages` and what goes with them.
///
/// # Errors
/// When a field has a value that cannot be served.
pub fn read(fields: &Fields<'_>) -> Result<Chat, Refusal> {
    Ok(Chat {
        messages: messages(fields.get("messages"))?,
        tools: tools(fields)?,
        extra: fields.object("chat_template_kwargs")?.cloned().unwrap_or_default(),
        add_generation_prompt: fields.flag_or("add_generation_prompt", true)?,
    })
}

/// The tools, which the template shows to the model. A call that the model makes of one stays text in its reply, so no
/// call can be promised.
fn tools(fields: &Fields<'_>) -> Result<Option<Value>, Refusal> {
    match fields.get("tool_choice") {
        None => {}
        Some(Value::String(choice)) if matches!(choice.as_str(), "auto" | "none") => {}
        Some(_) => return Err(invalid("tool_choice", "only auto and none are served: no tool can be forced")),
    }
    match fields.get("tools") {
        None => Ok(None),
        Some(Value::Array(tools)) if tools.is_empty() => Ok(None),
        Some(tools @ Value::Array(_)) => Ok(Some(tools.clone())),
        Some(_) => Err(invalid("tools", "must be a list of tools")),
    }
}

fn messages(value: Option<&Value>) -> Result<Vec<Value>, Refusal> {
    let Some(Value::Array(items)) = value else { return Err(invalid("messages", "must be a list of messages")) };
    if items.is_empty() {
        return Err(invalid("messages", "must hold at least one message"));
    }
    items.iter().enumerate().map(|(index, item)| message(index, item)).collect()
}

/// A message with a text as its content, whatever shape that came in. Its other fields stay as they are.
fn message(index: usize, item: &Value) -> Result<Value, Refusal> {
    let wrong = |what: &str| invalid("messages", format!("message {}: {what}", index + 1));
    let Value::Object(given) = item else { return Err(wrong("must be an object")) };
    if !given.get("role").is_some_and(Value::is_string) {
        return Err(wrong("role must be a text"));
    }
    let content = match given.get("content") {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => parts
            .iter()
            .map(|part| part.as_str().or_else(|| part.get("text").and_then(Value::as_str)))
            .collect::<Option<String>>()
            .ok_or_else(|| wrong("only parts of the type text are served"))?,
        Some(_) => return Err(wrong("content must be a text or a list of parts")),
    };
    let said = given.iter().filter(|(_, value)| !value.is_null());
    let mut message: Map<String, Value> = said.map(|(name, value)| (name.clone(), value.clone())).collect();
    message.insert("content".to_owned(), content.into());
    if let Some(Value::Array(calls)) = message.get_mut("tool_calls") {
        calls.iter_mut().for_each(parse_arguments);
    }
    Ok(Value::Object(message))
}

/// Templates take the arguments of a call as an object, requests carry them as JSON in a text.
fn parse_arguments(call: &mut Value) {
    let Some(arguments) = call.get_mut("function").and_then(|function| function.get_mut("arguments")) else { return };
    let parsed = arguments.as_str().and_then(|text| serde_json::from_str::<Map<String, Value>>(text).ok());
    if let Some(parsed) = parsed {
        *arguments = Value::Object(parsed);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn chat(body: &Value) -> Result<Chat, String> {
        let map = body.as_object().cloned().unwrap_or_default();
        read(&Fields(&map)).map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn a_template_sees_what_the_request_said() {
        let tools = json!([{"type": "function", "function": {"name": "f", "parameters": {}}}]);
        let body = json!({
            "messages": [
                {"role": "user", "name": "Ann", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
                {"role": "assistant", "content": null, "tool_calls": [
                    {"id": "1", "function": {"name": "f", "arguments": "{\"x\": 1}"}},
                    {"id": "2", "function": {"name": "f", "arguments": "not JSON"}},
                ]},
                {"role": "tool", "tool_call_id": "1", "content": "2"},
            ],
            "tools": tools, "tool_choice": "auto",
            "chat_template_kwargs": {"enable_thinking": false}, "add_generation_prompt": false,
        });
        let chat = chat(&body);
        let expected = Chat {
            messages: vec![
                json!({"role": "user", "name": "Ann", "content": "ab"}),
                json!({"role": "assistant", "content": "", "tool_calls": [
                    {"id": "1", "function": {"name": "f", "arguments": {"x": 1}}},
                    {"id": "2", "function": {"name": "f", "arguments": "not JSON"}},
                ]}),
                json!({"role": "tool", "tool_call_id": "1", "content": "2"}),
            ],
            tools: Some(tools),
            extra: Map::from_iter([("enable_thinking".to_owned(), false.into())]),
            add_generation_prompt: false,
        };
        assert_eq!(chat, Ok(expected));
    }

    #[test]
    fn what_cannot_be_served_is_named() {
        let with = |field: &str, value: Value| {
            let mut body = json!({"messages": [{"role": "user", "content": "hi"}]});
            body[field] = value;
            body
        };
        for (body, words) in [
            (json!({}), "messages: must be a list"),
            (with("messages", json!([])), "messages: must hold at least one message"),
            (with("messages", json!(["hi"])), "messages: message 1: must be an object"),
            (with("messages", json!([{"content": "x"}])), "messages: message 1: role"),
            (with("messages", json!([{"role": "user", "content": 1}])), "messages: message 1: content"),
            (
                with("messages", json!([{"role": "user", "content": [{"type": "image_url"}]}])),
                "messages: message 1: only parts of the type text",
            ),
            (with("tools", json!({})), "tools: must be a list"),
            (with("tool_choice", json!("required")), "tool_choice: only auto and none"),
            (with("tool_choice", json!({"type": "function"})), "tool_choice: only auto and none"),
            (with("chat_template_kwargs", json!([])), "chat_template_kwargs: must be an object"),
        ] {
            let refused = chat(&body).err().unwrap_or_default();
            assert!(refused.starts_with(words), "{body}: {refused}");
        }
    }
}
