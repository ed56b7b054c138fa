//! DocMath's own answers: a phrase before the answer, and truth values.

use std::sync::LazyLock;

use regex::Regex;

use super::answer::{self, Answer, Place};
use super::equality::Verdict;
use super::rule;

/// The share of the reference by which a number may differ.
pub const TOLERANCE: f64 = 0.0015;

static PHRASE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)therefore,?\s+the\s+(?:final\s+)?answer\s+is[:\s]*([^\n]*)").ok());

/// The truth value that a text ends with: `true`, `yes`, `false` or `no` as its last word.
pub fn boolean(text: &str) -> Option<bool> {
    let mut words = text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    match words.next_back()?.to_lowercase().as_str() {
        "true" | "yes" => Some(true),
        "false" | "no" => Some(false),
        _ => None,
    }
}

/// The answer of a reply: what the last "Therefore, the answer is" says where that ends in a truth value, else the
/// answer of a mathematical reply.
pub fn answer(reply: &str) -> Option<Answer> {
    let phrased = PHRASE.as_ref().and_then(|phrase| phrase.captures_iter(reply).last()?.get(1));
    let value = phrased.and_then(|found| boolean(found.as_str())).or_else(|| boolean(reply));
    match value {
        Some(value) => Some(Answer { text: value.to_string(), place: Place::Phrase }),
        None => answer::answer(reply).map(unbracketed),
    }
}

/// The phrase asks for the answer in brackets.
fn unbracketed(answer: Answer) -> Answer {
    let inside = answer.text.strip_prefix('(').and_then(|text| text.strip_suffix(')'));
    match inside.filter(|inside| !inside.contains(['(', ')'])) {
        Some(inside) => Answer { text: inside.trim().to_owned(), place: answer.place },
        None => answer,
    }
}

/// Compares with a reference that is a truth value or a number; numbers may differ by [`TOLERANCE`] of the reference.
pub fn judge(gold: &str, prediction: &str) -> Verdict {
    if let Some(gold) = single(gold) {
        return match boolean(prediction) {
            Some(prediction) if prediction == gold => Verdict::Equal,
            _ if prediction.trim().is_empty() => Verdict::NoPrediction,
            _ => Verdict::Different,
        };
    }
    rule::relative(gold, prediction, TOLERANCE)
}

/// A text that is a truth value and nothing else.
fn single(text: &str) -> Option<bool> {
    let word = text.trim();
    if word.contains(char::is_whitespace) { None } else { boolean(word) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(reply: &str) -> String {
        answer(reply).map(|answer| answer.text).unwrap_or_default()
    }

    #[test]
    fn truth_values_stand_at_the_end() {
        assert_eq!(text("So it rose. Therefore, the answer is (True)."), "true");
        assert_eq!(text("No doubt. The answer is no"), "false");
        assert_eq!(judge("True", "true"), Verdict::Equal);
        assert_eq!(judge("False", "true"), Verdict::Different);
    }

    #[test]
    fn numbers_have_a_tolerance() {
        assert_eq!(text("Therefore, the answer is (1,234.5)."), "1,234.5");
        assert_eq!(judge("1234.5", "1,234.6"), Verdict::Equal);
        assert_eq!(judge("1234.5", "1,239"), Verdict::Different);
        assert_eq!(judge("1234.5", ""), Verdict::NoPrediction);
    }
}
