//! A server that streams tokens at a steady pace and notes the truth of each request.

use std::cell::RefCell;
use std::fmt::Write;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::Outcome;

/// The path that gives the truth of all requests so far.
pub const TRUTH: &str = "/truth";

/// Instants of one request, in ns of the wall clock since 1970.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Truth {
    /// Its `x-request-id`.
    pub id: String,
    /// Its last byte had just been read.
    pub received: u64,
    /// Its first token was just about to be written.
    pub first: u64,
    /// Its last token was just about to be written.
    pub last: u64,
}

impl Truth {
    /// Reads what [`TRUTH`] gives: a request a line.
    pub fn read_all(text: &str) -> Outcome<Vec<Truth>> {
        let of = |line: &str| -> Outcome<Truth> {
            let fields: Vec<&str> = line.split(' ').collect();
            let [id, received, first, last] = fields[..] else { return Err(format!("no truth: {line}").into()) };
            Ok(Truth { id: id.to_owned(), received: received.parse()?, first: first.parse()?, last: last.parse()? })
        };
        text.lines().map(of).collect()
    }
}

/// Says its port on stdout, then answers each request with a stream of so many chunks, one every `gap`.
pub fn serve(tokens: u64, gap: Duration) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let listener = TcpListener::from_std(backlogged()?)?;
        super::say(&listener.local_addr()?.port().to_string());
        let noted = Rc::new(RefCell::new(String::new()));
        let begun = Instant::now();
        for index in 0u32.. {
            let (socket, _) = listener.accept().await?;
            let noted = Rc::clone(&noted);
            tokio::task::spawn_local(async move {
                let pace = Pace { tokens, gap, begun, index };
                // A client that goes away ends its stream.
                let _ = converse(socket, pace, &noted).await;
            });
        }
        Ok(())
    })
}

/// A listener on a free port whose queue holds all streams: a connection that finds it full would be tried again by the
/// kernel a second later.
fn backlogged() -> Outcome<std::net::TcpListener> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    socket.bind(&std::net::SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    socket.listen(4096)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// When the chunks of a connection are due.
#[derive(Debug, Clone, Copy)]
struct Pace {
    tokens: u64,
    gap: Duration,
    begun: Instant,
    index: u32,
}

impl Pace {
    /// When the first chunk of a reply that begins now is due. The streams are spread over the gap, so that chunks do not
    /// come in one burst.
    fn first(self) -> Instant {
        let phase = self.gap * (self.index.wrapping_mul(2_654_435_761) >> 22) / 1024;
        let periods = self.begun.elapsed().as_nanos() / self.gap.as_nanos() + 2;
        self.begun + self.gap * u32::try_from(periods).unwrap_or(u32::MAX) + phase
    }
}

async fn converse(mut socket: TcpStream, pace: Pace, noted: &RefCell<String>) -> std::io::Result<()> {
    socket.set_nodelay(true)?;
    let mut buffer = Vec::new();
    while let Some(head) = request(&mut socket, &mut buffer).await? {
        let received = now();
        if head.split(' ').nth(1) == Some(TRUTH) {
            let body = noted.borrow().clone();
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            socket.write_all((head + &body).as_bytes()).await?;
            return socket.shutdown().await;
        }
        let truth = stream(&mut socket, pace, received).await?;
        if let Some(id) = header(&head, "x-request-id") {
            // Writing to a string cannot fail.
            let _ = writeln!(noted.borrow_mut(), "{id} {} {} {}", truth.received, truth.first, truth.last);
        }
    }
    Ok(())
}

/// Reads a request and gives its head; `None` where the client is gone.
async fn request(socket: &mut TcpStream, buffer: &mut Vec<u8>) -> std::io::Result<Option<String>> {
    loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
            let body = header(&head, "content-length").and_then(|length| length.parse::<usize>().ok()).unwrap_or(0);
            if buffer.len() >= end + 4 + body {
                buffer.drain(..end + 4 + body);
                return Ok(Some(head));
            }
        }
        if socket.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut headers = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    headers.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

async fn stream(socket: &mut TcpStream, pace: Pace, received: u64) -> std::io::Result<Truth> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    socket.write_all(head.as_bytes()).await?;
    let mut truth = Truth { received, ..Truth::default() };
    let mut due = pace.first();
    for token in 0..pace.tokens {
        let event = format!(
            "data: {{\"id\":\"chatcmpl-6f1c\",\"object\":\"chat.completion.chunk\",\"created\":1795228587,\
             \"model\":\"bench\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\" tok{token}\"}},\
             \"logprobs\":null,\"finish_reason\":null}}]}}\n\n"
        );
        let chunk = format!("{:x}\r\n{event}\r\n", event.len());
        tokio::time::sleep_until(due.into()).await;
        due += pace.gap;
        truth.last = now();
        if token == 0 {
            truth.first = truth.last;
        }
        socket.write_all(chunk.as_bytes()).await?;
    }
    let usage = format!(
        "data: {{\"choices\":[],\"usage\":{{\"prompt_tokens\":9,\"completion_tokens\":{}}}}}\n\ndata: [DONE]\n\n",
        pace.tokens
    );
    let last = format!("{:x}\r\n{usage}\r\n0\r\n\r\n", usage.len());
    socket.write_all(last.as_bytes()).await?;
    Ok(truth)
}

/// The wall clock in ns since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}
