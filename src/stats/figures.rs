//! The figures of a load point as they are saved and shown. Units are in the names; what is missing is absent.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ConversationFigures, Goodput, Interval, Intervals, SteadyFigures};
use crate::hist::Hist;

/// What each figure means, saved beside the figures so that a file explains itself.
pub const DEFINITIONS: &[(&str, &str)] = &[
    ("wall_s", "first start of a measured request to the last end of one, in seconds"),
    ("request_throughput", "successful requests / wall_s, requests per second"),
    ("output_throughput", "completion tokens of successful requests / wall_s, tokens per second"),
    ("total_throughput", "prompt and completion tokens of successful requests / wall_s, tokens per second"),
    (
        "ttft_ms",
        "first byte of the request written to the first event with a non-empty token of any kind (content, reasoning or tool call); streamed replies only",
    ),
    ("ttft_event_ms", "the same to the first event with choices, whatever it carries"),
    ("ttft_text_ms", "the same to the first event with visible text"),
    (
        "tpot_ms",
        "(last token - first token) / (completion tokens - 1), one value a reply of two or more tokens and chunks",
    ),
    ("itl_ms", "gap between successive events with a non-empty token, all replies pooled: chunks, not tokens"),
    ("itl_per_token_ms", "each such gap x (chunks - 1) / (completion tokens - 1) of its reply: the gap a token"),
    (
        "e2e_ms",
        "first byte of the request written to the last event that carries JSON, or to the end of a reply that is not streamed",
    ),
    (
        "ttft_intended_ms",
        "the instant the request was due to the first event with a non-empty token: what a user feels, waiting included; replies that never came count with the time they were waited for",
    ),
    (
        "e2e_intended_ms",
        "the instant the request was due to the last event that carries JSON; requests that were cut or never sent count with the time they were waited for",
    ),
    ("decode_speed", "1000 / tpot_ms, tokens per second of one reply"),
    ("input_tokens", "prompt tokens of a request"),
    ("output_tokens", "completion tokens of a request, reasoning included"),
    (
        "connect_ms",
        "TCP and TLS of a new connection; before the first byte is written, so in no latency; names are resolved before the run",
    ),
    (
        "slot_wait_ms",
        "slot free to first byte written: what the client itself adds between two requests, connecting included",
    ),
    (
        "ci",
        "95 % confidence interval that respects the correlation of neighbours; absent where too few values are independent",
    ),
    (
        "steady",
        "figures while at least 95 % of the asked requests were in flight, without the warm-up: latencies of requests wholly inside, throughputs of those that ended inside / its length",
    ),
    (
        "conversations",
        "requests of several turns: duration_ms from the start of the first turn to the end of the last, pauses included; last_answer_ms to the first token of the last turn",
    ),
    (
        "cached_percent_estimated",
        "prompt and completion tokens of the turn before / prompt tokens, over all turns: what a prefix cache could give back, not what the server says it did",
    ),
    ("goodput", "successful requests that kept every limit of --goodput, inclusive, / wall_s, requests per second"),
    (
        "pooled",
        "figures of all runs of a load together, from their merged histograms; wall_s is the time in which at least one of them went on, and no percentile is an average of percentiles",
    ),
    ("between", "lowest and highest of the values that the runs of a load have each on their own"),
    ("quantiles", "nearest rank from HDR histograms, off by less than 0.1 %"),
];

/// Mean, spread and quantiles of one quantity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Number of values.
    pub n: u64,
    /// Arithmetic mean, exact.
    pub mean: f64,
    /// Standard deviation with divisor n, exact.
    pub std: f64,
    /// Least value, exact.
    pub min: f64,
    /// Quantiles.
    pub p1: f64,
    /// 5 %.
    pub p5: f64,
    /// 10 %.
    pub p10: f64,
    /// 25 %.
    pub p25: f64,
    /// 50 %.
    pub p50: f64,
    /// 75 %.
    pub p75: f64,
    /// 90 %.
    pub p90: f64,
    /// 95 %.
    pub p95: f64,
    /// 99 %.
    pub p99: f64,
    /// 99.9 %.
    #[serde(rename = "p99.9")]
    pub p999: f64,
    /// Greatest value, exact.
    pub max: f64,
    /// 95 % interval of the mean; absent where too few independent values support one, or none is made of this quantity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_ci: Option<Interval>,
    /// 95 % interval of the median; absent where too few independent values support one, or none is made of this quantity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50_ci: Option<Interval>,
    /// 95 % interval of the 90 % quantile; absent where too few independent values support one, or none is made of this quantity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p90_ci: Option<Interval>,
    /// 95 % interval of the 95 % quantile; absent where too few independent values support one, or none is made of this quantity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p95_ci: Option<Interval>,
    /// 95 % interval of the 99 % quantile; absent where too few independent values support one, or none is made of this quantity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_ci: Option<Interval>,
    /// 95 % interval of the 99.9 % quantile; absent where too few independent values support one, or none is made of this quantity.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "p99.9_ci")]
    pub p999_ci: Option<Interval>,
    /// Points (value, share at or below it) of the distribution, at most 256.
    pub curve: Vec<(f64, f64)>,
}

impl Spread {
    /// The spread of a histogram whose unit is `scale` of ours; `None` when it is empty.
    pub fn of(hist: &Hist, scale: f64) -> Option<Self> {
        let at = |q: f64| hist.quantile(q).map(|value| value as f64 / scale);
        Some(Spread {
            n: hist.len(),
            mean: hist.mean()? / scale,
            std: hist.std()? / scale,
            min: hist.min()? as f64 / scale,
            p1: at(0.01)?,
            p5: at(0.05)?,
            p10: at(0.10)?,
            p25: at(0.25)?,
            p50: at(0.50)?,
            p75: at(0.75)?,
            p90: at(0.90)?,
            p95: at(0.95)?,
            p99: at(0.99)?,
            p999: at(0.999)?,
            max: hist.max()? as f64 / scale,
            mean_ci: None,
            p50_ci: None,
            p90_ci: None,
            p95_ci: None,
            p99_ci: None,
            p999_ci: None,
            curve: hist.curve(256).into_iter().map(|(value, share)| (value as f64 / scale, share)).collect(),
        })
    }

    /// Takes the 95 % intervals from the same values in order of time, in a unit of which ours is `scale`.
    pub fn bound(&mut self, values: &Intervals, scale: f64) {
        let at = |q: f64| values.quantile(q).map(|interval| interval.scaled(scale));
        self.mean_ci = values.mean().map(|interval| interval.scaled(scale));
        self.p50_ci = at(0.50);
        self.p90_ci = at(0.90);
        self.p95_ci = at(0.95);
        self.p99_ci = at(0.99);
        self.p999_ci = at(0.999);
    }

    /// Whether a quantile is supported by enough values for a distribution-free 95 % interval: n >= ln 0.025 / ln q.
    pub fn is_firm(&self, q: f64) -> bool {
        self.n as f64 >= (0.025f64.ln() / q.ln()).ceil()
    }
}

/// How many requests went which way. Every retry, skip and fallback is here.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    /// Measured requests that were sent or tried.
    pub total: u64,
    /// Complete replies.
    pub ok: u64,
    /// Failed requests.
    pub failed: u64,
    /// In flight when the user cut the run.
    pub cancelled: u64,
    /// Planned but never started: the run was stopped, its time was up, or no slot was free in time.
    pub unsent: u64,
    /// Those of them that came due and found no slot in time; each has a row.
    #[serde(default)]
    pub unsent_rows: u64,
    /// Cut in flight, or come due and never sent: known only to have taken longer than they were watched.
    #[serde(default)]
    pub censored: u64,
    /// Sent to warm up; in no figure.
    pub warmup: u64,
    /// Replies that came as a stream, and failed requests that asked for one.
    pub stream: u64,
    /// The others.
    pub non_stream: u64,
    /// Successful replies counted by the server's usage.
    pub tokens_from_usage: u64,
    /// Successful replies counted by a tokenizer after the run.
    pub tokens_from_tokenizer: u64,
    /// Successful replies with no token count.
    pub tokens_missing: u64,
    /// Successful streams in which no token was seen.
    pub no_output: u64,
    /// Streams that ended properly but without `[DONE]`.
    pub done_missing: u64,
    /// Events whose data was not JSON and that were passed over.
    pub ignored_events: u64,
    /// Events that came out of the same read as the event before them, and so share its stamp.
    #[serde(default)]
    pub shared_stamps: u64,
    /// Connections that were set up for measured requests.
    pub connections: u64,
    /// Values above a day, clipped in the quantiles.
    pub clipped: u64,
}

/// Failures of one kind.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FailureCount {
    /// How many.
    pub count: u64,
    /// HTTP statuses among them.
    pub statuses: BTreeMap<u16, u64>,
    /// The first one's words.
    pub first: String,
    /// When the first one ended, in seconds since the run's epoch.
    pub first_at_s: f64,
}

/// Everything that is computed of one load point.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// How many requests went which way.
    pub counts: Counts,
    /// Failures by kind.
    pub failures: BTreeMap<String, FailureCount>,
    /// Length of the measured part, in seconds.
    pub wall_s: Option<f64>,
    /// Requests per second.
    pub request_throughput: Option<f64>,
    /// 95 % interval of it, from sections of equal length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_throughput_ci: Option<Interval>,
    /// Output tokens per second.
    pub output_throughput: Option<f64>,
    /// 95 % interval of it, from sections of equal length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_throughput_ci: Option<Interval>,
    /// Input and output tokens per second.
    pub total_throughput: Option<f64>,
    /// Cached prompt tokens / prompt tokens, where the server tells, in percent.
    pub cached_percent: Option<f64>,
    /// Reasoning tokens of all replies, where the server tells.
    pub reasoning_tokens: Option<u64>,
    /// Time to first token.
    pub ttft_ms: Option<Spread>,
    /// Time to first event with choices.
    pub ttft_event_ms: Option<Spread>,
    /// Time to first visible text.
    pub ttft_text_ms: Option<Spread>,
    /// Time per output token.
    pub tpot_ms: Option<Spread>,
    /// Gaps between chunks.
    pub itl_ms: Option<Spread>,
    /// Gaps between tokens.
    pub itl_per_token_ms: Option<Spread>,
    /// End-to-end latency.
    pub e2e_ms: Option<Spread>,
    /// Decode speed of one reply, tokens per second.
    pub decode_speed: Option<Spread>,
    /// Prompt tokens.
    pub input_tokens: Option<Spread>,
    /// Completion tokens.
    pub output_tokens: Option<Spread>,
    /// Time to first token from the instant the request was due.
    #[serde(default)]
    pub ttft_intended_ms: Option<Spread>,
    /// End-to-end latency from the instant the request was due.
    #[serde(default)]
    pub e2e_intended_ms: Option<Spread>,
    /// Connection set-up.
    pub connect_ms: Option<Spread>,
    /// Slot free to first byte written.
    pub slot_wait_ms: Option<Spread>,
    /// The same of the part in which the server was warm and the load full.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steady: Option<SteadyFigures>,
    /// Why there is no such part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steady_none: Option<String>,
    /// Whole conversations, where requests are turns of such.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversations: Option<ConversationFigures>,
    /// Requests that met every service level objective, where any was set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goodput: Option<Goodput>,
}
