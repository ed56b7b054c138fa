//! Shares of words, sentences and letters.

use std::collections::HashSet;

use super::super::text::words;
use super::super::tokens::tokens;
use super::super::{Given, Rule};
use super::lexicon::STOP_WORDS;
use super::splitter::sentences;

/// Instructions about ratios.
pub(super) const RULES: [(&str, Rule); 5] = [
    ("ratio:stop_words", stop_words),
    ("ratio:sentence_type", sentence_type),
    ("ratio:sentence_balance", sentence_balance),
    ("ratio:overlap", overlap),
    ("ratio:sentence_words", sentence_words),
];

fn stop_words(given: &Given<'_>) -> Option<bool> {
    let all = words(given.reply).count();
    let stop = words(given.reply).filter(|word| STOP_WORDS.has(&word.to_lowercase())).count();
    let most = given.arguments.count("percentage")?;
    Some(all > 0 && stop as f64 / all as f64 * 100.0 <= most as f64)
}

/// Sentences that end with each mark: those that state, ask and call.
fn kinds(reply: &str) -> [usize; 3] {
    let sentences = sentences(reply);
    ['.', '?', '!'].map(|mark| sentences.iter().filter(|sentence| sentence.ends_with(mark)).count())
}

fn sentence_type(given: &Given<'_>) -> Option<bool> {
    let [state, ask, _] = kinds(given.reply);
    Some(state == 2 * ask)
}

fn sentence_balance(given: &Given<'_>) -> Option<bool> {
    let [state, ask, call] = kinds(given.reply);
    Some(state == ask && ask == call)
}

/// The share of the reply's runs of three letters that the reference has, within two percent.
fn overlap(given: &Given<'_>) -> Option<bool> {
    let runs = |text: &str| -> HashSet<[char; 3]> {
        let letters: Vec<char> = text.chars().collect();
        letters.windows(3).filter_map(|run| run.try_into().ok()).collect()
    };
    let (ours, theirs) = (runs(given.reply), runs(given.arguments.text("reference_text")?));
    let wished = given.arguments.count("percentage")? as f64;
    let share = ours.intersection(&theirs).count() as f64 / ours.len() as f64 * 100.0;
    Some(!ours.is_empty() && (wished - 2.0..=wished + 2.0).contains(&share))
}

/// Three sentences of the same length in letters, no word twice.
fn sentence_words(given: &Given<'_>) -> Option<bool> {
    let lengths: Vec<usize> = sentences(given.reply).iter().map(|sentence| sentence.chars().count()).collect();
    if !matches!(lengths[..], [a, b, c] if a == b && b == c) {
        return Some(false);
    }
    let words = tokens(given.reply).into_iter().filter(|token| token.chars().any(char::is_alphanumeric));
    let words: Vec<String> = words.map(|word| word.to_lowercase()).collect();
    Some(!words.is_empty() && words.iter().collect::<HashSet<_>>().len() == words.len())
}
