//! Scorers: what an answer is worth.
//!
//! | file | noun |
//! |---|---|
//! | `calls` | calls of functions |
//! | `decisions` | probabilities of options |
//! | `delegated` | samples of a mixture, each as its own benchmark scores |
//! | `disciplines` | letters and open answers of MMMU, CMMMU and PhyX |
//! | `forms` | answers with a grammar of their own |
//! | `grounding` | boxes, points, captions of parts of pictures; needles in texts |
//! | `instructions` | instructions that a program can verify |
//! | `letters` | one label, or a set of them |
//! | `maths` | answers of mathematics |
//! | `overlaps` | texts that share words with a reference |
//! | `pictures` | answers on pictures by rules of one benchmark each |
//! | `readings` | readings of instruments |
//! | `tags` | named entities between tags |
//! | `texts` | equality, containment |
//! | `vendors` | calls by their schemas; whether an endpoint serves a model as its makers do |
//! | `verdicts` | yes, no and maybe |
//! | `vqa` | short answers to questions on pictures |

mod calls;
mod decisions;
mod delegated;
mod disciplines;
mod forms;
mod grounding;
mod instructions;
mod letters;
mod maths;
mod overlaps;
mod pictures;
mod readings;
#[cfg(test)]
mod structured_tests;
mod tags;
mod texts;
mod vendors;
mod verdicts;
mod vqa;

pub(super) use calls::is_native;
pub(super) use disciplines::cmmmu_kind;
pub(super) use grounding::writing;
pub(super) use pictures::tir_task;
pub use tags::noted_tags;

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;
use toml::Table;

use super::super::card::Catalog;
use super::super::sample::{Sample, spelled};
use super::case::{Case, Marks, Taken};
use crate::error::known;

/// Says what an answer is worth.
pub trait Score: Send + Sync {
    /// Its marks.
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks;

    /// Whether the server's refusal of a request is an answer too.
    fn weighs_refusals(&self) -> bool {
        false
    }

    /// Tells it the cards of the run, where it scores by those of others.
    fn know(&mut self, _catalog: &Arc<Catalog>) {}

    /// An answer that scores 1; `None` where it cannot be told from the sample alone.
    fn right(&self, sample: &Sample) -> Option<String>;

    /// An answer that scores 0.
    fn wrong(&self, sample: &Sample) -> Option<String>;
}

/// A scorer, or why it cannot be made.
type Made = Result<Box<dyn Score>, String>;

/// A family of scorers: its names, and what makes one of them.
type Family = (&'static [&'static str], fn(&str, &Table) -> Made);

/// Every family.
const FAMILIES: &[Family] = &[
    (calls::NAMES, calls::scorer),
    (decisions::NAMES, decisions::scorer),
    (delegated::NAMES, delegated::scorer),
    (disciplines::NAMES, disciplines::scorer),
    (forms::NAMES, forms::scorer),
    (grounding::NAMES, grounding::scorer),
    (instructions::NAMES, instructions::scorer),
    (letters::NAMES, letters::scorer),
    (maths::NAMES, maths::scorer),
    (overlaps::NAMES, overlaps::scorer),
    (pictures::NAMES, pictures::scorer),
    (readings::NAMES, readings::scorer),
    (tags::NAMES, tags::scorer),
    (texts::NAMES, texts::scorer),
    (vendors::NAMES, vendors::scorer),
    (verdicts::NAMES, verdicts::scorer),
    (vqa::NAMES, vqa::scorer),
];

/// The scorer of a name.
///
/// # Errors
/// In words, when there is none of that name, or it does not take a parameter.
pub fn scorer(name: &str, params: &Table) -> Made {
    for (names, make) in FAMILIES {
        if names.contains(&name) {
            return make(name, params);
        }
    }
    let all = FAMILIES.iter().flat_map(|(names, _)| names.iter());
    Err(format!("{name:?}: no such scorer; known are {}", known(all)))
}

/// What is noted of a sample under a name.
fn noted<'a>(sample: &'a Sample, name: &str) -> Option<&'a Value> {
    sample.meta.get(name)
}

/// The same as text; empty where there is none.
pub(super) fn noted_text<'a>(sample: &'a Sample, name: &str) -> &'a str {
    noted(sample, name).and_then(Value::as_str).unwrap_or_default()
}

/// The same as a list of texts; empty where there is none.
fn noted_list(sample: &Sample, name: &str) -> Vec<String> {
    noted(sample, name).and_then(Value::as_array).into_iter().flatten().map(spelled).collect()
}

/// The same as a structure; `None` where it is none.
pub(super) fn noted_as<T: DeserializeOwned>(sample: &Sample, name: &str) -> Option<T> {
    serde_json::from_value(noted(sample, name)?.clone()).ok()
}

/// A text that no reference is likely to hold.
const NONSENSE: &str = "zzqx";

/// A label of the options that is not among these; one beyond them where all are.
fn other_label(sample: &Sample, right: &[String]) -> String {
    let labels = sample.labels();
    labels.into_iter().find(|label| !right.contains(label)).unwrap_or_else(|| NONSENSE.to_owned())
}
