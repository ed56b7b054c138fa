//! Processor time that the whole program takes for each chunk of many streams, beside a floor measured in the same run:
//! a bare reader of the same sockets that only counts bytes.
//!
//! ```text
//! cargo bench --bench end_to_end [-- STREAMS TOKENS ITL_MS]
//! ```
//!
//! A server of its own process sends each stream a chunk every so many milliseconds. First the bare reader and then
//! `evalscope perf` read them, each in a process whose processor time the kernel tells. Where `taskset` exists, server and
//! client have a processor each.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// The end of a chunked body.
const END: &[u8] = b"0\r\n\r\n";

fn main() -> Outcome {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let number = |at: usize, default: u64| args.get(at).and_then(|arg| arg.parse().ok()).unwrap_or(default);
    match args.first().map(String::as_str) {
        Some("serve") => serve(number(1, 0) as u16, number(2, 400), Duration::from_millis(number(3, 50))),
        Some("count") => count(number(1, 0) as u16, number(2, 1000) as usize),
        _ => compare(number(0, 1000), number(1, 400), number(2, 50)),
    }
}

fn compare(streams: u64, tokens: u64, itl_ms: u64) -> Outcome {
    let port = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port().to_string();
    let this = std::env::current_exe()?;
    let server = this.to_string_lossy().into_owned();
    let mut serving = pinned(0, &server)
        .args(["serve", &port, &tokens.to_string(), &itl_ms.to_string()])
        .stderr(Stdio::inherit())
        .spawn()
        .map(Guard)?;
    std::thread::sleep(Duration::from_millis(500));
    let chunks = (streams * tokens) as f64;
    let floor = timed(pinned(1, &server).args(["count", &port, &streams.to_string()]))?;
    let folder = tempfile::tempdir()?;
    let ours = timed(
        pinned(1, env!("CARGO_BIN_EXE_evalscope"))
            .args(["perf", "--model", "bench", "--no-test-connection", "--no-self-check", "--no-server-metrics"])
            .args(["--url", &format!("http://127.0.0.1:{port}/v1/chat/completions")])
            .args(["--parallel", &streams.to_string(), "--number", &streams.to_string()])
            .args(["--max-tokens", &tokens.to_string(), "--no-timestamp", "--outputs-dir"])
            .arg(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null()),
    )?;
    serving.0.kill()?;
    let summary = folder.path().join(format!("bench/parallel_{streams}_number_{streams}/benchmark_summary.json"));
    let summary: serde_json::Value = serde_json::from_slice(&std::fs::read(summary)?)?;
    if summary["Success Requests"] != streams {
        return Err(format!("only {} of {streams} streams were read", summary["Success Requests"]).into());
    }
    let micros = |cpu: Duration| cpu.as_secs_f64() * 1e6 / chunks;
    let ratio = ours.as_secs_f64() / floor.as_secs_f64();
    say(&format!("{streams} streams, a chunk every {itl_ms} ms, {chunks} chunks; processor time a chunk"));
    say(&format!("bare reader  {:6.2} µs", micros(floor)));
    say(&format!("evalscope    {:6.2} µs  {ratio:.2} times the bare reader", micros(ours)));
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a bench prints what it found")]
fn say(line: &str) {
    println!("{line}");
}

/// Ends the server with the bench.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A command on one processor, where that can be had.
fn pinned(processor: usize, program: &str) -> Command {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let has_taskset = Command::new("taskset").arg("--version").stdout(Stdio::null()).status().is_ok();
    if processor < cores && has_taskset {
        let mut command = Command::new("taskset");
        command.args(["-c", &processor.to_string(), program]);
        command
    } else {
        Command::new(program)
    }
}

/// Processor time of a command that is run to its end: that of its whole process, user and system.
fn timed(command: &mut Command) -> Outcome<Duration> {
    let before = children()?;
    let status = command.status()?;
    if !status.success() {
        return Err(format!("{command:?} ended with {status}").into());
    }
    Ok(children()?.saturating_sub(before))
}

/// Processor time of all processes that were waited for.
fn children() -> Outcome<Duration> {
    let usage = nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_CHILDREN)?;
    let of = |time: nix::sys::time::TimeVal| {
        Duration::from_secs(time.tv_sec() as u64) + Duration::from_micros(time.tv_usec() as u64)
    };
    Ok(of(usage.user_time()) + of(usage.system_time()))
}

/// Reads every stream to its end and does nothing else.
fn count(port: u16, streams: usize) -> Outcome {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let body = r#"{"messages":[{"role":"user","content":"hi"}],"model":"bench","stream":true}"#;
    let request =
        format!("POST /v1/chat/completions HTTP/1.1\r\nhost: bench\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let mut poll = Poll::new()?;
    let mut sockets = Vec::with_capacity(streams);
    for index in 0..streams {
        let mut socket = std::net::TcpStream::connect(address)?;
        socket.write_all(request.as_bytes())?;
        socket.set_nonblocking(true)?;
        let mut socket = mio::net::TcpStream::from_std(socket);
        poll.registry().register(&mut socket, Token(index), Interest::READABLE)?;
        sockets.push(socket);
    }
    let (mut open, mut bytes) = (streams, 0);
    let mut events = Events::with_capacity(1024);
    let mut buffer = vec![0; 64 << 10];
    while open > 0 {
        poll.poll(&mut events, None)?;
        for event in &events {
            let socket = &mut sockets[event.token().0];
            match socket.read(&mut buffer) {
                Ok(read) => {
                    bytes += read;
                    open -= usize::from(read == 0 || buffer[..read].ends_with(END));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    if bytes == 0 { Err("nothing was read".into()) } else { Ok(()) }
}

/// Answers each request with a stream of so many chunks, one every `itl`.
fn serve(port: u16, tokens: u64, itl: Duration) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let begun = Instant::now();
        for index in 0u32.. {
            let (socket, _) = listener.accept().await?;
            tokio::spawn(async move {
                // A client that goes away ends its stream.
                let _ = stream(socket, tokens, itl, begun, index).await;
            });
        }
        Ok(())
    })
}

async fn stream(
    mut socket: tokio::net::TcpStream,
    tokens: u64,
    itl: Duration,
    begun: Instant,
    index: u32,
) -> std::io::Result<()> {
    socket.set_nodelay(true)?;
    let mut buffer = vec![0; 16 << 10];
    while socket.read(&mut buffer).await? > 0 {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
        socket.write_all(head.as_bytes()).await?;
        // The streams are spread over the interval, so that chunks do not come in one burst.
        let phase = itl * (index.wrapping_mul(2_654_435_761) >> 22) / 1024;
        let periods = begun.elapsed().as_nanos() / itl.as_nanos() + 2;
        let mut due = begun + itl * u32::try_from(periods).unwrap_or(u32::MAX) + phase;
        for token in 0..tokens {
            tokio::time::sleep_until(due.into()).await;
            due += itl;
            let event = format!(
                "data: {{\"id\":\"chatcmpl-6f1c\",\"object\":\"chat.completion.chunk\",\"created\":1795228587,\
                 \"model\":\"bench\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\" tok{token}\"}},\
                 \"logprobs\":null,\"finish_reason\":null}}]}}\n\n"
            );
            socket.write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes()).await?;
        }
        let usage = format!(
            "data: {{\"choices\":[],\"usage\":{{\"prompt_tokens\":9,\"completion_tokens\":{tokens}}}}}\n\ndata: [DONE]\n\n"
        );
        let last = format!("{:x}\r\n{usage}\r\n0\r\n\r\n", usage.len());
        socket.write_all(last.as_bytes()).await?;
    }
    Ok(())
}
