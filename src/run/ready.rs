//! What can be told of a plan before anything is sent: what its files leave open, and what they forbid.

use std::path::Path;

use super::point::objectives;
use super::precision::Precision;
use super::requests::{saves_to, short_trace};
use super::scrape::Metrics;
use crate::error::{Failure, Result};
use crate::local;
use crate::plan::{Arrival, ListOf, Plan, Point, Served, Settings, Source, Wants};
use crate::store::SavedReader;
use crate::tls::trusts;
use crate::workload::{self, read_offsets};

/// Fills in what the files of the settings decide: a trace that is met as it was recorded is sent as a whole where no
/// number is set, the warm-up first.
///
/// # Errors
/// When the trace cannot be read, or the warm-up leaves nothing of it.
pub fn complete(mut settings: Settings) -> Result<Settings> {
    let replayed = settings.arrival == "trace"
        && settings.open_loop
        && settings.rate.is_none()
        && settings.ramp_up_strategy.is_none()
        && settings.workload.is_none();
    if let (true, None, Some(path)) = (replayed, &settings.number, &settings.arrival_file) {
        let instants = read_offsets(Path::new(path))?.len() as u64;
        let number = measured(instants, settings.warmup_num.count());
        if number == 0 {
            return Err(Failure::usage(format!(
                "--arrival-file {path}: its {instants} instants are all taken by the warm-up"
            ))
            .hint("set a smaller --warmup-num"));
        }
        settings.number = Some(ListOf::One(number));
    }
    Ok(settings)
}

/// Requests that are left to measure of so many, after a warm-up that is a count, or a share of them below 1.
pub(super) fn measured(instants: u64, warmup: f64) -> u64 {
    let fits = |number: &u64| number + Point::warm_up(warmup, *number) <= instants;
    let about = match warmup {
        count if count >= 1.0 => instants.saturating_sub(count as u64),
        share => (instants as f64 / (1.0 + share.max(0.0))) as u64,
    };
    // A share is cut to whole requests, so the quotient may be off by one or two.
    (about.saturating_sub(2)..=about.saturating_add(2)).rev().find(fits).unwrap_or(0)
}

/// Checks what a run would refuse on its way to the first request: bounds, addresses, and the files it reads and makes.
/// Rows of a dataset are checked by [`dry`].
///
/// # Errors
/// When a value or a file cannot be used; the message names the flag.
pub fn validate(plan: &Plan) -> Result<()> {
    objectives(plan)?;
    Precision::of(plan)?;
    Metrics::address(plan)?;
    trusts(&plan.target)?;
    // A model that is at a hub is looked at once it is here.
    if let (Served::Embedded(spec), None) = (&plan.served, &plan.wants.model) {
        local::check(spec)?;
    }
    if let Arrival::Trace(path) = &plan.load.arrival {
        let instants = read_offsets(path)?.len() as u64;
        let most = plan.points.iter().map(|point| point.warmup + point.number).max().unwrap_or(0);
        if instants < most {
            return Err(short_trace(path, instants, most));
        }
    }
    if let (Source::Saved(path), Some(point)) = (&plan.workload.source, plan.points.first()) {
        saved(path, *point)?;
    }
    for path in plan.points.iter().filter_map(|point| saves_to(plan, *point)) {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if path.exists() || !folder.is_dir() {
            let why = if path.exists() { "is there already" } else { "its folder is not there" };
            return Err(Failure::files(format!("--save-workload {}: {why}", path.display()))
                .hint("name a file that is not there yet, in a folder that is"));
        }
    }
    Ok(())
}

/// Checks a plan that is not going to be run: all that [`validate`] checks, and the rows of the dataset, unless they are
/// at a hub, for nothing is fetched.
///
/// # Errors
/// When a value, a file or a row cannot be used.
pub fn dry(plan: &Plan) -> Result<()> {
    validate(plan)?;
    if plan.wants != Wants::default() {
        return Ok(());
    }
    workload::open(&plan.workload, total(plan)?).map(drop)
}

/// Requests of all points of a sweep, or of the first probe of a search.
fn total(plan: &Plan) -> Result<u64> {
    let all = |points: &[Point]| points.iter().map(|point| point.warmup + point.number).sum();
    match &plan.sla {
        Some(sla) => sla.point(sla.start).map(|first| all(&[first])),
        None => Ok(all(&plan.points)),
    }
}

/// Reads a saved workload to its end, so that a damaged one is refused before its first request is sent.
fn saved(path: &Path, point: Point) -> Result<()> {
    let mut reader = SavedReader::open(path)?;
    while reader.next_request()?.is_some() {}
    let (stated, found) = (point.warmup + point.number, reader.digest().requests());
    if found == stated {
        return Ok(());
    }
    Err(Failure::files(format!("--workload {}: line 1: {stated} requests, the file has {found}", path.display()))
        .hint("save it again with --save-workload"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_shared_out_between_warm_up_and_measurement() {
        for (instants, warmup, number) in [
            (10, 0.0, 10),
            (10, 3.0, 7),
            (10, 10.0, 0),
            (10, 99.0, 0),
            (12, 0.2, 10),
            (1, 0.5, 0),
            (2, 0.5, 1),
            (0, 0.0, 0),
        ] {
            let found = measured(instants, warmup);
            assert_eq!(found, number, "{instants} instants, warm-up {warmup}");
            assert!(found == 0 || found + Point::warm_up(warmup, found) <= instants);
        }
    }
}
