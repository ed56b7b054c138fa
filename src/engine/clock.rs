//! The two clocks of a worker, and what it notes of them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use super::kernel::Scratch;
use super::ledger::Ledger;
use crate::record::Epoch;

/// Wall and monotonic clock run alike between steps, for both are slewed; a difference above this is a step.
const STEP_NS: i64 = 100_000;
/// How often the clocks are held against each other.
const WATCH: Duration = Duration::from_millis(50);

/// Turns kernel stamps, which are wall clock, into nanoseconds since the epoch, and notices when the wall clock steps.
pub(super) struct Clock {
    pub(super) epoch: Epoch,
    /// Wall clock minus epoch time.
    offset: Cell<i64>,
    pub(super) ledger: RefCell<Ledger>,
    pub(super) scratch: RefCell<Scratch>,
}

impl Clock {
    pub(super) fn new(epoch: Epoch) -> Rc<Self> {
        Rc::new(Clock {
            epoch,
            offset: Cell::new(epoch.unix_ns() as i64),
            ledger: RefCell::default(),
            scratch: RefCell::new(Scratch::new()),
        })
    }

    pub(super) fn now(&self) -> u64 {
        self.epoch.elapsed_ns()
    }

    /// Notes that the time since `from` was spent awake and with nothing else, unless it was longer than `most`: then
    /// something was done in it.
    pub(super) fn waited_awake(&self, from: u64, most: u64) {
        let took = self.now() - from;
        if took <= most {
            self.ledger.borrow_mut().awake_ns += took;
        }
    }

    /// An instant of the wall clock as epoch time. An instant later than `seen`, when our code already had what it
    /// stamps, betrays a step of the clock; after one the stamp is only known not to be later than `seen`.
    pub(super) fn of_unix(&self, unix_ns: u64, seen: u64) -> u64 {
        let convert = |offset: i64| u64::try_from(unix_ns as i64 - offset).unwrap_or(0);
        let at = convert(self.offset.get());
        if at <= seen {
            return at;
        }
        if at > seen + STEP_NS as u64 {
            self.watch_once();
        }
        convert(self.offset.get()).min(seen)
    }

    /// Pairs the clocks anew and notes a step.
    fn watch_once(&self) {
        let Some((wall, at)) = self.epoch.pair() else { return };
        let offset = wall as i64 - at as i64;
        let step = offset - self.offset.get();
        if step.abs() > STEP_NS {
            self.offset.set(offset);
            let mut ledger = self.ledger.borrow_mut();
            ledger.clock_steps += 1;
            ledger.clock_step_ns = ledger.clock_step_ns.max(step.unsigned_abs());
        }
    }

    /// Watches the clocks for as long as it is polled.
    pub(super) async fn watch(self: Rc<Self>) {
        loop {
            tokio::time::sleep(WATCH).await;
            self.watch_once();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_come_back_as_epoch_time_and_never_later_than_seen() {
        let clock = Clock::new(Epoch::now());
        let unix = clock.epoch.unix_ns();
        assert_eq!(clock.of_unix(unix + 500, 1_000), 500);
        assert_eq!(clock.of_unix(unix + 2_000, 1_000), 1_000);
        assert_eq!(clock.of_unix(unix - 5, 1_000), 0);
    }

    #[test]
    fn a_step_is_noticed_and_allowed_for() {
        let clock = Clock::new(Epoch::now());
        // As if the wall clock had been a second behind when the epoch was taken.
        clock.offset.set(clock.epoch.unix_ns() as i64 - 1_000_000_000);
        let seen = clock.now();
        let at = clock.of_unix(clock.epoch.unix_ns() + seen, seen);
        assert!(at.abs_diff(seen) < 1_000_000, "{at} {seen}");
        let ledger = clock.ledger.borrow();
        assert_eq!(ledger.clock_steps, 1);
        assert!(ledger.clock_step_ns.abs_diff(1_000_000_000) < 1_000_000);
    }
}
