//! BLEU of one text as NLTK computes it, one order of n-grams at a time, as EvalScope reports it.

use std::collections::HashMap;
use std::hash::Hash;

use super::treebank::word_tokens;
use super::words::{chinese_words, has_chinese};

/// The shares of n-grams of each order, times the penalty for short predictions. Not the cumulative BLEU: each is of
/// its own order alone.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bleu {
    /// Orders 1 to 4.
    pub orders: [f64; 4],
}

/// EvalScope's `bleu-1` to `bleu-4`: words by jieba where a text has Chinese, else by NLTK's rules.
pub fn bleu(prediction: &str, reference: &str) -> Bleu {
    bleu_of_words(&bleu_words(prediction), &bleu_words(reference))
}

fn bleu_words(text: &str) -> Vec<String> {
    if has_chinese(text) { chinese_words(text).into_iter().map(str::to_owned).collect() } else { word_tokens(text) }
}

/// The same over words that were formed elsewhere.
pub fn bleu_of_words<T: Eq + Hash>(prediction: &[T], reference: &[T]) -> Bleu {
    if matches(prediction, reference, 1) == 0 {
        return Bleu::default();
    }
    let penalty = brevity_penalty(prediction.len(), reference.len());
    let order = |n: usize| {
        let found = matches(prediction, reference, n);
        let all = prediction.len().saturating_sub(n - 1).max(1);
        // Without a match NLTK takes the least positive number, so that its logarithm exists.
        let share = if found == 0 { f64::MIN_POSITIVE } else { found as f64 / all as f64 };
        penalty * share.ln().exp()
    };
    Bleu { orders: [order(1), order(2), order(3), order(4)] }
}

fn brevity_penalty(prediction: usize, reference: usize) -> f64 {
    match prediction {
        0 => 0.0,
        _ if prediction > reference => 1.0,
        _ => (1.0 - reference as f64 / prediction as f64).exp(),
    }
}

fn matches<T: Eq + Hash>(prediction: &[T], reference: &[T], order: usize) -> usize {
    let mut left: HashMap<&[T], usize> = HashMap::new();
    for gram in reference.windows(order) {
        *left.entry(gram).or_default() += 1;
    }
    let mut found = 0;
    for gram in prediction.windows(order) {
        if let Some(count) = left.get_mut(gram).filter(|count| **count > 0) {
            *count -= 1;
            found += 1;
        }
    }
    found
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]
mod tests {
    use super::*;
    use crate::eval::agreement::{Agreement, cases};

    #[test]
    fn golden() {
        let mut agreement = Agreement::new("text_metrics", "bleu_nltk");
        let mut given = Agreement::new("text_metrics", "bleu_nltk.given_tokens");
        for case in cases("text_metrics").iter().filter(|case| case["kind"] == "bleu_nltk") {
            let text = |field: &str| case[field].as_str().unwrap();
            let list = |field: &str| -> Vec<&str> {
                case[field].as_array().unwrap().iter().map(|token| token.as_str().unwrap()).collect()
            };
            let equal = |ours: Bleu| {
                let expected = (1..=4).map(|n| case["expected"][format!("bleu-{n}")].as_f64().unwrap());
                ours.orders.iter().zip(expected).all(|(a, b)| (a - b).abs() <= 1e-9)
            };
            let whole = bleu(text("prediction"), text("reference"));
            agreement.judged(text("id"), equal(whole), || format!("{whole:?} {}", case["expected"]));
            let scored = bleu_of_words(&list("prediction_tokens"), &list("reference_tokens"));
            given.judged(text("id"), equal(scored), || format!("{scored:?} {}", case["expected"]));
        }
        given.check(1.0);
        agreement.check(1.0);
    }

    #[test]
    fn a_text_is_like_itself() {
        let same = bleu("The cat sat on the mat.", "The cat sat on the mat.");
        assert!(same.orders.iter().all(|order| (order - 1.0).abs() < 1e-12));
        assert_eq!(bleu("", "x"), Bleu::default());
        assert_eq!(bleu("x", ""), Bleu::default());
    }
}
