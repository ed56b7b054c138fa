//! An API that a file describes.

use serde_json::{Map, Value, json};

use super::parts::plain;
use super::{Delta, Reply, ServerError, Usage, server_message};
use crate::error::{Failure, Result};
use crate::mark::Mark;
use crate::prompt::{Content, Prompt, Sampling};
use crate::target::{CustomApi, Place, Places};

/// Fills the body template in. A complete body is sent as it is.
///
/// # Errors
/// When the template cannot take this prompt, or what it gives is not a JSON object.
pub(super) fn body(api: &CustomApi, prompt: &Prompt, sampling: &Sampling, model: &str) -> Result<Map<String, Value>> {
    if let Content::Body(given) = &prompt.content {
        return Ok(given.clone());
    }
    let mut values = sampling.fields.clone();
    let mut put = |name: &str, value: Value| drop(values.insert(name.to_owned(), value));
    put("model", json!(model));
    put("max_tokens", json!(sampling.most(prompt)));
    put("stream", json!(sampling.stream));
    if let Some(temperature) = sampling.temperature {
        put("temperature", json!(temperature));
    }
    put("extra", Value::Object(sampling.extra.clone()));
    let mut spoken = |text: &str, messages: Value| {
        put("prompt", json!(text));
        put("messages", messages);
    };
    let alone = |text: &str| json!([{"role": "user", "content": text}]);
    match &prompt.content {
        Content::Text(text) => spoken(text, alone(text)),
        Content::Messages(messages) => spoken(&plain(messages), Value::Array(messages.clone())),
        Content::Tokens(ids) => put("tokens", json!(ids)),
        Content::Inputs(texts) => {
            let joined = texts.join("\n");
            spoken(&joined, alone(&joined));
            put("inputs", json!(texts));
        }
        Content::Ranking { query, documents } => {
            spoken(query, alone(query));
            put("query", json!(query));
            put("documents", json!(documents));
        }
        Content::Body(_) => {}
    }
    let wrong = |why: String| {
        Failure::usage(format!("--api-file: body: {why}"))
            .hint("the template must give a JSON object for every prompt; put values in with {{ prompt | tojson }}")
    };
    let text = api.body.render(values).map_err(wrong)?;
    let mut body: Map<String, Value> = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    if !api.places_extra {
        body.extend(sampling.extra.clone());
    }
    Ok(body)
}

/// Reads one event.
pub(super) fn decode(api: &CustomApi, data: &str, text: &mut String) -> Result<Delta, serde_json::Error> {
    if api.end.as_deref() == Some(data.trim()) {
        return Ok(Delta { flags: Mark::DONE, ..Delta::default() });
    }
    Ok(read(&api.event, &serde_json::from_str(data)?, text))
}

/// Reads a reply that is not streamed.
pub(super) fn reply(api: &CustomApi, value: &Value) -> Result<Reply, ServerError> {
    let mut text = String::new();
    let delta = read(&api.reply, value, &mut text);
    match delta.error {
        Some(said) => Err(ServerError::Reported(said)),
        None if !delta.has(Mark::CHOICES) => {
            Err(ServerError::Malformed("the reply has nothing where its text should stand".to_owned()))
        }
        None => {
            let visible = first(&api.reply.text, value).into_iter().filter_map(Value::as_str).collect();
            Ok(Reply { text, visible, usage: delta.usage })
        }
    }
}

fn read(places: &Places, value: &Value, text: &mut String) -> Delta {
    let mut delta = Delta::default();
    for (places, flag) in [(&places.reasoning, Mark::REASONING), (&places.text, Mark::CONTENT)] {
        for piece in first(places, value).into_iter().filter_map(Value::as_str) {
            text.push_str(piece);
            delta.flags |= Mark::CHOICES | if piece.is_empty() { 0 } else { flag };
        }
    }
    delta.flags |= if first(&places.finish, value).into_iter().any(says_something) { Mark::FINISH } else { 0 };
    if let Some(error) = first(&places.error, value).into_iter().find(|error| says_something(error)) {
        delta.error = Some(match error {
            Value::String(said) => server_message(said),
            other => server_message(&other.to_string()),
        });
    }
    let count = |places: &[Place]| first(places, value).into_iter().find_map(Value::as_u64);
    let usage = Usage {
        prompt_tokens: count(&places.prompt_tokens),
        completion_tokens: count(&places.completion_tokens),
        cached_tokens: count(&places.cached_tokens),
        reasoning_tokens: count(&places.reasoning_tokens),
    };
    if usage != Usage::default() {
        delta.usage = Some(usage);
        delta.flags |= Mark::USAGE;
    }
    delta
}

/// What stands at the first place at which something other than null is.
fn first<'a>(places: &[Place], value: &'a Value) -> Vec<&'a Value> {
    let all =
        |place: &Place| -> Vec<&'a Value> { place.find(value).into_iter().filter(|found| !found.is_null()).collect() };
    places.iter().map(all).find(|found| !found.is_empty()).unwrap_or_default()
}

fn says_something(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false)) && value.as_str() != Some("")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::FIELDS;

    fn sampling() -> Sampling {
        Sampling {
            max_tokens: Some((16, 16)),
            stream: true,
            temperature: Some(0.0),
            fields: Map::from_iter([("seed".to_owned(), json!(7)), ("stop".to_owned(), json!(["\n"]))]),
            extra: Map::from_iter([("min_p".to_owned(), json!(0.1))]),
        }
    }

    #[test]
    fn bodies_of_the_built_in_descriptions() -> Result<()> {
        let made = |name: &str, prompt: &Prompt| -> Result<String> {
            let body = body(&CustomApi::open(name, &FIELDS)?, prompt, &sampling(), "m")?;
            Ok(Value::Object(body).to_string())
        };
        insta::assert_snapshot!(made("llama-cpp", &Prompt::text("say \"hi\"\n"))?, @r#"{"prompt":"say \"hi\"\n","n_predict":16,"stream":true,"temperature":0.0,"seed":7,"stop":["\n"],"cache_prompt":true,"min_p":0.1}"#);
        insta::assert_snapshot!(made("llama-cpp", &Prompt::new(Content::Tokens(vec![1, 2])))?, @r#"{"prompt":[1,2],"n_predict":16,"stream":true,"temperature":0.0,"seed":7,"stop":["\n"],"cache_prompt":true,"min_p":0.1}"#);
        insta::assert_snapshot!(made("tgi", &Prompt::text("hi"))?, @r#"{"inputs":"hi","parameters":{"max_new_tokens":16,"seed":7,"stop":["\n"],"details":true},"min_p":0.1}"#);
        Ok(())
    }

    #[test]
    fn streams_of_the_built_in_descriptions() -> Result<(), Box<dyn std::error::Error>> {
        let llama = CustomApi::open("llama-cpp", &FIELDS)?;
        let mut text = String::new();
        let delta = decode(&llama, r#"{"content":"hi","stop":false,"tokens_evaluated":0}"#, &mut text)?;
        assert!(delta.has(Mark::CHOICES | Mark::CONTENT) && !delta.has(Mark::FINISH));
        let last = r#"{"content":"","stop":true,"tokens_evaluated":5,"tokens_predicted":3}"#;
        let delta = decode(&llama, last, &mut text)?;
        assert!(delta.has(Mark::CHOICES | Mark::FINISH | Mark::USAGE) && !delta.is_token());
        let usage = delta.usage.unwrap_or_default();
        assert_eq!((usage.prompt_tokens, usage.completion_tokens, text.as_str()), (Some(5), Some(3), "hi"));
        let failed = decode(&llama, r#"{"error":{"code":500,"message":"no slot"}}"#, &mut text)?;
        assert_eq!(failed.error.as_deref(), Some("no slot"));

        let tgi = CustomApi::open("tgi", &FIELDS)?;
        let event = r#"{"token":{"id":1,"text":"a","special":false},"generated_text":null,"details":null}"#;
        assert!(decode(&tgi, event, &mut text)?.is_token());
        let event =
            r#"{"token":{"text":"b"},"generated_text":"ab","details":{"finish_reason":"length","generated_tokens":2}}"#;
        let delta = decode(&tgi, event, &mut text)?;
        assert!(delta.has(Mark::FINISH | Mark::USAGE));
        let whole = json!([{"generated_text": "ab", "details": {"generated_tokens": 2}}]);
        let read = reply(&tgi, &whole)?;
        assert_eq!((read.text.as_str(), read.usage.and_then(|usage| usage.completion_tokens)), ("ab", Some(2)));
        assert_eq!(reply(&tgi, &json!({"error": "overloaded"})), Err(ServerError::Reported("overloaded".to_owned())));
        assert!(matches!(reply(&tgi, &json!({"ok": true})), Err(ServerError::Malformed(_))));
        Ok(())
    }
}
