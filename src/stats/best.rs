//! Which load point of a sweep to run a server at.

use serde::{Deserialize, Serialize};

use super::Figures;

/// Growth of throughput with load below which another point no longer pays: the log-log slope between the last two.
const STILL_GROWING: f64 = 0.5;

/// The load points worth naming, by their load: requests in flight, or requests a second in an open loop. Points without a successful request take no part.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// Most output tokens per second (most requests per second where tokens are not known).
    pub throughput: Option<f64>,
    /// Least mean end-to-end latency.
    pub latency: Option<f64>,
    /// Greatest throughput / median end-to-end latency: beyond it latency grows faster than throughput.
    pub knee: Option<f64>,
    /// The knee is the last point and throughput was still growing there, so the true one lies beyond the sweep.
    pub knee_not_reached: bool,
}

impl Best {
    /// Compares the points of a sweep, given in any order.
    pub fn of<'a>(points: impl IntoIterator<Item = (f64, &'a Figures)>) -> Self {
        let mut points: Vec<(f64, f64, f64, f64)> = points
            .into_iter()
            .filter_map(|(parallel, figures)| {
                let rate = figures.output_throughput.filter(|rate| *rate > 0.0).or(figures.request_throughput)?;
                let e2e = figures.e2e_ms.as_ref()?;
                (figures.counts.ok > 0).then_some((parallel, rate, e2e.mean, e2e.p50))
            })
            .collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        let most = |of: fn(&(f64, f64, f64, f64)) -> f64| {
            points.iter().max_by(|a, b| of(a).total_cmp(&of(b))).map(|point| point.0)
        };
        let knee = most(|(_, rate, _, p50)| if *p50 > 0.0 { rate / p50 } else { 0.0 });
        let last = points.last().filter(|last| knee == Some(last.0));
        let knee_not_reached = last.is_some_and(|last| {
            // Repeats of the last load are no step of it.
            let before = points.iter().rev().find(|point| point.0 < last.0);
            before.is_some_and(|before| (last.1 / before.1).ln() / (last.0 / before.0).ln() >= STILL_GROWING)
        });
        Best {
            throughput: most(|point| point.1),
            latency: points.iter().min_by(|a, b| a.2.total_cmp(&b.2)).map(|point| point.0),
            knee,
            knee_not_reached,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Counts, Spread};
    use super::*;
    use crate::hist::Hist;

    fn point(rate: f64, e2e_ms: u64) -> Figures {
        let mut hist = Hist::new();
        hist.record(e2e_ms);
        Figures {
            counts: Counts { ok: 1, ..Counts::default() },
            output_throughput: Some(rate),
            e2e_ms: Spread::of(&hist, 1.0),
            ..Figures::default()
        }
    }

    #[test]
    fn the_knee_is_where_latency_overtakes_throughput() {
        let points = [point(100.0, 100), point(700.0, 120), point(900.0, 400)];
        let best = Best::of([1.0, 8.0, 32.0].into_iter().zip(&points));
        assert_eq!(best, Best { throughput: Some(32.0), latency: Some(1.0), knee: Some(8.0), knee_not_reached: false });
    }

    #[test]
    fn a_knee_at_a_growing_end_is_not_reached() {
        let points = [point(100.0, 100), point(800.0, 101)];
        assert!(Best::of([1.0, 8.0].into_iter().zip(&points)).knee_not_reached);
        let repeated = [point(100.0, 100), point(110.0, 300), point(120.0, 100)];
        assert!(!Best::of([1.0, 8.0, 8.0].into_iter().zip(&repeated)).knee_not_reached);
        assert_eq!(Best::of([]), Best::default());
    }
}
