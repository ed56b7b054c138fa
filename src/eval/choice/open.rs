//! Open answers in the manner of MMMU: short texts and numbers out of a reply, compared with the reference.

use std::sync::LazyLock;

use regex::Regex;

use crate::eval::text::number::{python_float, round_half_even};
use crate::eval::text::pattern::pattern;

/// An answer as MMMU compares it.
#[derive(Clone, Debug, PartialEq)]
pub enum OpenAnswer {
    /// A number, rounded to two decimals.
    Number(f64),
    /// A text in lower case.
    Text(String),
}

/// Words after which an answer tends to stand.
const INDICATORS: [&str; 8] = ["could be ", "so ", "is ", "thus ", "therefore ", "final ", "answer ", "result "];
const TRIVIAL: [&str; 7] = [":", ",", ".", "!", "?", ";", "'"];

static COMMAS: LazyLock<Regex> = LazyLock::new(|| pattern(r"-?\b[0-9]{1,3}(?:,[0-9]{3})+\b"));
static SCIENTIFIC: LazyLock<Regex> = LazyLock::new(|| pattern(r"-?[0-9]+(?:\.[0-9]+)?[eE][+-]?[0-9]+"));
/// The same where a text begins.
static SCIENTIFIC_FIRST: LazyLock<Regex> = LazyLock::new(|| pattern(r"^-?[0-9]+(?:\.[0-9]+)?[eE][+-]?[0-9]+"));
static SIMPLE: LazyLock<Regex> = LazyLock::new(|| pattern(r"-?(?:[0-9]+\.[0-9]+|\.[0-9]+|[0-9]+\b)"));

/// Whether any answer in the reply is one of the references: equal as a number, or a text that contains it.
pub fn open_answer_matches(reply: &str, references: &[String]) -> bool {
    let right: Vec<OpenAnswer> = references.iter().flat_map(|reference| normalized(reference)).collect();
    open_answers(reply).iter().any(|answer| match answer {
        OpenAnswer::Number(_) => right.contains(answer),
        OpenAnswer::Text(text) => {
            right.iter().any(|right| matches!(right, OpenAnswer::Text(part) if text.contains(part.as_str())))
        }
    })
}

/// The answers that a reply may hold: what follows telling words in its sentences, and the numbers in that.
pub fn open_answers(reply: &str) -> Vec<OpenAnswer> {
    let parts = telling_parts(reply);
    let numbers = parts.iter().flat_map(|part| numbers(part));
    let mut found: Vec<OpenAnswer> = Vec::new();
    for answer in parts.iter().cloned().chain(numbers).flat_map(|text| normalized(&text)) {
        if !found.contains(&answer) {
            found.push(answer);
        }
    }
    found
}

/// The shortest text after a telling word, for every sentence that has one; the whole reply where none has.
fn telling_parts(reply: &str) -> Vec<String> {
    let reply = reply.trim().trim_matches('.').to_lowercase();
    let sentences = sentences(&reply);
    let last = sentences.len().saturating_sub(1);
    let mut parts = Vec::new();
    for (index, sentence) in sentences.iter().enumerate() {
        // Only the last sentence may be an equation.
        let words = INDICATORS.iter().copied().chain((index == last).then_some("="));
        let after = words.filter_map(|word| Some(sentence.rsplit_once(word)?.1.trim()));
        if let Some(shortest) = after.min_by_key(|text| text.chars().count())
            && !shortest.is_empty()
            && !TRIVIAL.contains(&shortest)
        {
            parts.push(shortest.to_owned());
        }
    }
    if parts.is_empty() { vec![reply.clone()] } else { parts }
}

/// Lines, and parts of lines after a full stop with a blank that is followed by a capital letter.
fn sentences(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for line in text.split('\n') {
        let mut start = 0;
        for (at, _) in line.match_indices('.') {
            let mut after = line.get(at + 1..).unwrap_or_default().chars();
            if let (Some(blank), Some(capital)) = (after.next(), after.next())
                && blank.is_whitespace()
                && capital.is_ascii_uppercase()
            {
                found.push(line.get(start..at).unwrap_or_default());
                start = at + 1 + blank.len_utf8();
            }
        }
        found.push(line.get(start..).unwrap_or_default());
    }
    found
}

/// Numbers with commas, in scientific notation, and plain ones.
fn numbers(text: &str) -> Vec<String> {
    let plain = SIMPLE.find_iter(text).filter(|found| {
        let rest = text.get(found.end()..).unwrap_or_default();
        let grouped = rest.strip_prefix(',').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        !grouped && !SCIENTIFIC_FIRST.is_match(text.get(found.start()..).unwrap_or_default())
    });
    let all = COMMAS.find_iter(text).chain(SCIENTIFIC.find_iter(text)).chain(plain);
    all.map(|found| found.as_str().to_owned()).collect()
}

/// A number rounded to two decimals, or a text in lower case; a single character needs a blank beside it, so that it is
/// not found within a word.
fn normalized(text: &str) -> Vec<OpenAnswer> {
    let text = text.trim();
    if let Some(number) = python_float(&text.replace(',', "")) {
        return vec![OpenAnswer::Number(round_half_even(number, 2))];
    }
    let lower = text.to_lowercase();
    if lower.chars().count() == 1 {
        return vec![OpenAnswer::Text(format!(" {lower}")), OpenAnswer::Text(format!("{lower} "))];
    }
    vec![OpenAnswer::Text(lower)]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_and_texts() {
        let right = |reply: &str, reference: &str| open_answer_matches(reply, &[reference.to_owned()]);
        assert!(right("We add them. So the result is 1,234.50", "1234.5"));
        assert!(right("x = 3", "3"));
        assert!(right("It is the Mona Lisa.", "mona lisa"));
        assert!(!right("It is 4.", "5"));
        assert!(!right("", "5"));
        assert!(right("the value is 1e3", "1000"));
    }

    proptest! {
        #[test]
        fn any_reply_is_read(reply in "(is |so |[0-9,.eE\\-]|\\PC|\n){0,60}") {
            let _ = open_answers(&reply);
        }
    }
}
