//! guidellm's distributions: of weighted values, of rates over time, of what runs at once.
//!
//! A percentile is the smallest value whose cumulated share reaches it, without interpolation. Rates and concurrency are
//! weighted by how long they lasted; instants closer than 0.1 ms are taken for one.

use serde_json::{Value, json};

/// Instants this close together, in seconds, are merged.
const MERGE_S: f64 = 1e-4;
/// The least duration of the last interval, and the least total weight, as guidellm has them.
const EPSILON: f64 = 1e-6;
const PERCENTILES: [(&str, f64); 11] = [
    ("p001", 0.001),
    ("p01", 0.01),
    ("p05", 0.05),
    ("p10", 0.1),
    ("p25", 0.25),
    ("p50", 0.5),
    ("p75", 0.75),
    ("p90", 0.9),
    ("p95", 0.95),
    ("p99", 0.99),
    ("p999", 0.999),
];

/// Values in ascending order, each with its share of the whole.
#[derive(Debug, Clone, Default)]
pub(super) struct Distribution {
    shares: Vec<(f64, f64)>,
    count: u64,
}

impl Distribution {
    /// Of values with weights. Equal values are one; a weight of 0 is none, unless all are 0.
    pub(super) fn of(values: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let values: Vec<(f64, f64)> = values.into_iter().collect();
        let count = values.iter().map(|(_, weight)| weight).sum::<f64>().round_ties_even() as u64;
        Self::counted(values, count)
    }

    /// Of values that all weigh the same.
    pub(super) fn plain(values: impl IntoIterator<Item = f64>) -> Self {
        Self::of(values.into_iter().map(|value| (value, 1.0)))
    }

    fn counted(values: Vec<(f64, f64)>, count: u64) -> Self {
        let merged = merge_equal(values);
        let mut kept: Vec<(f64, f64)> = merged.into_iter().filter(|(_, weight)| *weight > 0.0).collect();
        let mut total: f64 = kept.iter().map(|(_, weight)| weight).sum();
        if total <= EPSILON {
            kept.iter_mut().for_each(|(_, weight)| *weight = 1.0);
            total = kept.len() as f64;
        }
        Distribution { shares: kept.into_iter().map(|(value, weight)| (value, weight / total)).collect(), count }
    }

    /// Of the rate of events: each stands for the time halfway to its neighbours, and its rate is its weight through
    /// that time. The window's ends are events of no weight.
    pub(super) fn rate(events: impl IntoIterator<Item = (f64, f64)>, window: Option<(f64, f64)>) -> Self {
        let mut events: Vec<(f64, f64)> = events.into_iter().collect();
        if let Some((start, end)) = window {
            events.retain(|(at, _)| (start..=end).contains(at));
            events.extend([(start, 0.0), (end, 0.0)]);
        }
        let events = merge_near(merge_equal(events));
        if events.len() <= 1 {
            return Distribution { shares: Vec::new(), count: events.len() as u64 };
        }
        let count = events.iter().map(|(_, weight)| weight).sum::<f64>().round_ties_even() as u64;
        let last = events.len() - 1;
        let halfway = |index: usize| f64::midpoint(events[index].0, events[index + 1].0);
        let rates = (0..=last).map(|index| {
            let from = if index == 0 { events[0].0 } else { halfway(index - 1) };
            let time = if index == last { (events[last].0 - from).max(EPSILON) } else { halfway(index) - from };
            (events[index].1 / time, time)
        });
        Self::counted(rates.collect(), count)
    }

    /// Of the number of spans that hold, over a window.
    pub(super) fn at_once(spans: impl IntoIterator<Item = (f64, f64)>, window: (f64, f64)) -> Self {
        let spans: Vec<(f64, f64)> =
            spans.into_iter().filter(|(from, to)| *to >= window.0 && *from <= window.1).collect();
        let edges = spans.iter().flat_map(|(from, to)| [(*from, 1.0), (*to, -1.0)]).collect();
        let mut edges = merge_near(merge_equal(edges));
        if edges.is_empty() {
            return Distribution::default();
        }
        let before: f64 = edges.iter().filter(|(at, _)| *at < window.0).map(|(_, step)| step).sum();
        edges.retain(|(at, _)| (window.0..=window.1).contains(at));
        edges.insert(0, (window.0, before));
        edges.push((window.1, 0.0));
        let mut now: f64 = 0.0;
        let levels = edges.windows(2).map(|pair| {
            now += pair[0].1;
            (now.max(0.0), (pair[1].0 - pair[0].0).max(0.0))
        });
        let levels: Vec<(f64, f64)> = levels.collect();
        let lasts = levels.iter().any(|(_, time)| *time > 0.0);
        Self::counted(if lasts { levels } else { Vec::new() }, spans.len() as u64)
    }

    pub(super) fn mean(&self) -> f64 {
        self.shares.iter().map(|(value, share)| value * share).sum()
    }

    /// The smallest value whose cumulated share reaches this one; 0 of nothing, as guidellm writes it.
    pub(super) fn percentile(&self, share: f64) -> f64 {
        let mut so_far = 0.0;
        let reached = self.shares.iter().find(|(_, part)| {
            so_far += part;
            so_far >= share
        });
        reached.or(self.shares.last()).map_or(0.0, |(value, _)| *value)
    }

    /// The object as it stands in `benchmarks.json`.
    pub(super) fn to_json(&self) -> Value {
        let mean = self.mean();
        let variance: f64 = self.shares.iter().map(|(value, share)| (value - mean).powi(2) * share).sum();
        let mode = self.shares.iter().fold((0.0, 0.0), |best, this| if this.1 > best.1 { *this } else { best }).0;
        let percentiles: serde_json::Map<String, Value> =
            PERCENTILES.iter().map(|(key, share)| ((*key).to_owned(), json!(self.percentile(*share)))).collect();
        json!({
            "mean": mean,
            "median": self.percentile(0.5),
            "mode": mode,
            "variance": variance,
            "std_dev": variance.sqrt(),
            "min": self.shares.first().map_or(0.0, |(value, _)| *value),
            "max": self.shares.last().map_or(0.0, |(value, _)| *value),
            "count": self.count,
            "total_sum": mean * self.count as f64,
            "percentiles": percentiles,
            "pdf": null,
        })
    }
}

/// In ascending order, equal values with their weights summed.
fn merge_equal(mut values: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    values.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut merged: Vec<(f64, f64)> = Vec::with_capacity(values.len());
    for (value, weight) in values {
        match merged.last_mut() {
            Some(last) if last.0 == value => last.1 += weight,
            _ => merged.push((value, weight)),
        }
    }
    merged
}

/// Instants within the threshold of the first of their group are one, at that first instant.
fn merge_near(times: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let mut merged: Vec<(f64, f64)> = Vec::with_capacity(times.len());
    for (at, weight) in times {
        match merged.last_mut() {
            Some(last) if at <= last.0 + MERGE_S => last.1 += weight,
            _ => merged.push((at, weight)),
        }
    }
    merged
}
