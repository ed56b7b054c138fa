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
    /// Everything of an event up to its choices, written once because it is sent with each token.
    opening: String,
}

/// Tokens that a reply took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Those of the prompts, each counted once.
    pub prompt: usize,
    /// Those of them that were found in a cache.
    pub cached: usize,
    /// Those that were generated, in all choices.
    pub generated: usize,
}

/// A part of one choice of a stream.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// Which choice.
    pub index: usize,
    /// Whether it is the first part of the choice. That of a chat says who speaks.
    pub first: bool,
    /// What is said.
    pub text: &'a str,
    /// The log-probabilities of its token; null where they are not told.
    pub logprobs: &'a Value,
    /// The usage of the choice so far, where each event carries it.
    pub usage: Option<Usage>,
}

/// A choice of a reply that is not streamed.
#[derive(Debug, Clone)]
pub struct Choice {
    /// What was said.
    pub text: String,
    /// Why it ended.
    pub finish: Finish,
    /// The log-probabilities of its tokens; null where they are not told.
    pub logprobs: Value,
}

impl Reply {
    /// A reply made at `created`, in seconds since 1970.
    pub fn new(endpoint: Endpoint, number: u64, created: u64, model: String) -> Self {
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
        Reply { endpoint, id, model, created, opening }
    }

    /// The event of one token.
    pub fn token(&self, part: Part<'_>) -> Bytes {
        let (index, logprobs, text) = (part.index, part.logprobs, Value::from(part.text));
        let said = match self.endpoint {
            Endpoint::Chat => {
                let role = if part.first { r#""role":"assistant","# } else { "" };
                format!(r#""delta":{{{role}"content":{text}}}"#)
            }
            Endpoint::Completion => format!(r#""text":{text}"#),
        };
        let choice = format!(r#"{{"index":{index},{said},"logprobs":{logprobs},"finish_reason":null}}"#);
        Bytes::from(self.event(&choice, part.usage))
    }

    /// The event that ends a choice: the reason, with the text that was held back.
    pub fn end(&self, part: Part<'_>, finish: Finish) -> String {
        let Part { index, first, text, logprobs, usage } = part;
        let choice = match self.endpoint {
            Endpoint::Chat => {
                let mut delta = json!({});
                if first {
                    delta["role"] = "assistant".into();
                }
                if first || !text.is_empty() {
                    delta["content"] = text.into();
                }
                json!({"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish.name()})
            }
            Endpoint::Completion => {
                json!({"index": index, "text": text, "logprobs": logprobs, "finish_reason": finish.name()})
            }
        };
        self.event(&choice.to_string(), usage)
    }

    /// The events that end a stream: the usage where it was asked for, and the end mark.
    pub fn tail(&self, usage: Option<Usage>) -> String {
        let usage = usage.map(|usage| format!("{}],\"usage\":{}}}\n\n", self.opening, usage.spelled()));
        usage.unwrap_or_default() + DONE
    }

    fn event(&self, choice: &str, usage: Option<Usage>) -> String {
        match usage {
            None => format!("{}{choice}]}}\n\n", self.opening),
            Some(usage) => format!("{}{choice}],\"usage\":{}}}\n\n", self.opening, usage.running()),
        }
    }

    /// A reply that was not streamed, its choices in order.
    pub fn whole(&self, choices: &[Choice], usage: Usage) -> Value {
        let object = match self.endpoint {
            Endpoint::Chat => "chat.completion",
            Endpoint::Completion => "text_completion",
        };
        let choice = |(index, choice): (usize, &Choice)| {
            let Choice { text, finish, logprobs } = choice;
            let finish = finish.name();
            match self.endpoint {
                Endpoint::Chat => {
                    let message = json!({"role": "assistant", "content": text});
                    json!({"index": index, "message": message, "logprobs": logprobs, "finish_reason": finish})
                }
                Endpoint::Completion => {
                    json!({"index": index, "text": text, "logprobs": logprobs, "finish_reason": finish})
                }
            }
        };
        json!({
            "id": self.id,
            "object": object,
            "created": self.created,
            "model": self.model,
            "choices": choices.iter().enumerate().map(choice).collect::<Vec<_>>(),
            "usage": usage.spelled(),
        })
    }
}

impl Usage {
    /// What is told amid a stream. How much a cache spared is not known yet.
    fn running(self) -> Value {
        json!({
            "prompt_tokens": self.prompt,
            "completion_tokens": self.generated,
            "total_tokens": self.prompt + self.generated,
        })
    }

    /// What is told at the end.
    pub fn spelled(self) -> Value {
        let mut usage = self.running();
        usage["prompt_tokens_details"] = json!({"cached_tokens": self.cached});
        usage
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
        Refusal::Busy { .. } => (429, error(&message, "rate_limit_error", None, Some("overloaded"))),
        Refusal::Unserved(_) => (400, error(&message, "invalid_request_error", None, Some("unserved"))),
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

    fn part(text: &str) -> Part<'_> {
        Part { index: 0, first: true, text, logprobs: &Value::Null, usage: None }
    }

    #[test]
    fn a_text_survives_its_event() {
        for text in ["plain", "line\nbreak\r\n\n", "\"quoted\\\"", "é\u{0}\u{2028}", "data: [DONE]", ""] {
            let reply = Reply::new(Endpoint::Chat, 1, 2, "m\"".to_owned());
            let event = reply.token(part(text));
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
        let reply = Reply::new(Endpoint::Completion, 1, 2, "m".to_owned());
        let usage = Usage { prompt: 3, cached: 1, generated: 4 };
        let last = reply.end(Part { index: 1, first: false, ..part("tail") }, Finish::Length);
        let bytes = last + &reply.tail(Some(usage));
        assert!(bytes.ends_with(DONE));
        let events = events(bytes.as_bytes());
        assert_eq!(events[0]["choices"][0]["finish_reason"], "length");
        assert_eq!((&events[0]["choices"][0]["text"], &events[0]["choices"][0]["index"]), (&json!("tail"), &json!(1)));
        assert_eq!(events[1]["choices"], json!([]));
        assert_eq!(
            events[1]["usage"],
            json!({"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7,
                   "prompt_tokens_details": {"cached_tokens": 1}})
        );
    }

    #[test]
    fn each_event_carries_what_it_was_given() {
        let reply = Reply::new(Endpoint::Chat, 1, 2, "m".to_owned());
        let usage = Some(Usage { prompt: 3, cached: 0, generated: 1 });
        let logprobs = json!({"content": []});
        let event = reply.token(Part { index: 2, first: false, text: "x", logprobs: &logprobs, usage });
        let value = &events(&event)[0];
        assert_eq!(
            value["choices"],
            json!([{"index": 2, "delta": {"content": "x"}, "logprobs": {"content": []}, "finish_reason": null}])
        );
        assert_eq!(value["usage"], json!({"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}));
    }
}
