//! What a user changes of one benchmark: `--dataset-args`, by EvalScope's names.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Most questions of a subset: so many, or such a share of them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Limit {
    /// So many.
    Count(u64),
    /// A share below 1, or a count written with a dot.
    Share(f64),
}

impl Limit {
    /// A limit as a flag has it: a whole number is a count, whether written with a dot or not.
    ///
    /// # Errors
    /// In words, when it is no number, or a negative one.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.parse::<f64>() {
            Ok(limit) if limit < 0.0 => Err("must not be negative".to_owned()),
            Ok(limit) if limit.is_finite() && limit.fract() == 0.0 => Ok(Limit::Count(limit as u64)),
            Ok(limit) if limit.is_finite() => Ok(Limit::Share(limit)),
            _ => Err("give a count, or a share below 1".to_owned()),
        }
    }

    /// How many of so many that is; none of them is a limit of 0, which means all, as in EvalScope.
    pub fn of(self, all: usize) -> usize {
        match self {
            Limit::Count(0) => all,
            Limit::Count(count) => usize::try_from(count).unwrap_or(usize::MAX).min(all),
            Limit::Share(share) if share <= 0.0 => all,
            Limit::Share(share) if share < 1.0 => (all as f64 * share) as usize,
            Limit::Share(count) => (count as usize).min(all),
        }
    }
}

/// What a user changes of one benchmark.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetArgs {
    /// A file or folder in place of the hub.
    #[serde(alias = "dataset_id", skip_serializing_if = "Option::is_none")]
    pub local_path: Option<String>,
    /// The subsets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subset_list: Option<Vec<String>>,
    /// The configuration that is read where a subset is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_subset: Option<String>,
    /// Split of examples.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train_split: Option<String>,
    /// Split of the questions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eval_split: Option<String>,
    /// Examples before each question.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub few_shot_num: Option<usize>,
    /// Draw them with the seed instead of taking the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub few_shot_random: Option<bool>,
    /// How a question is asked, with slots such as `{question}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_template: Option<String>,
    /// The same with examples: `{fewshot}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub few_shot_prompt_template: Option<String>,
    /// What the system says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_prompt: Option<String>,
    /// How the text of a question is made, with slots.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query_template: Option<String>,
    /// Instructions of a decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub choice_instructions: Option<String>,
    /// Filters of replies, in order, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filters: Option<Value>,
    /// Metrics that are reported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric_list: Option<Vec<Value>>,
    /// How values of samples become one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aggregation: Option<String>,
    /// The metric that stands for the benchmark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary_metric: Option<Value>,
    /// Shuffle records with the seed before some are taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shuffle: Option<bool>,
    /// Shuffle options with the seed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shuffle_choices: Option<bool>,
    /// Fetch files again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub force_redownload: Option<bool>,
    /// Revision at the hub.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset_revision: Option<String>,
    /// Repository at Hugging Face.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hf_dataset_id: Option<String>,
    /// Revision at Hugging Face.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hf_dataset_revision: Option<String>,
    /// Seconds that scoring one sample may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub review_timeout: Option<f64>,
    /// Settings of a sandbox.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sandbox_config: Option<Value>,
    /// Largest image that is sent, in bytes of its file; larger ones are made smaller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_image_bytes: Option<u64>,
    /// Settings of the benchmark's own.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub extra_params: Map<String, Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_counts_shares_or_nothing() {
        for (limit, all, most) in [
            (Limit::Count(5), 10, 5),
            (Limit::Count(50), 10, 10),
            (Limit::Count(0), 10, 10),
            (Limit::Share(0.25), 10, 2),
            (Limit::Share(3.0), 10, 3),
            (Limit::Share(0.0), 10, 10),
        ] {
            assert_eq!(limit.of(all), most, "{limit:?}");
        }
    }

    #[test]
    fn a_flag_is_a_count_or_a_share() {
        assert_eq!((Limit::parse("5"), Limit::parse("5.0")), (Ok(Limit::Count(5)), Ok(Limit::Count(5))));
        assert_eq!(Limit::parse("0.25"), Ok(Limit::Share(0.25)));
        for odd in ["-1", "-0.5", "x", "nan", "inf", ""] {
            assert!(Limit::parse(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn unknown_keys_are_refused_with_the_known_ones() {
        let read: Result<DatasetArgs, _> = serde_json::from_str(r#"{"few_shot": 3}"#);
        let told = read.map_err(|error| error.to_string()).err().unwrap_or_default();
        assert!(told.contains("few_shot_num") && told.contains("subset_list"), "{told}");
    }
}
