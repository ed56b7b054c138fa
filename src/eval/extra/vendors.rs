//! Calls by their schemas, and checks of endpoints.

use serde_json::Value;

use super::super::aggregate::{Aggregate, IDENTITY};
use super::super::calls::vendors::kimi::{self, Outcome};
use super::super::calls::vendors::{Rate, rates};
use super::super::calls::{Attempt, Calling};
use super::super::figures::Scored;
use super::{note, values};

/// F1 of the decision to call, validity of the calls that were made, and two counts. A sample that failed called nothing.
pub fn schema(samples: &[&Scored]) -> Vec<Aggregate> {
    let attempt = |sample: &&Scored| {
        let is = |name: &str| sample.value(name).map_or(0, |value| u8::from(value == 1.0));
        match &sample.marks {
            Some(_) => Attempt {
                finish_reason_tool_call: is("finish_reason_tool_call"),
                successful_tool_call: is("successful_tool_call"),
                should_call_tool: is("should_call_tool"),
                passed: is("passed"),
            },
            None => Attempt::failed(sample.meta.get("should_call_tool") == Some(&true.into())),
        }
    };
    let attempts: Vec<Attempt> = samples.iter().map(attempt).collect();
    let calling = Calling::of(&attempts);
    let is_k2 = samples.iter().any(|sample| note(sample, "set").and_then(Value::as_str) == Some("k2_verifier"));
    let own = [
        ("tool_call_f1", calling.tool_call_f1),
        ("count_finish_reason_tool_call", calling.count_finish_reason_tool_call as f64),
        ("count_successful_tool_call", calling.count_successful_tool_call as f64),
        ("schema_accuracy", calling.schema_accuracy),
    ];
    let named = if is_k2 { rates(&calling) } else { own };
    named.map(|(name, score)| Aggregate::new(name, IDENTITY, score, calling.num)).to_vec()
}

fn figure(rate: Rate) -> Option<Aggregate> {
    Some(Aggregate::new(rate.name, IDENTITY, rate.rate?, rate.num))
}

/// How many wrong values were refused and defaults accepted. A rate of nothing is left out.
pub fn kimi(samples: &[&Scored]) -> Vec<Aggregate> {
    let outcome = |sample: &&Scored| {
        let refused = sample.value("param_immutable_reject_rate").map(|value| value == 1.0);
        let accepted = sample.value("param_default_accept_rate").map(|value| value == 1.0);
        let outcome = match (refused, accepted) {
            (Some(true), _) | (_, Some(false)) => Outcome::Refused,
            (Some(false), _) | (_, Some(true)) => Outcome::Accepted,
            (None, None) => Outcome::Failed,
        };
        (sample.meta.get("expected_reject") == Some(&true.into()), outcome)
    };
    let outcomes: Vec<(bool, Outcome)> = samples.iter().map(outcome).collect();
    kimi::rates(&outcomes).into_iter().filter_map(figure).collect()
}

/// The rate of each check over the samples for which it was made.
pub fn minimax(samples: &[&Scored]) -> Vec<Aggregate> {
    const CHECKS: [&str; 6] = [
        "tool_calls_match_rate",
        "schema_accuracy",
        "error_only_reasoning_rate",
        "language_following_success_rate",
        "repeat_ngram_pass_rate",
        "scenario_check_pass_rate",
    ];
    let rate = |name: &&str| {
        let made = values(samples, name);
        let mean = made.iter().sum::<f64>() / made.len() as f64;
        (!made.is_empty()).then(|| Aggregate::new(name, IDENTITY, mean, made.len() as u64))
    };
    CHECKS.iter().filter_map(rate).collect()
}
