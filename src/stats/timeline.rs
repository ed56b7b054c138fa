//! The course of a load point over time.

use hdrhistogram::Histogram;
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

impl Span {
    fn of(record: &Record) -> Self {
        Span {
            start: record.started_ns.unwrap_or(record.intended_ns),
            end: record.end_ns,
            outcome: record.outcome,
            ttft: record.ttft_ns().filter(|_| record.is_ok()),
            e2e: record.e2e_ns().filter(|_| record.is_ok()),
        }
    }
}

/// Requests of which every span is kept. With more the timeline is made in a second pass over the rows.
const KEPT: usize = 8_192;
/// Parts of a slice in which a second pass counts starts and ends, for the most in flight.
const PARTS: usize = 32;

/// Collects what a [`Timeline`] is made from.
#[derive(Debug, Clone, Default)]
pub struct Course {
    spans: Vec<Span>,
    /// First start and last end of all.
    bounds: Option<(u64, u64)>,
    long: bool,
}

impl Course {
    /// Adds one record; those of the warm-up are left out.
    pub fn add(&mut self, record: &Record) {
        if record.warmup {
            return;
        }
        let span = Span::of(record);
        let (first, last) = self.bounds.unwrap_or((span.start, span.end));
        self.bounds = Some((first.min(span.start), last.max(span.end)));
        self.long |= self.spans.len() >= KEPT;
        if self.long {
            self.spans = Vec::new();
        } else {
            self.spans.push(span);
        }
    }

    /// What a second pass over the same records fills, where there are too many of them to be kept.
    pub fn again(&self) -> Option<LongCourse> {
        let (first, last) = self.bounds.filter(|_| self.long)?;
        Some(LongCourse::between(first, last))
    }

    /// Cuts what was added into slices of equal length.
    pub fn timeline(self) -> Timeline {
        let mut spans = self.spans;
        spans.sort_unstable_by_key(|span| span.start);
        let (Some(first), Some(last)) = (spans.first().map(|s| s.start), spans.iter().map(|s| s.end).max()) else {
            return Timeline::default();
        };
        let step = step_of(first, last);
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

/// Length of a slice.
fn step_of(first: u64, last: u64) -> u64 {
    (last.saturating_sub(first) / SLICES as u64 + 1).max(1_000_000)
}

/// The timeline of many requests, made where its bounds are known before: the median of a slice comes from a histogram
/// and is off by less than 1 %, and the most in flight is that of the borders of 32 parts of each slice.
#[derive(Debug, Clone)]
pub struct LongCourse {
    first: u64,
    step: u64,
    slices: Vec<Slice>,
    values: Vec<[Histogram<u32>; 2]>,
    /// Starts minus ends in each part.
    parts: Vec<i64>,
}

impl LongCourse {
    fn between(first: u64, last: u64) -> Self {
        let step = step_of(first, last);
        let count = (last.saturating_sub(first) / step) as usize + 1;
        LongCourse {
            first,
            step,
            slices: vec![Slice::default(); count],
            values: vec![[coarse(), coarse()]; count],
            parts: vec![0; count * PARTS],
        }
    }

    /// Adds one record; those of the warm-up are left out.
    pub fn add(&mut self, record: &Record) {
        if record.warmup {
            return;
        }
        let span = Span::of(record);
        let at = |ns: u64, length: u64, most: usize| ((ns.saturating_sub(self.first) / length) as usize).min(most - 1);
        let (count, parts) = (self.slices.len(), self.parts.len());
        let part = (self.step / PARTS as u64).max(1);
        let (start, end) = (at(span.start, self.step, count), at(span.end, self.step, count));
        let (from, to) = (at(span.start, part, parts), at(span.end, part, parts));
        self.slices[start].started += 1;
        match span.outcome {
            Outcome::Ok => self.slices[end].finished += 1,
            Outcome::Failed(_) => self.slices[end].failed += 1,
            Outcome::Cancelled | Outcome::Unsent => {}
        }
        for (hist, value) in self.values[start].iter_mut().zip([span.ttft, span.e2e]) {
            // An auto-resizing histogram takes every value but those beyond 64 bits.
            let recorded = value.map_or(Ok(()), |value| hist.record(value));
            debug_assert!(recorded.is_ok());
        }
        self.parts[from] += 1;
        self.parts[to] -= 1;
    }

    /// The slices.
    pub fn timeline(mut self) -> Timeline {
        let mut now = 0i64;
        for (slice, parts) in self.slices.iter_mut().zip(self.parts.chunks(PARTS)) {
            let mut most = now;
            for change in parts {
                now += change;
                most = most.max(now);
            }
            slice.in_flight = most.max(0) as u64;
        }
        for (slice, [ttft, e2e]) in self.slices.iter_mut().zip(&self.values) {
            slice.ttft_ms = three_of(ttft);
            slice.e2e_ms = three_of(e2e);
        }
        Timeline { step_s: seconds(self.step), slices: self.slices }
    }
}

fn coarse() -> Histogram<u32> {
    let mut hist = match Histogram::new_with_bounds(1, 2, 2) {
        Ok(hist) => hist,
        Err(_) => unreachable!("the bounds are constants that the crate accepts"),
    };
    hist.auto(true);
    hist
}

fn three_of(hist: &Histogram<u32>) -> Option<(f64, f64, f64)> {
    (!hist.is_empty()).then(|| (millis(hist.min()), millis(hist.value_at_quantile(0.5)), millis(hist.max())))
}

fn three(values: &mut [u64]) -> Option<(f64, f64, f64)> {
    values.sort_unstable();
    let median = values.len().div_ceil(2).checked_sub(1)?;
    Some((millis(values[0]), millis(values[median]), millis(values[values.len() - 1])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_course_agrees_with_a_short_one() {
        let record = |index: u64| {
            let start = index * 1_000_003;
            Record {
                started_ns: Some(start),
                first_token_ns: Some(start + 3_000_000 + index % 7 * 100_000),
                last_event_ns: Some(start + 20_000_000),
                end_ns: start + 20_000_000,
                outcome: Outcome::Ok,
                ..Record::due(index.to_string(), index, 0, start)
            }
        };
        let mut short = Course::default();
        (0..5000).map(record).for_each(|record| short.add(&record));
        assert!(short.again().is_none());
        let (first, last) = short.bounds.unwrap_or_default();
        let mut long = LongCourse::between(first, last);
        (0..5000).map(record).for_each(|record| long.add(&record));
        let (short, long) = (short.timeline(), long.timeline());
        assert_eq!((short.step_s, short.slices.len()), (long.step_s, long.slices.len()));
        let near = |a: f64, b: f64| (a - b).abs() <= 0.01 * a;
        for (a, b) in short.slices.iter().zip(&long.slices) {
            assert_eq!((a.started, a.finished, a.failed), (b.started, b.finished, b.failed));
            assert!(a.in_flight.abs_diff(b.in_flight) <= 2, "{} {}", a.in_flight, b.in_flight);
            for (a, b) in [(a.ttft_ms, b.ttft_ms), (a.e2e_ms, b.e2e_ms)] {
                let (a, b) = (a.unwrap_or_default(), b.unwrap_or_default());
                assert!(near(a.0, b.0) && near(a.1, b.1) && near(a.2, b.2), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn beyond_its_limit_a_course_asks_for_a_second_pass() {
        let mut course = Course::default();
        (0..=KEPT as u64).for_each(|index| course.add(&Record::due(index.to_string(), index, 0, index)));
        assert!(course.again().is_some() && course.spans.is_empty());
    }
}
