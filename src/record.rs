//! The finished facts of a run: what was measured of each request, and what eats them.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::mark::Mark;

/// The zero of a run's time: wall clock and monotonic clock, read side by side.
#[derive(Debug, Clone, Copy)]
pub struct Epoch {
    instant: Instant,
    unix_ns: u64,
}

impl Epoch {
    /// Pairs the clocks now. Of several tries the one with the narrowest bracket around the wall clock is kept.
    pub fn now() -> Self {
        let mut best: Option<(Duration, Epoch)> = None;
        for _ in 0..8 {
            let before = Instant::now();
            let wall = SystemTime::now();
            let gap = before.elapsed();
            let unix_ns = wall.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64);
            if best.as_ref().is_none_or(|(least, _)| gap < *least) {
                best = Some((gap, Epoch { instant: before + gap / 2, unix_ns }));
            }
        }
        match best {
            Some((_, epoch)) => epoch,
            None => unreachable!("the loop runs eight times"),
        }
    }

    /// Both clocks now: the wall clock in ns since 1970 and the ns since the epoch. `None` when this thread was
    /// interrupted between the two at every try.
    pub fn pair(&self) -> Option<(u64, u64)> {
        (0..4).find_map(|_| {
            let before = Instant::now();
            let wall = SystemTime::now();
            let gap = before.elapsed();
            let at = before.saturating_duration_since(self.instant) + gap / 2;
            let unix_ns = wall.duration_since(UNIX_EPOCH).ok()?.as_nanos() as u64;
            (gap < Duration::from_micros(5)).then_some((unix_ns, at.as_nanos() as u64))
        })
    }

    /// Nanoseconds since the epoch, on the monotonic clock.
    pub fn elapsed_ns(&self) -> u64 {
        self.ns_at(Instant::now())
    }

    /// The same at an instant; 0 of one before the epoch.
    pub fn ns_at(&self, instant: Instant) -> u64 {
        instant.saturating_duration_since(self.instant).as_nanos() as u64
    }

    /// The epoch on the wall clock, in nanoseconds since 1970.
    pub fn unix_ns(&self) -> u64 {
        self.unix_ns
    }
}

/// Why a request failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// No connection could be made: refused, unreachable, name not found.
    Connect,
    /// The TLS handshake failed, for instance because a certificate is not trusted.
    Tls,
    /// A deadline passed: connect, read or total.
    Timeout,
    /// The server answered with a status other than 200.
    Status,
    /// The connection or the stream ended before the reply did.
    Broken,
    /// The reply is not what the protocol says: not JSON, a web page, no choices.
    Payload,
    /// The server reported an error inside a reply of status 200.
    Server,
}

impl FailureKind {
    /// The kind as it is written in files and tables.
    pub fn name(self) -> &'static str {
        match self {
            FailureKind::Connect => "connect",
            FailureKind::Tls => "tls",
            FailureKind::Timeout => "timeout",
            FailureKind::Status => "status",
            FailureKind::Broken => "broken",
            FailureKind::Payload => "payload",
            FailureKind::Server => "server",
        }
    }
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The reply is complete.
    Ok,
    /// It failed; it counts as failed and enters no latency statistic.
    Failed(FailureKind),
    /// The run was cut while it was in flight; it is neither a success nor a failure of the server.
    Cancelled,
    /// It came due and was never sent, because no slot was free before the run was over.
    Unsent,
}

impl Outcome {
    /// The outcome as it is written in files: `ok`, `cancelled`, `unsent` or the kind of failure.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::Failed(kind) => kind.name(),
            Outcome::Cancelled => "cancelled",
            Outcome::Unsent => "unsent",
        }
    }
}

/// Where token counts come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokensFrom {
    /// The server's `usage`.
    Usage,
    /// A tokenizer, before the run for prompts and after it for replies.
    Tokenizer,
}

impl TokensFrom {
    /// The source as it is written in files.
    pub fn name(self) -> &'static str {
        match self {
            TokensFrom::Usage => "usage",
            TokensFrom::Tokenizer => "tokenizer",
        }
    }
}

/// Everything that was measured of one request. Stamps are nanoseconds since the run's [`Epoch`]; arrival stamps are
/// those of the read that completed the bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Sent as `x-request-id`; unique within a run.
    pub request_id: String,
    /// Index of the conversation.
    pub conversation: u64,
    /// Index of the turn within the conversation, from 0.
    pub turn: u32,
    /// Turns of its conversation that were to come after it.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub turns_left: u32,
    /// When the request was due. In a closed loop: when its slot became free; of a later turn: when the pause after the
    /// reply before was over.
    pub intended_ns: u64,
    /// When the engine took it up: its timer had fired, or its slot asked for it.
    #[serde(default)]
    pub released_ns: Option<u64>,
    /// When it had a slot.
    #[serde(default)]
    pub slot_ns: Option<u64>,
    /// When it had a connection that could take it.
    #[serde(default)]
    pub ready_ns: Option<u64>,
    /// Just before the first byte was written. `None` when nothing could be written.
    pub started_ns: Option<u64>,
    /// The last byte had left: the kernel's transmit stamp, else the return of the last write.
    pub sent_ns: Option<u64>,
    /// The first bytes of the reply reached the kernel.
    #[serde(default)]
    pub first_byte_ns: Option<u64>,
    /// Our code had those first bytes in its hands.
    #[serde(default)]
    pub first_seen_ns: Option<u64>,
    /// The longest that bytes of the reply waited between the kernel and our code.
    #[serde(default)]
    pub lag_max_ns: Option<u64>,
    /// The head of the response was complete.
    pub head_ns: Option<u64>,
    /// First event with choices, whatever it carries.
    pub first_event_ns: Option<u64>,
    /// First event with a non-empty token of any kind: content, reasoning or tool call.
    pub first_token_ns: Option<u64>,
    /// First event with visible text.
    pub first_text_ns: Option<u64>,
    /// Last event with a non-empty token of any kind.
    pub last_token_ns: Option<u64>,
    /// Last event that carries JSON, such as the one with the usage.
    pub last_event_ns: Option<u64>,
    /// The response, or the attempt, was over.
    pub end_ns: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// HTTP status, where a head arrived.
    pub status: Option<u16>,
    /// What went wrong, in words; control characters removed.
    pub error: Option<String>,
    /// Tokens of the prompt.
    pub prompt_tokens: Option<u64>,
    /// Tokens of the reply, reasoning included.
    pub completion_tokens: Option<u64>,
    /// Prompt tokens that the server took from its cache.
    pub cached_tokens: Option<u64>,
    /// Prompt and reply of the turn before, in tokens: what a prefix cache could give back. `Some(0)` for the first turn
    /// of a conversation of several, `None` where a count is missing or the request stands alone.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cached_estimate: Option<u64>,
    /// Reply tokens that were reasoning.
    pub reasoning_tokens: Option<u64>,
    /// Where the counts come from; `None` when there are none.
    pub tokens_from: Option<TokensFrom>,
    /// Events that carried a non-empty token.
    pub chunks: u32,
    /// Events with choices from the first token on, empty ones included.
    pub decode_chunks: u32,
    /// Whether the connection had served an earlier request.
    pub connection_reused: bool,
    /// What setting the connection up took: name, TCP and TLS. `None` on a reused one.
    pub connect_ns: Option<u64>,
    /// Whether the reply came as an event stream.
    pub stream: bool,
    /// Sent to warm the server up; in no figure.
    pub warmup: bool,
    /// The stream ended properly but without its `[DONE]`.
    pub done_missing: bool,
    /// Events whose data was not JSON; they are passed over.
    pub ignored_events: u32,
    /// Events that came out of the same read as the event before them, and so share its stamp.
    #[serde(default)]
    pub shared_stamps: u32,
    /// Gaps between events that carried a non-empty token, in ns. `chunks - 1` of them.
    pub gaps_ns: Vec<u64>,
    /// Every event of the reply; empty unless the chunk log is on.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub marks: Vec<Mark>,
    /// The reply, kept when the server gave no usage, so that it can be counted after the run, and with the chunk log.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub text: Option<String>,
    /// How long a server that refused wants to be left alone.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retry_after_ns: Option<u64>,
    /// The reply as it came: the body, or the data of each event with [`crate::wire::PART`] behind it. Kept where that is
    /// asked for, and never in a row.
    #[serde(skip)]
    pub reply: Option<String>,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Record {
    /// A request that is due and of which nothing is known yet; until it is told otherwise it counts as cancelled.
    pub fn due(request_id: String, conversation: u64, turn: u32, intended_ns: u64) -> Self {
        Record {
            request_id,
            conversation,
            turn,
            turns_left: 0,
            intended_ns,
            released_ns: None,
            slot_ns: None,
            ready_ns: None,
            started_ns: None,
            sent_ns: None,
            first_byte_ns: None,
            first_seen_ns: None,
            lag_max_ns: None,
            head_ns: None,
            first_event_ns: None,
            first_token_ns: None,
            first_text_ns: None,
            last_token_ns: None,
            last_event_ns: None,
            end_ns: intended_ns,
            outcome: Outcome::Cancelled,
            status: None,
            error: None,
            prompt_tokens: None,
            completion_tokens: None,
            cached_tokens: None,
            cached_estimate: None,
            reasoning_tokens: None,
            tokens_from: None,
            chunks: 0,
            decode_chunks: 0,
            connection_reused: false,
            connect_ns: None,
            stream: false,
            warmup: false,
            done_missing: false,
            ignored_events: 0,
            shared_stamps: 0,
            gaps_ns: Vec::new(),
            marks: Vec::new(),
            text: None,
            retry_after_ns: None,
            reply: None,
        }
    }

    /// Time to the first non-empty token of any kind, from the first byte written. Streams only.
    pub fn ttft_ns(&self) -> Option<u64> {
        Some(self.first_token_ns?.saturating_sub(self.started_ns?))
    }

    /// End-to-end latency: from the first byte written to the last event that carries JSON, or to the end of a reply
    /// that is not streamed.
    pub fn e2e_ns(&self) -> Option<u64> {
        let end = self.last_event_ns.unwrap_or(self.end_ns);
        Some(end.saturating_sub(self.started_ns?))
    }

    /// Time to first token as a user feels it: from the instant the request was due, whatever kept it from being sent.
    pub fn felt_ttft_ns(&self) -> Option<u64> {
        Some(self.first_token_ns?.saturating_sub(self.intended_ns))
    }

    /// End-to-end latency as a user feels it: from the instant the request was due.
    pub fn felt_e2e_ns(&self) -> u64 {
        self.last_event_ns.unwrap_or(self.end_ns).saturating_sub(self.intended_ns)
    }

    /// Time per output token after the first: (last token - first token) / (completion tokens - 1).
    pub fn tpot_ns(&self) -> Option<f64> {
        let tokens = self.completion_tokens.filter(|tokens| *tokens > 1)?;
        let span = self.last_token_ns?.checked_sub(self.first_token_ns?)?;
        (self.chunks > 1).then(|| span as f64 / (tokens - 1) as f64)
    }

    /// Whether the reply is complete.
    pub fn is_ok(&self) -> bool {
        self.outcome == Outcome::Ok
    }
}

/// Eats finished records.
pub trait Sink: Send {
    /// Takes one finished record.
    ///
    /// # Errors
    /// When the record cannot be kept; the run then stops, because a run that loses rows is no measurement.
    fn accept(&mut self, record: Record) -> crate::error::Result<()>;

    /// Called a few times a second and after each batch of records: flush, redraw.
    ///
    /// # Errors
    /// When what was accepted cannot be kept.
    fn tick(&mut self) -> crate::error::Result<()> {
        Ok(())
    }

    /// Whether what was accepted is all that is wanted; the run then sends nothing new.
    fn enough(&mut self) -> bool {
        false
    }
}
