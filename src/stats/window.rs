//! Our side of the comparison with a server's own counters: everything that was sent between two scrapes.

use super::slots::{Add, Slots};
use crate::record::Record;
use crate::units::NS_PER_MS;

/// Requests up to which the most in flight is exact. Beyond, it is that of the borders of the slots, four thousand over
/// the run, so that memory stays flat.
const KEPT: usize = 8_192;

/// What this program did while a server's counters were watched. Warm-up requests are part of it, because the server
/// counts them like any other.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ours {
    /// Requests of which at least a byte was sent.
    pub sent: u64,
    /// Those that were answered in full.
    pub ok: u64,
    /// Replies asked for with each request (`n`); some servers count each of them as a request.
    pub choices: u64,
    /// Prompt tokens of the answered requests; `None` when one of them has no count.
    pub prompt_tokens: Option<u64>,
    /// Completion tokens of the answered requests; `None` when one of them has no count.
    pub completion_tokens: Option<u64>,
    /// Mean time to first token of the answered streams, in ms.
    pub ttft_mean_ms: Option<f64>,
    /// The part of it that this program's own delays account for, in ms, where they are measured.
    pub lag_ms: Option<f64>,
    /// Most requests in flight at one time.
    pub in_flight_max: u64,
    /// Requests in flight, mean over time.
    pub in_flight_mean: f64,
}

/// Collects what [`Ours`] is made from, record by record.
#[derive(Debug, Clone, Default)]
pub struct Window {
    sent: u64,
    ok: u64,
    prompt: (u64, u64),
    completion: (u64, u64),
    ttft: (u128, u64),
    lag: (u128, u64),
    /// First start and last end.
    bounds: Option<(u64, u64)>,
    /// Sum of all spans from start to end, in ns.
    busy: u128,
    spans: Spans,
}

/// When requests started and ended.
#[derive(Debug, Clone)]
enum Spans {
    /// Each of them.
    Each(Vec<(u64, u64)>),
    /// Starts minus ends in each slot.
    Changes(Slots<i64>),
}

impl Default for Spans {
    fn default() -> Self {
        Spans::Each(Vec::new())
    }
}

impl Add for i64 {
    fn plus(self, other: Self) -> Self {
        self + other
    }
}

impl Spans {
    fn add(&mut self, start: u64, end: u64) {
        let change = |changes: &mut Slots<i64>, (start, end): (u64, u64)| {
            changes.add(start, 1);
            changes.add(end, -1);
        };
        match self {
            Spans::Each(each) if each.len() < KEPT => each.push((start, end)),
            Spans::Each(each) => {
                let mut changes = Slots::default();
                each.iter().for_each(|span| change(&mut changes, *span));
                change(&mut changes, (start, end));
                *self = Spans::Changes(changes);
            }
            Spans::Changes(changes) => change(changes, (start, end)),
        }
    }

    /// Most of them at one time.
    fn most(&self) -> u64 {
        let mut changes: Vec<(u64, i64)> = match self {
            Spans::Each(each) => each.iter().flat_map(|span| [(span.0, 1), (span.1, -1)]).collect(),
            Spans::Changes(changes) => changes.iter().collect(),
        };
        // At equal instants an end comes before a start, for a slot is free before it is taken again.
        changes.sort_unstable();
        let (mut now, mut most) = (0, 0);
        for (_, change) in changes {
            now += change;
            most = most.max(now);
        }
        most as u64
    }
}

impl Window {
    /// Adds a record, whether it is measured or of the warm-up.
    pub fn add(&mut self, record: &Record) {
        let Some(start) = record.started_ns else { return };
        self.sent += 1;
        let end = record.end_ns.max(start);
        let (first, last) = self.bounds.unwrap_or((start, end));
        self.bounds = Some((first.min(start), last.max(end)));
        self.busy += u128::from(end - start);
        self.spans.add(start, end);
        if !record.is_ok() {
            return;
        }
        self.ok += 1;
        for (sum, tokens) in
            [(&mut self.prompt, record.prompt_tokens), (&mut self.completion, record.completion_tokens)]
        {
            *sum = (sum.0 + tokens.unwrap_or(0), sum.1 + u64::from(tokens.is_some()));
        }
        if let Some(ttft) = record.ttft_ns() {
            self.ttft = (self.ttft.0 + u128::from(ttft), self.ttft.1 + 1);
            if let Some(lag) = lag_ns(record) {
                self.lag = (self.lag.0 + u128::from(lag), self.lag.1 + 1);
            }
        }
    }

    /// What was added, with the number of replies that each request asked for.
    pub fn ours(self, choices: u64) -> Ours {
        let whole = |(sum, known): (u64, u64)| (self.ok > 0 && known == self.ok).then_some(sum);
        let mean_ms = |(sum, many): (u128, u64)| (many > 0).then(|| sum as f64 / many as f64 / NS_PER_MS);
        let wall = self.bounds.map_or(0, |(first, last)| last - first);
        Ours {
            sent: self.sent,
            ok: self.ok,
            choices: choices.max(1),
            prompt_tokens: whole(self.prompt),
            completion_tokens: whole(self.completion),
            ttft_mean_ms: mean_ms(self.ttft),
            lag_ms: mean_ms(self.lag),
            in_flight_max: self.spans.most(),
            in_flight_mean: if wall > 0 { self.busy as f64 / wall as f64 } else { 0.0 },
        }
    }
}

/// What this program itself added to a TTFT: writing the request out and, where the first token bears the instant at
/// which our code saw it, fetching its bytes from the kernel.
fn lag_ns(record: &Record) -> Option<u64> {
    let wrote = record.sent_ns?.saturating_sub(record.started_ns?);
    let (arrived, seen) = (record.first_byte_ns?, record.first_seen_ns?);
    let fetched = if record.first_token_ns? >= seen { seen.saturating_sub(arrived) } else { 0 };
    Some(wrote + fetched)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{FailureKind, Outcome};

    fn record(start: u64, first: u64, end: u64) -> Record {
        Record {
            started_ns: Some(start),
            first_token_ns: Some(first),
            end_ns: end,
            outcome: Outcome::Ok,
            prompt_tokens: Some(10),
            completion_tokens: Some(3),
            ..Record::due("r".to_owned(), 0, 0, start)
        }
    }

    #[test]
    fn warm_up_counts_and_what_was_never_sent_does_not() {
        let mut window = Window::default();
        window.add(&Record { warmup: true, ..record(0, 2_000_000, 10_000_000) });
        window.add(&record(0, 4_000_000, 5_000_000));
        window.add(&record(5_000_000, 8_000_000, 10_000_000));
        window
            .add(&Record { outcome: Outcome::Failed(FailureKind::Status), ..record(9_000_000, 9_500_000, 9_600_000) });
        window.add(&Record { started_ns: None, ..record(0, 0, 0) });
        let ours = window.ours(1);
        assert_eq!((ours.sent, ours.ok, ours.in_flight_max), (4, 3, 3));
        assert_eq!((ours.prompt_tokens, ours.completion_tokens), (Some(30), Some(9)));
        assert_eq!(ours.ttft_mean_ms, Some(3.0));
        assert!((ours.in_flight_mean - 2.06).abs() < 1e-9);
    }

    #[test]
    fn our_own_part_of_a_ttft_is_known_where_the_kernel_stamps() {
        let mut window = Window::default();
        let stamped = Record {
            sent_ns: Some(1_000_000),
            first_byte_ns: Some(5_000_000),
            first_seen_ns: Some(8_000_000),
            ..record(0, 8_000_000, 9_000_000)
        };
        window.add(&stamped);
        window.add(&Record { first_token_ns: Some(5_000_000), ..stamped });
        assert_eq!(window.clone().ours(1).lag_ms, Some(2.5));
        window.add(&record(0, 1, 2));
        assert_eq!(window.ours(1).lag_ms, Some(2.5), "what is not stamped is left out");
    }

    #[test]
    fn many_requests_in_flight_are_counted_in_flat_memory() {
        let mut window = Window::default();
        // 64 at a time, each of 10 ms, begun 10 ms apart.
        for index in 0..8 * KEPT as u64 {
            let start = index / 64 * 10_000_000;
            window.add(&record(start, start + 1, start + 10_000_000));
        }
        assert!(matches!(window.spans, Spans::Changes(_)));
        let ours = window.ours(1);
        assert!((63..=64).contains(&ours.in_flight_max), "{}", ours.in_flight_max);
        assert!((ours.in_flight_mean - 64.0).abs() < 1e-9);
    }

    #[test]
    fn one_unknown_count_makes_the_sum_unknown() {
        let mut window = Window::default();
        window.add(&record(0, 1, 2));
        window.add(&Record { completion_tokens: None, ..record(2, 3, 4) });
        let ours = window.ours(0);
        assert_eq!((ours.prompt_tokens, ours.completion_tokens, ours.choices), (Some(20), None, 1));
        assert_eq!(Window::default().ours(1).prompt_tokens, None);
    }
}
