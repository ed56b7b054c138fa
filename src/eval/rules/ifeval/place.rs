//! What stands at the beginning and the end of a reply, and two replies in one.

use super::super::text::strip;
use super::super::{Given, Rule};

/// Instructions about the beginning, the end and combinations.
pub(super) const RULES: [(&str, Rule); 4] = [
    ("combination:two_responses", two_responses),
    ("combination:repeat_prompt", repeat_prompt),
    ("startend:end_checker", end_checker),
    ("startend:quotation", quotation),
];

/// Two different replies parted by six asterisks; empty parts are forgiven at both ends only.
fn two_responses(given: &Given<'_>) -> Option<bool> {
    let parts: Vec<&str> = given.reply.split("******").map(strip).collect();
    let last = parts.len() - 1;
    if parts.iter().enumerate().any(|(index, part)| part.is_empty() && index != 0 && index != last) {
        return Some(false);
    }
    let filled: Vec<&&str> = parts.iter().filter(|part| !part.is_empty()).collect();
    Some(matches!(filled[..], [first, second] if first != second))
}

fn repeat_prompt(given: &Given<'_>) -> Option<bool> {
    let prompt = given.arguments.text("prompt_to_repeat").unwrap_or(given.prompt);
    Some(strip(given.reply).to_lowercase().starts_with(&strip(prompt).to_lowercase()))
}

fn end_checker(given: &Given<'_>) -> Option<bool> {
    let reply = strip(given.reply).trim_matches('"').to_lowercase();
    Some(reply.ends_with(&strip(given.arguments.text("end_phrase")?).to_lowercase()))
}

fn quotation(given: &Given<'_>) -> Option<bool> {
    let reply = strip(given.reply);
    Some(reply.chars().nth(1).is_some() && reply.starts_with('"') && reply.ends_with('"'))
}
