//! Conversations of chat files, in every common layout.

use serde_json::{Map, Value, json};

use super::messages;
use super::remarks::Reason;
use crate::prompt::{Content, Conversation, Prompt};

/// The messages of a row, roles spelled as OpenAI spells them.
///
/// | layout | as in |
/// |---|---|
/// | `[{"role", "content"}]`, or `messages` with such a list | OpenAI |
/// | `conversation`: `[{"human", "assistant"}]` | EvalScope's ShareGPT |
/// | `conversations`: `[{"from", "value"}]` or `[{"role", "content"}]` | ShareGPT |
/// | `turns`: `["..."]` | MT-Bench |
pub(super) fn messages_of(row: Value) -> Result<Vec<Value>, String> {
    let list = match row {
        Value::Array(list) => list,
        Value::Object(mut fields) => {
            let found = ["conversation", "conversations", "messages", "turns"]
                .into_iter()
                .find_map(|name| fields.shift_remove(name).map(|value| (name, value)));
            match found {
                Some((_, Value::Array(list))) => list,
                // Tables keep a nested list as text.
                Some((name, Value::String(text))) => {
                    serde_json::from_str(&text).map_err(|_| format!("`{name}` must be a list"))?
                }
                Some((name, _)) => return Err(format!("`{name}` must be a list")),
                None => return Err("needs one of `conversation`, `conversations`, `messages`, `turns`".to_owned()),
            }
        }
        _ => return Err("must be a conversation: a list of messages, or an object that holds one".to_owned()),
    };
    let mut messages = Vec::with_capacity(list.len());
    for (index, turn) in list.into_iter().enumerate() {
        match turn {
            Value::String(text) => {
                if index > 0 {
                    messages.push(json!({"role": "assistant", "content": ""}));
                }
                messages.push(json!({"role": "user", "content": text}));
            }
            Value::Object(fields) => message(fields, &mut messages).map_err(|why| format!("turn {index}: {why}"))?,
            _ => return Err(format!("turn {index}: must be an object or a string")),
        }
    }
    Ok(messages)
}

/// One entry to one or two messages.
fn message(mut fields: Map<String, Value>, messages: &mut Vec<Value>) -> Result<(), String> {
    if fields.contains_key("human") || fields.contains_key("assistant") {
        for (name, role) in [("human", "user"), ("assistant", "assistant")] {
            match fields.shift_remove(name) {
                Some(Value::String(text)) if !text.trim().is_empty() => {
                    messages.push(json!({"role": role, "content": text}));
                }
                Some(Value::String(_) | Value::Null) | None => {}
                Some(_) => return Err(format!("`{name}` must be a string")),
            }
        }
        return Ok(());
    }
    if let Some(from) = fields.get("from") {
        let role = match from.as_str() {
            Some("human" | "user") => "user",
            Some("gpt" | "assistant" | "chatgpt" | "bing" | "bard" | "model") => "assistant",
            Some("system") => "system",
            Some("tool" | "function" | "observation") => "tool",
            _ => return Err(format!("`from` {from}: no such speaker")),
        };
        return match fields.shift_remove("value") {
            Some(Value::String(text)) => {
                messages.push(json!({"role": role, "content": text}));
                Ok(())
            }
            _ => Err("`value` must be a string".to_owned()),
        };
    }
    messages.push(Value::Object(fields));
    Ok(())
}

fn role(message: &Value) -> &str {
    message.get("role").and_then(Value::as_str).unwrap_or("")
}

/// One request: everything up to the last turn of the user.
pub(super) fn as_request(mut list: Vec<Value>) -> Result<Result<Conversation, Reason>, String> {
    let Some(last) = list.iter().rposition(|message| role(message) == "user") else { return Ok(Err(Reason::NoUser)) };
    list.truncate(last + 1);
    // A reply that is not known is none.
    list.retain(|message| role(message) != "assistant" || message.get("content").is_none_or(|text| text != ""));
    messages::check(&list)?;
    Ok(Ok(Prompt::new(Content::Messages(list)).into()))
}

/// A conversation: each turn holds what was said since the reply before; recorded replies only part the turns, for the
/// real ones take their place.
pub(super) fn as_turns(list: Vec<Value>, most: Option<u32>) -> Result<Result<Conversation, Reason>, String> {
    messages::check(&list)?;
    let most = most.map_or(usize::MAX, |most| most as usize);
    let mut turns = Vec::new();
    let mut said: Vec<Value> = Vec::new();
    for message in list {
        if role(&message) != "assistant" {
            said.push(message);
        } else if said.iter().any(|message| role(message) != "system") {
            turns.push(turn(std::mem::take(&mut said)));
        }
    }
    if said.iter().any(|message| role(message) != "system") {
        turns.push(turn(said));
    }
    turns.truncate(most);
    if turns.is_empty() {
        return Ok(Err(Reason::NoUser));
    }
    Ok(Ok(Conversation { turns, due_ns: None }))
}

/// A single text of the user is text, all else stays messages.
fn turn(mut said: Vec<Value>) -> Prompt {
    if said.len() == 1
        && role(&said[0]) == "user"
        && said[0].as_object().is_some_and(|fields| fields.len() == 2)
        && let Some(Value::String(text)) = said[0].get_mut("content")
    {
        return Prompt::text(std::mem::take(text));
    }
    Prompt::new(Content::Messages(said))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(conversation: &Conversation) -> Vec<String> {
        let content = |turn: &Prompt| match &turn.content {
            Content::Text(text) => text.clone(),
            Content::Messages(list) => list
                .iter()
                .map(|message| format!("{}:{}", role(message), message["content"]))
                .collect::<Vec<_>>()
                .join(" "),
            other => format!("{other:?}"),
        };
        conversation.turns.iter().map(content).collect()
    }

    #[test]
    fn every_layout_gives_the_same_turns() -> Result<(), String> {
        for row in [
            json!({"conversation": [{"human": "a", "assistant": "x"}, {"human": "b", "assistant": "y"}]}),
            json!({"id": 1, "conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "x"},
                {"from": "human", "value": "b"}]}),
            json!({"conversations": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "x"},
                {"role": "user", "content": "b"}]}),
            json!([{"role": "user", "content": "a"}, {"role": "assistant", "content": "x"},
                {"role": "user", "content": "b"}]),
        ] {
            let list = messages_of(row.clone())?;
            let turns = as_turns(list.clone(), None)?.map_err(|_| "left out")?;
            assert_eq!(shown(&turns), ["a", "b"], "{row}");
            let request = as_request(list)?.map_err(|_| "left out")?;
            assert_eq!(shown(&request), ["user:\"a\" assistant:\"x\" user:\"b\""], "{row}");
        }
        let turns = as_turns(messages_of(json!({"turns": ["a", "b", "c"]}))?, Some(2))?.map_err(|_| "left out")?;
        assert_eq!(shown(&turns), ["a", "b"]);
        Ok(())
    }

    #[test]
    fn a_system_message_belongs_to_the_first_turn() -> Result<(), String> {
        let row = json!([{"role": "system", "content": "s"}, {"role": "user", "content": "u1"},
            {"role": "assistant", "content": "x"}, {"role": "user", "content": "u2"}, {"role": "user", "content": "u3"}]);
        let turns = as_turns(messages_of(row)?, None)?.map_err(|_| "left out")?;
        assert_eq!(shown(&turns), ["system:\"s\" user:\"u1\"", "user:\"u2\" user:\"u3\""]);
        Ok(())
    }

    #[test]
    fn what_holds_no_question_is_left_out() -> Result<(), String> {
        let silent = || messages_of(json!({"conversation": [{"human": " ", "assistant": "x"}]}));
        assert_eq!(as_turns(silent()?, None)?, Err(Reason::NoUser));
        assert_eq!(as_request(silent()?)?, Err(Reason::NoUser));
        for row in
            [json!(1), json!({"text": "x"}), json!({"turns": 3}), json!([[1]]), json!([{"from": "dog", "value": ""}])]
        {
            assert!(messages_of(row.clone()).is_err(), "{row}");
        }
        Ok(())
    }
}
