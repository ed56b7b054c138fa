//! One worker: a thread with a runtime of its own and a share of the slots.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::spawn_local;
use tokio_util::task::TaskTracker;

use super::clock::Clock;
use super::drive::Job;
use super::feed::{Feed, Request};
use super::halt::Halt;
use super::ledger::Ledger;
use super::link::Link;
use super::schedule::{Deadline, Release};
use super::stop::Stop;
use super::timer::Timer;
use super::turns::Said;
use super::wire::Wire;
use crate::error::Failure;
use crate::record::{FailureKind, Outcome, Record};

/// Pause of a slot after it could not connect, so that a server that restarts is not asked a thousand times a second.
const RECONNECT_PAUSE: Duration = Duration::from_millis(50);
/// Failed connections in a row, over all slots, after which the target is given up; at least twice the slots.
const LOST_AFTER: u64 = 20;

/// Requests due within so long of each other count as due together, and connections are opened for them ahead where there
/// is so long to go. Setting one up takes some tenths of a millisecond and more, which the last of a burst would wait for.
const TOGETHER_NS: u64 = 1_000_000;
const AHEAD_NS: u64 = 2_000_000;
/// Most connections that a worker opens ahead.
const MOST_AHEAD: usize = 256;

/// What all workers of a run share. It is touched between requests only.
pub(super) struct Shared {
    feed: Arc<Feed>,
    /// From which due times count.
    begin_ns: u64,
    pub(super) deadline: Deadline,
    /// Slots of a run by the clock, where they are bounded.
    slots: Option<Semaphore>,
    stop: Stop,
    /// Ends the run when the target is lost; apart from `stop`, which is the user's.
    pub(super) lost: Stop,
    /// Ends the run when the sink has seen enough.
    pub(super) enough: Stop,
    failed_connections: AtomicU64,
    /// Failed connections in a row after which the target is given up.
    lost_after: u64,
    given_back: AtomicU64,
}

impl Shared {
    pub(super) fn new(job: &Job, feed: Arc<Feed>, begin_ns: u64, stop: &Stop) -> Self {
        let slots = match job.schedule.release {
            Release::Clock { most: Some(most) } => Some(Semaphore::new(most)),
            _ => None,
        };
        Shared {
            feed,
            begin_ns,
            deadline: Deadline::default(),
            slots,
            stop: stop.clone(),
            lost: Stop::new(),
            enough: Stop::new(),
            failed_connections: AtomicU64::new(0),
            lost_after: LOST_AFTER.max(2 * job.schedule.most().unwrap_or(0) as u64),
            given_back: AtomicU64::new(0),
        }
    }

    /// Whether nothing new may start.
    fn is_draining(&self) -> bool {
        self.stop.is_draining() || self.lost.is_draining() || self.enough.is_draining()
    }

    /// Ready once nothing new may start.
    async fn draining(&self) {
        tokio::select! {
            () = self.stop.until_draining() => {}
            () = self.lost.until_draining() => {}
            () = self.enough.until_draining() => {}
        }
    }

    /// Measured requests that were taken from the queue and not let go.
    pub(super) fn given_back(&self) -> u64 {
        self.given_back.load(Ordering::Relaxed)
    }

    fn give_back(&self, request: &Request) {
        self.given_back.fetch_add(u64::from(!request.warmup), Ordering::Relaxed);
    }

    /// Notes how a request ended; the target is lost when too many connections in a row failed.
    fn note(&self, outcome: Outcome) {
        match outcome {
            Outcome::Failed(FailureKind::Connect | FailureKind::Tls) => {
                let failed = self.failed_connections.fetch_add(1, Ordering::Relaxed) + 1;
                if failed >= self.lost_after {
                    self.lost.drain();
                    self.feed.close();
                }
            }
            _ => self.failed_connections.store(0, Ordering::Relaxed),
        }
    }
}

/// One worker while it runs.
struct Worker {
    job: Rc<Job>,
    wire: Wire,
    shared: Arc<Shared>,
    halt: Rc<Halt>,
    /// Connections that wait for a request; the one used last goes first.
    idle: RefCell<Vec<Link>>,
    /// Connections that are being opened ahead.
    opening: Cell<usize>,
    /// How many share the work.
    workers: usize,
    records: Sender<Record>,
    /// What must end before the worker does.
    tasks: TaskTracker,
}

/// Runs this worker's share until the feed is empty or the run is stopped. Records leave through `records`; when nobody
/// takes them any more it ends. It needs a local runtime of its own, which drops what it leaves behind.
pub(super) async fn work(
    job: Rc<Job>,
    shared: Arc<Shared>,
    worker: usize,
    workers: usize,
    records: Sender<Record>,
) -> io::Result<Ledger> {
    let clock = Clock::new(job.epoch);
    let mut wire = Wire::new(&job.target, job.route.clone(), Rc::clone(&clock));
    wire.log_chunks = job.log_chunks;
    wire.keep_replies = job.keep_replies;
    let release = job.schedule.release;
    let idle = RefCell::default();
    let tasks = TaskTracker::new();
    let this = Rc::new(Worker {
        job,
        wire,
        shared,
        halt: Rc::default(),
        idle,
        opening: Cell::new(0),
        workers,
        records,
        tasks,
    });
    spawn_local(Rc::clone(&clock).watch());
    spawn_local(Rc::clone(&this).end());
    match release {
        Release::Slot { slots, ramp } => {
            // The slots are dealt out in turn, so that they open evenly.
            for slot in (worker..slots).step_by(workers) {
                let opens = ramp.mul_f64(slot as f64 / slots as f64);
                let slot = Rc::clone(&this);
                this.tasks.spawn_local(async move { slot.slot(opens).await });
            }
        }
        Release::Clock { .. } => this.pace(&Timer::new()?).await?,
    }
    this.tasks.close();
    this.tasks.wait().await;
    Ok(clock.ledger.take())
}

impl Worker {
    /// Ends what is in flight when the user says so, or when the time after the deadline is over.
    async fn end(self: Rc<Self>) {
        let late = async {
            let Some(grace) = self.job.schedule.grace else { return std::future::pending().await };
            loop {
                let now = self.wire.clock.now();
                let end = self.shared.deadline.get().map(|at| at.saturating_add(grace.as_nanos() as u64));
                match end {
                    Some(end) if end <= now => return,
                    Some(end) => tokio::time::sleep(Duration::from_nanos(end - now)).await,
                    None => tokio::time::sleep(Duration::from_millis(1)).await,
                }
            }
        };
        tokio::select! {
            () = self.shared.stop.until_cut() => {}
            () = late => {}
        }
        // Before anything is cut, for each request that is cut frees a slot that no worker may hand on.
        if let Some(slots) = &self.shared.slots {
            slots.close();
        }
        self.halt.raise();
    }

    /// The record of the next request of conversation `index`.
    fn record(&self, index: u64, turn: u32, request: &Request, due_ns: u64) -> Record {
        let index = index + self.job.first;
        let id = match (&request.id, turn) {
            (Some(id), _) => id.clone(),
            (None, 0) => format!("{}-{index}", self.job.id),
            (None, turn) => format!("{}-{index}-t{turn}", self.job.id),
        };
        let mut record = Record::due(id, index, turn, due_ns);
        record.warmup = request.warmup;
        record
    }

    /// A request and the turns that follow it, one after another over one connection. Gives how the last of them ended,
    /// or `None` when nobody takes records any more. A conversation is over where its turns say so, and where nothing new
    /// may start.
    async fn converse(&self, link: &mut Option<Link>, mut request: Request, mut record: Record) -> Option<Outcome> {
        let Worker { wire, shared, halt, .. } = self;
        let index = record.conversation - self.job.first;
        let mut timer = None;
        record.cached_estimate = request.then.as_ref().map(|_| 0);
        loop {
            let text = wire.perform(link, &request, &mut record, halt).await;
            let over_ns = wire.clock.now();
            let mut turns = request.then.take();
            let goes_on = record.outcome != Outcome::Cancelled && !shared.is_draining();
            let said = Said { record: &record, text: &text };
            let next = match turns.as_mut().filter(|_| goes_on).map(|turns| turns.next(said)).transpose() {
                Ok(next) => next.flatten(),
                Err(failure) => {
                    shared.feed.fail(failure);
                    None
                }
            };
            record.turns_left = turns.as_ref().map_or(0, |turns| turns.left()) + u32::from(next.is_some());
            let (outcome, turn) = (record.outcome, record.turn + 1);
            let said_so_far = record.prompt_tokens.zip(record.completion_tokens).map(|(prompt, reply)| prompt + reply);
            self.records.send(record).ok()?;
            shared.note(outcome);
            let Some(next) = next else { return Some(outcome) };
            let due_ns = over_ns + next.pause.as_nanos() as u64;
            if !next.pause.is_zero() && !self.pause(&mut timer, due_ns).await {
                return Some(outcome);
            }
            request = Request { then: turns, warmup: request.warmup, ..next.request };
            record = self.record(index, turn, &request, due_ns);
            record.released_ns = Some(wire.clock.now());
            record.slot_ns = record.released_ns;
            record.cached_estimate = said_so_far;
        }
    }

    /// Waits until a turn is due; false when the run ends before.
    async fn pause(&self, timer: &mut Option<Timer>, due_ns: u64) -> bool {
        let waited = async {
            let timer = match timer {
                Some(timer) => timer,
                none => none.insert(Timer::new()?),
            };
            timer.until(&self.wire.clock, due_ns).await
        };
        tokio::select! {
            biased;
            waited = waited => match waited {
                Ok(()) => true,
                Err(error) => {
                    let failure = Failure::files("no timer can be had for the pause before a turn").because(error);
                    self.shared.feed.fail(failure.hint("raise the limit of open files, for instance by `ulimit -n 65536`"));
                    false
                }
            },
            () = self.shared.draining() => false,
            () = self.halt.raised() => false,
        }
    }

    /// A slot of a closed loop: the next request goes as soon as one is over.
    async fn slot(&self, opens: Duration) {
        let Worker { wire, shared, .. } = self;
        if !opens.is_zero() {
            tokio::select! {
                () = tokio::time::sleep(opens) => {}
                () = shared.draining() => return,
            }
        }
        let mut link = None;
        let mut free_ns = wire.clock.now();
        while !shared.is_draining() && !shared.deadline.is_over(wire.clock.now()) {
            let Some((index, request)) = shared.feed.take().await else { break };
            let mut record = self.record(index, 0, &request, free_ns);
            let now = wire.clock.now();
            if !request.warmup {
                shared.deadline.set(now, self.job.schedule.duration);
            }
            (record.released_ns, record.slot_ns) = (Some(now), Some(now));
            let Some(outcome) = self.converse(&mut link, request, record).await else { break };
            // The slot is free from here on; whatever is done before the next first byte is the client's own delay.
            free_ns = wire.clock.now();
            if matches!(outcome, Outcome::Failed(FailureKind::Connect | FailureKind::Tls)) {
                tokio::select! {
                    () = tokio::time::sleep(RECONNECT_PAUSE) => {}
                    () = shared.draining() => {}
                }
                free_ns = wire.clock.now();
            }
        }
    }

    /// Lets each request go when it is due, whatever became of those before it.
    async fn pace(self: &Rc<Self>, timer: &Timer) -> io::Result<()> {
        let shared = &self.shared;
        let mut draining = pin!(shared.draining());
        loop {
            let next = tokio::select! {
                biased;
                next = shared.feed.take() => next,
                () = &mut draining => return Ok(()),
            };
            let Some((index, request)) = next else { return Ok(()) };
            let due_ns = shared.begin_ns + request.due_ns.unwrap_or(0);
            let in_time = !shared.deadline.is_over(due_ns) && !shared.is_draining();
            if in_time {
                self.open_ahead(due_ns);
                tokio::select! {
                    biased;
                    fired = timer.until(&self.wire.clock, due_ns) => fired?,
                    () = &mut draining => {
                        shared.give_back(&request);
                        return Ok(());
                    }
                }
            } else {
                shared.give_back(&request);
                continue;
            }
            let mut record = self.record(index, 0, &request, due_ns);
            record.released_ns = Some(self.wire.clock.now());
            let mut served = Box::pin(Rc::clone(self).serve(request, record));
            // A first step here and not when its turn comes among the other tasks: the request is written at once. The
            // task polls it again and so leaves its own waker.
            if served.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
                self.tasks.spawn_local(served);
            }
        }
    }

    /// Opens the connections that requests due together will need, where there is time. One that cannot be opened is no
    /// failure yet: the request will find out.
    fn open_ahead(self: &Rc<Self>, due_ns: u64) {
        let Worker { shared, wire, job, .. } = &**self;
        if due_ns < wire.clock.now() + AHEAD_NS {
            return;
        }
        let due = shared.feed.due_by((due_ns - shared.begin_ns).saturating_add(TOGETHER_NS)) + 1;
        let most = job.schedule.most().unwrap_or(MOST_AHEAD).min(MOST_AHEAD);
        let share = due.div_ceil(self.workers).min(most);
        let there = self.idle.borrow().len() + self.opening.get();
        for _ in there..share {
            let this = Rc::clone(self);
            self.opening.set(self.opening.get() + 1);
            // Not among the tasks that the worker waits for at its end.
            spawn_local(async move {
                let opened = this.wire.route.connect(&this.wire.clock).await;
                this.opening.set(this.opening.get() - 1);
                this.idle.borrow_mut().extend(opened);
            });
        }
    }

    /// A conversation that is due: waits for a slot, where they are bounded, and is held.
    async fn serve(self: Rc<Self>, request: Request, mut record: Record) {
        let slot = match &self.shared.slots {
            None => None,
            Some(slots) => {
                let granted = tokio::select! {
                    biased;
                    // First, for each request that is cut frees a slot that must not be taken any more.
                    () = self.halt.raised() => None,
                    granted = slots.acquire() => granted.ok(),
                    () = self.shared.draining() => None,
                };
                if granted.is_none() {
                    record.outcome = Outcome::Unsent;
                    record.stream = request.stream;
                    record.end_ns = self.wire.clock.now();
                    let _ = self.records.send(record);
                    return;
                }
                granted
            }
        };
        record.slot_ns = Some(self.wire.clock.now());
        let mut link = self.idle.borrow_mut().pop();
        // Nobody takes records any more only when the run is being cut.
        let _ = self.converse(&mut link, request, record).await;
        self.idle.borrow_mut().extend(link);
        drop(slot);
    }
}
