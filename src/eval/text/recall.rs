//! What is recalled from long contexts: conversations (LoCoMo) and one of several like requests (MRCR).

use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;
use unicode_normalization::UnicodeNormalization;

use super::pattern::pattern;
use super::porter::stem;
use super::sequence::text_ratio;
use super::squad::{token_f1, without_punctuation};
use super::words::words;

/// The kinds of questions of LoCoMo, by their number in the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u8")]
pub enum LocomoKind {
    /// 1: several answers between commas.
    MultiHop,
    /// 2: a date.
    Temporal,
    /// 3: only what stands before the first semicolon of the reference counts.
    Commonsense,
    /// 4: one answer.
    SingleHop,
    /// 5: the conversation has no answer, and the reply must say so.
    Adversarial,
}

impl TryFrom<u8> for LocomoKind {
    type Error = String;

    fn try_from(number: u8) -> Result<Self, String> {
        match number {
            1 => Ok(Self::MultiHop),
            2 => Ok(Self::Temporal),
            3 => Ok(Self::Commonsense),
            4 => Ok(Self::SingleHop),
            5 => Ok(Self::Adversarial),
            _ => Err(format!("{number} is no kind of question, which are 1 to 5")),
        }
    }
}

static FILLERS: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b(?:a|an|the|and)\b"));

/// F1 of stemmed words, by the kind of question.
pub fn locomo_f1(prediction: &str, reference: &str, kind: LocomoKind) -> f64 {
    match kind {
        LocomoKind::Adversarial => {
            let lower = prediction.to_lowercase();
            f64::from(["no information available", "not mentioned"].iter().any(|phrase| lower.contains(phrase)))
        }
        LocomoKind::MultiHop => {
            let list = |text: &str| text.split(',').map(stems).collect::<Vec<_>>();
            let (predictions, references) = (list(prediction), list(reference));
            let best = |right: &Vec<String>| predictions.iter().map(|one| token_f1(one, right)).fold(0.0, f64::max);
            references.iter().map(best).sum::<f64>() / references.len().max(1) as f64
        }
        LocomoKind::Commonsense => {
            token_f1(&stems(prediction), &stems(reference.split(';').next().unwrap_or_default()))
        }
        LocomoKind::Temporal | LocomoKind::SingleHop => token_f1(&stems(prediction), &stems(reference)),
    }
}

/// Lowered words without accents taken off, punctuation, articles and "and", by their stem.
fn stems(text: &str) -> Vec<String> {
    let decomposed: String = text.nfd().collect();
    let plain = without_punctuation(&decomposed.to_lowercase());
    words(&FILLERS.replace_all(&plain, " ")).map(stem).collect()
}

/// The bounds of the bins by which MRCR groups its figures, in tokens of the context and the answer.
pub const MRCR_BINS: [(usize, usize); 8] = [
    (4096, 8192),
    (8192, 16_384),
    (16_384, 32_768),
    (32_768, 65_536),
    (65_536, 131_072),
    (131_072, 262_144),
    (262_144, 524_288),
    (524_288, 1_048_576),
];

/// The bin of a number of tokens: from its lower bound to below its upper one, the last with both; outside, the first.
pub fn mrcr_bin(tokens: usize) -> usize {
    // The first bin has its upper bound too.
    if tokens == 8192 {
        return 0;
    }
    let last = MRCR_BINS.len() - 1;
    let found = MRCR_BINS
        .iter()
        .enumerate()
        .position(|(index, (low, high))| tokens >= *low && (tokens < *high || index == last && tokens == *high));
    found.unwrap_or(0)
}

/// MRCR: 0 where the reply does not begin with the random prefix that was asked for, else the similarity of the rest to
/// the rest of the answer.
pub fn mrcr_score(reply: &str, answer: &str, prefix: &str) -> f64 {
    let Some(reply) = reply.trim_start().strip_prefix(prefix) else { return 0.0 };
    text_ratio(reply, answer.strip_prefix(prefix).unwrap_or(answer))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]
mod tests {
    use super::*;

    #[test]
    fn locomo_by_kind() {
        assert_eq!(locomo_f1("The dogs and cats", "dog, cat", LocomoKind::SingleHop), 1.0);
        assert_eq!(locomo_f1("painting, hiking", "hikes, paintings, swimming", LocomoKind::MultiHop), 2.0 / 3.0);
        assert_eq!(locomo_f1("yes", "yes; since she likes it", LocomoKind::Commonsense), 1.0);
        assert_eq!(locomo_f1("That is not mentioned.", "", LocomoKind::Adversarial), 1.0);
        assert_eq!(locomo_f1("blue", "", LocomoKind::Adversarial), 0.0);
        assert_eq!(serde_json::from_str::<LocomoKind>("3").unwrap(), LocomoKind::Commonsense);
        assert!(serde_json::from_str::<LocomoKind>("6").is_err());
    }

    #[test]
    fn mrcr() {
        assert_eq!(mrcr_score(" XyZpoem", "XyZpoem", "XyZ"), 1.0);
        assert_eq!(mrcr_score("poem", "XyZpoem", "XyZ"), 0.0);
        assert!((mrcr_score("XyZabcd", "XyZbcde", "XyZ") - 0.75).abs() < 1e-12);
        for (tokens, bin) in [(4096, 0), (8192, 0), (8193, 1), (16_384, 2), (1_048_576, 7), (1, 0), (2_000_000, 0)] {
            assert_eq!(mrcr_bin(tokens), bin, "{tokens}");
        }
    }
}
