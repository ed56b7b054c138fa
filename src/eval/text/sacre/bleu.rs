//! BLEU of a corpus and of one text.

use std::collections::HashMap;

use serde::Deserialize;

use super::{Tokenizer, references_of};

const ORDERS: usize = 4;

/// What an order without a match counts as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Smoothing {
    /// Nothing: the score becomes 0.
    None,
    /// 0.1 matches.
    Floor,
    /// One more match and one more n-gram for all orders above the first.
    AddK,
    /// Half, a quarter and so on of a match, one after the other.
    #[default]
    Exp,
}

/// Parameters of BLEU, as a card sets them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BleuRule {
    /// How texts are split.
    pub tokenize: Tokenizer,
    /// Whether case is dropped first.
    pub lowercase: bool,
    /// What an order without a match counts as.
    pub smooth: Smoothing,
}

/// BLEU with what it was computed from.
#[derive(Clone, Debug, PartialEq)]
pub struct BleuScore {
    /// The score, 0 to 100.
    pub score: f64,
    /// Matches of each order.
    pub counts: [f64; ORDERS],
    /// N-grams of the hypotheses of each order.
    pub totals: [f64; ORDERS],
    /// Share of matches of each order in percent.
    pub precisions: [f64; ORDERS],
    /// The penalty for short hypotheses.
    pub brevity_penalty: f64,
    /// Tokens of the hypotheses.
    pub hypothesis_length: usize,
    /// Tokens of the closest references.
    pub reference_length: usize,
}

#[derive(Default)]
struct Statistics {
    counts: [usize; ORDERS],
    totals: [usize; ORDERS],
    hypothesis_length: usize,
    reference_length: usize,
}

/// BLEU of hypotheses against streams of references, each of which has a text for every hypothesis.
pub fn corpus_bleu(hypotheses: &[String], references: &[Vec<String>], rule: BleuRule) -> BleuScore {
    let mut statistics = Statistics::default();
    for (index, hypothesis) in hypotheses.iter().enumerate() {
        statistics.add(hypothesis, &references_of(references, index), rule);
    }
    statistics.score(rule.smooth, Orders::All)
}

/// BLEU of one text: only the orders that it has n-grams of count.
pub fn sentence_bleu(hypothesis: &str, references: &[&str], rule: BleuRule) -> BleuScore {
    let mut statistics = Statistics::default();
    statistics.add(hypothesis, references, rule);
    statistics.score(rule.smooth, Orders::Effective)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Orders {
    All,
    Effective,
}

impl Statistics {
    fn add(&mut self, hypothesis: &str, references: &[&str], rule: BleuRule) {
        let tokens = |text: &str| {
            let lower = if rule.lowercase { text.to_lowercase() } else { text.to_owned() };
            rule.tokenize.tokens(&lower)
        };
        let hypothesis = tokens(hypothesis);
        let references: Vec<Vec<String>> = references.iter().map(|text| tokens(text)).collect();
        let lengths = references.iter().map(Vec::len);
        // The closest length; of two that are as close, the shorter.
        let closest = lengths.min_by_key(|length| (length.abs_diff(hypothesis.len()), *length));
        self.reference_length += closest.unwrap_or(0);
        self.hypothesis_length += hypothesis.len();
        for (order, (count, total)) in self.counts.iter_mut().zip(&mut self.totals).enumerate() {
            let (found, all) = matches(&hypothesis, &references, order + 1);
            *count += found;
            *total += all;
        }
    }

    fn score(&self, smoothing: Smoothing, orders: Orders) -> BleuScore {
        let mut score = BleuScore {
            score: 0.0,
            counts: self.counts.map(|count| count as f64),
            totals: self.totals.map(|total| total as f64),
            precisions: [0.0; ORDERS],
            brevity_penalty: brevity_penalty(self.hypothesis_length, self.reference_length),
            hypothesis_length: self.hypothesis_length,
            reference_length: self.reference_length,
        };
        if self.counts.iter().all(|count| *count == 0) {
            return score;
        }
        let mut effective = ORDERS;
        let mut halves = 1.0;
        let each = score.counts.iter_mut().zip(&mut score.totals).zip(&mut score.precisions).enumerate();
        for (order, ((count, total), precision)) in each {
            if smoothing == Smoothing::AddK && order > 0 {
                *count += 1.0;
                *total += 1.0;
            }
            if *total == 0.0 {
                break;
            }
            if orders == Orders::Effective {
                effective = order + 1;
            }
            *precision = match smoothing {
                _ if *count > 0.0 => 100.0 * *count / *total,
                Smoothing::Exp => {
                    halves *= 2.0;
                    100.0 / (halves * *total)
                }
                Smoothing::Floor => 100.0 * 0.1 / *total,
                Smoothing::None | Smoothing::AddK => 0.0,
            };
        }
        let logarithms: f64 = score.precisions.iter().take(effective).map(|precision| logarithm(*precision)).sum();
        score.score = score.brevity_penalty * (logarithms / effective as f64).exp();
        score
    }
}

/// The logarithm, very low for 0.
fn logarithm(share: f64) -> f64 {
    if share == 0.0 { -9_999_999_999.0 } else { share.ln() }
}

fn brevity_penalty(hypothesis: usize, reference: usize) -> f64 {
    match hypothesis {
        _ if hypothesis >= reference => 1.0,
        0 => 0.0,
        _ => (1.0 - reference as f64 / hypothesis as f64).exp(),
    }
}

/// How many n-grams of the hypothesis are in a reference, each as often as in the reference that has it most often.
fn matches(hypothesis: &[String], references: &[Vec<String>], order: usize) -> (usize, usize) {
    let mut most: HashMap<&[String], usize> = HashMap::new();
    for reference in references {
        for (gram, count) in counted(reference, order) {
            let entry = most.entry(gram).or_default();
            *entry = count.max(*entry);
        }
    }
    let found =
        counted(hypothesis, order).into_iter().map(|(gram, count)| most.get(gram).map_or(0, |most| count.min(*most)));
    (found.sum(), hypothesis.len().saturating_sub(order - 1))
}

fn counted(tokens: &[String], order: usize) -> HashMap<&[String], usize> {
    let mut counted = HashMap::new();
    for gram in tokens.windows(order) {
        *counted.entry(gram).or_default() += 1;
    }
    counted
}
