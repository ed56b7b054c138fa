//! The part of a run in which nothing but chance changes: after the server has warmed up, and while the load is full.
//!
//! Two questions, each answered in one pass over the requests and in flat memory:
//!
//! * [`WarmUp`]: when did the values settle? The mean logarithm of the values is taken over [`WINDOWS`] windows with
//!   about as many requests each, and the split that parts them best is sought (the standardised cumulative sum of
//!   Page and Hinkley; the spread is that of the residuals, widened for the correlation of neighbours). What lies before
//!   a significant split is cut off, and the rest is looked at again.
//! * [`FullLoad`]: when were enough requests in flight? From the first time that in-flight requests reach 0.95 of what was
//!   asked, or of the peak, to the last time they leave it, as the Rust client of vLLM has it.

use serde::{Deserialize, Serialize};

use super::slots::{Add, Slots};
use crate::record::Record;
use crate::units::{NS_PER_S, count, figure, seconds};

/// Windows that a warm-up is sought in.
const WINDOWS: usize = 64;
/// Fewer values than this tell nothing of a warm-up.
const FEWEST: u64 = 80;
/// Windows on either side of a split, at least.
const EDGE: usize = 2;
/// A split must part the windows by so many standard errors. Without a change, fewer than 1 in 50 runs are split.
const SIGNIFICANT: f64 = 4.5;
/// Share of the asked or greatest number in flight from which on the load counts as full.
const FULL: f64 = 0.95;
/// Least length of the full part: seconds, and share of the run.
const LEAST: (f64, f64) = (10.0, 0.1);

/// The part of a run whose figures are those of a server at work under full load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Steady {
    /// Where it begins, in seconds since the run's epoch.
    pub from_s: f64,
    /// Where it ends, in seconds since the run's epoch.
    pub to_s: f64,
    /// How it was found, in words.
    pub how: String,
}

impl Steady {
    /// The full part without the warm-up.
    ///
    /// # Errors
    /// In words, why there is none.
    pub fn of(load: &FullLoad, asked: Option<u64>, settled_ns: Option<u64>) -> Result<Steady, String> {
        let mut steady = load.full(asked)?;
        if let Some(settled) = settled_ns.map(seconds).filter(|settled| *settled > steady.from_s) {
            steady.from_s = settled;
            steady.how.push_str("; what came before a change of the latencies is cut off as warm-up");
        }
        load.long_enough(&steady)?;
        Ok(steady)
    }

    /// Length in seconds.
    pub fn length_s(&self) -> f64 {
        self.to_s - self.from_s
    }

    /// Whether a request from its start to its end was served in this part; only such ones belong to its latencies.
    pub fn holds(&self, start_ns: u64, end_ns: u64) -> bool {
        start_ns as f64 >= self.from_s * NS_PER_S && self.has_end(end_ns)
    }

    /// Whether a request ended in this part; such ones, divided by its length, are its throughput.
    pub fn has_end(&self, end_ns: u64) -> bool {
        (self.from_s * NS_PER_S..=self.to_s * NS_PER_S).contains(&(end_ns as f64))
    }
}

/// Sum of logarithms and number of values of a slot of time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Logs {
    sum: f64,
    n: u64,
}

impl Add for Logs {
    fn plus(self, other: Self) -> Self {
        Logs { sum: self.sum + other.sum, n: self.n + other.n }
    }
}

/// Finds where the values of a run settle.
#[derive(Debug, Clone, Default)]
pub struct WarmUp {
    slots: Slots<Logs>,
    n: u64,
}

impl WarmUp {
    /// Adds a record: its time to first token, or its whole latency where it was not streamed. Only replies that were
    /// measured and complete count.
    pub fn add(&mut self, record: &Record) {
        if record.warmup || !record.is_ok() {
            return;
        }
        if let (Some(start), Some(value)) = (record.started_ns, record.ttft_ns().or(record.e2e_ns())) {
            self.at(start, value);
        }
    }

    /// Adds a value, such as a latency in ns, at the instant its request started. Instants may come in any order.
    fn at(&mut self, start_ns: u64, value: u64) {
        self.n += 1;
        self.slots.add(start_ns, Logs { sum: (value.max(1) as f64).ln(), n: 1 });
    }

    /// The instant at which the values have settled, in ns since the epoch. `None` when nothing changes, there are too
    /// few values to tell, or the values change so late that there is no steady part at all.
    pub fn settled_ns(&self) -> Option<u64> {
        let windows = self.windows();
        let means: Vec<f64> = windows.iter().map(|(_, logs)| logs.sum / logs.n as f64).collect();
        let mut from = 0;
        while let Some(at) = split(&means[from..]) {
            from += at;
        }
        (from > 0 && from <= windows.len() / 2).then(|| windows[from].0)
    }

    /// Windows of whole slots with about as many values each, with the instants they begin at.
    fn windows(&self) -> Vec<(u64, Logs)> {
        if self.n < FEWEST {
            return Vec::new();
        }
        let wished = (self.n / 5).min(WINDOWS as u64);
        let mut windows: Vec<(u64, (u64, Logs))> = Vec::new();
        let mut seen = 0;
        for (begin, logs) in self.slots.iter().filter(|(_, logs)| logs.n > 0) {
            let number = seen * wished / self.n;
            match windows.last_mut() {
                Some((last, (_, window))) if *last == number => *window = window.plus(logs),
                _ => windows.push((number, (begin, logs))),
            }
            seen += logs.n;
        }
        windows.into_iter().map(|(_, window)| window).collect()
    }
}

/// Where the values before and after differ most, if they differ more than by chance.
fn split(values: &[f64]) -> Option<usize> {
    let n = values.len();
    if n < 4 * EDGE {
        return None;
    }
    let total: f64 = values.iter().sum();
    let mut before = 0.0;
    let (mut at, mut most) = (0, 0.0f64);
    for (index, value) in values.iter().enumerate() {
        if index >= EDGE && index <= n - EDGE {
            let (left, right) = (index as f64, (n - index) as f64);
            let apart = (before / left - (total - before) / right).abs() * (left * right / n as f64).sqrt();
            if apart > most {
                (at, most) = (index, apart);
            }
        }
        before += value;
    }
    let (left, right) = values.split_at(at.max(EDGE));
    let squares = |part: &[f64]| {
        let mean = part.iter().sum::<f64>() / part.len() as f64;
        let rest: Vec<f64> = part.iter().map(|value| value - mean).collect();
        let own: f64 = rest.iter().map(|x| x * x).sum();
        let next: f64 = rest.windows(2).map(|pair| pair[0] * pair[1]).sum();
        (own, next)
    };
    let ((own, next), (own_right, next_right)) = (squares(left), squares(right));
    let own = own + own_right;
    // Fitting a mean to each part takes about (1 + 3 r) / n off the correlation of neighbours.
    let r = if own > 0.0 { (next + next_right) / own } else { 0.0 };
    let r = (r + (1.0 + 3.0 * r) / n as f64 * 2.0).clamp(0.0, 0.9);
    let spread = (own / (n - 2) as f64 * (1.0 + r) / (1.0 - r)).sqrt();
    (most > SIGNIFICANT * spread).then_some(at)
}

/// Starts and ends of a slot of time, with the sums of their instants: what the mean number in flight is made from.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Edges {
    starts: u64,
    ends: u64,
    /// Sum of the instants of starts less that of ends.
    instants: i128,
}

impl Add for Edges {
    fn plus(self, other: Self) -> Self {
        Edges {
            starts: self.starts + other.starts,
            ends: self.ends + other.ends,
            instants: self.instants + other.instants,
        }
    }
}

/// How many requests were in flight, over time.
#[derive(Debug, Clone, Default)]
pub struct FullLoad {
    slots: Slots<Edges>,
    first: Option<u64>,
    last: u64,
}

impl FullLoad {
    /// Adds a measured record that was sent, in any order.
    pub fn add(&mut self, record: &Record) {
        if let (Some(start), false) = (record.started_ns, record.warmup) {
            self.between(start, record.end_ns);
        }
    }

    /// Adds a request, from its start to its end.
    fn between(&mut self, start_ns: u64, end_ns: u64) {
        let end_ns = end_ns.max(start_ns);
        self.first = Some(self.first.map_or(start_ns, |first| first.min(start_ns)));
        self.last = self.last.max(end_ns);
        self.slots.add(start_ns, Edges { starts: 1, ends: 0, instants: i128::from(start_ns) });
        self.slots.add(end_ns, Edges { starts: 0, ends: 1, instants: -i128::from(end_ns) });
    }

    /// Slots with the mean number in flight in each, exact.
    fn in_flight(&self) -> impl Iterator<Item = (u64, f64)> {
        let width = self.slots.width();
        let mut at_begin = 0i128;
        self.slots.iter().map(move |(begin, edges)| {
            let change = i128::from(edges.starts) - i128::from(edges.ends);
            // What starts counts from its instant to the end of the slot, what ends no longer from its instant on.
            let area = change * i128::from(begin + width) - edges.instants;
            let mean = at_begin as f64 + area as f64 / width as f64;
            at_begin += change;
            (begin, mean)
        })
    }

    /// The greatest mean number in flight in any slot, which is a four-thousandth of the run or 1 ms.
    pub fn peak(&self) -> f64 {
        self.in_flight().map(|(_, mean)| mean).fold(0.0, f64::max)
    }

    /// From the first time that enough requests are in flight to the last: 0.95 of what was asked, in a closed loop, or
    /// of the peak, rounded up.
    ///
    /// # Errors
    /// In words, why there is no such part.
    pub fn full(&self, asked: Option<u64>) -> Result<Steady, String> {
        if self.first.is_none() {
            return Err("no request was started".to_owned());
        }
        let peak = self.peak();
        let of = asked.map_or(peak.round(), |asked| asked as f64);
        let enough = (FULL * of).ceil();
        // A slot in which a request gives way to the next is full but for the moment between them.
        let is_full = |mean: f64| mean.ceil() >= enough;
        let first = self.in_flight().find(|(_, mean)| is_full(*mean));
        let last = self.in_flight().filter(|(_, mean)| is_full(*mean)).last();
        let (Some((first, _)), Some((last, _))) = (first, last) else {
            return Err(format!(
                "never were {} requests in flight, at most {}",
                count(enough as u64),
                count(peak.ceil() as u64)
            ));
        };
        let bounds = self.first.unwrap_or(0)..=self.last;
        let (from, to) = (first.max(*bounds.start()), (last + self.slots.width()).min(*bounds.end()));
        let how = format!(
            "from the first to the last time that {} requests were in flight, 95 % of {}",
            count(enough as u64),
            if asked.is_some() { "those asked for" } else { "the peak" }
        );
        let steady = Steady { from_s: seconds(from), to_s: seconds(to), how };
        self.long_enough(&steady)?;
        Ok(steady)
    }

    fn long_enough(&self, steady: &Steady) -> Result<(), String> {
        let whole = seconds(self.last - self.first.unwrap_or(self.last));
        let least = LEAST.0.max(LEAST.1 * whole);
        if steady.length_s() >= least {
            return Ok(());
        }
        let (length, least) = (figure(Some(steady.length_s().max(0.0))), figure(Some(least)));
        Err(format!("the steady part is {length} s long, figures of it need {least} s"))
    }
}

#[cfg(test)]
#[path = "steady_tests.rs"]
mod tests;
