//! A prompt as the body of a request.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::error::{Failure, Result};
use crate::prompt::{Content, Prompt, Sampling};

/// A request body ready to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Encoded {
    /// JSON.
    pub bytes: Bytes,
    /// Whether the body asks for a stream.
    pub stream: bool,
}

/// Spells a prompt for OpenAI's chat completions and completions, keys in EvalScope's order.
///
/// Messages and text take the values of `sampling`, which `extra` overwrites last. A complete body keeps every field it
/// has and only gets those it lacks, `extra` included. `stream_options.include_usage` is sent exactly when the body
/// asks for a stream.
///
/// # Errors
/// Never, unless a value cannot be written as JSON.
pub fn encode(prompt: &Prompt, sampling: &Sampling, model: &str) -> Result<Encoded> {
    let mut wished = Map::new();
    wished.insert("model".to_owned(), json!(model));
    wished.insert("max_tokens".to_owned(), json!(prompt.max_tokens.unwrap_or(sampling.max_tokens.1)));
    let mut field = |name: &str| {
        if let Some(value) = sampling.fields.get(name) {
            wished.insert(name.to_owned(), value.clone());
        }
    };
    for name in ["min_tokens", "frequency_penalty", "repetition_penalty", "logprobs", "n", "seed", "stop"] {
        field(name);
    }
    wished.insert("stream".to_owned(), json!(sampling.stream));
    // Holds the place in the order of keys; dropped below where nothing is streamed.
    wished.insert("stream_options".to_owned(), json!({"include_usage": true}));
    if let Some(ids) = sampling.fields.get("stop_token_ids") {
        wished.insert("stop_token_ids".to_owned(), ids.clone());
    }
    wished.insert("temperature".to_owned(), json!(sampling.temperature));
    for name in ["top_p", "top_k"] {
        if let Some(value) = sampling.fields.get(name) {
            wished.insert(name.to_owned(), value.clone());
        }
    }
    wished.extend(sampling.extra.clone());
    let mut body = Map::new();
    match &prompt.content {
        Content::Messages(messages) => {
            body.insert("messages".to_owned(), Value::Array(messages.clone()));
            body.extend(wished);
        }
        Content::Text(text) => {
            body.insert("prompt".to_owned(), json!(text));
            body.extend(wished);
        }
        Content::Tokens(ids) => {
            body.insert("prompt".to_owned(), json!(ids));
            body.extend(wished);
        }
        Content::Inputs(texts) => {
            body.insert("input".to_owned(), json!(texts));
            body.extend(wished);
        }
        Content::Ranking { query, documents } => {
            body.insert("query".to_owned(), json!(query));
            body.insert("documents".to_owned(), json!(documents));
            body.extend(wished);
        }
        Content::Body(given) => {
            body.extend(given.clone());
            for (name, value) in wished {
                body.entry(name).or_insert(value);
            }
        }
    }
    let stream = body.get("stream") == Some(&Value::Bool(true));
    if !stream {
        body.shift_remove("stream_options");
    }
    let bytes = serde_json::to_vec(&body).map_err(|error| Failure::bug("a body cannot be written").because(error))?;
    Ok(Encoded { bytes: bytes.into(), stream })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampling() -> Sampling {
        Sampling {
            max_tokens: (16, 16),
            stream: true,
            temperature: 0.0,
            fields: Map::from_iter([("top_p".to_owned(), json!(0.9)), ("seed".to_owned(), json!(7))]),
            extra: Map::from_iter([("ignore_eos".to_owned(), json!(true))]),
        }
    }

    fn text(prompt: &Prompt, sampling: &Sampling) -> String {
        encode(prompt, sampling, "m").map(|e| String::from_utf8_lossy(&e.bytes).into_owned()).unwrap_or_default()
    }

    #[test]
    fn keys_come_in_evalscopes_order() {
        let prompt = Prompt::new(Content::Messages(vec![json!({"role": "user", "content": "hi"})]));
        insta::assert_snapshot!(text(&prompt, &sampling()), @r#"{"messages":[{"role":"user","content":"hi"}],"model":"m","max_tokens":16,"seed":7,"stream":true,"stream_options":{"include_usage":true},"temperature":0.0,"top_p":0.9,"ignore_eos":true}"#);
    }

    #[test]
    fn a_body_is_only_filled() {
        let body =
            json!({"messages": [], "temperature": 0.6, "stream": false, "stream_options": {"include_usage": true}});
        let prompt = Prompt::new(Content::Body(body.as_object().cloned().unwrap_or_default()));
        insta::assert_snapshot!(text(&prompt, &sampling()), @r#"{"messages":[],"temperature":0.6,"stream":false,"model":"m","max_tokens":16,"seed":7,"top_p":0.9,"ignore_eos":true}"#);
    }

    #[test]
    fn nothing_streamed_means_no_stream_options() {
        let plain = Sampling { stream: false, ..sampling() };
        assert!(!text(&Prompt::text("hi"), &plain).contains("stream_options"));
        assert!(text(&Prompt::text("hi"), &plain).starts_with(r#"{"prompt":"hi","model":"m""#));
    }
}
