//! The paths beside chats and completions, and who may use them.

use super::*;
use crate::local::backend::{EmbeddingRequest, Embeddings, Promise, ScoreRequest, Scores};
use crate::local::{Metrics, Terms};
use crate::target::Secret;

/// A backend that gives vectors and scores by the lengths of texts, and refuses to write.
struct Measuring(Metrics);

impl Backend for Measuring {
    fn models(&self) -> Vec<ModelCard> {
        vec![ModelCard { name: "measure".to_owned(), context: Some(64) }]
    }

    fn submit(&self, _: GenerationRequest) -> Result<Generation, Refusal> {
        Err(Refusal::Unserved("this model does not write".to_owned()))
    }

    fn embed(&self, request: EmbeddingRequest) -> Result<Promise<Embeddings>, Refusal> {
        let vectors = vec![vec![1.0, 2.0]; request.input.len()];
        Ok(promise(Ok(Embeddings { vectors, prompt_tokens: 5 })))
    }

    fn score(&self, request: ScoreRequest) -> Result<Promise<Scores>, Refusal> {
        if request.query == "broken" {
            return Ok(promise(Err(Refusal::Broken("worn out".to_owned()))));
        }
        let scores = request.documents.iter().map(|document| document.len() as f32).collect();
        Ok(promise(Ok(Scores { scores, prompt_tokens: 3 })))
    }

    fn metrics(&self) -> Option<&Metrics> {
        Some(&self.0)
    }
}

fn promise<T>(value: Result<T, Refusal>) -> Promise<T> {
    let (sender, promise) = tokio::sync::oneshot::channel();
    let _ = sender.send(value);
    promise
}

fn measuring(key: Option<&str>) -> Outcome<Server> {
    let terms = Terms { key: key.map(Secret::new), ..Terms::default() };
    Ok(Server::start_on(bind(None)?, Measuring(Metrics::new("measure", Some(64))), terms)?)
}

#[test]
fn vectors_and_scores_have_their_paths() -> Outcome {
    let server = measuring(None)?;
    let body = json!({"model": "measure", "input": ["a", "b"]});
    let reply = post(&server, "/v1/embeddings", &body)?.json();
    assert_eq!((&reply["data"][1]["embedding"], &reply["usage"]["prompt_tokens"]), (&json!([1.0, 2.0]), &json!(5)));
    for path in ["/v1/rerank", "/rerank"] {
        let body = json!({"model": "measure", "query": "q", "documents": ["a", "bbb"], "top_n": 1});
        let reply = post(&server, path, &body)?.json();
        assert_eq!(reply["results"], json!([{"index": 1, "relevance_score": 3.0, "document": {"text": "bbb"}}]));
    }
    for path in ["/v1/score", "/score"] {
        let body = json!({"model": "measure", "text_1": ["q", "r"], "text_2": ["a", "bbb"]});
        let reply = post(&server, path, &body)?.json();
        assert_eq!((&reply["data"][1]["score"], &reply["usage"]["total_tokens"]), (&json!(3.0), &json!(6)));
    }
    let body = json!({"model": "measure", "query": "broken", "documents": ["a"]});
    assert_eq!(post(&server, "/rerank", &body)?.error(), "500 worn out");
    Ok(())
}

#[test]
fn what_a_model_does_not_do_is_said() -> Outcome {
    let measuring = measuring(None)?;
    let written = post(&measuring, CHAT, &chat("measure", json!({})))?;
    assert_eq!(
        (written.error().as_str(), &written.json()["error"]["code"]),
        ("400 this model does not write", &json!("unserved"))
    );
    assert_eq!(post(&measuring, "/tokenize", &json!({"prompt": "a"}))?.error(), "400 this model has no tokenizer");
    let writing = scripted(|_| Ok(Script::even(Duration::ZERO, Duration::ZERO, 1, "x")))?;
    for (path, body, words) in [
        ("/v1/embeddings", json!({"model": "scripted", "input": "a"}), "400 this model does not give embeddings"),
        ("/v1/rerank", json!({"model": "scripted", "query": "q", "documents": ["a"]}), "400 this model does not score"),
        ("/v1/score", json!({"model": "scripted", "text_1": "q", "text_2": "a"}), "400 this model does not score"),
        ("/detokenize", json!({"tokens": [1]}), "400 this model has no tokenizer"),
        ("/v1/embeddings", json!({"model": "gpt", "input": "a"}), "404 model: \"gpt\" is not served here"),
        ("/tokenize", json!({"model": "gpt", "prompt": "a"}), "404 model: \"gpt\" is not served here"),
    ] {
        let error = post(&writing, path, &body)?.error();
        assert!(error.starts_with(words), "{path}: {error}");
    }
    assert!(ask(&writing, "GET", "/metrics", "")?.error().starts_with("404 this server keeps no metrics"));
    Ok(())
}

#[test]
fn a_server_tells_of_itself() -> Outcome {
    let server = measuring(None)?;
    let card = ask(&server, "GET", "/v1/models", "")?.json()["data"][0].clone();
    assert_eq!((&card["id"], &card["max_model_len"]), (&json!("measure"), &json!(64)));
    assert_eq!(ask(&server, "GET", "/version", "")?.json()["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!([ask(&server, "GET", "/ping", "")?.status, ask(&server, "POST", "/ping", "")?.status], [200, 200]);
    let page = ask(&server, "GET", "/metrics", "")?;
    assert!(page.head.contains("content-type: text/plain; version=0.0.4"));
    assert!(
        String::from_utf8(page.body)?.contains("vllm:num_requests_running{engine=\"0\",model_name=\"measure\"} 0\n")
    );
    Ok(())
}

#[test]
fn a_key_is_asked_for_wherever_something_can_be_done() -> Outcome {
    let server = measuring(Some("sk-1"))?;
    let body = json!({"model": "measure", "input": "a"}).to_string();
    let asked = |headers: &str| ask_with(&server, "POST", "/v1/embeddings", headers, &body);
    let refused = asked("")?;
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (401, &json!("invalid_api_key")));
    assert!(refused.head.contains("www-authenticate: bearer"));
    assert_eq!(asked("authorization: Bearer sk-2\r\n")?.status, 401);
    assert_eq!(asked("authorization: Bearer sk-1\r\n")?.status, 200);
    for path in ["/v1/models", "/tokenize", "/rerank", "/no-such-path"] {
        assert_eq!(ask(&server, "GET", path, "")?.status, 401, "{path}");
    }
    for path in ["/health", "/ping", "/version", "/metrics"] {
        assert_eq!(ask(&server, "GET", path, "")?.status, 200, "{path}");
    }
    Ok(())
}

#[test]
fn a_patient_server_waits_for_what_goes_on_until_it_is_cut() -> Outcome {
    let script = || Ok(Script::even(Duration::ZERO, Duration::from_millis(700), 2, "x"));
    let terms = || Terms { patience: Duration::MAX, ..Terms::default() };
    let start = |writer: fn() -> Result<Script, Refusal>| -> Outcome<Server> {
        let backend = Scripted::new("scripted", move |_, _| writer())?;
        Ok(Server::start_on(bind(None)?, backend, terms())?)
    };
    let begin = |server: &Server| -> Outcome<TcpStream> {
        let mut stream = TcpStream::connect(server.addr())?;
        let body = chat("scripted", json!({"stream": true})).to_string();
        let length = body.len();
        write!(stream, "POST {CHAT} HTTP/1.1\r\nhost: h\r\ncontent-length: {length}\r\n\r\n{body}")?;
        stream.read_exact(&mut [0; 64])?;
        Ok(stream)
    };
    let rest = |mut stream: TcpStream| {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        String::from_utf8_lossy(&rest).into_owned()
    };
    let server = start(script)?;
    let stream = begin(&server)?;
    server.stop();
    assert!(rest(stream).contains("[DONE]"), "it came to its end");
    let server = start(|| Ok(Script::even(Duration::ZERO, Duration::from_secs(3600), 2, "x")))?;
    let stream = begin(&server)?;
    server.drain();
    server.cut();
    server.stop();
    assert!(!rest(stream).contains("[DONE]"), "it was cut");
    Ok(())
}
