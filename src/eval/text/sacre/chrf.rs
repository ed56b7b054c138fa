//! chrF: F-scores of n-grams of characters, and of words in chrF++.
//!
//! M. Popović, chrF: character n-gram F-score for automatic MT evaluation, WMT 2015; chrF++, WMT 2017.

use std::collections::HashMap;

use serde::Deserialize;

use super::references_of;
use crate::eval::text::words::{is_blank, words};

/// Parameters of chrF, as a card sets them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChrfRule {
    /// The longest n-gram of characters.
    pub characters: usize,
    /// The longest n-gram of words: 0 for chrF, 2 for chrF++.
    pub words: usize,
    /// How many times as much recall weighs as precision.
    pub beta: u32,
}

impl Default for ChrfRule {
    fn default() -> Self {
        Self { characters: 6, words: 0, beta: 2 }
    }
}

impl ChrfRule {
    /// chrF++.
    pub fn plus_plus() -> Self {
        Self { words: 2, ..Self::default() }
    }
}

/// N-grams of one order: in the hypothesis, in the reference, in both.
#[derive(Clone, Copy, Default)]
struct Counts {
    hypothesis: usize,
    reference: usize,
    common: usize,
}

/// chrF of hypotheses against streams of references, 0 to 100.
pub fn corpus_chrf(hypotheses: &[String], references: &[Vec<String>], rule: ChrfRule) -> f64 {
    let mut sums = vec![Counts::default(); rule.characters + rule.words];
    for (index, hypothesis) in hypotheses.iter().enumerate() {
        for (sum, counts) in sums.iter_mut().zip(best(hypothesis, &references_of(references, index), rule)) {
            sum.hypothesis += counts.hypothesis;
            sum.reference += counts.reference;
            sum.common += counts.common;
        }
    }
    score(&sums, rule)
}

/// chrF of one text, 0 to 100.
pub fn sentence_chrf(hypothesis: &str, references: &[&str], rule: ChrfRule) -> f64 {
    score(&best(hypothesis, references, rule), rule)
}

/// The counts against the reference that gives the best score.
fn best(hypothesis: &str, references: &[&str], rule: ChrfRule) -> Vec<Counts> {
    let grams = Grams::of(hypothesis);
    let mut best = (-1.0, Vec::new());
    for reference in references {
        let counts = grams.against(&Grams::of(reference), rule);
        let score = score(&counts, rule);
        if score > best.0 {
            best = (score, counts);
        }
    }
    best.1
}

struct Grams<'a> {
    characters: Vec<char>,
    words: Vec<&'a str>,
}

impl<'a> Grams<'a> {
    fn of(text: &'a str) -> Self {
        Self {
            characters: text.chars().filter(|c| !is_blank(*c)).collect(),
            words: words(text).flat_map(without_mark).collect(),
        }
    }

    fn against(&self, reference: &Grams<'_>, rule: ChrfRule) -> Vec<Counts> {
        let characters = (1..=rule.characters).map(|order| common(&self.characters, &reference.characters, order));
        characters.chain((1..=rule.words).map(|order| common(&self.words, &reference.words, order))).collect()
    }
}

/// A mark at the end of a word, else at its beginning, is a word of its own.
fn without_mark(word: &str) -> Vec<&str> {
    let mut characters = word.chars();
    let (first, last) = (characters.next(), characters.next_back());
    let mark = |c: Option<char>| c.filter(char::is_ascii_punctuation).map(char::len_utf8);
    match (mark(first), mark(last)) {
        (_, Some(length)) => word.split_at_checked(word.len() - length).map_or_else(Vec::new, |(a, b)| vec![a, b]),
        // A word of one character is left as it is.
        (Some(length), None) if last.is_some() => {
            word.split_at_checked(length).map_or_else(Vec::new, |(a, b)| vec![a, b])
        }
        _ => vec![word],
    }
}

fn common<T: Eq + std::hash::Hash>(hypothesis: &[T], reference: &[T], order: usize) -> Counts {
    let mut left: HashMap<&[T], usize> = HashMap::new();
    for gram in reference.windows(order) {
        *left.entry(gram).or_default() += 1;
    }
    let mut counts = Counts { reference: reference.windows(order).count(), ..Counts::default() };
    if left.is_empty() {
        return counts;
    }
    for gram in hypothesis.windows(order) {
        counts.hypothesis += 1;
        if let Some(count) = left.get_mut(gram).filter(|count| **count > 0) {
            *count -= 1;
            counts.common += 1;
        }
    }
    counts
}

/// The F-score of the mean precision and the mean recall over the orders that both texts have.
fn score(counts: &[Counts], rule: ChrfRule) -> f64 {
    let both: Vec<&Counts> = counts.iter().filter(|counts| counts.hypothesis > 0 && counts.reference > 0).collect();
    let mean = |whole: fn(&Counts) -> usize| {
        let sum: f64 = both.iter().map(|counts| counts.common as f64 / whole(counts) as f64).sum();
        sum / both.len().max(1) as f64
    };
    let (precision, recall) = (mean(|counts| counts.hypothesis), mean(|counts| counts.reference));
    if precision + recall == 0.0 {
        return 0.0;
    }
    let factor = f64::from(rule.beta * rule.beta);
    100.0 * (1.0 + factor) * precision * recall / (factor * precision + recall)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_words() {
        assert_eq!(without_mark("a,"), ["a", ","]);
        assert_eq!(without_mark("(a"), ["(", "a"]);
        assert_eq!(without_mark("."), ["."]);
        assert_eq!(without_mark(".."), [".", "."]);
        assert_eq!(without_mark("ä!"), ["ä", "!"]);
    }

    #[test]
    fn a_text_is_like_itself() {
        for rule in [ChrfRule::default(), ChrfRule::plus_plus()] {
            assert!((sentence_chrf("the cat sat", &["the cat sat"], rule) - 100.0).abs() < 1e-9);
            assert_eq!(sentence_chrf("", &["x"], rule), 0.0);
            assert_eq!(sentence_chrf("x", &[], rule), 0.0);
        }
    }
}
