//! Requests, tokens and latencies of a load point since it began, as metrics are pushed.

use std::collections::BTreeMap;

use super::buckets::Buckets;
use crate::record::Record;
use crate::units::{NS_PER_S, seconds};

/// Bounds in seconds that the GenAI conventions of OpenTelemetry give for durations of whole operations.
const OPERATION: &[f64] = &[0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
/// The same with three finer ones in front, for chunks of a fast server come every few milliseconds.
const CHUNK: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
/// Bounds in tokens that the conventions give.
const TOKENS: &[f64] = &[
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1024.0,
    4096.0,
    16384.0,
    65536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];

/// What was measured of a load point so far; each value only grows. The warm-up is in none of them, and only complete
/// replies are in the histograms.
#[derive(Debug, Clone)]
pub(super) struct Totals {
    /// Name of the load point's folder.
    pub(super) point: String,
    /// When it began, ns since 1970.
    pub(super) since_ns: u64,
    /// Requests by how they ended: `ok`, `cancelled`, `unsent` or the kind of failure.
    pub(super) requests: BTreeMap<&'static str, u64>,
    /// First byte written to the last event that carries JSON, s.
    pub(super) e2e: Buckets,
    /// First byte written to the first event with choices, streams only, s.
    pub(super) first_chunk: Buckets,
    /// First byte written to the first event with a token, streams only, s.
    pub(super) ttft: Buckets,
    /// Gap between events that carry a token, s.
    pub(super) itl: Buckets,
    /// (last token - first token) / (completion tokens - 1), s.
    pub(super) tpot: Buckets,
    /// Tokens of a prompt.
    pub(super) input: Buckets,
    /// Tokens of a reply.
    pub(super) output: Buckets,
}

impl Totals {
    pub(super) fn new(point: String, since_ns: u64) -> Self {
        Totals {
            point,
            since_ns,
            requests: BTreeMap::new(),
            e2e: Buckets::new(OPERATION),
            first_chunk: Buckets::new(OPERATION),
            ttft: Buckets::new(OPERATION),
            itl: Buckets::new(CHUNK),
            tpot: Buckets::new(CHUNK),
            input: Buckets::new(TOKENS),
            output: Buckets::new(TOKENS),
        }
    }

    pub(super) fn add(&mut self, record: &Record) {
        if record.warmup {
            return;
        }
        *self.requests.entry(record.outcome.name()).or_default() += 1;
        if !record.is_ok() {
            return;
        }
        let first_event = record.first_event_ns.zip(record.started_ns).filter(|_| record.stream);
        self.e2e.add_some(record.e2e_ns().map(seconds));
        self.first_chunk.add_some(first_event.map(|(event, start)| seconds(event.saturating_sub(start))));
        self.ttft.add_some(record.ttft_ns().map(seconds));
        self.tpot.add_some(record.tpot_ns().map(|tpot| tpot / NS_PER_S));
        record.gaps_ns.iter().for_each(|gap| self.itl.add(seconds(*gap)));
        self.input.add_some(record.prompt_tokens.map(|tokens| tokens as f64));
        self.output.add_some(record.completion_tokens.map(|tokens| tokens as f64));
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::record::{FailureKind, Outcome};

    /// A load point of a complete reply, a failed request and a warm-up.
    pub(crate) fn two_requests() -> Totals {
        let reply = Record {
            outcome: Outcome::Ok,
            stream: true,
            started_ns: Some(1_000_000_000),
            first_event_ns: Some(1_015_000_000),
            first_token_ns: Some(1_050_000_000),
            last_token_ns: Some(1_053_000_000),
            last_event_ns: Some(1_060_000_000),
            end_ns: 1_070_000_000,
            prompt_tokens: Some(7),
            completion_tokens: Some(4),
            chunks: 3,
            gaps_ns: vec![1_000_000, 2_000_000],
            ..Record::due("a".to_owned(), 0, 0, 0)
        };
        let failed = Record { outcome: Outcome::Failed(FailureKind::Status), ..Record::due("b".to_owned(), 1, 0, 0) };
        let warmup = Record { warmup: true, ..reply.clone() };
        let mut totals = Totals::new("parallel_1_number_2".to_owned(), 5_000_000_000);
        [reply, failed, warmup].iter().for_each(|record| totals.add(record));
        totals
    }

    #[test]
    fn each_record_counts_once_and_the_warm_up_never() {
        let totals = two_requests();
        assert_eq!(totals.requests.iter().map(|(name, n)| (*name, *n)).collect::<Vec<_>>(), [("ok", 1), ("status", 1)]);
        let sums = [&totals.e2e, &totals.first_chunk, &totals.ttft, &totals.tpot].map(Buckets::sum);
        assert_eq!(sums, [0.06, 0.015, 0.05, 0.001]);
        assert_eq!((totals.itl.count(), totals.itl.sum()), (2, 0.003));
        assert_eq!((totals.input.sum(), totals.output.sum()), (7.0, 4.0));
    }
}
