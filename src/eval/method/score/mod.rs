//! Scorers: what an answer is worth.
//!
//! | file | noun |
//! |---|---|
//! | `disciplines` | letters and open answers of MMMU, CMMMU and PhyX |
//! | `instructions` | instructions that a program can verify |
//! | `letters` | one label, or a set of them |
//! | `maths` | answers of mathematics |
//! | `overlaps` | texts that share words with a reference |
//! | `readings` | readings of instruments |
//! | `texts` | equality, containment |
//! | `verdicts` | yes, no and maybe |
//! | `vqa` | short answers to questions on pictures |

mod disciplines;
mod instructions;
mod letters;
mod maths;
mod overlaps;
mod readings;
mod texts;
mod verdicts;
mod vqa;

pub(super) use disciplines::cmmmu_kind;
use toml::Table;

use super::super::sample::Sample;
use super::case::{Case, Marks, Taken};
use crate::error::known;

/// Says what an answer is worth.
pub trait Score: Send + Sync {
    /// Its marks.
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks;

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
    (disciplines::NAMES, disciplines::scorer),
    (instructions::NAMES, instructions::scorer),
    (letters::NAMES, letters::scorer),
    (maths::NAMES, maths::scorer),
    (overlaps::NAMES, overlaps::scorer),
    (readings::NAMES, readings::scorer),
    (texts::NAMES, texts::scorer),
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

/// A text that no reference is likely to hold.
const NONSENSE: &str = "zzqx";

/// A label of the options that is not among these; one beyond them where all are.
fn other_label(sample: &Sample, right: &[String]) -> String {
    let labels = sample.labels();
    labels.into_iter().find(|label| !right.contains(label)).unwrap_or_else(|| NONSENSE.to_owned())
}
