//! ROUGE: n-grams and subsequences in common.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

use serde::Deserialize;

use super::lcs::{lcs_length, lcs_positions};
use super::porter::stem;
use super::words::{segmented, words};

/// Precision, recall and their harmonic mean.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Overlap {
    /// Share of the prediction that is in the reference.
    pub precision: f64,
    /// Share of the reference that is in the prediction.
    pub recall: f64,
    /// Their harmonic mean, 0 where both are.
    pub f1: f64,
}

impl Overlap {
    fn of(common: usize, predicted: usize, right: usize) -> Self {
        let share = |whole: usize| common as f64 / whole.max(1) as f64;
        let (precision, recall) = (share(predicted), share(right));
        let sum = precision + recall;
        Self { precision, recall, f1: if sum > 0.0 { 2.0 * precision * recall / sum } else { 0.0 } }
    }

    /// As rouge-chinese has it: 1e-8 more in the denominator, so that a perfect match is a little below 1.
    fn chinese(common: usize, predicted: usize, right: usize) -> Self {
        let share = |whole: usize| if whole == 0 { 0.0 } else { common as f64 / whole as f64 };
        let (precision, recall) = (share(predicted), share(right));
        Self { precision, recall, f1: 2.0 * (precision * recall / (precision + recall + 1e-8)) }
    }
}

/// ROUGE of one text: single words, pairs, the longest common subsequence.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rouge {
    /// ROUGE-1.
    pub one: Overlap,
    /// ROUGE-2.
    pub two: Overlap,
    /// ROUGE-L.
    pub longest: Overlap,
}

/// How the words of rouge_score are formed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stemming {
    /// As they are.
    #[default]
    Off,
    /// Words of more than three letters by their stem.
    Porter,
}

/// The words of rouge_score: runs of a to z and digits in the lowered text.
pub fn rouge_words(text: &str, stemming: Stemming) -> Vec<String> {
    let lower = text.to_lowercase();
    let runs = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|run| !run.is_empty());
    let form = |run: &str| match stemming {
        Stemming::Porter if run.len() > 3 => stem(run),
        _ => run.to_owned(),
    };
    runs.map(form).collect()
}

/// ROUGE over words that were formed elsewhere; repeated n-grams count as often as in the other text at most.
pub fn rouge_of_words<T: Eq + Hash>(prediction: &[T], reference: &[T]) -> Rouge {
    Rouge {
        one: by_grams(prediction, reference, 1),
        two: by_grams(prediction, reference, 2),
        longest: if prediction.is_empty() || reference.is_empty() {
            Overlap::default()
        } else {
            Overlap::of(lcs_length(reference, prediction), prediction.len(), reference.len())
        },
    }
}

fn by_grams<T: Eq + Hash>(prediction: &[T], reference: &[T], order: usize) -> Overlap {
    let counts = |items: &[T]| items.windows(order).count();
    let mut right: HashMap<&[T], usize> = HashMap::new();
    for gram in reference.windows(order) {
        *right.entry(gram).or_default() += 1;
    }
    let mut common = 0;
    for gram in prediction.windows(order) {
        if let Some(left) = right.get_mut(gram).filter(|left| **left > 0) {
            *left -= 1;
            common += 1;
        }
    }
    Overlap::of(common, counts(prediction), counts(reference))
}

/// EvalScope's ROUGE of English texts: words between blanks as they are.
pub fn rouge_english(prediction: &str, reference: &str) -> Rouge {
    let list = |text| words(text).collect::<Vec<_>>();
    rouge_of_words(&list(prediction), &list(reference))
}

/// EvalScope's ROUGE of its questions and answers, whatever the language: over words of jieba where a text has Chinese, else
/// over those between blanks; an empty text has none and gets 0.
pub fn rouge_chinese(prediction: &str, reference: &str) -> Rouge {
    rouge_chinese_of_words(&segmented(prediction), &segmented(reference))
}

/// The same over words that were formed elsewhere. ROUGE-1 and ROUGE-2 count distinct n-grams.
pub fn rouge_chinese_of_words(prediction: &[&str], reference: &[&str]) -> Rouge {
    if prediction.is_empty() || reference.is_empty() {
        return Rouge::default();
    }
    let distinct = |order: usize| {
        let (left, right): (BTreeSet<&[&str]>, BTreeSet<&[&str]>) =
            (prediction.windows(order).collect(), reference.windows(order).collect());
        Overlap::chinese(left.intersection(&right).count(), left.len(), right.len())
    };
    let longest = Overlap::chinese(lcs_length(reference, prediction), prediction.len(), reference.len());
    Rouge { one: distinct(1), two: distinct(2), longest }
}

/// ROUGE as rouge_score computes it.
pub fn rouge_score(prediction: &str, reference: &str, stemming: Stemming) -> Rouge {
    rouge_of_words(&rouge_words(prediction, stemming), &rouge_words(reference, stemming))
}

/// A line counts with so many of its first words in [`rouge_l_sum`], which keeps a table of all pairs in bits.
const LINE_WORDS: usize = 20_000;

/// rouge_score's ROUGE-Lsum: for every line of the reference what it has in common with any line of the prediction.
pub fn rouge_l_sum(prediction: &str, reference: &str, stemming: Stemming) -> Overlap {
    let lines = |text: &str| -> Vec<Vec<String>> {
        let of_line = |line| rouge_words(line, stemming).into_iter().take(LINE_WORDS).collect();
        text.split('\n').filter(|line| !line.is_empty()).map(of_line).collect()
    };
    let (predicted, right) = (lines(prediction), lines(reference));
    let total = |lines: &[Vec<String>]| lines.iter().map(Vec::len).sum::<usize>();
    let (predicted_words, right_words) = (total(&predicted), total(&right));
    if predicted_words == 0 || right_words == 0 {
        return Overlap::default();
    }
    let mut left_over = counts(&predicted);
    let mut right_over = counts(&right);
    let mut hits = 0;
    for line in &right {
        let union: BTreeSet<usize> = predicted.iter().flat_map(|other| lcs_positions(line, other)).collect();
        for word in union.into_iter().filter_map(|index| line.get(index)) {
            if let (Some(a @ 1..), Some(b @ 1..)) = (left_over.get_mut(word), right_over.get_mut(word)) {
                *a -= 1;
                *b -= 1;
                hits += 1;
            }
        }
    }
    Overlap::of(hits, predicted_words, right_words)
}

fn counts(lines: &[Vec<String>]) -> HashMap<String, usize> {
    let mut counted = HashMap::new();
    for word in lines.iter().flatten() {
        *counted.entry(word.clone()).or_default() += 1;
    }
    counted
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::eval::agreement::{Agreement, cases};

    fn near(overlap: Overlap, expected: &Value) -> bool {
        let expected: Vec<f64> = expected.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect();
        let ours = [overlap.precision, overlap.recall, overlap.f1];
        ours.iter().zip(expected).all(|(a, b)| (a - b).abs() <= 1e-9)
    }

    fn text<'a>(case: &'a Value, field: &str) -> &'a str {
        case[field].as_str().unwrap()
    }

    #[test]
    fn golden_rouge_score() {
        for (column, stemming) in [("rouge_score", Stemming::Off), ("rouge_score_stem", Stemming::Porter)] {
            let mut agreement = Agreement::new("text_metrics", &format!("rouge.{column}"));
            for case in cases("text_metrics").iter().filter(|case| case["kind"] == "rouge") {
                let (prediction, reference) = (text(case, "prediction"), text(case, "reference"));
                let rouge = rouge_score(prediction, reference, stemming);
                let sum = rouge_l_sum(prediction, reference, stemming);
                let expected = &case["expected"][column];
                let equal = near(rouge.one, &expected["rouge1"])
                    && near(rouge.two, &expected["rouge2"])
                    && near(rouge.longest, &expected["rougeL"])
                    && near(sum, &expected["rougeLsum"]);
                agreement.judged(text(case, "id"), equal, || format!("{rouge:?} {sum:?} {expected}"));
            }
            agreement.check(1.0);
        }
    }

    fn keys(rouge: Rouge, names: [&str; 3]) -> Vec<(String, f64)> {
        let mut found = Vec::new();
        for (variant, overlap) in ["1", "2", "l"].iter().zip([rouge.one, rouge.two, rouge.longest]) {
            for (letter, value) in names.iter().zip([overlap.recall, overlap.precision, overlap.f1]) {
                found.push((format!("rouge-{variant}-{letter}"), value));
            }
        }
        found
    }

    fn same(rouge: Rouge, expected: &Value) -> bool {
        let expected: HashMap<String, f64> = expected
            .as_object()
            .unwrap()
            .iter()
            .map(|(key, value)| (key.to_lowercase(), value.as_f64().unwrap()))
            .collect();
        keys(rouge, ["r", "p", "f"])
            .iter()
            .all(|(key, value)| (value - expected.get(key).copied().unwrap_or(0.0)).abs() <= 1e-9)
    }

    #[test]
    fn golden_evalscope() {
        let mut english = Agreement::new("text_metrics", "rouge.evalscope_en");
        let mut chinese = Agreement::new("text_metrics", "rouge_zh.evalscope_zh");
        let mut given = Agreement::new("text_metrics", "rouge_zh.segmented");
        for case in &cases("text_metrics") {
            let id = text(case, "id");
            if case["kind"] == "rouge" {
                let rouge = rouge_english(text(case, "prediction"), text(case, "reference"));
                let expected = &case["expected"]["evalscope_en"];
                english.judged(id, same(rouge, expected), || format!("{rouge:?} {expected}"));
            } else if case["kind"] == "rouge_zh" {
                let expected = &case["expected"]["evalscope_zh"];
                let ours = rouge_chinese(text(case, "prediction"), text(case, "reference"));
                chinese.judged(id, same(ours, expected), || format!("{ours:?} {expected}"));
                let list = |field: &str| words(text(case, field)).collect::<Vec<_>>();
                let ours = rouge_chinese_of_words(&list("prediction_segmented"), &list("reference_segmented"));
                given.judged(id, same(ours, expected), || format!("{ours:?} {expected}"));
            }
        }
        english.check(1.0);
        chinese.check(1.0);
        given.check(1.0);
    }

    proptest! {
        #[test]
        fn a_text_is_like_itself_and_figures_are_symmetric(left in "[ab \n]{0,40}", right in "[ab \n]{0,40}") {
            let (there, back) = (rouge_english(&left, &right), rouge_english(&right, &left));
            prop_assert_eq!(there.one.precision, back.one.recall);
            prop_assert_eq!(there.longest.f1, back.longest.f1);
            let itself = rouge_score(&left, &left, Stemming::Porter);
            prop_assert!(itself.one.f1 == 1.0 || rouge_words(&left, Stemming::Off).is_empty());
        }
    }
}
