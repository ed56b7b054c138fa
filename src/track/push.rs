//! The way out of metrics: one request every few seconds, and one at the end.

use std::time::{Duration, Instant};

use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use tokio::runtime::Runtime;

use super::address::Address;
use crate::engine::{Answer, Route, send};
use crate::error::{Failure, Result};
use crate::target::{Deadlines, Dialect, HttpVersion, Target, Trust};

/// Time between two pushes.
const EVERY: Duration = Duration::from_secs(5);
/// Longest time of one push.
const LIMIT: Duration = Duration::from_secs(5);
/// Pause before the last push is tried once more.
const AGAIN: Duration = Duration::from_secs(1);

/// Pushes to one address.
pub(super) struct Push {
    target: Target,
    method: Method,
    /// Found at the first push; what cannot be resolved then may be at the next.
    route: Option<Route>,
    runtime: Runtime,
    last: Option<Instant>,
    shown: String,
}

impl Push {
    /// Prepares pushes of a kind of body.
    ///
    /// # Errors
    /// When there can be no runtime for them.
    pub(super) fn new(
        to: &Address,
        method: Method,
        kind: &'static str,
        headers: &[(HeaderName, HeaderValue)],
    ) -> Result<Self> {
        let kind = (CONTENT_TYPE, HeaderValue::from_static(kind));
        let target = Target {
            url: to.uri.clone(),
            // Only how prompts are spelled depends on these two.
            dialect: Dialect::Chat,
            model: String::new(),
            headers: to.credentials.iter().chain(headers).cloned().chain([kind]).collect(),
            deadlines: Deadlines { connect: Some(LIMIT), read: Some(LIMIT), total: LIMIT },
            trust: Trust::Platform,
            http: HttpVersion::Auto,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::bug("no runtime can be made").because(error))?;
        Ok(Push { target, method, route: None, runtime, last: None, shown: to.bare() })
    }

    /// Where to.
    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    /// Whether enough time has passed since the last push.
    pub(super) fn is_due(&self) -> bool {
        self.last.is_none_or(|last| last.elapsed() >= EVERY)
    }

    /// Pushes once.
    ///
    /// # Errors
    /// When the push did not arrive or was not accepted.
    pub(super) fn send(&mut self, body: String) -> Result<Answer> {
        self.last = Some(Instant::now());
        let Push { target, method, route, runtime, .. } = self;
        let answer = runtime.block_on(async {
            let way = match route {
                Some(route) => route.clone(),
                None => route.insert(Route::to(target).await?).clone(),
            };
            send(target, &way, method, body.into()).await.map_err(Failure::target)
        })?;
        match StatusCode::from_u16(answer.status) {
            Ok(status) if status.is_success() => Ok(answer),
            // The answer itself is not shown, for some servers repeat a key that they refuse.
            Ok(status) => Err(Failure::target(format!("the answer was {status}"))),
            Err(error) => Err(Failure::target("the answer has no status").because(error)),
        }
    }

    /// Pushes for the last time, and once more where that fails.
    ///
    /// # Errors
    /// When neither was accepted.
    pub(super) fn last(&mut self, body: String) -> Result<Answer> {
        self.send(body.clone()).or_else(|_| {
            std::thread::sleep(AGAIN);
            self.send(body)
        })
    }
}
