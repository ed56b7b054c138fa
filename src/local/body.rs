//! Request bodies: JSON in OpenAI's spelling to a [`GenerationRequest`], each complaint naming its field.

use std::time::Instant;

use serde_json::{Map, Value};

use super::backend::{ChatMessage, Draw, GenerationRequest, Input, Limits, Refusal};

/// Which of the two endpoints a body came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// `/v1/chat/completions`.
    Chat,
    /// `/v1/completions`.
    Completion,
}

/// A request body that was understood.
#[derive(Debug)]
pub struct Body {
    /// What goes to the backend.
    pub request: GenerationRequest,
    /// Whether the reply is streamed.
    pub stream: bool,
    /// Whether a stream ends with an event that carries the usage.
    pub include_usage: bool,
}

/// Tokens of a completion whose body names no limit, as OpenAI has it. Chats are limited by the context only.
const COMPLETION_MAX_TOKENS: usize = 16;

/// Reads a body.
///
/// Fields it does not know are passed over, as other servers do; fields that ask for something that cannot be given
/// are refused, because a reply that lacks what was asked for would look like a valid one.
///
/// # Errors
/// When the body is no JSON object or a field has a value that cannot be served.
pub fn read(bytes: &[u8], endpoint: Endpoint, received: Instant) -> Result<Body, Refusal> {
    let value: Value =
        serde_json::from_slice(bytes).map_err(|error| invalid("body", format!("not valid JSON: {error}")))?;
    let Value::Object(map) = value else { return Err(invalid("body", "must be a JSON object")) };
    let fields = Fields(&map);
    refuse_what_cannot_be_given(&fields)?;
    let model = fields.text("model")?.ok_or_else(|| invalid("model", "is required"))?.to_owned();
    let input = match endpoint {
        Endpoint::Chat => Input::Chat(messages(fields.get("messages"))?),
        Endpoint::Completion => prompt(fields.get("prompt"))?,
    };
    let stream = fields.flag("stream")?;
    let include_usage = match fields.get("stream_options") {
        None => false,
        Some(Value::Object(options)) => Fields(options).flag("include_usage")?,
        Some(_) => return Err(invalid("stream_options", "must be an object")),
    };
    let limits = limits(&fields, endpoint)?;
    let request = GenerationRequest { model, input, draw: draw(&fields)?, limits, received };
    Ok(Body { request, stream, include_usage })
}

/// A refusal that names its field.
pub fn invalid(field: &'static str, message: impl Into<String>) -> Refusal {
    Refusal::Invalid { field, message: message.into() }
}

fn refuse_what_cannot_be_given(fields: &Fields<'_>) -> Result<(), Refusal> {
    for field in ["n", "best_of"] {
        if fields.integer(field, 1)?.is_some_and(|value| value != 1) {
            return Err(invalid(field, "must be 1: one reply is generated for each request"));
        }
    }
    let log_probs = match fields.get("logprobs") {
        None | Some(Value::Bool(false)) => false,
        Some(_) => true,
    };
    if log_probs || fields.integer("top_logprobs", 0)?.is_some_and(|value| value > 0) {
        return Err(invalid("logprobs", "is not served"));
    }
    if fields.flag("echo")? {
        return Err(invalid("echo", "is not served"));
    }
    match fields.get("response_format").map(|format| format.get("type").and_then(Value::as_str)) {
        None | Some(Some("text")) => Ok(()),
        Some(_) => Err(invalid("response_format", "only the type text is served")),
    }
}

fn draw(fields: &Fields<'_>) -> Result<Draw, Refusal> {
    let or = Draw::default();
    let top_k = match fields.get("top_k").map(Value::as_i64) {
        None => None,
        Some(Some(-1 | 0)) => None,
        Some(Some(k)) if k > 0 => usize::try_from(k).ok(),
        Some(_) => return Err(invalid("top_k", "must be a positive integer, or -1 for all")),
    };
    let top_p = fields.number("top_p", 0.0, 1.0)?.unwrap_or(or.top_p);
    if top_p <= 0.0 {
        return Err(invalid("top_p", "must be above 0 and at most 1"));
    }
    let repetition_penalty = fields.number("repetition_penalty", 0.0, 100.0)?.unwrap_or(or.repetition_penalty);
    if repetition_penalty <= 0.0 {
        return Err(invalid("repetition_penalty", "must be above 0"));
    }
    // A negative seed is as good as any other; its bits are taken as they are.
    let seed = match fields.get("seed") {
        None => None,
        Some(value) => Some(
            value
                .as_u64()
                .or_else(|| value.as_i64().map(i64::cast_unsigned))
                .ok_or_else(|| invalid("seed", "must be an integer of 64 bits"))?,
        ),
    };
    Ok(Draw {
        temperature: fields.number("temperature", 0.0, 100.0)?.unwrap_or(or.temperature),
        top_p,
        top_k,
        repetition_penalty,
        frequency_penalty: fields.number("frequency_penalty", -2.0, 2.0)?.unwrap_or(or.frequency_penalty),
        presence_penalty: fields.number("presence_penalty", -2.0, 2.0)?.unwrap_or(or.presence_penalty),
        seed,
    })
}

fn limits(fields: &Fields<'_>, endpoint: Endpoint) -> Result<Limits, Refusal> {
    let max_tokens = match fields.integer("max_completion_tokens", 1)? {
        Some(most) => Some(most),
        None => fields.integer("max_tokens", 1)?,
    };
    let max_tokens = max_tokens.or((endpoint == Endpoint::Completion).then_some(COMPLETION_MAX_TOKENS));
    let min_tokens = fields.integer("min_tokens", 0)?.unwrap_or(0);
    if max_tokens.is_some_and(|most| min_tokens > most) {
        return Err(invalid("min_tokens", "must not be above max_tokens"));
    }
    Ok(Limits { max_tokens, min_tokens, ignore_eos: fields.flag("ignore_eos")?, stop: stop(fields.get("stop"))? })
}

fn stop(value: Option<&Value>) -> Result<Vec<String>, Refusal> {
    let wrong = || invalid("stop", "must be a text or a list of texts, none of them empty");
    let texts = match value {
        None => Vec::new(),
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(items)) => {
            items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<_>>().ok_or_else(wrong)?
        }
        Some(_) => return Err(wrong()),
    };
    if texts.iter().any(String::is_empty) { Err(wrong()) } else { Ok(texts) }
}

fn messages(value: Option<&Value>) -> Result<Vec<ChatMessage>, Refusal> {
    let list = match value {
        Some(Value::Array(list)) if !list.is_empty() => list,
        Some(_) => return Err(invalid("messages", "must be a list with at least one message")),
        None => return Err(invalid("messages", "is required")),
    };
    list.iter().enumerate().map(|(index, item)| message(index, item)).collect()
}

fn message(index: usize, item: &Value) -> Result<ChatMessage, Refusal> {
    let wrong = |what: &str| invalid("messages", format!("message {index}: {what}"));
    let role = item.get("role").and_then(Value::as_str).ok_or_else(|| wrong("role must be a text"))?;
    let content = match item.get("content") {
        // An assistant's message that only calls tools has no content.
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => parts
            .iter()
            .map(|part| part.get("text").and_then(Value::as_str))
            .collect::<Option<String>>()
            .ok_or_else(|| wrong("only parts of the type text are served"))?,
        Some(_) => return Err(wrong("content must be a text or a list of parts")),
    };
    Ok(ChatMessage { role: role.to_owned(), content })
}

fn prompt(value: Option<&Value>) -> Result<Input, Refusal> {
    let wrong = || invalid("prompt", "must be a text, a list with one text, or a list of token ids");
    match value {
        None => Err(invalid("prompt", "is required")),
        Some(Value::String(text)) => Ok(Input::Text(text.clone())),
        Some(Value::Array(items)) => match items.as_slice() {
            [Value::String(text)] => Ok(Input::Text(text.clone())),
            [Value::Array(ids)] => token_ids(ids).ok_or_else(wrong),
            ids => token_ids(ids).ok_or_else(wrong),
        },
        Some(_) => Err(wrong()),
    }
}

fn token_ids(items: &[Value]) -> Option<Input> {
    let ids: Option<Vec<u32>> = items.iter().map(|item| u32::try_from(item.as_u64()?).ok()).collect();
    ids.filter(|ids| !ids.is_empty()).map(Input::Tokens)
}

/// The fields of an object; a field that is null counts as left out.
struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    fn get(&self, field: &str) -> Option<&'a Value> {
        self.0.get(field).filter(|value| !value.is_null())
    }

    fn text(&self, field: &'static str) -> Result<Option<&'a str>, Refusal> {
        self.get(field).map(|value| value.as_str().ok_or_else(|| invalid(field, "must be a text"))).transpose()
    }

    fn flag(&self, field: &'static str) -> Result<bool, Refusal> {
        match self.get(field) {
            None => Ok(false),
            Some(value) => value.as_bool().ok_or_else(|| invalid(field, "must be true or false")),
        }
    }

    fn integer(&self, field: &'static str, least: usize) -> Result<Option<usize>, Refusal> {
        let wrong = || invalid(field, format!("must be an integer of at least {least}"));
        self.get(field)
            .map(|value| {
                let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
                number.filter(|number| *number >= least).ok_or_else(wrong)
            })
            .transpose()
    }

    fn number(&self, field: &'static str, least: f64, most: f64) -> Result<Option<f32>, Refusal> {
        self.get(field)
            .map(|value| {
                let number = value.as_f64().filter(|number| (least..=most).contains(number));
                number
                    .map(|number| number as f32)
                    .ok_or_else(|| invalid(field, format!("must be a number between {least} and {most}")))
            })
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn chat(extra: Value) -> Result<Body, Refusal> {
        let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
        if let (Value::Object(body), Value::Object(extra)) = (&mut body, extra) {
            body.extend(extra);
        }
        read(body.to_string().as_bytes(), Endpoint::Chat, Instant::now())
    }

    #[test]
    fn each_complaint_names_its_field() {
        let cases = [
            (json!({"temperature": -1}), "temperature"),
            (json!({"temperature": "hot"}), "temperature"),
            (json!({"top_p": 0}), "top_p"),
            (json!({"top_k": -2}), "top_k"),
            (json!({"seed": 1.5}), "seed"),
            (json!({"max_tokens": 0}), "max_tokens"),
            (json!({"max_completion_tokens": "many"}), "max_completion_tokens"),
            (json!({"max_tokens": 2, "min_tokens": 3}), "min_tokens"),
            (json!({"stop": ["a", ""]}), "stop"),
            (json!({"n": 2}), "n"),
            (json!({"logprobs": true}), "logprobs"),
            (json!({"stream": "yes"}), "stream"),
            (json!({"stream_options": 1}), "stream_options"),
            (json!({"response_format": {"type": "json_object"}}), "response_format"),
            (json!({"messages": []}), "messages"),
            (json!({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}), "messages"),
            (json!({"model": null}), "model"),
        ];
        for (extra, expected) in cases {
            match chat(extra.clone()) {
                Err(Refusal::Invalid { field, .. }) => assert_eq!(field, expected, "{extra}"),
                other => assert!(other.is_err(), "{extra} was accepted"),
            }
        }
    }

    #[test]
    fn fields_arrive_and_null_counts_as_left_out() {
        let body = chat(json!({
            "temperature": null, "top_k": -1, "seed": -1, "max_completion_tokens": 7, "max_tokens": 9,
            "stop": "x", "stream": true, "stream_options": {"include_usage": true}, "unknown": {},
        }))
        .map_err(|refusal| refusal.to_string());
        let body = body.as_ref().map(|body| (&body.request, body.stream && body.include_usage));
        assert!(body.is_ok_and(|(request, streamed)| {
            streamed
                && request.draw == Draw { seed: Some(u64::MAX), ..Draw::default() }
                && request.limits.max_tokens == Some(7)
                && request.limits.stop == ["x"]
        }));
    }

    #[test]
    fn prompts_come_in_four_shapes() {
        let shapes = [
            (json!("a"), Some(Input::Text("a".to_owned()))),
            (json!(["a"]), Some(Input::Text("a".to_owned()))),
            (json!([1, 2]), Some(Input::Tokens(vec![1, 2]))),
            (json!([[1, 2]]), Some(Input::Tokens(vec![1, 2]))),
            (json!(["a", "b"]), None),
            (json!([]), None),
            (json!([-1]), None),
        ];
        for (given, expected) in shapes {
            let body = json!({"model": "m", "prompt": given}).to_string();
            let read = read(body.as_bytes(), Endpoint::Completion, Instant::now());
            assert_eq!(read.ok().map(|body| body.request.input), expected, "{given}");
        }
    }
}
