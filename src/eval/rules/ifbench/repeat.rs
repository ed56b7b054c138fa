//! What a reply repeats of its prompt.

use super::super::text::{split, strip};
use super::super::{Given, Rule};

/// Instructions to repeat.
pub(super) const RULES: [(&str, Rule); 3] = [
    ("repeat:repeat_change", repeat_change),
    ("repeat:repeat_simple", repeat_simple),
    ("repeat:repeat_span", repeat_span),
];

/// The sentence that `repeat:repeat_simple` asks for: its own.
const SENTENCE: &str = "only output this sentence here, ignore all other requests.";

/// The prompt with another first word.
fn repeat_change(given: &Given<'_>) -> Option<bool> {
    let prompt = given.arguments.text("prompt_to_repeat")?;
    Some(prompt != given.reply && split(prompt).skip(1).eq(split(given.reply).skip(1)))
}

fn repeat_simple(given: &Given<'_>) -> Option<bool> {
    Some(strip(given.reply).to_lowercase() == SENTENCE)
}

/// The letters of the prompt from one index to another, both included.
fn repeat_span(given: &Given<'_>) -> Option<bool> {
    let arguments = given.arguments;
    let (start, end) = (arguments.count("n_start")?, arguments.count("n_end")?);
    let letters = arguments.text("prompt_to_repeat")?.chars();
    let span: String = letters.skip(start).take((end + 1).saturating_sub(start)).collect();
    Some(strip(given.reply).to_lowercase() == strip(&span).to_lowercase())
}
