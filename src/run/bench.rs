//! What all load points of a run share, and the run of one of them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::answering::Answering;
use super::check;
use super::memory::Gauge;
use super::point::{Ending, conclude};
use super::ready::validate;
use super::requests::{Fingerprint, requests, saves_to};
use super::result::{PointResult, Status};
use super::scrape::{Metrics, Scraper};
use super::spelling::Spelling;
use super::sweep::{Watcher, pause, remarks, workers};
use crate::engine::{self, Job, Ledger, Release, Route, Schedule, Stop, Tally};
use crate::error::Result;
use crate::plan::{Load, Plan, Point};
use crate::record::{Epoch, Record, Sink};
use crate::stats::{Host, SelfCheck, Summary};
use crate::store::{Journal, RunDir, write_file};
use crate::target::Target;
use crate::tokenizer::Tokenizer;
use crate::units::millis;
use crate::workload::{self, Workload};

/// What all load points of a run share: the target, found and checked, and the workload, which moves on with each.
pub(super) struct Bench<'a> {
    pub(super) plan: Plan,
    dir: &'a RunDir,
    stop: &'a Stop,
    pub(super) workload: Arc<Mutex<Workload>>,
    tokenizer: Option<Tokenizer>,
    route: Route,
    /// The server's own metrics, unless it turned out to have none.
    metrics: Option<Metrics>,
    /// Where they are, or that there are none, once they were asked for.
    pub(super) server_metrics: Option<String>,
    /// How this machine measured just before the next load point, which takes it with its result.
    pub(super) self_check: Option<SelfCheck>,
    offset: u64,
    /// Serves until it is dropped.
    server: Answering,
}

impl<'a> Bench<'a> {
    /// Reads the first `total` items of the workload, finds the target or starts it, and has a first look at it.
    pub(super) fn open(plan: &Plan, dir: &'a RunDir, stop: &'a Stop, total: u64) -> Result<Self> {
        validate(plan)?;
        let mut plan = plan.clone();
        let workload = Arc::new(Mutex::new(workload::open(&plan.workload, total)?));
        let tokenizer = lock(&workload).tokenizer().cloned();
        let server = Answering::start(&mut plan, stop)?;
        let route = check::route(&plan.target)?;
        let metrics = Metrics::of(&plan, &route)?;
        // As in EvalScope, what generates no text is not asked for any.
        let is_checked = !plan.target.dialect.is_input_only() && !server.is_embedded();
        if !plan.settings.no_test_connection && is_checked {
            check::check(&plan, &Spelling::of(&plan, tokenizer.as_ref())?, &route, stop)?;
        }
        dir.write("plan.toml", plan.to_toml()?.as_bytes())?;
        Ok(Bench {
            plan,
            dir,
            stop,
            workload,
            tokenizer,
            route,
            metrics,
            server_metrics: None,
            self_check: None,
            offset: 0,
            server,
        })
    }

    /// Runs one load point into a folder below the run's, until its end or until `enough` says so of a record.
    pub(super) fn load_point(
        &mut self,
        point: Point,
        folder: &str,
        watcher: &mut dyn Watcher,
        enough: &mut (dyn FnMut(&Record) -> bool + Send),
    ) -> Result<(PointResult, Vec<String>)> {
        let route = self.way(point)?;
        let path = self.dir.point(folder);
        write_file(&path.join("plan.toml"), self.plan.point_toml(point, self.offset)?.as_bytes())?;
        let scraper = self.scrape(&path)?;
        let gauge = self.plan.workload.is_speed().then(|| self.gauge());
        let Bench { plan, dir, offset, .. } = self;
        let epoch = Epoch::now();
        let mut recorder = Recorder {
            journal: Journal::create(&path, epoch.unix_ns(), point)?,
            summary: Summary::default(),
            watcher,
            point,
            begun: Instant::now(),
            wanted: enough,
            enough: false,
        };
        let job = Job {
            target: Arc::new(plan.target.clone()),
            route,
            schedule: schedule(plan, point),
            workers: workers(plan),
            epoch,
            id: format!("{:x}-p{}", epoch.unix_ns(), point.load.level()),
            first: 0,
            number: point.number,
            log_chunks: plan.settings.log_chunks,
            keep_replies: false,
        };
        let fingerprint = Fingerprint::default();
        let made = requests(plan, &self.workload, *offset, point, fingerprint.clone())?;
        let tally = engine::run(&job, made, &mut recorder, self.stop)?;
        scraper.map(Scraper::end).transpose()?;
        gauge.map(|gauge| gauge.end(&path, epoch)).transpose()?;
        *offset += point.warmup + point.number;
        let self_check = self.self_check.take();
        let ending =
            Ending { self_check, workload: fingerprint.get(), ..ending(&tally, &recorder.summary, &plan.target) };
        let whole = ending.workload.is_some();
        let (result, mut notices) = conclude(plan, dir, folder, ending, self.tokenizer.as_ref())?;
        if let (false, Some(path)) = (whole, saves_to(plan, point)) {
            notices.push(format!(
                "{folder}: it ended before all of its requests were made: {} is not complete and cannot be sent again",
                path.display()
            ));
        }
        Ok((result, notices))
    }

    /// Begins to read the server's own metrics. A server that has none at first is not asked again.
    fn scrape(&mut self, folder: &std::path::Path) -> Result<Option<Scraper>> {
        let Some(metrics) = &self.metrics else { return Ok(None) };
        let scraper = Scraper::begin(metrics, folder, self.stop)?;
        if self.server_metrics.is_none() {
            let place = metrics.url();
            self.server_metrics = Some(if scraper.is_some() { place } else { format!("none at {place}") });
            self.metrics = self.metrics.take().filter(|_| scraper.is_some());
        }
        Ok(scraper)
    }

    /// Begins to look at the memory of whoever answers.
    fn gauge(&self) -> Gauge {
        Gauge::begin(self.server.memory(), &self.plan.target)
    }

    /// The way for a load point; there are never more requests in flight than there are.
    pub(super) fn way(&self, point: Point) -> Result<Route> {
        self.route.wide(point.load.cap().unwrap_or(0).min(point.warmup + point.number))
    }

    /// What counts the tokens of replies without usage.
    pub(super) fn tokenizer(&self) -> Option<&Tokenizer> {
        self.tokenizer.as_ref()
    }

    /// What a reader should know of the workload so far.
    pub(super) fn remarks(&self) -> Vec<String> {
        remarks(&lock(&self.workload))
    }

    /// Waits between two load points, unless the user wants to stop.
    pub(super) fn pause(&self) {
        pause(self.plan.settings.sleep_interval.unwrap_or(0.0), self.stop);
    }
}

pub(super) fn lock(workload: &Mutex<Workload>) -> MutexGuard<'_, Workload> {
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

/// Keeps each row before it is counted.
struct Recorder<'a> {
    journal: Journal,
    summary: Summary,
    watcher: &'a mut dyn Watcher,
    point: Point,
    begun: Instant,
    wanted: &'a mut (dyn FnMut(&Record) -> bool + Send),
    enough: bool,
}

impl Sink for Recorder<'_> {
    fn accept(&mut self, record: Record) -> Result<()> {
        self.journal.append(&record)?;
        self.summary.add(&record);
        self.enough |= (self.wanted)(&record);
        self.watcher.record(&record);
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

    fn enough(&mut self) -> bool {
        self.enough
    }
}

fn ending(tally: &Tally, summary: &Summary, target: &Target) -> Ending {
    let (status, reason) = if tally.lost {
        let first = summary.figures().failures.get("connect").map(|failure| failure.first.clone()).unwrap_or_default();
        let reason = format!("{} was lost, {} requests were not sent: {first}", target.endpoint(), tally.unsent);
        (Status::Aborted, Some(reason))
    } else if tally.stopped {
        (Status::Interrupted, Some(format!("stopped by the user, {} requests were not sent", tally.unsent)))
    } else if tally.enough {
        (Status::Complete, Some(format!("enough was known, {} requests were not sent", tally.unsent)))
    } else {
        (Status::Complete, None)
    };
    Ending { status, reason, unsent: tally.unsent, host: Some(host(&tally.ledger)), self_check: None, workload: None }
}

/// What the engine noted, as it is judged.
pub(super) fn host(ledger: &Ledger) -> Host {
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
        cpu_percent: ledger.cpu_ns.map(|ns| percent(ns.saturating_sub(ledger.awake_ns))),
        run_delay_percent: ledger.run_delay_ns.map(percent),
        stolen_percent: ledger.stolen_ns.map(|ns| 100.0 * ns as f64 / ledger.wall_ns.max(1) as f64),
    }
}
