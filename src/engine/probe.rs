//! Single requests outside the measured run: the probe before it, and a look at what a server offers.

use std::rc::Rc;
use std::time::Duration;

use http_body_util::{BodyExt, Full};

use super::clock::Clock;
use super::connect::Route;
use super::feed::Request;
use super::halt::Halt;
use super::stop::Stop;
use super::wire::Wire;
use crate::record::{Epoch, Record};
use crate::target::Target;

/// A look at a server must not take long.
const LOOK: Duration = Duration::from_secs(5);
/// The longest answer to a look that is read.
const ANSWER: usize = 1 << 20;

/// A status and the body that came with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body, cut at a megabyte.
    pub body: bytes::Bytes,
}

/// Sends one request and tells how it went; it enters no figure.
pub async fn probe(target: &Target, route: &Route, request: &Request, stop: &Stop) -> Record {
    let wire = Wire::new(target, route.clone(), Clock::new(Epoch::now()));
    let halt = Rc::new(Halt::default());
    let mut record = Record::due("probe".to_owned(), 0, 0, 0);
    let mut link = None;
    let performed = async {
        tokio::select! {
            _ = wire.perform(&mut link, request, &mut record, &halt) => {}
            // The record stays cancelled, as it began.
            () = stop.until_cut() => {}
        }
    };
    tokio::task::LocalSet::new().run_until(performed).await;
    record
}

/// Fetches another path of the target with the target's headers; `None` when that fails in any way.
pub async fn get(target: &Target, route: &Route, path: &str) -> Option<Answer> {
    let mut parts = target.url.clone().into_parts();
    parts.path_and_query = Some(path.parse().ok()?);
    let target = Target { url: http::Uri::from_parts(parts).ok()?, ..target.clone() };
    send(&target, route, &http::Method::GET, bytes::Bytes::new()).await.ok()
}

/// Sends a request of its own to the target's address, with the target's headers, over a new connection.
///
/// # Errors
/// When no answer comes within five seconds, with what went wrong in words.
pub async fn send(target: &Target, route: &Route, method: &http::Method, body: bytes::Bytes) -> Result<Answer, String> {
    let wire = Wire::new(target, route.clone(), Clock::new(Epoch::now()));
    let asked = async {
        let broken = |error: &dyn std::fmt::Display| format!("the connection broke: {error}");
        let mut link = route.connect(&wire.clock).await.map_err(|fault| fault.message)?;
        link.ready().await.map_err(|error| broken(&error))?;
        let mut request = wire.request(bytes::Bytes::new(), &[], "look", link.is_http2());
        *request.method_mut() = method.clone();
        let response = link.send(request.map(|_| Full::new(body))).await.map_err(|error| broken(&error))?;
        let status = response.status().as_u16();
        let body = http_body_util::Limited::new(response.into_body(), ANSWER);
        let mut body = std::pin::pin!(body.collect());
        let body = std::future::poll_fn(|cx| link.poll(cx, |cx| body.as_mut().poll(cx))).await;
        Ok(Answer { status, body: body.map_err(|error| broken(&error))?.to_bytes() })
    };
    let asked = async {
        let late = |_| Err(format!("no answer within {} s", LOOK.as_secs()));
        tokio::time::timeout(LOOK, asked).await.unwrap_or_else(late)
    };
    tokio::task::LocalSet::new().run_until(asked).await
}
