//! SLAKE: short answers about medical images, in English and Chinese.

use std::sync::LazyLock;

use regex::Regex;

use super::number::digits_of;
use super::pattern::pattern;
use super::words::words;

const CHINESE: [(&str, &str); 12] = [
    ("零", "0"),
    ("一", "1"),
    ("两", "2"),
    ("二", "2"),
    ("三", "3"),
    ("四", "4"),
    ("五", "5"),
    ("六", "6"),
    ("七", "7"),
    ("八", "8"),
    ("九", "9"),
    ("十", "10"),
];
const YES: [&str; 12] = ["yes", "yeah", "yep", "true", "是", "是的", "有", "包含", "存在", "可以", "能", "会"];
const NO: [&str; 13] =
    ["no", "nope", "false", "否", "不是", "没有", "无", "不包含", "不存在", "不可以", "不能", "不会", "不正常"];
const XRAY: [&str; 6] = ["x ray", "xray", "x光", "x 光", "x射线", "x 射线"];
const CHINESE_MARKS: &str = "！？。＂＃＄％＆＇（）＊＋，－／：；＜＝＞＠［＼］＾＿｀｛｜｝～、《》【】";

static ASIDES: LazyLock<Regex> = LazyLock::new(|| pattern(r"\([^)]*\)|（[^）]*）"));

/// The form of an answer: lowered, without what stands in brackets, marks and articles; numbers in digits; one word for
/// yes, no and X-rays in either language.
pub fn slake_form(answer: &str) -> String {
    let text = ASIDES.replace_all(&answer.to_lowercase(), " ").into_owned();
    let mark = |c: char| c.is_ascii_punctuation() || CHINESE_MARKS.contains(c);
    let spaced: String = text.chars().map(|c| if mark(c) { ' ' } else { c }).collect();
    let kept = words(&spaced).map(in_digits).filter(|word| !matches!(*word, "a" | "an" | "the"));
    let text = kept.collect::<Vec<_>>().join(" ");
    let one_of = |list: &[&str]| list.contains(&text.as_str());
    match () {
        () if one_of(&XRAY) => "xray".to_owned(),
        () if one_of(&YES) => "yes".to_owned(),
        () if one_of(&NO) => "no".to_owned(),
        () => text,
    }
}

/// A number word in digits, also with the Chinese counter 个 after it.
fn in_digits(word: &str) -> &str {
    let named = |word: &str| {
        digits_of(word).or_else(|| CHINESE.iter().find(|(name, _)| *name == word).map(|(_, digits)| *digits))
    };
    let counted = word
        .strip_suffix('个')
        .filter(|bare| named(bare).is_some() || !bare.is_empty() && bare.chars().all(|c| c.is_numeric()));
    let bare = counted.unwrap_or(word);
    named(bare).unwrap_or(bare)
}

/// 1 where two answers have the same form, else 0.
pub fn slake_match(prediction: &str, reference: &str) -> f64 {
    f64::from(slake_form(prediction) == slake_form(reference))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        for (answer, expected) in [
            ("The Left Lung.", "left lung"),
            ("X-Ray", "xray"),
            ("X光", "xray"),
            ("是的。", "yes"),
            ("没有", "no"),
            ("两个", "2"),
            ("3个", "3"),
            ("CT (chest)", "ct"),
            ("two", "2"),
        ] {
            assert_eq!(slake_form(answer), expected, "{answer}");
        }
        assert_eq!(slake_match("Yes", "是"), 1.0);
    }
}
