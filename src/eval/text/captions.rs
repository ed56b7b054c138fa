//! Captions of pictures against several references, as the evaluation of COCO compares them (Chen et al. 2015, "Microsoft
//! COCO Captions").
//!
//! Words are formed by NLTK's rules in place of Stanford's, lowered, and marks are left out. METEOR is not here, since it
//! needs tables of synonyms, and CIDEr is not, since it is 0 for every caption that is scored alone.

use std::collections::HashMap;

use super::lcs::lcs_length;
use super::treebank::word_tokens;

/// Marks that are no words.
const MARKS: [&str; 20] =
    ["''", "'", "``", "`", "\"", "(", ")", "{", "}", "[", "]", ".", "?", "!", ",", ":", "-", "--", "...", ";"];
/// Recall counts so many times as much as precision.
const BETA: f64 = 1.2;

fn words(text: &str) -> Vec<String> {
    let lower = text.replace('\n', " ").to_lowercase();
    word_tokens(&lower).into_iter().filter(|word| !MARKS.contains(&word.as_str())).collect()
}

fn counts(words: &[String], order: usize) -> HashMap<&[String], usize> {
    let mut counts: HashMap<&[String], usize> = HashMap::new();
    for gram in words.windows(order) {
        *counts.entry(gram).or_default() += 1;
    }
    counts
}

/// Cumulative BLEU of one to four words. An n-gram counts as often as in the reference that has it most often; a caption
/// that is shorter than the reference of the closest length is worth less (Papineni et al. 2002).
pub fn bleu(caption: &str, references: &[String]) -> [f64; 4] {
    let caption = words(caption);
    let references: Vec<Vec<String>> = references.iter().map(|text| words(text)).collect();
    let distance = |reference: &&Vec<String>| (reference.len().abs_diff(caption.len()), reference.len());
    let closest = references.iter().min_by_key(distance).map_or(0, Vec::len);
    // What the reference evaluation adds so that nothing is divided by zero.
    let (tiny, small) = (1e-15, 1e-9);
    let ratio = (caption.len() as f64 + tiny) / (closest as f64 + small);
    let penalty = if ratio < 1.0 { (1.0 - 1.0 / ratio).exp() } else { 1.0 };
    let mut product = 1.0;
    [1_usize, 2, 3, 4].map(|order| {
        let of_references: Vec<_> = references.iter().map(|words| counts(words, order)).collect();
        let most =
            |gram: &[String]| of_references.iter().filter_map(|counts| counts.get(gram)).max().copied().unwrap_or(0);
        let found: usize = counts(&caption, order).into_iter().map(|(gram, count)| count.min(most(gram))).sum();
        let all = (caption.len() + 1).saturating_sub(order);
        product *= (found as f64 + tiny) / (all as f64 + small);
        product.powf(1.0 / order as f64) * penalty
    })
}

/// ROUGE-L: of the longest common subsequence with any reference, the best precision and the best recall, of which recall
/// weighs more.
pub fn rouge_l(caption: &str, references: &[String]) -> f64 {
    let caption = words(caption);
    let (mut precision, mut recall) = (0.0_f64, 0.0_f64);
    for reference in references {
        let reference = words(reference);
        let common = lcs_length(&caption, &reference) as f64;
        precision = precision.max(common / caption.len().max(1) as f64);
        recall = recall.max(common / reference.len().max(1) as f64);
    }
    let squared = BETA * BETA;
    if precision > 0.0 && recall > 0.0 {
        (1.0 + squared) * precision * recall / (recall + squared * precision)
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn captions_by_hand() {
        let references = ["A black dog runs.".to_owned(), "the dog".to_owned()];
        let orders = bleu("a black cat runs", &references);
        // Three of four words, one of three pairs, no longer n-grams.
        assert!((orders[0] - 0.75).abs() < 1e-6 && (orders[1] - 0.5).abs() < 1e-6 && orders[3] < 1e-3, "{orders:?}");
        assert!((rouge_l("a black cat runs", &references) - 0.75).abs() < 1e-12);
        assert!((bleu("The dog", &references)[0] - 1.0).abs() < 1e-6);
        assert_eq!(rouge_l("", &references), 0.0);
        // One word of two, and the penalty of one word against two.
        assert!((bleu("dog", &references[1..])[0] - (1.0_f64 - 2.0).exp()).abs() < 1e-6);
    }

    proptest! {
        #[test]
        fn any_text_has_a_share(caption in ".{0,60}", reference in ".{0,60}") {
            let references = [reference];
            for value in bleu(&caption, &references).into_iter().chain([rouge_l(&caption, &references)]) {
                prop_assert!((0.0..=1.0 + 1e-6).contains(&value), "{value}");
            }
        }
    }
}
