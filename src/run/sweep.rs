//! A sweep: one run of the engine for each load point.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use super::bench::{Bench, lock};
use super::point::save;
use super::pooled::pool_repeats;
use super::precision::Precision;
use super::requests::mean_load;
use super::result::{FORMAT_VERSION, PointResult, RunResult, Setting, Status, peak_memory_mib};
use super::selfcheck;
use crate::engine::Stop;
use crate::error::{Exit, Failure, Result};
use crate::plan::{Plan, Point, Served};
use crate::record::Record;
use crate::stats::{Best, DEFINITIONS, Summary};
use crate::store::RunDir;
use crate::target::Trust;
use crate::units::count;
use crate::workload::Workload;

/// How often a pause looks whether the user wants to stop.
const PAUSE_STEP: Duration = Duration::from_millis(100);

/// What a run tells while it goes on. Everything defaults to silence.
pub trait Watcher: Send {
    /// Something was decided, skipped or doubted.
    fn notice(&mut self, _text: &str) {}
    /// The self-check before a load point begins.
    fn check_begins(&mut self, _point: Point) {}
    /// It is over.
    fn check_ends(&mut self) {}
    /// A load point begins, the `index`-th of `of`.
    fn point_begins(&mut self, _point: Point, _index: usize, _of: usize) {}
    /// A few times a second: figures so far, and seconds since the point began.
    fn progress(&mut self, _point: Point, _summary: &Summary, _elapsed_s: f64) {}
    /// A request ended, of the warm-up as well; told before it is counted.
    fn record(&mut self, _record: &Record) {}
    /// A measured request ended, the `done`-th.
    fn done(&mut self, _done: u64, _summary: &Summary) {}
    /// One run of a probe begins, the `run`-th of `of`.
    fn probe_begins(&mut self, _point: Point, _run: u32, _of: u32) {}
    /// One run of a probe is over.
    fn probe_ends(&mut self) {}
    /// The repeats of each load are pooled, after all of them; the run's own files can be renewed once more.
    ///
    /// # Errors
    /// When they cannot be written.
    fn run_ends(&mut self, _run: &RunResult) -> Result<()> {
        Ok(())
    }
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
    let total = plan.points.iter().map(|point| point.warmup + point.number).sum();
    let mut bench = Bench::open(plan, dir, stop, total)?;
    let mut run = empty_result(&bench.plan, dir)?;
    save_result(&run, dir)?;
    // What is said of the workload grows with each point; it stands behind what is said of the plan and the points.
    let mut settled = run.notices.clone();
    for (index, &point) in plan.points.iter().enumerate() {
        if index > 0 {
            bench.pause();
        }
        if stop.is_draining() {
            break;
        }
        if plan.settings.self_check {
            watcher.check_begins(point);
            let (self_check, notice) = selfcheck::before(plan, mean_load(plan, point)?, run.points.last(), stop);
            watcher.check_ends();
            bench.self_check = self_check;
            notice.iter().for_each(|notice| watcher.notice(notice));
            settled.extend(notice);
            if stop.is_draining() {
                break;
            }
        }
        watcher.point_begins(point, index, plan.points.len());
        let mut precision = Precision::of(plan)?;
        let mut enough = |record: &Record| precision.as_mut().is_some_and(|precision| precision.add(record));
        let (result, mut notices) = bench.load_point(point, &point.folder(), watcher, &mut enough)?;
        notices.extend(precision.map(|precision| format!("{}: {}", result.folder, precision.told())));
        run.setting.server_metrics = bench.server_metrics.clone();
        let lost = result.status == Status::Aborted;
        run.notices = settled;
        add_point(&mut run, result, notices);
        settled = run.notices.clone();
        run.notices.extend(workload_notices(&run, &lock(&bench.workload)));
        run.peak_memory_mib = peak_memory_mib();
        save_result(&run, dir)?;
        watcher.point_ends(&run)?;
        if lost {
            break;
        }
    }
    if run.points.is_empty() {
        return Err(Failure::new(Exit::Interrupted, "interrupted before the first request; nothing was measured"));
    }
    if plan.settings.repeat > 1 {
        pool_repeats(&mut run, plan, dir, bench.tokenizer())?;
        save_result(&run, dir)?;
        watcher.run_ends(&run)?;
    }
    Ok(run)
}

/// Writes `summary.json` of a run.
///
/// # Errors
/// When it cannot be written.
pub fn save_result(run: &RunResult, dir: &RunDir) -> Result<()> {
    save(&dir.path().join("summary.json"), run)
}

/// Puts a load point into a run, in place of an older result of the same point.
pub(super) fn add_point(run: &mut RunResult, result: PointResult, notices: Vec<String>) {
    if let Some(reason) = &result.reason {
        run.notices.push(format!("{}: {reason}", result.folder));
    }
    run.notices.extend(notices);
    run.points.retain(|point| point.folder != result.folder);
    run.points.push(result);
    run.setting.stamps = stamps(&run.points);
    run.choose();
}

/// Where the arrival stamps of these load points were taken.
fn stamps(points: &[PointResult]) -> String {
    let hosts = points.iter().filter_map(|point| point.trust.as_ref()?.host.as_ref());
    let (kernel, user) = hosts.fold((0, 0), |(k, u), host| (k + host.kernel_reads, u + host.user_reads));
    match (kernel, user) {
        (0, 0) => "not known".to_owned(),
        (_, 0) => "the kernel (SO_TIMESTAMPNS), read with the bytes below TLS and HTTP".to_owned(),
        (0, _) => "user space, when a read returns, below TLS and HTTP".to_owned(),
        _ => format!("the kernel for {} reads, user space for {} that it did not stamp", count(kernel), count(user)),
    }
}

/// A run of which no point is over yet.
pub(super) fn empty_result(plan: &Plan, dir: &RunDir) -> Result<RunResult> {
    let target = &plan.target;
    let setting = Setting {
        model: target.model.clone(),
        alias: plan.settings.alias.clone(),
        api: plan.settings.api.clone(),
        url: target.url.to_string(),
        embedded: matches!(plan.served, Served::Embedded(_)),
        dataset: plan.workload.source.name().to_owned(),
        workload_seed: plan.workload.seed,
        stream: plan.sampling.stream,
        max_tokens: plan.workload.max_tokens,
        tls: match (target.is_tls(), &target.trust) {
            (false, _) => "none",
            (true, Trust::Anyone) => "not verified",
            (true, _) => "verified",
        }
        .to_owned(),
        http_version: plan.settings.http_version.clone(),
        tokenizer: plan.workload.tokenizer.as_ref().map_or("none".to_owned(), |path| path.display().to_string()),
        stamps: stamps(&[]),
        server_metrics: None,
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
        pooled: Vec::new(),
        best: Best::default(),
        notices: plan.notices.clone(),
        plan: plan.to_toml()?,
        definitions: DEFINITIONS
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect::<BTreeMap<_, _>>(),
        peak_memory_mib: None,
    })
}

/// What a reader should know of the workload and of what was counted.
fn workload_notices(run: &RunResult, workload: &Workload) -> Vec<String> {
    let mut notices = remarks(workload);
    let missing: u64 = run.points.iter().map(|point| point.figures.counts.tokens_missing).sum();
    if missing > 0 {
        notices.push(format!(
            "the server gave no usage for {missing} replies and no --tokenizer-path was set: their tokens are not counted"
        ));
    }
    notices
}

/// What became of the rows and prompts of a workload so far.
pub(super) fn remarks(workload: &Workload) -> Vec<String> {
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
    if remarks.sorted > 0 {
        notices.push(format!(
            "{} records of the trace were not in the order of their times, and were sorted",
            remarks.sorted
        ));
    }
    if let Some(repeats) = remarks.repeats_after {
        notices
            .push(format!("prompts repeat after {repeats}: a server with a prefix cache answers repeated ones faster"));
    }
    notices
}

pub(super) fn workers(plan: &Plan) -> usize {
    plan.settings.workers.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from))
}

pub(super) fn pause(seconds: f64, stop: &Stop) {
    let until = Instant::now() + Duration::from_secs_f64(seconds);
    while !stop.is_draining() && Instant::now() < until {
        thread::sleep(PAUSE_STEP.min(until.saturating_duration_since(Instant::now())));
    }
}
