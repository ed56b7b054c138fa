//! A search for the load that holds what was asked: every value that was tried, and what was found.
//!
//! The tables are those of EvalScope; the overview takes EvalScope's own figures, averaged over the runs of a probe.

use serde_json::Value;

use super::boxed::{boxed, panel};
use super::performance::{OVERVIEW, overview};
use crate::run::{Probe, SlaResult, Status, Verdict};
use crate::units::count;

/// What stands where nothing was found.
const NONE: &str = "None";

/// The tables of a search, 120 columns, no colour.
pub fn sla_summary(result: &SlaResult) -> String {
    let mut probes: Vec<&Probe> = result.probes.iter().collect();
    probes.sort_by_key(|probe| probe.value);
    let mut out = panel("SLA Auto-tune Report");
    let rows = result.summary();
    let rows = rows.values().filter_map(|probe| probe.get("metrics").and_then(Value::as_object)).map(overview);
    out.push('\n');
    out.push_str(&boxed("Performance Overview", &OVERVIEW, rows.collect(), 0));
    out.push('\n');
    let header = ["Pressure", "Succeeded/Total", "Run status", "Groups", "Reason"];
    let rows = probes.into_iter().map(|probe| row(result, probe)).collect();
    out.push_str(&boxed("Probes", &header, rows, header.len()));
    out.push('\n');
    let header = ["Criteria", "Selected", "Status", "Reason"];
    let rows = result.selections.iter().map(|selection| {
        let selected = selection.selected.map_or_else(|| NONE.to_owned(), |value| pressure(result, value));
        vec![selection.criteria.clone(), selected, selection.status.to_owned(), selection.reason.clone()]
    });
    out.push_str(&boxed("Selections", &header, rows.collect(), header.len()));
    out
}

fn pressure(result: &SlaResult, value: u64) -> String {
    format!("{} {}", count(value), result.unit)
}

fn row(result: &SlaResult, probe: &Probe) -> Vec<String> {
    let mut reasons: Vec<&str> = probe.groups.iter().filter_map(|verdict| verdict.reason.as_deref()).collect();
    reasons.dedup();
    vec![
        pressure(result, probe.value),
        format!("{}/{}", count(probe.succeeded), count(probe.done)),
        status(result, probe),
        groups(&probe.groups),
        reasons.join("; "),
    ]
}

/// How the runs of a probe ended.
fn status(result: &SlaResult, probe: &Probe) -> String {
    let Some(last) = probe.runs.last() else { return "not tried".to_owned() };
    let word = match last.status {
        Status::Interrupted => "interrupted",
        Status::Aborted => "aborted",
        _ if probe.early.is_some() => "ended early",
        _ => "complete",
    };
    format!("{word}, run {} of {}", probe.runs.len(), result.num_runs)
}

/// Which groups hold; they are numbered where there are several.
fn groups(verdicts: &[Verdict]) -> String {
    let word = |verdict: &Verdict| match verdict.holds {
        Some(true) => "holds",
        Some(false) => "fails",
        None => "not judged",
    };
    match verdicts {
        [only] => word(only).to_owned(),
        many => many
            .iter()
            .enumerate()
            .map(|(index, verdict)| format!("{} {}", index + 1, word(verdict)))
            .collect::<Vec<_>>()
            .join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{self, Load};
    use super::*;
    use crate::error::{Failure, Result};
    use crate::plan::{Point, SlaSpec, layer};
    use crate::record::Record;
    use crate::run::{PointResult, Prober, tune};

    /// The server of the fixture, which fails some requests above 32 in flight.
    struct Fixture;

    impl Prober for Fixture {
        fn probe(
            &mut self,
            point: Point,
            _: &str,
            _: u32,
            _: &mut (dyn FnMut(&Record) -> bool + Send),
        ) -> Result<PointResult> {
            let load = Load::of(point.load.level() as u64, point.number);
            let load = if load.parallel > 32 { load.failing(9, "busy") } else { load };
            fixture::run(&[load]).points.pop().ok_or_else(|| Failure::bug("no point"))
        }
    }

    fn searched(params: &str) -> Result<SlaResult> {
        let profile = format!("sla-auto-tune = true\nsla-params = '{params}'\nparallel = 16\nsla-num-runs = 2");
        let settings = layer(Some(("test", &profile)), toml::Table::new())?;
        let spec = SlaSpec::resolve(&settings)?.ok_or_else(|| Failure::bug("no search"))?;
        tune(&spec, &mut Fixture)
    }

    #[test]
    fn two_groups() -> Result<()> {
        let result = searched(r#"[{"avg_ttft": "<=60", "rps": ">1"}, {"p50_ttft": "<=100", "p99_latency": "<=1ms"}]"#)?;
        insta::assert_snapshot!(sla_summary(&result));
        Ok(())
    }

    #[test]
    fn an_optimum_that_failures_bound() -> Result<()> {
        let text = sla_summary(&searched(r#"{"tps": "max"}"#)?);
        assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
        insta::assert_snapshot!(text);
        Ok(())
    }
}
