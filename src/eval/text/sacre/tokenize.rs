//! Tokenizers of sacreBLEU.

use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;

use crate::eval::text::pattern::pattern;
use crate::eval::text::words::{squeezed, words};

/// How texts are split before n-grams are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Tokenizer {
    /// The rules of mteval-v13a.
    #[default]
    #[serde(rename = "13a")]
    Mteval13a,
    /// Chinese characters each, the rest as 13a.
    #[serde(rename = "zh")]
    Chinese,
    /// Every character.
    #[serde(rename = "char")]
    Character,
    /// The international rules of mteval-v14: marks and symbols of any script.
    #[serde(rename = "intl")]
    International,
    /// Between blanks.
    #[serde(rename = "none")]
    None,
}

type Rule = (Regex, &'static str);

static ASCII: LazyLock<[Rule; 4]> = LazyLock::new(|| {
    [
        (pattern(r"([\{-\~\[-\x60 -\&\(-\+\:-\@\/])"), " ${1} "),
        (pattern(r"([^0-9])([\.,])"), "${1} ${2} "),
        (pattern(r"([\.,])([^0-9])"), " ${1} ${2}"),
        (pattern(r"([0-9])(-)"), "${1} ${2} "),
    ]
});

static INTERNATIONAL: LazyLock<[Rule; 3]> = LazyLock::new(|| {
    [
        (pattern(r"(\P{N})(\p{P})"), "${1} ${2} "),
        (pattern(r"(\p{P})(\P{N})"), " ${1} ${2}"),
        (pattern(r"(\p{S})"), " ${1} "),
    ]
});

/// What sacreBLEU takes for Chinese. Two of its ranges are written so that they mean U+2001 to U+2A6D (with dashes and
/// quotation marks) and U+2F81 to U+2FA1; they are kept, since published figures rest on them.
const CHINESE: [(char, char); 22] = [
    ('\u{3400}', '\u{4db5}'),
    ('\u{4e00}', '\u{9fa5}'),
    ('\u{9fa6}', '\u{9fbb}'),
    ('\u{f900}', '\u{fa2d}'),
    ('\u{fa30}', '\u{fa6a}'),
    ('\u{fa70}', '\u{fad9}'),
    ('\u{2001}', '\u{2a6d}'),
    ('\u{2f81}', '\u{2fa1}'),
    ('\u{ff00}', '\u{ffef}'),
    ('\u{2e80}', '\u{2eff}'),
    ('\u{3000}', '\u{303f}'),
    ('\u{31c0}', '\u{31ef}'),
    ('\u{2f00}', '\u{2fdf}'),
    ('\u{2ff0}', '\u{2fff}'),
    ('\u{3100}', '\u{312f}'),
    ('\u{31a0}', '\u{31bf}'),
    ('\u{fe10}', '\u{fe1f}'),
    ('\u{fe30}', '\u{fe4f}'),
    ('\u{2600}', '\u{26ff}'),
    ('\u{2700}', '\u{27bf}'),
    ('\u{3200}', '\u{32ff}'),
    ('\u{3300}', '\u{33ff}'),
];

impl Tokenizer {
    /// The tokens of a text.
    pub fn tokens(self, text: &str) -> Vec<String> {
        let text = text.trim_end_matches(crate::eval::text::words::is_blank);
        match self {
            Self::Mteval13a => list(&apply(&*ASCII, format!(" {} ", unescaped(text)))),
            Self::Chinese => list(&apply(&*ASCII, spaced(text))),
            Self::Character => {
                text.chars().filter(|c| !crate::eval::text::words::is_blank(*c)).map(String::from).collect()
            }
            Self::International => list(&apply(&*INTERNATIONAL, text.to_owned())),
            Self::None => list(text),
        }
    }
}

fn list(text: &str) -> Vec<String> {
    words(text).map(str::to_owned).collect()
}

fn apply(rules: &[Rule], text: String) -> String {
    rules.iter().fold(text, |text, (form, replacement)| form.replace_all(&text, *replacement).into_owned())
}

/// Joins broken lines and reads the four entities of XML.
fn unescaped(text: &str) -> String {
    let text = text.replace("<skipped>", "").replace("-\n", "").replace('\n', " ");
    text.replace("&quot;", "\"").replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")
}

/// The text with blanks around Chinese characters.
fn spaced(text: &str) -> String {
    let is_chinese = |c: char| CHINESE.iter().any(|(first, last)| (*first..=*last).contains(&c));
    let mut spaced = String::with_capacity(text.len());
    for c in text.trim().chars() {
        if is_chinese(c) {
            spaced.extend([' ', c, ' ']);
        } else {
            spaced.push(c);
        }
    }
    spaced
}

/// The words that TER compares: lowered, between blanks.
pub(super) fn ter_words(text: &str) -> Vec<String> {
    list(&squeezed(&text.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens() {
        for (tokenizer, text, expected) in [
            (
                Tokenizer::Mteval13a,
                "Hello, world! 1,000.5 a-b 3-4 &quot;x&quot;",
                "Hello , world ! 1,000.5 a-b 3 - 4 \" x \"",
            ),
            (Tokenizer::Chinese, "我们go。“好”", "我 们 go 。 “ 好 ”"),
            (Tokenizer::Character, "a b", "a b"),
            (Tokenizer::International, "a€b «c» 1.5", "a € b « c » 1.5"),
            (Tokenizer::None, " a,  b ", "a, b"),
        ] {
            assert_eq!(tokenizer.tokens(text).join(" "), expected);
        }
    }
}
