//! When the next request may start.

use std::sync::OnceLock;
use std::time::Duration;

/// How requests are let go, and what ends a run before its last request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// What lets the next request go.
    pub release: Release,
    /// No request starts later than this after the first measured one did, or, by a schedule, after its begin.
    pub duration: Option<Duration>,
    /// What is in flight when `duration` is over gets so long before it is cut; all it needs when `None`.
    pub grace: Option<Duration>,
}

/// What lets the next request go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// A free slot: a closed loop.
    Slot {
        /// Requests in flight.
        slots: usize,
        /// The slots open one after another over this time.
        ramp: Duration,
    },
    /// The clock: each request has an instant at which it is due.
    Clock {
        /// Requests in flight at most; what is due beyond that waits for a slot.
        most: Option<usize>,
    },
}

impl Schedule {
    /// A closed loop that ends with its last request.
    pub fn closed(slots: usize) -> Self {
        Schedule { release: Release::Slot { slots, ramp: Duration::ZERO }, duration: None, grace: None }
    }

    /// Requests that can be in flight, where that is bounded.
    pub fn most(&self) -> Option<usize> {
        match self.release {
            Release::Slot { slots, .. } => Some(slots),
            Release::Clock { most } => most,
        }
    }
}

/// The instant after which nothing new starts, once it is known.
#[derive(Debug, Default)]
pub(super) struct Deadline(OnceLock<u64>);

impl Deadline {
    /// Sets the deadline, if it has not been set before.
    pub(super) fn set(&self, begin_ns: u64, duration: Option<Duration>) {
        if let Some(duration) = duration {
            self.0.get_or_init(|| begin_ns.saturating_add(duration.as_nanos() as u64));
        }
    }

    pub(super) fn get(&self) -> Option<u64> {
        self.0.get().copied()
    }

    pub(super) fn is_over(&self, at_ns: u64) -> bool {
        self.get().is_some_and(|deadline| at_ns >= deadline)
    }
}
