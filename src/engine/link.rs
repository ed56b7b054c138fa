//! One connection: hyper's two halves, driven by the task that uses it.
//!
//! The half that reads the socket is polled by the exchange itself and not by a task of its own. A chunk then costs one
//! wake-up instead of two, and the stamp of the newest read is that of the bytes just handed over, because the socket
//! is not read again before the exchange has looked.

use std::future::Future;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

use super::driver::Driver;
use super::exchange::Fault;
use super::stamped_io::Stamps;
use crate::record::FailureKind;

/// The HTTP version a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spoken {
    Http1,
    Http2,
}

enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

/// A connection to the target. Dropping it closes the socket, which aborts a request in flight.
pub(super) struct Link {
    sender: Sender,
    driver: Driver,
    /// The instants of its reads and writes.
    pub(super) stamps: Rc<Stamps>,
    /// What setting it up took; taken by the first request that it serves.
    pub(super) connect_ns: Option<u64>,
}

impl Link {
    pub(super) async fn over<I>(io: I, spoken: Spoken, stamps: Rc<Stamps>) -> Result<Self, Fault>
    where
        I: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        let failed = |error: hyper::Error| Fault::new(FailureKind::Connect, format!("HTTP handshake failed: {error}"));
        let io = TokioIo::new(io);
        let (sender, driver): (Sender, Driver) = match spoken {
            Spoken::Http1 => {
                let (sender, driver) = http1::handshake(io).await.map_err(failed)?;
                (Sender::Http1(sender), Driver::new(driver))
            }
            Spoken::Http2 => {
                let (sender, driver) = http2::Builder::new(LocalExecutor)
                    .timer(TokioTimer::new())
                    .adaptive_window(true)
                    .handshake(io)
                    .await
                    .map_err(failed)?;
                (Sender::Http2(sender), Driver::new(driver))
            }
        };
        Ok(Link { sender, driver, stamps, connect_ns: None })
    }

    /// Whether HTTP/2 is spoken, where the address goes into the request line.
    pub(super) fn is_http2(&self) -> bool {
        matches!(self.sender, Sender::Http2(_))
    }

    /// Ready when another request can be sent; an error when the connection has been closed meanwhile.
    pub(super) async fn ready(&mut self) -> hyper::Result<()> {
        let Link { sender, driver, .. } = self;
        match sender {
            Sender::Http1(sender) => driver.bring(sender.ready()).await,
            Sender::Http2(sender) => driver.bring(sender.ready()).await,
        }
    }

    /// Sends a request; ready when the head of the response is complete.
    pub(super) async fn send(
        &mut self,
        request: http::Request<Full<Bytes>>,
    ) -> hyper::Result<http::Response<Incoming>> {
        let Link { sender, driver, .. } = self;
        match sender {
            Sender::Http1(sender) => driver.bring(sender.send_request(request)).await,
            Sender::Http2(sender) => driver.bring(sender.send_request(request)).await,
        }
    }

    /// Lets the connection read and write what it can, for something that waits for it.
    pub(super) fn poll<T>(&mut self, cx: &mut Context<'_>, waits: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        self.driver.poll(cx, waits)
    }
}

/// Runs hyper's HTTP/2 tasks on the worker's own thread.
#[derive(Clone)]
struct LocalExecutor;

impl<F> hyper::rt::Executor<F> for LocalExecutor
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}
