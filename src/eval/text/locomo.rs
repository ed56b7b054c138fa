//! F1 of stems, as LoCoMo scores answers about long talks.
//!
//! A. Maharana and others, Evaluating very long-term conversational memory of LLM agents, ACL 2024.

use unicode_normalization::UnicodeNormalization;

use super::porter::stem;
use super::squad::{token_f1, without_punctuation};
use super::words::words;

/// What a question asks for decides how its answer is scored.
const SEVERAL: u64 = 1;
const COMMON_SENSE: u64 = 3;
const NOT_SAID: u64 = 5;

/// The score of an answer: for questions with several answers the mean of the best F1 of each, for those that nothing was
/// said about whether the answer says so, else the F1 of stems.
pub fn score(prediction: &str, reference: &str, category: u64) -> f64 {
    match category {
        NOT_SAID => {
            let lower = prediction.to_lowercase();
            f64::from(lower.contains("no information available") || lower.contains("not mentioned"))
        }
        SEVERAL => {
            let given: Vec<Vec<String>> = prediction.split(',').map(stems).collect();
            let wanted: Vec<f64> = reference.split(',').map(|reference| best(&given, &stems(reference))).collect();
            wanted.iter().sum::<f64>() / wanted.len().max(1) as f64
        }
        COMMON_SENSE => token_f1(&stems(prediction), &stems(reference.split(';').next().unwrap_or_default())),
        _ => token_f1(&stems(prediction), &stems(reference)),
    }
}

fn best(given: &[Vec<String>], wanted: &[String]) -> f64 {
    given.iter().map(|given| token_f1(given, wanted)).fold(0.0, f64::max)
}

/// The stems of the words, lowered, without punctuation, articles and `and`.
fn stems(text: &str) -> Vec<String> {
    let plain = without_punctuation(&text.nfd().collect::<String>().to_lowercase());
    words(&without_small_words(&plain)).map(stem).collect()
}

/// The text with a blank for each article and `and`. Accents stand apart here and end a word, as they do in Python.
fn without_small_words(text: &str) -> String {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let inside = in_word(first);
        let end = rest.find(|c: char| in_word(c) != inside).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        kept.push_str(if ["a", "an", "the", "and"].contains(&run) { " " } else { run });
        rest = after;
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stems_count_and_small_words_do_not() {
        assert_eq!(score("The cats and a dog", "cat, dogs", 4), 1.0);
        assert!((score("Paris in May", "Paris", 4) - 0.5).abs() < 1e-12);
        assert_eq!(score("", "Paris", 4), 0.0);
    }

    #[test]
    fn categories_have_rules_of_their_own() {
        assert_eq!(score("tea, Paris", "Paris, coffee", 1), 0.5);
        assert_eq!(score("likely yes", "likely yes; she said so", 3), 1.0);
        assert_eq!(score("It is not mentioned.", "anything", 5), 1.0);
        assert_eq!(score("In May", "anything", 5), 0.0);
    }

    proptest! {
        #[test]
        fn a_score_is_a_share(left in "\\PC{0,60}", right in "\\PC{0,60}", category in 0_u64..6) {
            let score = score(&left, &right, category);
            prop_assert!((0.0..=1.0).contains(&score));
        }
    }
}
