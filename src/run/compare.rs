//! Two runs compared, load point by load point, from their rows.

use std::path::Path;

use serde::{Deserialize, Serialize};
use toml::Table;

use super::point::count_tokens;
use super::rebuild;
use super::result::{PointResult, Status};
use crate::error::{Failure, Result};
use crate::plan::Point;
use crate::stats::{Change, Evidence, Gate, GateResult, GateState, Quantity, Verdict};
use crate::store::{Rows, RunDir};
use crate::tokenizer::Tokenizer;

/// Version of the comparison as JSON.
const FORMAT_VERSION: u32 = 1;

/// Settings that decide what is sent; runs that differ in one of them had different work.
const WORKLOAD: [&str; 27] = [
    "api",
    "apply-chat-template",
    "compat",
    "dataset",
    "dataset-offset",
    "dataset-path",
    "extra-args",
    "max-prompt-length",
    "max-tokens",
    "min-prompt-length",
    "min-tokens",
    "n-choices",
    "prefix-length",
    "prompt",
    "query-template",
    "random-input-len",
    "random-output-len",
    "random-range-ratio",
    "seed",
    "stop",
    "stop-token-ids",
    "stream",
    "temperature",
    "tokenizer-path",
    "top-k",
    "top-p",
    "workload-seed",
];

/// Settings that only say where results go.
const HOUSEKEEPING: [&str; 7] =
    ["alias", "debug", "log-every-n-query", "name", "no-timestamp", "outputs-dir", "save-workload"];

/// One of the two runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Side {
    /// Its folder.
    pub path: String,
    /// Program and version that made it, where its summary says so.
    pub tool: Option<String>,
    /// Model that was asked for.
    pub model: Option<String>,
    /// Digest of every setting that decides what is sent; equal ones mean equal prompts, as long as the files they name
    /// are the same.
    pub workload: String,
}

/// A setting that the runs do not share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Name of the flag.
    pub flag: String,
    /// In the first run.
    pub a: Option<String>,
    /// In the second run.
    pub b: Option<String>,
}

/// How a load point of one run stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// Its folder.
    pub folder: String,
    /// Requests that succeeded.
    pub requests: u64,
    /// How it ended.
    pub status: Option<Status>,
    /// Whether its figures are those of the server.
    pub verdict: Option<Verdict>,
}

/// A load point that both runs have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PointComparison {
    /// Requests in flight, or requests a second in an open loop.
    pub level: f64,
    /// Unit of the level.
    pub unit: String,
    /// Which of several equal runs.
    pub repeat: u32,
    /// In the first run.
    pub a: Standing,
    /// In the second run.
    pub b: Standing,
    /// Figure by figure.
    pub changes: Vec<Change>,
    /// Gates that were asked for.
    pub gates: Vec<GateResult>,
}

/// Two runs side by side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Version of this format.
    pub format_version: u32,
    /// The run that is compared with.
    pub a: Side,
    /// The run that is judged.
    pub b: Side,
    /// Whether both sent the same.
    pub same_workload: bool,
    /// Settings that differ.
    pub differs: Vec<Difference>,
    /// Load points of both, in order.
    pub points: Vec<PointComparison>,
    /// Folders of load points that only one of them has.
    pub unmatched: Vec<String>,
}

impl Comparison {
    /// Whether a gate failed.
    pub fn failed(&self) -> bool {
        self.points.iter().flat_map(|point| &point.gates).any(|gate| gate.state == GateState::Failed)
    }
}

/// Compares two run folders. Load points are matched by their load and repeat; their numbers of requests may differ.
///
/// # Errors
/// When a folder is no run folder, no load point is in both, or rows cannot be read.
pub fn compare(a: &Path, b: &Path, gates: &[Gate]) -> Result<Comparison> {
    let (plan_a, plan_b) = (plan(a)?, plan(b)?);
    let (points_a, mut points_b) = (points(a)?, points(b)?);
    let (mut matched, mut unmatched) = (Vec::new(), Vec::new());
    for (folder, point) in points_a {
        let same = |(_, other): &(String, Point)| {
            (other.load.level(), other.load.unit(), other.repeat)
                == (point.load.level(), point.load.unit(), point.repeat)
        };
        match points_b.iter().position(same) {
            Some(at) => matched.push((folder, points_b.remove(at).0, point)),
            None => unmatched.push(a.join(folder).display().to_string()),
        }
    }
    unmatched.extend(points_b.into_iter().map(|(folder, _)| b.join(folder).display().to_string()));
    if matched.is_empty() {
        return Err(Failure::usage(format!("{} and {} share no load point", a.display(), b.display()))
            .hint("repeat one of them with the same --parallel or --rate"));
    }
    let points = matched
        .into_iter()
        .map(|(of_a, of_b, point)| {
            let (a, sample_a) = standing(a, of_a, &plan_a)?;
            let (b, sample_b) = standing(b, of_b, &plan_b)?;
            let requests = a.requests.min(b.requests);
            let judge = |gate: &Gate| gate.judge(&Change::of(&sample_a, &sample_b, gate.quantity()), requests);
            Ok(PointComparison {
                level: point.load.level(),
                unit: point.load.unit().to_owned(),
                repeat: point.repeat,
                changes: Quantity::ALL.map(|quantity| Change::of(&sample_a, &sample_b, quantity)).to_vec(),
                gates: gates.iter().map(judge).collect(),
                a,
                b,
            })
        })
        .collect::<Result<Vec<_>>>()?;
    let (side_a, side_b) = (side(a, &plan_a), side(b, &plan_b));
    Ok(Comparison {
        format_version: FORMAT_VERSION,
        same_workload: side_a.workload == side_b.workload,
        a: side_a,
        b: side_b,
        differs: differences(&plan_a, &plan_b),
        points,
        unmatched,
    })
}

pub(super) fn plan(run: &Path) -> Result<Table> {
    let path = run.join("plan.toml");
    let text = std::fs::read_to_string(&path).map_err(|error| {
        Failure::files(format!("{}: no run folder", run.display()))
            .because(error)
            .hint("give the folder of a run: the one that holds plan.toml")
    })?;
    toml::from_str(&text).map_err(|error| Failure::files(format!("{}: not TOML", path.display())).because(error))
}

/// The load points that have rows.
fn points(run: &Path) -> Result<Vec<(String, Point)>> {
    let dir = RunDir::open(run);
    let folders = dir.points()?.into_iter().filter(|folder| Rows::exist(&dir.point(folder)));
    folders.map(|folder| Ok((folder.clone(), Rows::open(&dir.point(&folder))?.header.point))).collect()
}

/// How a load point stands, and its rows.
fn standing(run: &Path, folder: String, plan: &Table) -> Result<(Standing, Evidence)> {
    let path = run.join(&folder);
    let tokenizer = plan.get("tokenizer-path").and_then(|path| path.as_str());
    let tokenizer = match tokenizer.map(Path::new) {
        Some(path) if !path.exists() => rebuild::open(run)?.0.workload.tokenizer,
        path => path.map(Path::to_owned),
    };
    let tokenizer = tokenizer.as_deref().map(Tokenizer::open).transpose()?;
    let mut sample = Evidence::default();
    let mut rows = Rows::open(&path)?;
    while let Some(mut record) = rows.next_row()? {
        count_tokens(&mut record, tokenizer.as_ref())?;
        sample.add(&record);
    }
    let result: Option<PointResult> =
        std::fs::read(path.join("summary.json")).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let standing = Standing {
        folder,
        requests: sample.requests(),
        status: result.as_ref().map(|result| result.status),
        verdict: result.and_then(|result| result.trust).map(|trust| trust.verdict),
    };
    Ok((standing, sample))
}

/// What the summary of a run says of it. It is read as plain JSON, for only two fields of it are needed and a summary of
/// another version still has them.
fn side(run: &Path, plan: &Table) -> Side {
    let summary: serde_json::Value = std::fs::read(run.join("summary.json"))
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default();
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    Side {
        path: run.display().to_string(),
        tool: text(&summary["tool"]),
        model: text(&summary["setting"]["model"]),
        workload: sent(&summary).unwrap_or_else(|| digest(plan)),
    }
}

/// The digests of what each load point sent, as one; `None` where a point has none.
fn sent(summary: &serde_json::Value) -> Option<String> {
    let points = summary["points"].as_array().filter(|points| !points.is_empty())?;
    points.iter().map(|point| point["workload_sha256"].as_str()).collect::<Option<Vec<_>>>().map(|all| all.join("+"))
}

/// FNV-1a over the settings that decide what is sent, where what was sent is not known.
fn digest(plan: &Table) -> String {
    let mut hash = 0xCBF2_9CE4_8422_2325u64;
    for key in WORKLOAD {
        let line = plan.get(key).map_or_else(String::new, |value| format!("{key}={value}\n"));
        for byte in line.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
        }
    }
    format!("{hash:016x}")
}

pub(super) fn differences(a: &Table, b: &Table) -> Vec<Difference> {
    let mut keys: Vec<&String> = a.keys().chain(b.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    keys.into_iter()
        .filter(|key| a.get(*key) != b.get(*key) && !HOUSEKEEPING.contains(&key.as_str()))
        .map(|key| {
            let shown = |plan: &Table| plan.get(key).map(|value| value.to_string().trim_matches('"').to_owned());
            Difference { flag: format!("--{key}"), a: shown(a), b: shown(b) }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Table {
        text.parse().unwrap_or_default()
    }

    #[test]
    fn only_what_is_sent_makes_another_workload() {
        let a = table("model = 'm'\nworkload-seed = 7\nparallel = [1]\noutputs-dir = 'x'\n[extra-args]\nk = 1");
        let b = table("model = 'n'\nworkload-seed = 7\nparallel = [2]\noutputs-dir = 'y'\n[extra-args]\nk = 1");
        assert_eq!(digest(&a), digest(&b));
        assert_ne!(digest(&a), digest(&table("workload-seed = 8\n[extra-args]\nk = 1")));
        let flags: Vec<String> = differences(&a, &b).into_iter().map(|difference| difference.flag).collect();
        assert_eq!(flags, ["--model", "--parallel"]);
        let only = &differences(&table("rate = 5.0"), &table(""))[0];
        assert_eq!((only.a.as_deref(), only.b.as_deref()), (Some("5.0"), None));
    }
}
