//! The forms of transcripts by language.

use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;
use unicode_normalization::UnicodeNormalization;

use super::english::english_form;
use crate::eval::text::pattern::pattern;

/// What decides the form of a transcript.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum SpeechLanguage {
    /// English.
    #[serde(rename = "en")]
    English,
    /// Chinese in Mandarin.
    #[serde(rename = "cmn_hans")]
    Mandarin,
    /// Chinese in Cantonese, which is counted by characters.
    #[serde(rename = "yue_hant")]
    Cantonese,
    /// Any other.
    #[default]
    #[serde(other)]
    Other,
}

impl SpeechLanguage {
    /// The language of a code: `en`, `cmn_hans` (also `zh`), `yue_hant`, else any other.
    pub fn named(code: &str) -> Self {
        match code {
            "en" | "English" => Self::English,
            "cmn_hans" | "zh" => Self::Mandarin,
            "yue_hant" => Self::Cantonese,
            _ => Self::Other,
        }
    }
}

static SPECIAL: LazyLock<Regex> = LazyLock::new(|| pattern(r"<\|.*?\|>"));
static BLANKS: LazyLock<Regex> = LazyLock::new(|| pattern(r"\s+"));
static BEFORE_MARK: LazyLock<Regex> = LazyLock::new(|| pattern(" ?([!,.?;:])"));
pub(super) static BRACKETS: LazyLock<Regex> = LazyLock::new(|| pattern(r"[<\[][^>\]]*[>\]]"));
pub(super) static PARENTHESES: LazyLock<Regex> = LazyLock::new(|| pattern(r"\([^)]+?\)"));
static SYMBOL: LazyLock<Regex> = LazyLock::new(|| pattern(r"[\p{M}\p{S}\p{P}]"));

/// The form of a transcript before it is compared.
///
/// Cantonese is not converted to simplified characters, which EvalScope does first.
pub fn transcript_form(text: &str, language: SpeechLanguage) -> String {
    let text = SPECIAL.replace_all(text, " ");
    let text = BLANKS.replace_all(&text, " ");
    let text = BEFORE_MARK.replace_all(&text, "${1}");
    let text = text.trim_start_matches(' ');
    match language {
        SpeechLanguage::English => english_form(text),
        SpeechLanguage::Mandarin => chinese_form(&BLANKS.replace_all(text, "")),
        SpeechLanguage::Cantonese | SpeechLanguage::Other => basic_form(text),
    }
}

/// Whisper's form for any language: lowered, without what stands in brackets, symbols and marks as blanks.
pub fn basic_form(text: &str) -> String {
    let text = text.to_lowercase();
    let text = BRACKETS.replace_all(&text, "");
    let text = PARENTHESES.replace_all(&text, "");
    let composed: String = text.nfkc().collect();
    let text = SYMBOL.replace_all(&composed, " ").to_lowercase();
    BLANKS.replace_all(&text, " ").into_owned()
}

/// Marks of Chinese that are no letters.
const CHINESE_MARKS: &str = "！？｡。＂＃＄％＆＇（）＊＋，－／：；＜＝＞＠［＼］＾＿｀｛｜｝～｟｠｢｣､、〃《》「」『』【】〔〕〖〗〘〙〚〛〜〝〞〟〰〾〿–—‘’‛“”„‟…‧﹏·〈〉";

/// Chinese with its marks and those of ASCII as blanks. Numbers stay in digits; EvalScope writes them out.
pub fn chinese_form(text: &str) -> String {
    let mark = |c: char| c.is_ascii_punctuation() || CHINESE_MARKS.contains(c);
    text.chars().map(|c| if mark(c) { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn forms() {
        assert_eq!(basic_form("Élan [x] (y) – ok!"), "élan ok ");
        assert_eq!(chinese_form("好，你好!"), "好 你好 ");
        assert_eq!(transcript_form("<|zh|>你 好 。", SpeechLanguage::Mandarin), "你好 ");
    }

    proptest! {
        #[test]
        fn any_text_has_a_form(text in "(\\PC|twenty |one |half |'s|\\$|[0-9.,%]){0,40}") {
            for language in ["en", "zh", "yue_hant", "fr"] {
                let _ = transcript_form(&text, SpeechLanguage::named(language));
            }
        }
    }
}
