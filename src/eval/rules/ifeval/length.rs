//! How many paragraphs, sentences and words a reply has.

use super::super::arguments::Relation;
use super::super::pattern::Fixed;
use super::super::sentences::sentences;
use super::super::text::{split, strip, words};
use super::super::{Given, Rule};

/// Instructions about lengths.
pub(super) const RULES: [(&str, Rule); 4] = [
    ("length_constraints:number_sentences", number_sentences),
    ("length_constraints:number_paragraphs", number_paragraphs),
    ("length_constraints:number_words", number_words),
    ("length_constraints:nth_paragraph_first_word", nth_paragraph_first_word),
];

static RULER: Fixed = Fixed::new(r"[\s\x1c-\x1f]?\*\*\*[\s\x1c-\x1f]?");

fn number_sentences(given: &Given<'_>) -> Option<bool> {
    let relation = Relation::named(given.arguments.text("relation")?)?;
    Some(relation.holds(sentences(given.reply).len(), given.arguments.number("num_sentences")?))
}

fn number_words(given: &Given<'_>) -> Option<bool> {
    let relation = Relation::named(given.arguments.text("relation")?)?;
    Some(relation.holds(words(given.reply).count(), given.arguments.number("num_words")?))
}

/// Paragraphs parted by three asterisks; empty ones are forgiven at both ends only.
fn number_paragraphs(given: &Given<'_>) -> Option<bool> {
    let parts = RULER.split(given.reply);
    let (Some(first), Some(last)) = (parts.first(), parts.last()) else { return Some(false) };
    let is_empty = |part: &&str| strip(part).is_empty();
    let at_ends = match parts.len() {
        1 => usize::from(is_empty(first)),
        _ => usize::from(is_empty(first)) + usize::from(is_empty(last)),
    };
    if parts.iter().filter(|part| is_empty(part)).count() > at_ends {
        return Some(false);
    }
    Some(i64::try_from(parts.len() - at_ends).ok()? == given.arguments.number("num_paragraphs")?)
}

/// Paragraphs parted by blank lines. Their number leaves out empty ones, their order does not.
fn nth_paragraph_first_word(given: &Given<'_>) -> Option<bool> {
    let arguments = given.arguments;
    let nth = usize::try_from(arguments.number("nth_paragraph")?).ok()?;
    let parts: Vec<&str> = given.reply.split("\n\n").collect();
    let count = parts.iter().filter(|part| !strip(part).is_empty()).count();
    if nth > count {
        return Some(false);
    }
    let Some(word) = split(parts.get(nth.checked_sub(1)?)?).next() else { return Some(false) };
    let word = word.trim_start_matches('\'').trim_start_matches('"');
    let end = word.find(['.', ',', '?', '!', '\'', '"']).unwrap_or(word.len());
    let is_first = word.get(..end)?.to_lowercase() == arguments.text("first_word")?.to_lowercase();
    Some(is_first && i64::try_from(count).ok()? == arguments.number("num_paragraphs")?)
}
