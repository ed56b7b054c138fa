//! Answers to CMMMU: choices, judgements and blanks to fill in, in Chinese.

use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;

use super::open::OpenAnswer;
use super::{Chosen, Via};
use crate::eval::text::number::{python_float, round_half_even};
use crate::eval::text::pattern::pattern;

/// The kinds of its questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum CmmmuKind {
    /// Letters of options.
    #[serde(rename = "选择")]
    Choice,
    /// Right (`对`) or wrong (`错`).
    #[serde(rename = "判断")]
    Judgement,
    /// A text or a number.
    #[serde(rename = "填空")]
    Blank,
}

const BLANK_WORDS: [&str; 11] =
    ["是", "为", "所以", "等于", "方案", "选择", "正确答案", "因此", "最后", "答案", "结果"];
const JUDGEMENT_WORDS: [&str; 9] = ["是", "为", "所以", "判断", "陈述", "说法", "表达", "答案", "结果"];
const POSITIVE: [&str; 5] = ["正确", "对", "准确", "肯定", "对的"];
const NEGATIVE: [&str; 8] = ["不对", "错误", "不正确", "不准确", "不合适", "否定", "错的", "错"];
const AMBIGUOUS: [&str; 7] = ["对错", "是否正确", "否正确", "或者", "是否", "正确性", "对不"];
const TRIVIAL: [&str; 7] = [":", ",", ".", "!", "?", ";", "'"];

static COMMAS: LazyLock<Regex> = LazyLock::new(|| pattern(r"-?[0-9]{1,3}(?:，[0-9]{3})+"));
static SCIENTIFIC: LazyLock<Regex> = LazyLock::new(|| pattern(r"-?[0-9]+(?:\.[0-9]+)?[eE][+-]?[0-9]+"));
/// The same where a text begins.
static SCIENTIFIC_FIRST: LazyLock<Regex> = LazyLock::new(|| pattern(r"^-?[0-9]+(?:\.[0-9]+)?[eE][+-]?[0-9]+"));
static SIMPLE: LazyLock<Regex> = LazyLock::new(|| pattern(r"-?(?:[0-9]+\.[0-9]+|\.[0-9]+|[0-9]+)"));

/// The letters that a reply names most often: in brackets, else anywhere, else by the texts of the options.
///
/// EvalScope draws a letter where none is named; here there is none then.
pub fn cmmmu_letters(reply: &str, options: &[String]) -> Chosen {
    let mut reply = reply.to_owned();
    for mark in [',', '.', '!', '?', ';', ':', '\''] {
        reply = reply.trim_matches(mark).to_owned();
    }
    let letters: Vec<String> = (0..options.len()).map(super::Labels::label).collect();
    let by_bracket = most_frequent(&letters, |index| count(&reply, &format!("({})", letters[index])));
    let by_letter = || most_frequent(&letters, |index| count(&reply, &letters[index]));
    let by_text = || most_frequent(&letters, |index| count(&reply, &options[index]));
    if let Some(found) = by_bracket.or_else(by_letter) {
        return Chosen { labels: found.into_iter().collect(), via: Via::Marker };
    }
    by_text().map_or_else(Chosen::none, |found| Chosen { labels: found.into_iter().collect(), via: Via::Fallback })
}

fn count(text: &str, part: &str) -> usize {
    if part.is_empty() { 0 } else { text.matches(part).count() }
}

fn most_frequent(letters: &[String], counted: impl Fn(usize) -> usize) -> Option<Vec<String>> {
    let counts: Vec<usize> = (0..letters.len()).map(counted).collect();
    let most = counts.iter().copied().max().filter(|most| *most > 0)?;
    Some(letters.iter().zip(counts).filter(|(_, count)| *count == most).map(|(letter, _)| letter.clone()).collect())
}

/// Whether a reply judges right (`true`) or wrong by the majority of its telling sentences; none where they are equal.
///
/// EvalScope draws one of the two where they are equal.
pub fn cmmmu_judgement(reply: &str) -> Option<bool> {
    let mut parts = telling_parts(reply, &JUDGEMENT_WORDS, None);
    parts.sort();
    parts.dedup();
    let has = |part: &str, words: &[&str]| words.iter().any(|word| part.contains(word));
    let clear = parts.iter().filter(|part| !has(part, &AMBIGUOUS));
    let (mut yes, mut no) = (0_usize, 0_usize);
    for part in clear {
        if has(part, &POSITIVE) {
            yes += 1;
        } else if has(part, &NEGATIVE) {
            no += 1;
        }
    }
    (yes != no).then_some(yes > no)
}

/// Whether a reply fills the blank with the reference: equal as a number, or a text that contains it.
pub fn cmmmu_blank_matches(reply: &str, reference: &str) -> bool {
    let parts = telling_parts(reply, &BLANK_WORDS, Some("="));
    let numbers: Vec<String> = parts.iter().flat_map(|part| numbers(part)).collect();
    let right = normalized(reference, reference);
    parts.iter().chain(&numbers).filter_map(|part| normalized(part, reference)).any(|answer| match (&answer, &right) {
        (OpenAnswer::Text(text), Some(OpenAnswer::Text(part))) => text.contains(part.as_str()),
        (OpenAnswer::Number(_), Some(right)) => answer == *right,
        _ => false,
    })
}

/// The shortest text after a telling word, for every sentence that has one; the whole reply where none has.
fn telling_parts(reply: &str, words: &[&str], last_word: Option<&str>) -> Vec<String> {
    let reply = reply.trim_matches('。').trim();
    let sentences: Vec<&str> = reply.split(['。', '\n']).collect();
    let last = sentences.len().saturating_sub(1);
    let mut parts = Vec::new();
    for (index, sentence) in sentences.iter().enumerate() {
        let words = words.iter().copied().chain(last_word.filter(|_| index == last));
        let after = words.filter_map(|word| Some(sentence.rsplit_once(word)?.1.trim()));
        if let Some(shortest) = after.min_by_key(|text| text.chars().count())
            && !shortest.is_empty()
            && !TRIVIAL.contains(&shortest)
        {
            parts.push(shortest.to_owned());
        }
    }
    if parts.is_empty() { vec![reply.to_owned()] } else { parts }
}

fn numbers(text: &str) -> Vec<String> {
    let plain = SIMPLE.find_iter(text).filter(|found| {
        let rest = text.get(found.end()..).unwrap_or_default();
        let grouped = rest.strip_prefix('，').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        !grouped && !SCIENTIFIC_FIRST.is_match(text.get(found.start()..).unwrap_or_default())
    });
    let all = COMMAS.find_iter(text).chain(SCIENTIFIC.find_iter(text)).chain(plain);
    all.map(|found| found.as_str().to_owned()).collect()
}

/// A number rounded to two decimals, or a text; none where the text is much longer than the reference.
fn normalized(text: &str, reference: &str) -> Option<OpenAnswer> {
    let text = text.trim();
    if let Some(number) = python_float(&text.replace(',', "")) {
        return Some(OpenAnswer::Number(round_half_even(number, 2)));
    }
    let letters = |text: &str| text.chars().filter(char::is_ascii_alphabetic).count();
    let long = text.chars().count() > reference.chars().count() + 20 || letters(text) > letters(reference) + 2;
    (!long).then(|| OpenAnswer::Text(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn options() -> Vec<String> {
        ["红色", "蓝色", "绿色", "黄色"].map(str::to_owned).to_vec()
    }

    #[test]
    fn letters_by_frequency() {
        for (reply, expected) in [("选(A)和(C)。", "AC"), ("A, A or B", "A"), ("是蓝色", "B"), ("不知道", "")]
        {
            assert_eq!(cmmmu_letters(reply, &options()).joined(), expected, "{reply}");
        }
    }

    #[test]
    fn judgements() {
        assert_eq!(cmmmu_judgement("这个说法是正确的。"), Some(true));
        assert_eq!(cmmmu_judgement("答案：错误"), Some(false));
        assert_eq!(cmmmu_judgement("不知道"), None);
    }

    #[test]
    fn blanks() {
        assert!(cmmmu_blank_matches("经过计算，结果为3.50", "3.5"));
        assert!(cmmmu_blank_matches("答案是光合作用。", "光合作用"));
        assert!(!cmmmu_blank_matches("答案是4", "5"));
    }

    proptest! {
        #[test]
        fn any_reply_is_read(reply in "(是|为|对|错|[0-9，.eE\\-]|\\PC|。){0,40}", reference in "\\PC{0,9}") {
            let _ = (cmmmu_letters(&reply, &options()), cmmmu_judgement(&reply));
            let _ = cmmmu_blank_matches(&reply, &reference);
        }
    }
}
