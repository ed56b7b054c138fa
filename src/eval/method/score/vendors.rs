//! Calls of tools by their schemas, and whether an endpoint serves a model as its makers do.

use serde::Deserialize;
use serde_json::{Value, json};
use toml::Table;

use super::super::super::asking::REFUSED;
use super::super::super::calls::vendors::minimax::{self, Checks, Record, Repetition};
use super::super::super::calls::{Attempt, Reply as Called, ToolCall};
use super::super::super::sample::Sample;
use super::super::case::{Case, Marks, Reply, Taken};
use super::super::params::{none, read};
use super::{Made, Score, noted, noted_list};
use crate::wire::Ended;

pub(super) const NAMES: &[&str] = &["schema", "minimax-verifier", "kimi-verifier"];

pub(super) fn scorer(name: &str, params: &Table) -> Made {
    match name {
        "schema" => Ok(Box::new(read::<Schema>(name, params)?)),
        "minimax-verifier" => Ok(Box::new(MiniMax(read(name, params)?))),
        _ => none(name, params).map(|()| Box::new(Kimi) as Box<dyn Score>),
    }
}

/// A reply as the checks of calls look at it.
fn called(reply: &Reply) -> Called {
    let call = |call: &crate::wire::Call| ToolCall { name: call.name.clone(), arguments: json!(call.arguments) };
    Called {
        content: reply.text.clone(),
        reasoned: reply.reasoned,
        calls: reply.calls.iter().map(call).collect(),
        stopped_to_call: reply.ended == Ended::Calls,
    }
}

fn tools<'a>(sample: &'a Sample, name: &str, empty: &'a Value) -> &'a Value {
    noted(sample, name).filter(|tools| tools.is_array()).unwrap_or(empty)
}

/// Whose names the figures of a subset go by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Set {
    GeneralFc,
    K2Verifier,
}

/// Whether the model calls a tool where it should, and whether its calls keep the schemas. The figures of a subset are made
/// of these values by its rows.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Schema {
    set: Set,
}

impl Score for Schema {
    fn score(&self, case: &Case<'_>, _: &Taken) -> Marks {
        let empty = json!([]);
        let should = noted(case.sample, "should_call_tool").and_then(Value::as_bool).unwrap_or(false);
        let (attempt, fits) = Attempt::judge(&called(case.reply), tools(case.sample, "tools", &empty), should);
        let values = [
            ("passed", attempt.passed),
            ("finish_reason_tool_call", attempt.finish_reason_tool_call),
            ("successful_tool_call", attempt.successful_tool_call),
            ("should_call_tool", attempt.should_call_tool),
        ];
        let marks = Marks::of(values.into_iter().map(|(name, value)| (name, f64::from(value))));
        let family = if self.set == Set::K2Verifier { "k2_verifier" } else { "general_fc" };
        Marks { explanation: fits.err().map(|error| error.to_string()), ..marks }.noting("set", family)
    }

    fn right(&self, _: &Sample) -> Option<String> {
        None
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        None
    }
}

/// The checks that a record of MiniMax names. Those that are not made have no value.
struct MiniMax(Repetition);

impl Score for MiniMax {
    fn score(&self, case: &Case<'_>, _: &Taken) -> Marks {
        let sample = case.sample;
        let record = Record {
            checks: noted_list(sample, "check_type"),
            must_call: noted(sample, "expected_tool_call").and_then(Value::as_bool),
            tools: noted(sample, "tools_raw").cloned().unwrap_or_default(),
        };
        let Checks { only_reasoning, called: _, fits, matches, language, varied, ordered } =
            minimax::check(&record, &called(case.reply), self.0);
        let made = [
            ("tool_calls_match_rate", matches),
            ("language_following_success_rate", language),
            ("repeat_ngram_pass_rate", varied),
            ("scenario_check_pass_rate", ordered),
            ("schema_accuracy", fits),
            ("error_only_reasoning_rate", only_reasoning),
        ];
        Marks::of(made.into_iter().filter_map(|(name, is)| Some((name, f64::from(is?)))))
    }

    fn right(&self, _: &Sample) -> Option<String> {
        None
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        None
    }
}

/// Whether a request with a parameter that is fixed for Kimi K2 is refused with HTTP 400, and one with its default is not.
/// Another failure says nothing of the parameter and is counted apart.
struct Kimi;

impl Score for Kimi {
    fn score(&self, case: &Case<'_>, _: &Taken) -> Marks {
        let must_refuse = noted(case.sample, "expected_reject").and_then(Value::as_bool).unwrap_or(false);
        let status = case.reply.raw.as_ref().and_then(|raw| raw.get("status")).and_then(Value::as_u64);
        let refused = status == Some(REFUSED.into());
        if !refused && status.is_some_and(|status| status >= 300) {
            return Marks::one("inference_error_rate", 1.0);
        }
        let metric = if must_refuse { "param_immutable_reject_rate" } else { "param_default_accept_rate" };
        Marks::of([(metric, f64::from(refused == must_refuse)), ("inference_error_rate", 0.0)]).taking(if refused {
            "reject"
        } else {
            "accept"
        })
    }

    fn weighs_refusals(&self) -> bool {
        true
    }

    fn right(&self, _: &Sample) -> Option<String> {
        None
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        None
    }
}
