//! Conversations as EvalScope's `trace_summary.json` tells them: one value each from its successful turns, and the spread
//! of these values.
//!
//! What a conversation has no value for is 0 there, and one that failed counts by the turns it had, as in EvalScope.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::column::Column;
use super::token_course::timed;
use crate::record::Record;

/// Names of the values, in the order of the file.
const NAMES: [&str; 6] = [
    "Latency (s)",
    "First-Turn TTFT (s)",
    "TTFAT (s)",
    "Decode TPS",
    "Cache Hit Rate (%)",
    "Eligible Cache Hit Rate (%)",
];

/// The spread of one value over all conversations; quantiles are interpolated linearly, as numpy does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are those of the file")]
pub struct TraceRow {
    pub metric: String,
    pub mean: f64,
    pub min: f64,
    pub p50: f64,
    pub p90: f64,
    pub p95: f64,
    pub p99: f64,
    pub max: f64,
}

/// The contents of `trace_summary.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TraceSummary {
    /// Conversations with a successful turn.
    pub n_traces: u64,
    /// A row a value.
    pub rows: Vec<TraceRow>,
}

/// A conversation that goes on. Times in seconds.
#[derive(Debug, Clone, Copy)]
struct Open {
    begun: f64,
    first_ttft: f64,
    last_start: f64,
    last_end: f64,
    last_ttft: f64,
    decode: (f64, u64),
    prompt: u64,
    cached: u64,
    /// Prompt and reply of the turn before.
    before: u64,
    eligible: u64,
    eligible_cached: u64,
}

/// Collects a [`TraceSummary`]; only what goes on is kept. Records of one conversation come in order.
#[derive(Debug, Default)]
pub struct Traces {
    open: BTreeMap<u64, Open>,
    columns: [Column; NAMES.len()],
}

impl Traces {
    /// Adds a record; the warm-up is left out.
    pub fn add(&mut self, record: &Record) {
        if record.warmup {
            return;
        }
        if record.is_ok() {
            self.turn(record);
        }
        if !record.is_ok() || record.turns_left == 0 {
            self.close(record.conversation);
        }
    }

    fn turn(&mut self, record: &Record) {
        let (start, end, latency, ttft) = timed(record);
        let tokens = |count: Option<u64>| count.unwrap_or(0);
        let (prompt, completion) = (tokens(record.prompt_tokens), tokens(record.completion_tokens));
        let cached = tokens(record.cached_tokens.or(record.cached_estimate));
        let open = self.open.entry(record.conversation).or_insert(Open {
            begun: start,
            first_ttft: ttft,
            last_start: start,
            last_end: end,
            last_ttft: ttft,
            decode: (0.0, 0),
            prompt: 0,
            cached: 0,
            before: 0,
            eligible: 0,
            eligible_cached: 0,
        });
        if open.before > 0 {
            open.eligible += open.before;
            open.eligible_cached += cached;
        }
        if completion > 1 && latency > ttft {
            open.decode = (open.decode.0 + (completion - 1) as f64 / (latency - ttft), open.decode.1 + 1);
        }
        (open.last_start, open.last_end, open.last_ttft) = (start, end, ttft);
        (open.prompt, open.cached, open.before) = (open.prompt + prompt, open.cached + cached, prompt + completion);
    }

    fn close(&mut self, conversation: u64) {
        let Some(open) = self.open.remove(&conversation) else { return };
        let percent = |part: u64, of: u64| if of > 0 { 100.0 * part as f64 / of as f64 } else { 0.0 };
        let values = [
            (open.last_end - open.begun).max(0.0),
            open.first_ttft,
            (open.last_start + open.last_ttft - open.begun).max(0.0),
            if open.decode.1 > 0 { open.decode.0 / open.decode.1 as f64 } else { 0.0 },
            percent(open.cached, open.prompt),
            percent(open.eligible_cached, open.eligible),
        ];
        self.columns.iter_mut().zip(values).for_each(|(column, value)| column.push(value));
    }

    /// The spreads, what goes on included; `None` where no conversation has a successful turn.
    pub fn summary(mut self) -> Option<TraceSummary> {
        let left: Vec<u64> = self.open.keys().copied().collect();
        left.into_iter().for_each(|conversation| self.close(conversation));
        let row = |(name, column): (&&str, &Column)| {
            let [min, p50, p90, p95, p99, max] = column.between([0.0, 50.0, 90.0, 95.0, 99.0, 100.0])?;
            Some(TraceRow { metric: (*name).to_owned(), mean: column.mean()?, min, p50, p90, p95, p99, max })
        };
        let rows: Option<Vec<TraceRow>> = NAMES.iter().zip(&self.columns).map(row).collect();
        Some(TraceSummary { n_traces: self.columns[0].len(), rows: rows? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{FailureKind, Outcome};

    const MS: u64 = 1_000_000;

    /// A turn that takes 200 ms with a first token after 100 ms and 11 tokens.
    fn turn(conversation: u64, turn: u32, left: u32, start_ms: u64, prompt: u64, cached: u64) -> Record {
        let start = start_ms * MS;
        Record {
            turns_left: left,
            started_ns: Some(start),
            first_token_ns: Some(start + 100 * MS),
            last_event_ns: Some(start + 200 * MS),
            end_ns: start + 201 * MS,
            outcome: Outcome::Ok,
            prompt_tokens: Some(prompt),
            completion_tokens: Some(11),
            cached_tokens: Some(cached),
            stream: true,
            ..Record::due(String::new(), conversation, turn, start)
        }
    }

    #[test]
    fn a_conversation_has_one_value_of_each_kind() -> Result<(), &'static str> {
        let mut traces = Traces::default();
        for record in [
            turn(1, 0, 2, 0, 10, 0),
            turn(2, 0, 1, 0, 20, 0),
            turn(1, 1, 1, 500, 30, 14),
            turn(1, 2, 0, 1000, 60, 41),
            Record { outcome: Outcome::Failed(FailureKind::Status), ..turn(2, 1, 0, 300, 0, 0) },
            Record { outcome: Outcome::Failed(FailureKind::Status), ..turn(3, 0, 0, 300, 0, 0) },
            Record { warmup: true, ..turn(4, 0, 0, 300, 0, 0) },
            turn(5, 0, 3, 0, 20, 0),
        ] {
            traces.add(&record);
        }
        let summary = traces.summary().ok_or("three conversations")?;
        assert_eq!(summary.n_traces, 3);
        let names: Vec<&str> = summary.rows.iter().map(|row| row.metric.as_str()).collect();
        assert_eq!(names, NAMES);
        let close = |index: usize, mean: f64, p50: f64, p90: f64, max: f64| {
            let row = &summary.rows[index];
            for (found, expected) in [(row.mean, mean), (row.p50, p50), (row.p90, p90), (row.max, max)] {
                assert!((found - expected).abs() < 1e-9, "{}: {found} instead of {expected}", row.metric);
            }
        };
        // 0.2, 0.2 and 1.2 s.
        close(0, 1.6 / 3.0, 0.2, 0.2 + 0.8, 1.2);
        close(1, 0.1, 0.1, 0.1, 0.1);
        close(2, 1.3 / 3.0, 0.1, 0.1 + 0.8, 1.1);
        close(3, 100.0, 100.0, 100.0, 100.0);
        close(4, 55.0 / 3.0, 0.0, 44.0, 55.0);
        let eligible = 100.0 * 55.0 / (21.0 + 41.0);
        close(5, eligible / 3.0, 0.0, 0.8 * eligible, eligible);
        Ok(())
    }

    #[test]
    fn without_a_conversation_there_is_nothing() {
        assert_eq!(Traces::default().summary(), None);
    }
}
