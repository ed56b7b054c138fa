//! A server of known timing: it plays the same stream to everyone and notes, on the clock of whoever measures it, when
//! each request was there and when each chunk went out.
//!
//! It is as lean as a server can be, for it shares the machine with the load engine that it is to check: one thread,
//! frames made beforehand, no parsing beyond the head of a request. Chunks go out when their instants have come, to a
//! timer step; how late that is does not matter, because what counts is the instant that was noted.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep_until};

use super::server;
use crate::error::{Failure, Result};
use crate::record::Epoch;

/// Pause after a connection could not be accepted, for then files have run out.
const ACCEPT_AGAIN: Duration = Duration::from_millis(10);
/// Bytes asked of a socket at a time.
const READ: usize = 16 << 10;
/// Longest head that is read.
const HEAD: usize = 64 << 10;

/// The timing of every reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// From the receipt of a request to its first chunk.
    pub ttft: Duration,
    /// From one chunk to the next.
    pub itl: Duration,
    /// Chunks, a token each.
    pub tokens: u32,
    /// Each chunk is late by a share of this, drawn from a fixed seed, so that streams do not march in step. Shorter
    /// than `itl`.
    pub jitter: Duration,
}

impl Pace {
    /// From the receipt of a request to its last chunk, without jitter.
    pub fn reply(&self) -> Duration {
        self.ttft + self.itl * self.tokens.saturating_sub(1)
    }
}

/// What truly happened to one request, in ns since the epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Truth {
    /// Its `x-request-id`.
    pub request_id: String,
    /// Its first bytes had reached this end: the kernel's stamp where there is one, so that a server that is busy does
    /// not make the request late.
    pub reached_ns: u64,
    /// The whole of it had reached this end.
    pub received_ns: u64,
    /// Just before each chunk was written.
    pub written_ns: Vec<u64>,
}

/// The server, on a thread of its own. Dropping it ends it.
#[derive(Debug)]
pub struct Metronome {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Vec<Truth>>>,
}

impl Metronome {
    /// Starts it on a free port of 127.0.0.1; it accepts connections when this returns.
    ///
    /// # Errors
    /// When the system gives no port, no thread or no event loop.
    pub fn start(pace: Pace, epoch: Epoch) -> Result<Self> {
        let failed = |error: io::Error| Failure::bug("the server of the self-check cannot start").because(error);
        let listener = server::bind(None)?;
        let address = listener.local_addr().map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let listener = {
            let _inside = runtime.enter();
            TcpListener::from_std(listener).map_err(failed)?
        };
        let (stop, stopped) = oneshot::channel();
        let work = move || {
            let score = Rc::new(Score { pace, epoch, frames: frames(pace.tokens), truths: RefCell::default() });
            let tasks = LocalSet::new();
            let play = tasks.run_until(play(listener, Rc::clone(&score)));
            runtime.block_on(async {
                tokio::select! {
                    () = play => {}
                    // A sender that is gone means stop as well.
                    _ = stopped => {}
                }
            });
            score.truths.take()
        };
        let thread = std::thread::Builder::new().name("metronome".to_owned()).spawn(work).map_err(failed)?;
        Ok(Metronome { address, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it and gives what it noted of each reply that was written whole, in the order of their ends.
    pub fn finish(mut self) -> Vec<Truth> {
        self.halt()
    }

    fn halt(&mut self) -> Vec<Truth> {
        if let Some(stop) = self.stop.take() {
            // The thread may have ended before.
            let _ = stop.send(());
        }
        // Nothing is known of a thread that panicked; whoever compares finds every request missing.
        self.thread.take().and_then(|thread| thread.join().ok()).unwrap_or_default()
    }
}

impl Drop for Metronome {
    fn drop(&mut self) {
        self.halt();
    }
}

/// What all connections play from, and note in.
struct Score {
    pace: Pace,
    epoch: Epoch,
    frames: Vec<Bytes>,
    truths: RefCell<Vec<Truth>>,
}

async fn play(listener: TcpListener, score: Rc<Score>) {
    for seed in 0.. {
        let stream = loop {
            match listener.accept().await {
                Ok((stream, _)) => break stream,
                Err(_) => tokio::time::sleep(ACCEPT_AGAIN).await,
            }
        };
        let score = Rc::clone(&score);
        // A connection that breaks is a request without a truth; it is missed where the two are compared.
        tokio::task::spawn_local(async move { converse(stream, &score, seed).await.is_ok() });
    }
}

/// Serves one connection until it closes.
async fn converse(mut stream: TcpStream, score: &Score, seed: u64) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let stamped = stamps::ask(&stream);
    let Score { pace, epoch, frames, truths } = score;
    let mut draw = ChaCha8Rng::seed_from_u64(seed);
    let mut bytes = Vec::new();
    while let Some(truth) = request(&stream, stamped, *epoch, &mut bytes).await? {
        let mut truth = Truth { written_ns: Vec::with_capacity(frames.len()), ..truth };
        let received = Instant::now();
        for (index, frame) in (0u32..).zip(frames) {
            let late = pace.jitter.mul_f64(draw.random());
            sleep_until(received + pace.ttft + pace.itl * index + late).await;
            truth.written_ns.push(epoch.elapsed_ns());
            stream.write_all(frame).await?;
        }
        truths.borrow_mut().push(truth);
    }
    Ok(())
}

/// Reads one request; `None` when the connection was closed between two.
async fn request(stream: &TcpStream, stamped: bool, epoch: Epoch, bytes: &mut Vec<u8>) -> io::Result<Option<Truth>> {
    bytes.clear();
    let mut reached_ns = None;
    let mut piece = [0; READ];
    loop {
        let (count, at) = stamps::read(stream, stamped, epoch, &mut piece).await?;
        if count == 0 {
            return if bytes.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
        }
        bytes.extend_from_slice(&piece[..count]);
        let reached_ns = *reached_ns.get_or_insert(at);
        match Head::read(bytes) {
            Some(head) if bytes.len() >= head.length + head.body => {
                let request_id = head.request_id;
                return Ok(Some(Truth { request_id, reached_ns, received_ns: at, written_ns: Vec::new() }));
            }
            None if bytes.len() > HEAD => return Err(io::ErrorKind::InvalidData.into()),
            _ => {}
        }
    }
}

/// What is read of a request's head.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    /// Bytes up to the body.
    length: usize,
    /// Bytes of the body.
    body: usize,
    request_id: String,
}

impl Head {
    /// The head, once it is whole.
    fn read(bytes: &[u8]) -> Option<Self> {
        let length = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
        let text = String::from_utf8_lossy(&bytes[..length]);
        let value = |name: &str| {
            let mut fields = text.lines().filter_map(|line| line.split_once(':'));
            fields.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
        };
        Some(Head {
            length,
            body: value("content-length").and_then(|value| value.parse().ok()).unwrap_or(0),
            request_id: value("x-request-id").unwrap_or_default(),
        })
    }
}

/// A reply as it is written: head and first token together, then a token each, the last one with all that ends a
/// reply. So each token has a write of its own and no other write shares its stamp.
fn frames(tokens: u32) -> Vec<Bytes> {
    let chunk = |event: &str| format!("{:x}\r\n{event}\r\n", event.len());
    let event = |delta: serde_json::Value, finish: Option<&str>, usage: Option<u32>| {
        let choice = json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}]);
        let usage =
            usage.map(|count| json!({"prompt_tokens": 1, "completion_tokens": count, "total_tokens": count + 1}));
        let choices = if usage.is_some() { json!([]) } else { choice };
        // As long as those of the usual servers: some 250 bytes.
        chunk(&format!(
            "data: {}\n\n",
            json!({"id": "chatcmpl-00000000000000000000000000000000", "object": "chat.completion.chunk",
                "created": 1_700_000_000, "model": "metronome", "choices": choices, "usage": usage,
                "system_fingerprint": "fp_0000000000"})
        ))
    };
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n";
    let tail = event(json!({}), None, Some(tokens)) + &chunk("data: [DONE]\n\n") + "0\r\n\r\n";
    let token = |finish| event(json!({"content": " token"}), finish, None);
    let last = tokens.saturating_sub(1);
    (0..=last)
        .map(|index| {
            let (finish, tail) = if index == last { (Some("length"), tail.as_str()) } else { (None, "") };
            let head = if index == 0 { head } else { "" };
            Bytes::from(format!("{head}{}{tail}", token(finish)))
        })
        .collect()
}

/// Reads with the instant at which the bytes had arrived, by the kernel where it tells.
mod stamps {
    use std::io;

    use tokio::net::TcpStream;

    use crate::record::Epoch;

    #[cfg(target_os = "linux")]
    pub(super) fn ask(stream: &TcpStream) -> bool {
        nix::sys::socket::setsockopt(stream, nix::sys::socket::sockopt::ReceiveTimestampns, &true).is_ok()
    }

    #[cfg(target_os = "linux")]
    fn receive(stream: &TcpStream, piece: &mut [u8]) -> io::Result<(usize, Option<u64>)> {
        use std::os::fd::AsRawFd;

        use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};

        let (mut control, mut pieces) = ([0; 64], [io::IoSliceMut::new(piece)]);
        let flags = MsgFlags::MSG_DONTWAIT;
        let message = recvmsg::<()>(stream.as_raw_fd(), &mut pieces, Some(&mut control[..]), flags)?;
        let stamp = message.cmsgs().ok().and_then(|mut messages| {
            messages.find_map(|message| match message {
                ControlMessageOwned::ScmTimestampns(time) => {
                    Some(u64::try_from(time.tv_sec()).ok()? * 1_000_000_000 + u64::try_from(time.tv_nsec()).ok()?)
                }
                _ => None,
            })
        });
        Ok((message.bytes, stamp))
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn ask(_stream: &TcpStream) -> bool {
        false
    }

    #[cfg(not(target_os = "linux"))]
    fn receive(_stream: &TcpStream, _piece: &mut [u8]) -> io::Result<(usize, Option<u64>)> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Waits for bytes; their number and when they had arrived, in ns since the epoch.
    pub(super) async fn read(
        stream: &TcpStream,
        stamped: bool,
        epoch: Epoch,
        piece: &mut [u8],
    ) -> io::Result<(usize, u64)> {
        loop {
            stream.readable().await?;
            let received = if stamped {
                stream.try_io(tokio::io::Interest::READABLE, || receive(stream, piece))
            } else {
                stream.try_read(piece).map(|count| (count, None))
            };
            match received {
                Ok((count, unix_ns)) => {
                    let seen = epoch.elapsed_ns();
                    let at = unix_ns.and_then(|unix_ns| unix_ns.checked_sub(epoch.unix_ns()));
                    return Ok((count, at.map_or(seen, |at| at.min(seen))));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    const PACE: Pace =
        Pace { ttft: Duration::from_millis(2), itl: Duration::from_millis(2), tokens: 3, jitter: Duration::ZERO };

    #[test]
    fn a_head_is_read_once_it_is_whole() {
        let text = b"POST / HTTP/1.1\r\nX-Request-Id: a-7\r\ncontent-length: 12\r\n\r\n{";
        assert_eq!(Head::read(&text[..40]), None);
        let head = Head { length: text.len() - 1, body: 12, request_id: "a-7".to_owned() };
        assert_eq!(Head::read(text), Some(head));
    }

    #[test]
    fn a_frame_is_as_long_as_those_of_other_servers_and_holds_one_token() {
        for tokens in [1, 2, 5] {
            let frames = frames(tokens);
            assert_eq!(frames.len(), tokens as usize);
            for (index, frame) in frames.iter().enumerate() {
                let text = String::from_utf8_lossy(frame);
                assert_eq!(text.matches(r#""content":" token""#).count(), 1, "{text}");
                assert_eq!(text.starts_with("HTTP/1.1 200"), index == 0, "{text}");
                assert_eq!(text.ends_with("data: [DONE]\n\n\r\n0\r\n\r\n"), index + 1 == frames.len(), "{text}");
            }
        }
        assert!((200..320).contains(&frames(3)[1].len()), "{}", frames(3)[1].len());
    }

    #[test]
    fn each_request_on_a_kept_connection_has_its_truth() -> Result<(), Box<dyn std::error::Error>> {
        let metronome = Metronome::start(PACE, Epoch::now()).map_err(|failure| failure.to_string())?;
        let mut client = std::net::TcpStream::connect(metronome.address())?;
        let whole: usize = frames(PACE.tokens).iter().map(Bytes::len).sum();
        for id in ["a", "b"] {
            let head = format!("POST /v1/chat/completions HTTP/1.1\r\nx-request-id: {id}\r\ncontent-length: 4\r\n\r\n");
            client.write_all(head.as_bytes())?;
            client.write_all(b"body")?;
            let mut reply = vec![0; whole];
            client.read_exact(&mut reply)?;
            assert!(reply.ends_with(b"0\r\n\r\n"));
        }
        let truths = metronome.finish();
        assert_eq!(truths.iter().map(|truth| truth.request_id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        for Truth { reached_ns, received_ns, written_ns, .. } in truths {
            assert_eq!(written_ns.len(), 3);
            assert!(reached_ns <= received_ns && received_ns <= written_ns[0]);
            assert!(written_ns.is_sorted());
        }
        Ok(())
    }

    #[test]
    fn a_reply_that_was_left_has_no_truth() -> Result<(), Box<dyn std::error::Error>> {
        let slow = Pace { ttft: Duration::from_secs(600), ..PACE };
        let metronome = Metronome::start(slow, Epoch::now()).map_err(|failure| failure.to_string())?;
        let mut client = std::net::TcpStream::connect(metronome.address())?;
        client.write_all(b"POST / HTTP/1.1\r\nx-request-id: a\r\n\r\n")?;
        assert_eq!(metronome.finish(), []);
        Ok(())
    }
}
