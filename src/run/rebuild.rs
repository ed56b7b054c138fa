//! Results made again from the rows on disk, for runs that were killed and for newer report formats.

use std::path::Path;

use super::point::{Ending, conclude, save};
use super::pooled::pool_repeats;
use super::result::{PointResult, RunResult, Status};
use super::sweep::{add_point, empty_result};
use crate::error::{Failure, Result};
use crate::plan::{Plan, layer};
use crate::store::{Rows, RunDir};
use crate::tokenizer::Tokenizer;

/// Makes every result file of a run folder again from its rows. A load point that has no result yet is marked as
/// recovered.
///
/// # Errors
/// When the folder is no run folder, holds no rows, or a file cannot be read or written.
pub fn rebuild(path: &Path) -> Result<RunResult> {
    let (plan, dir, old) = open(path)?;
    let tokenizer = plan.workload.tokenizer.as_deref().map(Tokenizer::open).transpose()?;
    let mut run = empty_result(&plan, &dir)?;
    if let Some(old) = &old {
        // What was true of the machine then is not what is true of this one.
        run.setting = old.setting.clone();
        run.peak_memory_mib = old.peak_memory_mib;
        let of_points = |notice: &&String| !old.points.iter().any(|point| notice.starts_with(&point.folder));
        run.notices = old.notices.iter().filter(of_points).cloned().collect();
    }
    for folder in dir.points()? {
        if !Rows::exist(&dir.point(&folder)) {
            continue;
        }
        let ending = match previous(&dir.point(&folder)) {
            Some(result) => {
                let (host, self_check) = result.trust.map(|trust| (trust.host, trust.self_check)).unwrap_or_default();
                // Requests that came due without a slot are among the rows, and counted from there.
                let rows = result.figures.counts.unsent_rows;
                let unsent = result.figures.counts.unsent.saturating_sub(rows);
                let (status, reason, workload) = (result.status, result.reason, result.workload_sha256);
                Ending { status, reason, unsent, host, self_check, workload }
            }
            None => Ending {
                status: Status::Recovered,
                reason: Some("the program was killed; made from the rows it left".to_owned()),
                unsent: 0,
                host: None,
                self_check: None,
                workload: None,
            },
        };
        let (result, notices) = conclude(&plan, &dir, &folder, ending, tokenizer.as_ref())?;
        add_point(&mut run, result, notices);
    }
    if run.points.is_empty() {
        return Err(no_run(path, "no load point with rows"));
    }
    pool_repeats(&mut run, &plan, &dir, tokenizer.as_ref())?;
    save(&path.join("summary.json"), &run)?;
    Ok(run)
}

/// The plan of a run folder, aimed at where it was aimed then, the folder, and its result where it has one.
pub(super) fn open(path: &Path) -> Result<(Plan, RunDir, Option<RunResult>)> {
    let plan_path = path.join("plan.toml");
    let text = std::fs::read_to_string(&plan_path).map_err(|error| no_run(path, "no run folder").because(error))?;
    let settings = layer(Some((&plan_path.display().to_string(), &text)), toml::Table::new())?;
    let mut plan = Plan::resolve(settings, None, 0)?;
    let old: Option<RunResult> =
        std::fs::read(path.join("summary.json")).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    if let Some(url) = old.as_ref().and_then(|old| old.setting.url.parse().ok()) {
        plan.target.url = url;
    }
    super::fetch::tokenizer_of(&mut plan)?;
    Ok((plan, RunDir::open(path), old))
}

pub(super) fn no_run(path: &Path, why: &str) -> Failure {
    Failure::files(format!("{}: {why}", path.display()))
        .hint("give the folder of a run: the one that holds plan.toml and parallel_*_number_* folders")
}

pub(super) fn previous(folder: &Path) -> Option<PointResult> {
    serde_json::from_slice(&std::fs::read(folder.join("summary.json")).ok()?).ok()
}
