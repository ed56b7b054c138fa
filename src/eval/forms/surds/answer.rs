//! The answer of a reply and its score.

use std::collections::BTreeMap;

use crate::eval::forms::pattern::{Pattern, group};

static TAG: Pattern = Pattern::new(r"(?s)<answer>(.*?)</answer>");
static NUMBERS: Pattern = Pattern::new(r"\[\s*([-0-9.,\s]+)\s*\]");
static ARTICLE: Pattern = Pattern::new(r"(?i)\b(a|an|the)\b");

/// What stands in the first `<answer>` of the reply; empty where there is none.
pub fn extract(reply: &str) -> String {
    TAG.first(reply).map(|found| group(&found, 1).trim().to_owned()).unwrap_or_default()
}

fn normalized(answer: &str) -> String {
    let bare: String = answer.trim().to_lowercase().chars().filter(|c| !c.is_ascii_punctuation()).collect();
    ARTICLE.replace(&bare, "").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether `option` stands in `answer` in any case, as whole words.
fn names(answer: &str, option: &str) -> bool {
    let pattern = format!(r"\b{}\b", regex::escape(option.trim().to_lowercase().as_str()));
    regex::Regex::new(&pattern).is_ok_and(|pattern| pattern.is_match(answer.trim().to_lowercase().as_str()))
}

/// 1 where the answer is the true one without case, punctuation and articles, and names one of the options if there are
/// any.
pub fn same(answer: &str, truth: &str, options: &[String]) -> f64 {
    let named = options.is_empty() || options.iter().any(|option| names(answer, option));
    f64::from(u8::from(!answer.is_empty() && named && normalized(answer) == normalized(truth)))
}

/// The first `[x, y]`, or the middle of the first `[x1, y1, x2, y2]`, in pixels: a coordinate below 1 is a part of the
/// side. `None` where there is none within the picture.
pub fn point(answer: &str, (width, height): (f64, f64)) -> Option<(f64, f64)> {
    let found = NUMBERS.first(answer)?;
    let inner = group(&found, 1).trim();
    let numbers = inner.strip_suffix(',').unwrap_or(inner).split(',').map(number).collect::<Option<Vec<f64>>>()?;
    let (x, y) = match numbers[..] {
        [x, y] => (x, y),
        [x1, y1, x2, y2] => (((x1 + x2) / 2.0).floor(), ((y1 + y2) / 2.0).floor()),
        _ => return None,
    };
    let x = if x < 1.0 { x * width } else { x };
    let y = if y < 1.0 { y * height } else { y };
    ((0.0..width).contains(&x) && (0.0..height).contains(&y)).then_some((x, y))
}

/// A number as Python writes one: no leading zeros, one sign.
fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let digits = text.strip_prefix('-').unwrap_or(text).trim_start();
    let whole = digits.bytes().all(|byte| byte.is_ascii_digit());
    let padded = whole && digits.len() > 1 && digits.starts_with('0') && digits.bytes().any(|byte| byte != b'0');
    let value: f64 = if padded || digits.starts_with('-') { return None } else { digits.parse().ok()? };
    Some(if text.starts_with('-') { -value } else { value })
}

/// How far in the middle of a box a point lies: 1 in the middle, 0 on the border and outside. The square root of the
/// product of the smaller to the larger distance across and down (Tian et al. 2019, "FCOS").
pub fn centered((x, y): (f64, f64), [left, upper, right, lower]: [f64; 4]) -> f64 {
    let inside = left <= x && x <= right && upper <= y && y <= lower;
    let ratio = |one: f64, other: f64| if one.max(other) > 0.0 { one.min(other) / one.max(other) } else { 1.0 };
    if inside { (ratio(x - left, right - x) * ratio(y - upper, lower - y)).sqrt() } else { 0.0 }
}

/// The mean over pairs of opposite questions, of which one counts only where it has exactly two answers and both are
/// right, and the number of pairs. What is given for an answer is the name of its pair, the number of the repetition,
/// and its score. `None` where there is nothing.
pub fn pairs<'a>(scores: impl IntoIterator<Item = (&'a str, usize, f64)>) -> Option<(f64, usize)> {
    let mut found = BTreeMap::<(&str, usize), (usize, usize)>::new();
    for (pair, repetition, score) in scores {
        let (right, all) = found.entry((pair, repetition)).or_default();
        *right += usize::from(score == 1.0);
        *all += 1;
    }
    let both = found.values().filter(|counts| **counts == (2, 2)).count();
    (!found.is_empty()).then(|| (both as f64 / found.len() as f64, found.len()))
}
