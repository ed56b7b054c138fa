//! Runs of several hosts or days as one: load points of equal load are pooled from their rows.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::compare;
use super::point::{objectives, save};
use super::pooled::{Part, Pooled, pool};
use super::rebuild::{no_run, open, previous};
use super::result::{FORMAT_VERSION, PointResult};
use crate::error::{Failure, Result};
use crate::plan::{Load, Plan};
use crate::stats::DEFINITIONS;
use crate::store::Rows;
use crate::tokenizer::Tokenizer;
use crate::units::{count, figure, span};

/// One of the runs that were merged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MergedRun {
    /// Its folder.
    pub path: String,
    /// Model that was asked for.
    pub model: String,
    /// Address that was posted to; secrets are never part of it.
    pub url: String,
    /// The epoch of its first load point, ns of the wall clock since 1970.
    pub begun_unix_ns: u64,
}

/// Several runs as one, as it is saved in `merged.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Merged {
    /// [`FORMAT_VERSION`].
    pub format_version: u32,
    /// Program and version that made it.
    pub tool: String,
    /// Folder it was written to.
    pub path: String,
    /// The runs in the order they were given.
    pub runs: Vec<MergedRun>,
    /// Each load, of all runs together.
    pub pooled: Vec<Pooled>,
    /// What differs between the runs, and what was doubted, in words.
    pub notices: Vec<String>,
    /// What each figure means.
    pub definitions: BTreeMap<String, String>,
}

/// A run to be merged.
struct Run {
    path: PathBuf,
    plan: Plan,
    settings: toml::Table,
    tokenizer: Option<Tokenizer>,
    points: Vec<PointResult>,
}

/// What load points are pooled by: the load, and the number of requests where a run has one load with several numbers.
type Key = (Load, Option<u64>);

/// Pools the load points of several runs and writes `merged.json` and the joined interval logs into a new folder.
///
/// # Errors
/// When a folder is no run folder or is given twice, load points of the runs do not match, a file cannot be read or
/// written, or the new folder has something in it.
pub fn merge(paths: &[PathBuf], output: &Path) -> Result<Merged> {
    let runs = paths.iter().map(|path| read(path)).collect::<Result<Vec<_>>>()?;
    let known: Vec<PathBuf> = paths.iter().filter_map(|path| path.canonicalize().ok()).collect();
    if let Some(twice) = known.iter().enumerate().find(|(index, path)| known[..*index].contains(path)) {
        return Err(Failure::usage(format!("{} is given twice: its requests would count twice", twice.1.display()))
            .hint("name each run once"));
    }
    let keys = keys(&runs)?;
    if std::fs::read_dir(output).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Failure::files(format!("{} has something in it", output.display())).hint("give another --output"));
    }
    std::fs::create_dir_all(output)
        .map_err(|error| Failure::files(format!("{} cannot be made", output.display())).because(error))?;
    let mut notices = differences(&runs);
    let slo = objectives(&runs[0].plan)?;
    let same = runs.iter().all(|run| run.plan.settings.goodput == runs[0].plan.settings.goodput);
    if !same {
        notices.push("the runs have different --goodput limits, so that there is no goodput of all".to_owned());
    }
    let mut pooled = Vec::new();
    for key in keys {
        let parts: Vec<Part<'_>> = runs
            .iter()
            .flat_map(|run| {
                let of_key = run.points.iter().filter(move |result| is(key, result));
                of_key.map(|result| Part {
                    run: Some(run.path.display().to_string()),
                    path: run.path.join(&result.folder),
                    plan: &run.plan,
                    result,
                    tokenizer: run.tokenizer.as_ref(),
                })
            })
            .collect();
        let point = pool(&parts, output, slo.clone().filter(|_| same))?;
        if point.at_once_s > 0.0 {
            notices.push(format!(
                "at {} the runs went on at the same time for {}: throughputs are those of all together",
                name(key),
                span(point.at_once_s)
            ));
        }
        pooled.push(point);
    }
    let merged = Merged {
        format_version: FORMAT_VERSION,
        tool: concat!("evalscope ", env!("CARGO_PKG_VERSION")).to_owned(),
        path: output.display().to_string(),
        runs: runs.iter().map(told).collect(),
        pooled,
        notices,
        definitions: DEFINITIONS.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect(),
    };
    save(&output.join("merged.json"), &merged)?;
    Ok(merged)
}

fn read(path: &Path) -> Result<Run> {
    let (plan, dir, _) = open(path)?;
    let mut points = Vec::new();
    for folder in dir.points()?.into_iter().filter(|folder| Rows::exist(&dir.point(folder))) {
        points.push(previous(&dir.point(&folder)).ok_or_else(|| {
            Failure::files(format!("{}: no result of this load point", dir.point(&folder).display()))
                .hint(format!("make it from its rows: evalscope perf report {}", path.display()))
        })?);
    }
    if points.is_empty() {
        return Err(no_run(path, "no load point with rows"));
    }
    // A tokenizer that was not needed then is not needed now, and may be on another machine.
    let needed = points.iter().any(|point| point.figures.counts.tokens_from_tokenizer > 0);
    let tokenizer = plan.workload.tokenizer.as_deref().filter(|_| needed).map(Tokenizer::open).transpose()?;
    Ok(Run { path: path.to_owned(), plan, settings: compare::plan(path)?, tokenizer, points })
}

fn told(run: &Run) -> MergedRun {
    MergedRun {
        path: run.path.display().to_string(),
        model: run.plan.target.model.clone(),
        url: run.plan.target.url.to_string(),
        begun_unix_ns: run.points.iter().map(|point| point.epoch_unix_ns).min().unwrap_or(0),
    }
}

fn is(key: Key, result: &PointResult) -> bool {
    result.point.load == key.0 && key.1.is_none_or(|number| result.point.number == number)
}

fn name((load, number): Key) -> String {
    let whole = load.level().fract() == 0.0;
    let level = if whole { count(load.level() as u64) } else { figure(Some(load.level())) };
    let number = number.map(|number| format!(", {} requests", count(number))).unwrap_or_default();
    // Loads may differ in what the level does not tell.
    let paced = match load {
        Load::Paced { rate, .. } => format!(" at {} req/s", figure(Some(rate))),
        Load::Open { max_in_flight: Some(most), .. } => format!(" with at most {} in flight", count(most)),
        _ => String::new(),
    };
    format!("{level} {}{paced}{number}", load.unit())
}

/// The loads of all runs, which each of them must have.
fn keys(runs: &[Run]) -> Result<Vec<Key>> {
    let several = runs.iter().any(|run| {
        let same = |a: &PointResult, b: &PointResult| a.point.load == b.point.load && a.point.number != b.point.number;
        run.points.iter().any(|a| run.points.iter().any(|b| same(a, b)))
    });
    let mut keys: Vec<Key> = Vec::new();
    for result in runs.iter().flat_map(|run| &run.points) {
        let key = (result.point.load, several.then_some(result.point.number));
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys.sort_by(|a, b| a.0.level().total_cmp(&b.0.level()).then(a.1.cmp(&b.1)));
    let has = |run: &Run, key: Key| run.points.iter().any(|result| is(key, result));
    let missing: Vec<String> = keys
        .iter()
        .flat_map(|key| {
            let with = runs.iter().find(|run| has(run, *key)).map(|run| run.path.display().to_string());
            runs.iter().filter(|run| !has(run, *key)).map(move |run| {
                format!(
                    "{} has none at {}, as {} has",
                    run.path.display(),
                    name(*key),
                    with.clone().unwrap_or_default()
                )
            })
        })
        .collect();
    if !missing.is_empty() {
        return Err(Failure::usage(format!("the load points do not match: {}", missing.join("; ")))
            .hint("merge runs of the same --parallel or --rate"));
    }
    if runs.iter().map(|run| run.points.len()).sum::<usize>() == keys.len() {
        return Err(Failure::usage("nothing to pool: each load is there once").hint("name two runs or more"));
    }
    Ok(keys)
}

/// Settings in which runs differ from the first, a line a run.
fn differences(runs: &[Run]) -> Vec<String> {
    let (first, others) = runs.split_at(1);
    others
        .iter()
        .filter_map(|run| {
            let unset = |value: &Option<String>| value.clone().unwrap_or_else(|| "unset".to_owned());
            let differs: Vec<String> = compare::differences(&first[0].settings, &run.settings)
                .iter()
                .map(|difference| format!("{} {} → {}", difference.flag, unset(&difference.a), unset(&difference.b)))
                .collect();
            let (one, other) = (first[0].path.display(), run.path.display());
            (!differs.is_empty()).then(|| format!("{other} differs from {one}: {}", differs.join(", ")))
        })
        .collect()
}
