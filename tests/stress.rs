//! A served model among clients that come, stream, break off and overflow its queue: nothing is lost, stuck or wrong.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{PATIENCE, serve};

/// Clients at a time.
const CLIENTS: u64 = 32;
/// Prompts that are asked about, each with a seed and a length of its own.
const KINDS: u64 = 12;
/// How long, in seconds; `EVALSCOPE_STRESS_SECONDS` says otherwise.
const SECONDS: u64 = 8;

/// The request of a kind: prompts of some blocks, a part of which they share, and replies of some tens of tokens.
fn body(kind: u64, stream: bool) -> Value {
    let shared = "The same beginning for every third of them, long enough to fill some blocks. ".repeat(3);
    let prompt = if kind.is_multiple_of(3) { shared + &format!("{kind}") } else { format!("{kind} words ").repeat(20) };
    json!({"model": "m", "prompt": prompt, "seed": kind, "max_tokens": 20 + 7 * kind, "ignore_eos": true,
           "temperature": if kind.is_multiple_of(2) { 0.0 } else { 1.0 }, "stream": stream})
}

fn send(address: SocketAddr, body: &Value) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let body = body.to_string();
    let length = body.len();
    let head = "POST /v1/completions HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: ";
    write!(stream, "{head}{length}\r\n\r\n{body}").unwrap();
    stream
}

/// Status and body.
fn whole(mut stream: TcpStream) -> (u16, String) {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

fn text_of(body: &str) -> String {
    let value: Value = serde_json::from_str(body).unwrap();
    value["choices"][0]["text"].as_str().unwrap().to_owned()
}

fn metrics(address: SocketAddr) -> HashMap<String, f64> {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET /metrics HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").unwrap();
    let (_, page) = whole(stream);
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.rsplit_once(' '))
        .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
        .collect()
}

/// The sum of the series that begin so and name this label, if one is given.
fn sum(metrics: &HashMap<String, f64>, name: &str, label: &str) -> f64 {
    let of = |(series, _): &(&String, &f64)| series.split('{').next() == Some(name) && series.contains(label);
    metrics.iter().filter(of).map(|(_, value)| value).sum()
}

#[derive(Default)]
struct Seen {
    complete: AtomicU64,
    tokens: AtomicU64,
    refused: AtomicU64,
    broken_off: AtomicU64,
}

/// What one client does in turn: a whole reply, a stream to its end, a stream that is left after a few events.
fn client(address: SocketAddr, number: u64, until: Instant, expected: &[String], seen: &Seen) {
    let mut turn = number;
    while Instant::now() < until {
        turn += 1;
        let kind = turn.wrapping_mul(7) % KINDS;
        let stream = send(address, &body(kind, !turn.is_multiple_of(3)));
        let (complete, tokens) = match turn % 3 {
            0 => match whole(stream) {
                (200, body) => {
                    assert_eq!(text_of(&body), expected[kind as usize], "kind {kind}");
                    (true, 20 + 7 * kind)
                }
                (429, _) => (false, 0),
                other => panic!("{other:?}"),
            },
            1 => match streamed(stream) {
                Some(text) => {
                    assert_eq!(text, expected[kind as usize], "kind {kind}");
                    (true, 20 + 7 * kind)
                }
                None => (false, 0),
            },
            _ => {
                let mut lines = BufReader::new(stream).lines();
                let first = lines.next().unwrap().unwrap();
                if first.contains(" 200 ") {
                    lines.take((turn % 11) as usize).for_each(drop);
                    seen.broken_off.fetch_add(1, Ordering::Relaxed);
                } else {
                    assert!(first.contains(" 429 "), "{first}");
                    seen.refused.fetch_add(1, Ordering::Relaxed);
                }
                continue;
            }
        };
        let counter = if complete { &seen.complete } else { &seen.refused };
        counter.fetch_add(1, Ordering::Relaxed);
        seen.tokens.fetch_add(tokens, Ordering::Relaxed);
        if !complete {
            // As the answer asks for, but a hundred times as fast.
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// The text of a stream that came to its end; `None` where it was refused.
fn streamed(stream: TcpStream) -> Option<String> {
    let mut text = String::new();
    let mut ended = false;
    let mut lines = BufReader::new(stream).lines();
    let status = lines.next().unwrap().unwrap();
    if !status.contains(" 200 ") {
        assert!(status.contains(" 429 "), "{status}");
        return None;
    }
    for line in lines {
        let line = line.unwrap();
        match line.strip_prefix("data: ") {
            Some("[DONE]") => ended = true,
            Some(event) => {
                let event: Value = serde_json::from_str(event).unwrap();
                text += event["choices"][0]["text"].as_str().unwrap();
            }
            None => {}
        }
    }
    assert!(ended, "the stream was cut");
    Some(text)
}

#[test]
fn clients_come_stream_break_off_and_overflow_the_queue() {
    let seconds = std::env::var("EVALSCOPE_STRESS_SECONDS").map_or(SECONDS, |seconds| seconds.parse().unwrap());
    // Less memory than all of them want, so that some are put back, and a queue that cannot hold all clients.
    let running =
        serve().args("--port 0 --served-model-name m --max-num-seqs 10 --max-waiting 8 --kv-cache-gib 0.0004").spawn();
    let address = running.address();
    let expected: Vec<String> = (0..KINDS).map(|kind| text_of(&whole(send(address, &body(kind, false))).1)).collect();
    let alone: u64 = (0..KINDS).map(|kind| 20 + 7 * kind).sum();
    let seen = Seen::default();
    let round = |until: Instant| {
        thread::scope(|scope| {
            for number in 0..CLIENTS {
                let (expected, seen) = (&expected, &seen);
                scope.spawn(move || client(address, number, until, expected, seen));
            }
        });
    };
    let begun = Instant::now();
    round(begun + Duration::from_secs(seconds) / 4);
    let before = sum(&metrics(address), "process_resident_memory_bytes", "");
    round(begun + Duration::from_secs(seconds));
    // What was left is noticed at the next step.
    let deadline = Instant::now() + PATIENCE;
    let idle = |metrics: &HashMap<String, f64>| {
        ["vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc"]
            .iter()
            .all(|name| sum(metrics, name, "") == 0.0)
    };
    let mut last = metrics(address);
    while !idle(&last) {
        assert!(Instant::now() < deadline, "{last:?}");
        thread::sleep(Duration::from_millis(20));
        last = metrics(address);
    }
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed) as f64;
    let success = "vllm:request_success_total";
    let (complete, aborted) = (sum(&last, success, "length"), sum(&last, success, "abort"));
    // A reply that a client left may have been complete before the server knew.
    assert!(complete >= count(&seen.complete) + KINDS as f64, "{complete} {}", count(&seen.complete));
    assert_eq!(complete + aborted, count(&seen.complete) + count(&seen.broken_off) + KINDS as f64);
    assert_eq!(sum(&last, "evalscope:request_refused_total", ""), count(&seen.refused));
    assert!(sum(&last, "vllm:generation_tokens_total", "") >= count(&seen.tokens) + alone as f64);
    assert!(count(&seen.complete) > 0.0 && aborted > 0.0 && count(&seen.refused) > 0.0);
    assert!(sum(&last, "vllm:num_preemptions_total", "") > 0.0, "{last:?}");
    assert!(sum(&last, "vllm:prefix_cache_hits_total", "") > 0.0);
    let after = sum(&last, "process_resident_memory_bytes", "");
    assert!(after < 1.1 * before + 8e6, "{before} bytes became {after}");
    // And it still answers as it did at first.
    assert_eq!(text_of(&whole(send(address, &body(5, false))).1), expected[5]);
    running.signal("INT");
    running.finish();
}
