//! A search on the plan's target: its probes are load points of their own, its result is on disk after each.

use super::bench::Bench;
use super::point::{save, save_compat};
use super::result::PointResult;
use super::sweep::Watcher;
use super::tune::{Prober, SlaResult, tune};
use crate::engine::Stop;
use crate::error::{Failure, Result};
use crate::plan::{Plan, Point, SlaSpec};
use crate::record::Record;
use crate::store::RunDir;

/// Carries out the search of a plan and writes `sla.json` and EvalScope's `sla_summary.json` after each probe.
///
/// # Errors
/// When the plan has no search or cannot be carried out. What was measured before is on disk.
pub fn search(plan: &Plan, dir: &RunDir, watcher: &mut dyn Watcher, stop: &Stop) -> Result<SlaResult> {
    let spec = plan.sla.as_ref().ok_or_else(|| Failure::bug("a plan without a search was searched"))?;
    let first = spec.point(spec.start)?;
    let bench = Bench::open(plan, dir, stop, first.warmup + first.number)?;
    let mut target = OnTarget { spec, dir, bench, watcher, runs: 0 };
    let result = tune(spec, &mut target)?;
    let remarks = target.bench.remarks();
    remarks.iter().for_each(|remark| target.watcher.notice(remark));
    Ok(result)
}

/// Probes the target of a bench.
struct OnTarget<'a> {
    spec: &'a SlaSpec,
    dir: &'a RunDir,
    bench: Bench<'a>,
    watcher: &'a mut dyn Watcher,
    runs: u32,
}

impl Prober for OnTarget<'_> {
    fn possible(&mut self, point: Point) -> Result<()> {
        self.bench.way(point).map(drop)
    }

    fn probe(
        &mut self,
        point: Point,
        folder: &str,
        run: u32,
        enough: &mut (dyn FnMut(&Record) -> bool + Send),
    ) -> Result<PointResult> {
        if self.runs > 0 {
            self.bench.pause();
        }
        self.runs += 1;
        self.dir.make(folder)?;
        self.watcher.probe_begins(point, run, self.spec.runs);
        let (result, notices) = self.bench.load_point(point, folder, self.watcher, enough)?;
        self.watcher.probe_ends();
        notices.iter().for_each(|notice| self.watcher.notice(notice));
        Ok(result)
    }

    fn probed(&mut self, result: &SlaResult) -> Result<()> {
        save(&self.dir.path().join("sla.json"), result)?;
        save_compat(&self.dir.path().join("sla_summary.json"), &result.summary())
    }
}
