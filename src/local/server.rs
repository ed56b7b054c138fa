//! The server on loopback: binding, a thread of its own, and an end that is bounded in time.

use std::future::pending;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use axum::serve::ListenerExt;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::backend::Backend;
use super::meter::Meter;
use super::routes;
use crate::error::{Failure, Result};

/// How long streams may go on after the server was told to stop.
const DRAIN: Duration = Duration::from_millis(500);

/// How long connections may take to close after their streams were broken off.
const CLOSE: Duration = Duration::from_millis(500);

/// Connections that may wait to be accepted. A closed loop opens all of its connections at once, and one that finds
/// this queue full is retried by the kernel a second later, which would look like a slow server.
const BACKLOG: i32 = 4096;

/// Listens on 127.0.0.1, at the given port or a free one.
///
/// # Errors
/// When the port is taken or may not be used.
pub fn bind(port: Option<u16>) -> Result<TcpListener> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port.unwrap_or(0)));
    listen(address).map_err(|error| {
        Failure::usage(format!("cannot listen on {address}"))
            .because(error)
            .hint("choose another port, or leave it out to take a free one")
    })
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // On Windows this option would let two servers share the port.
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Serves a backend on a bound listener until `stop` resolves.
///
/// After that no connection is accepted; replies under way have half a second to end and are then broken off, so this
/// returns about a second after `stop` at the latest. Dropping the future stops accepting at once and leaves
/// replies under way to the runtime.
///
/// # Errors
/// When the listener fails for good.
pub async fn serve(
    listener: tokio::net::TcpListener,
    backend: impl Backend,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let closing = CancellationToken::new();
    let router = routes::router(Arc::new(backend), closing.clone());
    let listener = listener.tap_io(|stream| {
        // Without this the kernel holds small events back until earlier ones are acknowledged. A socket that refuses
        // the option is about to fail anyway.
        let _ = stream.set_nodelay(true);
    });
    let (stopping, stopped) = oneshot::channel();
    let serving = axum::serve(listener, router).with_graceful_shutdown(async move {
        stop.await;
        let _ = stopping.send(());
    });
    let drained = async {
        match stopped.await {
            Ok(()) => tokio::time::sleep(DRAIN).await,
            Err(_) => pending().await,
        }
    };
    let mut serving = std::pin::pin!(serving.into_future());
    tokio::select! {
        ended = &mut serving => return ended,
        () = drained => closing.cancel(),
    }
    tokio::time::timeout(CLOSE, serving).await.unwrap_or(Ok(()))
}

/// A server in a thread of its own. Dropping it stops it like [`Server::stop`].
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    memory: Option<Meter>,
}

impl Server {
    /// Serves the backend on the listener. It accepts connections when this returns.
    ///
    /// All connections share one thread: the server is to take little from the machine that also makes the load.
    ///
    /// # Errors
    /// When the thread or its event loop cannot be made.
    pub fn start(listener: TcpListener, backend: impl Backend) -> Result<Self> {
        let failed = |error: io::Error| Failure::bug("the server on loopback could not be started").because(error);
        let address = listener.local_addr().map_err(failed)?;
        let memory = backend.memory();
        listener.set_nonblocking(true).map_err(failed)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener).map_err(failed)?
        };
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("local-server".to_owned()).spawn(move || {
            let stop = async move {
                // A sender that is gone means stop as well.
                let _ = stopped.await;
            };
            if let Err(error) = runtime.block_on(serve(listener, backend, stop)) {
                tracing::warn!(%error, "the server on loopback ended early");
            }
            runtime.shutdown_timeout(CLOSE);
        });
        Ok(Server { address, stop: Some(stop), thread: Some(thread.map_err(failed)?), memory })
    }

    /// The address of chat completions, as `--url` takes it.
    pub fn url(&self) -> String {
        format!("http://{}/v1/chat/completions", self.address)
    }

    /// What tells how much memory the backend takes, where it does.
    pub fn memory(&self) -> Option<&Meter> {
        self.memory.as_ref()
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting, gives replies under way half a second, breaks them off, and returns when the thread is gone.
    pub fn stop(mut self) {
        self.halt();
    }

    fn halt(&mut self) {
        if let Some(stop) = self.stop.take() {
            // The thread may have ended before.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of the server on loopback panicked");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.halt();
    }
}
