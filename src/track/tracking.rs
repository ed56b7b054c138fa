//! The side that counts: it stands on the thread that collects finished requests.

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};

use super::clearml::Clearml;
use super::otlp::Otlp;
use super::progress::Progress;
use super::prometheus::Prometheus;
use super::relay::{Event, relay};
use super::spec::{TrackSpec, Visualizer};
use super::swanlab::Swanlab;
use super::totals::Totals;
use super::tracker::{About, End, Over, State, Step, Tracker};
use super::wandb::Wandb;
use crate::error::{Failure, Result};
use crate::plan::{Plan, Point};
use crate::record::{Outcome, Record};
use crate::run::{PointResult, arguments};
use crate::stats::{Compat, CompatOptions};
use crate::store::RunDir;

/// Least time between two running figures.
const STEP: Duration = Duration::from_secs(1);
/// Files of a run that are worth to be kept with it.
const FILES: [&str; 5] = ["plan.toml", "summary.json", "sla.json", "performance_summary.txt", "perf_report.html"];

/// What is left to say of trackers once a run is over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// Trackers that could not be told everything, and why.
    pub notices: Vec<String>,
    /// Each tracker that left something to upload, with the command that does it.
    pub uploads: Vec<(String, String)>,
}

/// Tells trackers of a run, where any are asked for.
pub struct Tracking(Option<Watch>);

/// The counts of a run that is watched.
struct Watch {
    sender: Sender<Event>,
    thread: JoinHandle<Told>,
    dir: RunDir,
    /// Who is told running figures; pushes and the progress file do without them.
    visualizer: Option<Visualizer>,
    input_only: bool,
    /// The load point that goes on.
    current: Option<Current>,
    /// Load points whose requests are counted, the current one last; each has its totals.
    totals: Vec<Totals>,
    processed: u64,
    number: u64,
    told: Instant,
}

/// The figures of the load point that goes on.
struct Current {
    /// Its running figures, where somebody wants them.
    compat: Option<Compat>,
    options: CompatOptions,
    folder: String,
}

impl Tracking {
    /// Prepares the trackers of a run and starts the thread that tells them.
    ///
    /// # Errors
    /// When a folder or file of theirs cannot be made.
    pub fn begin(spec: &TrackSpec, plan: &Plan, dir: &RunDir) -> Result<Self> {
        let now = jiff::Zoned::now();
        let stamp = now.strftime("%Y%m%d_%H%M%S").to_string();
        let name = plan.settings.name.clone().unwrap_or_else(|| format!("{}_{stamp}", plan.folder()));
        let config = arguments(plan, dir.path());
        let about = About { name, config, since_ns: unix_ns(), stamp, dir: dir.path().to_owned() };
        let trackers = trackers(spec, plan, &about)?;
        if trackers.is_empty() {
            return Ok(Tracking(None));
        }
        let (sender, events) = channel();
        let thread = std::thread::Builder::new()
            .name("trackers".to_owned())
            .spawn(move || relay(&events, trackers))
            .map_err(|error| Failure::bug("a thread for trackers cannot be started").because(error))?;
        Ok(Tracking(Some(Watch {
            sender,
            thread,
            dir: dir.clone(),
            visualizer: spec.visualizer,
            input_only: plan.target.dialect.is_input_only(),
            current: None,
            totals: Vec::new(),
            processed: 0,
            number: 0,
            told: Instant::now(),
        })))
    }

    /// A load point begins.
    pub fn point_begins(&mut self, point: Point, folder: &str) {
        let Some(watch) = &mut self.0 else { return };
        let options = CompatOptions { input_only: watch.input_only, ..CompatOptions::of(&point.load) };
        let compat = watch.visualizer.map(|_| Compat::default());
        watch.current = Some(Current { compat, options, folder: folder.to_owned() });
        watch.totals.push(Totals::new(folder.to_owned(), unix_ns()));
    }

    /// A request of it ended.
    pub fn record(&mut self, record: &Record) {
        let Some(watch) = &mut self.0 else { return };
        let Some(current) = &mut watch.current else { return };
        current.options.multi_turn |= record.turn > 0 || record.turns_left > 0;
        current.compat.iter_mut().for_each(|compat| compat.add(record));
        watch.totals.iter_mut().last().into_iter().for_each(|totals| totals.add(record));
        let ended = matches!(record.outcome, Outcome::Ok | Outcome::Failed(_));
        // A failed turn ends its conversation.
        let is_last = record.turns_left == 0 || !record.is_ok();
        watch.processed += u64::from(ended && is_last && !record.warmup);
    }

    /// Some time has passed.
    pub fn tick(&mut self) {
        let Some(watch) = &mut self.0 else { return };
        if watch.told.elapsed() < STEP {
            return;
        }
        if let Some(figures) = watch.figures() {
            let step = watch.step(figures);
            watch.tell(Event::Running(step));
        }
    }

    /// The load point is over, and these are its figures.
    pub fn point_over(&mut self, result: &PointResult) {
        let Some(watch) = &mut self.0 else { return };
        let percentiles = result.evalscope_percentiles.clone();
        watch.over(result.evalscope_summary.clone(), percentiles);
    }

    /// A run of a probe is over; its figures are those that were counted.
    pub fn probe_over(&mut self) {
        let Some(watch) = &mut self.0 else { return };
        let Some(Current { compat, options, .. }) = &watch.current else { return };
        let told = compat.as_ref().map(|compat| (compat.summary(*options), compat.percentiles(*options)));
        let (figures, percentiles) = told.unwrap_or_default();
        watch.over(figures, percentiles);
    }

    /// The run is over. Waits for what is still to be told.
    pub fn end(&mut self, state: State) -> Told {
        let Some(watch) = self.0.take() else { return Told::default() };
        let files = FILES.into_iter().filter(|name| watch.dir.path().join(name).is_file()).collect();
        let totals = Arc::new(watch.totals.clone());
        watch.tell(Event::End(End { at_ns: unix_ns(), state, processed: watch.processed, totals, files }));
        let Watch { sender, thread, .. } = watch;
        drop(sender);
        thread.join().unwrap_or_else(|_| Told {
            notices: vec!["the thread for trackers panicked; what they have is not complete".to_owned()],
            ..Told::default()
        })
    }
}

impl Watch {
    /// The figures so far; `None` before any request of the load point has ended.
    fn figures(&self) -> Option<Map<String, Value>> {
        let Current { compat, options, .. } = self.current.as_ref()?;
        let total = self.totals.last()?.requests.values().sum::<u64>();
        (total > 0).then(|| compat.as_ref().map(|compat| compat.summary(*options)).unwrap_or_default())
    }

    fn step(&mut self, figures: Map<String, Value>) -> Step {
        self.told = Instant::now();
        let number = self.number;
        self.number += 1;
        Step { at_ns: unix_ns(), number, figures, processed: self.processed, totals: Arc::new(self.totals.clone()) }
    }

    fn over(&mut self, figures: Map<String, Value>, percentiles: Vec<Map<String, Value>>) {
        let Some(Current { folder, .. }) = self.current.take() else { return };
        let step = self.step(figures);
        self.tell(Event::Over(Box::new(Over { step, folder, percentiles })));
    }

    fn tell(&self, event: Event) {
        // A thread that is gone is noticed where it is waited for.
        let _ = self.sender.send(event);
    }
}

/// The trackers that are asked for.
fn trackers(spec: &TrackSpec, plan: &Plan, about: &About) -> Result<Vec<Box<dyn Tracker>>> {
    let TrackSpec { visualizer, swanlab_host, progress, otlp, prometheus, environment, .. } = spec;
    let mut trackers: Vec<Box<dyn Tracker>> = Vec::new();
    if *progress {
        let total = plan.points.iter().map(|point| point.number).sum();
        trackers.push(Box::new(Progress::create(about, total)?));
    }
    match visualizer {
        Some(Visualizer::Wandb) => trackers.push(Box::new(Wandb::create(about, environment)?)),
        Some(Visualizer::Swanlab) => {
            trackers.push(Box::new(Swanlab::create(about, environment, swanlab_host.as_deref())?));
        }
        Some(Visualizer::Clearml) => trackers.push(Box::new(Clearml::create(about, environment)?)),
        None => {}
    }
    if let Some(to) = otlp {
        trackers.push(Box::new(Otlp::new(to, environment, about, plan)?));
    }
    if let Some(to) = prometheus {
        trackers.push(Box::new(Prometheus::new(to, about, &plan.target.model)?));
    }
    Ok(trackers)
}

/// The wall clock, ns since 1970.
fn unix_ns() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}
