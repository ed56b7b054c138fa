//! What verdicts add up to: means, chances over repeats, confusion tables, groups, decisions, mixtures.
//!
//! * [`means`]: the mean and its weighted and clipped forms;
//! * [`repeats`]: pass@k, vote@k, pass^k and Bayes@N over groups of attempts at one sample;
//! * [`confusion`]: precision, recall and their kin of verdicts from a few labels;
//! * [`groups`]: accuracies where a group counts as one, harmonic means, weights by difficulty;
//! * [`decisions`]: how good and how honest probabilities over options are;
//! * [`parts`]: subsets to one figure; [`collection`]: the levels of a mixture of benchmarks.
//!
//! Nothing is rounded here. A score that is missing is left out, and counted as left out where the formula needs all.

pub mod collection;
pub mod confusion;
pub mod decisions;
pub mod groups;
pub mod means;
pub mod parts;
pub mod repeats;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What the way a figure was made is called in EvalScope where its code does not say it.
pub const IDENTITY: &str = "identity";

/// One figure of a metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Aggregate {
    /// Canonical name of the metric: `accuracy`.
    pub metric: String,
    /// How it was made: `mean`, `pass_at_k`.
    pub aggregation: String,
    /// What tells it from others made the same way: `{"k": 2}`.
    pub dimensions: Map<String, Value>,
    /// The figure.
    pub score: f64,
    /// Samples, groups or weights that it stands for.
    pub num: u64,
    /// Groups that could enter it, where not all could.
    pub coverage: Option<Coverage>,
}

/// How many groups a figure over groups could use.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// Groups that entered.
    pub eligible: u64,
    /// All groups.
    pub total: u64,
    /// Their ratio.
    pub coverage: f64,
    /// Groups that lacked attempts.
    pub excluded: u64,
}

impl Coverage {
    /// Of so many groups so many entered.
    pub fn new(eligible: u64, total: u64) -> Self {
        let coverage = if total == 0 { 0.0 } else { eligible as f64 / total as f64 };
        Coverage { eligible, total, coverage, excluded: total.saturating_sub(eligible) }
    }
}

impl Aggregate {
    /// A figure without dimensions; the name of the metric is made canonical.
    pub fn new(metric: &str, aggregation: &str, score: f64, num: u64) -> Self {
        Aggregate {
            metric: canonical(metric).to_owned(),
            aggregation: aggregation.to_owned(),
            dimensions: Map::new(),
            score,
            num,
            coverage: None,
        }
    }

    /// The same with one more dimension.
    #[must_use]
    pub fn at(mut self, dimension: &str, value: impl Into<Value>) -> Self {
        self.dimensions.insert(dimension.to_owned(), value.into());
        self
    }
}

/// The name that a metric is reported under; scorers use shorter ones.
pub fn canonical(metric: &str) -> &str {
    match metric {
        "acc" => "accuracy",
        "em" => "exact_match",
        "F1" => "f1",
        "plan_em" => "Plan.EM",
        "act_em" => "Act.EM",
        other => other,
    }
}

#[cfg(test)]
mod inference_tests;
#[cfg(test)]
mod tests;
