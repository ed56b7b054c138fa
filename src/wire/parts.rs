//! The content of chat messages: text and pictures as OpenAI's chat has them, for dialects that write them otherwise.

use serde_json::{Map, Value};

/// One part of a message's content.
pub(super) enum Part<'a> {
    Text(&'a str),
    /// A picture: its address, which may be a `data:` one, and the wished detail.
    Picture {
        url: &'a str,
        detail: Option<&'a Value>,
    },
    /// Anything else, kept as it is.
    Other(&'a Value),
}

/// The parts of a message's content; plain text is one part.
pub(super) fn parts(content: &Value) -> Vec<Part<'_>> {
    match content {
        Value::String(text) => vec![Part::Text(text)],
        Value::Array(list) => list.iter().map(part).collect(),
        Value::Null => Vec::new(),
        other => vec![Part::Other(other)],
    }
}

fn part(part: &Value) -> Part<'_> {
    let picture = &part["image_url"];
    match part["type"].as_str() {
        Some("text") => part["text"].as_str().map_or(Part::Other(part), Part::Text),
        Some("image_url") => match picture["url"].as_str().or_else(|| picture.as_str()) {
            Some(url) => Part::Picture { url, detail: picture.get("detail") },
            None => Part::Other(part),
        },
        _ => Part::Other(part),
    }
}

/// All text of the messages, a line each.
pub(super) fn plain(messages: &[Value]) -> String {
    let texts = messages.iter().flat_map(|message| parts(&message["content"])).filter_map(|part| match part {
        Part::Text(text) => Some(text),
        Part::Picture { .. } | Part::Other(_) => None,
    });
    texts.collect::<Vec<_>>().join("\n")
}

/// A call of a tool in a message of the assistant.
pub(super) struct Call<'a> {
    pub(super) id: &'a Value,
    pub(super) name: &'a Value,
    /// JSON as text.
    pub(super) arguments: &'a str,
}

/// The calls of tools in a message.
pub(super) fn calls(message: &Value) -> Vec<Call<'_>> {
    let list = message["tool_calls"].as_array().into_iter().flatten();
    list.map(|one| Call {
        id: &one["id"],
        name: &one["function"]["name"],
        arguments: one["function"]["arguments"].as_str().unwrap_or("{}"),
    })
    .collect()
}

/// The message without the fields that another dialect has no place for.
pub(super) fn said(role: &Value, content: Value) -> Value {
    Value::Object(Map::from_iter([("role".to_owned(), role.clone()), ("content".to_owned(), content)]))
}

/// The media type and the base64 text of a `data:` address.
pub(super) fn data_url(url: &str) -> Option<(&str, &str)> {
    url.strip_prefix("data:")?.split_once(";base64,")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn text_is_gathered_and_pictures_are_left_out() {
        let messages = [
            json!({"role": "system", "content": "a"}),
            json!({"role": "user", "content": [{"type": "text", "text": "b"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]}),
            json!({"role": "assistant", "content": null}),
        ];
        assert_eq!(plain(&messages), "a\nb");
        assert_eq!(data_url("data:image/png;base64,AA=="), Some(("image/png", "AA==")));
        assert_eq!(data_url("http://h/a.png"), None);
    }
}
