//! The figures of the steady part of a load point.

use serde::{Deserialize, Serialize};

use super::compare::Evidence;
use super::figures::Spread;
use super::steady::Steady;
use super::summary::Summary;
use crate::record::Record;

/// Figures of the part in which the server was warm and the load full. Distributions come without their curve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SteadyFigures {
    /// Where it lies.
    #[serde(flatten)]
    pub part: Steady,
    /// Successful requests that ended inside.
    pub requests: u64,
    /// The same per second.
    pub request_throughput: Option<f64>,
    /// Output tokens of those requests per second.
    pub output_throughput: Option<f64>,
    /// Time to first token of requests wholly inside, as all that follow.
    pub ttft_ms: Option<Spread>,
    /// Time per output token.
    pub tpot_ms: Option<Spread>,
    /// Gaps between chunks.
    pub itl_ms: Option<Spread>,
    /// End-to-end latency.
    pub e2e_ms: Option<Spread>,
}

/// Collects the figures of a part from the rows of the whole.
#[derive(Debug, Clone)]
pub struct Plateau {
    part: Steady,
    requests: u64,
    tokens: Option<u64>,
    inside: Summary,
    evidence: Evidence,
}

impl Plateau {
    /// For this part.
    pub fn new(part: Steady) -> Self {
        Plateau { part, requests: 0, tokens: None, inside: Summary::default(), evidence: Evidence::default() }
    }

    /// Adds a row, in order of their ends.
    pub fn add(&mut self, record: &Record) {
        if record.warmup || !record.is_ok() {
            return;
        }
        if self.part.has_end(record.end_ns) {
            self.requests += 1;
            if let Some(tokens) = record.completion_tokens {
                *self.tokens.get_or_insert(0) += tokens;
            }
        }
        if record.started_ns.is_some_and(|start| self.part.holds(start, record.end_ns)) {
            self.inside.add(record);
            self.evidence.add(record);
        }
    }

    /// The figures.
    pub fn figures(self) -> SteadyFigures {
        let mut inside = self.inside.figures();
        self.evidence.bound(&mut inside);
        let rate = |amount: u64| Some(amount as f64 / self.part.length_s()).filter(|rate| rate.is_finite());
        let bare = |spread: Option<Spread>| spread.map(|spread| Spread { curve: Vec::new(), ..spread });
        SteadyFigures {
            requests: self.requests,
            request_throughput: rate(self.requests),
            output_throughput: self.tokens.and_then(rate),
            ttft_ms: bare(inside.ttft_ms),
            tpot_ms: bare(inside.tpot_ms),
            itl_ms: bare(inside.itl_ms),
            e2e_ms: bare(inside.e2e_ms),
            part: self.part,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Outcome;

    const S: u64 = 1_000_000_000;

    fn reply(start: u64, end: u64) -> Record {
        Record {
            started_ns: Some(start),
            end_ns: end,
            outcome: Outcome::Ok,
            completion_tokens: Some(30),
            ..Record::due("r".to_owned(), 0, 0, start)
        }
    }

    #[test]
    fn latencies_are_of_requests_inside_and_rates_of_those_that_ended_there() {
        let mut plateau = Plateau::new(Steady { from_s: 10.0, to_s: 20.0, how: String::new() });
        for (start, end) in [(8, 9), (8, 11), (10, 12), (15, 18), (18, 21)] {
            plateau.add(&reply(start * S, end * S));
        }
        plateau.add(&Record { warmup: true, ..reply(11 * S, 12 * S) });
        let figures = plateau.figures();
        assert_eq!(
            (figures.requests, figures.request_throughput, figures.output_throughput),
            (3, Some(0.3), Some(9.0))
        );
        let e2e = figures.e2e_ms.map(|e2e| (e2e.n, e2e.mean, e2e.curve.len()));
        assert_eq!(e2e, Some((2, 2500.0, 0)));
    }
}
