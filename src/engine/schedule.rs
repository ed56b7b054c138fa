//! When the next request may start.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A closed loop: a fixed number of requests in flight, the next one started as soon as one is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// Requests in flight.
    pub in_flight: usize,
    /// Requests sent first, from the same stream, that are marked as warm-up. The measured ones take over their slots
    /// as they end, so the server never runs empty in between.
    pub warmup: u64,
    /// Requests that are measured.
    pub number: u64,
    /// No request starts later than this after the first measured one did.
    pub duration: Option<Duration>,
}

/// Hands out the requests of a schedule to all workers, each index once.
#[derive(Debug)]
pub(super) struct Dispenser {
    schedule: Schedule,
    next: AtomicU64,
    deadline_ns: OnceLock<u64>,
}

impl Dispenser {
    pub(super) fn new(schedule: Schedule) -> Self {
        Dispenser { schedule, next: AtomicU64::new(0), deadline_ns: OnceLock::new() }
    }

    /// The next index and whether it is a warm-up, or `None` when all are taken or time is up.
    pub(super) fn take(&self, now_ns: u64) -> Option<(u64, bool)> {
        if self.deadline_ns.get().is_some_and(|deadline| now_ns >= *deadline) {
            return None;
        }
        let total = self.schedule.warmup + self.schedule.number;
        // The counter stays at or below the total, so that what was never handed out can be told.
        let index =
            self.next.try_update(Ordering::Relaxed, Ordering::Relaxed, |next| (next < total).then(|| next + 1)).ok()?;
        let warmup = index < self.schedule.warmup;
        if let (false, Some(duration)) = (warmup, self.schedule.duration) {
            self.deadline_ns.get_or_init(|| now_ns + duration.as_nanos() as u64);
        }
        Some((index, warmup))
    }

    /// Measured requests that were never handed out.
    pub(super) fn unsent(&self) -> u64 {
        let total = self.schedule.warmup + self.schedule.number;
        (total - self.next.load(Ordering::Relaxed)).min(self.schedule.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dispenser(duration: Option<Duration>) -> Dispenser {
        Dispenser::new(Schedule { in_flight: 2, warmup: 1, number: 3, duration })
    }

    #[test]
    fn warmup_comes_first_and_each_index_once() {
        let dispenser = dispenser(None);
        let taken: Vec<_> = std::iter::from_fn(|| dispenser.take(0)).collect();
        assert_eq!(taken, [(0, true), (1, false), (2, false), (3, false)]);
        assert_eq!((dispenser.take(0), dispenser.unsent()), (None, 0));
    }

    #[test]
    fn the_clock_starts_with_the_first_measured_request() {
        let dispenser = dispenser(Some(Duration::from_nanos(10)));
        assert_eq!(dispenser.take(100), Some((0, true)));
        assert_eq!(dispenser.take(200), Some((1, false)));
        assert_eq!(dispenser.take(209), Some((2, false)));
        assert_eq!((dispenser.take(210), dispenser.unsent()), (None, 1));
    }
}
