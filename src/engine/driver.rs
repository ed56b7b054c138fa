//! The half of a connection that reads and writes its socket, polled by the task that uses the connection.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// Rounds after which a connection that always has more to do lets the other tasks go first.
const ROUNDS: u32 = 8;

/// hyper's half of a connection.
pub(super) struct Driver {
    connection: Option<Pin<Box<dyn Future<Output = hyper::Result<()>>>>>,
    /// The waker that both halves get, and what stands behind it.
    quiet: Option<(Arc<Quiet>, Waker)>,
}

/// Wakes a task, but not while that task polls the connection itself: the two halves wake each other with every chunk
/// they hand over, and each of these calls would have the task polled once more for nothing.
struct Quiet {
    task: Waker,
    polling: AtomicBool,
    again: AtomicBool,
}

impl Wake for Quiet {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.polling.load(Ordering::Relaxed) {
            self.again.store(true, Ordering::Relaxed);
        } else {
            self.task.wake_by_ref();
        }
    }
}

impl Driver {
    pub(super) fn new(connection: impl Future<Output = hyper::Result<()>> + 'static) -> Self {
        Driver { connection: Some(Box::pin(connection)), quiet: None }
    }

    /// Polls the connection and then what waits for it, for as long as one of them has news for the other.
    pub(super) fn poll<T>(
        &mut self,
        cx: &mut Context<'_>,
        mut waits: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        let known = self.quiet.take().filter(|(quiet, _)| quiet.task.will_wake(cx.waker()));
        let (quiet, waker) = known.unwrap_or_else(|| {
            let (task, polling, again) = (cx.waker().clone(), AtomicBool::default(), AtomicBool::default());
            let quiet = Arc::new(Quiet { task, polling, again });
            (Arc::clone(&quiet), Waker::from(quiet))
        });
        quiet.polling.store(true, Ordering::Relaxed);
        let mut inner = Context::from_waker(&waker);
        let mut rounds = 0;
        let polled = loop {
            quiet.again.store(false, Ordering::Relaxed);
            if let Some(connection) = &mut self.connection
                && connection.as_mut().poll(&mut inner).is_ready()
            {
                self.connection = None;
            }
            let polled = waits(&mut inner);
            rounds += 1;
            if polled.is_ready() || !quiet.again.load(Ordering::Relaxed) {
                break polled;
            }
            if rounds == ROUNDS {
                cx.waker().wake_by_ref();
                break polled;
            }
        };
        quiet.polling.store(false, Ordering::Relaxed);
        self.quiet = Some((quiet, waker));
        polled
    }

    /// Waits for a future that the connection has to bring forward.
    pub(super) async fn bring<F: Future>(&mut self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|cx| self.poll(cx, |cx| future.as_mut().poll(cx))).await
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A connection that wakes its own task at each of its first polls, and the number of its polls.
    fn busy(times: u32) -> (Driver, Rc<Cell<u32>>) {
        let polls = Rc::new(Cell::new(0));
        let seen = Rc::clone(&polls);
        let driver = Driver::new(poll_fn(move |cx| {
            seen.set(seen.get() + 1);
            if seen.get() <= times {
                cx.waker().wake_by_ref();
            }
            Poll::Pending
        }));
        (driver, polls)
    }

    #[test]
    fn what_wakes_itself_is_polled_again_at_once_and_wakes_nobody() {
        let woken = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&woken));
        let (mut driver, polls) = busy(3);
        let polled = driver.poll(&mut Context::from_waker(&waker), |_| Poll::<()>::Pending);
        assert_eq!((polled, polls.get(), woken.0.load(Ordering::Relaxed)), (Poll::Pending, 4, 0));
    }

    #[test]
    fn what_never_rests_lets_others_go_first() {
        let woken = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&woken));
        let (mut driver, polls) = busy(u32::MAX);
        assert!(driver.poll(&mut Context::from_waker(&waker), |_| Poll::<()>::Pending).is_pending());
        assert_eq!((polls.get(), woken.0.load(Ordering::Relaxed)), (ROUNDS, 1));
    }

    #[test]
    fn from_outside_the_task_that_polled_last_is_woken() {
        let counts = [Arc::new(Count::default()), Arc::new(Count::default())];
        let kept: Rc<Cell<Option<Waker>>> = Rc::default();
        let ours = Rc::clone(&kept);
        let mut driver = Driver::new(poll_fn(move |cx| {
            ours.set(Some(cx.waker().clone()));
            Poll::Pending
        }));
        for count in &counts {
            let waker = Waker::from(Arc::clone(count));
            assert!(driver.poll(&mut Context::from_waker(&waker), |_| Poll::<()>::Pending).is_pending());
        }
        kept.take().into_iter().for_each(Waker::wake);
        assert_eq!(counts.map(|count| count.0.load(Ordering::Relaxed)), [0, 1]);
    }
}
