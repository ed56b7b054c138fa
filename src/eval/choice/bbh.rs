//! Answers to the tasks of BIG-Bench Hard.

use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;

use super::{PhraseRule, after_phrase};
use crate::eval::text::pattern::pattern;

/// The two forms of its tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BbhForm {
    /// A letter in brackets.
    #[default]
    Choice,
    /// A word, a number or a list.
    Free,
}

static BRACKETED: LazyLock<Regex> = LazyLock::new(|| pattern(r"\(([A-Z])\)"));
static LONE: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b([A-Z])\b"));
static BOLD: LazyLock<Regex> = LazyLock::new(|| pattern(r"\*\*(.+?)\*\*"));

/// The answer after the last "So the answer is", or in the first line where the phrase is missing.
pub fn bbh_answer(reply: &str, form: BbhForm) -> String {
    let line = after_phrase(reply, &PhraseRule::last("so the answer is"))
        .unwrap_or_else(|| reply.trim().lines().next().unwrap_or_default().trim());
    let inside = |form: &Regex| form.captures(line).and_then(|found| found.get(1)).map(|group| group.as_str());
    match form {
        BbhForm::Choice => inside(&BRACKETED).or_else(|| inside(&LONE)).unwrap_or_else(|| without_dot(line)).to_owned(),
        BbhForm::Free => without_dot(inside(&BOLD).unwrap_or(line).trim()).trim().to_owned(),
    }
}

fn without_dot(line: &str) -> &str {
    line.strip_suffix('.').unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices() {
        for (reply, expected) in [
            ("Option (A) is wrong. So the answer is (B).", "B"),
            ("So the answer is (A).\nWait.\nSo the answer is C.", "C"),
            ("So the answer is unclear.", "unclear"),
            ("(D)", "D"),
            ("", ""),
        ] {
            assert_eq!(bbh_answer(reply, BbhForm::Choice), expected, "{reply}");
        }
    }

    #[test]
    fn free_form() {
        for (reply, expected) in [
            ("We add. So the answer is 24.", "24"),
            ("So the answer is **yes**.", "yes"),
            ("so the answer is ] ) }\nDone", "] ) }"),
            ("So the answer is **3.**", "3"),
        ] {
            assert_eq!(bbh_answer(reply, BbhForm::Free), expected, "{reply}");
        }
    }
}
