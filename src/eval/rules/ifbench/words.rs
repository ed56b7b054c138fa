//! What each word is like, and what stands beside it.

use std::collections::HashMap;

use super::super::text::{bare, is_sign, split, strip};
use super::super::tokens::tokens;
use super::super::{Given, Rule};
use super::lexicon::is_verb;
use super::splitter::sentences;
use super::syllables::syllables;

/// Instructions about words.
pub(super) const RULES: [(&str, Rule); 13] = [
    ("words:alphabet", alphabet),
    ("words:vowel", vowel),
    ("words:consonants", consonants),
    ("words:palindrome", palindrome),
    ("words:prime_lengths", prime_lengths),
    ("words:start_verb", start_verb),
    ("words:repeats", repeats),
    ("words:odd_even_syllables", odd_even_syllables),
    ("words:last_first", last_first),
    ("words:paragraph_last_first", paragraph_last_first),
    ("words:no_consecutive", no_consecutive),
    ("words:keywords_specific_position", keywords_specific_position),
    ("words:words_position", words_position),
];

/// Words begin with one letter of the alphabet after the other, from wherever the first one does.
fn alphabet(given: &Given<'_>) -> Option<bool> {
    let reply = bare(given.reply).to_lowercase();
    let mut firsts = split(&reply).filter_map(|word| word.chars().next());
    let mut letter = u8::try_from(firsts.next()?).ok().filter(u8::is_ascii_lowercase)?;
    for first in firsts {
        letter = if letter == b'z' { b'a' } else { letter + 1 };
        if first != char::from(letter) {
            return Some(false);
        }
    }
    Some(true)
}

/// One paragraph with no more than three of the five vowels.
fn vowel(given: &Given<'_>) -> Option<bool> {
    let reply = strip(given.reply).to_lowercase();
    Some(!reply.contains('\n') && "aeiou".chars().filter(|vowel| reply.contains(*vowel)).count() <= 3)
}

/// Each word has two consonants in a row.
fn consonants(given: &Given<'_>) -> Option<bool> {
    let is_consonant = |byte: &u8| byte.is_ascii_lowercase() && !b"aeiou".contains(byte);
    let has = |word: &str| word.as_bytes().windows(2).any(|pair| pair.iter().all(is_consonant));
    Some(split(&given.reply.to_lowercase()).all(has))
}

/// Ten words of five letters or more that read the same backwards.
fn palindrome(given: &Given<'_>) -> Option<bool> {
    let reply = bare(given.reply).to_lowercase();
    let is_one = |word: &&str| word.chars().count() >= 5 && word.chars().eq(word.chars().rev());
    Some(split(&reply).filter(is_one).count() >= 10)
}

/// The length of each word is a prime below a hundred.
fn prime_lengths(given: &Given<'_>) -> Option<bool> {
    let is_prime = |n: usize| (2..100).contains(&n) && (2..n).take_while(|d| d * d <= n).all(|d| !n.is_multiple_of(d));
    Some(split(&bare(given.reply)).all(|word| is_prime(word.chars().count())))
}

fn start_verb(given: &Given<'_>) -> Option<bool> {
    Some(tokens(given.reply).first().is_some_and(|word| is_verb(&word.to_lowercase())))
}

fn repeats(given: &Given<'_>) -> Option<bool> {
    let most = given.arguments.count("small_n")?;
    let reply = bare(&given.reply.to_lowercase());
    let mut counts: HashMap<&str, usize> = HashMap::new();
    split(&reply).for_each(|word| *counts.entry(word).or_default() += 1);
    Some(counts.values().all(|count| *count <= most))
}

/// Words with odd and even numbers of syllables take turns.
fn odd_even_syllables(given: &Given<'_>) -> Option<bool> {
    let reply = bare(given.reply).to_lowercase();
    let odd: Vec<bool> = split(&reply).map(|word| syllables(word) % 2 == 1).collect();
    Some(odd.windows(2).all(|pair| matches!(pair, [a, b] if a != b)))
}

/// The last word of a sentence is the first one of the next.
fn last_first(given: &Given<'_>) -> Option<bool> {
    let sentences = sentences(given.reply);
    let mut all = true;
    for (sentence, next) in sentences.iter().zip(sentences.iter().skip(1)) {
        let last = split(sentence.trim_end_matches(is_sign)).last()?;
        let first = split(next.trim_start_matches(is_sign)).next()?;
        all &= last.to_lowercase() == first.to_lowercase();
    }
    Some(all)
}

/// Each line begins and ends with the same word.
fn paragraph_last_first(given: &Given<'_>) -> Option<bool> {
    let is_framed = |line: &str| {
        let line = strip(line).to_lowercase();
        let mut words = split(line.trim_matches(is_sign));
        let first = words.next();
        words.last().or(first) == first
    };
    Some(given.reply.split('\n').all(is_framed))
}

/// No two words in a row begin with the same letter.
fn no_consecutive(given: &Given<'_>) -> Option<bool> {
    let reply = bare(&given.reply.to_lowercase());
    let firsts: Vec<char> = split(&reply).filter_map(|word| word.chars().next()).collect();
    Some(firsts.windows(2).all(|pair| matches!(pair, [a, b] if a != b)))
}

/// The n-th sentence has the keyword as its m-th word.
fn keywords_specific_position(given: &Given<'_>) -> Option<bool> {
    let arguments = given.arguments;
    let (n, m) = (arguments.count("n")?.checked_sub(1)?, arguments.count("m")?.checked_sub(1)?);
    let sentences = sentences(given.reply);
    let mut words = tokens(sentences.get(n)?).into_iter().filter(|token| token.chars().any(char::is_alphanumeric));
    Some(words.nth(m)? == strip(arguments.text("keyword")?))
}

/// The second and the last but one word or sign is the keyword.
fn words_position(given: &Given<'_>) -> Option<bool> {
    let keyword = strip(given.arguments.text("keyword")?);
    let words = tokens(given.reply);
    let second = words.get(1)?;
    Some(second == keyword && words.iter().rev().nth(1)? == keyword)
}
