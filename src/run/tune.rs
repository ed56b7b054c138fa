//! The search for the load that holds what was asked: which values are probed, and what came of each.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::result::{PointResult, Status};
use super::search::{Bounds, best_scoring, highest_passing};
use crate::error::{Exit, Failure, Result};
use crate::plan::{Criteria, Extreme, Group, Metric, Point, SlaSpec, Variable};
use crate::record::Record;
use crate::stats::{Measured, Watch};
use crate::units::{count, figure};

/// Version of `sla.json`. It grows when a field changes its meaning or goes; new fields may come without.
pub const SLA_VERSION: u32 = 1;

/// What is taken for granted, saved beside the result.
const ASSUMPTION: &str =
    "limits that hold at a pressure hold at every lower one; what is to be best rises to its best and falls from there";

/// Runs the load points that a search asks for.
pub trait Prober {
    /// Whether this machine can make the load of a point.
    ///
    /// # Errors
    /// When it cannot; the value then counts as one that does not hold, and the reason says so.
    fn possible(&mut self, _point: Point) -> Result<()> {
        Ok(())
    }

    /// Runs one load point into a folder below the run's, the `run`-th of its probe from 0, with prompts that no run
    /// before had, and ends it early once `enough` says so of a record.
    ///
    /// # Errors
    /// When it cannot be run. That requests fail, or that the user stops it, is a result.
    fn probe(
        &mut self,
        point: Point,
        folder: &str,
        run: u32,
        enough: &mut (dyn FnMut(&Record) -> bool + Send),
    ) -> Result<PointResult>;

    /// A probe is over; the files of the search can be renewed.
    ///
    /// # Errors
    /// When they cannot be written.
    fn probed(&mut self, _result: &SlaResult) -> Result<()> {
        Ok(())
    }
}

/// One run of a probe.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProbeRun {
    /// Its folder below the run's.
    pub folder: String,
    /// How it ended.
    pub status: Status,
    /// Requests it should send.
    pub planned: u64,
    /// Requests that ended.
    pub done: u64,
    /// Those of them that succeeded.
    pub succeeded: u64,
    /// Its values.
    pub values: Measured,
    #[serde(skip)]
    summary: Map<String, Value>,
    #[serde(skip)]
    percentiles: Vec<Map<String, Value>>,
}

/// What a probe says of one group of limits.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// Whether the limits hold; absent where the probe ended early because no other group needed it any more.
    pub holds: Option<bool>,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// One value that was tried.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Probe {
    /// Requests in flight, or a second.
    pub value: u64,
    /// Its runs; fewer than asked where the answer was certain before.
    pub runs: Vec<ProbeRun>,
    /// Requests of all runs that ended.
    pub done: u64,
    /// Those of them that succeeded.
    pub succeeded: u64,
    /// Means over the runs; those of the part that was run where it ended early.
    pub values: Measured,
    /// A verdict for each group; for an optimum one that says whether the value counts.
    pub groups: Vec<Verdict>,
    /// Why it ended before every run was over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early: Option<String>,
}

impl Probe {
    fn holds(&self, group: usize) -> Option<bool> {
        self.groups.get(group).and_then(|verdict| verdict.holds)
    }

    fn reason(&self, group: usize) -> &str {
        self.groups.get(group).and_then(|verdict| verdict.reason.as_deref()).unwrap_or_default()
    }
}

/// What came of one search.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Selection {
    /// What was searched for, in words.
    pub criteria: String,
    /// The value that was found.
    pub selected: Option<u64>,
    /// `selected`, `failed` or `interrupted`.
    pub status: &'static str,
    /// Why this one, or why none.
    pub reason: String,
}

/// A search and everything it tried: the contents of `sla.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SlaResult {
    /// [`SLA_VERSION`].
    pub format_version: u32,
    /// Program and version that made it.
    pub tool: String,
    /// What was varied.
    pub variable: Variable,
    /// Unit of the values.
    pub unit: &'static str,
    /// Least value.
    pub lower_bound: u64,
    /// Greatest value.
    pub upper_bound: u64,
    /// Value it began with.
    pub start: u64,
    /// Runs of a probe.
    pub num_runs: u32,
    /// Requests of a run for each unit of the value.
    pub number_multiplier: f64,
    /// Requests in flight while the rate was varied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed_parallel: Option<u64>,
    /// The limits of each group; empty for an optimum.
    pub limits: Vec<Group>,
    /// What was to be best, and how.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub best: Option<(Metric, Extreme)>,
    /// What the search takes for granted.
    pub assumption: &'static str,
    /// The values in the order they were tried.
    pub probes: Vec<Probe>,
    /// What was found for each group, or for the optimum.
    pub selections: Vec<Selection>,
}

impl SlaResult {
    fn new(spec: &SlaSpec) -> Self {
        let (limits, best) = match &spec.criteria {
            Criteria::Limits(groups) => (groups.clone(), None),
            Criteria::Best(metric, extreme) => (Vec::new(), Some((*metric, *extreme))),
        };
        SlaResult {
            format_version: SLA_VERSION,
            tool: concat!("evalscope ", env!("CARGO_PKG_VERSION")).to_owned(),
            variable: spec.variable,
            unit: spec.unit(),
            lower_bound: spec.lower,
            upper_bound: spec.upper,
            start: spec.start,
            num_runs: spec.runs,
            number_multiplier: spec.multiplier,
            fixed_parallel: (spec.variable == Variable::Rate).then_some(spec.fixed_parallel),
            limits,
            best,
            assumption: ASSUMPTION,
            probes: Vec::new(),
            selections: Vec::new(),
        }
    }

    /// The exit number: interrupted, no request ever succeeded, a search found nothing, or done.
    pub fn exit(&self) -> Exit {
        let any = |status| self.selections.iter().any(|selection| selection.status == status);
        if any(INTERRUPTED) {
            Exit::Interrupted
        } else if self.probes.iter().all(|probe| probe.succeeded == 0) {
            Exit::Target
        } else if any(FAILED) {
            Exit::Gate
        } else {
            Exit::Done
        }
    }

    /// The contents of EvalScope's `sla_summary.json`: means over the runs of each probe, counts added up.
    pub fn summary(&self) -> Map<String, Value> {
        let mut probes: Vec<&Probe> = self.probes.iter().filter(|probe| !probe.runs.is_empty()).collect();
        probes.sort_by_key(|probe| probe.value);
        let name = |probe: &Probe| format!("{}_{}", self.variable.name(), probe.value);
        probes.into_iter().map(|probe| (name(probe), means(&probe.runs))).collect()
    }

    fn probe(&self, value: u64) -> Option<&Probe> {
        self.probes.iter().find(|probe| probe.value == value)
    }
}

const SELECTED: &str = "selected";
const FAILED: &str = "failed";
const INTERRUPTED: &str = "interrupted";

/// Searches for each group of limits, or for the optimum. A search that the user stops returns what it has.
///
/// # Errors
/// When a probe cannot be run or the files of the search cannot be written.
pub fn tune(spec: &SlaSpec, prober: &mut dyn Prober) -> Result<SlaResult> {
    let mut tuner = Tuner { spec, prober, result: SlaResult::new(spec), stopped: false };
    for (index, criteria) in spec.criteria.texts().into_iter().enumerate() {
        let found = if tuner.stopped { Ok(None) } else { tuner.search(index) };
        // The user's stop comes up through the search as a failure; it is a result like any other.
        let found = if tuner.stopped { None } else { found? };
        let (status, reason) = match found {
            _ if tuner.stopped => (INTERRUPTED, "stopped by the user".to_owned()),
            Some(value) => (SELECTED, tuner.why(index, value)),
            None => (FAILED, tuner.why_not(index)),
        };
        tuner.result.selections.push(Selection { criteria, selected: found, status, reason });
    }
    let Tuner { prober, result, .. } = tuner;
    prober.probed(&result)?;
    Ok(result)
}

struct Tuner<'a> {
    spec: &'a SlaSpec,
    prober: &'a mut dyn Prober,
    result: SlaResult,
    stopped: bool,
}

impl Tuner<'_> {
    fn search(&mut self, group: usize) -> Result<Option<u64>> {
        let SlaSpec { lower, upper, start, .. } = *self.spec;
        let bounds = Bounds { lower, upper, start };
        match self.spec.criteria {
            Criteria::Limits(_) => {
                highest_passing(bounds, |value| Ok(self.probe(value, group)?.holds(group) == Some(true)))
            }
            Criteria::Best(metric, extreme) => best_scoring(bounds, |value| {
                let probe = self.probe(value, group)?;
                let score = probe.values.get(metric).filter(|_| probe.holds(group) == Some(true));
                Ok(score.map(|score| if extreme == Extreme::Max { score } else { -score }))
            }),
        }
    }

    /// The probe of a value, run now where it was not run before. `from` is the first group that still needs an answer.
    fn probe(&mut self, value: u64, from: usize) -> Result<&Probe> {
        let known = self.result.probes.iter().position(|probe| probe.value == value);
        let index = match known {
            Some(index) => index,
            None => {
                let probe = self.run(value, from)?;
                self.result.probes.push(probe);
                self.prober.probed(&self.result)?;
                if self.stopped {
                    return Err(Failure::new(Exit::Interrupted, "the search was stopped"));
                }
                self.result.probes.len() - 1
            }
        };
        self.result.probes.get(index).ok_or_else(|| Failure::bug("a probe is gone"))
    }

    fn run(&mut self, value: u64, from: usize) -> Result<Probe> {
        let point = self.spec.point(value)?;
        if let Err(failure) = self.prober.possible(point) {
            let reason = Some(format!("not tried, this machine cannot: {failure}"));
            let groups = vec![Verdict { holds: Some(false), reason }; self.result.limits.len().max(1)];
            return Ok(Probe { value, groups, ..Probe::default() });
        }
        let all: &[Group] = &self.result.limits;
        let (mut runs, mut values): (Vec<ProbeRun>, Vec<Measured>) = (Vec::new(), Vec::new());
        let mut lost = None;
        for run in 0..self.spec.runs {
            let mut watch = Watch::new(&all[from.min(all.len())..], &values, self.spec.runs.into(), point.number);
            lost = watch.lost();
            if lost.is_some() {
                break;
            }
            let folder = self.spec.folder(value, run);
            let result = self.prober.probe(point, &folder, run, &mut |record| {
                watch.add(record);
                watch.lost().is_some()
            })?;
            let run = probe_run(folder, point, result);
            self.stopped = run.status == Status::Interrupted;
            lost = watch.lost();
            values.push(run.values.clone());
            runs.push(run);
            if self.stopped || lost.is_some() {
                break;
            }
        }
        let whole = Measured::mean(&values);
        let (done, succeeded) = runs.iter().fold((0, 0), |(done, ok), run| (done + run.done, ok + run.succeeded));
        let cut = runs.len() < self.spec.runs as usize || runs.iter().any(|run| run.done < run.planned);
        let early = lost.as_ref().filter(|_| cut).map(|reasons| distinct(reasons).join("; "));
        let judge = |group: usize| {
            let fails = |reason: String| Verdict { holds: Some(false), reason: Some(reason) };
            let certain = early.as_ref().and_then(|_| lost.as_ref()?.get(group.checked_sub(from)?).cloned());
            if self.stopped {
                Verdict { holds: None, reason: Some("stopped by the user".to_owned()) }
            } else if succeeded < done {
                fails(format!("{} of {} requests failed", count(done - succeeded), count(done)))
            } else if done == 0 {
                fails("no request was sent".to_owned())
            } else if let Some(reason) = certain {
                fails(reason)
            } else if early.is_some() {
                Verdict { holds: None, reason: Some("not needed any more".to_owned()) }
            } else {
                let reason = all.get(group).and_then(|group| whole.broken(group));
                Verdict { holds: Some(reason.is_none()), reason }
            }
        };
        let groups = (0..all.len().max(1)).map(judge).collect();
        Ok(Probe { value, runs, done, succeeded, values: whole, groups, early })
    }

    /// Why this value and no other.
    fn why(&self, group: usize, value: u64) -> String {
        if let (Some((metric, _)), Some(probe)) = (self.result.best, self.result.probe(value)) {
            return format!("{} is {} {}", metric.name, figure(probe.values.get(metric)), metric.unit);
        }
        let with = |holds: bool| self.result.probes.iter().filter(move |probe| probe.holds(group) == Some(holds));
        let above = with(false).filter(|probe| probe.value > value).min_by_key(|probe| probe.value);
        let mut reason = match above {
            Some(next) => format!("at {}: {}", next.value, next.reason(group)),
            None => format!("holds up to the upper bound ({value})"),
        };
        let highest = with(true).map(|probe| probe.value).max();
        if with(false).any(|probe| Some(probe.value) < highest) {
            reason.push_str("; it failed at a lower value than one it held at, so repeat it with more requests");
        }
        reason
    }

    fn why_not(&self, group: usize) -> String {
        let lower = self.spec.lower;
        let reason = self.result.probe(lower).map(|probe| probe.reason(group)).unwrap_or_default();
        format!("Failed at lower bound ({lower}): {reason}")
    }
}

fn distinct(reasons: &[String]) -> Vec<String> {
    let mut distinct = reasons.to_vec();
    distinct.dedup();
    distinct
}

fn probe_run(folder: String, point: Point, result: PointResult) -> ProbeRun {
    let counts = &result.figures.counts;
    ProbeRun {
        folder,
        status: result.status,
        planned: point.number,
        done: counts.ok + counts.failed,
        succeeded: counts.ok,
        values: Measured::of(&result.evalscope_summary, &result.evalscope_percentiles),
        summary: result.evalscope_summary,
        percentiles: result.evalscope_percentiles,
    }
}

/// The runs of a probe as one: counts added up, everything else averaged. EvalScope's negative signs of "none" stay.
fn means(runs: &[ProbeRun]) -> Value {
    let metrics = runs.first().map(|first| &first.summary).into_iter().flatten().map(|(key, first)| {
        let values = runs.iter().filter_map(|run| run.summary.get(key));
        let value = match first.as_u64() {
            Some(_) if key.ends_with(" Requests") => json!(values.filter_map(Value::as_u64).sum::<u64>()),
            _ => mean(values).unwrap_or_else(|| first.clone()),
        };
        (key.clone(), value)
    });
    let metrics: Map<String, Value> = metrics.collect();
    let rows = runs.first().map(|first| &first.percentiles);
    let columns = rows.and_then(|rows| rows.first()).into_iter().flatten().map(|(column, _)| {
        let cells = rows.into_iter().flatten().enumerate().map(|(row, cells)| {
            let values = runs.iter().filter_map(|run| run.percentiles.get(row)?.get(column));
            mean(values).unwrap_or_else(|| cells.get(column).cloned().unwrap_or(Value::Null))
        });
        (column.clone(), Value::Array(cells.collect()))
    });
    let percentiles: Map<String, Value> = columns.collect();
    json!({"metrics": metrics, "percentiles": percentiles})
}

/// The mean of what are numbers; a whole number that all agree on stays whole.
fn mean<'a>(values: impl Iterator<Item = &'a Value>) -> Option<Value> {
    let values: Vec<&Value> = values.collect();
    let first = *values.first()?;
    if values.iter().all(|value| *value == first) {
        return Some(first.clone());
    }
    let numbers: Vec<f64> = values.iter().filter_map(|value| value.as_f64()).collect();
    let none = numbers.iter().copied().find(|number| *number < 0.0);
    (!numbers.is_empty()).then(|| json!(none.unwrap_or_else(|| numbers.iter().sum::<f64>() / numbers.len() as f64)))
}

#[cfg(test)]
mod tests;
