//! The server: binding, a thread of its own, and an end that is bounded in time.

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
use super::key::Key;
use super::meter::Meter;
use super::routes;
use crate::error::{Failure, Result};
use crate::target::Secret;

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
    bind_at(address).map_err(|failure| failure.hint("choose another port, or leave it out to take a free one"))
}

/// Listens on an address; port 0 takes a free one.
///
/// # Errors
/// When the port is taken or the address may not be used.
pub fn bind_at(address: SocketAddr) -> Result<TcpListener> {
    listen(address).map_err(|error| {
        Failure::usage(format!("cannot listen on {address}"))
            .because(error)
            .hint("choose another address or port; port 0 takes a free one")
    })
}

/// Whom a server lets in, and how long it lets replies go on once it was told to stop.
#[derive(Debug, Clone)]
pub struct Terms {
    /// The key that requests must carry, if any.
    pub key: Option<Secret>,
    /// How long replies under way may go on.
    pub patience: Duration,
}

impl Default for Terms {
    fn default() -> Self {
        Terms { key: None, patience: DRAIN }
    }
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
/// After that no connection is accepted; replies under way may go on as long as the terms say or until `cut` resolves,
/// and are then broken off, so this returns about half a second after that at the latest. Dropping the future stops
/// accepting at once and leaves replies under way to the runtime.
///
/// # Errors
/// When the listener fails for good.
pub async fn serve(
    listener: tokio::net::TcpListener,
    backend: Arc<dyn Backend>,
    terms: Terms,
    stop: impl Future<Output = ()> + Send + 'static,
    cut: impl Future<Output = ()>,
) -> io::Result<()> {
    let closing = CancellationToken::new();
    let key = terms.key.as_ref().map(Key::of);
    let router = routes::router(backend, key, closing.clone());
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
            Ok(()) => tokio::select! {
                () = tokio::time::sleep(terms.patience) => {}
                () = cut => {}
            },
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
    draining: CancellationToken,
    cutting: CancellationToken,
    /// Cancelled when the thread is through.
    over: CancellationToken,
    thread: Option<JoinHandle<()>>,
    memory: Option<Meter>,
    path: &'static str,
}

impl Server {
    /// Serves the backend on the listener on the usual terms: without a key, and with half a second for replies under
    /// way when it is stopped. It accepts connections when this returns.
    ///
    /// # Errors
    /// When the thread or its event loop cannot be made.
    pub fn start(listener: TcpListener, backend: impl Backend) -> Result<Self> {
        Self::start_on(listener, backend, Terms::default())
    }

    /// Serves the backend on the listener. It accepts connections when this returns.
    ///
    /// All connections share one thread: the server is to take little from the machine that also makes the load.
    ///
    /// # Errors
    /// When the thread or its event loop cannot be made.
    pub fn start_on(listener: TcpListener, backend: impl Backend, terms: Terms) -> Result<Self> {
        Self::start_shared(listener, Arc::new(backend), terms)
    }

    /// The same for a backend whose type shows only while the program runs.
    ///
    /// # Errors
    /// As those of [`Server::start_on`].
    pub fn start_shared(listener: TcpListener, backend: Arc<dyn Backend>, terms: Terms) -> Result<Self> {
        let failed = |error: io::Error| Failure::bug("the embedded server could not be started").because(error);
        let address = listener.local_addr().map_err(failed)?;
        let (memory, path) = (backend.memory(), backend.path());
        listener.set_nonblocking(true).map_err(failed)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener).map_err(failed)?
        };
        let (draining, cutting) = (CancellationToken::new(), CancellationToken::new());
        let (stop, cut) = (draining.clone().cancelled_owned(), cutting.clone());
        let over = CancellationToken::new();
        let ending = over.clone().drop_guard();
        let thread = std::thread::Builder::new().name("local-server".to_owned()).spawn(move || {
            let _ending = ending;
            if let Err(error) = runtime.block_on(serve(listener, backend, terms, stop, cut.cancelled())) {
                tracing::warn!(%error, "the embedded server ended early");
            }
            runtime.shutdown_timeout(CLOSE);
        });
        Ok(Server { address, draining, cutting, over, thread: Some(thread.map_err(failed)?), memory, path })
    }

    /// The address of chat completions, as `--url` takes it.
    pub fn url(&self) -> String {
        format!("http://{}/v1/chat/completions", self.address)
    }

    /// The path that the backend is made for.
    pub fn path(&self) -> &'static str {
        self.path
    }

    /// What tells how much memory the backend takes, where it does.
    pub fn memory(&self) -> Option<&Meter> {
        self.memory.as_ref()
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting and lets replies under way go on as long as its terms say. Returns at once.
    pub fn drain(&self) {
        self.draining.cancel();
    }

    /// Ready once it has ended, of itself or because it was told to. Dropping the future is safe at any time.
    pub async fn ended(&self) {
        self.over.cancelled().await;
    }

    /// Breaks off replies under way once it drains. Returns at once.
    pub fn cut(&self) {
        self.cutting.cancel();
    }

    /// Stops accepting, gives replies under way the time of its terms, breaks them off, and returns when the thread is
    /// gone.
    pub fn stop(mut self) {
        self.halt();
    }

    fn halt(&mut self) {
        self.draining.cancel();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of the embedded server panicked");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.halt();
    }
}
