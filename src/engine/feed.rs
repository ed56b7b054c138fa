//! Requests on their way to the workers: prepared ahead by a thread of its own, so that a million of them take no more
//! memory than a few thousand.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use tokio::sync::Notify;

use super::turns::Turns;
use crate::error::{Failure, Result};

/// Requests kept ready, and bytes of their bodies beyond which no more are made ready.
const AHEAD: usize = 4096;
const AHEAD_BYTES: usize = 64 << 20;
/// Bytes that are taken before more are made ready again.
const SLACK_BYTES: usize = 8 << 20;
/// Requests made at a time while the run goes on, and the pause after them, so that the workers get their processor.
const BATCH: usize = 16;
const PAUSE: Duration = Duration::from_millis(1);

/// A request ready to be sent: everything that can be done before the start has been done.
#[derive(Default)]
pub struct Request {
    /// The body.
    pub body: Bytes,
    /// Whether the body asks for a stream.
    pub stream: bool,
    /// Tokens of the prompt, where they were counted.
    pub prompt_tokens: Option<u64>,
    /// When it is due, in ns after the begin of the run. `None` in a closed loop: when a slot is free.
    pub due_ns: Option<u64>,
    /// Sent to warm the server up; in no figure.
    pub warmup: bool,
    /// Headers of this request alone; those of the target win over them.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The name it goes by, where its source gives one.
    pub id: Option<String>,
    /// The turns that follow it in its conversation.
    pub then: Option<Box<dyn Turns>>,
}

/// The requests of a run in order, made one by one on a thread of its own.
pub type Requests = Box<dyn Iterator<Item = Result<Request>> + Send>;

#[derive(Default)]
struct State {
    ready: VecDeque<Request>,
    bytes: usize,
    /// Index of the first request in `ready`.
    next: u64,
    taken_measured: u64,
    /// No more will be made.
    made: bool,
    /// No more will be taken.
    closed: bool,
    starved: u64,
    failure: Option<Failure>,
}

/// The queue between the thread that prepares and the workers.
pub(super) struct Feed {
    state: Mutex<State>,
    /// Told when there is room, or no more will be taken.
    room: Condvar,
    /// Told when the first filling is done.
    filled: Condvar,
    more: Notify,
    ahead: usize,
}

impl Feed {
    /// An empty queue for so many requests in flight.
    pub(super) fn new(in_flight: usize) -> Self {
        Feed {
            state: Mutex::default(),
            room: Condvar::new(),
            filled: Condvar::new(),
            more: Notify::new(),
            ahead: AHEAD.max(2 * in_flight),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes requests until there are no more or nobody takes them; runs on the preparing thread.
    pub(super) fn fill(&self, mut requests: Requests) {
        let mut first = true;
        loop {
            let mut batch = Vec::with_capacity(BATCH);
            let mut end = None;
            while batch.len() < BATCH && end.is_none() {
                match requests.next() {
                    Some(Ok(request)) => batch.push(request),
                    Some(Err(failure)) => end = Some(Some(failure)),
                    None => end = Some(None),
                }
            }
            let mut state = self.lock();
            state.bytes += batch.iter().map(|request| request.body.len()).sum::<usize>();
            state.ready.extend(batch);
            if let Some(failure) = end {
                state.failure = failure;
                state.made = true;
            }
            let is_full = |state: &mut State| state.ready.len() >= self.ahead || state.bytes >= AHEAD_BYTES;
            let full = is_full(&mut state);
            if first && (state.made || full) {
                first = false;
                self.filled.notify_all();
            }
            self.more.notify_waiters();
            if state.made || state.closed {
                return;
            }
            if full {
                let wanted = |state: &mut State| is_full(state) && !state.closed;
                drop(self.room.wait_while(state, wanted).unwrap_or_else(PoisonError::into_inner));
            } else {
                // With little left the workers would soon wait for us; else they go first.
                let hurry = first || state.ready.len() < self.ahead / 4;
                drop(state);
                if !hurry {
                    std::thread::sleep(PAUSE);
                }
            }
        }
    }

    /// Waits until the queue has been filled for the first time, or all requests are in it.
    pub(super) fn wait_filled(&self) {
        let empty = |state: &mut State| {
            !state.made && !state.closed && state.ready.len() < self.ahead && state.bytes < AHEAD_BYTES
        };
        drop(self.filled.wait_while(self.lock(), empty).unwrap_or_else(PoisonError::into_inner));
    }

    /// The next request and its index, or `None` when there are no more.
    pub(super) async fn take(&self) -> Option<(u64, Request)> {
        let mut waited = false;
        loop {
            let more = self.more.notified();
            {
                let mut state = self.lock();
                if state.closed {
                    return None;
                }
                if let Some(request) = state.ready.pop_front() {
                    let index = state.next;
                    state.next += 1;
                    state.bytes -= request.body.len();
                    state.taken_measured += u64::from(!request.warmup);
                    // Not before there is work for a while: to wake the thread that prepares takes time, of which there is
                    // least when many requests are due together.
                    if state.ready.len() < self.ahead.saturating_sub(BATCH) && state.bytes < AHEAD_BYTES - SLACK_BYTES {
                        self.room.notify_one();
                    }
                    return Some((index, request));
                }
                if state.made {
                    return None;
                }
                if !waited {
                    waited = true;
                    state.starved += 1;
                }
            }
            more.await;
        }
    }

    /// How many of the requests that are ready are due by then.
    pub(super) fn due_by(&self, due_ns: u64) -> usize {
        let is_due = |request: &&Request| request.due_ns.is_some_and(|due| due <= due_ns);
        self.lock().ready.iter().take_while(is_due).count()
    }

    /// No more will be taken: lets the preparing thread and waiting slots end.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.room.notify_all();
        self.filled.notify_all();
        self.more.notify_waiters();
    }

    /// Ends the making and the taking of requests for a reason that ends the command.
    pub(super) fn fail(&self, failure: Failure) {
        self.lock().failure.get_or_insert(failure);
        self.close();
    }

    /// Measured requests that were taken.
    pub(super) fn taken(&self) -> u64 {
        self.lock().taken_measured
    }

    /// Times that a request was wanted before it was prepared.
    pub(super) fn starved(&self) -> u64 {
        self.lock().starved
    }

    /// Why the making of requests ended early.
    pub(super) fn take_failure(&self) -> Option<Failure> {
        self.lock().failure.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(index: u64) -> Result<Request> {
        Ok(Request {
            body: vec![0; 100].into(),
            stream: true,
            prompt_tokens: None,
            due_ns: Some(index),
            warmup: index < 2,
            ..Request::default()
        })
    }

    fn block_on<F: Future>(future: F) -> std::io::Result<F::Output> {
        Ok(tokio::runtime::Builder::new_current_thread().build()?.block_on(future))
    }

    #[test]
    fn all_come_in_order_through_a_queue_that_stays_short() -> std::io::Result<()> {
        let feed = Feed::new(1);
        let count = 3 * AHEAD as u64;
        std::thread::scope(|scope| {
            scope.spawn(|| feed.fill(Box::new((0..count).map(request))));
            feed.wait_filled();
            assert!(feed.lock().ready.len() >= AHEAD);
            block_on(async {
                let mut seen = 0;
                while let Some((index, request)) = feed.take().await {
                    assert_eq!((index, request.due_ns), (seen, Some(seen)));
                    assert!(feed.lock().ready.len() <= AHEAD + BATCH);
                    seen += 1;
                }
                assert_eq!((seen, feed.taken()), (count, count - 2));
            })
        })
    }

    #[test]
    fn what_is_due_together_is_counted() -> std::io::Result<()> {
        let feed = Feed::new(1);
        feed.fill(Box::new((0..10).map(request)));
        assert_eq!((feed.due_by(3), feed.due_by(100)), (4, 10));
        block_on(async { assert!(feed.take().await.is_some()) })?;
        assert_eq!((feed.due_by(0), feed.due_by(3)), (0, 3));
        Ok(())
    }

    #[test]
    fn a_closed_queue_lets_both_ends_go() -> std::io::Result<()> {
        let feed = Feed::new(1);
        std::thread::scope(|scope| {
            scope.spawn(|| feed.fill(Box::new((0..).map(request))));
            feed.wait_filled();
            feed.close();
            block_on(async { assert!(feed.take().await.is_none()) })
        })
    }

    #[test]
    fn a_failure_ends_the_requests_and_is_kept() -> std::io::Result<()> {
        let feed = Feed::new(1);
        feed.fill(Box::new((0..3).map(request).chain([Err(Failure::usage("row 4 is bad"))])));
        block_on(async {
            let mut taken = 0;
            while feed.take().await.is_some() {
                taken += 1;
            }
            assert_eq!(taken, 3);
            assert!(feed.take_failure().is_some_and(|failure| failure.message.contains("row 4")));
        })
    }
}
