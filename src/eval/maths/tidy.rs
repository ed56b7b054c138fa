//! Takes off what stands around an answer: dollars, boxes, bold marks, quotes, full stops.

use super::{character, lexer};

const MOST_WRAPS: usize = 16;

/// The answer alone, with characters of Unicode in their plain spelling.
pub fn bare(text: &str) -> String {
    let plain = character::plain(text);
    let mut rest = plain.trim();
    for _ in 0..MOST_WRAPS {
        let before = rest;
        rest = unwrapped(rest).trim();
        rest = without_stop(rest);
        rest = rest.strip_suffix("\\\\").unwrap_or(rest).trim_end();
        if rest == before {
            break;
        }
    }
    rest.to_owned()
}

/// A text without the stops behind it; three dots behind a digit belong to a number that goes on.
pub fn without_stop(text: &str) -> &str {
    let goes_on = text.strip_suffix("...").is_some_and(|head| head.ends_with(|letter: char| letter.is_ascii_digit()));
    if goes_on { text } else { text.trim_end_matches(['.', ',', ';', ':', '。', '，', '：']).trim_end() }
}

fn unwrapped(text: &str) -> &str {
    const PAIRS: [(&str, &str); 8] =
        [("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]"), ("**", "**"), ("`", "`"), ("\"", "\""), ("'", "'")];
    for (open, close) in PAIRS {
        if let Some(inner) = text.strip_prefix(open)
            && let Some(inner) = inner.strip_suffix(close)
            && !inner.contains(open)
        {
            return inner;
        }
    }
    for command in ["\\boxed", "\\fbox"] {
        if let Some(rest) = text.strip_prefix(command)
            && let Some((inside, length)) = lexer::argument(rest)
            && length == rest.len()
        {
            return inside;
        }
    }
    text.strip_prefix("**").filter(|rest| !rest.contains("**")).unwrap_or(text)
}

/// Commands that only set how words look.
const LOOKS: [&str; 12] = [
    "\\textbf",
    "\\textit",
    "\\textrm",
    "\\text",
    "\\mathrm",
    "\\mathbf",
    "\\mathit",
    "\\mbox",
    "\\operatorname",
    "\\left",
    "\\right",
    "\\displaystyle",
];

/// Whether two texts are the same words: spaces, quotes, brackets around a single letter and a final dot do not count,
/// nor does the case of letters where there are only letters. Formulas are the same only letter by letter.
pub fn same_words(left: &str, right: &str) -> bool {
    if left.trim() == right.trim() {
        return !left.trim().is_empty();
    }
    let (left, right) = (words(left), words(right));
    if left.is_empty() {
        return false;
    }
    if left == right {
        return true;
    }
    let wordy = |text: &str| text.chars().all(|letter| letter.is_alphabetic() || letter == ' ' || letter == '-');
    wordy(&left) && wordy(&right) && left.to_lowercase() == right.to_lowercase()
}

fn words(text: &str) -> String {
    let mut rest = text.to_owned();
    for look in LOOKS {
        if rest.contains(look) {
            rest = rest.replace(look, "");
        }
    }
    let parts: Vec<&str> =
        rest.split(|letter: char| letter.is_whitespace() || letter == '~').filter(|part| !part.is_empty()).collect();
    let mut text = parts.join(" ");
    for _ in 0..4 {
        let trimmed = text.trim_matches([' ', '.', '"']);
        let inner = trimmed.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')).unwrap_or(trimmed);
        let inner = match inner.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
            Some(single) if single.chars().filter(|letter| letter.is_alphanumeric()).count() == 1 => single,
            _ => inner,
        };
        if inner.len() == text.len() {
            break;
        }
        text = inner.to_owned();
    }
    text
}
