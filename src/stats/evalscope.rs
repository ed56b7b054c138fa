//! The figures as EvalScope 1.14.1 computes and names them, so that scripts that read its files read ours.
//!
//! Formulas: latency ends with the last event that carries JSON; TTFT of a reply that is not streamed is its latency,
//! of a stream without output 0; TPOT = (latency - TTFT) / (tokens - 1); averages of TTFT and TPOT are over streams,
//! or over everything where nothing streamed; quantiles are nearest rank, each column sorted on its own; gaps are
//! pooled. Where nothing succeeded EvalScope writes -1, and -1000 for averages in ms. One thing is done right instead:
//! an empty percentile column is `null`, not the literal `NaN` that no JSON parser accepts.

use serde_json::{Map, Value, json};

use super::column::Column;
use crate::plan::Load;
use crate::record::{Outcome, Record};
use crate::units::{NS_PER_S, round_to};

/// What EvalScope is told besides the requests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CompatOptions {
    /// Requests in flight; -1 in an open loop.
    pub concurrency: i64,
    /// Asked rate in requests per second; -1 when unpaced.
    pub rate: f64,
    /// Requests are turns of conversations.
    pub multi_turn: bool,
    /// Replies are embeddings or ranks: only input is counted.
    pub input_only: bool,
    /// Prefill-decode hand-off figures are asked for.
    pub hand_off: bool,
}

impl CompatOptions {
    /// Those of single-turn text generation; an open loop has EvalScope's -1 for its concurrency.
    pub fn of(load: &Load) -> Self {
        CompatOptions {
            concurrency: if load.is_open() { -1 } else { load.level() as i64 },
            rate: load.rate().unwrap_or(-1.0),
            multi_turn: false,
            input_only: false,
            hand_off: false,
        }
    }
}

/// The unrounded aggregates in seconds and tokens; `None` where EvalScope writes -1 or leaves a key out.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(missing_docs, reason = "the names are EvalScope's own, explained in the module")]
pub struct CompatRaw {
    pub total_requests: u64,
    pub succeed_requests: u64,
    pub failed_requests: u64,
    pub stream_requests: u64,
    pub non_stream_requests: u64,
    pub total_time: f64,
    pub avg_latency: Option<f64>,
    pub avg_first_chunk_latency: Option<f64>,
    pub avg_time_per_output_token: Option<f64>,
    pub avg_inter_token_latency: Option<f64>,
    pub avg_steady_inter_token_latency: Option<f64>,
    pub avg_pd_handoff_latency: Option<f64>,
    pub avg_pd_handoff_overhead: Option<f64>,
    pub qps: f64,
    pub avg_prompt_tokens: Option<f64>,
    pub avg_completion_tokens: Option<f64>,
    pub avg_input_token_throughput: f64,
    pub avg_output_token_throughput: f64,
    pub avg_total_token_throughput: f64,
    pub avg_turns_per_request: Option<f64>,
    pub avg_cached_percent: Option<f64>,
    pub avg_first_turn_ttft: Option<f64>,
    pub avg_subsequent_turn_ttft: Option<f64>,
    pub avg_decoded_tokens_per_iter: Option<f64>,
}

/// One successful request in EvalScope's terms, in seconds.
pub(super) struct Row {
    pub(super) latency: f64,
    pub(super) ttft: f64,
    pub(super) tpot: f64,
    prompt: f64,
    pub(super) completion: f64,
    pub(super) stream: bool,
}

impl Row {
    pub(super) fn of(record: &Record) -> Self {
        let (start, end) = span(record);
        let latency = end.saturating_sub(start) as f64 / NS_PER_S;
        let ttft = if record.stream { record.ttft_ns().map_or(0.0, |ttft| ttft as f64 / NS_PER_S) } else { latency };
        let completion = record.completion_tokens.unwrap_or(0) as f64;
        let prompt = record.prompt_tokens.unwrap_or(0) as f64;
        let tpot = if completion > 1.0 { (latency - ttft) / (completion - 1.0) } else { 0.0 };
        Row { latency, ttft, tpot, prompt, completion, stream: record.stream }
    }
}

/// When a request began and ended: a stream ends with its last JSON event for the latency, and so it does for the wall
/// time.
pub(super) fn span(record: &Record) -> (u64, u64) {
    let start = record.started_ns.unwrap_or(record.intended_ns);
    (start, if record.stream { record.last_event_ns.unwrap_or(record.end_ns) } else { record.end_ns })
}

/// Gaps between chunks that are kept exactly; there are many more of them than of requests.
const EXACT_GAPS: usize = 200_000;

/// What of the successful requests depends on whether they streamed.
#[derive(Default)]
struct Timed {
    ttft: Column,
    tpot: Column,
    decode: Column,
    /// Replies of more than one token.
    longer: u64,
}

/// Everything EvalScope's files of one load point are made from.
#[derive(Default)]
pub struct Compat {
    latency: Column,
    prompt: Column,
    completion: Column,
    input_rate: Column,
    output_rate: Column,
    total_rate: Column,
    streamed: Timed,
    others: Timed,
    gaps: Column,
    steady: Column,
    hand_off: Column,
    overhead: Column,
    total: u64,
    streams: u64,
    first_start: Option<u64>,
    last_end: u64,
    turns: u64,
    cached: (u64, u64, bool),
    first_turn: (f64, u64),
    later_turns: (f64, u64),
    decoded: (f64, u64),
}

impl Compat {
    /// Adds one record. Warm-up requests are left out, and so are those the user cut, which EvalScope never records.
    pub fn add(&mut self, record: &Record) {
        if record.warmup || matches!(record.outcome, Outcome::Cancelled | Outcome::Unsent) {
            return;
        }
        self.total += 1;
        self.streams += u64::from(record.stream);
        let (start, end) = span(record);
        self.first_start = Some(self.first_start.map_or(start, |first| first.min(start)));
        self.last_end = self.last_end.max(end);
        if !record.is_ok() {
            return;
        }
        let row = Row::of(record);
        let (completion, ttft) = (row.completion, row.ttft);
        self.push(&row);
        if record.stream {
            self.add_gaps(&record.gaps_ns);
            if completion > 1.0 && record.decode_chunks > 1 {
                let per_iteration = (completion - 1.0) / f64::from(record.decode_chunks - 1);
                if per_iteration > 1.0 {
                    self.decoded.0 += per_iteration;
                    self.decoded.1 += 1;
                }
            }
        }
        self.turns += u64::from(record.turn) + 1;
        let by_turn = if record.turn == 0 { &mut self.first_turn } else { &mut self.later_turns };
        by_turn.0 += ttft;
        by_turn.1 += 1;
        let cached = record.cached_tokens.or(record.cached_estimate);
        if let (Some(cached), Some(prompt @ 1..)) = (cached, record.prompt_tokens) {
            self.cached = (self.cached.0 + cached, self.cached.1 + prompt, true);
        }
    }

    fn push(&mut self, row: &Row) {
        let Row { latency, ttft, tpot, prompt, completion, stream } = *row;
        self.latency.push(latency);
        self.prompt.push(prompt);
        self.completion.push(completion);
        self.input_rate.push(prompt / latency);
        self.output_rate.push(completion / latency);
        self.total_rate.push((prompt + completion) / latency);
        let timed = if stream { &mut self.streamed } else { &mut self.others };
        timed.ttft.push(ttft);
        timed.longer += u64::from(completion > 1.0);
        // A reply of one token has no TPOT, unless nothing streamed: then every row says 0.
        if completion > 1.0 || !stream {
            timed.tpot.push(tpot);
        }
        if tpot > 0.0 {
            timed.decode.push(1.0 / tpot);
        }
    }

    fn add_gaps(&mut self, gaps_ns: &[u64]) {
        let gaps: Vec<f64> = gaps_ns.iter().map(|gap| *gap as f64 / NS_PER_S).collect();
        if let Some((first, rest)) = gaps.split_first() {
            self.hand_off.push(*first);
            rest.iter().for_each(|gap| self.steady.push_up_to(EXACT_GAPS, *gap));
            if !rest.is_empty() {
                self.overhead.push((first - median(rest)).max(0.0));
            }
        }
        gaps.into_iter().for_each(|gap| self.gaps.push_up_to(EXACT_GAPS, gap));
    }

    /// What averages of TTFT and TPOT are over: streams, or everything where nothing streamed.
    fn timed(&self) -> &Timed {
        if self.streamed.ttft.len() > 0 { &self.streamed } else { &self.others }
    }

    /// Whether percentiles come from histograms, because there are too many requests to keep them all.
    pub fn is_long(&self) -> bool {
        self.latency.is_long() || self.gaps.is_long()
    }

    /// The unrounded aggregates.
    pub fn raw(&self, options: CompatOptions) -> CompatRaw {
        let n = self.latency.len() as f64;
        let per_request = |total: f64| (n > 0.0).then(|| total / n);
        let wall = self.last_end.saturating_sub(self.first_start.unwrap_or(0)) as f64 / NS_PER_S;
        let total_time = if self.total == 0 { 1.0 } else { wall };
        let per_second = |amount: f64| if wall > 0.0 { amount / wall } else { -1.0 };
        let first = self.streamed.ttft.sum() + self.others.ttft.sum();
        let timed = self.timed();
        let (prompt, completion) = (self.prompt.sum(), self.completion.sum());
        let hand_off = |values: &Column| if options.hand_off { values.mean() } else { None };
        let turns = |value: Option<f64>| value.filter(|_| options.multi_turn);
        let part = |(total, count): (f64, u64)| (count > 0).then(|| total / count as f64);
        CompatRaw {
            total_requests: self.total,
            succeed_requests: self.latency.len(),
            failed_requests: self.total - self.latency.len(),
            stream_requests: self.streams,
            non_stream_requests: self.total - self.streams,
            total_time,
            avg_latency: per_request(self.latency.sum()),
            avg_first_chunk_latency: timed.ttft.mean(),
            avg_time_per_output_token: (timed.longer > 0)
                .then(|| timed.tpot.sum() / timed.longer as f64)
                .or(per_request(0.0)),
            avg_inter_token_latency: Some(self.gaps.mean().unwrap_or(0.0)),
            avg_steady_inter_token_latency: hand_off(&self.steady),
            avg_pd_handoff_latency: hand_off(&self.hand_off),
            avg_pd_handoff_overhead: hand_off(&self.overhead),
            qps: per_second(n),
            avg_prompt_tokens: per_request(prompt),
            avg_completion_tokens: per_request(completion),
            avg_input_token_throughput: if first > 0.0 { prompt / first } else { -1.0 },
            avg_output_token_throughput: per_second(completion),
            avg_total_token_throughput: per_second(prompt + completion),
            avg_turns_per_request: turns(per_request(self.turns as f64)),
            avg_cached_percent: self.cached.2.then(|| 100.0 * self.cached.0 as f64 / self.cached.1 as f64),
            avg_first_turn_ttft: turns(part(self.first_turn)),
            avg_subsequent_turn_ttft: turns(part(self.later_turns)),
            avg_decoded_tokens_per_iter: part(self.decoded),
        }
    }

    /// The contents of `benchmark_summary.json`, keys in EvalScope's order.
    pub fn summary(&self, options: CompatOptions) -> Map<String, Value> {
        let raw = self.raw(options);
        let mut out = Map::new();
        let four = |value: Option<f64>| json!(round_to(value.unwrap_or(-1.0), 4));
        let ms = |value: Option<f64>| json!(round_to(value.unwrap_or(-1.0) * 1000.0, 2));
        let mut put = |key: &str, value: Value| out.insert(key.to_owned(), value);
        put("Test Duration (s)", four(Some(raw.total_time)));
        put("Concurrency", json!(options.concurrency));
        put("Request Rate (req/s)", json!(options.rate));
        put("Total Requests", json!(raw.total_requests));
        put("Success Requests", json!(raw.succeed_requests));
        put("Failed Requests", json!(raw.failed_requests));
        put("Stream Requests", json!(raw.stream_requests));
        put("Non-Stream Requests", json!(raw.non_stream_requests));
        put("Req Throughput (req/s)", four(Some(raw.qps)));
        put("Avg Latency (s)", four(raw.avg_latency));
        put("Avg Input Tokens", four(raw.avg_prompt_tokens));
        if options.input_only {
            put("Input Throughput (tok/s)", four(Some(raw.avg_input_token_throughput)));
            // The keys of generation are written all the same, as zeros.
            for key in [
                "Output Throughput (tok/s)",
                "Total Throughput (tok/s)",
                "Avg TTFT (ms)",
                "Avg TPOT (ms)",
                "Avg ITL (ms)",
                "Avg Output Tokens",
            ] {
                put(key, json!(0.0));
            }
            return out;
        }
        put("Output Throughput (tok/s)", four(Some(raw.avg_output_token_throughput)));
        put("Total Throughput (tok/s)", four(Some(raw.avg_total_token_throughput)));
        put("Avg TTFT (ms)", ms(raw.avg_first_chunk_latency));
        put("Avg TPOT (ms)", ms(raw.avg_time_per_output_token));
        put("Avg ITL (ms)", ms(raw.avg_inter_token_latency));
        if options.hand_off {
            put("Avg Steady ITL (ms)", ms(raw.avg_steady_inter_token_latency));
            put("Avg PD Handoff Latency (ms)", ms(raw.avg_pd_handoff_latency));
            put("Avg PD Handoff Overhead (ms)", ms(raw.avg_pd_handoff_overhead));
        }
        put("Avg Output Tokens", four(raw.avg_completion_tokens));
        put("Input Throughput (tok/s)", json!(0.0));
        if let Some(turns) = raw.avg_turns_per_request {
            put("Avg Turns/Request", four(Some(turns)));
        }
        if let Some(percent) = raw.avg_cached_percent {
            put("KV Cache Hit Rate (%)", four(Some(percent)));
        }
        if let Some(ttft) = raw.avg_first_turn_ttft {
            put("Avg First-Turn TTFT (ms)", ms(Some(ttft)));
        }
        if let Some(ttft) = raw.avg_subsequent_turn_ttft {
            put("Avg Subsequent-Turn TTFT (ms)", ms(Some(ttft)));
        }
        if let Some(decoded) = raw.avg_decoded_tokens_per_iter {
            put("Avg Decoded Tok/Iter", four(Some(decoded)));
            put("Spec. Accept Rate", four(Some((1.0 - 1.0 / decoded).clamp(0.0, 1.0))));
        }
        out
    }

    /// The contents of `benchmark_percentile.json`: rows from `min` to `max`, each column sorted on its own.
    pub fn percentiles(&self, options: CompatOptions) -> Vec<Map<String, Value>> {
        let timed = self.timed();
        let mut columns: Vec<(&str, &Column, f64)> = vec![("Latency (s)", &self.latency, 1.0)];
        if options.input_only {
            columns.push(("Input tokens", &self.prompt, 1.0));
            columns.push(("Input (tok/s)", &self.input_rate, 1.0));
        } else {
            columns.push(("TTFT (ms)", &timed.ttft, 1000.0));
            columns.push(("ITL (ms)", &self.gaps, 1000.0));
            if options.hand_off {
                columns.push(("Steady ITL (ms)", &self.steady, 1000.0));
                columns.push(("PD Handoff Latency (ms)", &self.hand_off, 1000.0));
                columns.push(("PD Handoff Overhead (ms)", &self.overhead, 1000.0));
            }
            columns.push(("TPOT (ms)", &timed.tpot, 1000.0));
            columns.push(("Input tokens", &self.prompt, 1.0));
            columns.push(("Output tokens", &self.completion, 1.0));
            columns.push(("Output (tok/s)", &self.output_rate, 1.0));
            columns.push(("Total (tok/s)", &self.total_rate, 1.0));
            columns.push(("Decode (tok/s)", &timed.decode, 1.0));
        }
        const ROWS: [(&str, f64); 11] = [
            ("min", 0.0),
            ("1%", 1.0),
            ("5%", 5.0),
            ("10%", 10.0),
            ("25%", 25.0),
            ("50%", 50.0),
            ("75%", 75.0),
            ("90%", 90.0),
            ("95%", 95.0),
            ("99%", 99.0),
            ("max", 100.0),
        ];
        let percents = ROWS.map(|(_, percent)| percent);
        let columns: Vec<_> =
            columns.into_iter().map(|(name, column, scale)| (name, column.at(&percents), scale)).collect();
        ROWS.iter()
            .enumerate()
            .map(|(index, (label, _))| {
                let mut row = Map::new();
                row.insert("Percentiles".to_owned(), json!(label));
                for (name, values, scale) in &columns {
                    let value = values[index].map(|value| round_to(value * scale, 4));
                    row.insert((*name).to_owned(), json!(value));
                }
                row
            })
            .collect()
    }
}

fn median(values: &[f64]) -> f64 {
    let values = sorted(values.iter().copied());
    let middle = values.len() / 2;
    if values.len().is_multiple_of(2) { f64::midpoint(values[middle - 1], values[middle]) } else { values[middle] }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    values.sort_unstable_by(f64::total_cmp);
    values
}

#[cfg(test)]
#[path = "evalscope_tests.rs"]
mod tests;
