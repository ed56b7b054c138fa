//! Measured values against what a tuned server must hold, and the end of a probe whose answer is certain.
//!
//! Values are those of EvalScope's files, rounded as they are there, so that a verdict can be checked against
//! `benchmark_summary.json`. A probe of several runs is judged by the mean of their values, and only if every request of
//! every run succeeded.
//!
//! Because a later request may always fail, no probe passes before its last request is over. That it fails is often
//! certain much earlier: [`Watch`] says so by bounds on what the whole probe can still give, never by a guess.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use super::evalscope::{Row, span};
use crate::plan::{Group, Limit, METRICS, Metric, Quantity, Relation, Statistic};
use crate::record::{Outcome, Record};
use crate::units::{NS_PER_S, figure};

/// The values of a run, or of several, by metric. What was not measured is absent.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Measured(BTreeMap<&'static str, f64>);

impl Measured {
    /// Takes them from the contents of `benchmark_summary.json` and `benchmark_percentile.json`.
    pub fn of(summary: &Map<String, Value>, percentiles: &[Map<String, Value>]) -> Self {
        let value = |metric: Metric| {
            let (mean, column) = match metric.quantity {
                Quantity::Latency => ("Avg Latency (s)", "Latency (s)"),
                Quantity::Ttft => ("Avg TTFT (ms)", "TTFT (ms)"),
                Quantity::Tpot => ("Avg TPOT (ms)", "TPOT (ms)"),
                Quantity::Requests => ("Req Throughput (req/s)", ""),
                Quantity::Tokens => ("Output Throughput (tok/s)", ""),
            };
            let found = match metric.statistic {
                Statistic::Mean | Statistic::Rate => summary.get(mean),
                Statistic::Percentile(percent) => {
                    let row = format!("{percent}%");
                    percentiles
                        .iter()
                        .find(|cells| cells.get("Percentiles").and_then(Value::as_str) == Some(&row))
                        .and_then(|cells| cells.get(column))
                }
            };
            // A negative number stands for "none" in EvalScope's files.
            let number = found.and_then(Value::as_f64).filter(|number| number.is_finite() && *number >= 0.0);
            Some((metric.name, number?))
        };
        Measured(METRICS.into_iter().filter_map(value).collect())
    }

    /// The arithmetic means over runs, of what every run has.
    pub fn mean(runs: &[Measured]) -> Self {
        let mean = |metric: Metric| {
            let sum = runs.iter().map(|run| run.get(metric)).sum::<Option<f64>>()?;
            Some((metric.name, sum / runs.len() as f64))
        };
        if runs.is_empty() { Measured::default() } else { Measured(METRICS.into_iter().filter_map(mean).collect()) }
    }

    /// The value of a metric in its unit.
    pub fn get(&self, metric: Metric) -> Option<f64> {
        self.0.get(metric.name).copied()
    }

    /// Why a group does not hold; `None` when it does.
    pub fn broken(&self, group: &Group) -> Option<String> {
        group.limits.iter().find_map(|limit| match self.get(limit.metric) {
            None => Some(format!("{} was not measured", limit.metric.name)),
            Some(value) if limit.relation.holds(value, limit.bound) => None,
            Some(value) => Some(broken(limit, &figure(Some(value)))),
        })
    }
}

fn broken(limit: &Limit, value: &str) -> String {
    let Limit { metric, relation, bound } = limit;
    format!("{} is {value} {}, not {relation} {bound}", metric.name, metric.unit)
}

/// Looks at the requests of one run of a probe as they end, and knows when no group can hold any more.
///
/// Where the values of earlier runs are V, the limit x and the runs R, this run must stay on the good side of
/// t = R x - sum V; later runs count as 0, the best that a ceiling can hope for. With n planned requests, of which any
/// may turn out to give no value:
///
/// * a mean is above t once the sum of the values so far exceeds n t;
/// * a quantile, the k-th of n values, is above t once more than n - k values are, and below once k values are;
/// * requests a second are below t once n / (time so far) is.
///
/// A floor is decided in the last run only, for a later one could make up for anything. Half a unit of the files' last
/// decimal is left to rounding.
#[derive(Debug)]
pub struct Watch {
    planned: u64,
    failed: u64,
    span: Option<(u64, u64)>,
    groups: Vec<Vec<Watched>>,
}

/// One limit of a group.
#[derive(Debug)]
struct Watched {
    limit: Limit,
    /// The side of this run's value on which the group is lost, rounding allowed for; `None` while it cannot be known.
    lost: Option<f64>,
    sum: f64,
    beyond: u64,
}

impl Watch {
    /// Watches a run of `planned` requests after `earlier` ones, of `runs` in all.
    pub fn new<'a>(groups: impl IntoIterator<Item = &'a Group>, earlier: &[Measured], runs: u64, planned: u64) -> Self {
        let last = earlier.len() as u64 + 1 >= runs;
        let watched = |limit: &Limit| {
            let before = earlier.iter().map(|run| run.get(limit.metric)).sum::<Option<f64>>();
            let threshold = before.map(|sum| runs as f64 * limit.bound - sum);
            let lost = threshold.filter(|_| limit.relation.is_ceiling() || last).map(|threshold| {
                let slack = rounding(limit.metric) + threshold.abs() * 1e-9;
                if limit.relation.is_ceiling() { threshold + slack } else { threshold - slack }
            });
            Watched { limit: *limit, lost, sum: 0.0, beyond: 0 }
        };
        let groups = groups.into_iter().map(|group| group.limits.iter().map(watched).collect()).collect();
        Watch { planned, failed: 0, span: None, groups }
    }

    /// Takes one record of the run.
    pub fn add(&mut self, record: &Record) {
        if record.warmup || matches!(record.outcome, Outcome::Cancelled | Outcome::Unsent) {
            return;
        }
        let (start, end) = span(record);
        self.span = Some(self.span.map_or((start, end), |(first, last)| (first.min(start), last.max(end))));
        if !record.is_ok() {
            self.failed += 1;
            return;
        }
        let row = Row::of(record);
        for watched in self.groups.iter_mut().flatten() {
            watched.add(&row, record.completion_tokens.is_some());
        }
    }

    /// Why each group cannot hold any more; `None` as long as one may. A failed request loses all, and where there is no
    /// group it alone decides.
    pub fn lost(&self) -> Option<Vec<String>> {
        if self.failed > 0 {
            return Some(vec!["a request failed".to_owned(); self.groups.len().max(1)]);
        }
        let wall = self.span.map(|(first, last)| last.saturating_sub(first) as f64 / NS_PER_S);
        let lost = |group: &Vec<Watched>| group.iter().find_map(|watched| watched.lost(self.planned, wall));
        let reasons: Option<Vec<String>> = self.groups.iter().map(lost).collect();
        reasons.filter(|reasons| !reasons.is_empty())
    }
}

/// One unit of the last decimal of EvalScope's files: twice what rounding can do.
fn rounding(metric: Metric) -> f64 {
    match (metric.statistic, metric.unit) {
        (Statistic::Mean, "ms") => 0.01,
        _ => 0.0001,
    }
}

impl Watched {
    fn add(&mut self, row: &Row, counted: bool) {
        let value = match self.limit.metric.quantity {
            Quantity::Latency => row.latency,
            // Replies that did not stream count only where none does, which is known at the end.
            Quantity::Ttft if row.stream => row.ttft * 1000.0,
            Quantity::Tpot if row.stream && counted && row.completion > 1.0 => row.tpot * 1000.0,
            _ => return,
        };
        self.sum += value;
        let beyond = |lost: f64| if self.limit.relation.is_ceiling() { value > lost } else { value < lost };
        self.beyond += u64::from(self.lost.is_some_and(beyond));
    }

    /// Why the limit cannot hold any more.
    fn lost(&self, planned: u64, wall: Option<f64>) -> Option<String> {
        let lost = self.lost?;
        let Limit { metric, relation, .. } = self.limit;
        let certain = match (metric.statistic, relation.is_ceiling()) {
            (_, true) if lost < 0.0 => true,
            (Statistic::Mean, true) => self.sum > lost * planned as f64,
            (Statistic::Percentile(percent), ceiling) => {
                let rank = ((planned as f64 * percent / 100.0).ceil() as u64).max(1);
                if ceiling { self.beyond > planned - rank } else { self.beyond >= rank }
            }
            (Statistic::Rate, false) if metric.quantity == Quantity::Requests => {
                wall.is_some_and(|wall| lost * wall > planned as f64)
            }
            _ => false,
        };
        let side = if matches!(relation, Relation::AtMost | Relation::Below) { "above" } else { "below" };
        let Limit { bound, .. } = self.limit;
        certain.then(|| format!("{} is certain to be {side} {bound} {}", metric.name, metric.unit))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::plan::{Criteria, Load};
    use crate::record::FailureKind;
    use crate::stats::{Compat, CompatOptions};

    const MS: u64 = 1_000_000;

    /// A reply in ms: start, first token, length, tokens.
    fn reply(start: u64, ttft: u64, length: u64, tokens: Option<u64>, stream: bool) -> Record {
        let start = start * MS;
        Record {
            started_ns: Some(start),
            first_token_ns: stream.then_some(start + ttft.min(length) * MS),
            last_event_ns: stream.then_some(start + length * MS),
            end_ns: start + length * MS,
            outcome: Outcome::Ok,
            completion_tokens: tokens,
            stream,
            ..Record::due(String::new(), 0, 0, start)
        }
    }

    fn measured(records: &[Record]) -> Measured {
        let mut compat = Compat::default();
        records.iter().for_each(|record| compat.add(record));
        let options = CompatOptions::of(&Load::Closed { parallel: 1 });
        Measured::of(&compat.summary(options), &compat.percentiles(options))
    }

    fn groups(text: &str) -> Vec<Group> {
        match Criteria::parse(text) {
            Ok(Criteria::Limits(groups)) => groups,
            _ => Vec::new(),
        }
    }

    /// After how many records the end was certain.
    fn certain_after(groups: &[Group], records: &[Record], planned: u64) -> Option<usize> {
        let mut watch = Watch::new(groups, &[], 1, planned);
        records.iter().position(|record| {
            watch.add(record);
            watch.lost().is_some()
        })
    }

    #[test]
    fn values_are_those_of_the_files_and_reasons_name_them() {
        let run = measured(&[reply(0, 100, 1000, Some(10), true), reply(0, 300, 2000, Some(18), true)]);
        assert_eq!(serde_json::to_value(&run).unwrap_or_default().as_object().map_or(0, Map::len), 12);
        let why = |text: &str| groups(text).first().and_then(|group| run.broken(group));
        assert_eq!(why(r#"{"avg_ttft": "<=200", "p99_ttft": "<=300", "avg_latency": "<1.6", "rps": ">=1"}"#), None);
        assert_eq!(why(r#"{"p99_ttft": "<300"}"#).as_deref(), Some("p99_ttft is 300 ms, not < 300"));
        assert_eq!(why(r#"{"tps": ">14", "rps": ">1"}"#).as_deref(), Some("tps is 14.0 tok/s, not > 14"));
        let none = measured(&[]);
        assert_eq!(none.broken(&groups(r#"{"rps": "<1"}"#)[0]).as_deref(), Some("rps was not measured"));
    }

    #[test]
    fn runs_are_averaged_and_a_value_that_one_lacks_is_lacking() {
        let a = measured(&[reply(0, 100, 1000, Some(10), true)]);
        let b = measured(&[reply(0, 200, 2000, Some(10), true)]);
        let mean = Measured::mean(&[a.clone(), b]);
        assert_eq!(mean.get(METRICS[2]), Some(150.0));
        assert_eq!(Measured::mean(&[a, measured(&[])]).get(METRICS[2]), None);
    }

    #[test]
    fn a_quantile_is_lost_with_the_first_value_too_many() {
        let records: Vec<Record> = (0..200).map(|at| reply(at, 100 + 10 * (at % 2), 1000, Some(2), true)).collect();
        assert_eq!(certain_after(&groups(r#"{"p99_ttft": "<=105"}"#), &records, 200), Some(5), "two may be above");
        assert_eq!(certain_after(&groups(r#"{"p50_ttft": "<=105"}"#), &records, 200), None);
        assert_eq!(certain_after(&groups(r#"{"p50_ttft": ">=105"}"#), &records, 200), Some(198));
    }

    #[test]
    fn a_mean_is_lost_once_the_rest_cannot_pull_it_down() {
        let records: Vec<Record> = (0..10).map(|at| reply(at, 100, 1000, Some(2), true)).collect();
        assert_eq!(certain_after(&groups(r#"{"avg_latency": "<=0.5"}"#), &records, 10), Some(5));
        assert_eq!(certain_after(&groups(r#"{"avg_latency": "<=1"}"#), &records, 10), None);
    }

    #[test]
    fn a_rate_is_lost_once_the_time_is_over() {
        let records: Vec<Record> = (0..10).map(|at| reply(1000 * at, 100, 1000, Some(2), true)).collect();
        assert_eq!(certain_after(&groups(r#"{"rps": ">=2"}"#), &records, 10), Some(5));
        assert_eq!(certain_after(&groups(r#"{"tps": ">=99"}"#), &records, 10), None);
    }

    #[test]
    fn every_group_must_be_lost_and_a_failure_loses_all() {
        let slow: Vec<Record> = (0..10).map(|at| reply(at, 100, 1000, Some(2), true)).collect();
        let both = groups(r#"[{"p99_ttft": "<=50"}, {"avg_latency": "<=0.5"}]"#);
        assert_eq!(certain_after(&both, &slow, 10), Some(5));
        let failed = Record { outcome: Outcome::Failed(FailureKind::Status), ..slow[0].clone() };
        assert_eq!(certain_after(&both, &[slow[0].clone(), failed.clone()], 10), Some(1));
        assert_eq!(certain_after(&[], &[slow[0].clone(), failed.clone()], 10), Some(1), "an optimum needs success too");
        let cut = Record { outcome: Outcome::Cancelled, ..slow[0].clone() };
        let warm = Record { warmup: true, ..failed };
        assert_eq!(certain_after(&both, &[cut, warm], 10), None);
    }

    #[test]
    fn earlier_runs_count() {
        let group = groups(r#"{"avg_ttft": "<=100"}"#);
        let slow = [measured(&[reply(0, 301, 1000, Some(2), true)])];
        assert!(Watch::new(&group, &slow, 3, 10).lost().is_some(), "two runs of 0 cannot make up for it");
        let better = [measured(&[reply(0, 299, 1000, Some(2), true)])];
        assert!(Watch::new(&group, &better, 3, 10).lost().is_none());
    }

    fn any_record() -> impl Strategy<Value = Record> {
        let tokens = prop_oneof![Just(None), (0u64..6).prop_map(Some)];
        (0u64..2000, 0u64..300, 0u64..600, tokens, prop::bool::weighted(0.9), prop::bool::weighted(0.01)).prop_map(
            |(start, ttft, length, tokens, stream, fails)| {
                let record = reply(start, ttft, length, tokens, stream);
                let outcome = if fails { Outcome::Failed(FailureKind::Broken) } else { Outcome::Ok };
                Record { outcome, ..record }
            },
        )
    }

    fn any_limit() -> impl Strategy<Value = Limit> {
        let relation = [Relation::AtMost, Relation::AtLeast, Relation::Below, Relation::Above];
        (0..METRICS.len(), 0..relation.len(), 0.0f64..300.0).prop_map(move |(metric, side, bound)| {
            let metric = METRICS[metric];
            // Near the values above, whatever the unit is.
            let bound = if metric.unit == "s" { bound / 500.0 } else { bound };
            Limit { metric, relation: relation[side], bound: (bound * 10.0).round() / 10.0 }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn what_is_certain_comes_true(
            runs in prop::collection::vec(prop::collection::vec(any_record(), 1..25), 1..4),
            groups in prop::collection::vec(prop::collection::vec(any_limit(), 1..3), 0..3),
        ) {
            let groups: Vec<Group> = groups.into_iter().map(|limits| Group { limits }).collect();
            let values: Vec<Measured> = runs.iter().map(|run| measured(run)).collect();
            let failed = runs.iter().flatten().any(|record| !record.is_ok());
            let whole = Measured::mean(&values);
            for (index, run) in runs.iter().enumerate() {
                let mut watch = Watch::new(&groups, &values[..index], runs.len() as u64, run.len() as u64);
                let mut lost = watch.lost();
                for record in run {
                    watch.add(record);
                    lost = lost.or_else(|| watch.lost());
                }
                if let Some(why) = lost {
                    prop_assert!(
                        failed || groups.iter().all(|group| whole.broken(group).is_some()),
                        "{why:?}, but {whole:?} holds one of {groups:?}"
                    );
                }
            }
        }
    }
}
