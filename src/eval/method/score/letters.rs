//! One label of the options, or a set of them.

use serde::Deserialize;
use toml::Table;

use super::super::super::choice::{letter_set_accuracy, letters_f1, multi_choice_accuracy};
use super::super::super::sample::Sample;
use super::super::case::{Case, Marks, Taken};
use super::super::params::{none, read};
use super::{Made, Score, other_label};

pub(super) const NAMES: &[&str] = &["letter", "letters", "multi-label"];

pub(super) fn scorer(name: &str, params: &Table) -> Made {
    match name {
        "letter" => none(name, params).map(|()| Box::new(Letter) as Box<dyn Score>),
        "multi-label" => none(name, params).map(|()| Box::new(MultiLabel) as Box<dyn Score>),
        _ => Ok(Box::new(read::<Letters>(name, params)?)),
    }
}

/// The label equals what is right, or one of several that are.
struct Letter;

impl Score for Letter {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let answer = taken.text.trim();
        let is_right =
            !answer.is_empty() && case.sample.targets().iter().any(|target| target.trim().eq_ignore_ascii_case(answer));
        Marks::one("accuracy", f64::from(is_right))
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        sample.targets().into_iter().next()
    }

    fn wrong(&self, sample: &Sample) -> Option<String> {
        Some(other_label(sample, &sample.targets()))
    }
}

/// What a set with some of the right labels is worth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Policy {
    /// Nothing.
    #[default]
    Exact,
    /// The share of them, unless there is a wrong one.
    Partial,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Letters {
    policy: Policy,
    /// What the metric is called.
    metric: Option<String>,
}

fn joined(sample: &Sample) -> String {
    sample.targets().concat()
}

impl Score for Letters {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let right = joined(case.sample);
        let (name, value) = match self.policy {
            Policy::Exact => ("accuracy", letter_set_accuracy(&taken.text, &right)),
            Policy::Partial => ("multi_choice_acc", multi_choice_accuracy(&taken.text, &right)),
        };
        Marks::one(self.metric.as_deref().unwrap_or(name), value)
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        Some(joined(sample)).filter(|right| !right.is_empty())
    }

    fn wrong(&self, sample: &Sample) -> Option<String> {
        let right: Vec<String> = joined(sample).chars().map(String::from).collect();
        Some(other_label(sample, &right))
    }
}

/// F1 of a set of labels, and whether it is the right one. The figures over all samples are made by the aggregation.
struct MultiLabel;

impl Score for MultiLabel {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let right = joined(case.sample);
        let labels: Vec<char> = case.sample.labels().iter().filter_map(|label| label.chars().next()).collect();
        let f1 = letters_f1(&taken.text, &right, &labels);
        let exact = letter_set_accuracy(&taken.text, &right);
        Marks::of([("f1_weighted", f1), ("f1_micro", f1), ("f1_macro", f1), ("exact_match", exact)])
            .noting("prediction", taken.text.as_str())
            .noting("reference", right)
            .noting("labels", labels.iter().collect::<String>())
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        Some(joined(sample)).filter(|right| !right.is_empty())
    }

    fn wrong(&self, sample: &Sample) -> Option<String> {
        let right: Vec<String> = joined(sample).chars().map(String::from).collect();
        Some(other_label(sample, &right))
    }
}
