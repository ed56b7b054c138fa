//! Scorers: what an answer is worth.
//!
//! | file | noun |
//! |---|---|
//! | `letters` | one label, or a set of them |
//! | `texts` | equality, aliases, containment |
//! | `verdicts` | yes, no and maybe |

mod letters;
mod texts;
mod verdicts;

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
    (letters::NAMES, letters::scorer),
    (texts::NAMES, texts::scorer),
    (verdicts::NAMES, verdicts::scorer),
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
