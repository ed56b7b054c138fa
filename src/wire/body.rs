//! A prompt as the body of a request.

use bytes::Bytes;
use serde_json::{Map, Value};

use super::{chat, custom, dashscope, decision, embedding, messages, rerank, responses};
use crate::error::{Failure, Result};
use crate::prompt::{Content, Prompt, Sampling};
use crate::target::{Dialect, Target};

/// A request body ready to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Encoded {
    /// JSON.
    pub bytes: Bytes,
    /// Whether the body asks for a stream.
    pub stream: bool,
}

/// Spells a prompt in the dialect of the target, keys in EvalScope's order.
///
/// What is composed takes the values of `sampling`, as far as the dialect has a place for them, and `extra` overwrites
/// them last. A complete body keeps every field it has and only gets those it lacks, `extra` included; an API that a file
/// describes sends it as it is. `stream_options.include_usage` is sent exactly when a body for chat or completions asks
/// for a stream.
///
/// # Errors
/// When the dialect cannot say what the prompt holds.
pub fn encode(prompt: &Prompt, sampling: &Sampling, target: &Target) -> Result<Encoded> {
    let (content, model) = (&prompt.content, target.model.as_str());
    let (fields, wished) = match &target.dialect {
        Dialect::Chat | Dialect::Completion => (chat::content(content), chat::options(prompt, sampling, model)),
        Dialect::Responses => (responses::content(content), responses::options(prompt, sampling, model)),
        Dialect::Messages => (messages::content(content), messages::options(prompt, sampling, model)),
        Dialect::DashScope => (dashscope::content(content), dashscope::options(prompt, sampling, model)),
        Dialect::Embedding => (embedding::content(content), embedding::options(sampling, model)),
        Dialect::Rerank => (rerank::content(content), embedding::options(sampling, model)),
        // Nothing is added but what tells the model: there is no text to shape.
        Dialect::SystemOne => (None, embedding::options(sampling, model)),
        Dialect::AutoTrust => (None, sampling.extra.clone()),
        Dialect::Custom(api) => (Some(custom::body(api, prompt, sampling, model)?), Map::new()),
    };
    let mut body = match (fields, content) {
        (Some(mut composed), _) => {
            composed.extend(wished);
            composed
        }
        (None, Content::Body(given)) if target.dialect.decides() => {
            let body = filled(given.clone(), wished, &target.dialect);
            decision::check(&body, &target.dialect).map_err(|why| unfit(&why, &target.dialect))?;
            body
        }
        (None, Content::Body(given)) => filled(given.clone(), wished, &target.dialect),
        (None, other) => return Err(misfit(other, &target.dialect)),
    };
    let stream = match &target.dialect {
        Dialect::Chat | Dialect::Completion => {
            let stream = body.get("stream") == Some(&Value::Bool(true));
            if !stream {
                body.shift_remove("stream_options");
            }
            stream
        }
        Dialect::Responses | Dialect::Messages => body.get("stream") == Some(&Value::Bool(true)),
        // A header asks for it, or the described template.
        Dialect::DashScope | Dialect::Custom(_) => sampling.stream,
        Dialect::Embedding | Dialect::Rerank | Dialect::SystemOne | Dialect::AutoTrust => false,
    };
    let bytes = serde_json::to_vec(&body).map_err(|error| Failure::bug("a body cannot be written").because(error))?;
    Ok(Encoded { bytes: bytes.into(), stream })
}

/// A complete body with the fields it lacks.
fn filled(mut body: Map<String, Value>, wished: Map<String, Value>, dialect: &Dialect) -> Map<String, Value> {
    match dialect {
        Dialect::Responses => responses::adapt(&mut body),
        Dialect::DashScope => dashscope::adapt(&mut body, &wished),
        _ => {}
    }
    for (name, value) in wished {
        body.entry(name).or_insert(value);
    }
    body
}

/// What a dialect cannot say, and which one can.
fn misfit(content: &Content, dialect: &Dialect) -> Failure {
    let (what, remedy) = match content {
        Content::Tokens(_) => {
            ("token ids", "send them to completions: --api openai with an address of /v1/completions")
        }
        Content::Inputs(_) => ("texts to embed", "set --api embedding"),
        Content::Ranking { .. } => ("documents to rank", "set --api rerank"),
        Content::Text(_) | Content::Messages(_) | Content::Body(_) => ("prompts", "choose another --dataset"),
    };
    let api = api(dialect);
    let remedy = if dialect.decides() { COMPLETE } else { remedy };
    Failure::usage(format!("--api {api} has no place for {what}, which the dataset holds")).hint(remedy)
}

/// The name of a dialect's API.
fn api(dialect: &Dialect) -> &'static str {
    match dialect {
        Dialect::Chat | Dialect::Completion => "openai",
        Dialect::Responses => "responses",
        Dialect::Messages => "anthropic",
        Dialect::DashScope => "dashscope",
        Dialect::Embedding => "embedding",
        Dialect::Rerank => "rerank",
        Dialect::SystemOne => "systemone",
        Dialect::AutoTrust => "autotrust",
        Dialect::Custom(_) => "custom",
    }
}

/// Which datasets have what a decision needs.
const COMPLETE: &str = "give complete requests: --dataset open_decisions, or line_by_line with a JSON object a line";

/// A complete body that a decision server would refuse.
fn unfit(why: &str, dialect: &Dialect) -> Failure {
    let api = api(dialect);
    Failure::usage(format!("--api {api}: a request of the dataset is no question: {why}")).hint(COMPLETE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::{Deadlines, HttpVersion, Trust};
    use serde_json::json;

    fn sampling() -> Sampling {
        Sampling {
            max_tokens: Some((16, 16)),
            stream: true,
            temperature: Some(0.0),
            fields: Map::from_iter([
                ("seed".to_owned(), json!(7)),
                ("stop".to_owned(), json!(["x"])),
                ("top_p".to_owned(), json!(0.9)),
            ]),
            extra: Map::from_iter([("ignore_eos".to_owned(), json!(true))]),
        }
    }

    fn text_in(dialect: Dialect, content: Content, sampling: &Sampling) -> Result<String> {
        let target = Target {
            url: http::Uri::from_static("http://h/"),
            dialect,
            model: "m".to_owned(),
            headers: Vec::new(),
            deadlines: Deadlines { connect: None, read: None, total: std::time::Duration::from_secs(1) },
            trust: Trust::Platform,
            http: HttpVersion::Auto,
        };
        let encoded = encode(&Prompt::new(content), sampling, &target)?;
        Ok(String::from_utf8_lossy(&encoded.bytes).into_owned())
    }

    fn text(content: Content, sampling: &Sampling) -> String {
        text_in(Dialect::Chat, content, sampling).unwrap_or_default()
    }

    fn hi() -> Content {
        Content::Messages(vec![json!({"role": "user", "content": "hi"})])
    }

    fn body(fields: Value) -> Content {
        Content::Body(fields.as_object().cloned().unwrap_or_default())
    }

    #[test]
    fn keys_come_in_evalscopes_order() {
        insta::assert_snapshot!(text(hi(), &sampling()), @r#"{"messages":[{"role":"user","content":"hi"}],"model":"m","max_tokens":16,"seed":7,"stop":["x"],"stream":true,"stream_options":{"include_usage":true},"temperature":0.0,"top_p":0.9,"ignore_eos":true}"#);
    }

    #[test]
    fn each_dialect_has_its_own_body() -> Result<()> {
        let made = |dialect, content| text_in(dialect, content, &sampling());
        let plain = || Content::Text("hi".to_owned());
        insta::assert_snapshot!(made(Dialect::Completion, Content::Tokens(vec![3, 4]))?, @r#"{"prompt":[3,4],"model":"m","max_tokens":16,"seed":7,"stop":["x"],"stream":true,"stream_options":{"include_usage":true},"temperature":0.0,"top_p":0.9,"ignore_eos":true}"#);
        insta::assert_snapshot!(made(Dialect::Responses, plain())?, @r#"{"input":"hi","model":"m","max_output_tokens":16,"stream":true,"temperature":0.0,"top_p":0.9,"ignore_eos":true}"#);
        insta::assert_snapshot!(made(Dialect::Responses, hi())?, @r#"{"input":[{"role":"user","content":"hi"}],"model":"m","max_output_tokens":16,"stream":true,"temperature":0.0,"top_p":0.9,"ignore_eos":true}"#);
        insta::assert_snapshot!(made(Dialect::Messages, plain())?, @r#"{"messages":[{"role":"user","content":"hi"}],"model":"m","max_tokens":16,"stop_sequences":["x"],"stream":true,"temperature":0.0,"top_p":0.9,"ignore_eos":true}"#);
        insta::assert_snapshot!(made(Dialect::DashScope, hi())?, @r#"{"input":{"messages":[{"role":"user","content":"hi"}]},"model":"m","parameters":{"result_format":"message","incremental_output":true,"max_tokens":16,"seed":7,"stop":["x"],"temperature":0.0,"top_p":0.9,"ignore_eos":true}}"#);
        insta::assert_snapshot!(made(Dialect::Embedding, Content::Inputs(vec!["a".to_owned(), "b".to_owned()]))?, @r#"{"input":["a","b"],"model":"m","ignore_eos":true}"#);
        insta::assert_snapshot!(made(Dialect::Rerank, Content::Ranking { query: "q".to_owned(), documents: vec!["a".to_owned()] })?, @r#"{"query":"q","documents":["a"],"model":"m","ignore_eos":true}"#);
        Ok(())
    }

    #[test]
    fn a_body_is_only_filled() -> Result<()> {
        let given =
            json!({"messages": [], "temperature": 0.6, "stream": false, "stream_options": {"include_usage": true}});
        insta::assert_snapshot!(text(body(given.clone()), &sampling()), @r#"{"messages":[],"temperature":0.6,"stream":false,"model":"m","max_tokens":16,"seed":7,"stop":["x"],"top_p":0.9,"ignore_eos":true}"#);
        let made = |dialect| text_in(dialect, body(given.clone()), &sampling());
        insta::assert_snapshot!(made(Dialect::Responses)?, @r#"{"temperature":0.6,"stream":false,"input":[],"model":"m","max_output_tokens":16,"top_p":0.9,"ignore_eos":true}"#);
        let given = body(json!({"prompt": "a", "parameters": {"max_tokens": 3}}));
        insta::assert_snapshot!(text_in(Dialect::DashScope, given, &sampling())?, @r#"{"parameters":{"max_tokens":3,"result_format":"message","incremental_output":true,"seed":7,"stop":["x"],"temperature":0.0,"top_p":0.9,"ignore_eos":true},"input":{"prompt":"a"},"model":"m"}"#);
        insta::assert_snapshot!(text_in(Dialect::Embedding, body(json!({"input": "a"})), &sampling())?, @r#"{"input":"a","model":"m","ignore_eos":true}"#);
        Ok(())
    }

    #[test]
    fn nothing_streamed_means_no_stream_options() {
        let plain = Sampling { stream: false, ..sampling() };
        let made = text(Content::Text("hi".to_owned()), &plain);
        assert!(!made.contains("stream_options"));
        assert!(made.starts_with(r#"{"prompt":"hi","model":"m""#));
    }

    #[test]
    fn what_a_dialect_cannot_say_is_refused_with_the_one_that_can() {
        let ranking = || Content::Ranking { query: "q".to_owned(), documents: Vec::new() };
        for (dialect, content, hint) in [
            (Dialect::Chat, Content::Inputs(Vec::new()), "--api embedding"),
            (Dialect::Embedding, ranking(), "--api rerank"),
            (Dialect::Messages, Content::Tokens(vec![1]), "/v1/completions"),
            (Dialect::Responses, ranking(), "--api rerank"),
            (Dialect::Rerank, Content::Tokens(vec![1]), "/v1/completions"),
        ] {
            let failure = text_in(dialect, content, &sampling()).err();
            assert!(failure.and_then(|failure| failure.hint).is_some_and(|told| told.contains(hint)), "{hint}");
        }
    }
}
