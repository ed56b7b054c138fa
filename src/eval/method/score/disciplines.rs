//! Questions of many disciplines with pictures, some with options and some open: MMMU, CMMMU, PhyX.

use serde_json::Value;
use toml::Table;

use super::super::super::choice::{CmmmuKind, cmmmu_blank_matches, open_answer_matches, phyx_matches};
use super::super::super::sample::Sample;
use super::super::case::{Case, Marks, Taken};
use super::super::params::none;
use super::{Made, NONSENSE, Score, other_label};

pub(super) const NAMES: &[&str] = &["mmmu", "cmmmu", "phyx-mc"];

pub(super) fn scorer(name: &str, params: &Table) -> Made {
    none(name, params)?;
    Ok(match name {
        "mmmu" => Box::new(Open),
        "cmmmu" => Box::new(Cmmmu),
        _ => Box::new(Phyx),
    })
}

/// An open answer of MMMU is among the short texts and numbers of the reply.
struct Open;

impl Score for Open {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        Marks::one("accuracy", f64::from(open_answer_matches(&taken.text, &case.sample.targets())))
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        sample.targets().into_iter().next()
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        Some(NONSENSE.to_owned())
    }
}

/// Which kind of question a sample of CMMMU is.
pub(crate) fn cmmmu_kind(sample: &Sample) -> CmmmuKind {
    match sample.meta.get("type").and_then(Value::as_str) {
        Some("选择") => CmmmuKind::Choice,
        Some("判断") => CmmmuKind::Judgement,
        _ => CmmmuKind::Blank,
    }
}

/// The letters, the judgement or the text that fills the blank.
struct Cmmmu;

impl Score for Cmmmu {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let right = case.sample.target_text();
        let is_right = match cmmmu_kind(case.sample) {
            CmmmuKind::Choice | CmmmuKind::Judgement => taken.text == right,
            CmmmuKind::Blank => cmmmu_blank_matches(&taken.text, &right),
        };
        Marks::one("accuracy", f64::from(is_right))
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        Some(sample.target_text())
    }

    fn wrong(&self, sample: &Sample) -> Option<String> {
        let right = sample.target_text();
        Some(match cmmmu_kind(sample) {
            CmmmuKind::Choice => other_label(sample, &right.chars().map(String::from).collect::<Vec<_>>()),
            CmmmuKind::Judgement if right == "对" => "错".to_owned(),
            CmmmuKind::Judgement => "对".to_owned(),
            CmmmuKind::Blank => NONSENSE.to_owned(),
        })
    }
}

/// The letter of an option, or a reply that marks the option as the question prints it.
struct Phyx;

impl Score for Phyx {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let is_right = phyx_matches(&taken.text, &case.reply.text, &case.sample.target_text());
        Marks::one("accuracy", f64::from(is_right))
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        sample.targets().into_iter().next()
    }

    fn wrong(&self, sample: &Sample) -> Option<String> {
        Some(other_label(sample, &sample.targets()))
    }
}
