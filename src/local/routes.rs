//! The paths of the server: which there are, and how what a backend gives becomes an HTTP reply.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use http::{HeaderValue, Method, StatusCode, Uri, header};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::backend::{Backend, ModelCard, Promise, Refusal};
use super::body::{self, Endpoint};
use super::choices::{Choices, Events};
use super::key::Key;
use super::pooling::{EmbeddingBody, RerankBody, ScoreBody};
use super::reply::{self, Reply};
use super::tokens::{DetokenizeBody, TokenizeBody};

/// Largest request body that is read, in bytes.
const BODY_LIMIT: usize = 32 << 20;

/// Bodies above this many bytes are submitted on a thread of their own, because tokenizing a long prompt takes
/// milliseconds during which the streams of others would stand still.
const LONG_BODY: usize = 16 << 10;

/// What is said of a path that is none.
const PATHS: &str = "/v1/chat/completions, /v1/completions, /v1/embeddings, /v1/rerank, /v1/score, /v1/models, \
    /tokenize, /detokenize, /health, /ping, /version, /metrics";

/// Paths that say nothing of any request, and that watchers without a key read.
const OPEN: [&str; 4] = ["/health", "/ping", "/version", "/metrics"];

/// What the handlers share.
struct App {
    backend: Arc<dyn Backend>,
    closing: CancellationToken,
    replies: AtomicU64,
    started: u64,
}

type Shared = State<Arc<App>>;

/// A reply, or why there is none.
type Answer = Result<Response, Complaint>;

/// Why a request gets no reply but an error.
enum Complaint {
    /// The body could not be read whole.
    Unread,
    /// Nobody serves a model of this name.
    Unknown {
        name: String,
        /// The models that are served.
        known: String,
    },
    /// The body cannot be served, or the backend does not serve it.
    Refused(Refusal),
}

impl From<Refusal> for Complaint {
    fn from(refusal: Refusal) -> Self {
        Complaint::Refused(refusal)
    }
}

/// The paths over a backend, for those who have the key if there is one. Streams that still run when `closing` is
/// cancelled are broken off.
pub fn router(backend: Arc<dyn Backend>, key: Option<Key>, closing: CancellationToken) -> Router {
    let app = App { backend, closing, replies: AtomicU64::new(0), started: unix_seconds() };
    let paths = Router::new()
        .route("/v1/chat/completions", post(chat))
        .route("/v1/completions", post(completion))
        .route("/v1/embeddings", post(embeddings))
        .route("/v1/rerank", post(rerank))
        .route("/rerank", post(rerank))
        .route("/v1/score", post(score))
        .route("/score", post(score))
        .route("/tokenize", post(tokenize))
        .route("/detokenize", post(detokenize))
        .route("/v1/models", get(models))
        .route("/v1/models/{*id}", get(model))
        .route("/metrics", get(metrics))
        .route("/version", get(async || json_reply(StatusCode::OK, &json!({"version": env!("CARGO_PKG_VERSION")}))))
        .route("/health", get(healthy))
        .route("/ping", get(healthy).post(healthy))
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .with_state(Arc::new(app));
    match key {
        None => paths,
        Some(key) => paths.layer(middleware::from_fn_with_state(Arc::new(key), admit)),
    }
}

async fn admit(State(key): State<Arc<Key>>, request: Request, next: Next) -> Response {
    if OPEN.contains(&request.uri().path()) || key.admits(request.headers()) {
        return next.run(request).await;
    }
    let message = "this server wants its API key as the header Authorization: Bearer KEY";
    let mut response = error_reply(StatusCode::UNAUTHORIZED, message, None, Some("invalid_api_key"));
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

async fn healthy() -> Response {
    json_reply(StatusCode::OK, &json!({"status": "ok"}))
}

async fn chat(State(app): Shared, request: Request) -> Response {
    either(generate(app, request, Endpoint::Chat).await)
}

async fn completion(State(app): Shared, request: Request) -> Response {
    either(generate(app, request, Endpoint::Completion).await)
}

async fn generate(app: Arc<App>, request: Request, endpoint: Endpoint) -> Answer {
    let bytes = read(request).await?;
    let body = body::read(&bytes, endpoint, &app.backend.usual_draw(), Instant::now())?;
    app.card(Some(&body.model))?;
    let requests = body.requests;
    let submit = move |backend: &dyn Backend| requests.into_iter().map(|request| backend.submit(request)).collect();
    // Each choice is tokenized.
    let length = bytes.len().saturating_mul(body.choices);
    let generations: Vec<_> = app.asked(length, submit).await?;
    let choices = Choices::new(endpoint, generations, body.choices, body.echoes);
    let reply = Reply::new(endpoint, app.number(), unix_seconds(), body.model);
    match body.stream {
        Some(streaming) => Ok(streamed(Events::new(choices, reply, streaming, app.closing.clone()))),
        None => {
            let whole = choices.whole(&reply, &app.closing).await?;
            Ok(json_reply(StatusCode::OK, &whole))
        }
    }
}

async fn embeddings(State(app): Shared, request: Request) -> Response {
    let answer = async {
        let bytes = read(request).await?;
        let body = EmbeddingBody::read(&bytes, Instant::now())?;
        app.card(Some(&body.model))?;
        let asked = body.request.clone();
        let promise = app.asked(bytes.len(), |backend| backend.embed(asked)).await?;
        let found = app.kept(promise).await?;
        let reply = body.reply(&found, app.number(), unix_seconds())?;
        Ok(json_reply(StatusCode::OK, &reply))
    };
    either(answer.await)
}

async fn rerank(State(app): Shared, request: Request) -> Response {
    let answer = async {
        let bytes = read(request).await?;
        let body = RerankBody::read(&bytes, Instant::now())?;
        app.card(Some(&body.model))?;
        let asked = body.request.clone();
        let promise = app.asked(bytes.len(), |backend| backend.score(asked)).await?;
        let found = app.kept(promise).await?;
        Ok(json_reply(StatusCode::OK, &body.reply(&found, app.number(), unix_seconds())))
    };
    either(answer.await)
}

async fn score(State(app): Shared, request: Request) -> Response {
    let answer = async {
        let bytes = read(request).await?;
        let body = ScoreBody::read(&bytes, Instant::now())?;
        app.card(Some(&body.model))?;
        let asked = body.requests.clone();
        let submit = |backend: &dyn Backend| asked.into_iter().map(|request| backend.score(request)).collect();
        let promises: Vec<_> = app.asked(bytes.len(), submit).await?;
        let mut found = Vec::with_capacity(promises.len());
        for promise in promises {
            found.push(app.kept(promise).await?);
        }
        Ok(json_reply(StatusCode::OK, &body.reply(&found, app.number(), unix_seconds())))
    };
    either(answer.await)
}

async fn tokenize(State(app): Shared, request: Request) -> Response {
    let answer = async {
        let bytes = read(request).await?;
        let body = TokenizeBody::read(&bytes)?;
        let card = app.card(body.model.as_deref())?;
        let tokenize = move |backend: &dyn Backend| backend.tokenize(&body.input, body.add_special_tokens);
        let tokens = app.asked(bytes.len(), tokenize).await?;
        Ok(json_reply(StatusCode::OK, &TokenizeBody::reply(&tokens, &card)))
    };
    either(answer.await)
}

async fn detokenize(State(app): Shared, request: Request) -> Response {
    let answer = async {
        let bytes = read(request).await?;
        let body = DetokenizeBody::read(&bytes)?;
        app.card(body.model.as_deref())?;
        let text = app.asked(bytes.len(), move |backend| backend.detokenize(&body.tokens)).await?;
        Ok(json_reply(StatusCode::OK, &DetokenizeBody::reply(&text)))
    };
    either(answer.await)
}

async fn models(State(app): Shared) -> Response {
    let cards: Vec<Value> = app.backend.models().iter().map(|card| spelled(card, app.started)).collect();
    json_reply(StatusCode::OK, &json!({"object": "list", "data": cards}))
}

async fn model(State(app): Shared, Path(id): Path<String>) -> Response {
    either(app.card(Some(&id)).map(|card| json_reply(StatusCode::OK, &spelled(&card, app.started))))
}

fn spelled(card: &ModelCard, created: u64) -> Value {
    let mut spelled = json!({"id": card.name, "object": "model", "created": created, "owned_by": "evalscope"});
    if let Some(context) = card.context {
        spelled["max_model_len"] = context.into();
    }
    spelled
}

async fn metrics(State(app): Shared) -> Response {
    let Some(metrics) = app.backend.metrics() else {
        return error_reply(StatusCode::NOT_FOUND, "this server keeps no metrics", None, Some("unknown_path"));
    };
    let mut response = Response::new(Body::from(metrics.page()));
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

async fn unknown_path(uri: Uri) -> Response {
    let message = format!("there is no {}; known paths: {PATHS}", uri.path());
    error_reply(StatusCode::NOT_FOUND, &message, None, Some("unknown_path"))
}

async fn wrong_method(method: Method, uri: Uri) -> Response {
    let message = format!("{} does not take {method}", uri.path());
    error_reply(StatusCode::METHOD_NOT_ALLOWED, &message, None, Some("method_not_allowed"))
}

impl App {
    /// The card of a model that is served; without a name the first one.
    fn card(&self, name: Option<&str>) -> Result<ModelCard, Complaint> {
        let cards = self.backend.models();
        let found = cards.iter().find(|card| name.is_none_or(|name| name == card.name));
        found.cloned().ok_or_else(|| Complaint::Unknown {
            name: name.unwrap_or_default().to_owned(),
            known: crate::error::known(cards.iter().map(|card| &card.name)),
        })
    }

    /// Asks the backend, on a thread apart where the body has so many bytes that it takes a while.
    async fn asked<T: Send + 'static>(
        &self,
        length: usize,
        ask: impl FnOnce(&dyn Backend) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        if length <= LONG_BODY {
            return ask(&*self.backend);
        }
        let backend = Arc::clone(&self.backend);
        let asked = tokio::task::spawn_blocking(move || ask(&*backend)).await;
        asked.unwrap_or_else(|_| Err(Refusal::Broken("the request could not be tokenized".to_owned())))
    }

    /// What was promised.
    async fn kept<T>(&self, promise: Promise<T>) -> Result<T, Refusal> {
        tokio::select! {
            kept = promise => kept.unwrap_or_else(|_| Err(Refusal::Broken("the work was broken off".to_owned()))),
            () = self.closing.cancelled() => Err(Refusal::Broken("the server is stopping".to_owned())),
        }
    }

    /// The number of the next reply.
    fn number(&self) -> u64 {
        self.replies.fetch_add(1, Ordering::Relaxed)
    }
}

async fn read(request: Request) -> Result<Bytes, Complaint> {
    axum::body::to_bytes(request.into_body(), BODY_LIMIT).await.map_err(|_| Complaint::Unread)
}

fn either(answer: Answer) -> Response {
    answer.unwrap_or_else(|complaint| match complaint {
        Complaint::Unread => {
            let message = format!("the body could not be read whole or is above {BODY_LIMIT} bytes");
            error_reply(StatusCode::PAYLOAD_TOO_LARGE, &message, Some("body"), None)
        }
        Complaint::Unknown { name, known } => {
            let message = format!("model: {name:?} is not served here; known: {known}");
            error_reply(StatusCode::NOT_FOUND, &message, Some("model"), Some("model_not_found"))
        }
        Complaint::Refused(refusal) => refused(&refusal),
    })
}

fn streamed(events: Events) -> Response {
    let mut response = Response::new(Body::from_stream(events));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

fn refused(refusal: &Refusal) -> Response {
    let (status, body) = reply::refusal(refusal);
    let mut response = json_reply(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), &body);
    if let Refusal::Busy { retry_after_s } = refusal {
        response.headers_mut().insert(header::RETRY_AFTER, (*retry_after_s).into());
    }
    response
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
