//! EQ-Bench: four feelings rated from 0 to 10, and how far the ratings are from the reference (version 2, full scale).

use std::collections::BTreeSet;

use serde_json::Value;

use super::pattern::{Pattern, group};
use crate::eval::literal;

/// `word: number`. Marks of Markdown are taken out before.
static RATING: Pattern = Pattern::new(r"(\w+):\s+([0-9]+)");

/// Why a sample has no score. It is then left out of the mean, as the benchmark has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Excluded {
    /// The record has no reference of version 2.
    #[error("the record has no full-scale reference of four feelings")]
    NoReference,
    /// The reply rates nothing.
    #[error("no rating was found in the reply")]
    NoRatings,
    /// The reply rates more, fewer or other feelings.
    #[error("the reply does not rate exactly the four feelings asked for")]
    OtherFeelings,
    /// A rating is above 10.
    #[error("a rating is not within 0 and 10")]
    OutOfRange,
}

/// The ratings of a reply: every `word: number`, the last one of a word, in the order in which words first occur.
pub fn ratings(reply: &str) -> Vec<(String, f64)> {
    let plain: String = reply.chars().filter(|c| !matches!(c, '*' | '#')).collect();
    let mut found: Vec<(String, f64)> = Vec::new();
    for rating in RATING.all(&plain) {
        let word = group(&rating, 1);
        let Ok(number) = group(&rating, 2).parse() else { continue };
        match found.iter_mut().find(|(known, _)| known == word) {
            Some(known) => known.1 = number,
            None => found.push((word.to_owned(), number)),
        }
        // More words than this are no answer, and looking each of them up would take long.
        if found.len() > 64 {
            break;
        }
    }
    found
}

/// The four feelings with their reference from `reference_answer_fullscale`, an object or the text of one:
/// `emotion1` to `emotion4` and `emotion1_score` to `emotion4_score`.
fn reference(fullscale: &Value) -> Option<Vec<(String, f64)>> {
    let parsed = match fullscale {
        Value::String(text) => {
            let text = text.trim();
            let inner = ["\"", "'"].iter().find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote));
            literal::parse(inner.unwrap_or(text)).ok()?
        }
        other => other.clone(),
    };
    let rated = |place: i32| {
        let name = parsed.get(format!("emotion{place}"))?.as_str()?.to_lowercase();
        let score = match parsed.get(format!("emotion{place}_score"))? {
            Value::String(text) => text.trim().parse().ok()?,
            number => number.as_f64()?,
        };
        Some((name, score))
    };
    (1..=4).map(rated).collect()
}

/// How much a distance between two ratings counts: nothing at 0, an S-curve up to 5, itself above.
fn scaled(distance: f64) -> f64 {
    if distance == 0.0 {
        0.0
    } else if distance <= 5.0 {
        6.5 / (1.0 + std::f64::consts::E.powf(-1.2 * (distance - 4.0)))
    } else {
        distance
    }
}

/// The score of a reply, `(10 - 0.7477 x sum of scaled distances) / 10`: 1 at best, about 0 for a random answer, below
/// 0 for a worse one.
///
/// # Errors
///
/// [`Excluded`] says why there is none.
pub fn score(reply: &str, fullscale: &Value) -> Result<f64, Excluded> {
    let reference = reference(fullscale).ok_or(Excluded::NoReference)?;
    let given = ratings(reply);
    if given.is_empty() {
        return Err(Excluded::NoRatings);
    }
    let given: Vec<(String, f64)> = given.into_iter().map(|(name, rating)| (name.to_lowercase(), rating)).collect();
    let names = |list: &[(String, f64)]| list.iter().map(|(name, _)| name.clone()).collect::<BTreeSet<_>>();
    if given.len() != 4 || names(&given).len() != 4 || names(&given) != names(&reference) {
        return Err(Excluded::OtherFeelings);
    }
    if given.iter().any(|(_, rating)| *rating > 10.0) {
        return Err(Excluded::OutOfRange);
    }
    let mut sum = 0.0;
    for (name, rating) in &given {
        for (_, wanted) in reference.iter().filter(|(known, _)| known == name) {
            sum += scaled((rating - wanted).abs());
        }
    }
    Ok((10.0 - sum * 0.7477) / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn fullscale() -> Value {
        json!({"emotion1": "Calm", "emotion1_score": 0, "emotion2": "Joy", "emotion2_score": "10",
               "emotion3": "Fear", "emotion3_score": 5, "emotion4": "Pride", "emotion4_score": 2.5})
    }

    #[test]
    fn the_best_answer_scores_one() {
        assert_eq!(score("Calm: 0\nJoy: 10\nFear: 5\nPride: 2", &fullscale()).map(|score| score > 0.99), Ok(true));
        assert_eq!(score("", &fullscale()), Err(Excluded::NoRatings));
        assert_eq!(score("Calm: 0", &fullscale()), Err(Excluded::OtherFeelings));
        assert_eq!(score("Calm: 0\nJoy: 10\nFear: 5\nPride: 11", &fullscale()), Err(Excluded::OutOfRange));
        assert_eq!(score("Calm: 0", &json!({})), Err(Excluded::NoReference));
    }

    proptest! {
        #[test]
        fn no_text_is_refused(text in "((Calm|Joy|Fear|Pride|X|é)[:*] ?[0-9]{0,30}\n){0,9}") {
            prop_assert!(score(&text, &fullscale()).map_or(true, |score| (-2.0..=1.0).contains(&score)));
        }
    }
}
