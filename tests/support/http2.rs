//! A server that speaks HTTP/2 in the clear.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::sync::oneshot;

/// Answers each request with the same event stream. It stops when it is dropped.
pub struct Http2Server {
    /// The address of chat completions.
    pub url: String,
    /// Connections that were made.
    pub connections: Arc<AtomicUsize>,
    /// The version and `x-request-id` of each request.
    pub seen: Arc<Mutex<Vec<(http::Version, String)>>>,
    _stop: oneshot::Sender<()>,
}

impl Http2Server {
    /// Listens on a free port.
    pub fn start(body: &'static str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind(("127.0.0.1", 0))).unwrap();
        let url = format!("http://{}/v1/chat/completions", listener.local_addr().unwrap());
        let (connections, seen) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
        let (stop, stopped) = oneshot::channel();
        let (counted, kept) = (Arc::clone(&connections), Arc::clone(&seen));
        thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = serve(listener, body, counted, kept) => {}
                    _ = stopped => {}
                }
            });
        });
        Http2Server { url, connections, seen, _stop: stop }
    }
}

async fn serve(
    listener: tokio::net::TcpListener,
    body: &'static str,
    connections: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<(http::Version, String)>>>,
) {
    while let Ok((stream, _)) = listener.accept().await {
        connections.fetch_add(1, Ordering::SeqCst);
        let seen = Arc::clone(&seen);
        let service = service_fn(move |request: http::Request<Incoming>| {
            let seen = Arc::clone(&seen);
            async move {
                let id = request.headers()["x-request-id"].to_str().unwrap().to_owned();
                seen.lock().unwrap().push((request.version(), id));
                let _ = request.into_body().collect().await;
                let reply = http::Response::builder()
                    .header("content-type", "text/event-stream")
                    .body(Full::new(Bytes::from_static(body.as_bytes())))
                    .unwrap();
                Ok::<_, Infallible>(reply)
            }
        });
        tokio::spawn(async move {
            let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service);
            // A client that went away is no matter here.
            let _ = connection.await;
        });
    }
}
