//! The server's own metrics, read before, during and after a load point and kept beside its rows.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

use http::Uri;
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::check::runtime;
use crate::engine::{Route, Stop, get};
use crate::error::{Failure, Result};
use crate::plan::dataset::{Args, RandomArgs, Set};
use crate::plan::{Plan, Source, WorkloadSpec};
use crate::record::Epoch;
use crate::stats::{Page, Reading, Scrapes, Sharing, engine_of};
use crate::target::Target;

/// Version of the file.
const FORMAT_VERSION: u32 = 1;
/// Name of the file in the folder of a load point.
const NAME: &str = "server_metrics.jsonl";
/// Pause between two scrapes while requests are in flight.
const STEP: Duration = Duration::from_secs(1);
/// Pause between two looks at a server that comes to rest, and how many are taken: servers count a request a moment
/// after they have answered it.
const REST: (Duration, u32) = (Duration::from_millis(100), 20);

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    format_version: u32,
    url: String,
}

/// When a scrape was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Phase {
    Before,
    During,
    After,
}

/// One scrape.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    phase: Phase,
    /// When it was answered, ns of the wall clock since 1970.
    at_unix_ns: u64,
    /// Whose names the metrics bear; `None` where nothing of a known engine was on the page.
    engine: Option<String>,
    /// The numbers; `None` when the scrape failed.
    reading: Option<Reading>,
}

/// Where the server's metrics are.
#[derive(Clone)]
pub(super) struct Metrics {
    target: Target,
    route: Route,
    path: String,
}

impl Metrics {
    /// `--metrics-url`, or `/metrics` beside the target; `None` where they are not to be read. Headers go to the
    /// target's own origin only, because they may carry a key.
    pub(super) fn of(plan: &Plan, route: &Route) -> Result<Option<Self>> {
        let settings = &plan.settings;
        if !settings.server_metrics {
            return Ok(None);
        }
        let mut target = plan.target.clone();
        let mut route = route.clone();
        if let Some(url) = Self::address(plan)? {
            let ours = (plan.target.is_tls(), plan.target.host().to_owned(), plan.target.port());
            target.url = url;
            if (target.is_tls(), target.host().to_owned(), target.port()) != ours {
                target.headers.clear();
                route = runtime()?.block_on(Route::to(&target))?;
            }
        }
        let path = match &settings.metrics_url {
            Some(_) => target.url.path_and_query().map_or("/metrics", |path| path.as_str()).to_owned(),
            None => "/metrics".to_owned(),
        };
        Ok(Some(Metrics { target, route, path }))
    }

    /// The address of `--metrics-url`, where one is given and read.
    ///
    /// # Errors
    /// When it is none.
    pub(super) fn address(plan: &Plan) -> Result<Option<Uri>> {
        let given = plan.settings.metrics_url.as_deref().filter(|_| plan.settings.server_metrics);
        given.map(address).transpose()
    }

    /// The address without its query, which may carry a key.
    pub(super) fn url(&self) -> String {
        let path = self.path.split('?').next().unwrap_or_default();
        format!("{}://{}{path}", self.target.url.scheme_str().unwrap_or("http"), self.target.endpoint())
    }

    /// One page; `None` when it cannot be had or is none of metrics.
    async fn page(&self) -> Option<Page> {
        let answer = get(&self.target, &self.route, &self.path).await?;
        let page = Page::parse(&answer.body);
        (answer.status == 200 && page.is_metrics()).then_some(page)
    }

    async fn line(&self, phase: Phase, epoch: Epoch) -> Line {
        let page = self.page().await;
        let engine = page.as_ref().and_then(engine_of);
        let reading = page.map(|page| Reading::of(&page, engine.unwrap_or_default(), &self.target.model));
        Line { phase, at_unix_ns: epoch.unix_ns() + epoch.elapsed_ns(), engine: engine.map(str::to_owned), reading }
    }

    /// The first scrape after which the server rests, or the last one where it does not.
    async fn rest(&self, phase: Phase, epoch: Epoch) -> Line {
        let mut line = self.line(phase, epoch).await;
        for _ in 0..REST.1 {
            let Some(earlier) = &line.reading else { break };
            tokio::time::sleep(REST.0).await;
            let later = self.line(phase, epoch).await;
            let Some(reading) = &later.reading else { break };
            let rests = reading.rests_since(earlier);
            line = later;
            if rests {
                break;
            }
        }
        line
    }
}

fn address(given: &str) -> Result<Uri> {
    let invalid = |why: &str| {
        Failure::usage(format!("--metrics-url: {why}"))
            .hint("give a full address such as http://127.0.0.1:8000/metrics")
    };
    let url: Uri = given.trim().parse().map_err(|error| invalid("not an address").because(error))?;
    let host = url.authority().filter(|host| !host.host().is_empty()).ok_or_else(|| invalid("it has no host"))?;
    if host.as_str().contains('@') {
        return Err(invalid("a user or password in the address would end up in files and logs"));
    }
    if !matches!(url.scheme_str(), Some("http" | "https")) {
        return Err(invalid("it must begin with http:// or https://"));
    }
    Ok(url)
}

/// The file being written.
struct Log {
    file: File,
    path: PathBuf,
}

impl Log {
    fn write(&mut self, line: &impl Serialize) -> Result<()> {
        let written = serde_json::to_vec(line).map_err(std::io::Error::from).and_then(|mut bytes| {
            bytes.push(b'\n');
            self.file.write_all(&bytes)
        });
        written.map_err(|error| Failure::unwritten(self.path.display(), error))
    }
}

/// Reads a server's metrics while a load point runs, on a thread of its own. Dropping it stops the thread.
pub(super) struct Scraper {
    metrics: Metrics,
    epoch: Epoch,
    thread: JoinHandle<Result<Log>>,
    stopping: DropGuard,
}

impl Scraper {
    /// Takes the scrape before a load point and starts those during it; `None` when the server has no metrics.
    ///
    /// # Errors
    /// When the file cannot be written or no thread can be started.
    pub(super) fn begin(metrics: &Metrics, folder: &Path, stop: &Stop) -> Result<Option<Self>> {
        let (runtime, epoch) = (runtime()?, Epoch::now());
        let before = runtime.block_on(async {
            tokio::select! {
                line = metrics.rest(Phase::Before, epoch) => Some(line),
                () = stop.until_draining() => None,
            }
        });
        let Some(before) = before.filter(|line| line.reading.is_some()) else { return Ok(None) };
        let path = folder.join(NAME);
        let file = File::create(&path)
            .map_err(|error| Failure::files(format!("{} cannot be made", path.display())).because(error))?;
        let mut log = Log { file, path };
        log.write(&Header { format_version: FORMAT_VERSION, url: metrics.url() })?;
        log.write(&before)?;
        let stopping = CancellationToken::new();
        let (ours, token) = (metrics.clone(), stopping.clone());
        let thread = std::thread::Builder::new()
            .name("metrics".to_owned())
            .spawn(move || watch(&runtime, &ours, epoch, log, &token))
            .map_err(|error| Failure::bug("a thread for the server's metrics cannot be started").because(error))?;
        Ok(Some(Scraper { metrics: metrics.clone(), epoch, thread, stopping: stopping.drop_guard() }))
    }

    /// Stops the scrapes and takes the one after the load point.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn end(self) -> Result<()> {
        drop(self.stopping);
        let mut log =
            self.thread.join().map_err(|_| Failure::bug("the thread for the server's metrics panicked"))??;
        log.write(&runtime()?.block_on(self.metrics.rest(Phase::After, self.epoch)))
    }
}

fn watch(
    runtime: &Runtime,
    metrics: &Metrics,
    epoch: Epoch,
    mut log: Log,
    stopping: &CancellationToken,
) -> Result<Log> {
    let scrape = || async {
        tokio::time::sleep(STEP).await;
        metrics.line(Phase::During, epoch).await
    };
    while let Some(line) = runtime.block_on(stopping.run_until_cancelled(scrape())) {
        log.write(&line)?;
    }
    Ok(log)
}

/// Whether scrapes were kept in the folder of a load point.
pub(super) fn exist(folder: &Path) -> bool {
    folder.join(NAME).is_file()
}

/// The scrapes that were kept in the folder of a load point; `None` when there are none, or none of a known engine, or
/// the program was killed before the last.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn saved(folder: &Path) -> Result<Option<Scrapes>> {
    let path = folder.join(NAME);
    if !exist(folder) {
        return Ok(None);
    }
    let text = std::fs::read_to_string(&path)
        .map_err(|error| Failure::files(format!("{} cannot be read", path.display())).because(error))?;
    let mut lines = text.lines();
    let header: Option<Header> = lines.next().and_then(|line| serde_json::from_str(line).ok());
    if header.is_none_or(|header| header.format_version != FORMAT_VERSION) {
        return Err(Failure::files(format!(
            "{}: line 1: not a header of format version {FORMAT_VERSION}",
            path.display()
        )));
    }
    // A line that was cut short when the program was killed is a scrape that failed.
    let lines: Vec<Option<Line>> = lines.map(|line| serde_json::from_str(line).ok()).collect();
    let mut scrapes = Scrapes::default();
    let (mut before, mut after) = (None, None);
    for line in lines {
        let Some(Line { phase, engine, reading: Some(reading), .. }) = line else {
            scrapes.failed += 1;
            continue;
        };
        if let Some(engine) = engine {
            scrapes.engine = engine;
        }
        match phase {
            Phase::Before => before = Some(reading),
            Phase::During => scrapes.during.push(reading),
            Phase::After => after = Some(reading),
        }
    }
    let (Some(before), Some(after), false) = (before, after, scrapes.engine.is_empty()) else { return Ok(None) };
    Ok(Some(Scrapes { before, after, ..scrapes }))
}

/// What the prompts of a workload have in common.
pub(super) fn sharing(workload: &WorkloadSpec) -> Sharing {
    let lengths = workload.lengths;
    match &workload.source {
        // A template may hold anything beside the messages.
        _ if workload.template.is_some() => Sharing::Unknown,
        Source::Fixed(_) => Sharing::Whole,
        Source::Set(Set::Random)
            if workload.prefix.count == 1 && workload.args == Args::Random(RandomArgs::default()) =>
        {
            let shared = if workload.cache_bust { 0.0 } else { f64::from(workload.prefix.length) };
            Sharing::Prefix { shared, own: (f64::from(lengths.min) + f64::from(lengths.max)) / 2.0 }
        }
        Source::RandomAs { input_len, prefix, .. } => {
            Sharing::Prefix { shared: f64::from(*prefix), own: f64::from(*input_len) }
        }
        Source::Set(_) | Source::Saved(_) => Sharing::Unknown,
    }
}

/// Replies that each request asks for.
pub(super) fn choices(plan: &Plan) -> u64 {
    let sampling = &plan.sampling;
    sampling.extra.get("n").or(sampling.fields.get("n")).and_then(serde_json::Value::as_u64).unwrap_or(1)
}
