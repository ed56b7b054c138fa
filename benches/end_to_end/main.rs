//! What the whole program takes and how far it is off, as tables in Markdown.
//!
//! ```text
//! cargo bench --bench end_to_end [-- SECONDS [STREAMS,...]]      default: 20 64,256,1000
//! ```
//!
//! 1. **Cost**: processor time for each chunk of many streams, beside a floor measured in the same run: a bare reader of
//!    the same sockets that only counts bytes. At the greatest number of streams.
//! 2. **Truth**: a server of its own process notes when it had read each request and when it wrote the first and the last
//!    token; requests are joined with the rows of `evalscope perf` by their id, and the errors are told.
//!
//! Server and client are processes of their own, on a processor each where `taskset` exists. All of them end with this
//! one, however it ends.

mod cost;
mod count;
mod process;
mod server;
mod truth;

use std::time::Duration;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// Streams at a time, each with so many tokens at this pace.
#[derive(Debug, Clone, Copy)]
struct Load {
    streams: u64,
    /// Tokens a second of each stream.
    pace: u64,
    /// Tokens of a reply.
    tokens: u64,
    /// Requests, of which so many are in flight as there are streams.
    requests: u64,
}

impl Load {
    /// Streams of the pace that the tables have, for so many seconds, in so many rounds of requests.
    fn of(streams: u64, seconds: u64, rounds: u64) -> Self {
        let pace = match streams {
            ..=64 => 100,
            65..=256 => 50,
            _ => 20,
        };
        Load { streams, pace, tokens: (seconds * pace / rounds).max(2), requests: streams * rounds }
    }

    fn gap(self) -> Duration {
        Duration::from_secs(1) / u32::try_from(self.pace).unwrap_or(1)
    }
}

fn main() -> Outcome {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let number = |at: usize| -> Outcome<u64> { Ok(args.get(at).ok_or("a number is missing")?.parse()?) };
    match args.first().map(String::as_str) {
        Some("bound") => process::bound(&args[1..]),
        Some("serve") => server::serve(number(1)?, Duration::from_nanos(number(2)?)),
        Some("count") => count::count(u16::try_from(number(1)?)?, usize::try_from(number(2)?)?),
        _ => tables(&args),
    }
}

fn tables(args: &[String]) -> Outcome {
    let usage = "give SECONDS and STREAMS,... as whole numbers above 0, such as 20 64,256,1000";
    let whole = |text: &str| text.trim().parse().ok().filter(|number| *number > 0).ok_or(usage);
    let seconds = args.first().map_or(Ok(20), |text| whole(text))?;
    let streams: Vec<u64> =
        args.get(1).map_or("64,256,1000", String::as_str).split(',').map(whole).collect::<Result<_, _>>()?;
    let most = streams.iter().copied().max().ok_or(usage)?;
    say(&cost::table(Load::of(most, seconds, 1))?);
    say(&truth::table(streams.iter().map(|streams| Load::of(*streams, seconds, truth::rounds(*streams))))?);
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a bench prints what it found")]
fn say(text: &str) {
    println!("{text}");
}
