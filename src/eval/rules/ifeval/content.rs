//! What a reply must hold: placeholders, a postscript, a language, letters of one case, no comma.

use super::super::arguments::Relation;
use super::super::language::language;
use super::super::pattern::{Fixed, given};
use super::super::text::{SPACE, is_lower, is_upper, strip};
use super::super::tokens::tokens;
use super::super::{Given, Rule};

/// Instructions about content, language, letter case and punctuation.
pub(super) const RULES: [(&str, Rule); 7] = [
    ("detectable_content:number_placeholders", number_placeholders),
    ("detectable_content:postscript", postscript),
    ("language:response_language", response_language),
    ("change_case:capital_word_frequency", capital_word_frequency),
    ("change_case:english_capital", english_capital),
    ("change_case:english_lowercase", english_lowercase),
    ("punctuation:no_comma", no_comma),
];

static PLACEHOLDER: Fixed = Fixed::new(r"\[.*?\]");

fn number_placeholders(given: &Given<'_>) -> Option<bool> {
    let threshold = given.arguments.number("num_placeholders")?;
    Some(Relation::AtLeast.holds(PLACEHOLDER.count(given.reply), threshold))
}

/// The marker anywhere in the reply; the two usual ones may have spaces in them.
fn postscript(given_: &Given<'_>) -> Option<bool> {
    let marker = strip(given_.arguments.text("postscript_marker")?);
    let pattern = match marker {
        "P.P.S" => format!(r"p\.{SPACE}?p\.{SPACE}?s"),
        "P.S." => format!(r"p\.{SPACE}?s\."),
        other => other.to_lowercase(),
    };
    Some(given(&pattern)?.is_match(&given_.reply.to_lowercase()))
}

/// A text that tells no language passes.
fn response_language(given: &Given<'_>) -> Option<bool> {
    let wished = given.arguments.text("language")?;
    Some(language(given.reply).is_none_or(|code| code == wished))
}

fn capital_word_frequency(given: &Given<'_>) -> Option<bool> {
    let relation = Relation::named(given.arguments.text("capital_relation")?)?;
    let count = tokens(given.reply).iter().filter(|token| is_upper(token)).count();
    Some(relation.holds(count, given.arguments.number("capital_frequency")?))
}

fn is_english(reply: &str) -> bool {
    language(reply).is_none_or(|code| code == "en")
}

fn english_capital(given: &Given<'_>) -> Option<bool> {
    Some(is_upper(given.reply) && is_english(given.reply))
}

fn english_lowercase(given: &Given<'_>) -> Option<bool> {
    Some(is_lower(given.reply) && is_english(given.reply))
}

fn no_comma(given: &Given<'_>) -> Option<bool> {
    Some(!given.reply.contains(','))
}
