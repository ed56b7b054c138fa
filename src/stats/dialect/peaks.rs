//! The busiest second and the most requests at once.

use crate::units::NS_PER_S;

const SECOND_NS: u64 = NS_PER_S as u64;

/// The most events in one whole second counted from `origin_ns`.
pub(super) fn busiest_second(events_ns: impl Iterator<Item = u64>, origin_ns: u64) -> u64 {
    let mut seconds: Vec<u64> = Vec::new();
    for at_ns in events_ns {
        let second = (at_ns.saturating_sub(origin_ns) / SECOND_NS) as usize;
        if second >= seconds.len() {
            seconds.resize(second + 1, 0);
        }
        seconds[second] += 1;
    }
    seconds.into_iter().max().unwrap_or(0)
}

/// The most spans that hold at one instant; one that ends when another begins does not overlap it.
pub(super) fn most_at_once(spans_ns: impl Iterator<Item = (u64, u64)>) -> u64 {
    let mut edges: Vec<(u64, i64)> = spans_ns.flat_map(|(start, end)| [(start, 1), (end, -1)]).collect();
    edges.sort_unstable();
    let (mut now, mut most) = (0, 0);
    for (_, step) in edges {
        now += step;
        most = most.max(now);
    }
    most as u64
}

/// The most spans that touch one whole second counted from `origin_ns`, both ends included. It counts short spans that
/// follow each other within a second as if they were at once; SGLang's rule.
pub(super) fn most_in_a_second(spans_ns: impl Iterator<Item = (u64, u64)>, origin_ns: u64) -> u64 {
    // A step at the first second of each span and one after its last: the sum so far is the number that touches it.
    let mut steps: Vec<i64> = Vec::new();
    for (start, end) in spans_ns {
        let second = |at_ns: u64| (at_ns.saturating_sub(origin_ns) / SECOND_NS) as usize;
        if steps.len() < second(end) + 2 {
            steps.resize(second(end) + 2, 0);
        }
        steps[second(start)] += 1;
        steps[second(end) + 1] -= 1;
    }
    let mut now = 0;
    steps.into_iter().fold(0, |most, step| {
        now += step;
        most.max(now)
    }) as u64
}
