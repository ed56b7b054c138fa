//! How many words, names, numbers, pronouns and signs a reply has.

use std::collections::HashSet;

use super::super::pattern::{Fixed, count_word};
use super::super::text::{bare, is_sign, split, strip, words};
use super::super::{Given, Rule};
use super::lexicon::{CONJUNCTIONS, NAMES, PRONOUNS};

/// Instructions that count.
pub(super) const RULES: [(&str, Rule); 9] = [
    ("count:word_count_range", word_count_range),
    ("count:unique_word_count", unique_word_count),
    ("count:conjunctions", conjunctions),
    ("count:person_names", person_names),
    ("count:numbers", numbers),
    ("count:punctuation", punctuation),
    ("count:words_japanese", words_japanese),
    ("count:pronouns", pronouns),
    ("count:keywords_multiple", keywords_multiple),
];

static DIGITS: Fixed = Fixed::new(r"\d+");
static JAPANESE: Fixed = Fixed::new(r"[\x{3040}-\x{30ff}\x{4e00}-\x{9fff}]");

fn word_count_range(given: &Given<'_>) -> Option<bool> {
    let (least, most) = (given.arguments.count("min_words")?, given.arguments.count("max_words")?);
    Some((least..=most).contains(&words(given.reply).count()))
}

/// Words without the signs around them; a sign alone is one more.
fn unique_word_count(given: &Given<'_>) -> Option<bool> {
    let reply = given.reply.to_lowercase();
    let unique: HashSet<&str> = split(&reply).map(|word| word.trim_matches(is_sign)).collect();
    Some(unique.len() >= given.arguments.count("N")?)
}

/// Conjunctions as they are written: with another letter case or sign they count again.
fn conjunctions(given: &Given<'_>) -> Option<bool> {
    let is_one = |word: &&str| CONJUNCTIONS.has(&word.trim_matches(is_sign).to_lowercase());
    let unique: HashSet<&str> = split(given.reply).filter(is_one).collect();
    Some(unique.len() >= given.arguments.count("small_n")?)
}

fn person_names(given: &Given<'_>) -> Option<bool> {
    // Names are whole words with their capital.
    let names: HashSet<&str> = words(given.reply).filter(|word| NAMES.has(word)).collect();
    Some(names.len() >= given.arguments.count("N")?)
}

/// Numbers once all signs are gone, so that 1,000.5 is one.
fn numbers(given: &Given<'_>) -> Option<bool> {
    Some(DIGITS.count(&bare(given.reply)) == given.arguments.count("N")?)
}

/// All six marks, and beside them one that asks and calls at once.
fn punctuation(given: &Given<'_>) -> Option<bool> {
    let reply = given.reply;
    if !["!?", "?!", "‽"].iter().any(|mark| reply.contains(mark)) {
        return Some(false);
    }
    let mark = if reply.contains("?!") { "?!" } else { "!?" };
    let rest = reply.replacen(mark, "", 1);
    Some([".", ",", "!", "?", ";", ":"].iter().all(|mark| rest.contains(mark)))
}

/// Every n-th word has a Japanese letter; numbers and lone signs are passed over.
fn words_japanese(given: &Given<'_>) -> Option<bool> {
    let every = given.arguments.count("N").filter(|every| *every > 0)?;
    let wrong = |word: &str| {
        let word = word.trim_matches(is_sign);
        !word.is_empty() && !word.chars().all(char::is_numeric) && !JAPANESE.is_in(word)
    };
    Some(!split(given.reply).skip(every - 1).step_by(every).any(wrong))
}

fn pronouns(given: &Given<'_>) -> Option<bool> {
    let reply = bare(&given.reply.replace('/', " ").to_lowercase());
    Some(split(&reply).filter(|word| PRONOUNS.has(word)).count() >= given.arguments.count("N")?)
}

fn keywords_multiple(given: &Given<'_>) -> Option<bool> {
    let times = [("keyword1", 1), ("keyword2", 2), ("keyword3", 3), ("keyword4", 5), ("keyword5", 7)];
    let mut all = true;
    for (name, times) in times {
        all &= count_word(strip(given.arguments.text(name)?), given.reply) == times;
    }
    Some(all)
}
