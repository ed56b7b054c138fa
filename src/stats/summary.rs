//! The running totals of a load point.

use std::collections::BTreeMap;

use super::conversations::Conversations;
use super::{Counts, FailureCount, Figures, Spread};
use crate::hist::Hist;
use crate::record::{Outcome, Record, TokensFrom};
use crate::units::{NS_PER_MS, NS_PER_S, seconds};

/// Speeds are recorded in thousandths of a token per second.
const SPEED_SCALE: f64 = 1000.0;

/// Counters and histograms of one load point. [`Summary::merge`] is associative and commutative, up to which of several
/// first failures is quoted: the earliest wins.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    counts: Counts,
    failures: BTreeMap<String, FailureCount>,
    first_start: Option<u64>,
    last_end: Option<u64>,
    cached: (u64, u64),
    cached_known: bool,
    reasoning: Option<u64>,
    ttft: Hist,
    ttft_event: Hist,
    ttft_text: Hist,
    tpot: Hist,
    itl: Hist,
    itl_per_token: Hist,
    e2e: Hist,
    felt_ttft: Hist,
    felt_e2e: Hist,
    decode: Hist,
    input: Hist,
    output: Hist,
    connect: Hist,
    slot_wait: Hist,
    conversations: Conversations,
}

impl Summary {
    /// Adds one record. Warm-up requests and cancelled ones are counted and otherwise left out.
    pub fn add(&mut self, record: &Record) {
        if record.warmup {
            self.counts.warmup += 1;
            return;
        }
        self.conversations.add(record);
        let counts = &mut self.counts;
        counts.total += 1;
        match record.outcome {
            Outcome::Cancelled => {
                counts.cancelled += 1;
                self.censor(record);
                return;
            }
            Outcome::Unsent => {
                counts.total -= 1;
                counts.unsent += 1;
                counts.unsent_rows += 1;
                self.censor(record);
                return;
            }
            Outcome::Failed(kind) => {
                counts.failed += 1;
                let failure = self.failures.entry(kind.name().to_owned()).or_default();
                failure.count += 1;
                if let Some(status) = record.status {
                    *failure.statuses.entry(status).or_default() += 1;
                }
                if failure.count == 1 {
                    failure.first = record.error.clone().unwrap_or_default();
                    failure.first_at_s = seconds(record.end_ns);
                }
            }
            Outcome::Ok => counts.ok += 1,
        }
        if record.stream {
            counts.stream += 1;
        } else {
            counts.non_stream += 1;
        }
        let start = record.started_ns.unwrap_or(record.intended_ns);
        self.first_start = Some(self.first_start.map_or(start, |first| first.min(start)));
        self.last_end = self.last_end.max(Some(record.end_ns));
        if let Some(connect) = record.connect_ns {
            counts.connections += 1;
            self.connect.record(connect);
        }
        if record.is_ok() {
            self.add_ok(record);
        }
    }

    /// A request that was cut, or came due and was never sent, would have taken at least as long as it was seen to
    /// wait: that bound enters the view from the intended start, where leaving it out would flatter the server.
    fn censor(&mut self, record: &Record) {
        self.counts.censored += 1;
        self.felt_e2e.record(record.end_ns.saturating_sub(record.intended_ns));
        if record.stream && record.first_token_ns.is_none() {
            self.felt_ttft.record(record.end_ns.saturating_sub(record.intended_ns));
        }
    }

    fn add_ok(&mut self, record: &Record) {
        let counts = &mut self.counts;
        match record.tokens_from {
            Some(TokensFrom::Usage) => counts.tokens_from_usage += 1,
            Some(TokensFrom::Tokenizer) => counts.tokens_from_tokenizer += 1,
            None => counts.tokens_missing += 1,
        }
        counts.done_missing += u64::from(record.done_missing);
        counts.ignored_events += u64::from(record.ignored_events);
        counts.shared_stamps += u64::from(record.shared_stamps);
        counts.no_output += u64::from(record.stream && record.chunks == 0);
        let since_start = |stamp: Option<u64>| Some(stamp?.saturating_sub(record.started_ns?));
        record_some(&mut self.ttft, record.ttft_ns());
        record_some(&mut self.ttft_event, since_start(record.first_event_ns));
        record_some(&mut self.ttft_text, since_start(record.first_text_ns));
        record_some(&mut self.e2e, record.e2e_ns());
        record_some(&mut self.felt_ttft, record.felt_ttft_ns());
        self.felt_e2e.record(record.felt_e2e_ns());
        record_some(&mut self.input, record.prompt_tokens);
        record_some(&mut self.output, record.completion_tokens);
        record_some(&mut self.slot_wait, record.started_ns.map(|start| start.saturating_sub(record.intended_ns)));
        if let Some(tpot) = record.tpot_ns() {
            self.tpot.record(tpot.round() as u64);
            if tpot > 0.0 {
                self.decode.record((SPEED_SCALE * NS_PER_S / tpot).round() as u64);
            }
        }
        let per_token = record
            .completion_tokens
            .filter(|tokens| *tokens > 1)
            .map(|tokens| record.gaps_ns.len() as f64 / (tokens - 1) as f64);
        for &gap in &record.gaps_ns {
            self.itl.record(gap);
            if let Some(share) = per_token {
                self.itl_per_token.record((gap as f64 * share).round() as u64);
            }
        }
        if let (Some(cached), Some(prompt)) = (record.cached_tokens, record.prompt_tokens) {
            self.cached_known = true;
            self.cached.0 += cached;
            self.cached.1 += prompt;
        }
        if let Some(reasoning) = record.reasoning_tokens {
            *self.reasoning.get_or_insert(0) += reasoning;
        }
    }

    /// Notes requests that were planned and never started.
    pub fn unsent(&mut self, count: u64) {
        self.counts.unsent += count;
    }

    /// Adds everything the other has seen.
    pub fn merge(&mut self, other: &Summary) {
        let (a, b) = (&mut self.counts, &other.counts);
        for (a, b) in [
            (&mut a.total, b.total),
            (&mut a.ok, b.ok),
            (&mut a.failed, b.failed),
            (&mut a.cancelled, b.cancelled),
            (&mut a.unsent, b.unsent),
            (&mut a.unsent_rows, b.unsent_rows),
            (&mut a.censored, b.censored),
            (&mut a.shared_stamps, b.shared_stamps),
            (&mut a.warmup, b.warmup),
            (&mut a.stream, b.stream),
            (&mut a.non_stream, b.non_stream),
            (&mut a.tokens_from_usage, b.tokens_from_usage),
            (&mut a.tokens_from_tokenizer, b.tokens_from_tokenizer),
            (&mut a.tokens_missing, b.tokens_missing),
            (&mut a.no_output, b.no_output),
            (&mut a.done_missing, b.done_missing),
            (&mut a.ignored_events, b.ignored_events),
            (&mut a.connections, b.connections),
        ] {
            *a += b;
        }
        for (kind, theirs) in &other.failures {
            let ours = self.failures.entry(kind.clone()).or_default();
            if ours.count == 0 || theirs.first_at_s < ours.first_at_s {
                ours.first.clone_from(&theirs.first);
                ours.first_at_s = theirs.first_at_s;
            }
            ours.count += theirs.count;
            for (status, count) in &theirs.statuses {
                *ours.statuses.entry(*status).or_default() += count;
            }
        }
        self.first_start = [self.first_start, other.first_start].into_iter().flatten().min();
        self.last_end = self.last_end.max(other.last_end);
        self.cached.0 += other.cached.0;
        self.cached.1 += other.cached.1;
        self.cached_known |= other.cached_known;
        if let Some(reasoning) = other.reasoning {
            *self.reasoning.get_or_insert(0) += reasoning;
        }
        for (ours, theirs) in self.hists_mut().into_iter().zip(other.hists()) {
            ours.merge(theirs);
        }
        self.conversations.merge(&other.conversations);
    }

    fn hists(&self) -> [&Hist; 14] {
        [
            &self.ttft,
            &self.ttft_event,
            &self.ttft_text,
            &self.tpot,
            &self.itl,
            &self.itl_per_token,
            &self.e2e,
            &self.felt_ttft,
            &self.felt_e2e,
            &self.decode,
            &self.input,
            &self.output,
            &self.connect,
            &self.slot_wait,
        ]
    }

    fn hists_mut(&mut self) -> [&mut Hist; 14] {
        [
            &mut self.ttft,
            &mut self.ttft_event,
            &mut self.ttft_text,
            &mut self.tpot,
            &mut self.itl,
            &mut self.itl_per_token,
            &mut self.e2e,
            &mut self.felt_ttft,
            &mut self.felt_e2e,
            &mut self.decode,
            &mut self.input,
            &mut self.output,
            &mut self.connect,
            &mut self.slot_wait,
        ]
    }

    /// Requests done so far, failed ones included.
    pub fn done(&self) -> u64 {
        self.counts.total
    }

    /// Requests failed so far.
    pub fn failed(&self) -> u64 {
        self.counts.failed
    }

    /// Median time to first token so far, in nanoseconds.
    pub fn ttft_p50_ns(&self) -> Option<u64> {
        self.ttft.quantile(0.5)
    }

    /// Completion tokens so far.
    pub fn output_tokens(&self) -> u128 {
        self.output.sum()
    }

    /// First start and last end of a measured request, in ns since the epoch; `None` where no time lies between them.
    pub fn span_ns(&self) -> Option<(u64, u64)> {
        self.first_start.zip(self.last_end).filter(|(first, last)| last > first)
    }

    fn wall_s(&self) -> Option<f64> {
        self.span_ns().map(|(first, last)| seconds(last - first))
    }

    /// Counts and throughputs so far, without any spread; cheap enough to be asked for while a run goes on.
    pub fn rates(&self) -> Figures {
        self.rates_over(self.wall_s())
    }

    fn rates_over(&self, wall: Option<f64>) -> Figures {
        let rate = |amount: f64| wall.map(|wall| amount / wall);
        let mut counts = self.counts.clone();
        counts.clipped = self.hists().iter().map(|hist| hist.clipped()).sum();
        let tokens = |hist: &Hist| (!hist.is_empty()).then(|| hist.sum() as f64);
        Figures {
            failures: self.failures.clone(),
            wall_s: wall,
            request_throughput: rate(counts.ok as f64),
            output_throughput: tokens(&self.output).and_then(rate),
            total_throughput: tokens(&self.input)
                .zip(tokens(&self.output))
                .and_then(|(input, output)| rate(input + output)),
            cached_percent: (self.cached_known && self.cached.1 > 0)
                .then(|| 100.0 * self.cached.0 as f64 / self.cached.1 as f64),
            reasoning_tokens: self.reasoning,
            counts,
            ..Figures::default()
        }
    }

    /// All figures so far.
    pub fn figures(&self) -> Figures {
        self.figures_over(self.wall_s())
    }

    /// All figures so far, with throughputs over a length of time in seconds: that of several runs, whose stamps count
    /// from epochs of their own.
    pub fn figures_over(&self, wall_s: Option<f64>) -> Figures {
        Figures {
            ttft_ms: Spread::of(&self.ttft, NS_PER_MS),
            ttft_event_ms: Spread::of(&self.ttft_event, NS_PER_MS),
            ttft_text_ms: Spread::of(&self.ttft_text, NS_PER_MS),
            tpot_ms: Spread::of(&self.tpot, NS_PER_MS),
            itl_ms: Spread::of(&self.itl, NS_PER_MS),
            itl_per_token_ms: Spread::of(&self.itl_per_token, NS_PER_MS),
            e2e_ms: Spread::of(&self.e2e, NS_PER_MS),
            decode_speed: Spread::of(&self.decode, SPEED_SCALE),
            input_tokens: Spread::of(&self.input, 1.0),
            output_tokens: Spread::of(&self.output, 1.0),
            ttft_intended_ms: Spread::of(&self.felt_ttft, NS_PER_MS),
            e2e_intended_ms: Spread::of(&self.felt_e2e, NS_PER_MS),
            connect_ms: Spread::of(&self.connect, NS_PER_MS),
            slot_wait_ms: Spread::of(&self.slot_wait, NS_PER_MS),
            conversations: self.conversations.figures(),
            ..self.rates_over(wall_s)
        }
    }
}

fn record_some(hist: &mut Hist, value: Option<u64>) {
    if let Some(value) = value {
        hist.record(value);
    }
}
