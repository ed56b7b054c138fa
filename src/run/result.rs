//! The result of a run as it is saved in `summary.json` and handed to reports.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::pooled::Pooled;
use crate::plan::Point;
use crate::stats::{Audit, Best, Figures, SpeedTable, Throughput, Timeline, TraceSummary, Trust, Verdict};

/// Version of `summary.json`. It grows when a field changes its meaning or goes; new fields may come without.
pub const FORMAT_VERSION: u32 = 1;

/// How a load point ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Every planned request was sent, or the asked duration was over.
    Complete,
    /// The user stopped it.
    Interrupted,
    /// The target was lost; the rest was not sent.
    Aborted,
    /// The program was killed; made afterwards from the rows it left.
    Recovered,
}

/// One load point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PointResult {
    /// [`FORMAT_VERSION`].
    pub format_version: u32,
    /// Folder of the point below the run's.
    pub folder: String,
    /// What was asked.
    #[serde(flatten)]
    pub point: Point,
    /// How it ended.
    pub status: Status,
    /// Why it ended early.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// SHA-256 over the ordered due times and bodies; absent where the run ended before all were made.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub workload_sha256: Option<String>,
    /// The epoch of the point, ns of the wall clock since 1970.
    pub epoch_unix_ns: u64,
    /// Everything computed.
    pub figures: Figures,
    /// What speaks for and against the figures; absent in results of versions that did not judge.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub trust: Option<Trust>,
    /// The course over time.
    pub timeline: Timeline,
    /// Contents of `benchmark_summary.json`.
    pub evalscope_summary: Map<String, Value>,
    /// Contents of `benchmark_percentile.json`.
    pub evalscope_percentiles: Vec<Map<String, Value>>,
    /// Contents of `trace_summary.json`, where requests are turns of conversations.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub evalscope_traces: Option<TraceSummary>,
    /// Contents of `workload_throughput.json`, where something succeeded.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub evalscope_throughput: Option<Throughput>,
    /// Speed against the length of the prompt, where that is asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub speed: Option<SpeedTable>,
    /// The server's own counters held against ours, where it has them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub audit: Option<Audit>,
}

impl PointResult {
    /// Whether the figures can be believed; `None` where nobody judged, or nothing was measured and the client is not
    /// to blame.
    pub fn verdict(&self) -> Option<Verdict> {
        let verdict = self.trust.as_ref()?.verdict;
        (self.figures.counts.ok > 0 || verdict != Verdict::Valid).then_some(verdict)
    }

    /// Whether the point may be chosen as best: something was measured, and it is not INVALID.
    pub fn is_sound(&self) -> bool {
        self.figures.counts.ok > 0 && self.verdict() != Some(Verdict::Invalid)
    }
}

/// What a reader must know to judge the figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// Model as it was asked for.
    pub model: String,
    /// What reports call it, where `--alias` names it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub alias: Option<String>,
    /// The API, as it was named.
    pub api: String,
    /// Address that was posted to; secrets are never part of it.
    pub url: String,
    /// Whether the model runs inside this program, on the same machine.
    pub embedded: bool,
    /// Name of the workload.
    pub dataset: String,
    /// Seed of the workload.
    pub workload_seed: u64,
    /// Whether replies were asked for as streams.
    pub stream: bool,
    /// Bounds of `max_tokens`.
    pub max_tokens: (u32, u32),
    /// `none`, `verified` or `not verified`.
    pub tls: String,
    /// `auto`, `1.1` or `2`.
    pub http_version: String,
    /// Tokenizer that counts what the server does not: a path, or `none`.
    pub tokenizer: String,
    /// Where arrival stamps are taken.
    pub stamps: String,
    /// Where the server's own metrics were read, or that it has none; `None` when they were not asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub server_metrics: Option<String>,
    /// Worker threads of the load engine.
    pub workers: usize,
    /// Cores this program could use.
    pub cores: usize,
    /// Operating system and architecture.
    pub system: String,
}

/// A whole run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    /// [`FORMAT_VERSION`].
    pub format_version: u32,
    /// Program and version that made it.
    pub tool: String,
    /// Folder of the run.
    pub path: String,
    /// What a reader must know to judge the figures.
    pub setting: Setting,
    /// The load points in order.
    pub points: Vec<PointResult>,
    /// The repeats of each load together, once the run is over; none where no load was repeated.
    #[serde(default)]
    pub pooled: Vec<Pooled>,
    /// The points worth naming.
    pub best: Best,
    /// Things that were decided, skipped or doubted, in words.
    pub notices: Vec<String>,
    /// The plan as TOML; `evalscope perf --profile` takes it.
    pub plan: String,
    /// What each figure means.
    pub definitions: BTreeMap<String, String>,
    /// Most memory this program held so far, resident, in MiB, the making of the result files included; where the system
    /// tells.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub peak_memory_mib: Option<f64>,
}

/// Most memory this program held so far, resident, in MiB.
pub(super) fn peak_memory_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024.0)
}

impl RunResult {
    /// The worst verdict on its load points; `None` where no point was judged.
    pub fn worst_verdict(&self) -> Option<Verdict> {
        self.points.iter().filter_map(PointResult::verdict).max()
    }

    /// Chooses the points worth naming among those that are sound.
    pub fn choose(&mut self) {
        let sound = self.points.iter().filter(|point| point.is_sound());
        self.best = Best::of(sound.map(|point| (point.point.load.level(), &point.figures)));
    }
}
