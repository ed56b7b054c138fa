//! A thread that does nothing but sleep and note how late it is woken: a stop of the program, or a processor that others
//! hold, shows here whatever the load is.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::hist::Hist;

/// Length of a sleep.
const BEAT: Duration = Duration::from_millis(5);

/// Sleeps until told to stop; one value a sleep, in ns.
pub(super) fn pulse(stop: &AtomicBool) -> Hist {
    let mut late = Hist::new();
    while !stop.load(Ordering::Relaxed) {
        let begun = Instant::now();
        std::thread::sleep(BEAT);
        late.record(begun.elapsed().saturating_sub(BEAT).as_nanos() as u64);
    }
    late
}
