//! Which words and letters a reply has, and how often.

use super::super::arguments::Relation;
use super::super::pattern::{given, has_word};
use super::super::text::strip;
use super::super::{Given, Rule};

/// Instructions about keywords.
pub(super) const RULES: [(&str, Rule); 4] = [
    ("keywords:existence", existence),
    ("keywords:frequency", frequency),
    ("keywords:forbidden_words", forbidden_words),
    ("keywords:letter_frequency", letter_frequency),
];

/// Each keyword is a pattern that occurs somewhere, also inside words.
fn existence(given_: &Given<'_>) -> Option<bool> {
    let keywords = given_.arguments.texts("keywords")?;
    Some(keywords.iter().all(|keyword| given(keyword).is_some_and(|regex| regex.is_match(given_.reply))))
}

fn frequency(given_: &Given<'_>) -> Option<bool> {
    let arguments = given_.arguments;
    let regex = given(strip(arguments.text("keyword")?))?;
    let relation = Relation::named(arguments.text("relation")?)?;
    Some(relation.holds(regex.find_iter(given_.reply).count(), arguments.number("frequency")?))
}

fn forbidden_words(given_: &Given<'_>) -> Option<bool> {
    let words = given_.arguments.texts("forbidden_words")?;
    Some(!words.iter().any(|word| has_word(word, given_.reply)))
}

fn letter_frequency(given_: &Given<'_>) -> Option<bool> {
    let arguments = given_.arguments;
    let letter = strip(arguments.text("letter")?).to_lowercase();
    let letter = letter.chars().next()?;
    let relation = Relation::named(arguments.text("let_relation")?)?;
    let count = given_.reply.to_lowercase().chars().filter(|c| *c == letter).count();
    Some(relation.holds(count, arguments.number("let_frequency")?))
}
