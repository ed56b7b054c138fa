//! Replies of several choices, and what they carry beside their text.

use super::*;
use crate::local::backend::{Input, Logprobs, TokenLogprob};

/// A backend that says its prompt back, a token for each character, and tells how likely each was.
struct Echoing;

impl Backend for Echoing {
    fn models(&self) -> Vec<ModelCard> {
        vec![ModelCard { name: "echo".to_owned(), context: Some(64) }]
    }

    fn submit(&self, request: GenerationRequest) -> Result<Generation, Refusal> {
        let text = match request.input {
            Input::Text(text) => text,
            Input::Tokens(ids) => format!("{ids:?}"),
            Input::Chat(chat) => chat.messages[0]["content"].as_str().unwrap_or_default().to_owned(),
        };
        let (sender, events) = unbounded_channel();
        let prompt_tokens = text.chars().count();
        let said = format!("{text}{}", request.draw.seed.unwrap_or_default());
        let tokens = said.chars().count();
        for letter in said.chars() {
            let token = |logprob| TokenLogprob { id: 0, bytes: letter.to_string().into_bytes(), logprob };
            let logprobs = request
                .logprobs
                .map(|top| Box::new(Logprobs { chosen: token(-0.5), top: (0..top).map(|_| token(-0.25)).collect() }));
            let event = Event::Token { id: None, text: letter.to_string(), logprobs };
            sender.send(event).map_err(|_| Refusal::Busy { retry_after_s: 1 })?;
        }
        let end = Event::End { text: "!".to_owned(), finish: Finish::Stop, tokens, cached_tokens: 2 };
        sender.send(end).map_err(|_| Refusal::Busy { retry_after_s: 1 })?;
        Ok(Generation { prompt_tokens, events })
    }
}

const COMPLETION: &str = "/v1/completions";

fn echoing() -> Outcome<Server> {
    Ok(Server::start(bind(None)?, Echoing)?)
}

/// The texts of a stream's choices, in the order of their indices.
fn texts(answer: &Answer, choices: usize) -> Vec<String> {
    let mut texts = vec![String::new(); choices];
    for value in answer.values() {
        for choice in value["choices"].as_array().into_iter().flatten() {
            let index = choice["index"].as_u64().and_then(|index| usize::try_from(index).ok()).unwrap_or(usize::MAX);
            let said = choice["text"].as_str().or_else(|| choice["delta"]["content"].as_str());
            if let Some(text) = texts.get_mut(index) {
                text.push_str(said.unwrap_or_default());
            }
        }
    }
    texts
}

#[test]
fn each_prompt_has_its_choices_and_is_counted_once() -> Outcome {
    let server = echoing()?;
    let mut body = json!({"model": "echo", "prompt": ["ab", "c"], "n": 2, "seed": 7,
                          "stream_options": {"include_usage": true}});
    let whole = post(&server, COMPLETION, &body)?.json();
    let said: Vec<_> = (0..4).map(|index| whole["choices"][index]["text"].clone()).collect();
    assert_eq!(said, ["ab7!", "ab8!", "c7!", "c8!"]);
    let usage = json!({"prompt_tokens": 3, "completion_tokens": 10, "total_tokens": 13,
                       "prompt_tokens_details": {"cached_tokens": 4}});
    assert_eq!(whole["usage"], usage);
    body["stream"] = true.into();
    let answer = post(&server, COMPLETION, &body)?;
    assert_eq!(texts(&answer, 4), ["ab7!", "ab8!", "c7!", "c8!"]);
    let events = answer.values();
    let ends = events.iter().filter(|event| event["choices"][0]["finish_reason"] == "stop").count();
    assert_eq!((ends, events.len()), (4, 10 + 4 + 1));
    let last = events.last().ok_or("no events")?;
    assert_eq!((&last["choices"], &last["usage"]), (&json!([]), &usage));
    assert_eq!(answer.events().last().map(String::as_str), Some("[DONE]"));
    Ok(())
}

#[test]
fn the_choices_of_a_chat_say_who_speaks_once_each() -> Outcome {
    let server = echoing()?;
    let body = chat("echo", json!({"n": 3, "stream": true}));
    let answer = post(&server, CHAT, &body)?;
    let speaks = |value: &Value| value["choices"][0]["delta"]["role"] == "assistant";
    assert_eq!(answer.values().iter().filter(|value| speaks(value)).count(), 3);
    assert!(texts(&answer, 3).iter().all(|text| text == "Wie heißt du? 你好0!"));
    // The choices take turns, so that none waits for another's end.
    let order: Vec<_> = answer.values().iter().take(6).map(|value| value["choices"][0]["index"].clone()).collect();
    assert_eq!(order, [0, 1, 2, 0, 1, 2]);
    Ok(())
}

#[test]
fn usage_is_told_as_it_grows() -> Outcome {
    let server = echoing()?;
    let options = json!({"include_usage": true, "continuous_usage_stats": true});
    let body = json!({"model": "echo", "prompt": "ab", "stream": true, "stream_options": options});
    let values = post(&server, COMPLETION, &body)?.values();
    let counts: Vec<_> = values.iter().map(|value| value["usage"]["completion_tokens"].clone()).collect();
    assert_eq!(counts, [1, 2, 3, 3, 3]);
    assert_eq!(values[0]["usage"], json!({"prompt_tokens": 2, "completion_tokens": 1, "total_tokens": 3}));
    Ok(())
}

#[test]
fn a_prompt_is_echoed_before_each_of_its_choices() -> Outcome {
    let server = echoing()?;
    let mut body = json!({"model": "echo", "prompt": ["ab: ", "c: "], "echo": true});
    let whole = post(&server, COMPLETION, &body)?.json();
    assert_eq!(
        (&whole["choices"][0]["text"], &whole["choices"][1]["text"]),
        (&json!("ab: ab: 0!"), &json!("c: c: 0!"))
    );
    body["stream"] = true.into();
    assert_eq!(texts(&post(&server, COMPLETION, &body)?, 2), ["ab: ab: 0!", "c: c: 0!"]);
    body["prompt"] = json!([1, 2]);
    assert!(post(&server, COMPLETION, &body)?.error().starts_with("400 echo: is served for prompts of text only"));
    Ok(())
}

#[test]
fn log_probabilities_are_those_of_each_token() -> Outcome {
    let server = echoing()?;
    let mut body = json!({"model": "echo", "prompt": "äb", "logprobs": 1});
    let whole = post(&server, COMPLETION, &body)?.json()["choices"][0]["logprobs"].clone();
    assert_eq!(
        whole,
        json!({"tokens": ["ä", "b", "0"], "token_logprobs": [-0.5, -0.5, -0.5],
               "top_logprobs": [{"ä": -0.25}, {"b": -0.25}, {"0": -0.25}], "text_offset": [0, 1, 2]})
    );
    body["stream"] = true.into();
    let values = post(&server, COMPLETION, &body)?.values();
    let offsets: Vec<_> = values.iter().map(|value| value["choices"][0]["logprobs"]["text_offset"].clone()).collect();
    assert_eq!(offsets, [json!([0]), json!([1]), json!([2]), Value::Null]);
    let body = chat("echo", json!({"logprobs": true, "top_logprobs": 2, "stream": true}));
    let first = post(&server, CHAT, &body)?.values()[0]["choices"][0]["logprobs"]["content"][0].clone();
    let one = json!({"token": "W", "logprob": -0.25, "bytes": [87]});
    assert_eq!(first, json!({"token": "W", "logprob": -0.5, "bytes": [87], "top_logprobs": [one, one]}));
    Ok(())
}

#[test]
fn one_choice_that_fails_ends_the_reply() -> Outcome {
    let server = scripted(|number| match number {
        1 => Ok(Script {
            ending: Ending::Fail("worn out".to_owned()),
            ..Script::even(Duration::ZERO, Duration::ZERO, 1, "x")
        }),
        // The other choice would go on for an hour.
        _ => Ok(Script::even(Duration::ZERO, Duration::from_secs(3600), 2, "x")),
    })?;
    let body = chat("scripted", json!({"n": 2, "stream": true}));
    let failed = post(&server, CHAT, &body)?;
    assert_eq!(failed.values().last().map(|value| value["error"]["message"].clone()), Some("worn out".into()));
    assert!(failed.complete);
    Ok(())
}
