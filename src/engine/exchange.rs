//! One request in flight. It writes the stamps of its record and interprets nothing before it has stamped it.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use http::{HeaderMap, header};
use http_body_util::Full;
use hyper::body::{Body, Incoming};

use super::feed::Request;
use super::link::Link;
use super::stamped_io::Stamps;
use super::wire::Wire;
use crate::mark::Mark;
use crate::record::{FailureKind, Record, TokensFrom};
use crate::target::Framing;
use crate::units::{NS_PER_S, clean};
use crate::wire::{self, Decoder, Frames, ServerError, Stamped, Usage};

/// The longest body of a refusal that is read.
const REFUSAL: usize = 64 << 10;
/// How long a server may take to close a stream after `[DONE]` before the connection is given up.
const AFTER_DONE: Duration = Duration::from_secs(1);

/// Why a request failed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fault {
    pub(super) kind: FailureKind,
    pub(super) message: String,
}

impl Fault {
    pub(super) fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Fault { kind, message: clean(&message.into(), 400) }
    }

    fn read_timeout(limit: Duration) -> Self {
        Fault::new(FailureKind::Timeout, format!("nothing arrived for {} s", limit.as_secs_f64()))
    }

    fn of_http(error: &hyper::Error) -> Self {
        if error.is_parse() {
            return Fault::new(FailureKind::Payload, format!("the server does not answer in HTTP: {}", chain(error)));
        }
        Fault::new(FailureKind::Broken, format!("the connection broke: {}", chain(error)))
    }
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Sends the request over the slot's connection, or a new one, and reads the reply into the record. The connection goes
/// back into the slot only when it can serve again; dropping the future closes it. `trace` gets the connection's stamps,
/// so that what was written is known even then. Gives the visible text of the reply where a turn follows, else nothing.
pub(super) async fn exchange(
    wire: &Wire,
    slot: &mut Option<Link>,
    request: &Request,
    record: &mut Record,
    trace: &Cell<Option<Rc<Stamps>>>,
) -> Result<String, Fault> {
    let mut kept = slot.take();
    // A server may close an idle connection; that is noticed here and costs a new one, not the request.
    let is_open = match &mut kept {
        Some(link) => link.ready().await.is_ok(),
        None => false,
    };
    let mut link = match kept {
        Some(link) if is_open => link,
        _ => {
            let mut link = wire.route.connect(&wire.clock).await?;
            link.ready().await.map_err(|error| Fault::of_http(&error))?;
            link
        }
    };
    // One that was opened ahead of its first request has served none before.
    record.connect_ns = link.connect_ns.take();
    record.connection_reused = record.connect_ns.is_none();
    record.ready_ns = Some(wire.clock.now());
    link.stamps.arm();
    trace.set(Some(Rc::clone(&link.stamps)));
    let message = wire.request(request.body.clone(), &request.headers, &record.request_id, link.is_http2());
    let sent = within(wire.read_limit, link.send(message)).await;
    record.started_ns = link.stamps.first_write();
    record.sent_ns = link.stamps.sent();
    let response = sent?.map_err(|error| Fault::of_http(&error))?;
    record.head_ns = Some(link.stamps.last_read());
    record.status = Some(response.status().as_u16());
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("");
    let kind = kind.to_ascii_lowercase();
    if response.status() != http::StatusCode::OK {
        let status = response.status();
        record.retry_after_ns = retry_after(response.headers());
        let (body, whole) = read_whole(wire, &mut link, response.into_body(), REFUSAL).await?;
        record.end_ns = link.stamps.last_read();
        if whole {
            *slot = Some(link);
        }
        let said = wire::server_message(&String::from_utf8_lossy(&body));
        return Err(Fault::new(FailureKind::Status, format!("{status}: {said}")));
    }
    let framing = if kind.contains("text/event-stream") {
        Some(Framing::Events)
    } else {
        wire.dialect.framing().filter(|framing| request.stream && *framing == Framing::Lines)
    };
    record.reply = wire.keep_replies.then(String::new);
    let mut said = request.then.is_some().then(String::new);
    if let Some(framing) = framing {
        record.stream = true;
        if !read_stream(wire, framing, &mut link, response.into_body(), record, &mut said).await? {
            return Ok(said.unwrap_or_default());
        }
    } else {
        record.stream = false;
        let (body, _) = read_whole(wire, &mut link, response.into_body(), usize::MAX).await?;
        record.end_ns = link.stamps.last_read();
        if let Some(kept) = &mut record.reply {
            kept.push_str(&String::from_utf8_lossy(&body));
        }
        let reply = wire::decode_reply(&wire.dialect, &body).map_err(|error| match error {
            ServerError::Reported(said) => Fault::new(FailureKind::Server, said),
            ServerError::Malformed(said) => Fault::new(FailureKind::Payload, said),
        })?;
        said = said.map(|_| reply.visible);
        take_usage(record, reply.usage, reply.text, wire);
    }
    *slot = Some(link);
    Ok(said.unwrap_or_default())
}

/// How long a server that refuses wants to be left alone, where it says so in seconds.
fn retry_after(headers: &HeaderMap) -> Option<u64> {
    let seconds: f64 = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    (0.0..1e6).contains(&seconds).then_some((seconds * NS_PER_S) as u64)
}

/// Reads an event stream to its end; tells whether the connection can serve again. `said` gets the visible text, where
/// it is wanted.
async fn read_stream(
    wire: &Wire,
    framing: Framing,
    link: &mut Link,
    body: Incoming,
    record: &mut Record,
    said: &mut Option<String>,
) -> Result<bool, Fault> {
    let mut text = String::new();
    let mut usage: Option<Usage> = None;
    let (mut done, mut finished, mut closed) = (false, false, true);
    let mut last_read = None;
    let stamps = Rc::clone(&link.stamps);
    let mut decoder = Decoder::of(&wire.dialect);
    let mut events = Frames::of(framing, StampedBody { link, body });
    loop {
        let next = poll_fn(|cx| events.poll_next(cx));
        let limit = if done { Some(AFTER_DONE) } else { wire.read_limit };
        let (at, event) = match within(limit, next).await {
            Ok(Some(Ok(event))) => event,
            Ok(Some(Err(error))) => return Err(Fault::of_http(&error)),
            Ok(None) => break,
            Err(_) if done => {
                closed = false;
                break;
            }
            Err(fault) => return Err(fault),
        };
        if event.data.is_empty() {
            continue;
        }
        let mark = wire.log_chunks.then(|| Mark {
            at_ns: at,
            lag_ns: u32::try_from(stamps.last_lag()).unwrap_or(u32::MAX),
            bytes: u32::try_from(event.data.len()).unwrap_or(u32::MAX),
            ..Mark::default()
        });
        if event.data.trim() == "[DONE]" {
            done = true;
            record.marks.extend(mark.map(|mark| Mark { flags: Mark::DONE, ..mark }));
            continue;
        }
        if let Some(kept) = &mut record.reply {
            kept.push_str(&event.data);
            kept.push(wire::PART);
        }
        let before = text.len();
        let Ok(delta) = decoder.decode(&event.name, &event.data, &mut text) else {
            record.ignored_events += 1;
            continue;
        };
        record.marks.extend(mark.map(|mark| Mark {
            text: u32::try_from(text.len() - before).unwrap_or(u32::MAX),
            flags: delta.flags,
            tokens: delta.usage.as_ref().and_then(|usage| usage.completion_tokens).map(|tokens| tokens as u32),
            ..mark
        }));
        if let Some(said) = said
            && delta.is_visible()
        {
            said.push_str(&text[before..]);
        }
        record.last_event_ns = Some(at);
        if let Some(later) = delta.usage {
            usage = Some(usage.unwrap_or_default().then(later));
        }
        finished |= delta.has(Mark::FINISH);
        done |= delta.has(Mark::DONE);
        if let Some(said) = delta.error {
            record.end_ns = at;
            return Err(Fault::new(FailureKind::Server, said));
        }
        let shared = last_read.replace(stamps.reads()) == Some(stamps.reads());
        record.shared_stamps += u32::from(shared && delta.is_token());
        if delta.has(Mark::CHOICES) {
            record.first_event_ns.get_or_insert(at);
        }
        if delta.is_token() {
            if let Some(last) = record.last_token_ns {
                record.gaps_ns.push(at.saturating_sub(last));
            }
            record.first_token_ns.get_or_insert(at);
            record.last_token_ns = Some(at);
            record.chunks += 1;
        }
        if delta.has(Mark::CONTENT) {
            record.first_text_ns.get_or_insert(at);
        }
        if delta.has(Mark::CHOICES) && record.first_token_ns.is_some() {
            record.decode_chunks += 1;
        }
    }
    // Where the server left the stream open, the reply was over with its last bytes all the same.
    record.end_ns = stamps.last_read();
    if record.first_event_ns.is_none() && !finished {
        return Err(Fault::new(FailureKind::Payload, "the stream ended without a single choice"));
    }
    if !wire::is_whole(&wire.dialect, done, finished, usage.as_ref()) {
        return Err(Fault::new(FailureKind::Broken, "the stream ended before the reply was finished"));
    }
    record.done_missing = !done && wire::marks_its_end(&wire.dialect);
    take_usage(record, usage, text, wire);
    Ok(closed)
}

/// Keeps the server's counts, and the text where it gave none or it is to be kept.
fn take_usage(record: &mut Record, usage: Option<Usage>, text: String, wire: &Wire) {
    let usage = usage.unwrap_or_default();
    if wire.dialect.is_input_only() {
        // What was counted before the run stands where the server counts nothing; there is no text to count.
        let counted = record.prompt_tokens.map(|_| TokensFrom::Tokenizer);
        record.tokens_from = usage.prompt_tokens.map(|_| TokensFrom::Usage).or(counted);
        record.prompt_tokens = usage.prompt_tokens.or(record.prompt_tokens);
        return;
    }
    record.cached_tokens = usage.cached_tokens;
    record.reasoning_tokens = usage.reasoning_tokens;
    record.prompt_tokens = usage.prompt_tokens.or(record.prompt_tokens);
    record.completion_tokens = usage.completion_tokens;
    record.tokens_from = usage.completion_tokens.map(|_| TokensFrom::Usage);
    if wire.log_chunks || usage.completion_tokens.is_none() {
        record.text = Some(text);
    }
}

/// Reads a body up to a limit; tells whether that was all of it.
async fn read_whole(wire: &Wire, link: &mut Link, body: Incoming, most: usize) -> Result<(Bytes, bool), Fault> {
    let mut stream = StampedBody { link, body };
    let mut all = BytesMut::new();
    while all.len() < most {
        match within(wire.read_limit, poll_fn(|cx| Pin::new(&mut stream).poll_next(cx))).await? {
            Some(Ok(piece)) => all.extend_from_slice(&piece.bytes),
            Some(Err(error)) => return Err(Fault::of_http(&error)),
            None => return Ok((all.freeze(), true)),
        }
    }
    Ok((all.freeze(), false))
}

/// Waits no longer than the limit, if there is one.
async fn within<F: Future>(limit: Option<Duration>, future: F) -> Result<F::Output, Fault> {
    match limit {
        None => Ok(future.await),
        Some(limit) => tokio::time::timeout(limit, future).await.map_err(|_| Fault::read_timeout(limit)),
    }
}

/// The data of a response body, each piece with the stamp of the read that completed it.
struct StampedBody<'a> {
    link: &'a mut Link,
    body: Incoming,
}

impl Stream for StampedBody<'_> {
    type Item = hyper::Result<Stamped>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            let body = &mut this.body;
            match ready!(this.link.poll(cx, |cx| Pin::new(&mut *body).poll_frame(cx))) {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Poll::Ready(Some(Ok(Stamped { at_ns: this.link.stamps.last_read(), bytes })));
                    }
                }
            }
        }
    }
}

/// A request's body as hyper takes it.
pub(super) type RequestBody = Full<Bytes>;
