//! One worker: a thread with a runtime of its own and a share of the slots.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderName, HeaderValue, USER_AGENT};
use http::{HeaderMap, Method, Uri};

use super::connect::Route;
use super::drive::{Job, Request};
use super::exchange::{Fault, RequestBody, exchange};
use super::link::Link;
use super::schedule::Dispenser;
use super::stop::Stop;
use crate::record::{Epoch, FailureKind, Outcome, Record};
use crate::target::{MASK, Target, is_secret_header};

/// Pause of a slot after it could not connect, so that a server that restarts is not asked a thousand times a second.
const RECONNECT_PAUSE: Duration = Duration::from_millis(50);
/// Failed connections in a row, over all slots, after which the target is given up; at least twice the slots.
const LOST_AFTER: u64 = 20;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What every request of a worker needs.
pub(super) struct Wire {
    pub(super) route: Route,
    pub(super) epoch: Epoch,
    pub(super) read_limit: Option<Duration>,
    total_limit: Duration,
    headers: HeaderMap,
    /// What HTTP/1.1 says beside the path, unless the user gave a host.
    host: Option<HeaderValue>,
    /// Values that no row may hold, for some servers repeat a key that they refuse.
    secrets: Vec<String>,
    absolute: Uri,
    origin: Uri,
}

impl Wire {
    pub(super) fn new(target: &Target, route: Route, epoch: Epoch) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream, application/json"));
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("evalscope/", env!("CARGO_PKG_VERSION"))));
        for (name, value) in &target.headers {
            headers.insert(name, value.clone());
        }
        let secret = |(name, value): &(HeaderName, HeaderValue)| {
            let value = value.to_str().ok().filter(|_| is_secret_header(name.as_str()))?;
            Some(value.strip_prefix("Bearer ").unwrap_or(value).trim().to_owned()).filter(|value| !value.is_empty())
        };
        let path = target.url.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        Wire {
            route,
            epoch,
            read_limit: target.deadlines.read,
            total_limit: target.deadlines.total,
            headers,
            host: target.url.authority().and_then(|host| HeaderValue::from_str(host.as_str()).ok()),
            secrets: target.headers.iter().filter_map(secret).collect(),
            absolute: target.url.clone(),
            origin: path.parse().unwrap_or_default(),
        }
    }

    /// The request as hyper takes it. HTTP/2 wants the whole address, HTTP/1.1 the path and a host.
    pub(super) fn request(&self, body: bytes::Bytes, id: &str, http2: bool) -> http::Request<RequestBody> {
        let mut request = http::Request::new(RequestBody::new(body));
        *request.method_mut() = Method::POST;
        *request.headers_mut() = self.headers.clone();
        if http2 {
            *request.uri_mut() = self.absolute.clone();
        } else {
            *request.uri_mut() = self.origin.clone();
            if let Some(host) = &self.host {
                request.headers_mut().entry(HOST).or_insert_with(|| host.clone());
            }
        }
        if let Ok(id) = HeaderValue::from_str(id) {
            request.headers_mut().insert(REQUEST_ID, id);
        }
        request
    }

    /// One whole request under its deadline; the record says how it ended.
    pub(super) async fn perform(&self, slot: &mut Option<Link>, request: &Request, record: &mut Record, stop: &Stop) {
        record.stream = request.stream;
        record.prompt_tokens = request.prompt_tokens;
        record.end_ns = 0;
        let trace = Cell::new(None);
        let ended = tokio::select! {
            biased;
            ended = exchange(self, slot, request, record, &trace) => Some(ended),
            () = tokio::time::sleep(self.total_limit) => Some(Err(Fault::new(
                FailureKind::Timeout,
                format!("not finished within {} s", self.total_limit.as_secs_f64()),
            ))),
            () = stop.until_cut() => None,
        };
        record.outcome = match ended {
            Some(Ok(())) => Outcome::Ok,
            Some(Err(fault)) => {
                record.error = Some(veil(&self.secrets, fault.message));
                Outcome::Failed(fault.kind)
            }
            None => Outcome::Cancelled,
        };
        record.text = record.text.take().map(|text| veil(&self.secrets, text));
        if record.end_ns == 0 {
            record.end_ns = self.epoch.elapsed_ns();
        }
        if let (None, Some(stamps)) = (record.started_ns, trace.take()) {
            record.started_ns = stamps.first_write();
            record.sent_ns = stamps.last_write();
        }
    }
}

/// The text without any key, and without the beginning of one where the text was cut inside it.
fn veil(secrets: &[String], text: String) -> String {
    secrets.iter().fold(text, |text, secret| {
        let text = text.replace(secret.as_str(), MASK);
        let Some(rest) = text.strip_suffix('…') else { return text };
        let begun = secret.char_indices().rev().map(|(at, _)| at).find(|at| *at >= 4 && rest.ends_with(&secret[..*at]));
        match begun {
            Some(length) => format!("{}{MASK}…", &rest[..rest.len() - length]),
            None => text,
        }
    })
}

/// What all workers of a run share. It is touched between requests only.
pub(super) struct Shared {
    pub(super) dispenser: Dispenser,
    pub(super) stop: Stop,
    /// Ends the run when the target is lost; apart from `stop`, which is the user's.
    pub(super) lost: Stop,
    failed_connections: AtomicU64,
}

impl Shared {
    pub(super) fn new(job: &Job, stop: &Stop) -> Self {
        Shared {
            dispenser: Dispenser::new(job.schedule),
            stop: stop.clone(),
            lost: Stop::new(),
            failed_connections: AtomicU64::new(0),
        }
    }

    /// Notes how a request ended; the target is lost when too many connections in a row failed.
    fn note(&self, outcome: Outcome, slots: u64) {
        match outcome {
            Outcome::Failed(FailureKind::Connect | FailureKind::Tls) => {
                let failed = self.failed_connections.fetch_add(1, Ordering::Relaxed) + 1;
                if failed >= LOST_AFTER.max(2 * slots) {
                    self.lost.drain();
                }
            }
            _ => self.failed_connections.store(0, Ordering::Relaxed),
        }
    }
}

/// Runs `slots` slots until the dispenser is empty or the run is stopped. Records leave through `records`; when nobody
/// takes them any more the slots end.
pub(super) async fn work(job: Rc<Job>, shared: std::sync::Arc<Shared>, slots: usize, records: Sender<Record>) {
    let wire = Rc::new(Wire::new(&job.target, job.route.clone(), job.epoch));
    let tasks = tokio::task::LocalSet::new();
    for _ in 0..slots {
        let (job, wire, shared, records) = (Rc::clone(&job), Rc::clone(&wire), shared.clone(), records.clone());
        tasks.spawn_local(async move { slot(&job, &wire, &shared, &records).await });
    }
    tasks.await;
}

async fn slot(job: &Job, wire: &Wire, shared: &Shared, records: &Sender<Record>) {
    let mut link = None;
    let mut free_ns = 0;
    while !shared.stop.is_draining() && !shared.lost.is_draining() {
        let now = job.epoch.elapsed_ns();
        let Some((index, warmup)) = shared.dispenser.take(now) else { break };
        let request = &job.requests[(index % job.requests.len() as u64) as usize];
        let due = if free_ns == 0 { now } else { free_ns };
        let mut record = Record::due(format!("{}-{index}", job.id), index, 0, due);
        record.warmup = warmup;
        wire.perform(&mut link, request, &mut record, &shared.stop).await;
        let outcome = record.outcome;
        // The slot is free from here on; whatever is done before the next first byte is the client's own delay.
        free_ns = job.epoch.elapsed_ns();
        if records.send(record).is_err() {
            break;
        }
        shared.note(outcome, job.schedule.in_flight as u64);
        if matches!(outcome, Outcome::Failed(FailureKind::Connect | FailureKind::Tls)) {
            tokio::select! {
                () = tokio::time::sleep(RECONNECT_PAUSE) => {}
                () = shared.stop.until_draining() => {}
            }
            free_ns = job.epoch.elapsed_ns();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_veiled_whole_and_cut() {
        let veil = |text: &str| veil(&["sk-abcdef".to_owned()], text.to_owned());
        assert_eq!(veil("bad key sk-abcdef!"), format!("bad key {MASK}!"));
        assert_eq!(veil("bad key sk-abc…"), format!("bad key {MASK}…"));
        assert_eq!(veil("nothing here…"), "nothing here…");
    }
}
