//! A timer that meets an instant to some microseconds; the runtime's own steps by a millisecond.

use std::io;

use super::clock::Clock;

/// Below this a wait is spent awake: going to sleep and waking up takes as long.
const AWAKE_NS: u64 = 20_000;

/// One timer of a worker.
pub(super) struct Timer {
    inner: Inner,
}

impl Timer {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Timer { inner: Inner::new()? })
    }

    /// Waits until an instant of the epoch; never ends before it.
    pub(super) async fn until(&self, clock: &Clock, due_ns: u64) -> io::Result<()> {
        loop {
            let left = due_ns.saturating_sub(clock.now());
            match left {
                0 => return Ok(()),
                1..=AWAKE_NS => std::hint::spin_loop(),
                _ => self.inner.sleep(left).await?,
            }
        }
    }
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
