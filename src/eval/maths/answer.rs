//! What a reply answers: the text of its final answer, and what kind of place it was found in.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use super::places::{self, Piece};
use super::{character, parser, tidy};

/// Where in a reply the answer was found, in the order of preference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a box.
    Boxed,
    /// Behind words such as "the answer is", `ANSWER:` or `####`.
    Phrase,
    /// The last line is a formula.
    Line,
    /// Between mathematics delimiters.
    Delimited,
    /// The last number of the text.
    Number,
    /// Words.
    Words,
}

/// The answer of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// As it was written, without box, delimiters and marks.
    pub text: String,
    /// Where it stood.
    pub place: Place,
}

/// A reply may be this long; of a longer one the end is looked at.
const MOST_BYTES: usize = 200_000;

/// Marks around an answer that are taken off.
const MOST_WRAPS: usize = 16;

/// Candidates behind phrases that are tried, from the last one.
const MOST_PHRASES: usize = 20;

static MARKER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?i)(?:####+|\banswers?\b[^\n.:：=$\\]{0,40}?\b(?:is|are|be|equals|was)\b\s*\**\s*[:：]?|\banswers?\b\s*\**\s*[:：=]|答案(?:应该)?(?:是|为|為|\s*[:：])\s*[:：]?)",
    )
    .ok()
});

static BEFORE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)(\S+)\s+is\s+(?:the|my|our)\s+(?:final\s+|correct\s+)?answer\b").ok());

/// Numbers with what belongs to them, and the sums and fractions that they make.
static NUMBER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let number = r"[-+−–]?\\?[$€£¥]?[-−]?(?:[0-9]+\s+[0-9]+/[0-9]+|[0-9]{1,3}(?:[ ,][0-9]{3})+(?:\.[0-9]+)*|[0-9]+(?:\.[0-9]+)*|\.[0-9]+)(?:[eE][-+]?[0-9]+\b)?\s?\\?%?";
    Regex::new(&format!(r"{number}(?:[ \t]*[-+*/×÷=^:][ \t]*{number})*")).ok()
});

static STATED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:it|this|that|he|she|result|value|solution)(?:\s+(?:is|was|equals)|['’]s)\s+([^.\n]+)").ok()
});

/// The answer of a reply, or `None` where there is nothing that looks like one.
///
/// The last box wins; boxes that stand side by side are one list. Without a box it is what follows the last phrase that
/// announces an answer, then a last line that is a formula, then the last text between mathematics delimiters or the
/// last number, whichever comes later, and then words. Thoughts before `</think>` do not count.
pub fn answer(reply: &str) -> Option<Answer> {
    let reply = &*in_plain_digits(said(reply));
    let found = |text: String, place: Place| Answer { text, place };
    if let Some((text, _)) = places::last_joined(reply, &places::boxes(reply)) {
        return Some(found(shown(&text), Place::Boxed));
    }
    if let Some(text) = phrased(reply) {
        return Some(found(shown(&text), Place::Phrase));
    }
    if let Some(text) = last_line(reply) {
        return Some(found(shown(text), Place::Line));
    }
    let pieces = places::delimited(reply);
    let number = last_number(reply, &pieces);
    if let Some((text, range)) = places::last_joined(reply, &pieces)
        && !number.as_ref().is_some_and(|(at, _)| {
            let name = text.chars().all(|letter| letter.is_alphabetic() || letter == '_');
            reply.get(range.end..*at).is_some_and(|gap| name || gap.contains('\n'))
        })
    {
        return Some(found(shown(&text), Place::Delimited));
    }
    if let Some((_, text)) = number {
        return Some(found(shown(&text), Place::Number));
    }
    words(reply).map(|text| found(text, Place::Words))
}

/// The reply behind its thoughts, and not more than can be looked at.
fn said(reply: &str) -> &str {
    let mut rest = reply;
    for close in ["</think>", "</thinking>", "</thought>"] {
        if let Some((_, after)) = rest.rsplit_once(close)
            && !after.trim().is_empty()
        {
            rest = after;
        }
    }
    let mut from = rest.len().saturating_sub(MOST_BYTES);
    while !rest.is_char_boundary(from) {
        from += 1;
    }
    rest.get(from..).unwrap_or(rest)
}

/// The reply with its decimal digits of any script as those of ASCII.
fn in_plain_digits(reply: &str) -> Cow<'_, str> {
    if reply.chars().all(|letter| letter.is_ascii() || character::digit(letter).is_none()) {
        return Cow::Borrowed(reply);
    }
    let plain = |letter: char| character::digit(letter).and_then(|digit| char::from_digit(digit, 10)).unwrap_or(letter);
    Cow::Owned(reply.chars().map(plain).collect())
}

/// The text without what stands around it, as written otherwise.
fn shown(text: &str) -> String {
    let mut rest = text.trim();
    for _ in 0..MOST_WRAPS {
        let before = rest;
        rest = tidy::without_stop(rest).trim();
        rest = rest.trim_matches(['*', '"', '“', '”', '`']).trim();
        if let [only] = places::boxes(rest).as_slice()
            && only.whole == (0..rest.len())
        {
            rest = only.text(rest);
        }
        if let Some(piece) = places::delimited_at(rest)
            && piece.whole.end == rest.len()
        {
            rest = piece.text(rest);
        }
        if rest.len() == before.len() {
            break;
        }
    }
    rest.to_owned()
}

/// What the last phrase with an answer behind it announces.
fn phrased(reply: &str) -> Option<String> {
    let marker = MARKER.as_ref()?;
    let ends: Vec<(usize, usize)> = marker.find_iter(reply).map(|found| (found.start(), found.end())).collect();
    let before = BEFORE.as_ref()?.captures_iter(reply).last().and_then(|captures| captures.get(1));
    for (start, end) in ends.iter().rev().take(MOST_PHRASES) {
        if let Some(subject) = before
            && subject.end() > *start
        {
            break;
        }
        if let Some(text) = announced(reply.get(*end..)?) {
            return Some(text);
        }
    }
    let subject = before?.as_str();
    let (_, number) = last_number(subject, &[])?;
    Some(places::delimited(subject).last().map_or(number, |piece| piece.text(subject).to_owned()))
}

/// The answer that stands right behind a phrase.
fn announced(rest: &str) -> Option<String> {
    let rest = rest
        .trim_start_matches(|letter: char| letter.is_whitespace() || matches!(letter, '*' | ':' | '：' | '`' | '>'));
    if let Some(text) = announced_between(rest) {
        return Some(text);
    }
    let line = rest.lines().next()?;
    let sentence = sentence(line);
    let money = sentence.trim_start_matches(['$', '~', '≈', '€', '£', '¥']).trim();
    let plain = without_remark(money.trim_matches(['*', '"', '“', '”', '`', ' ', '$']));
    let plain = plain.trim_end_matches(['!', '。', '！']).trim();
    if plain.is_empty() {
        return None;
    }
    if places::is_formula(plain) {
        return Some(plain.to_owned());
    }
    if let Some(piece) = places::delimited(sentence).first() {
        return Some(piece.text(sentence).to_owned());
    }
    // "C: because", "7, not 8"
    if let Some((head, _)) = plain.split_once(": ").or_else(|| plain.split_once(", "))
        && places::is_formula(head)
    {
        return Some(head.to_owned());
    }
    if let Some(number) = first_number(plain) {
        return Some(number);
    }
    // Words as an answer are few.
    (plain.split_whitespace().count() <= 12).then(|| plain.to_owned())
}

/// Pieces between delimiters that a text begins with, joined where they belong together.
fn announced_between(rest: &str) -> Option<String> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut at = 0;
    loop {
        let tail = rest.get(at..)?;
        let Some(piece) = places::delimited_at(tail) else { break };
        let inside = piece.text(tail);
        // A dollar sign before a number may be money; then what is inside does not read as mathematics.
        if inside.is_empty() || parser::parse(&tidy::bare(inside)).is_none() && !tail.starts_with("\\") {
            break;
        }
        pieces.push(Piece {
            whole: at + piece.whole.start..at + piece.whole.end,
            inside: at + piece.inside.start..at + piece.inside.end,
        });
        let end = at + piece.whole.end;
        let Some(next) = rest.get(end..)?.find(['$', '\\']) else { break };
        if !places::joins(rest.get(end..end + next)?) {
            break;
        }
        at = end + next;
    }
    places::last_joined(rest, &pieces).map(|(text, _)| text)
}

/// A line up to the end of its first sentence.
fn sentence(line: &str) -> &str {
    let end =
        [". ", "! ", "? ", "。", "</", "####"].iter().filter_map(|stop| line.find(stop)).min().unwrap_or(line.len());
    line.get(..end).unwrap_or(line).trim()
}

/// A text without the words in brackets that explain it.
fn without_remark(text: &str) -> &str {
    match text.split_once(" (") {
        Some((head, tail))
            if !head.trim().is_empty()
                && (!tail.contains([')', ']']) || places::plain_words(tail.trim_end_matches(')')) > 0) =>
        {
            head.trim()
        }
        _ => text,
    }
}

/// The last line, or its last sentence, where that is a formula or one word.
fn last_line(reply: &str) -> Option<&str> {
    let line = reply.lines().rev().find(|line| !line.trim().is_empty())?.trim();
    let line = without_number(line.trim_start_matches(['#', '>']).trim());
    formula(line).or_else(|| line.rsplit_once(". ").and_then(|(_, sentence)| formula(sentence)))
}

/// A line or sentence without its marks, where it is a formula or one word.
fn formula(line: &str) -> Option<&str> {
    let line = tidy::without_stop(line.trim_matches(['*', '`', ' ']));
    if line.len() > 2_000
        || line.contains('$') && !line.starts_with("\\$")
        || line.contains("\\(")
        || line.contains("\\[")
    {
        return None;
    }
    let single = !line.is_empty() && line.chars().all(char::is_alphabetic) && line.is_ascii();
    (single || places::is_formula(line)).then_some(line)
}

/// A line without the number or dash of a list.
fn without_number(line: &str) -> &str {
    let digits = line.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(0);
    let rest = line.get(digits..).unwrap_or_default();
    match rest.strip_prefix(". ").or_else(|| rest.strip_prefix(") ")) {
        Some(item) if (1..=2).contains(&digits) && !item.trim().is_empty() => item.trim(),
        _ => line,
    }
}

/// The last number outside the pieces, with where it begins.
fn last_number(reply: &str, pieces: &[Piece]) -> Option<(usize, String)> {
    let found = NUMBER.as_ref()?.find_iter(reply).filter(|found| readable(reply, found.start(), found.as_str()));
    let outside = |at: usize| {
        let before = pieces.partition_point(|piece| piece.whole.start <= at);
        before.checked_sub(1).and_then(|before| pieces.get(before)).is_none_or(|piece| piece.whole.end <= at)
    };
    found.filter(|found| outside(found.start())).last().map(|found| (found.start(), number_text(found.as_str())))
}

/// The first number.
fn first_number(text: &str) -> Option<String> {
    let found = NUMBER.as_ref()?.find_iter(text).find(|found| readable(text, found.start(), found.as_str()))?;
    Some(number_text(found.as_str()))
}

fn number_text(text: &str) -> String {
    text.trim().trim_start_matches(['$', '€', '£', '¥', '+']).to_owned()
}

/// Whether a number stands by itself and is not a part of a name such as x2 or of a version.
fn readable(text: &str, at: usize, number: &str) -> bool {
    let before = text.get(..at).and_then(|head| head.chars().next_back());
    let glued = before.is_some_and(|letter| letter.is_ascii_alphabetic() || letter == '_' || letter == '^');
    let dots = number
        .split(|letter: char| !letter.is_ascii_digit() && letter != '.')
        .any(|part| part.matches('.').count() > 1);
    !glued && !dots
}

/// Words that are stated as the answer, or a reply that is itself a few words.
fn words(reply: &str) -> Option<String> {
    let stated = STATED.as_ref()?.captures_iter(reply).last().and_then(|captures| captures.get(1));
    let text = stated.map_or(reply, |found| found.as_str()).trim();
    let few = (1..=4).contains(&text.split_whitespace().count()) && text.len() <= 80;
    (few && text.chars().any(char::is_alphanumeric)).then(|| shown(text))
}
