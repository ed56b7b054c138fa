//! Models inside the program that embed and rank, under load and for others.

use serde_json::{Value, json};

use crate::serve::{ask, asked, interrupted};
use crate::support::{outcome, perf, serve};

/// The folder of a small model, and what sentence-transformers makes with it.
const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/local");

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/local/encoders.json")).unwrap()
}

fn close(ours: &Value, expected: &Value) {
    assert!((ours.as_f64().unwrap() - expected.as_f64().unwrap()).abs() < 1e-4, "{ours} is not {expected}");
}

#[test]
fn an_embedding_model_is_loaded_without_an_address() {
    let run = perf()
        .args("--api embedding --dataset random_embedding_batch --dataset-args {\"batch_size\":2}")
        .args("--min-prompt-length 16 --max-prompt-length 16 --number 6 --parallel 2")
        .prints("random:minilm")
        .prints("inside this program")
        .run();
    let rows = run.only_point().rows();
    assert_eq!((rows.len(), rows.iter().all(|row| outcome(row) == "ok")), (6, true));
    // Two texts, each with a token before and after it.
    assert!(rows.iter().all(|row| row["prompt_tokens"] == 36), "{rows:?}");
    // The saved plan means the same.
    perf().arg("--profile").arg(run.dir().join("plan.toml")).prints("random:minilm").run();
}

#[test]
fn a_reranker_is_loaded_without_an_address() {
    let args = "--api rerank --dataset random_rerank --min-prompt-length 8 --max-prompt-length 8 --number 4";
    let run = perf().args(args).args("--dataset-args {\"num_documents\":3}").prints("random:minilm-reranker").run();
    let rows = run.only_point().rows();
    assert_eq!((rows.len(), rows.iter().all(|row| outcome(row) == "ok")), (4, true));
    assert!(rows.iter().all(|row| row["prompt_tokens"].as_u64() > Some(3 * 8)), "{rows:?}");
}

#[test]
fn an_encoder_serves_vectors_and_says_what_it_does_not() {
    let golden = golden();
    let running = serve()
        .args("--port 0 --served-model-name m --model")
        .arg(format!("{GOLDEN}/bert"))
        .says("/v1/embeddings")
        .spawn();
    let address = running.address();
    let reply = asked(address, "/v1/embeddings", &json!({"model": "m", "input": golden["texts"]}));
    let data = reply["data"].as_array().unwrap();
    assert_eq!(data.len(), 8);
    for (ours, expected) in data.iter().zip(golden["vectors"]["bert"].as_array().unwrap()) {
        let numbers = ours["embedding"].as_array().unwrap();
        numbers.iter().zip(expected.as_array().unwrap()).for_each(|(ours, expected)| close(ours, expected));
    }
    let long = json!({"model": "m", "input": vec![5; 121]});
    let (status, text) = ask(address, "/v1/embeddings", &long);
    assert_eq!((status, text.contains("121 tokens, but the model takes at most 120")), (400, true), "{text}");
    for (path, body) in [
        ("/v1/chat/completions", json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]})),
        ("/v1/completions", json!({"model": "m", "prompt": "Hi"})),
        ("/v1/rerank", json!({"model": "m", "query": "a", "documents": ["b"]})),
    ] {
        let (status, text) = ask(address, path, &body);
        assert_eq!((status, text.contains("an embedding model") && text.contains("/v1/embeddings")), (400, true));
    }
    assert_eq!(asked(address, "/v1/models", &Value::Null)["data"][0]["max_model_len"], 120);
    let tokens = asked(address, "/tokenize", &json!({"prompt": "a"}))["tokens"].clone();
    assert_eq!(tokens.as_array().map(Vec::len), Some(3));
    let page = ask(address, "/metrics", &Value::Null).1;
    let ended = "vllm:request_success_total{engine=\"0\",finished_reason=\"stop\",model_name=\"m\"} 1\n";
    assert!(page.contains(ended), "{page}");
    interrupted(running);
}

#[test]
fn a_cross_encoder_ranks_as_its_scores_say() {
    let golden = golden();
    let running = serve()
        .args("--port 0 --served-model-name m --model")
        .arg(format!("{GOLDEN}/bert-reranker"))
        .says("/v1/rerank")
        .spawn();
    let address = running.address();
    let pairs = golden["pairs"].as_array().unwrap();
    let side = |at: usize| Value::from(pairs.iter().map(|pair| pair[at].clone()).collect::<Vec<_>>());
    let reply = asked(address, "/v1/score", &json!({"model": "m", "text_1": side(0), "text_2": side(1)}));
    let expected = golden["scores"]["bert-reranker"].as_array().unwrap();
    for (ours, expected) in reply["data"].as_array().unwrap().iter().zip(expected) {
        close(&ours["score"], expected);
    }
    // The first two pairs have one query; the second scores higher.
    let body = json!({"model": "m", "query": pairs[0][0], "documents": [pairs[0][1], pairs[1][1]]});
    let ranked = asked(address, "/v1/rerank", &body)["results"].clone();
    assert_eq!((&ranked[0]["index"], &ranked[1]["index"]), (&json!(1), &json!(0)));
    close(&ranked[0]["relevance_score"], &expected[1]);
    let (status, text) = ask(address, "/v1/embeddings", &json!({"model": "m", "input": "a"}));
    assert_eq!((status, text.contains("m is a reranker")), (400, true), "{text}");
    let page = ask(address, "/metrics", &Value::Null).1;
    assert!(page.contains("evalscope:pair_truncated_total{engine=\"0\",model_name=\"m\"} 3\n"), "{page}");
    interrupted(running);
}

#[test]
fn what_cannot_be_run_is_refused_before_anything_is() {
    let golden = format!("{GOLDEN}/bert");
    let ask = |args: &str, model: &str| perf().args(args).arg("--model").arg(model).exit(2);
    ask("--api embedding --max-model-len 121 --number 1", &golden)
        .says("--max-model-len 121")
        .says("at most 120")
        .run();
    ask("--api embedding --kv-cache-gib 1 --number 1", &golden).says("--kv-cache-gib").run();
    ask("--number 1", "random:huge").says("random:minilm-reranker").run();
}
