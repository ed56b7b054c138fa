//! What sentences are like, one after the other.

use super::super::text::{bare, split};
use super::super::{Given, Rule};
use super::splitter::sentences;

/// Instructions about sentences.
pub(super) const RULES: [(&str, Rule); 3] = [
    ("sentence:alliteration_increment", alliteration_increment),
    ("sentence:keyword", keyword),
    ("sentence:increment", increment),
];

/// Words that begin like the one before or after, over a whole sentence.
fn alliteration(sentence: &str) -> usize {
    let sentence = sentence.to_lowercase();
    let firsts: Vec<char> = split(&sentence)
        .filter_map(|word| word.trim_start_matches(super::super::text::is_sign).chars().next())
        .collect();
    let mut count = 0;
    let mut before = false;
    for pair in firsts.windows(2) {
        let same = matches!(pair, [a, b] if a == b);
        count += match (same, before) {
            (true, true) => 1,
            (true, false) => 2,
            _ => 0,
        };
        before = same;
    }
    count
}

/// Each sentence has more of them than the one before.
fn alliteration_increment(given: &Given<'_>) -> Option<bool> {
    let counts: Vec<usize> = sentences(given.reply).iter().map(|sentence| alliteration(sentence)).collect();
    Some(counts.windows(2).all(|pair| matches!(pair, [a, b] if a < b)))
}

/// The n-th sentence has the keyword somewhere.
fn keyword(given: &Given<'_>) -> Option<bool> {
    let word = given.arguments.text("word")?.to_lowercase();
    let index = given.arguments.count("N")?.checked_sub(1)?;
    Some(sentences(given.reply).get(index).is_some_and(|sentence| sentence.to_lowercase().contains(&word)))
}

/// Each sentence has exactly so many words more than the one before.
fn increment(given: &Given<'_>) -> Option<bool> {
    let step = given.arguments.count("small_n")?;
    let counts: Vec<usize> = sentences(given.reply).iter().map(|sentence| split(&bare(sentence)).count()).collect();
    Some(!counts.is_empty() && counts.windows(2).all(|pair| matches!(pair, [a, b] if *b == a + step)))
}
