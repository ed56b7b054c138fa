//! ScreenSpot-Pro: a point to click on, right where it lies in the box of the element.

use super::{Region, Size};
use crate::eval::forms::pattern::{Pattern, group};

static MARKER: Pattern = Pattern::new(r"(?i)(?:final\s+)?answer\s*[:：]");
static TAG: Pattern = Pattern::new(r"(?is)<\s*bbox[^>]*>(.*?)<\s*/\s*bbox\s*>");
static POINT: Pattern = Pattern::new(r"[\[\(]\s*(-?\d+(?:\.\d+)?%?)\s*(?:,|\s)\s*(-?\d+(?:\.\d+)?%?)\s*[\]\)]");
static NAMED: Pattern =
    Pattern::new(r#"(?is)['"]?x['"]?\s*[:=]\s*(-?\d+(?:\.\d+)?%?)[^\d\-]*?['"]?y['"]?\s*[:=]\s*(-?\d+(?:\.\d+)?%?)"#);
static NUMBER: Pattern = Pattern::new(r"-?\d+(?:\.\d+)?%?");

/// The point of a reply as it was written.
///
/// The line after the last `Answer:` comes first, where also `x=…, y=…` and two bare numbers count; else anywhere the
/// last `<bbox>` (its middle), then the last `[x, y]` or `(x, y)`. Per cent are hundredths.
pub fn point(reply: &str) -> Option<(f64, f64)> {
    let answer = MARKER.last(reply).and_then(|marker| reply.get(marker.get(0)?.end()..));
    let line = answer.and_then(|rest| rest.trim_start().split('\n').next());
    line.and_then(|line| marked(line).or_else(|| loose(line))).or_else(|| marked(reply))
}

fn marked(text: &str) -> Option<(f64, f64)> {
    if let Some(tag) = TAG.last(text) {
        let numbers: Vec<f64> =
            NUMBER.all(group(&tag, 1)).filter_map(|found| number(group(&found, 0))).take(4).collect();
        if let [x1, y1, x2, y2] = numbers[..] {
            return Some(Region([x1, y1, x2, y2]).center());
        }
    }
    pair(&POINT, text)
}

fn loose(text: &str) -> Option<(f64, f64)> {
    pair(&NAMED, text).or_else(|| {
        let numbers: Vec<f64> = NUMBER.all(text).filter_map(|found| number(group(&found, 0))).collect();
        match numbers[..] {
            [.., x, y] => Some((x, y)),
            _ => None,
        }
    })
}

fn pair(pattern: &Pattern, text: &str) -> Option<(f64, f64)> {
    let found = pattern.last(text)?;
    Some((number(group(&found, 1))?, number(group(&found, 2))?))
}

fn number(text: &str) -> Option<f64> {
    match text.strip_suffix('%') {
        Some(hundredths) => hundredths.parse::<f64>().ok().map(|number| number / 100.0),
        None => text.parse().ok(),
    }
}

/// A point in parts of the sides: as it is up to 1, thousandths up to 1000, and pixels of the image above.
pub fn in_parts((x, y): (f64, f64), (width, height): Size) -> (f64, f64) {
    if x <= 1.0 && y <= 1.0 {
        (x, y)
    } else if x <= 1000.0 && y <= 1000.0 {
        (x / 1000.0, y / 1000.0)
    } else {
        (x / width, y / height)
    }
}

/// The point of a reply in parts of the sides.
pub fn extract(reply: &str, size: Size) -> Option<(f64, f64)> {
    point(reply).map(|point| in_parts(point, size))
}

/// 1 where the point lies in the box, both in parts of the sides, else 0.
pub fn score(answer: Option<(f64, f64)>, truth: Region) -> f64 {
    f64::from(u8::from(answer.is_some_and(|point| truth.holds(point))))
}

/// The metric beside the accuracy that a sample is a part of, by the `ui_type` of its record.
pub fn metric(ui_type: &str) -> Option<&'static str> {
    match ui_type {
        "text" => Some("text_acc"),
        "icon" => Some("icon_acc"),
        _ => None,
    }
}
