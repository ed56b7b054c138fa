//! A reply that is not streamed, and what servers say when they refuse.

use serde_json::Value;

use super::{Usage, chat, custom, dashscope, decision, embedding, messages, rerank, responses};
use crate::target::Dialect;
use crate::units::clean;

/// The longest message of a server that is kept.
const MESSAGE: usize = 300;

/// A complete reply.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reply {
    /// Text of all choices, reasoning included.
    pub text: String,
    /// The content of the first choice alone: what a user sees, and what the next turn of a conversation holds.
    pub visible: String,
    /// Token counts.
    pub usage: Option<Usage>,
}

/// A reply that says it failed, or is not what the protocol promises.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ServerError {
    /// The body holds an error object.
    #[error("{0}")]
    Reported(String),
    /// The body is not what the protocol promises.
    #[error("{0}")]
    Malformed(String),
}

/// Reads a reply that is not streamed.
///
/// # Errors
/// When it reports an error, is not JSON, or has nothing of what was asked for.
pub fn decode_reply(dialect: &Dialect, body: &[u8]) -> Result<Reply, ServerError> {
    let not_json = || ServerError::Malformed(not_json(&String::from_utf8_lossy(body)));
    if dialect.is_input_only() {
        // Vectors and scores are passed over without being kept; what else there may be is an error.
        let read = match dialect {
            Dialect::Embedding => embedding::reply(body),
            Dialect::Rerank => rerank::reply(body),
            _ => decision::reply(dialect, body),
        };
        return read.or_else(|error| {
            let value: Value = serde_json::from_slice(body).map_err(|_| not_json())?;
            Err(reported(&value).unwrap_or(error))
        });
    }
    let value: Value = serde_json::from_slice(body).map_err(|_| not_json())?;
    if let Dialect::Custom(api) = dialect {
        return custom::reply(api, &value);
    }
    if let Some(error) = reported(&value) {
        return Err(error);
    }
    match dialect {
        Dialect::Responses => responses::reply(&value),
        Dialect::Messages => messages::reply(&value),
        Dialect::DashScope => dashscope::reply(&String::from_utf8_lossy(body), &value),
        _ => chat::reply(&value),
    }
}

/// The error that a body of status 200 reports, in OpenAI's spellings.
fn reported(value: &Value) -> Option<ServerError> {
    let is_error = value.get("error").is_some_and(|error| !error.is_null()) || value["object"] == "error";
    is_error.then(|| ServerError::Reported(server_message(&value.to_string())))
}

/// What a body that should have been JSON is, in words.
fn not_json(body: &str) -> String {
    let start = body.trim_start();
    if start.is_empty() {
        "the reply is empty".to_owned()
    } else if start.starts_with('<') {
        format!("the reply is a web page, not JSON: {}", clean(start, 80))
    } else {
        format!("the reply is not JSON: {}", clean(start, 80))
    }
}

/// The message inside an error body, else the body itself; cleaned and cut.
pub fn server_message(body: &str) -> String {
    let found = serde_json::from_str::<Value>(body).ok().and_then(|value| {
        [&value["error"]["message"], &value["message"], &value["error"], &value["detail"]].iter().find_map(|place| {
            place.as_str().map(str::to_owned).or_else(|| (!place.is_null()).then(|| place.to_string()))
        })
    });
    match found {
        Some(message) => clean(&message, MESSAGE),
        None if body.trim_start().starts_with('<') => not_json(body),
        None => clean(body, MESSAGE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_dialects_are_read() {
        let chat = br#"{"choices":[{"message":{"content":"hi","reasoning_content":"so "}}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#;
        let reply = decode_reply(&Dialect::Chat, chat).unwrap_or_default();
        assert_eq!((reply.text.as_str(), reply.usage.and_then(|usage| usage.completion_tokens)), ("so hi", Some(2)));
        assert_eq!(decode_reply(&Dialect::Completion, br#"{"choices":[{"text":"x"}]}"#).unwrap_or_default().text, "x");
        assert_eq!(
            decode_reply(&Dialect::Completion, br#"{"choices":[{"message":{"content":null}}]}"#),
            Ok(Reply::default())
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        let words =
            |body: &[u8]| decode_reply(&Dialect::Chat, body).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(words(b"<html><body>404").contains("web page"));
        assert!(words(b"").contains("empty"));
        assert!(words(b"{}").contains("no choices"));
        assert_eq!(words(br#"{"error":{"message":"bad \u001b[1m model"}}"#), "bad  [1m model");
    }

    #[test]
    fn replies_without_text_are_read_or_named() {
        let words = |body: &[u8]| decode_reply(&Dialect::Embedding, body).err().map(|error| error.to_string());
        assert_eq!(words(br#"{"data":[{"embedding":[1]}]}"#), None);
        assert_eq!(words(br#"{"object":"error","message":"too long"}"#).as_deref(), Some("too long"));
        assert_eq!(words(br#"{"data":[]}"#).as_deref(), Some("the reply has no embeddings"));
        assert!(words(b"<html>").is_some_and(|said| said.contains("web page")));
    }

    #[test]
    fn messages_are_found_in_the_shapes_servers_use() {
        for (body, message) in [
            (r#"{"error":{"message":"a"}}"#, "a"),
            (r#"{"error":"b"}"#, "b"),
            (r#"{"object":"error","message":"c"}"#, "c"),
            (r#"{"detail":"Not Found"}"#, "Not Found"),
            ("plain", "plain"),
        ] {
            assert_eq!(server_message(body), message);
        }
    }
}
