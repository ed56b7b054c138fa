//! What every request of a worker needs, and one whole request under its deadline.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderName, HeaderValue, USER_AGENT};
use http::{HeaderMap, Method, Uri};

use super::clock::Clock;
use super::connect::Route;
use super::exchange::{Fault, RequestBody, exchange};
use super::feed::Request;
use super::halt::Halt;
use super::link::Link;
use crate::record::{FailureKind, Outcome, Record};
use crate::target::{Dialect, MASK, Target, is_secret_header};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What every request of a worker needs.
pub(super) struct Wire {
    pub(super) route: Route,
    pub(super) clock: Rc<Clock>,
    pub(super) log_chunks: bool,
    /// Whether records keep the replies as they came.
    pub(super) keep_replies: bool,
    pub(super) dialect: Dialect,
    pub(super) read_limit: Option<Duration>,
    total_limit: Duration,
    method: Method,
    headers: HeaderMap,
    /// What HTTP/1.1 says beside the path, unless the user gave a host.
    host: Option<HeaderValue>,
    /// Values that no row may hold, for some servers repeat a key that they refuse.
    secrets: Vec<String>,
    absolute: Uri,
    origin: Uri,
}

impl Wire {
    pub(super) fn new(target: &Target, route: Route, clock: Rc<Clock>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream, application/json"));
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("evalscope/", env!("CARGO_PKG_VERSION"))));
        for (name, value) in &target.headers {
            headers.insert(name, value.clone());
        }
        let secret = |(name, value): &(HeaderName, HeaderValue)| {
            let is_secret = is_secret_header(name.as_str()) || value.is_sensitive();
            let value = value.to_str().ok().filter(|_| is_secret)?;
            Some(value.strip_prefix("Bearer ").unwrap_or(value).trim().to_owned()).filter(|value| !value.is_empty())
        };
        let path = target.url.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        Wire {
            route,
            clock,
            log_chunks: false,
            keep_replies: false,
            method: target.dialect.method(),
            dialect: target.dialect.clone(),
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
    pub(super) fn request(
        &self,
        body: bytes::Bytes,
        own: &[(HeaderName, HeaderValue)],
        id: &str,
        http2: bool,
    ) -> http::Request<RequestBody> {
        let mut request = http::Request::new(RequestBody::new(body));
        *request.method_mut() = self.method.clone();
        *request.headers_mut() = self.headers.clone();
        for (name, value) in own {
            request.headers_mut().entry(name).or_insert_with(|| value.clone());
        }
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

    /// One whole request under its deadline; the record says how it ended. Gives the visible text of the reply where a
    /// turn follows.
    pub(super) async fn perform(
        &self,
        slot: &mut Option<Link>,
        request: &Request,
        record: &mut Record,
        halt: &Rc<Halt>,
    ) -> String {
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
            () = halt.raised() => None,
        };
        let mut said = String::new();
        record.outcome = match ended {
            Some(Ok(visible)) => {
                said = visible;
                Outcome::Ok
            }
            Some(Err(fault)) => {
                record.error = Some(veil(&self.secrets, fault.message));
                Outcome::Failed(fault.kind)
            }
            None => Outcome::Cancelled,
        };
        record.text = record.text.take().map(|text| veil(&self.secrets, text));
        record.reply = record.reply.take().map(|reply| veil(&self.secrets, reply));
        if record.end_ns == 0 {
            record.end_ns = self.clock.now();
        }
        if let Some(stamps) = trace.take() {
            if record.started_ns.is_none() {
                record.started_ns = stamps.first_write();
                record.sent_ns = stamps.sent();
            }
            if let Some((arrived, seen)) = stamps.first_read() {
                record.first_byte_ns = Some(arrived);
                record.first_seen_ns = Some(seen);
            }
            record.lag_max_ns = stamps.lag_max();
        }
        said
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
