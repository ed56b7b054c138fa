//! Tokens over time as EvalScope counts them: all of a request's when it ends, counted from the start of the request that
//! ended first.
//!
//! A rate is over the time from a point of that course to its last: from the start of the first request, from half a
//! minute before the end, and from a fifth of the time on. Long replies distort the shorter ones, for their tokens came
//! before they count.

use serde::{Deserialize, Serialize};

use super::evalscope::{Row, span};
use crate::record::Record;
use crate::units::{NS_PER_S, round_to};

/// The last window, in seconds.
const LAST_S: f64 = 30.0;
/// The share of the time that the steady window leaves out.
const WARM_UP: f64 = 0.2;

/// What had come by an instant.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct TokenPoint {
    /// Seconds since the start of the request that ended first.
    pub at_s: f64,
    /// Completion tokens.
    pub completion: u64,
    /// Prompt tokens that no cache served.
    pub new_prompt: u64,
    /// Prompt tokens that a cache served.
    pub cached_prompt: u64,
}

/// The course, of which only the last point is kept.
#[derive(Debug, Clone, Default)]
pub struct TokenCourse {
    start_ns: Option<u64>,
    last: TokenPoint,
    points: u64,
}

impl TokenCourse {
    /// Adds a record, in the order of their ends. The point that it gives; `None` for the warm-up and for what failed.
    pub fn add(&mut self, record: &Record) -> Option<TokenPoint> {
        if record.warmup || !record.is_ok() {
            return None;
        }
        let (start, end) = span(record);
        let zero = *self.start_ns.get_or_insert(start);
        let prompt = record.prompt_tokens.unwrap_or(0);
        let cached = record.cached_tokens.or(record.cached_estimate).unwrap_or(0);
        let last = &mut self.last;
        // Another worker's request may have begun before the one that ended first, but none ends before it.
        last.at_s = end.saturating_sub(zero) as f64 / NS_PER_S;
        last.completion += record.completion_tokens.unwrap_or(0);
        last.new_prompt += prompt.saturating_sub(cached);
        last.cached_prompt += cached;
        self.points += 1;
        Some(*last)
    }

    /// Start of the request that ended first, in seconds since the epoch.
    pub fn start_s(&self) -> Option<f64> {
        self.start_ns.map(|start| start as f64 / NS_PER_S)
    }

    /// A second pass over the same records, which finds where the windows begin.
    pub fn again(&self) -> TokenWindows {
        let wall = self.last.at_s;
        TokenWindows {
            course: TokenCourse::default(),
            last: Anchor::at(wall - LAST_S),
            steady: Anchor::at(wall * WARM_UP),
        }
    }
}

/// The last point before an instant, the first one where none is.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    at_s: f64,
    found: Option<TokenPoint>,
    passed: bool,
}

impl Anchor {
    fn at(at_s: f64) -> Self {
        Anchor { at_s, found: None, passed: false }
    }

    fn see(&mut self, point: TokenPoint) {
        self.passed |= point.at_s > self.at_s;
        if !self.passed || self.found.is_none() {
            self.found = Some(point);
        }
    }
}

/// The second pass.
#[derive(Debug, Clone)]
pub struct TokenWindows {
    course: TokenCourse,
    last: Anchor,
    steady: Anchor,
}

/// One row of [`Throughput`], in tokens a second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ThroughputRow {
    /// Its name.
    pub metric: String,
    /// Over the whole time.
    pub overall: f64,
    /// Over the last seconds; over the whole time where that is shorter.
    pub last_window: f64,
    /// Without the first part of the time.
    pub steady_state: f64,
}

/// The contents of `workload_throughput.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Throughput {
    /// Successful requests.
    pub n_samples: u64,
    /// Start of the request that ended first to the end of the last, in seconds.
    pub wall_time_s: f64,
    /// Length of the last window, in seconds.
    pub last_window_s: f64,
    /// Share of the time that the steady window leaves out.
    pub warmup_frac: f64,
    /// All prompt tokens, new ones, cached ones, completion tokens.
    pub rows: Vec<ThroughputRow>,
}

impl TokenWindows {
    /// Adds a record; the point that it gives, as in the first pass.
    pub fn add(&mut self, record: &Record) -> Option<TokenPoint> {
        let point = self.course.add(record)?;
        self.last.see(point);
        self.steady.see(point);
        Some(point)
    }

    /// The rates; `None` where nothing succeeded.
    pub fn throughput(&self) -> Option<Throughput> {
        let end = self.course.last;
        let rates = |from: TokenPoint| {
            let seconds = end.at_s - from.at_s;
            let rate = |tokens: u64| if seconds > 0.0 { tokens as f64 / seconds } else { 0.0 };
            let (new, cached) = (end.new_prompt - from.new_prompt, end.cached_prompt - from.cached_prompt);
            [rate(new + cached), rate(new), rate(cached), rate(end.completion - from.completion)]
        };
        let overall = rates(TokenPoint::default());
        let last = match self.last.found {
            Some(from) if end.at_s > LAST_S => rates(from),
            _ => overall,
        };
        let steady = match self.steady.found {
            Some(from) if from != end => rates(from),
            _ => overall,
        };
        let names = ["Total Prompt tok/s", "New Prompt tok/s", "Cached Prompt tok/s", "Completion tok/s"];
        let row = |(index, name): (usize, &str)| ThroughputRow {
            metric: name.to_owned(),
            overall: overall[index],
            last_window: last[index],
            steady_state: steady[index],
        };
        (self.course.points > 0).then(|| Throughput {
            n_samples: self.course.points,
            wall_time_s: round_to(end.at_s, 4),
            last_window_s: LAST_S,
            warmup_frac: WARM_UP,
            rows: names.into_iter().enumerate().map(row).collect(),
        })
    }
}

/// One successful turn as EvalScope times it, in seconds: start, end, latency and time to first token.
pub(super) fn timed(record: &Record) -> (f64, f64, f64, f64) {
    let (start, end) = span(record);
    let Row { latency, ttft, .. } = Row::of(record);
    (start as f64 / NS_PER_S, end as f64 / NS_PER_S, latency, ttft)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Outcome;

    fn record(start_s: u64, end_s: u64, prompt: u64, cached: Option<u64>, completion: u64) -> Record {
        let at = |seconds: u64| seconds * 1_000_000_000;
        Record {
            started_ns: Some(at(start_s)),
            end_ns: at(end_s),
            outcome: Outcome::Ok,
            prompt_tokens: Some(prompt),
            completion_tokens: Some(completion),
            cached_tokens: cached,
            ..Record::due(String::new(), 0, 0, at(start_s))
        }
    }

    fn both(records: &[Record]) -> (Vec<TokenPoint>, Option<Throughput>) {
        let mut course = TokenCourse::default();
        let points: Vec<TokenPoint> = records.iter().filter_map(|record| course.add(record)).collect();
        let mut windows = course.again();
        let again: Vec<TokenPoint> = records.iter().filter_map(|record| windows.add(record)).collect();
        assert_eq!(points, again);
        (points, windows.throughput())
    }

    fn row(throughput: &Throughput, index: usize) -> (f64, f64, f64) {
        let row = &throughput.rows[index];
        (row.overall, row.last_window, row.steady_state)
    }

    #[test]
    fn a_long_run_has_three_windows() -> Result<(), &'static str> {
        let mut records: Vec<Record> = (0..10).map(|i| record(100 + 10 * i, 110 + 10 * i, 30, Some(10), 50)).collect();
        records[9].completion_tokens = Some(500);
        records.push(Record { warmup: true, ..record(0, 300, 9, None, 9) });
        records.push(Record { outcome: Outcome::Cancelled, ..record(0, 300, 9, None, 9) });
        let (points, throughput) = both(&records);
        assert_eq!(points[1], TokenPoint { at_s: 20.0, completion: 100, new_prompt: 40, cached_prompt: 20 });
        let throughput = throughput.ok_or("ten samples")?;
        assert_eq!((throughput.n_samples, throughput.wall_time_s), (10, 100.0));
        // From 70 s on: three requests in 30 s; from 20 s on: eight in 80 s.
        assert_eq!(row(&throughput, 0), (3.0, 3.0, 3.0));
        assert_eq!(row(&throughput, 1), (2.0, 2.0, 2.0));
        assert_eq!(row(&throughput, 2), (1.0, 1.0, 1.0));
        assert_eq!(row(&throughput, 3), (9.5, 600.0 / 30.0, 850.0 / 80.0));
        Ok(())
    }

    #[test]
    fn a_short_run_has_one_window_and_an_empty_one_none() -> Result<(), &'static str> {
        let (_, throughput) = both(&[record(5, 7, 3, Some(9), 4)]);
        let throughput = throughput.ok_or("one sample")?;
        assert_eq!(row(&throughput, 3), (2.0, 2.0, 2.0));
        assert_eq!(row(&throughput, 1), (0.0, 0.0, 0.0), "more cached than there are is no negative number");
        let (_, throughput) = both(&[record(0, 10, 10, None, 10), record(0, 20, 10, None, 30)]);
        let throughput = throughput.ok_or("two samples")?;
        // A fifth of the time was over before the first ended: the first is where the steady window begins.
        assert_eq!(row(&throughput, 3), (2.0, 2.0, 3.0));
        assert_eq!(both(&[]).1, None);
        Ok(())
    }
}
