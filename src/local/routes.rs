//! The paths of the server: which there are, and how a generation becomes an HTTP reply.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::{get, post};
use futures_util::Stream;
use http::{HeaderValue, Method, StatusCode, Uri, header};
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::backend::{Backend, Event, Generation, GenerationRequest, Refusal};
use super::body::{self, Endpoint};
use super::reply::{self, Reply};

/// Largest request body that is read, in bytes.
const BODY_LIMIT: usize = 32 << 20;

/// Bodies above this many bytes are submitted on a thread of their own, because tokenizing a long prompt takes
/// milliseconds during which the streams of others would stand still.
const LONG_BODY: usize = 16 << 10;

/// What the handlers share.
struct App {
    backend: Arc<dyn Backend>,
    closing: CancellationToken,
    replies: AtomicU64,
    started: u64,
}

type Shared = State<Arc<App>>;

/// The paths over a backend. Streams that still run when `closing` is cancelled are broken off.
pub fn router(backend: Arc<dyn Backend>, closing: CancellationToken) -> Router {
    let app = App { backend, closing, replies: AtomicU64::new(0), started: unix_seconds() };
    Router::new()
        .route("/v1/chat/completions", post(chat))
        .route("/v1/completions", post(completion))
        .route("/v1/models", get(models))
        .route("/v1/models/{*id}", get(model))
        .route("/health", get(async || json_reply(StatusCode::OK, &json!({"status": "ok"}))))
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .with_state(Arc::new(app))
}

async fn chat(State(app): Shared, request: Request) -> Response {
    answer(app, request, Endpoint::Chat).await
}

async fn completion(State(app): Shared, request: Request) -> Response {
    answer(app, request, Endpoint::Completion).await
}

async fn models(State(app): Shared) -> Response {
    let cards: Vec<Value> = app.backend.models().iter().map(|name| card(name, app.started)).collect();
    json_reply(StatusCode::OK, &json!({"object": "list", "data": cards}))
}

async fn model(State(app): Shared, Path(id): Path<String>) -> Response {
    let known = app.backend.models();
    if known.contains(&id) { json_reply(StatusCode::OK, &card(&id, app.started)) } else { unknown_model(&id, &known) }
}

fn card(name: &str, created: u64) -> Value {
    json!({"id": name, "object": "model", "created": created, "owned_by": "evalscope"})
}

async fn unknown_path(uri: Uri) -> Response {
    let message =
        format!("there is no {}; known paths: /v1/chat/completions, /v1/completions, /v1/models, /health", uri.path());
    error_reply(StatusCode::NOT_FOUND, &message, None, Some("unknown_path"))
}

async fn wrong_method(method: Method, uri: Uri) -> Response {
    let message = format!("{} does not take {method}", uri.path());
    error_reply(StatusCode::METHOD_NOT_ALLOWED, &message, None, Some("method_not_allowed"))
}

async fn answer(app: Arc<App>, request: Request, endpoint: Endpoint) -> Response {
    let Ok(bytes) = axum::body::to_bytes(request.into_body(), BODY_LIMIT).await else {
        let message = format!("the body could not be read whole or is above {BODY_LIMIT} bytes");
        return error_reply(StatusCode::PAYLOAD_TOO_LARGE, &message, Some("body"), None);
    };
    let received = Instant::now();
    let body = match body::read(&bytes, endpoint, received) {
        Ok(body) => body,
        Err(refusal) => return refused(&refusal),
    };
    let model = body.request.model.clone();
    let known = app.backend.models();
    if !known.contains(&model) {
        return unknown_model(&model, &known);
    }
    let generation = match submit(&app.backend, body.request, bytes.len()).await {
        Ok(generation) => generation,
        Err(refusal) => return refused(&refusal),
    };
    let number = app.replies.fetch_add(1, Ordering::Relaxed);
    let tokens = (generation.prompt_tokens, generation.cached_tokens);
    let reply = Reply::new(endpoint, number, unix_seconds(), model, tokens);
    if body.stream {
        let closing = Box::pin(app.closing.clone().cancelled_owned());
        let events = Events {
            generation,
            reply,
            include_usage: body.include_usage,
            first: true,
            over: false,
            broken: false,
            closing,
        };
        streamed(events)
    } else {
        whole(generation, &reply, &app.closing).await
    }
}

async fn submit(backend: &Arc<dyn Backend>, request: GenerationRequest, length: usize) -> Result<Generation, Refusal> {
    if length <= LONG_BODY {
        return backend.submit(request);
    }
    let backend = Arc::clone(backend);
    let submitted = tokio::task::spawn_blocking(move || backend.submit(request)).await;
    submitted.unwrap_or_else(|_| Err(Refusal::Broken("the request could not be tokenized".to_owned())))
}

async fn whole(mut generation: Generation, reply: &Reply, closing: &CancellationToken) -> Response {
    let mut all = String::new();
    loop {
        let event = tokio::select! {
            event = generation.events.recv() => event,
            () = closing.cancelled() => Some(Event::Failed("the server is stopping".to_owned())),
        };
        match event {
            Some(Event::Token { text, .. }) => all.push_str(&text),
            Some(Event::End { text, finish, tokens }) => {
                all.push_str(&text);
                return json_reply(StatusCode::OK, &reply.whole(&all, finish, tokens));
            }
            Some(Event::Failed(why)) => return refused(&Refusal::Broken(why)),
            None => return refused(&Refusal::Broken("the generation was broken off".to_owned())),
        }
    }
}

/// The body of a streamed reply. Dropping it, which hyper does when the client is gone, cancels the generation.
struct Events {
    generation: Generation,
    reply: Reply,
    include_usage: bool,
    first: bool,
    over: bool,
    broken: bool,
    closing: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Stream for Events {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.over {
            return Poll::Ready(None);
        }
        let event = match this.generation.events.poll_recv(context) {
            Poll::Ready(event) => event,
            Poll::Pending => match Future::poll(this.closing.as_mut(), context) {
                Poll::Ready(()) => None,
                Poll::Pending => return Poll::Pending,
            },
        };
        if event.is_none() && !std::mem::replace(&mut this.broken, true) {
            // hyper flushes when a body has nothing to give. Without this turn the last events before a break could be
            // lost with it.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let first = std::mem::replace(&mut this.first, false);
        this.over = !matches!(event, Some(Event::Token { .. }));
        Poll::Ready(Some(match event {
            Some(Event::Token { text, .. }) => Ok(this.reply.token(&text, first)),
            Some(Event::End { text, finish, tokens }) => {
                Ok(this.reply.end(&text, first, finish, this.include_usage.then_some(tokens)))
            }
            Some(Event::Failed(why)) => Ok(reply::failure_event(&why)),
            // An error here makes hyper close the connection without the last chunk, so that the reader can tell a
            // stream that was broken off from one that ended.
            None => Err(io::Error::from(io::ErrorKind::ConnectionAborted)),
        }))
    }
}

fn streamed(events: Events) -> Response {
    let mut response = Response::new(Body::from_stream(events));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

fn unknown_model(name: &str, known: &[String]) -> Response {
    let message = format!("model: {name:?} is not served here; known: {}", crate::error::known(known));
    error_reply(StatusCode::NOT_FOUND, &message, Some("model"), Some("model_not_found"))
}

fn refused(refusal: &Refusal) -> Response {
    let (status, body) = reply::refusal(refusal);
    json_reply(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), &body)
}

fn error_reply(status: StatusCode, message: &str, param: Option<&str>, code: Option<&str>) -> Response {
    json_reply(status, &reply::error(message, "invalid_request_error", param, code))
}

fn json_reply(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
