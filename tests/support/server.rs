//! A server in the test process that reads requests, keeps them, and answers as its script says.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;
use socket2::{Domain, SockRef, Socket, Type};

use super::PATIENCE;
use super::reply::{Ending, Reply, Step};

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Number of the connection it came on, from 0.
    pub connection: usize,
    /// `POST` or `GET`.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Headers in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// Requests that the server was answering when this one had come, itself among them.
    pub in_flight: usize,
    /// Connections that had been opened to the server when this one had come, closed ones among them.
    pub opened: usize,
}

impl Seen {
    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Number of the request within its load point, which its id ends in.
    pub fn index(&self) -> usize {
        self.header("x-request-id").unwrap().rsplit('-').next().unwrap().parse().unwrap()
    }

    /// Whether this is the look at the target before the run.
    pub fn is_probe(&self) -> bool {
        self.header("x-request-id") == Some("probe")
    }

    /// Content of the only message.
    pub fn prompt(&self) -> String {
        self.json()["messages"][0]["content"].as_str().unwrap().to_owned()
    }
}

type Script = dyn Fn(&Seen) -> Reply + Send + Sync;

struct Shared {
    address: SocketAddr,
    script: Box<Script>,
    tls: Option<Arc<ServerConfig>>,
    seen: Mutex<Vec<Seen>>,
    changed: Condvar,
    connections: AtomicUsize,
    in_flight: AtomicUsize,
    open: Mutex<Vec<TcpStream>>,
    dead: AtomicBool,
}

/// A scripted server on a free port. It dies when it is dropped.
pub struct Server {
    shared: Arc<Shared>,
    /// The certificate of a server that speaks TLS, as PEM.
    pub certificate: Option<String>,
}

impl Server {
    /// Answers as the script says, which is asked once a request.
    pub fn start(script: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::listen(None, None, Box::new(script))
    }

    /// The same over TLS, with a certificate that nobody has signed but itself.
    pub fn start_tls(script: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_tls_as("127.0.0.1", rcgen::IsCa::NoCa, script)
    }

    /// The same with a certificate of another name, or one that is marked as an authority.
    pub fn start_tls_as(
        name: &str,
        authority: rcgen::IsCa,
        script: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let mut wanted = rcgen::CertificateParams::new([name.to_owned()]).unwrap();
        wanted.is_ca = authority;
        let signing_key = rcgen::KeyPair::generate().unwrap();
        let cert = wanted.self_signed(&signing_key).unwrap();
        let made = rcgen::CertifiedKey { cert, signing_key };
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        Self::listen(Some(Arc::new(config)), Some(made.cert.pem()), Box::new(script))
    }

    fn listen(tls: Option<Arc<ServerConfig>>, certificate: Option<String>, script: Box<Script>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let shared = Arc::new(Shared {
            address: listener.local_addr().unwrap(),
            script,
            tls,
            seen: Mutex::default(),
            changed: Condvar::new(),
            connections: AtomicUsize::new(0),
            in_flight: AtomicUsize::new(0),
            open: Mutex::default(),
            dead: AtomicBool::new(false),
        });
        let ours = Arc::clone(&shared);
        thread::spawn(move || accept(&listener, &ours));
        Server { shared, certificate }
    }

    /// The address of chat completions.
    pub fn url(&self) -> String {
        self.at("/v1/chat/completions")
    }

    /// The address of a path.
    pub fn at(&self, path: &str) -> String {
        let scheme = if self.shared.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}{path}", self.shared.address)
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.shared.address.port()
    }

    /// Every request so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// Every request of the run itself so far, in the order of their numbers.
    pub fn asked(&self) -> Vec<Seen> {
        let mut asked: Vec<Seen> =
            self.seen().into_iter().filter(|seen| seen.method == "POST" && !seen.is_probe()).collect();
        asked.sort_by_key(Seen::index);
        asked
    }

    /// Waits until this many requests have come.
    pub fn wait_for(&self, requests: usize) {
        let seen = self.shared.seen.lock().unwrap();
        let missing = |seen: &mut Vec<Seen>| seen.len() < requests;
        let (seen, waited) = self.shared.changed.wait_timeout_while(seen, PATIENCE, missing).unwrap();
        assert!(!waited.timed_out(), "{} of {requests} requests came", seen.len());
    }

    /// Connections that were made.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.die();
    }
}

impl Shared {
    /// Stops to listen and closes every connection.
    fn die(&self) {
        if self.dead.swap(true, Ordering::SeqCst) {
            return;
        }
        // Wakes the thread that accepts, which then lets go of the port.
        drop(TcpStream::connect(self.address));
        for stream in self.open.lock().unwrap().drain(..) {
            // The other side may have closed it before.
            let _ = stream.shutdown(Shutdown::Both);
        }
        self.changed.notify_all();
    }

    /// Sleeps until the server dies.
    fn until_dead(&self) {
        let seen = self.seen.lock().unwrap();
        let alive = |_: &mut Vec<Seen>| !self.dead.load(Ordering::SeqCst);
        drop(self.changed.wait_timeout_while(seen, 2 * PATIENCE, alive).unwrap());
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept() {
        if shared.dead.load(Ordering::SeqCst) {
            return;
        }
        let number = shared.connections.fetch_add(1, Ordering::SeqCst);
        stream.set_nodelay(true).unwrap();
        shared.open.lock().unwrap().push(stream.try_clone().unwrap());
        let shared = Arc::clone(shared);
        thread::spawn(move || {
            let socket = stream.try_clone().unwrap();
            match &shared.tls {
                None => converse(stream, &socket, number, &shared),
                Some(config) => {
                    let session = ServerConnection::new(Arc::clone(config)).unwrap();
                    converse(StreamOwned::new(session, stream), &socket, number, &shared);
                }
            }
            // Other handles of the socket are open, so that dropping this one would not close it. One that is to be
            // reset has no other handle, and an orderly goodbye would come before the reset.
            if SockRef::from(&socket).linger().is_ok_and(|linger| linger.is_none()) {
                let _ = socket.shutdown(Shutdown::Both);
            }
        });
    }
}

/// Serves one connection until a side ends it.
fn converse(mut stream: impl Read + Write, socket: &TcpStream, connection: usize, shared: &Shared) {
    let mut buffer = Vec::new();
    while let Some(mut seen) = read_request(&mut stream, &mut buffer, connection) {
        seen.in_flight = shared.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        seen.opened = shared.connections.load(Ordering::SeqCst);
        let reply = (shared.script)(&seen);
        shared.seen.lock().unwrap().push(seen);
        shared.changed.notify_all();
        if answer(&mut stream, reply, socket, shared).is_none() {
            return;
        }
    }
}

fn read_request(stream: &mut impl Read, buffer: &mut Vec<u8>, connection: usize) -> Option<Seen> {
    let end = loop {
        match buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            Some(end) => break end,
            None => read_more(stream, buffer)?,
        }
    };
    let head = String::from_utf8(buffer.drain(..end + 4).collect()).ok()?;
    let mut lines = head.lines();
    let mut words = lines.next()?.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length =
        headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, value)| value.parse().unwrap());
    while buffer.len() < length {
        read_more(stream, buffer)?;
    }
    let body = buffer.drain(..length).collect();
    Some(Seen { connection, method, path, headers, body, in_flight: 0, opened: 0 })
}

fn read_more(stream: &mut impl Read, buffer: &mut Vec<u8>) -> Option<()> {
    let mut piece = [0; 16 << 10];
    let read = stream.read(&mut piece).ok().filter(|read| *read > 0)?;
    buffer.extend_from_slice(&piece[..read]);
    Some(())
}

/// A request that is being answered, until this is dropped.
struct Answering<'a>(&'a AtomicUsize);

impl Drop for Answering<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Writes a reply; `None` when the connection is over.
fn answer(stream: &mut impl Write, reply: Reply, socket: &TcpStream, shared: &Shared) -> Option<()> {
    let mut answering = Some(Answering(&shared.in_flight));
    if !reply.head.is_empty() {
        stream.write_all(format!("{}\r\n", reply.head).as_bytes()).ok()?;
    }
    let last = reply.steps.len().saturating_sub(1);
    for (index, step) in reply.steps.into_iter().enumerate() {
        if index == last {
            // Whoever has the whole reply may ask again at once and must not find himself still being answered.
            answering.take();
        }
        match step {
            Step::Pause(time) => thread::sleep(time),
            Step::Wait(gate) => gate.pass(),
            Step::Body(bytes) if bytes.is_empty() => {}
            Step::Body(bytes) if reply.chunked => {
                let chunk = [format!("{:x}\r\n", bytes.len()).as_bytes(), &bytes, b"\r\n"].concat();
                stream.write_all(&chunk).ok()?;
            }
            Step::Body(bytes) => stream.write_all(&bytes).ok()?,
        }
        stream.flush().ok()?;
    }
    if reply.chunked && matches!(reply.ending, Ending::Whole | Ending::WholeAndClose) {
        stream.write_all(b"0\r\n\r\n").ok()?;
        stream.flush().ok()?;
    }
    match reply.ending {
        Ending::Whole => return Some(()),
        Ending::WholeAndClose | Ending::Cut => {}
        Ending::Reset => {
            // Closing with a linger of zero sends a reset; every other handle of the socket must be gone for that.
            let port = socket.peer_addr().ok();
            shared.open.lock().unwrap().retain(|open| open.peer_addr().ok() != port);
            let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
        }
        Ending::Hang => shared.until_dead(),
        Ending::Die => shared.die(),
    }
    None
}

/// A port on which nobody listens, and what keeps it from being given to somebody else.
pub fn closed_port() -> (Socket, u16) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    let port = socket.local_addr().unwrap().as_socket().unwrap().port();
    (socket, port)
}
