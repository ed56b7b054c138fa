//! The course of a load point over time.

use serde::{Deserialize, Serialize};

use crate::record::{Outcome, Record};
use crate::units::{millis, seconds};

/// Slices that a load point is cut into, at most.
const SLICES: usize = 120;

/// What happened in one slice of time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Slice {
    /// Measured requests that started.
    pub started: u64,
    /// Those that completed.
    pub finished: u64,
    /// Those that failed.
    pub failed: u64,
    /// Most requests in flight at one time.
    pub in_flight: u64,
    /// Least, median and greatest TTFT of the requests that started here, in ms.
    pub ttft_ms: Option<(f64, f64, f64)>,
    /// Least, median and greatest end-to-end latency of the requests that started here, in ms.
    pub e2e_ms: Option<(f64, f64, f64)>,
}

/// Slices of equal length from the first start to the last end.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    /// Length of a slice in seconds.
    pub step_s: f64,
    /// The slices in order.
    pub slices: Vec<Slice>,
}

/// What the timeline keeps of a record: 40 bytes, so that it can be built in one pass over the rows.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: u64,
    end: u64,
    outcome: Outcome,
    ttft: Option<u64>,
    e2e: Option<u64>,
}

/// Collects what a [`Timeline`] is made from.
#[derive(Debug, Clone, Default)]
pub struct Course {
    spans: Vec<Span>,
}

impl Course {
    /// Adds one record; those of the warm-up are left out.
    pub fn add(&mut self, record: &Record) {
        if record.warmup {
            return;
        }
        self.spans.push(Span {
            start: record.started_ns.unwrap_or(record.intended_ns),
            end: record.end_ns,
            outcome: record.outcome,
            ttft: record.ttft_ns().filter(|_| record.is_ok()),
            e2e: record.e2e_ns().filter(|_| record.is_ok()),
        });
    }

    /// Cuts what was added into slices of equal length.
    pub fn timeline(self) -> Timeline {
        let mut spans = self.spans;
        spans.sort_unstable_by_key(|span| span.start);
        let (Some(first), Some(last)) = (spans.first().map(|s| s.start), spans.iter().map(|s| s.end).max()) else {
            return Timeline::default();
        };
        let step = (last.saturating_sub(first) / SLICES as u64 + 1).max(1_000_000);
        let at = |ns: u64| (ns.saturating_sub(first) / step) as usize;
        let mut slices = vec![Slice::default(); at(last) + 1];
        let mut values: Vec<(Vec<u64>, Vec<u64>)> = vec![Default::default(); slices.len()];
        let mut edges: Vec<(u64, i64)> = Vec::with_capacity(spans.len() * 2);
        for span in &spans {
            let slice = at(span.start);
            slices[slice].started += 1;
            values[slice].0.extend(span.ttft);
            values[slice].1.extend(span.e2e);
            let ended = &mut slices[at(span.end)];
            match span.outcome {
                Outcome::Ok => ended.finished += 1,
                Outcome::Failed(_) => ended.failed += 1,
                Outcome::Cancelled | Outcome::Unsent => {}
            }
            edges.extend([(span.start, 1), (span.end, -1)]);
        }
        // At equal instants an end comes before a start, for a slot is free before it is taken again.
        edges.sort_unstable();
        let (mut now, mut slice) = (0i64, 0);
        for (instant, change) in edges {
            while slice < at(instant) {
                slice += 1;
                slices[slice].in_flight = now.max(0) as u64;
            }
            now += change;
            slices[slice].in_flight = slices[slice].in_flight.max(now.max(0) as u64);
        }
        for (slice, (ttft, e2e)) in slices.iter_mut().zip(&mut values) {
            slice.ttft_ms = three(ttft);
            slice.e2e_ms = three(e2e);
        }
        Timeline { step_s: seconds(step), slices }
    }
}

fn three(values: &mut [u64]) -> Option<(f64, f64, f64)> {
    values.sort_unstable();
    let median = values.len().div_ceil(2).checked_sub(1)?;
    Some((millis(values[0]), millis(values[median]), millis(values[values.len() - 1])))
}
