//! Messages and tools of a row: EvalScope keeps them in a form of its own, servers take that of chat completions.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::super::calls::python::dumps;
use super::super::data_folder::DataFolder;
use super::super::media::{self, Kind, is_linked};

/// What EvalScope notes of a message and no server is to see.
const NOTES: [&str; 6] = ["id", "source", "metadata", "internal", "perf_metrics", "model"];

/// A message as EvalScope keeps it.
pub(super) fn kept(message: &Value) -> Value {
    let mut message = message.clone();
    if let Value::Object(fields) = &mut message {
        parts(fields, kept_part);
        calls(fields, |arguments| match &arguments {
            Value::String(text) => serde_json::from_str(text).ok().filter(Value::is_object).unwrap_or(arguments),
            _ => arguments,
        });
    }
    message
}

/// A message as it is sent.
pub(super) fn sent(message: &Value) -> Result<Value, String> {
    let Value::Object(fields) = message else { return Err(format!("{message} is no message")) };
    let mut fields = fields.clone();
    fields.retain(|name, value| !value.is_null() && !NOTES.contains(&name.as_str()));
    if !fields.get("role").is_some_and(Value::is_string) {
        return Err("a message has no role".to_owned());
    }
    parts(&mut fields, sent_part);
    calls(&mut fields, |arguments| match arguments {
        Value::String(_) => arguments,
        // As EvalScope spells them for a server.
        other => json!(dumps(&other)),
    });
    Ok(Value::Object(fields))
}

/// A tool as EvalScope keeps it: its function alone.
pub(super) fn kept_tool(tool: &Value) -> Value {
    tool.get("function").filter(|function| function.is_object()).unwrap_or(tool).clone()
}

/// A tool as it is sent.
pub(super) fn sent_tool(tool: &Value) -> Value {
    if tool["function"].is_object() { tool.clone() } else { json!({"type": "function", "function": tool}) }
}

fn parts(message: &mut Map<String, Value>, turn: impl Fn(&Value) -> Value) {
    if let Some(Value::Array(list)) = message.get_mut("content") {
        list.iter_mut().for_each(|part| *part = turn(part));
    }
}

fn calls(message: &mut Map<String, Value>, turn: impl Fn(Value) -> Value) {
    let Some(Value::Array(list)) = message.get_mut("tool_calls") else { return };
    for call in list {
        if let Value::Object(call) = call {
            call.retain(|name, value| {
                !value.is_null() && !matches!(name.as_str(), "internal" | "parse_error" | "view")
            });
            call.entry("type").or_insert_with(|| json!("function"));
            if let Some(arguments) = call.get_mut("function").and_then(|function| function.get_mut("arguments")) {
                *arguments = turn(arguments.take());
            }
        }
    }
}

fn kept_part(part: &Value) -> Value {
    let address = |name: &str| part[name]["url"].as_str().or_else(|| part[name].as_str()).unwrap_or_default();
    match part["type"].as_str() {
        Some("image_url") => {
            let mut made = json!({"type": "image", "image": address("image_url")});
            if let (Value::Object(made), Some(detail)) = (&mut made, part["image_url"].get("detail")) {
                made.insert("detail".to_owned(), detail.clone());
            }
            made
        }
        Some("video_url") => json!({"type": "video", "video": address("video_url"), "format": "mp4"}),
        Some("input_audio") => {
            let sound = &part["input_audio"];
            let (data, format) =
                (sound["data"].as_str().unwrap_or_default(), sound["format"].as_str().unwrap_or_default());
            let address = if is_linked(data) { data.to_owned() } else { format!("data:audio/{format};base64,{data}") };
            json!({"type": "audio", "audio": address, "format": format})
        }
        _ => part.clone(),
    }
}

fn sent_part(part: &Value) -> Value {
    match (part["type"].as_str(), part["image"].as_str(), part["audio"].as_str(), part["video"].as_str()) {
        (Some("image"), Some(address), ..) => {
            let mut made = json!({"type": "image_url", "image_url": {"url": address}});
            // `auto` is what a server does that is told nothing.
            if let Some(detail) = part["detail"].as_str().filter(|detail| *detail != "auto") {
                made["image_url"]["detail"] = json!(detail);
            }
            made
        }
        (Some("audio"), _, Some(address), _) => {
            let own = media::part(Kind::Audio, &json!(address), &DataFolder::new(Path::new("")));
            let is_far = is_linked(address);
            // A file is read where the paths of the row are known.
            own.ok().filter(|_| is_far).unwrap_or_else(|| json!({"type": "audio_url", "audio_url": {"url": address}}))
        }
        (Some("video"), _, _, Some(address)) => json!({"type": "video_url", "video_url": {"url": address}}),
        _ => {
            let mut part = part.clone();
            if let Value::Object(fields) = &mut part {
                fields.retain(|name, value| !value.is_null() && name != "internal");
            }
            part
        }
    }
}
