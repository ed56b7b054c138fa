//! Starts the workers and hands their records to the sink.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use bytes::Bytes;

use super::connect::Route;
use super::schedule::Schedule;
use super::stop::Stop;
use super::worker::{Shared, work};
use crate::error::{Failure, Result};
use crate::record::{Epoch, Sink};
use crate::target::Target;

/// How often the sink gets to redraw when no record comes.
const TICK: Duration = Duration::from_millis(200);

/// A request ready to be sent: everything that can be done before the start has been done.
#[derive(Debug, Clone)]
pub struct Request {
    /// The body.
    pub body: Bytes,
    /// Whether the body asks for a stream.
    pub stream: bool,
    /// Tokens of the prompt, where they were counted.
    pub prompt_tokens: Option<u64>,
}

/// One run of the engine.
#[derive(Clone)]
pub struct Job {
    /// Where and how to speak.
    pub target: Arc<Target>,
    /// The prepared way there.
    pub route: Route,
    /// What is sent, in order; taken from the start again when there are fewer than the schedule wants.
    pub requests: Arc<[Request]>,
    /// When and how many.
    pub schedule: Schedule,
    /// Worker threads.
    pub workers: usize,
    /// Zero of all stamps.
    pub epoch: Epoch,
    /// Prefix of request ids; lower-case letters, digits and dashes.
    pub id: String,
}

/// What became of a run beyond its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Measured requests that were never started.
    pub unsent: u64,
    /// The target was lost and the rest given up.
    pub lost: bool,
    /// The user stopped the run.
    pub stopped: bool,
}

/// Runs a job to its end and hands each finished record to the sink, on this thread.
///
/// # Errors
/// When the sink cannot keep a record, or a worker cannot be started. Records that were accepted stay accepted.
pub fn run(job: &Job, sink: &mut dyn Sink, stop: &Stop) -> Result<Tally> {
    if job.requests.is_empty() {
        return Err(Failure::bug("a job without requests was started"));
    }
    let shared = Arc::new(Shared::new(job, stop));
    let (sender, records) = mpsc::channel();
    let workers = job.workers.clamp(1, job.schedule.in_flight.max(1));
    let mut threads = Vec::with_capacity(workers);
    for worker in 0..workers {
        // The slots are dealt out evenly, the first workers taking what is left over.
        let slots = job.schedule.in_flight / workers + usize::from(worker < job.schedule.in_flight % workers);
        let (job, shared, sender) = (job.clone(), Arc::clone(&shared), sender.clone());
        let thread = thread::Builder::new()
            .name(format!("worker-{worker}"))
            .spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                runtime.block_on(work(Rc::new(job), shared, slots, sender));
                Ok::<(), std::io::Error>(())
            })
            .map_err(|error| Failure::bug("a worker thread cannot be started").because(error))?;
        threads.push(thread);
    }
    drop(sender);
    let mut kept = Ok(());
    loop {
        match records.recv_timeout(TICK) {
            Ok(record) => {
                kept = kept.and_then(|()| sink.accept(record));
                while let Ok(record) = records.try_recv() {
                    kept = kept.and_then(|()| sink.accept(record));
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        kept = kept.and_then(|()| sink.tick());
        if kept.is_err() {
            // A run that cannot keep its rows is no measurement; the workers are let go.
            stop.cut();
        }
    }
    for thread in threads {
        match thread.join() {
            Ok(ended) => ended.map_err(|error| Failure::bug("a worker has no runtime").because(error))?,
            Err(_) => kept = kept.and(Err(Failure::bug("a worker panicked"))),
        }
    }
    kept?;
    Ok(Tally { unsent: shared.dispenser.unsent(), lost: shared.lost.is_draining(), stopped: stop.is_draining() })
}
