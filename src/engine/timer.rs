//! A timer that meets an instant to some microseconds; the runtime's own steps by a millisecond.

use std::cell::Cell;
use std::io;

use super::clock::Clock;

/// Below this a wait is spent without a look at anything else: that takes about as long.
const SPIN_NS: u64 = 10_000;
/// How long before an instant a timer is awake at first, at least and at most.
const AHEAD_NS: u64 = 100_000;
const LEAST_AHEAD_NS: u64 = 20_000;
const MOST_AHEAD_NS: u64 = 300_000;
/// A step of that when the machine woke us too late, and one when it did not: 49 to 1, so that it comes to rest where
/// 98 of 100 wake-ups are in time.
const MORE_NS: u64 = 9_800;
const LESS_NS: u64 = 200;
/// A look at sockets and tasks that took no longer than this found nothing to do.
const LOOK_NS: u64 = 5_000;

/// One timer of a worker. It sleeps until shortly before an instant, by as much as this machine is late in waking it,
/// and waits awake for the rest while other tasks go on.
pub(super) struct Timer {
    inner: Inner,
    ahead_ns: Cell<u64>,
}

impl Timer {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Timer { inner: Inner::new()?, ahead_ns: Cell::new(AHEAD_NS) })
    }

    /// Waits until an instant of the epoch; never ends before it.
    pub(super) async fn until(&self, clock: &Clock, due_ns: u64) -> io::Result<()> {
        let mut now = clock.now();
        while now < due_ns {
            let (left, ahead) = (due_ns - now, self.ahead_ns.get());
            if left > ahead {
                self.inner.sleep(left - ahead).await?;
                self.ahead_ns.set(adapted(ahead, clock.now() > due_ns));
            } else {
                if left > SPIN_NS {
                    tokio::task::yield_now().await;
                } else {
                    std::hint::spin_loop();
                }
                clock.waited_awake(now, LOOK_NS);
            }
            now = clock.now();
        }
        Ok(())
    }
}

/// How long to be awake before the next instant.
fn adapted(ahead_ns: u64, too_late: bool) -> u64 {
    let next = if too_late { ahead_ns + MORE_NS } else { ahead_ns.saturating_sub(LESS_NS) };
    next.clamp(LEAST_AHEAD_NS, MOST_AHEAD_NS)
}

#[cfg(target_os = "linux")]
use linux::Inner;

#[cfg(target_os = "linux")]
mod linux {
    use std::io;
    use std::os::fd::AsFd;

    use nix::sys::time::{TimeSpec, TimeValLike};
    use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
    use tokio::net::unix::pipe::Receiver;

    /// A kernel timer, and the same timer as the runtime waits for it: what fires is read like bytes from a pipe.
    pub(super) struct Inner {
        timer: TimerFd,
        fired: Receiver,
    }

    impl Inner {
        pub(super) fn new() -> io::Result<Self> {
            let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
            let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?;
            let fired = Receiver::from_owned_fd_unchecked(timer.as_fd().try_clone_to_owned()?)?;
            Ok(Inner { timer, fired })
        }

        pub(super) async fn sleep(&self, ns: u64) -> io::Result<()> {
            let after = Expiration::OneShot(TimeSpec::nanoseconds(ns as i64));
            self.timer.set(after, TimerSetTimeFlags::empty())?;
            loop {
                self.fired.readable().await?;
                match self.fired.try_read(&mut [0; 8]) {
                    Ok(_) => return Ok(()),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
struct Inner;

#[cfg(not(target_os = "linux"))]
impl Inner {
    /// The runtime's timer may fire a step late, so the last two are spent yielding to the other tasks.
    const STEPS_NS: u64 = 2_000_000;

    fn new() -> io::Result<Self> {
        Ok(Inner)
    }

    async fn sleep(&self, ns: u64) -> io::Result<()> {
        match ns.checked_sub(Self::STEPS_NS) {
            Some(ns @ 1..) => tokio::time::sleep(std::time::Duration::from_nanos(ns)).await,
            _ => tokio::task::yield_now().await,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};

    use super::*;

    #[test]
    fn it_is_awake_so_early_that_two_wake_ups_in_a_hundred_are_late() {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        let mut ahead = AHEAD_NS;
        let mut seen = Vec::new();
        for _ in 0..200_000 {
            let late: u64 = random.random_range(0..250_000);
            ahead = adapted(ahead, late > ahead);
            seen.push(ahead);
        }
        let settled = &seen[100_000..];
        let mean = settled.iter().sum::<u64>() / settled.len() as u64;
        assert!(mean.abs_diff(245_000) < 3_000, "{mean}");
    }

    #[test]
    fn its_time_awake_has_bounds() {
        assert_eq!(adapted(MOST_AHEAD_NS, true), MOST_AHEAD_NS);
        assert_eq!(adapted(LEAST_AHEAD_NS, false), LEAST_AHEAD_NS);
    }
}
