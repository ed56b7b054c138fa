//! Exact match and token F1 of short answers, as SQuAD 1.1 scores them.
//!
//! P. Rajpurkar and others, SQuAD: 100,000+ questions for machine comprehension of text, EMNLP 2016.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::LazyLock;

use regex::Regex;

use super::pattern::pattern;
use super::words::{squeezed, words};

static ARTICLES: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b(?:a|an|the)\b"));

/// The best exact match and the best F1 over the right answers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ExactAndF1 {
    /// 1 where an answer is equal, else 0.
    pub exact_match: f64,
    /// The harmonic mean of the shares of tokens in common.
    pub f1: f64,
}

/// Articles as whole words become blanks.
pub(crate) fn without_articles(text: &str) -> String {
    ARTICLES.replace_all(text, " ").into_owned()
}

/// The text without the punctuation of ASCII.
pub(crate) fn without_punctuation(text: &str) -> String {
    text.chars().filter(|c| !c.is_ascii_punctuation()).collect()
}

/// SQuAD's form of an answer: lowered, without punctuation and articles, one space between words.
pub fn squad_normalized(text: &str) -> String {
    squeezed(&without_articles(&without_punctuation(&text.to_lowercase())))
}

/// The figures of a prediction against several right answers; 0 where there are none.
pub fn squad(prediction: &str, answers: &[String]) -> ExactAndF1 {
    let prediction = squad_normalized(prediction);
    let mut best = ExactAndF1::default();
    for answer in answers {
        let answer = squad_normalized(answer);
        best.exact_match = best.exact_match.max(f64::from(prediction == answer));
        let (left, right): (Vec<&str>, Vec<&str>) = (words(&prediction).collect(), words(&answer).collect());
        best.f1 = best.f1.max(token_f1(&left, &right));
    }
    best
}

/// The harmonic mean of the shares of tokens in common, each counted as often as it is in both; 0 without any.
pub fn token_f1<T: Eq + Hash>(prediction: &[T], reference: &[T]) -> f64 {
    let mut left: HashMap<&T, usize> = HashMap::new();
    for token in reference {
        *left.entry(token).or_default() += 1;
    }
    let mut common = 0;
    for token in prediction {
        if let Some(count) = left.get_mut(token).filter(|count| **count > 0) {
            *count -= 1;
            common += 1;
        }
    }
    if common == 0 {
        return 0.0;
    }
    let (precision, recall) = (common as f64 / prediction.len() as f64, common as f64 / reference.len() as f64);
    2.0 * precision * recall / (precision + recall)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::eval::agreement::{Agreement, cases};

    #[test]
    fn golden() {
        let mut scores = Agreement::new("text_metrics", "squad");
        let mut forms = Agreement::new("text_metrics", "squad.normalized");
        for case in cases("text_metrics").iter().filter(|case| case["kind"] == "squad") {
            let (id, expected) = (case["id"].as_str().unwrap(), &case["expected"]);
            let prediction = case["prediction"].as_str().unwrap();
            let list = |value: &serde_json::Value| -> Vec<String> {
                value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
            };
            let answers = list(&case["answers"]);
            let ours = squad(prediction, &answers);
            let near = |a: f64, field: &str| (a - expected[field].as_f64().unwrap()).abs() <= 1e-9;
            let equal = near(ours.exact_match, "em") && near(ours.f1, "f1");
            scores.judged(id, equal, || format!("{ours:?} {expected}"));
            let normalized: Vec<String> = answers.iter().map(|answer| squad_normalized(answer)).collect();
            let right = expected["normalized_prediction"].as_str().unwrap();
            let theirs = (right.to_owned(), list(&expected["normalized_answers"]));
            forms.row(id, &(squad_normalized(prediction), normalized), &theirs);
        }
        scores.check(1.0);
        forms.check(1.0);
    }

    proptest! {
        #[test]
        fn f1_is_symmetric_and_a_share(left in prop::collection::vec(0_u8..5, 0..20), right in prop::collection::vec(0_u8..5, 0..20)) {
            let f1 = token_f1(&left, &right);
            prop_assert!((0.0..=1.0 + 1e-12).contains(&f1));
            prop_assert!((f1 - token_f1(&right, &left)).abs() < 1e-12);
        }
    }
}
