//! Texts that are equal to a reference, or hold it.

use serde::Deserialize;
use toml::Table;

use super::super::super::sample::Sample;
use super::super::case::{Case, Marks, Taken};
use super::super::params::read;
use super::{Made, NONSENSE, Score};

pub(super) const NAMES: &[&str] = &["equal", "contains"];

pub(super) fn scorer(name: &str, params: &Table) -> Made {
    match name {
        "equal" => Ok(Box::new(read::<Equal>(name, params)?)),
        _ => Ok(Box::new(read::<Contains>(name, params)?)),
    }
}

/// Equal but for case and outer blanks, to any of the references.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Equal {
    metric: Option<String>,
}

fn plain(text: &str) -> String {
    text.trim().to_lowercase()
}

impl Score for Equal {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let answer = plain(&taken.text);
        let is_right = case.sample.targets().iter().any(|target| plain(target) == answer);
        Marks::one(self.metric.as_deref().unwrap_or("accuracy"), f64::from(is_right))
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        sample.targets().into_iter().next()
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        Some(NONSENSE.to_owned())
    }
}

/// The reply holds a reference.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Contains {
    metric: Option<String>,
    /// Whether blanks and line breaks are passed over on both sides.
    blanks: bool,
}

impl Score for Contains {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let form = |text: &str| -> String {
            let text = plain(text).replace('\n', " ");
            if self.blanks { text.split_whitespace().collect() } else { text }
        };
        let answer = form(&taken.text);
        let is_right = case.sample.targets().iter().any(|target| answer.contains(&form(target)));
        Marks::one(self.metric.as_deref().unwrap_or("accuracy"), f64::from(is_right))
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        sample.targets().into_iter().next()
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        Some(NONSENSE.to_owned())
    }
}
