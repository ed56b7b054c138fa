//! Tests of the search against servers that are made up.

use super::*;
use crate::plan::layer;
use crate::record::{FailureKind, Outcome};
use crate::stats::{Compat, CompatOptions, Summary};

const MS: u64 = 1_000_000;

/// A server that is made up: the time to first token in ms and whether a request fails, by value, run and request.
struct Made<F> {
    reply: F,
    asked: Vec<(String, u64, u64)>,
    stop_at: Option<usize>,
    most: u64,
    saved: usize,
}

impl<F: Fn(u64, u64) -> (u64, bool)> Made<F> {
    fn new(reply: F) -> Self {
        Made { reply, asked: Vec::new(), stop_at: None, most: u64::MAX, saved: 0 }
    }

    /// The values in the order they were asked for.
    fn values(&self) -> Vec<u64> {
        let mut values: Vec<u64> = self.asked.iter().map(|asked| asked.1).collect();
        values.dedup();
        values
    }
}

impl<F: Fn(u64, u64) -> (u64, bool)> Prober for Made<F> {
    fn possible(&mut self, point: Point) -> Result<()> {
        if point.load.level() as u64 <= self.most { Ok(()) } else { Err(Failure::usage("too few ports")) }
    }

    fn probe(
        &mut self,
        point: Point,
        folder: &str,
        _: u32,
        enough: &mut (dyn FnMut(&Record) -> bool + Send),
    ) -> Result<PointResult> {
        let value = point.load.rate().unwrap_or(point.load.level()) as u64;
        let stopped = self.stop_at == Some(self.asked.len());
        let (mut summary, mut compat) = (Summary::default(), Compat::default());
        let mut sent = 0;
        for index in 0..if stopped { 0 } else { point.number } {
            let (ttft, fails) = (self.reply)(value, index);
            let start = index / value * 1000 * MS;
            let record = Record {
                started_ns: Some(start),
                first_token_ns: Some(start + ttft * MS),
                last_event_ns: Some(start + 2 * ttft * MS),
                end_ns: start + 2 * ttft * MS,
                outcome: if fails { Outcome::Failed(FailureKind::Status) } else { Outcome::Ok },
                completion_tokens: Some(11),
                stream: true,
                ..Record::due(String::new(), 0, 0, start)
            };
            summary.add(&record);
            compat.add(&record);
            sent += 1;
            if enough(&record) {
                break;
            }
        }
        self.asked.push((folder.to_owned(), value, sent));
        let options = CompatOptions::of(&point.load);
        let result = json!({
            "format_version": 1, "folder": folder, "parallel": value, "number": point.number, "warmup": 0,
            "status": if stopped { "interrupted" } else { "complete" }, "epoch_unix_ns": 0,
            "figures": summary.figures(), "timeline": crate::stats::Timeline::default(),
            "evalscope_summary": compat.summary(options), "evalscope_percentiles": compat.percentiles(options),
        });
        serde_json::from_value(result).map_err(|error| Failure::bug("no result").because(error))
    }

    fn probed(&mut self, result: &SlaResult) -> Result<()> {
        assert!(!result.probes.is_empty());
        self.saved += 1;
        Ok(())
    }
}

fn spec(params: &str, more: &str) -> Result<SlaSpec> {
    let profile = format!("sla-auto-tune = true\nsla-params = '{params}'\n{more}");
    let settings = layer(Some(("test", &profile)), toml::Table::new())?;
    SlaSpec::resolve(&settings)?.ok_or_else(|| Failure::bug("no search"))
}

#[test]
fn the_highest_parallelism_that_holds_is_found() -> Result<()> {
    let mut server = Made::new(|value, _| (10 * value, false));
    let result = tune(&spec(r#"{"p99_ttft": "<=225"}"#, "parallel = 8")?, &mut server)?;
    assert_eq!(server.values(), [8, 16, 32, 24, 20, 22, 23]);
    assert_eq!(server.saved, 8, "after each probe and at the end");
    let selection = &result.selections[0];
    assert_eq!((selection.selected, selection.status), (Some(22), "selected"));
    assert_eq!(selection.criteria, "p99_ttft <= 225 ms");
    // Two runs of 230 and one of 0 do not exceed the limit, but the first value of the third one does.
    assert_eq!(selection.reason, "at 23: p99_ttft is certain to be above 225 ms");
    assert_eq!(server.asked.last().map(|asked| asked.2), Some(1));
    assert_eq!(result.exit(), Exit::Done);
    let folders: Vec<&str> = server.asked.iter().take(3).map(|asked| asked.0.as_str()).collect();
    let expected: Vec<String> = (0..3).map(|run| format!("sla_tuning/sla_parallel_8_run_{run}")).collect();
    assert_eq!(folders, expected);
    Ok(())
}

#[test]
fn a_probe_ends_when_its_answer_is_certain() -> Result<()> {
    let mut server = Made::new(|value, _| (100 * value, false));
    let result = tune(&spec(r#"{"avg_ttft": "<=100"}"#, "parallel = 50\nsla-lower-bound = 50")?, &mut server)?;
    let probe = &result.probes[0];
    assert_eq!(probe.runs.len(), 1, "two more could not make up for it");
    assert_eq!((probe.done, probe.runs[0].planned), (7, 100), "7 x 5000 ms is more than 3 x 100 runs' worth of 100 ms");
    assert_eq!(probe.early.as_deref(), Some("avg_ttft is certain to be above 100 ms"));
    assert_eq!(result.selections[0].reason, "Failed at lower bound (50): avg_ttft is certain to be above 100 ms");
    assert_eq!((result.selections[0].status, result.exit()), ("failed", Exit::Gate));
    Ok(())
}

#[test]
fn a_failed_request_ends_a_probe_and_fails_it() -> Result<()> {
    let mut server = Made::new(|value, index| (10, value > 12 && index == 3));
    let result = tune(&spec(r#"{"p99_ttft": "<=500"}"#, "parallel = 10")?, &mut server)?;
    assert_eq!(result.selections[0].selected, Some(12));
    assert_eq!(result.selections[0].reason, "at 13: 1 of 4 requests failed");
    assert_eq!(result.probe(20).map(|probe| (probe.done, probe.runs.len())), Some((4, 1)));
    Ok(())
}

#[test]
fn groups_are_searched_apart_and_share_their_probes() -> Result<()> {
    let mut server = Made::new(|value, _| (10 * value, false));
    let params = r#"[{"p99_ttft": "<=60"}, {"p99_ttft": "<=300"}]"#;
    let result = tune(&spec(params, "parallel = 8")?, &mut server)?;
    let selected: Vec<Option<u64>> = result.selections.iter().map(|selection| selection.selected).collect();
    assert_eq!(selected, [Some(6), Some(30)]);
    let mut values = server.values();
    values.sort_unstable();
    values.dedup();
    assert_eq!(values.len(), server.values().len(), "no value is run twice");
    let eight: Vec<Option<bool>> = result.probes[0].groups.iter().map(|verdict| verdict.holds).collect();
    assert_eq!(eight, [Some(false), Some(true)]);
    Ok(())
}

#[test]
fn the_best_value_is_found_and_failures_do_not_count() -> Result<()> {
    // With two requests a slot the rate is best where the time of two rounds grows faster than their number.
    let mut server = Made::new(|value, _| (110 + value * value, value > 40));
    let result = tune(&spec(r#"{"rps": "max"}"#, "parallel = 4\nsla-num-runs = 1")?, &mut server)?;
    let rate = |value: f64| 2.0 * value / (1.0 + 2.0 * (0.11 + value * value / 1000.0));
    let best = (1..=40).max_by(|a, b| rate(f64::from(*a)).total_cmp(&rate(f64::from(*b))));
    assert_eq!(result.selections[0].selected, best.map(u64::try_from).and_then(std::result::Result::ok));
    assert_eq!(result.selections[0].criteria, "max rps");
    assert!(result.selections[0].reason.starts_with("rps is "), "{}", result.selections[0].reason);
    let least = tune(&spec(r#"{"avg_ttft": "min"}"#, "parallel = 60")?, &mut Made::new(|v, _| (9 + v, v > 40)))?;
    assert_eq!(least.selections[0].selected, Some(1));
    Ok(())
}

#[test]
fn nothing_succeeds() -> Result<()> {
    let result = tune(&spec(r#"{"rps": "max"}"#, "parallel = 4")?, &mut Made::new(|_, _| (1, true)))?;
    assert_eq!(result.exit(), Exit::Target);
    assert_eq!(result.selections[0].reason, "Failed at lower bound (1): 1 of 1 requests failed");
    Ok(())
}

#[test]
fn what_this_machine_cannot_do_is_told_from_what_the_server_cannot() -> Result<()> {
    let mut server = Made::new(|_, _| (10, false));
    server.most = 20;
    let result = tune(&spec(r#"{"p99_ttft": "<=60"}"#, "parallel = 8")?, &mut server)?;
    assert_eq!(result.selections[0].selected, Some(20));
    assert_eq!(result.selections[0].reason, "at 21: not tried, this machine cannot: too few ports");
    assert_eq!(result.summary().len(), server.values().len(), "only what was run is in the summary");
    Ok(())
}

#[test]
fn the_user_stops_it() -> Result<()> {
    let mut server = Made::new(|value, _| (10 * value, false));
    server.stop_at = Some(4);
    let params = r#"[{"p99_ttft": "<=60"}, {"p99_ttft": "<=300"}]"#;
    let result = tune(&spec(params, "parallel = 8")?, &mut server)?;
    let statuses: Vec<&str> = result.selections.iter().map(|selection| selection.status).collect();
    assert_eq!(statuses, ["interrupted", "interrupted"]);
    assert_eq!((result.probes.len(), server.asked.len(), result.exit()), (2, 5, Exit::Interrupted));
    Ok(())
}

#[test]
fn a_limit_that_comes_and_goes_is_told() -> Result<()> {
    let mut server = Made::new(|value, _| (if value == 8 { 900 } else { 10 * value }, false));
    let params = r#"[{"p99_ttft": "<=2s"}, {"p99_ttft": "<=161"}]"#;
    let result = tune(&spec(params, "parallel = 8\nsla-upper-bound = 16")?, &mut server)?;
    let [steady, odd] = result.selections.as_slice() else { return Err(Failure::bug("two searches")) };
    assert_eq!((steady.selected, steady.reason.as_str()), (Some(16), "holds up to the upper bound (16)"));
    assert_eq!(odd.selected, Some(7));
    assert!(odd.reason.contains("failed at a lower value than one it held at"), "{}", odd.reason);
    Ok(())
}

#[test]
fn runs_become_one_in_evalscopes_file() -> Result<()> {
    let mut server = Made::new(|value, index| (10 * value + index, false));
    let spec = spec(r#"{"p99_ttft": "<=9s"}"#, "parallel = 2\nsla-upper-bound = 2\nsla-num-runs = 2")?;
    let result = tune(&spec, &mut server)?;
    let summary = result.summary();
    let probe = &summary["parallel_2"];
    assert_eq!(probe["metrics"]["Total Requests"], json!(8), "counts are added up");
    assert_eq!(probe["metrics"]["Avg TTFT (ms)"], json!(21.5));
    assert_eq!(probe["metrics"]["Request Rate (req/s)"], json!(-1.0));
    assert_eq!(probe["percentiles"]["Percentiles"][10], json!("max"));
    assert_eq!(probe["percentiles"]["TTFT (ms)"][10], json!(23.0));
    Ok(())
}

#[test]
fn different_values_are_averaged_and_none_stays_none() {
    let numbers = [json!(1.0), json!(2.0)];
    assert_eq!(mean(numbers.iter()), Some(json!(1.5)));
    assert_eq!(mean([json!(1.0), json!(-1.0)].iter()), Some(json!(-1.0)));
    assert_eq!(mean([json!(1.0), Value::Null].iter()), Some(json!(1.0)));
    assert_eq!(mean([Value::Null].iter()), Some(Value::Null));
}
