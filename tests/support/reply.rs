//! What a scripted server answers, byte by byte.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use super::PATIENCE;

/// Holds replies back until the test opens it.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    /// Lets everything through from now on.
    pub fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    pub(super) fn pass(&self) {
        let open = self.0.0.lock().unwrap();
        drop(self.0.1.wait_timeout_while(open, PATIENCE, |open| !*open).unwrap());
    }
}

/// A part of a reply.
pub(super) enum Step {
    /// A piece of the body, written and flushed on its own.
    Body(Vec<u8>),
    Pause(Duration),
    Wait(Gate),
}

/// How a reply ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// As HTTP wants it; the connection stays open.
    Whole,
    /// As HTTP wants it; the connection is closed.
    WholeAndClose,
    /// The connection is closed where the reply stands.
    Cut,
    /// The connection is reset where the reply stands.
    Reset,
    /// Nothing more comes.
    Hang,
    /// The server dies where the reply stands.
    Die,
}

/// One reply.
pub struct Reply {
    pub(super) head: String,
    pub(super) steps: Vec<Step>,
    pub(super) chunked: bool,
    pub(super) ending: Ending,
}

impl Reply {
    /// An event stream that has not said anything yet.
    pub fn stream() -> Self {
        let head =
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n";
        Reply { head: head.to_owned(), steps: Vec::new(), chunked: true, ending: Ending::Whole }
    }

    /// A stream as servers send it: the role, each piece of text, its end, usage and `[DONE]`.
    pub fn of(pieces: &[&str]) -> Self {
        let reply = pieces.iter().fold(Reply::stream().role(), |reply, piece| reply.text(piece));
        reply.finish().usage(7, pieces.len() as u64).done()
    }

    /// A whole body of a type.
    pub fn whole(status: u16, kind: &str, body: &str) -> Self {
        let length = body.len();
        let head = format!("HTTP/1.1 {status} Scripted\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n");
        Reply { head, steps: vec![Step::Body(body.into())], chunked: false, ending: Ending::Whole }
    }

    /// A JSON body.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::whole(status, "application/json", &body.to_string())
    }

    /// The same head for a body in pieces, none of which is there yet.
    pub fn chunked(mut self) -> Self {
        let kept = self.head.lines().filter(|line| !line.starts_with("content-length"));
        self.head = kept.flat_map(|line| [line, "\r\n"]).collect::<String>() + "transfer-encoding: chunked\r\n";
        self.steps.clear();
        self.chunked = true;
        self
    }

    /// An error as OpenAI's servers spell it.
    pub fn error(status: u16, message: &str) -> Self {
        Self::json(status, &json!({"error": {"message": message, "type": "test", "code": null}}))
    }

    /// Bytes that stand for the whole answer, head included.
    pub fn raw(bytes: &str) -> Self {
        Reply {
            head: String::new(),
            steps: vec![Step::Body(bytes.into())],
            chunked: false,
            ending: Ending::WholeAndClose,
        }
    }

    /// Nothing at all: the server listens to the request and falls silent.
    pub fn never() -> Self {
        Reply { head: String::new(), steps: Vec::new(), chunked: false, ending: Ending::Hang }
    }

    /// The connection is closed instead of an answer.
    pub fn hang_up() -> Self {
        Reply { ending: Ending::Cut, ..Self::never() }
    }

    /// The server stops to listen and closes every connection instead of an answer.
    pub fn die() -> Self {
        Reply { ending: Ending::Die, ..Self::never() }
    }

    /// Bytes of the body as they are.
    pub fn bytes(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.steps.push(Step::Body(bytes.into()));
        self
    }

    /// An event with this data.
    pub fn event(self, data: &Value) -> Self {
        self.bytes(format!("data: {data}\n\n"))
    }

    /// An event with one choice and this delta.
    pub fn delta(self, delta: &Value) -> Self {
        self.event(&json!({"choices": [{"index": 0, "delta": delta, "finish_reason": null}]}))
    }

    /// The opening chunk that has a role and nothing else.
    pub fn role(self) -> Self {
        self.delta(&json!({"role": "assistant", "content": ""}))
    }

    /// Visible text.
    pub fn text(self, text: &str) -> Self {
        self.delta(&json!({"content": text}))
    }

    /// Reasoning, as most servers spell it.
    pub fn reasoning(self, text: &str) -> Self {
        self.delta(&json!({"reasoning_content": text}))
    }

    /// The end of the choice.
    pub fn finish(self) -> Self {
        self.event(&json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}))
    }

    /// Usage in an event of its own.
    pub fn usage(self, prompt: u64, completion: u64) -> Self {
        self.event(&json!({"choices": [], "usage": {
            "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}}))
    }

    /// The mark at the end.
    pub fn done(self) -> Self {
        self.bytes("data: [DONE]\n\n")
    }

    /// A comment, as servers send to keep a connection alive.
    pub fn comment(self, text: &str) -> Self {
        self.bytes(format!(": {text}\n\n"))
    }

    /// Waits before what comes next.
    pub fn pause(mut self, time: Duration) -> Self {
        self.steps.push(Step::Pause(time));
        self
    }

    /// Waits for the test before what comes next.
    pub fn wait_for(mut self, gate: &Gate) -> Self {
        self.steps.push(Step::Wait(gate.clone()));
        self
    }

    /// Says so and closes the connection after the reply.
    pub fn close(mut self) -> Self {
        self.head.push_str("connection: close\r\n");
        self.ending = Ending::WholeAndClose;
        self
    }

    /// Closes the connection after the reply without having said so.
    pub fn close_silently(mut self) -> Self {
        self.ending = Ending::WholeAndClose;
        self
    }

    /// Closes the connection where the reply stands.
    pub fn cut(mut self) -> Self {
        self.ending = Ending::Cut;
        self
    }

    /// Resets the connection where the reply stands.
    pub fn reset(mut self) -> Self {
        self.ending = Ending::Reset;
        self
    }

    /// Leaves the reply where it stands.
    pub fn hang(mut self) -> Self {
        self.ending = Ending::Hang;
        self
    }

    /// Ends every line of the body with CRLF.
    pub fn crlf(mut self) -> Self {
        for step in &mut self.steps {
            if let Step::Body(bytes) = step {
                *bytes = String::from_utf8(std::mem::take(bytes)).unwrap().replace('\n', "\r\n").into_bytes();
            }
        }
        self
    }

    /// Length of the body.
    pub fn len(&self) -> usize {
        self.steps.iter().map(|step| if let Step::Body(bytes) = step { bytes.len() } else { 0 }).sum()
    }

    /// The same body in two pieces, cut at this byte. Pieces are HTTP chunks of their own, so a reader sees the cut
    /// however the network joins them.
    pub fn split_at(mut self, byte: usize) -> Self {
        let mut all = Vec::new();
        for step in self.steps.drain(..) {
            if let Step::Body(bytes) = step {
                all.extend(bytes);
            }
        }
        let rest = all.split_off(byte);
        self.steps = vec![Step::Body(all), Step::Body(rest)];
        self
    }
}
