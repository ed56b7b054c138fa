//! Yes, no and maybe.

use serde::Deserialize;
use toml::Table;

use super::super::super::sample::Sample;
use super::super::case::{Case, Marks, Taken};
use super::super::params::read;
use super::{Made, Score};

pub(super) const NAMES: &[&str] = &["verdict"];

pub(super) fn scorer(name: &str, params: &Table) -> Made {
    Ok(Box::new(read::<Verdict>(name, params)?))
}

/// Equal to the reference. Precision, recall, F1 and the share of each verdict are figures over all samples, made by the
/// aggregation from what is noted here.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Verdict {
    /// Whether the question may be undecided.
    maybe: bool,
}

impl Score for Verdict {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let right = case.sample.target_text().trim().to_uppercase();
        let answer = taken.text.trim().to_uppercase();
        Marks::one("accuracy", f64::from(answer == right)).noting("verdict", answer).noting("reference", right)
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        Some(sample.target_text().trim().to_uppercase())
    }

    fn wrong(&self, sample: &Sample) -> Option<String> {
        let right = sample.target_text().trim().to_uppercase();
        Some(if right == "YES" { "NO" } else { "YES" }.to_owned())
    }
}
