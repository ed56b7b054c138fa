//! What is seen of a run while it goes on.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tracing::{debug, info};

use super::console::Console;
use super::report::save_reports;
use crate::error::{Exit, Result};
use crate::plan::{Load, Point};
use crate::record::Record;
use crate::report;
use crate::run::{RunResult, Watcher};
use crate::stats::{Figures, Summary};
use crate::store::RunDir;
use crate::track::{State, Told, Tracking};
use crate::units::{figure, millis, span};

/// Redraws a second.
const REDRAWS: u8 = 4;

/// Shows a live line on a terminal and none in a pipe, logs, renews the report after each load point, and passes on what
/// trackers are told.
pub(super) struct Progress<'a> {
    console: Console,
    dir: &'a RunDir,
    bar: ProgressBar,
    /// Whether tables go to stdout; with --json nothing but the summary does.
    tables: bool,
    every: Every,
    /// Seconds into the load point at which the last line of running figures was logged.
    told_s: f64,
    shown: usize,
    tracking: Tracking,
}

/// How often running figures are logged: after so many requests, and after so much time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Every {
    pub(super) requests: u64,
    pub(super) time: Duration,
}

impl<'a> Progress<'a> {
    pub(super) fn new(console: Console, dir: &'a RunDir, tables: bool, every: Every, tracking: Tracking) -> Self {
        let every = Every { requests: every.requests.max(1), ..every };
        Progress { console, dir, bar: ProgressBar::hidden(), tables, every, told_s: 0.0, shown: 0, tracking }
    }

    /// Lets the trackers know that the run is over, and gives what is left to say of them.
    pub(super) fn told(&mut self, state: State) -> Told {
        self.tracking.end(state)
    }

    /// The same for a run that ended with a failure, of which nothing but the trackers' own notices is left to say.
    pub(super) fn untold(&mut self, exit: Exit) {
        let state = if exit == Exit::Interrupted { State::Interrupted } else { State::Failed };
        let told = self.told(state);
        told.notices.iter().for_each(|notice| self.notice(notice));
        self.say_uploads(&told);
    }

    /// Says how what was written for trackers gets to them.
    pub(super) fn say_uploads(&self, told: &Told) {
        for (tracker, command) in &told.uploads {
            let text = format!("{tracker}: nothing was uploaded; this does it:  {command}");
            info!("{text}");
            self.console.say(&text);
        }
    }
}

impl Progress<'_> {
    /// Says what begins and draws the live line of it.
    fn begin(&mut self, point: Point, what: &str) {
        let load = match (point.load, point.load.rate()) {
            (Load::Paced { .. }, Some(rate)) => format!("{rate} req/s"),
            (load, _) => format!("{} {}", load.level(), load.unit()),
        };
        info!("{what}: {load}, number {}", point.number);
        self.told_s = 0.0;
        if !self.console.is_live() {
            return;
        }
        let bar = ProgressBar::with_draw_target(Some(point.number), ProgressDrawTarget::stderr_with_hz(REDRAWS));
        let template = "{prefix}  [{bar:30}] {pos}/{len}\n  {msg}";
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("█▉▊▋▌▍▎▏░"));
        bar.set_prefix(format!("{what}: {load}"));
        bar.enable_steady_tick(Duration::from_millis(1000 / u64::from(REDRAWS)));
        self.bar = bar;
    }
}

impl Watcher for Progress<'_> {
    fn notice(&mut self, text: &str) {
        info!("{text}");
        self.console.warn(text);
    }

    fn check_begins(&mut self, point: Point) {
        let text = format!("self-check of this machine at {} {}", point.load.level(), point.load.unit());
        info!("{text}");
        if !self.console.is_live() {
            return;
        }
        let target = ProgressDrawTarget::stderr_with_hz(REDRAWS);
        let bar = ProgressBar::with_draw_target(None, target).with_style(ProgressStyle::default_spinner());
        bar.set_message(text);
        bar.enable_steady_tick(Duration::from_millis(1000 / u64::from(REDRAWS)));
        self.bar = bar;
    }

    fn check_ends(&mut self) {
        self.bar.finish_and_clear();
        self.bar = ProgressBar::hidden();
    }

    fn point_begins(&mut self, point: Point, index: usize, of: usize) {
        self.tracking.point_begins(point, &point.folder());
        self.begin(point, &format!("point {} of {of}", index + 1));
    }

    fn probe_begins(&mut self, point: Point, run: u32, of: u32) {
        self.tracking.point_begins(point, &format!("{}_run_{run}", point.folder()));
        self.begin(point, &format!("probe, run {} of {of}", run + 1));
    }

    fn probe_ends(&mut self) {
        self.tracking.probe_over();
        self.bar.finish_and_clear();
        self.bar = ProgressBar::hidden();
    }

    fn progress(&mut self, point: Point, summary: &Summary, elapsed_s: f64) {
        self.tracking.tick();
        if elapsed_s - self.told_s >= self.every.time.as_secs_f64() {
            self.told_s = elapsed_s;
            info!("{} s: {}", elapsed_s.round(), running(&summary.rates(), summary.ttft_p50_ns().map(millis)));
        }
        if self.bar.is_hidden() {
            return;
        }
        let done = summary.done();
        let rate = |amount: f64| figure((elapsed_s > 0.0).then(|| amount / elapsed_s));
        let ttft = summary.ttft_p50_ns().map_or("—".to_owned(), |ttft| figure(Some(millis(ttft))));
        // Where nothing is generated, what is read tells how it goes.
        let tokens = match (summary.input_tokens(), summary.output_tokens()) {
            (input @ 1.., 0) => format!("{} in tok/s", rate(input as f64)),
            (_, output) => format!("{} tok/s", rate(output as f64)),
        };
        let left = match point.number.saturating_sub(done) {
            _ if done == 0 => "—".to_owned(),
            left => span(left as f64 * elapsed_s / done as f64),
        };
        self.bar.set_position(done);
        self.bar.set_message(format!(
            "failed {}  {} req/s  {tokens}  TTFT p50 {ttft} ms  {left} left",
            summary.failed(),
            rate((done - summary.failed()) as f64),
        ));
    }

    fn record(&mut self, record: &Record) {
        self.tracking.record(record);
    }

    fn done(&mut self, done: u64, summary: &Summary) {
        debug!("request {done} done, {} failed", summary.failed());
        if done.is_multiple_of(self.every.requests) {
            info!("{}", running(&summary.rates(), summary.ttft_p50_ns().map(millis)));
        }
    }

    fn run_ends(&mut self, run: &RunResult) -> Result<()> {
        save_reports(run, self.dir)
    }

    fn point_ends(&mut self, run: &RunResult) -> Result<()> {
        run.points.last().into_iter().for_each(|point| self.tracking.point_over(point));
        self.bar.finish_and_clear();
        self.bar = ProgressBar::hidden();
        for point in run.points.iter().skip(self.shown) {
            let ttft = point.figures.ttft_ms.as_ref().map(|ttft| ttft.p50);
            info!("{} ended: {}", point.folder, running(&point.figures, ttft));
            if self.tables {
                self.console.out(&report::point_tables(point));
            }
        }
        self.shown = run.points.len();
        save_reports(run, self.dir)
    }
}

/// The figures so far as one line of JSON.
fn running(figures: &Figures, ttft_p50_ms: Option<f64>) -> serde_json::Value {
    serde_json::json!({
        "done": figures.counts.total,
        "failed": figures.counts.failed,
        "request_throughput": figures.request_throughput,
        "input_throughput": figures.input_throughput,
        "output_throughput": figures.output_throughput,
        "ttft_p50_ms": ttft_p50_ms,
    })
}
