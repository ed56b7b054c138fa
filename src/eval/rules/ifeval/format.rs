//! How a reply is laid out: lists, emphasis, sections, JSON, a title, one of three sentences.

use super::super::arguments::Relation;
use super::super::json::is_json;
use super::super::pattern::{Fixed, given};
use super::super::text::{SPACE, strip};
use super::super::{Given, Rule};

/// Instructions about the format.
pub(super) const RULES: [(&str, Rule); 6] = [
    ("detectable_format:constrained_response", constrained_response),
    ("detectable_format:number_bullet_lists", number_bullet_lists),
    ("detectable_format:number_highlighted_sections", number_highlighted_sections),
    ("detectable_format:multiple_sections", multiple_sections),
    ("detectable_format:json_format", json_format),
    ("detectable_format:title", title),
];

/// The three replies to choose from.
const ANSWERS: [&str; 3] = ["My answer is yes.", "My answer is no.", "My answer is maybe."];

static STARRED: Fixed = Fixed::new(r"(?m)^[\s\x1c-\x1f]*\*[^*].*$");
static DASHED: Fixed = Fixed::new(r"(?m)^[\s\x1c-\x1f]*-.*$");
static EMPHASIS: Fixed = Fixed::new(r"\*[^\n*]*\*");
static STRONG: Fixed = Fixed::new(r"\*\*[^\n*]*\*\*");
static TITLE: Fixed = Fixed::new(r"<<[^\n]+>>");

fn constrained_response(given: &Given<'_>) -> Option<bool> {
    Some(ANSWERS.iter().any(|answer| given.reply.contains(answer)))
}

fn number_bullet_lists(given: &Given<'_>) -> Option<bool> {
    let count = STARRED.count(given.reply) + DASHED.count(given.reply);
    Some(i64::try_from(count).ok()? == given.arguments.number("num_bullets")?)
}

fn number_highlighted_sections(given: &Given<'_>) -> Option<bool> {
    let once = EMPHASIS.all(given.reply).into_iter().map(|text| text.trim_matches('*'));
    let twice = STRONG.all(given.reply).into_iter().map(|text| text.trim_start_matches("**").trim_end_matches("**"));
    let count = once.chain(twice).filter(|text| !strip(text).is_empty()).count();
    Some(Relation::AtLeast.holds(count, given.arguments.number("num_highlights")?))
}

/// Sections are told by their heads: a word and a number.
fn multiple_sections(given_: &Given<'_>) -> Option<bool> {
    let head = strip(given_.arguments.text("section_spliter")?);
    let regex = regex::Regex::new(&format!(r"{SPACE}?(?:{head}){SPACE}?\d+{SPACE}?"));
    let regex = regex.ok().or_else(|| given(&format!(r"{}\s?\d+", regex::escape(head))))?;
    Some(Relation::AtLeast.holds(regex.find_iter(given_.reply).count(), given_.arguments.number("num_sections")?))
}

/// JSON, bare or in a fence.
fn json_format(given: &Given<'_>) -> Option<bool> {
    let mut text = strip(given.reply);
    for fence in ["```json", "```Json", "```JSON", "```"] {
        text = text.strip_prefix(fence).unwrap_or(text);
    }
    Some(is_json(strip(text.strip_suffix("```").unwrap_or(text))))
}

/// A title in double angle brackets that is not empty.
fn title(given: &Given<'_>) -> Option<bool> {
    let is_title = |text: &&str| !strip(text.trim_start_matches('<').trim_end_matches('>')).is_empty();
    Some(TITLE.all(given.reply).iter().any(is_title))
}
