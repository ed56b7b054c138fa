//! Several runs of one load together: their rows read again as one, their interval logs joined.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::point::objectives;
use super::result::{PointResult, RunResult, Status};
use super::survey::Measured;
use crate::error::Result;
use crate::plan::{Load, Plan};
use crate::stats::{Between, Figures, Pool, Slo, Verdict};
use crate::store::{RunDir, join};
use crate::tokenizer::Tokenizer;

/// One of the runs that were pooled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// Folder of the run, where several were merged.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub run: Option<String>,
    /// Folder of the load point below the run's.
    pub folder: String,
    /// Which of several equal load points of its run.
    pub repeat: u32,
    /// How it ended.
    pub status: Status,
    /// Whether its figures can be believed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub verdict: Option<Verdict>,
    /// Successful requests of it.
    pub ok: u64,
}

/// The runs of one load together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pooled {
    /// Folder with the joined interval logs.
    pub folder: String,
    /// How requests were let go.
    #[serde(flatten)]
    pub load: Load,
    /// Requests measured in each run; absent where they differ.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub number: Option<u64>,
    /// The runs in order.
    pub runs: Vec<Member>,
    /// The worst verdict on any of them; absent where none was judged.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub verdict: Option<Verdict>,
    /// Time in which more than one of them went on, in seconds. Where it is not 0, throughputs are of all together.
    pub at_once_s: f64,
    /// Everything computed of all rows together.
    pub figures: Figures,
    /// How far the runs lie apart.
    pub between: Vec<Between>,
}

impl Pooled {
    /// Whether the load point of this folder is one of its runs.
    pub fn has(&self, folder: &str) -> bool {
        self.runs.iter().any(|run| run.folder == folder)
    }
}

/// A load point to be pooled, and what its rows are read with.
pub(super) struct Part<'a> {
    /// Folder of its run, where several are merged.
    pub(super) run: Option<String>,
    pub(super) path: PathBuf,
    pub(super) plan: &'a Plan,
    pub(super) result: &'a PointResult,
    pub(super) tokenizer: Option<&'a Tokenizer>,
}

/// Puts the pooled figures of each load that was repeated into a run.
pub(super) fn pool_repeats(
    run: &mut RunResult,
    plan: &Plan,
    dir: &RunDir,
    tokenizer: Option<&Tokenizer>,
) -> Result<()> {
    let mut groups: Vec<Vec<&PointResult>> = Vec::new();
    for result in &run.points {
        let of = |other: &PointResult| (other.point.load, other.point.number);
        match groups.iter_mut().find(|group| of(group[0]) == of(result)) {
            Some(group) => group.push(result),
            None => groups.push(vec![result]),
        }
    }
    let mut pooled = Vec::new();
    for mut group in groups.into_iter().filter(|group| group.len() > 1) {
        group.sort_by_key(|result| result.point.repeat);
        let parts: Vec<Part<'_>> = group
            .iter()
            .map(|result| Part { run: None, path: dir.point(&result.folder), plan, result, tokenizer })
            .collect();
        pooled.push(pool(&parts, dir.path(), objectives(plan)?)?);
    }
    run.pooled = pooled;
    Ok(())
}

/// Pools load points, one row in memory at a time, and joins their interval logs in a folder below `to`.
pub(super) fn pool(parts: &[Part<'_>], to: &Path, slo: Option<Slo>) -> Result<Pooled> {
    let mut pool = Pool::new(slo);
    for part in parts {
        let mut rows = Measured::open(part.plan, &part.path, part.tokenizer)?;
        while let Some(record) = rows.next_row()? {
            pool.add(&record);
        }
        let counts = &part.result.figures.counts;
        // Requests that came due without a slot are among the rows.
        pool.end_run(rows.header().epoch_unix_ns, counts.unsent.saturating_sub(counts.unsent_rows));
    }
    let results = || parts.iter().map(|part| part.result);
    let load = parts[0].result.point.load;
    let first = parts[0].result.point.number;
    let number = results().all(|result| result.point.number == first).then_some(first);
    let folder = match number {
        Some(number) => format!("pooled_{}_number_{number}", load.folder()),
        None => format!("pooled_{}", load.folder()),
    };
    let folders: Vec<PathBuf> = parts.iter().map(|part| part.path.clone()).collect();
    join(&folders, &to.join(&folder))?;
    let member = |part: &Part<'_>| Member {
        run: part.run.clone(),
        folder: part.result.folder.clone(),
        repeat: part.result.point.repeat,
        status: part.result.status,
        verdict: part.result.verdict(),
        ok: part.result.figures.counts.ok,
    };
    Ok(Pooled {
        folder,
        load,
        number,
        runs: parts.iter().map(member).collect(),
        verdict: results().filter_map(PointResult::verdict).max(),
        at_once_s: pool.at_once_s(),
        figures: pool.figures(),
        between: Between::of(&results().map(|result| &result.figures).collect::<Vec<_>>()),
    })
}
