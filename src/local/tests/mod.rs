//! The server as a client sees it, over loopback.

#[cfg(feature = "local")]
mod embedded;
mod paths;
mod replies;

use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::backend::{Backend, Event, Finish, Generation, GenerationRequest, ModelCard, Refusal};
use super::scripted::{Ending, Script, Scripted};
use super::server::{Server, bind};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// What came back.
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
    /// Whether the body came to its end.
    complete: bool,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The `data` of each event, and whether nothing else was in the stream.
    fn events(&self) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.body);
        let blocks = text.split_terminator("\n\n");
        blocks.map(|block| block.strip_prefix("data: ").unwrap_or("not an event").to_owned()).collect()
    }

    fn values(&self) -> Vec<Value> {
        self.events().iter().filter_map(|event| serde_json::from_str(event).ok()).collect()
    }

    fn text(&self) -> String {
        let content = |value: &Value| value["choices"][0]["delta"]["content"].as_str().map(str::to_owned);
        self.values().iter().filter_map(content).collect()
    }

    fn error(&self) -> String {
        format!("{} {}", self.status, self.json()["error"]["message"].as_str().unwrap_or_default())
    }
}

fn ask(server: &Server, method: &str, path: &str, body: &str) -> Outcome<Answer> {
    ask_with(server, method, path, "", body)
}

/// `headers` are whole lines.
fn ask_with(server: &Server, method: &str, path: &str, headers: &str, body: &str) -> Outcome<Answer> {
    let mut stream = TcpStream::connect(server.addr())?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n{body}"
    )?;
    let mut bytes = Vec::new();
    // A connection that is reset is one way to break a reply off.
    let _ = stream.read_to_end(&mut bytes);
    let split = bytes.windows(4).position(|four| four == b"\r\n\r\n").ok_or("no head")?;
    let head = String::from_utf8_lossy(&bytes[..split]).to_lowercase();
    let status = head.split(' ').nth(1).ok_or("no status")?.parse()?;
    let rest = &bytes[split + 4..];
    let (body, complete) =
        if head.contains("transfer-encoding: chunked") { unchunk(rest)? } else { (rest.to_vec(), true) };
    Ok(Answer { status, head, body, complete })
}

fn unchunk(mut rest: &[u8]) -> Outcome<(Vec<u8>, bool)> {
    let mut body = Vec::new();
    while let Some(line) = rest.windows(2).position(|two| two == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..line])?, 16)?;
        if size == 0 {
            return Ok((body, true));
        }
        body.extend_from_slice(rest.get(line + 2..line + 2 + size).ok_or("a chunk is cut")?);
        rest = &rest[line + 4 + size..];
    }
    Ok((body, false))
}

fn post(server: &Server, path: &str, body: &Value) -> Outcome<Answer> {
    ask(server, "POST", path, &body.to_string())
}

const CHAT: &str = "/v1/chat/completions";

fn chat(model: &str, extra: Value) -> Value {
    let mut body = json!({"model": model, "messages": [{"role": "user", "content": "Wie heißt du? 你好"}]});
    if let (Value::Object(body), Value::Object(extra)) = (&mut body, extra) {
        body.extend(extra);
    }
    body
}

fn scripted(script: impl Fn(u64) -> Result<Script, Refusal> + Send + Sync + 'static) -> Outcome<Server> {
    Ok(Server::start(bind(None)?, Scripted::new("scripted", move |number, _| script(number))?)?)
}

#[test]
fn a_script_arrives_in_order_and_never_early() -> Outcome {
    let at = |ms: u64| ms * 1_000_000;
    let pieces = vec![(at(20), "a".to_owned()), (at(21), String::new()), (at(45), "b\n\n".to_owned())];
    let script = Script { prompt_tokens: 3, pieces, ending: Ending::Finish(Finish::Stop) };
    let server = scripted(move |_| Ok(script.clone()))?;
    let start = Instant::now();
    let body = chat("scripted", json!({"stream": true, "stream_options": {"include_usage": true}}));
    let answer = post(&server, CHAT, &body)?;
    assert!(start.elapsed() >= Duration::from_millis(45));
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("content-type: text/event-stream"));
    assert_eq!(answer.events().last().map(String::as_str), Some("[DONE]"));
    let values = answer.values();
    let choices: Vec<_> = values.iter().map(|value| value["choices"].clone()).collect();
    let choice =
        |delta: Value, finish: Value| json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}]);
    assert_eq!(
        choices,
        [
            choice(json!({"role": "assistant", "content": "a"}), Value::Null),
            choice(json!({"content": ""}), Value::Null),
            choice(json!({"content": "b\n\n"}), Value::Null),
            choice(json!({}), "stop".into()),
            json!([]),
        ]
    );
    assert_eq!(values[4]["usage"]["completion_tokens"], 3);
    server.stop();
    Ok(())
}

#[test]
fn each_way_to_fail_looks_like_itself() -> Outcome {
    let server = scripted(|number| match number {
        0 => Err(Refusal::Busy { retry_after_s: 3 }),
        1 => Ok(Script {
            ending: Ending::Fail("worn out".to_owned()),
            ..Script::even(Duration::ZERO, Duration::ZERO, 2, "x")
        }),
        2 => Ok(Script { ending: Ending::Break, ..Script::even(Duration::ZERO, Duration::ZERO, 2, "x") }),
        _ => Ok(Script { ending: Ending::Break, ..Script::even(Duration::ZERO, Duration::ZERO, 0, "") }),
    })?;
    let body = chat("scripted", json!({"stream": true}));
    let busy = post(&server, CHAT, &body)?;
    assert_eq!((busy.status, busy.json()["error"]["code"].clone()), (429, "overloaded".into()));
    assert!(busy.head.contains("retry-after: 3"), "{}", busy.head);
    let failed = post(&server, CHAT, &body)?;
    assert_eq!((failed.text().as_str(), failed.complete), ("xx", true));
    assert_eq!(failed.values()[2]["error"]["message"], "worn out");
    let broken = post(&server, CHAT, &body)?;
    assert_eq!((broken.text().as_str(), broken.complete), ("xx", false));
    let whole = post(&server, CHAT, &chat("scripted", json!({})))?;
    assert_eq!(whole.error(), "500 the generation was broken off");
    Ok(())
}

#[test]
fn wrong_requests_are_told_what_is_wrong() -> Outcome {
    let server = scripted(|_| Err(Refusal::Busy { retry_after_s: 3 }))?;
    let error = |method: &str, path: &str, body: &str| ask(&server, method, path, body).map(|answer| answer.error());
    assert!(error("POST", CHAT, "{")?.starts_with("400 body: not valid JSON"));
    assert_eq!(error("POST", CHAT, "[]")?, "400 body: must be a JSON object");
    assert_eq!(
        error("POST", CHAT, &chat("gpt", json!({})).to_string())?,
        "404 model: \"gpt\" is not served here; known: scripted"
    );
    assert_eq!(error("GET", CHAT, "")?, "405 /v1/chat/completions does not take GET");
    assert!(error("POST", "/v2", "{}")?.starts_with("404 there is no /v2; known paths:"));
    assert!(error("GET", "/v1/models/a/b", "")?.starts_with("404 model: \"a/b\""));
    assert_eq!(ask(&server, "GET", "/health", "")?.status, 200);
    assert_eq!(ask(&server, "GET", "/v1/models", "")?.json()["data"][0]["id"], "scripted");
    assert_eq!(ask(&server, "GET", "/v1/models/scripted", "")?.json()["object"], "model");
    Ok(())
}

#[test]
fn stopping_breaks_off_what_does_not_end() -> Outcome {
    let server = scripted(|_| Ok(Script::even(Duration::ZERO, Duration::from_secs(3600), 2, "x")))?;
    let mut stream = TcpStream::connect(server.addr())?;
    let body = chat("scripted", json!({"stream": true})).to_string();
    let length = body.len();
    write!(stream, "POST {CHAT} HTTP/1.1\r\nhost: h\r\ncontent-length: {length}\r\n\r\n{body}")?;
    stream.read_exact(&mut [0; 64])?;
    // This returns, although the second piece is an hour away.
    server.stop();
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    assert!(!String::from_utf8_lossy(&rest).contains("[DONE]"));
    Ok(())
}

/// A backend that never says anything and lets the test see whether anyone still listens.
struct Silent(std::sync::mpsc::Sender<UnboundedSender<Event>>);

impl Backend for Silent {
    fn models(&self) -> Vec<ModelCard> {
        vec![ModelCard { name: "silent".to_owned(), context: None }]
    }

    fn submit(&self, _: GenerationRequest) -> Result<Generation, Refusal> {
        let (sender, events) = unbounded_channel();
        self.0.send(sender).map_err(|_| Refusal::Busy { retry_after_s: 1 })?;
        Ok(Generation { prompt_tokens: 1, events })
    }
}

#[test]
fn a_client_that_leaves_cancels_its_generation() -> Outcome {
    let (senders, submitted) = std::sync::mpsc::channel();
    let server = Server::start(bind(None)?, Silent(senders))?;
    for streamed in [true, false] {
        let mut stream = TcpStream::connect(server.addr())?;
        let body = chat("silent", json!({"stream": streamed})).to_string();
        let length = body.len();
        write!(stream, "POST {CHAT} HTTP/1.1\r\nhost: h\r\ncontent-length: {length}\r\n\r\n{body}")?;
        let sender = submitted.recv_timeout(Duration::from_secs(60))?;
        assert!(!sender.is_closed());
        drop(stream);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let closed = async { tokio::time::timeout(Duration::from_secs(60), sender.closed()).await };
        assert!(runtime.block_on(closed).is_ok(), "streamed: {streamed}");
    }
    Ok(())
}

#[test]
fn a_taken_port_is_refused() -> Outcome {
    let taken = bind(None)?;
    let port = taken.local_addr()?.port();
    let failure = bind(Some(port)).err().ok_or("the port was given twice")?;
    assert!(failure.to_string().contains(&port.to_string()) && failure.hint.is_some());
    Ok(())
}
