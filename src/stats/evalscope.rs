//! The figures as EvalScope 1.14.1 computes and names them, so that scripts that read its files read ours.
//!
//! Formulas: latency ends with the last event that carries JSON; TTFT of a reply that is not streamed is its latency,
//! of a stream without output 0; TPOT = (latency - TTFT) / (tokens - 1); averages of TTFT and TPOT are over streams,
//! or over everything where nothing streamed; quantiles are nearest rank, each column sorted on its own; gaps are
//! pooled. Where nothing succeeded EvalScope writes -1, and -1000 for averages in ms. One thing is done right instead:
//! an empty percentile column is `null`, not the literal `NaN` that no JSON parser accepts.

use serde_json::{Map, Value, json};

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
struct Row {
    latency: f64,
    ttft: f64,
    tpot: f64,
    prompt: f64,
    completion: f64,
    stream: bool,
}

/// Everything EvalScope's files of one load point are made from.
#[derive(Default)]
pub struct Compat {
    rows: Vec<Row>,
    gaps: Vec<f64>,
    steady: Vec<f64>,
    hand_off: Vec<f64>,
    overhead: Vec<f64>,
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
        let start = record.started_ns.unwrap_or(record.intended_ns);
        // A stream ends with its last JSON event for the latency, and so it does for the wall time.
        let end = if record.stream { record.last_event_ns.unwrap_or(record.end_ns) } else { record.end_ns };
        self.first_start = Some(self.first_start.map_or(start, |first| first.min(start)));
        self.last_end = self.last_end.max(end);
        if !record.is_ok() {
            return;
        }
        let latency = end.saturating_sub(start) as f64 / NS_PER_S;
        let ttft = if record.stream { record.ttft_ns().map_or(0.0, |ttft| ttft as f64 / NS_PER_S) } else { latency };
        let completion = record.completion_tokens.unwrap_or(0) as f64;
        let prompt = record.prompt_tokens.unwrap_or(0) as f64;
        let tpot = if completion > 1.0 { (latency - ttft) / (completion - 1.0) } else { 0.0 };
        self.rows.push(Row { latency, ttft, tpot, prompt, completion, stream: record.stream });
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
        if let (Some(cached), Some(prompt @ 1..)) = (record.cached_tokens, record.prompt_tokens) {
            self.cached = (self.cached.0 + cached, self.cached.1 + prompt, true);
        }
    }

    fn add_gaps(&mut self, gaps_ns: &[u64]) {
        let gaps: Vec<f64> = gaps_ns.iter().map(|gap| *gap as f64 / NS_PER_S).collect();
        if let Some((first, rest)) = gaps.split_first() {
            self.hand_off.push(*first);
            self.steady.extend_from_slice(rest);
            if !rest.is_empty() {
                self.overhead.push((first - median(rest)).max(0.0));
            }
        }
        self.gaps.extend(gaps);
    }

    /// The rows averages of TTFT and TPOT are over: streams, or everything where nothing streamed.
    fn timed(&self) -> impl Iterator<Item = &Row> {
        let streamed = self.rows.iter().any(|row| row.stream);
        self.rows.iter().filter(move |row| row.stream || !streamed)
    }

    /// The unrounded aggregates.
    pub fn raw(&self, options: CompatOptions) -> CompatRaw {
        let sum = |of: fn(&Row) -> f64| self.rows.iter().map(of).sum::<f64>();
        let n = self.rows.len() as f64;
        let per_request = |total: f64| (n > 0.0).then(|| total / n);
        let wall = self.last_end.saturating_sub(self.first_start.unwrap_or(0)) as f64 / NS_PER_S;
        let total_time = if self.total == 0 { 1.0 } else { wall };
        let per_second = |amount: f64| if wall > 0.0 { amount / wall } else { -1.0 };
        let latency = sum(|row| row.latency);
        let first = sum(|row| row.ttft);
        let hand_off = |values: &[f64]| if options.hand_off { mean(values.iter().copied()) } else { None };
        let turns = |value: Option<f64>| value.filter(|_| options.multi_turn);
        let part = |(total, count): (f64, u64)| (count > 0).then(|| total / count as f64);
        CompatRaw {
            total_requests: self.total,
            succeed_requests: self.rows.len() as u64,
            failed_requests: self.total - self.rows.len() as u64,
            stream_requests: self.streams,
            non_stream_requests: self.total - self.streams,
            total_time,
            avg_latency: per_request(latency),
            avg_first_chunk_latency: mean(self.timed().map(|row| row.ttft)),
            avg_time_per_output_token: mean(self.timed().filter(|row| row.completion > 1.0).map(|row| row.tpot))
                .or(per_request(0.0)),
            avg_inter_token_latency: Some(mean(self.gaps.iter().copied()).unwrap_or(0.0)),
            avg_steady_inter_token_latency: hand_off(&self.steady),
            avg_pd_handoff_latency: hand_off(&self.hand_off),
            avg_pd_handoff_overhead: hand_off(&self.overhead),
            qps: per_second(n),
            avg_prompt_tokens: per_request(sum(|row| row.prompt)),
            avg_completion_tokens: per_request(sum(|row| row.completion)),
            avg_input_token_throughput: if first > 0.0 { sum(|row| row.prompt) / first } else { -1.0 },
            avg_output_token_throughput: per_second(sum(|row| row.completion)),
            avg_total_token_throughput: per_second(sum(|row| row.prompt + row.completion)),
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
        let column = |of: fn(&Row) -> f64| sorted(self.rows.iter().map(of));
        let timed = |of: fn(&Row) -> f64| sorted(self.timed().map(of));
        // A reply of one token has no TPOT, unless nothing streamed: then every row says 0.
        let tpot = sorted(self.timed().filter(|row| row.completion > 1.0 || !row.stream).map(|row| row.tpot * 1000.0));
        let ms = |values: &[f64]| sorted(values.iter().map(|value| value * 1000.0));
        let mut columns: Vec<(&str, Vec<f64>)> = vec![("Latency (s)", column(|row| row.latency))];
        if options.input_only {
            columns.push(("Input tokens", column(|row| row.prompt)));
            columns.push(("Input (tok/s)", column(|row| row.prompt / row.latency)));
        } else {
            columns.push(("TTFT (ms)", timed(|row| row.ttft * 1000.0)));
            columns.push(("ITL (ms)", ms(&self.gaps)));
            if options.hand_off {
                columns.push(("Steady ITL (ms)", ms(&self.steady)));
                columns.push(("PD Handoff Latency (ms)", ms(&self.hand_off)));
                columns.push(("PD Handoff Overhead (ms)", ms(&self.overhead)));
            }
            columns.push(("TPOT (ms)", tpot));
            columns.push(("Input tokens", column(|row| row.prompt)));
            columns.push(("Output tokens", column(|row| row.completion)));
            columns.push(("Output (tok/s)", column(|row| row.completion / row.latency)));
            columns.push(("Total (tok/s)", column(|row| (row.prompt + row.completion) / row.latency)));
            columns.push(("Decode (tok/s)", timed(|row| if row.tpot > 0.0 { 1.0 / row.tpot } else { f64::NAN })));
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
        ROWS.iter()
            .map(|(label, percent)| {
                let mut row = Map::new();
                row.insert("Percentiles".to_owned(), json!(label));
                for (name, values) in &columns {
                    let value = nearest_rank(values, *percent).map(|value| round_to(value, 4));
                    row.insert((*name).to_owned(), json!(value));
                }
                row
            })
            .collect()
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, n) = values.fold((0.0, 0u64), |(sum, n), value| (sum + value, n + 1));
    (n > 0).then(|| sum / n as f64)
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

fn nearest_rank(sorted: &[f64], percent: f64) -> Option<f64> {
    let rank = (sorted.len() as f64 * percent / 100.0).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Outcome, TokensFrom};

    #[test]
    fn nearest_rank_is_that_of_1_14_1() {
        let values: Vec<f64> = (1..=10).map(f64::from).collect();
        let at = |percent| nearest_rank(&values, percent);
        assert_eq!([at(25.0), at(50.0), at(75.0), at(90.0), at(99.0)], [3.0, 5.0, 8.0, 9.0, 10.0].map(Some));
    }

    #[test]
    fn nothing_succeeded_gives_evalscopes_sentinels() {
        let options = CompatOptions::of(&Load::Closed { parallel: 4 });
        let summary = Compat::default().summary(options);
        assert_eq!(summary["Avg Latency (s)"], json!(-1.0));
        assert_eq!(summary["Avg TTFT (ms)"], json!(-1000.0));
        assert_eq!(summary["Test Duration (s)"], json!(1.0));
        assert_eq!(Compat::default().percentiles(options)[0]["TTFT (ms)"], Value::Null);
    }

    /// One golden request as a record.
    fn record(case: &Value, index: usize) -> Record {
        let column = |name: &str| case["requests"].get(name).map_or(&Value::Null, |column| &column[index]);
        let number = |name: &str| column(name).as_u64();
        let us = 1000;
        let start = 1_000_000_000_000 + number("s").unwrap_or(0) * us;
        let ok = number("ok") == Some(1);
        let stream = number("stream") == Some(1);
        let chunks: Vec<u64> =
            column("c").as_array().into_iter().flatten().filter_map(Value::as_u64).map(|gap| gap * us).collect();
        let first = chunks.first().map(|first| start + first);
        let end = start + number("e").unwrap_or(0) * us;
        Record {
            turn: number("turns").map_or(0, |turns| turns as u32 - 1),
            started_ns: Some(start),
            first_token_ns: first,
            last_token_ns: first.map(|_| start + chunks.iter().sum::<u64>()),
            last_event_ns: stream.then_some(end),
            end_ns: end,
            outcome: if ok { Outcome::Ok } else { Outcome::Failed(crate::record::FailureKind::Broken) },
            prompt_tokens: number("pt"),
            completion_tokens: number("ct"),
            cached_tokens: number("cached"),
            tokens_from: Some(TokensFrom::Usage),
            chunks: chunks.len() as u32,
            decode_chunks: number("dc").map_or(chunks.len() as u32, |chunks| chunks as u32),
            stream,
            warmup: number("warmup") == Some(1),
            gaps_ns: chunks.into_iter().skip(1).collect(),
            ..Record::due(String::new(), 0, 0, start)
        }
    }

    fn close(got: &Value, expected: &Value, unit: f64, what: &str) {
        match (got.as_f64(), expected.as_f64()) {
            (Some(got), Some(expected)) => {
                assert!((got - expected).abs() <= unit * 1.0001, "{what}: {got} instead of {expected}");
            }
            (got, expected) => assert_eq!(got, expected, "{what}"),
        }
    }

    #[test]
    fn every_field_agrees_with_the_golden_traces() -> Result<(), Box<dyn std::error::Error>> {
        let text = include_str!("../../tests/golden/perf_metrics.jsonl");
        let mut cases = 0;
        for line in text.lines() {
            let case: Value = serde_json::from_str(line)?;
            let id = &case["id"];
            let mut compat = Compat::default();
            for index in 0..case["n"].as_u64().unwrap_or(0) as usize {
                compat.add(&record(&case, index));
            }
            let options = CompatOptions {
                concurrency: case["concurrency"].as_i64().unwrap_or(0),
                rate: case["rate"].as_f64().unwrap_or(0.0),
                multi_turn: case["requests"].get("turns").is_some(),
                input_only: case["api"] == "openai_embedding",
                hand_off: case["pd"] == true,
            };
            let expected = &case["expected"]["evalscope"];

            let summary = compat.summary(options);
            for (key, value) in expected["summary"].as_object().into_iter().flatten() {
                let unit = if key.ends_with("(ms)") { 0.01 } else { 0.0001 };
                close(summary.get(key).unwrap_or(&Value::Null), value, unit, &format!("{id} {key}"));
            }
            // Beyond the golden keys there are only the fillers that the file carries.
            let fillers = if options.input_only { 6 } else { 1 };
            assert_eq!(summary.len(), expected["summary"].as_object().map_or(0, Map::len) + fillers, "{id}");

            let raw = compat.raw(options);
            let optional = |value: Option<f64>| value.unwrap_or(-1.0);
            for (key, value) in [
                ("total_time", raw.total_time),
                ("avg_latency", optional(raw.avg_latency)),
                ("avg_first_chunk_latency", optional(raw.avg_first_chunk_latency)),
                ("avg_time_per_output_token", optional(raw.avg_time_per_output_token)),
                ("avg_inter_token_latency", optional(raw.avg_inter_token_latency)),
                ("avg_steady_inter_token_latency", optional(raw.avg_steady_inter_token_latency)),
                ("avg_pd_handoff_latency", optional(raw.avg_pd_handoff_latency)),
                ("avg_pd_handoff_overhead", optional(raw.avg_pd_handoff_overhead)),
                ("qps", raw.qps),
                ("avg_prompt_tokens", optional(raw.avg_prompt_tokens)),
                ("avg_completion_tokens", optional(raw.avg_completion_tokens)),
                ("avg_input_token_throughput", raw.avg_input_token_throughput),
                ("avg_output_token_throughput", raw.avg_output_token_throughput),
                ("avg_total_token_throughput", raw.avg_total_token_throughput),
                ("avg_turns_per_request", optional(raw.avg_turns_per_request)),
                ("avg_cached_percent", optional(raw.avg_cached_percent)),
                ("avg_first_turn_ttft", optional(raw.avg_first_turn_ttft)),
                ("avg_subsequent_turn_ttft", optional(raw.avg_subsequent_turn_ttft)),
                ("avg_decoded_tokens_per_iter", optional(raw.avg_decoded_tokens_per_iter)),
            ] {
                let expected = expected["raw"][key].as_f64().unwrap_or(f64::NAN);
                assert!((value - expected).abs() <= expected.abs() * 1e-9, "{id} {key}: {value} instead of {expected}");
            }

            let rows = compat.percentiles(options);
            let golden = expected["percentiles"].as_array().ok_or("no percentiles")?;
            assert_eq!(rows.len(), golden.len());
            for (row, expected) in rows.iter().zip(golden) {
                let expected = expected.as_object().ok_or("no row")?;
                assert!(row.keys().eq(expected.keys()), "{id}: {:?}", row.keys().collect::<Vec<_>>());
                assert_eq!(row["Percentiles"], expected["Percentiles"]);
                for (key, value) in expected.iter().filter(|(key, _)| *key != "Percentiles") {
                    close(&row[key], value, 0.0001, &format!("{id} {} {key}", row["Percentiles"]));
                }
            }
            cases += 1;
        }
        assert_eq!(cases, 28);
        Ok(())
    }
}
