//! Bodies of chats and completions: JSON in OpenAI's and vLLM's spelling to the requests of a backend.

use std::time::Instant;

use serde_json::Value;

use super::backend::{Draw, GenerationRequest, Input, Limits, Refusal};
use super::fields::{Fields, invalid, object};
use super::{chat, constraint};

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
    /// Name of the model.
    pub model: String,
    /// What goes to the backend, a request for each choice: those of the first prompt, then those of the next.
    pub requests: Vec<GenerationRequest>,
    /// Choices for each prompt, at least 1.
    pub choices: usize,
    /// Text that each choice begins with; none where the prompt is not part of the reply.
    pub echoes: Vec<String>,
    /// How the reply is streamed, if it is.
    pub stream: Option<Streaming>,
}

/// What a stream carries beside the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Streaming {
    /// Whether it ends with an event that carries the usage.
    pub usage: bool,
    /// Whether each event carries the usage of its choice so far.
    pub running_usage: bool,
}

/// Tokens of a completion whose body names no limit, as OpenAI has it. Chats are limited by the context only.
const COMPLETION_MAX_TOKENS: usize = 16;

/// Most choices of one body, all its prompts together.
const MOST_CHOICES: usize = 1024;

/// Most alternatives to a token.
const MOST_LOGPROBS: usize = 20;

/// Fields that ask for something that cannot be given, unless their value says no.
const UNSERVED: [&str; 12] = [
    "suffix",
    "logit_bias",
    "use_beam_search",
    "prompt_logprobs",
    "bad_words",
    "allowed_token_ids",
    "truncate_prompt_tokens",
    "include_stop_str_in_output",
    "continue_final_message",
    "chat_template",
    "documents",
    "functions",
];

/// Reads a body. What it does not say of its draws is as `usual`.
///
/// Fields it does not know are passed over, as other servers do; fields that ask for something that cannot be given
/// are refused, because a reply that lacks what was asked for would look like a valid one.
///
/// # Errors
/// When the body is no JSON object or a field has a value that cannot be served.
pub fn read(bytes: &[u8], endpoint: Endpoint, usual: &Draw, received: Instant) -> Result<Body, Refusal> {
    let map = object(bytes)?;
    let fields = Fields(&map);
    if let Some(field) = UNSERVED.into_iter().find(|field| fields.get(field).is_some_and(asks)) {
        return Err(invalid(field, "is not served"));
    }
    let model = fields.required("model")?.to_owned();
    let inputs = match endpoint {
        Endpoint::Chat => vec![Input::Chat(chat::read(&fields)?)],
        Endpoint::Completion => fields.inputs("prompt")?,
    };
    let choices = choices(&fields, inputs.len())?;
    let logprobs = logprobs(&fields, endpoint)?;
    let echoes = if endpoint == Endpoint::Completion && fields.flag("echo")? {
        echoes(&inputs, choices, logprobs)?
    } else {
        Vec::new()
    };
    let stream = stream(&fields)?;
    let (draw, limits) = (draw(&fields, usual)?, limits(&fields, endpoint)?);
    let request = GenerationRequest {
        model: model.clone(),
        input: Input::Tokens(Vec::new()),
        draw,
        limits,
        logprobs,
        constraint: constraint::read(&fields)?,
        received,
    };
    // Each choice has draws of its own, which repeat.
    let of = |(choice, input): (usize, Input)| {
        let seed = request.draw.seed.map(|seed| seed.wrapping_add(choice as u64));
        GenerationRequest { input, draw: Draw { seed, ..request.draw.clone() }, ..request.clone() }
    };
    let each = inputs.into_iter().flat_map(|input| std::iter::repeat_n(input, choices).enumerate());
    let requests = each.map(of).collect();
    Ok(Body { model, requests, choices, echoes, stream })
}

/// Whether a value asks for something.
fn asks(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
        Value::Bool(true) | Value::Number(_) => true,
    }
}

/// Choices for each prompt.
fn choices(fields: &Fields<'_>, prompts: usize) -> Result<usize, Refusal> {
    let choices = fields.integer("n", 1)?.unwrap_or(1);
    if choices.saturating_mul(prompts) > MOST_CHOICES {
        return Err(invalid("n", format!("asks for more than {MOST_CHOICES} choices, all prompts together")));
    }
    match fields.integer("best_of", 1)? {
        Some(best) if best != 1 && best != choices => {
            Err(invalid("best_of", "must be 1 or equal to n: every choice that is generated is given"))
        }
        _ => Ok(choices),
    }
}

/// Alternatives to each token, in the spelling of either endpoint.
fn logprobs(fields: &Fields<'_>, endpoint: Endpoint) -> Result<Option<usize>, Refusal> {
    let bounded = |field: &'static str| {
        let most = fields.integer(field, 0)?;
        if most.is_some_and(|most| most > MOST_LOGPROBS) {
            return Err(invalid(field, format!("must not be above {MOST_LOGPROBS}")));
        }
        Ok(most)
    };
    match (endpoint, fields.get("logprobs")) {
        (Endpoint::Chat, _) => {
            let top = bounded("top_logprobs")?;
            match (fields.flag("logprobs")?, top) {
                (true, top) => Ok(Some(top.unwrap_or(0))),
                (false, Some(1..)) => Err(invalid("top_logprobs", "needs logprobs to be true")),
                (false, _) => Ok(None),
            }
        }
        // vLLM takes true for 1 here.
        (Endpoint::Completion, Some(Value::Bool(asked))) => Ok(asked.then_some(1)),
        (Endpoint::Completion, _) => bounded("logprobs"),
    }
}

/// The prompts that choices begin with.
fn echoes(inputs: &[Input], choices: usize, logprobs: Option<usize>) -> Result<Vec<String>, Refusal> {
    if logprobs.is_some() {
        return Err(invalid("echo", "is not served with logprobs: those of the prompt are not told"));
    }
    let text = |input: &Input| match input {
        Input::Text(text) => Some(text.clone()),
        Input::Chat(_) | Input::Tokens(_) => None,
    };
    let texts: Option<Vec<String>> = inputs.iter().map(text).collect();
    let texts = texts.ok_or_else(|| invalid("echo", "is served for prompts of text only"))?;
    Ok(texts.into_iter().flat_map(|text| std::iter::repeat_n(text, choices)).collect())
}

fn stream(fields: &Fields<'_>) -> Result<Option<Streaming>, Refusal> {
    let options = fields.object("stream_options")?.map(Fields);
    let asked = |field| options.map_or(Ok(false), |options| options.flag(field));
    let (usage, running) = (asked("include_usage")?, asked("continuous_usage_stats")?);
    // As in vLLM the second says nothing without the first.
    let streaming = Streaming { usage, running_usage: usage && running };
    Ok(fields.flag("stream")?.then_some(streaming))
}

fn draw(fields: &Fields<'_>, or: &Draw) -> Result<Draw, Refusal> {
    let top_k = match fields.get("top_k").map(Value::as_i64) {
        None => or.top_k,
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
        min_p: fields.number("min_p", 0.0, 1.0)?.unwrap_or(or.min_p),
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
    Ok(Limits {
        max_tokens,
        min_tokens,
        ignore_eos: fields.flag("ignore_eos")?,
        stop: stop(fields.get("stop"))?,
        stop_token_ids: fields.tokens("stop_token_ids")?,
    })
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::local::backend::Constraint;

    fn chat(extra: Value) -> Result<Body, Refusal> {
        let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
        if let (Value::Object(body), Value::Object(extra)) = (&mut body, extra) {
            body.extend(extra);
        }
        read(body.to_string().as_bytes(), Endpoint::Chat, &Draw::default(), Instant::now())
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
            (json!({"n": 0}), "n"),
            (json!({"n": 1025}), "n"),
            (json!({"n": 2, "best_of": 3}), "best_of"),
            (json!({"logprobs": 1}), "logprobs"),
            (json!({"logprobs": true, "top_logprobs": 21}), "top_logprobs"),
            (json!({"top_logprobs": 1}), "top_logprobs"),
            (json!({"min_p": 2}), "min_p"),
            (json!({"stop_token_ids": "1"}), "stop_token_ids"),
            (json!({"logit_bias": {"1": -100}}), "logit_bias"),
            (json!({"prompt_logprobs": 0}), "prompt_logprobs"),
            (json!({"tool_choice": "required"}), "tool_choice"),
            (json!({"stream": "yes"}), "stream"),
            (json!({"stream_options": 1}), "stream_options"),
            (json!({"response_format": {"type": "yaml"}}), "response_format"),
            (json!({"stream_options": {"include_usage": 1}}), "include_usage"),
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
    fn what_is_not_said_is_as_the_model_has_it() -> Result<(), Refusal> {
        let usual = Draw { temperature: 0.7, top_k: Some(20), top_p: 0.8, repetition_penalty: 1.1, ..Draw::default() };
        let body = json!({"model": "m", "prompt": "a", "top_p": 0.5, "top_k": -1}).to_string();
        let body = read(body.as_bytes(), Endpoint::Completion, &usual, Instant::now())?;
        assert_eq!(body.requests[0].draw, Draw { top_p: 0.5, top_k: None, ..usual });
        Ok(())
    }

    #[test]
    fn fields_arrive_and_null_counts_as_left_out() -> Result<(), Refusal> {
        let body = chat(json!({
            "temperature": null, "top_k": -1, "seed": -1, "max_completion_tokens": 7, "max_tokens": 9, "min_p": 0.5,
            "stop": "x", "stop_token_ids": [3], "unknown": {}, "logit_bias": {}, "continue_final_message": false,
            "stream": true, "stream_options": {"include_usage": true}, "response_format": {"type": "json_object"},
        }))?;
        assert_eq!(body.stream, Some(Streaming { usage: true, running_usage: false }));
        let request = &body.requests[0];
        assert_eq!(request.draw, Draw { seed: Some(u64::MAX), min_p: 0.5, ..Draw::default() });
        assert_eq!(request.limits.max_tokens, Some(7));
        assert_eq!((&request.limits.stop[..], &request.limits.stop_token_ids[..]), (&["x".to_owned()][..], &[3][..]));
        assert_eq!(request.constraint, Some(Constraint::JsonObject));
        Ok(())
    }

    #[test]
    fn each_prompt_has_its_choices_and_each_choice_its_seed() -> Result<(), Refusal> {
        let body = json!({"model": "m", "prompt": ["a", "b"], "n": 2, "best_of": 2, "seed": 5, "echo": true});
        let body = read(body.to_string().as_bytes(), Endpoint::Completion, &Draw::default(), Instant::now())?;
        let found: Vec<_> = body.requests.iter().map(|request| (request.input.clone(), request.draw.seed)).collect();
        let text = |text: &str| Input::Text(text.to_owned());
        let expected = [("a", 5), ("a", 6), ("b", 5), ("b", 6)];
        assert_eq!(found, expected.map(|(prompt, seed)| (text(prompt), Some(seed))));
        assert_eq!((body.choices, body.echoes), (2, ["a", "a", "b", "b"].map(str::to_owned).to_vec()));
        Ok(())
    }

    #[test]
    fn log_probabilities_have_a_spelling_for_each_endpoint() {
        let completion = |extra: Value| {
            let mut body = json!({"model": "m", "prompt": "x"});
            if let (Value::Object(body), Value::Object(extra)) = (&mut body, extra) {
                body.extend(extra);
            }
            read(body.to_string().as_bytes(), Endpoint::Completion, &Draw::default(), Instant::now())
        };
        let asked = |body: Result<Body, Refusal>| body.ok().map(|body| body.requests[0].logprobs);
        for (extra, expected) in [
            (json!({}), Some(None)),
            (json!({"logprobs": false, "top_logprobs": 0}), Some(None)),
            (json!({"logprobs": true}), Some(Some(0))),
            (json!({"logprobs": true, "top_logprobs": 20}), Some(Some(20))),
        ] {
            assert_eq!(asked(chat(extra.clone())), expected, "{extra}");
        }
        for (extra, expected) in [
            (json!({"logprobs": false}), Some(None)),
            (json!({"logprobs": true}), Some(Some(1))),
            (json!({"logprobs": 0}), Some(Some(0))),
            (json!({"logprobs": 20}), Some(Some(20))),
            (json!({"logprobs": 21}), None),
            (json!({"logprobs": 1, "echo": true}), None),
            (json!({"prompt": [1, 2], "echo": true}), None),
        ] {
            assert_eq!(asked(completion(extra.clone())), expected, "{extra}");
        }
    }
}
