//! Starts the workers and hands their records to the sink.

use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::runtime::LocalOptions;

use super::connect::Route;
use super::feed::{Feed, Requests};
use super::kernel::keep_stamping;
use super::ledger::{Ledger, thread_times};
use super::pulse::pulse;
use super::schedule::{Release, Schedule};
use super::stolen::stolen_ns;
use super::stop::Stop;
use super::worker::{Shared, work};
use crate::error::{Failure, Result};
use crate::record::{Epoch, Record, Sink};
use crate::target::Target;

/// How often the sink gets to redraw when no record comes.
const TICK: Duration = Duration::from_millis(200);
/// How long records are let come together before the sink takes them: a thread that wakes up with each of them takes the
/// processor from the workers each time.
const GATHER: Duration = Duration::from_millis(10);
/// Between the making of the workers and the instant from which due times count, so that none is late from the start.
const LEAD: Duration = Duration::from_millis(20);
/// Tasks that a worker runs before it looks at its sockets and timers again.
const LOOK_EVERY: u32 = 16;

/// One run of the engine.
#[derive(Clone)]
pub struct Job {
    /// Where and how to speak.
    pub target: Arc<Target>,
    /// The prepared way there.
    pub route: Route,
    /// How they are let go.
    pub schedule: Schedule,
    /// Worker threads.
    pub workers: usize,
    /// Zero of all stamps.
    pub epoch: Epoch,
    /// Prefix of request ids; lower-case letters, digits and dashes.
    pub id: String,
    /// Index of the first request, where a run goes on with another one's numbering.
    pub first: u64,
    /// Measured requests that are planned.
    pub number: u64,
    /// Keep every event of every reply.
    pub log_chunks: bool,
    /// Keep replies as they came, for whoever wants more of them than stamps and counts.
    pub keep_replies: bool,
}

/// What became of a run beyond its records.
#[derive(Debug, Clone, PartialEq)]
pub struct Tally {
    /// Measured requests that were never taken up. Those that came due without a slot have records of their own.
    pub unsent: u64,
    /// The target was lost and the rest given up.
    pub lost: bool,
    /// The user stopped the run.
    pub stopped: bool,
    /// The sink had seen enough.
    pub enough: bool,
    /// What the engine noted of itself.
    pub ledger: Ledger,
}

/// Runs a job to its end and hands each finished record to the sink, on this thread.
///
/// # Errors
/// When the sink cannot keep a record, a request cannot be prepared, or a worker cannot be started. Records that were
/// accepted stay accepted.
pub fn run(job: &Job, requests: Requests, sink: &mut dyn Sink, stop: &Stop) -> Result<Tally> {
    let most = job.schedule.most();
    let feed = Arc::new(Feed::new(most.unwrap_or(0)));
    let _stamping = keep_stamping();
    let feeder = {
        let feed = Arc::clone(&feed);
        spawn("feeder", move || {
            stand_back();
            feed.fill(requests);
        })?
    };
    feed.wait_filled();
    let begin_ns = job.epoch.elapsed_ns() + LEAD.as_nanos() as u64;
    let shared = Arc::new(Shared::new(job, Arc::clone(&feed), begin_ns, stop));
    if let Release::Clock { .. } = job.schedule.release {
        shared.deadline.set(begin_ns, job.schedule.duration);
    }
    let ledger = Arc::new(Mutex::new(Ledger::default()));
    let (sender, records) = mpsc::channel();
    let workers = job.workers.clamp(1, most.unwrap_or(usize::MAX).max(1));
    let mut threads = Vec::with_capacity(workers);
    let started_ns = job.epoch.elapsed_ns();
    let stolen_before = stolen_ns();
    for worker in 0..workers {
        let (job, shared, sender, ledger) = (job.clone(), Arc::clone(&shared), sender.clone(), Arc::clone(&ledger));
        threads.push(spawn(&format!("worker-{worker}"), move || {
            let before = thread_times();
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = runtime.enable_all().event_interval(LOOK_EVERY).build_local(LocalOptions::default())?;
            let mut noted = runtime.block_on(work(Rc::new(job), shared, worker, workers, sender))?;
            if let (Some(before), Some(after)) = (before, thread_times()) {
                noted.cpu_ns = Some(after.0.saturating_sub(before.0));
                noted.run_delay_ns = Some(after.1.saturating_sub(before.1));
            }
            noted.workers = 1;
            ledger.lock().unwrap_or_else(PoisonError::into_inner).merge(&noted);
            Ok::<(), std::io::Error>(())
        })?);
    }
    drop(sender);
    let over = Arc::new(AtomicBool::new(false));
    let beat = {
        let over = Arc::clone(&over);
        spawn("pulse", move || pulse(&over))?
    };
    let (mut kept, enough) = collect(records, sink, |news| {
        match news {
            // A run that cannot keep its rows is no measurement; the workers are let go.
            News::Lost => stop.cut(),
            News::Enough => {
                shared.enough.drain();
                feed.close();
            }
        }
    });
    feed.close();
    over.store(true, Ordering::Relaxed);
    // What the workers spent is counted from their start on, which may be before due times begin to count.
    let wall_ns = job.epoch.elapsed_ns().saturating_sub(started_ns);
    let stolen = stolen_before.zip(stolen_ns()).map(|(before, after)| after.saturating_sub(before));
    for thread in threads {
        match thread.join() {
            Ok(ended) => ended.map_err(|error| Failure::bug("a worker has no runtime").because(error))?,
            Err(_) => kept = kept.and(Err(Failure::bug("a worker panicked"))),
        }
    }
    let joined = feeder.join().is_ok();
    let late = beat.join().unwrap_or_default();
    kept?;
    if let Some(failure) = feed.take_failure() {
        return Err(failure);
    }
    if !joined {
        return Err(Failure::bug("the preparation of requests panicked"));
    }
    let mut ledger = std::mem::take(&mut *ledger.lock().unwrap_or_else(PoisonError::into_inner));
    ledger.starved = feed.starved();
    ledger.pulse = late;
    ledger.wall_ns = wall_ns;
    ledger.stolen_ns = stolen;
    Ok(Tally {
        unsent: job.number.saturating_sub(feed.taken()) + shared.given_back(),
        lost: shared.lost.is_draining(),
        stopped: stop.is_draining(),
        enough,
        ledger,
    })
}

fn spawn<T: Send + 'static>(name: &str, work: impl FnOnce() -> T + Send + 'static) -> Result<thread::JoinHandle<T>> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map_err(|error| Failure::bug("a thread cannot be started").because(error))
}

/// What a sink may say of a record.
enum News {
    /// It could not be kept.
    Lost,
    /// It was the last that is wanted.
    Enough,
}

/// Takes records until no worker is left, on a thread that stands back for the workers. Gives whether all were kept, and
/// whether the sink had enough.
fn collect(records: Receiver<Record>, sink: &mut dyn Sink, mut tell: impl FnMut(News) + Send) -> (Result<()>, bool) {
    let collector = move || {
        stand_back();
        let (mut kept, mut enough) = (Ok(()), false);
        let mut over = false;
        while !over {
            match records.recv_timeout(TICK) {
                Ok(record) => {
                    kept = kept.and_then(|()| sink.accept(record));
                    thread::sleep(GATHER);
                    while let Ok(record) = records.try_recv() {
                        kept = kept.and_then(|()| sink.accept(record));
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => over = true,
            }
            kept = kept.and_then(|()| sink.tick());
            if kept.is_err() {
                tell(News::Lost);
            } else if !enough && sink.enough() {
                enough = true;
                tell(News::Enough);
            }
        }
        (kept, enough)
    };
    let panicked = |_| (Err(Failure::bug("the keeping of records panicked")), false);
    thread::scope(|scope| match thread::Builder::new().name("collector".to_owned()).spawn_scoped(scope, collector) {
        Ok(collector) => collector.join().unwrap_or_else(panicked),
        Err(error) => (Err(Failure::bug("a thread cannot be started").because(error)), false),
    })
}

/// Lets the workers go before this thread where both want a processor.
pub fn stand_back() {
    #[cfg(target_os = "linux")]
    {
        // Refused or not, the run is right; it only shares its processor less well.
        let _ = rustix::process::nice(10);
    }
}
