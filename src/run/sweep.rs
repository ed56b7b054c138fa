//! A sweep: one run of the engine for each load point.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::check;
use super::point::{Ending, conclude, save};
use super::result::{FORMAT_VERSION, PointResult, RunResult, Setting, Status};
use crate::engine::{self, Job, Ledger, Release, Request, Requests, Schedule, Stop, Tally};
use crate::error::{Exit, Failure, Result};
use crate::local;
use crate::plan::{Load, Plan, Point, Served};
use crate::prompt::Conversation;
use crate::record::{Epoch, Record, Sink};
use crate::stats::{Best, DEFINITIONS, Host, Summary};
use crate::store::{Journal, RunDir, write_file};
use crate::target::{Target, Trust};
use crate::units::millis;
use crate::wire;
use crate::workload::{self, Workload};

/// How often a pause looks whether the user wants to stop.
const PAUSE_STEP: Duration = Duration::from_millis(100);
/// Prompts made at a time.
const BATCH: u64 = 256;

/// What a run tells while it goes on. Everything defaults to silence.
pub trait Watcher {
    /// Something was decided, skipped or doubted.
    fn notice(&mut self, _text: &str) {}
    /// A load point begins, the `index`-th of `of`.
    fn point_begins(&mut self, _point: Point, _index: usize, _of: usize) {}
    /// A few times a second: figures so far, and seconds since the point began.
    fn progress(&mut self, _point: Point, _summary: &Summary, _elapsed_s: f64) {}
    /// A measured request ended, the `done`-th.
    fn done(&mut self, _done: u64, _summary: &Summary) {}
    /// A load point is over and its files are written; the run's own files can be renewed.
    ///
    /// # Errors
    /// When they cannot be written.
    fn point_ends(&mut self, _run: &RunResult) -> Result<()> {
        Ok(())
    }
}

/// Runs every load point of a plan, writes the files of each as it ends, and returns the whole.
///
/// A run that the user stops or whose target is lost returns normally: the status of its last point tells.
///
/// # Errors
/// When the plan cannot be carried out: a dataset is bad, the target refuses the first request, a file cannot be
/// written. What was measured before is on disk.
pub fn sweep(plan: &Plan, dir: &RunDir, watcher: &mut dyn Watcher, stop: &Stop) -> Result<RunResult> {
    let mut plan = plan.clone();
    let total = plan.points.iter().map(|point| point.warmup + point.number).sum();
    let workload = Arc::new(Mutex::new(workload::open(&plan.workload, total)?));
    let tokenizer = lock(&workload).tokenizer().cloned();
    let server = match &plan.served {
        Served::Embedded(spec) => Some(local::start(spec)?),
        Served::Remote => None,
    };
    if let Some(server) = &server {
        plan.target.url =
            server.url().parse().map_err(|error| Failure::bug("the embedded server has no address").because(error))?;
    }
    let route = check::route(&plan.target)?;
    if !plan.settings.no_test_connection && server.is_none() {
        check::check(&plan, &route, stop)?;
    }
    dir.write("plan.toml", plan.to_toml()?.as_bytes())?;
    let mut run = empty_result(&plan, dir)?;
    save(&dir.path().join("summary.json"), &run)?;
    let workers = workers(&plan);
    let mut offset = 0;
    // What is said of the workload grows with each point; it stands behind what is said of the plan and the points.
    let mut settled = run.notices.clone();
    for (index, &point) in plan.points.iter().enumerate() {
        if index > 0 {
            pause(plan.settings.sleep_interval.unwrap_or(0.0), stop);
        }
        if stop.is_draining() {
            break;
        }
        watcher.point_begins(point, index, plan.points.len());
        write_file(&dir.point(&point.folder()).join("plan.toml"), plan.point_toml(point, offset)?.as_bytes())?;
        let epoch = Epoch::now();
        let mut recorder = Recorder {
            journal: Journal::create(&dir.point(&point.folder()), epoch.unix_ns(), point)?,
            summary: Summary::default(),
            watcher,
            point,
            begun: Instant::now(),
        };
        let job = Job {
            target: Arc::new(plan.target.clone()),
            route: route.clone(),
            schedule: schedule(&plan, point),
            workers,
            epoch,
            id: format!("{:x}-p{}", epoch.unix_ns(), point.load.level()),
            first: 0,
            number: point.number,
            log_chunks: plan.settings.log_chunks,
        };
        let tally = engine::run(&job, requests(&plan, &workload, offset, point), &mut recorder, stop)?;
        offset += point.warmup + point.number;
        let ending = ending(&tally, &recorder.summary, &plan.target);
        let (result, notices) = conclude(&plan, dir, &point.folder(), ending, tokenizer.as_ref())?;
        let lost = result.status == Status::Aborted;
        run.notices = settled;
        add_point(&mut run, result, notices);
        settled = run.notices.clone();
        run.notices.extend(workload_notices(&run, &lock(&workload)));
        save(&dir.path().join("summary.json"), &run)?;
        watcher.point_ends(&run)?;
        if lost {
            break;
        }
    }
    if let Some(server) = server {
        server.stop();
    }
    if run.points.is_empty() {
        return Err(Failure::new(Exit::Interrupted, "interrupted before the first request; nothing was measured"));
    }
    Ok(run)
}

fn lock(workload: &Mutex<Workload>) -> MutexGuard<'_, Workload> {
    workload.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How the requests of a point are let go.
fn schedule(plan: &Plan, point: Point) -> Schedule {
    let release = match (point.load, point.load.cap()) {
        (Load::Closed { parallel }, _) => Release::Slot { slots: parallel as usize, ramp: plan.load.slot_ramp },
        (_, most) => Release::Clock { most: most.map(|most| most as usize) },
    };
    Schedule { release, duration: plan.load.duration, grace: plan.load.grace }
}

/// The requests of a load point, made as they are wanted: prompts by the batch, bodies one by one.
fn requests(plan: &Plan, workload: &Arc<Mutex<Workload>>, offset: u64, point: Point) -> Requests {
    let (plan, workload) = (plan.clone(), Arc::clone(workload));
    let total = point.warmup + point.number;
    let batches = (0..total).step_by(BATCH as usize).map(move |from| {
        let count = BATCH.min(total - from);
        let batch = lock(&workload).conversations(offset + from, count);
        batch.map(|batch| batch.into_iter().zip(from..).collect::<Vec<_>>())
    });
    let encode = move |conversation: &Conversation, index: u64| -> Result<Request> {
        let prompt = conversation.turns.first().ok_or_else(|| Failure::bug("a conversation has no turn"))?;
        let encoded = wire::encode(prompt, &plan.sampling, &plan.target.model)?;
        // A count is reported only where the user named the tokenizer: the built-in one is not the server's.
        let counted = prompt.tokens.filter(|_| plan.workload.tokenizer.is_some());
        Ok(Request {
            body: encoded.bytes,
            stream: encoded.stream,
            prompt_tokens: counted.map(u64::from),
            due_ns: None,
            warmup: index < point.warmup,
        })
    };
    Box::new(
        batches
            .flat_map(|batch| match batch {
                Ok(batch) => batch.into_iter().map(Ok).collect(),
                Err(failure) => vec![Err(failure)],
            })
            .map(move |item| item.and_then(|(conversation, index)| encode(&conversation, index))),
    )
}

/// Keeps each row before it is counted.
struct Recorder<'a> {
    journal: Journal,
    summary: Summary,
    watcher: &'a mut dyn Watcher,
    point: Point,
    begun: Instant,
}

impl Sink for Recorder<'_> {
    fn accept(&mut self, record: Record) -> Result<()> {
        self.journal.append(&record)?;
        self.summary.add(&record);
        if !record.warmup {
            self.watcher.done(self.summary.done(), &self.summary);
        }
        Ok(())
    }

    fn tick(&mut self) -> Result<()> {
        self.journal.flush()?;
        self.watcher.progress(self.point, &self.summary, self.begun.elapsed().as_secs_f64());
        Ok(())
    }
}

fn ending(tally: &Tally, summary: &Summary, target: &Target) -> Ending {
    let (status, reason) = if tally.lost {
        let first = summary.figures().failures.get("connect").map(|failure| failure.first.clone()).unwrap_or_default();
        let reason = format!("{} was lost, {} requests were not sent: {first}", target.endpoint(), tally.unsent);
        (Status::Aborted, Some(reason))
    } else if tally.stopped {
        (Status::Interrupted, Some(format!("stopped by the user, {} requests were not sent", tally.unsent)))
    } else {
        (Status::Complete, None)
    };
    Ending { status, reason, unsent: tally.unsent, host: Some(host(&tally.ledger)), self_check: None }
}

/// What the engine noted, as it is judged.
fn host(ledger: &Ledger) -> Host {
    let of_workers = (ledger.wall_ns * ledger.workers).max(1) as f64;
    let percent = |ns: u64| 100.0 * ns as f64 / of_workers;
    Host {
        lag_ms: Host::spread(&ledger.lag),
        pulse_ms: Host::spread(&ledger.pulse),
        kernel_reads: ledger.kernel_reads,
        user_reads: ledger.user_reads,
        kernel_sends: ledger.kernel_sends,
        user_sends: ledger.user_sends,
        clock_steps: ledger.clock_steps,
        clock_step_ms: millis(ledger.clock_step_ns),
        starved: ledger.starved,
        workers: ledger.workers,
        cpu_percent: ledger.cpu_ns.map(percent),
        run_delay_percent: ledger.run_delay_ns.map(percent),
    }
}

/// Puts a load point into a run, in place of an older result of the same point.
pub(super) fn add_point(run: &mut RunResult, result: PointResult, notices: Vec<String>) {
    if let Some(reason) = &result.reason {
        run.notices.push(format!("{}: {reason}", result.folder));
    }
    run.notices.extend(notices);
    run.points.retain(|point| point.folder != result.folder);
    run.points.push(result);
    run.choose();
}

/// A run of which no point is over yet.
pub(super) fn empty_result(plan: &Plan, dir: &RunDir) -> Result<RunResult> {
    let target = &plan.target;
    let setting = Setting {
        model: target.model.clone(),
        api: plan.settings.api.clone(),
        url: target.url.to_string(),
        embedded: plan.served != Served::Remote,
        dataset: plan.workload.source.name().to_owned(),
        workload_seed: plan.workload.seed,
        stream: plan.sampling.stream,
        max_tokens: plan.sampling.max_tokens,
        tls: match (target.is_tls(), &target.trust) {
            (false, _) => "none",
            (true, Trust::Anyone) => "not verified",
            (true, _) => "verified",
        }
        .to_owned(),
        http_version: plan.settings.http_version.clone(),
        tokenizer: plan.workload.tokenizer.as_ref().map_or("none".to_owned(), |path| path.display().to_string()),
        stamps: "user space, when a read returns, below TLS and HTTP".to_owned(),
        workers: workers(plan),
        cores: thread::available_parallelism().map_or(1, usize::from),
        system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
    };
    Ok(RunResult {
        format_version: FORMAT_VERSION,
        tool: concat!("evalscope ", env!("CARGO_PKG_VERSION")).to_owned(),
        path: dir.path().display().to_string(),
        setting,
        points: Vec::new(),
        best: Best::default(),
        notices: plan.notices.clone(),
        plan: plan.to_toml()?,
        definitions: DEFINITIONS
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect::<BTreeMap<_, _>>(),
    })
}

/// What a reader should know of the workload and of what was counted.
fn workload_notices(run: &RunResult, workload: &Workload) -> Vec<String> {
    let mut notices = Vec::new();
    let remarks = workload.remarks();
    let skipped = remarks.to_string();
    if !skipped.is_empty() {
        notices.push(format!("rows of the dataset left out: {skipped}"));
    }
    if remarks.unparsed > 0 {
        notices.push(format!("{} lines look like JSON but are not, and were sent as text", remarks.unparsed));
    }
    if remarks.inexact > 0 {
        notices.push(format!("{} random prompts do not have the drawn length", remarks.inexact));
    }
    if let Some(repeats) = remarks.repeats_after {
        notices
            .push(format!("prompts repeat after {repeats}: a server with a prefix cache answers repeated ones faster"));
    }
    let missing: u64 = run.points.iter().map(|point| point.figures.counts.tokens_missing).sum();
    if missing > 0 {
        notices.push(format!(
            "the server gave no usage for {missing} replies and no --tokenizer-path was set: their tokens are not counted"
        ));
    }
    notices
}

fn workers(plan: &Plan) -> usize {
    plan.settings.workers.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from))
}

fn pause(seconds: f64, stop: &Stop) {
    let until = Instant::now() + Duration::from_secs_f64(seconds);
    while !stop.is_draining() && Instant::now() < until {
        thread::sleep(PAUSE_STEP.min(until.saturating_duration_since(Instant::now())));
    }
}
