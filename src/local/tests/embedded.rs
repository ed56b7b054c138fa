//! The embedded model behind the server.

use super::*;
use crate::plan::{EmbeddedSpec, EngineSpec};
use crate::tokenizer::Tokenizer;

const MODEL: &str = "random:tiny";

fn start() -> Outcome<Server> {
    Ok(crate::local::start(&EmbeddedSpec { model: MODEL.to_owned(), seed: 1, ..EmbeddedSpec::default() })?)
}

#[test]
fn one_token_is_one_event_and_usage_counts_them() -> Outcome {
    let server = start()?;
    let extra = json!({"stream": true, "max_tokens": 50, "ignore_eos": true, "seed": 5,
                       "stream_options": {"include_usage": true}});
    let answer = post(&server, CHAT, &chat(MODEL, extra.clone()))?;
    let values = answer.values();
    let tokens = values.iter().filter(|value| value["choices"][0]["delta"]["content"].is_string()).count();
    assert_eq!((tokens, answer.events().len()), (50, 53));
    assert_eq!(values[50]["choices"][0]["finish_reason"], "length");
    let usage = &values[51]["usage"];
    assert_eq!(
        (usage["completion_tokens"].as_u64(), usage["total_tokens"].as_u64()),
        (Some(50), usage["prompt_tokens"].as_u64().map(|prompt| prompt + 50))
    );
    let mut whole = chat(MODEL, extra);
    whole["stream"] = false.into();
    let whole = post(&server, CHAT, &whole)?.json();
    assert_eq!(whole["choices"][0]["message"]["content"], answer.text());
    assert_eq!(whole["usage"]["total_tokens"], usage["total_tokens"]);
    // The same prompt again: one block of it is remembered.
    let cached = |usage: &Value| usage["prompt_tokens_details"]["cached_tokens"].clone();
    assert_eq!((cached(usage), cached(&whole["usage"])), (0.into(), 16.into()));
    Ok(())
}

#[test]
fn prompts_are_counted_by_the_tokenizer() -> Outcome {
    let server = start()?;
    let tokenizer = Tokenizer::built_in()?;
    let text = "One sentence, two clauses; 三 words. ".repeat(700);
    let ids = tokenizer.encode(&text)?;
    for prompt in [json!(text), json!([text]), json!(ids)] {
        let body = json!({"model": MODEL, "prompt": prompt, "seed": 3, "ignore_eos": true, "max_tokens": 4});
        let answer = post(&server, "/v1/completions", &body)?;
        let room = 8192 - 4;
        if ids.len() > room {
            assert!(answer.error().starts_with("400 the model has a context of 8192 tokens"));
            assert_eq!(answer.json()["error"]["code"], "context_length_exceeded");
        } else {
            assert_eq!(answer.json()["usage"]["prompt_tokens"], ids.len());
        }
    }
    let body = json!({"model": MODEL, "prompt": "x", "max_tokens": 9000});
    assert_eq!(post(&server, "/v1/completions", &body)?.json()["error"]["code"], "context_length_exceeded");
    let body = json!({"model": MODEL, "prompt": [99_999_999]});
    assert!(post(&server, "/v1/completions", &body)?.error().starts_with("400 prompt: token 99999999"));
    Ok(())
}

#[test]
fn a_seed_repeats_whatever_else_runs() -> Outcome {
    let server = start()?;
    let text = |seed: u64, most: u64| -> Result<String, String> {
        let body = chat(MODEL, json!({"stream": true, "seed": seed, "max_tokens": most, "ignore_eos": true}));
        post(&server, CHAT, &body).map(|answer| answer.text()).map_err(|error| error.to_string())
    };
    let alone = text(9, 60)?;
    let crowd: Result<Vec<String>, String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|i| scope.spawn(move || text(if i % 2 == 0 { 9 } else { i }, 60))).collect();
        threads.into_iter().map(|thread| thread.join().map_err(|_| "a thread panicked".to_owned())?).collect()
    });
    for (i, other) in crowd?.iter().enumerate() {
        assert_eq!(*other == alone, i % 2 == 0, "{i}");
    }
    Ok(())
}

#[test]
fn tokens_are_those_that_the_model_sees() -> Outcome {
    let server = start()?;
    let text = "Two words, 三 more.";
    let tokens = post(&server, "/tokenize", &json!({"prompt": text}))?.json();
    assert_eq!(tokens["max_model_len"], 8192);
    let body = json!({"model": MODEL, "prompt": text, "max_tokens": 1});
    assert_eq!(post(&server, "/v1/completions", &body)?.json()["usage"]["prompt_tokens"], tokens["count"]);
    let back = post(&server, "/detokenize", &json!({"model": MODEL, "tokens": tokens["tokens"]}))?.json();
    assert_eq!(back["prompt"], text);
    let messages = chat(MODEL, json!({"max_tokens": 1}));
    let tokens = post(&server, "/tokenize", &messages)?.json();
    assert_eq!(post(&server, CHAT, &messages)?.json()["usage"]["prompt_tokens"], tokens["count"]);
    Ok(())
}

#[test]
fn what_the_model_does_is_counted() -> Outcome {
    let server = start()?;
    let body = chat(MODEL, json!({"max_tokens": 5, "ignore_eos": true, "n": 3}));
    let usage = post(&server, CHAT, &body)?.json()["usage"].clone();
    assert_eq!(usage["completion_tokens"], 15);
    let prompt = usage["prompt_tokens"].as_u64().ok_or("no usage")?;
    let page = String::from_utf8(ask(&server, "GET", "/metrics", "")?.body)?;
    for (name, labels, expected) in [
        ("request_success_total", ",finished_reason=\"length\"", 3),
        ("prompt_tokens_total", "", 3 * prompt),
        ("generation_tokens_total", "", 15),
        ("time_to_first_token_seconds_count", "", 3),
        ("inter_token_latency_seconds_count", "", 12),
        ("request_generation_tokens_sum", "", 15),
    ] {
        let line = format!("vllm:{name}{{engine=\"0\"{labels},model_name=\"{MODEL}\"}} {expected}\n");
        assert!(page.contains(&line), "{line}{page}");
    }
    Ok(())
}

#[test]
fn what_the_model_cannot_do_does_not_start() -> Outcome {
    let engine = EngineSpec::default;
    for (engine, words) in [
        (EngineSpec { max_model_len: Some(9000), ..engine() }, "--max-model-len 9000: the model was trained for 8192"),
        (
            EngineSpec { kv_cache_bytes: Some(1000), ..engine() },
            "--kv-cache-gib: 0 MiB hold keys and values of 0 tokens",
        ),
        (EngineSpec { dtype: Some("int4".to_owned()), ..engine() }, "--dtype int4"),
    ] {
        let spec = EmbeddedSpec { model: MODEL.to_owned(), engine, ..EmbeddedSpec::default() };
        let failure = crate::local::start(&spec).err().ok_or("it started")?;
        assert!(failure.message.starts_with(words) && failure.hint.is_some(), "{failure}");
    }
    Ok(())
}

#[test]
fn a_full_queue_is_told_and_empties() -> Outcome {
    let engine = EngineSpec { max_num_seqs: Some(1), max_waiting: Some(1), ..EngineSpec::default() };
    let spec = EmbeddedSpec { model: MODEL.to_owned(), seed: 1, engine, ..EmbeddedSpec::default() };
    let server = crate::local::start(&spec)?;
    let body = chat(MODEL, json!({"max_tokens": 400, "ignore_eos": true}));
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..6).map(|_| scope.spawn(|| post(&server, CHAT, &body).ok())).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok().flatten()).collect()
    });
    let count = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!(count(200) + count(429), 6);
    assert!(count(200) >= 2 && count(429) >= 1, "{} were served", count(200));
    let refused = answers.iter().find(|answer| answer.status == 429).ok_or("none")?;
    assert!(refused.head.contains("retry-after: 1"));
    assert_eq!(post(&server, CHAT, &body)?.status, 200);
    Ok(())
}

#[test]
fn replies_keep_their_constraint_and_tell_their_logarithms() -> Outcome {
    let server = start()?;
    let schema = json!({"type": "object", "properties": {"answer": {"enum": ["yes", "no"]}}, "required": ["answer"],
        "additionalProperties": false});
    let format = json!({"type": "json_schema", "json_schema": {"name": "a", "schema": schema}});
    let extra = json!({"response_format": format, "max_tokens": 100, "logprobs": true, "top_logprobs": 2, "seed": 3});
    let reply = post(&server, CHAT, &chat(MODEL, extra))?.json();
    let choice = &reply["choices"][0];
    let text = choice["message"]["content"].as_str().ok_or("no text")?;
    if choice["finish_reason"] == "stop" {
        let value: Value = serde_json::from_str(text)?;
        assert!(value["answer"] == "yes" || value["answer"] == "no", "{text}");
    }
    let told = choice["logprobs"]["content"].as_array().ok_or("no logprobs")?;
    assert_eq!(Some(told.len() as u64), reply["usage"]["completion_tokens"].as_u64());
    for token in told {
        let logprob = token["logprob"].as_f64().ok_or("none")?;
        let top: Vec<f64> =
            token["top_logprobs"].as_array().into_iter().flatten().filter_map(|top| top["logprob"].as_f64()).collect();
        assert!(top.len() == 2 && top[0] >= top[1] && top[0] >= logprob && top[0] <= 0.0, "{token}");
    }
    let refused = post(&server, CHAT, &chat(MODEL, json!({"guided_regex": "[a"})))?.error();
    assert!(refused.starts_with("400 structured_outputs: cannot be followed: "), "{refused}");
    Ok(())
}

#[test]
fn an_unknown_model_does_not_start() -> Outcome {
    let spec = EmbeddedSpec { model: "gpt".to_owned(), seed: 1, ..EmbeddedSpec::default() };
    let failure = crate::local::start(&spec).err().ok_or("it started")?;
    assert!(failure.hint.is_some_and(|hint| hint.contains(MODEL)));
    Ok(())
}
