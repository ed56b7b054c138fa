//! Replies in OpenAI's spelling: whole ones, SSE events and errors.

use bytes::Bytes;
use serde_json::{Value, json};

use super::backend::{Finish, Refusal};
use super::body::Endpoint;

/// What ends every stream that was not broken off.
const DONE: &str = "data: [DONE]\n\n";

/// What all events of one reply have in common.
#[derive(Debug)]
pub struct Reply {
    endpoint: Endpoint,
    id: String,
    model: String,
    created: u64,
    prompt_tokens: usize,
    cached_tokens: usize,
    /// Everything of an event up to its choices, written once because it is sent with each token.
    opening: String,
}

impl Reply {
    /// A reply made at `created` (seconds since 1970) to a prompt of `prompt_tokens`, of which `cached_tokens` were
    /// found in a cache.
    pub fn new(
        endpoint: Endpoint,
        number: u64,
        created: u64,
        model: String,
        (prompt_tokens, cached_tokens): (usize, usize),
    ) -> Self {
        let prefix = match endpoint {
            Endpoint::Chat => "chatcmpl",
            Endpoint::Completion => "cmpl",
        };
        let id = format!("{prefix}-{created:x}{number:08x}");
        let object = match endpoint {
            Endpoint::Chat => "chat.completion.chunk",
            Endpoint::Completion => "text_completion",
        };
        let opening = format!(
            r#"data: {{"id":"{id}","object":"{object}","created":{created},"model":{},"choices":["#,
            Value::from(model.as_str())
        );
        Reply { endpoint, id, model, created, prompt_tokens, cached_tokens, opening }
    }

    /// The event of one token. The first event of a chat says who speaks.
    pub fn token(&self, text: &str, first: bool) -> Bytes {
        let choice = match self.endpoint {
            Endpoint::Chat => {
                let role = if first { r#""role":"assistant","# } else { "" };
                let text = Value::from(text);
                format!(r#"{{"index":0,"delta":{{{role}"content":{text}}},"logprobs":null,"finish_reason":null}}"#)
            }
            Endpoint::Completion => {
                format!(r#"{{"index":0,"text":{},"logprobs":null,"finish_reason":null}}"#, Value::from(text))
            }
        };
        Bytes::from(format!("{}{choice}]}}\n\n", self.opening))
    }

    /// The events that end a stream: the reason with the text that was held back, the usage where it was asked for,
    /// and the end mark. They happen together, so they travel together.
    pub fn end(&self, text: &str, first: bool, finish: Finish, usage: Option<usize>) -> Bytes {
        let choice = match self.endpoint {
            Endpoint::Chat => {
                let mut delta = json!({});
                if first {
                    delta["role"] = "assistant".into();
                }
                if first || !text.is_empty() {
                    delta["content"] = text.into();
                }
                json!({"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish.name()})
            }
            Endpoint::Completion => {
                json!({"index": 0, "text": text, "logprobs": null, "finish_reason": finish.name()})
            }
        };
        let mut events = format!("{}{choice}]}}\n\n", self.opening);
        if let Some(tokens) = usage {
            events.push_str(&format!("{}],\"usage\":{}}}\n\n", self.opening, self.usage(tokens)));
        }
        events.push_str(DONE);
        Bytes::from(events)
    }

    /// A reply that was not streamed.
    pub fn whole(&self, text: &str, finish: Finish, tokens: usize) -> Value {
        let (object, choice) = match self.endpoint {
            Endpoint::Chat => {
                let message = json!({"role": "assistant", "content": text});
                let choice = json!({"index": 0, "message": message, "logprobs": null, "finish_reason": finish.name()});
                ("chat.completion", choice)
            }
            Endpoint::Completion => {
                let choice = json!({"index": 0, "text": text, "logprobs": null, "finish_reason": finish.name()});
                ("text_completion", choice)
            }
        };
        json!({
            "id": self.id,
            "object": object,
            "created": self.created,
            "model": self.model,
            "choices": [choice],
            "usage": self.usage(tokens),
        })
    }

    fn usage(&self, tokens: usize) -> Value {
        json!({
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": tokens,
            "total_tokens": self.prompt_tokens + tokens,
            "prompt_tokens_details": {"cached_tokens": self.cached_tokens},
        })
    }
}

/// The event that tells a reader of a stream that the backend failed. No end mark follows it.
pub fn failure_event(message: &str) -> Bytes {
    Bytes::from(format!("data: {}\n\n", error(message, "server_error", None, Some("backend_failed"))))
}

/// The HTTP status and the body that tell a refusal.
pub fn refusal(refusal: &Refusal) -> (u16, Value) {
    let message = refusal.to_string();
    match refusal {
        Refusal::Invalid { field, .. } => (400, error(&message, "invalid_request_error", Some(field), None)),
        Refusal::TooLong { .. } => {
            (400, error(&message, "invalid_request_error", Some("max_tokens"), Some("context_length_exceeded")))
        }
        Refusal::Busy => (503, error(&message, "server_error", None, Some("overloaded"))),
        Refusal::Broken(_) => (500, error(&message, "server_error", None, Some("backend_failed"))),
    }
}

/// An error in OpenAI's shape.
pub fn error(message: &str, kind: &str, param: Option<&str>, code: Option<&str>) -> Value {
    json!({"error": {"message": message, "type": kind, "param": param, "code": code}})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(bytes: &[u8]) -> Vec<Value> {
        let text = String::from_utf8_lossy(bytes);
        let blocks = text.split("\n\n").filter(|block| !block.is_empty());
        blocks.filter_map(|block| serde_json::from_str(block.strip_prefix("data: ")?).ok()).collect()
    }

    #[test]
    fn a_text_survives_its_event() {
        for text in ["plain", "line\nbreak\r\n\n", "\"quoted\\\"", "é\u{0}\u{2028}", "data: [DONE]", ""] {
            let reply = Reply::new(Endpoint::Chat, 1, 2, "m\"".to_owned(), (3, 0));
            let event = reply.token(text, true);
            assert_eq!(event.iter().filter(|byte| **byte == b'\n').count(), 2, "one event, one line");
            let events = events(&event);
            assert_eq!(events.len(), 1);
            assert_eq!(events[0]["choices"][0]["delta"]["content"], text);
            assert_eq!(events[0]["choices"][0]["delta"]["role"], "assistant");
            assert_eq!(events[0]["model"], "m\"");
        }
    }

    #[test]
    fn the_end_has_a_reason_then_usage_without_choices_then_the_mark() {
        let reply = Reply::new(Endpoint::Completion, 1, 2, "m".to_owned(), (3, 1));
        let bytes = reply.end("tail", false, Finish::Length, Some(4));
        assert!(bytes.ends_with(DONE.as_bytes()));
        let events = events(&bytes);
        assert_eq!(events[0]["choices"][0]["finish_reason"], "length");
        assert_eq!(events[0]["choices"][0]["text"], "tail");
        assert_eq!(events[1]["choices"], json!([]));
        assert_eq!(
            events[1]["usage"],
            json!({"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7,
                   "prompt_tokens_details": {"cached_tokens": 1}})
        );
    }
}
