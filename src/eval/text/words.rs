//! Words of texts: between blanks, and Chinese ones from a dictionary.

use std::sync::LazyLock;

use jieba_rs::Jieba;

/// Whether Python counts a character as a blank; it adds four separators to those of Unicode.
pub fn is_blank(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// The words between blanks, as Python's `split` has them.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_blank).filter(|word| !word.is_empty())
}

/// The text with one space between its words.
pub fn squeezed(text: &str) -> String {
    words(text).collect::<Vec<_>>().join(" ")
}

/// The punctuation of ASCII, as Python's `string.punctuation` has it.
pub fn is_ascii_punctuation(c: char) -> bool {
    c.is_ascii_punctuation()
}

/// Whether there is a Chinese character in the range that EvalScope asks for, U+4E00 to U+9FA5.
pub fn has_chinese(text: &str) -> bool {
    text.chars().any(|c| ('\u{4e00}'..='\u{9fa5}').contains(&c))
}

static DICTIONARY: LazyLock<Jieba> = LazyLock::new(Jieba::new);

/// The words of a Chinese text by jieba's dictionary, and its model for words that are not in it.
pub fn chinese_words(text: &str) -> Vec<&str> {
    DICTIONARY.cut(text, true).into_iter().map(|token| token.word).collect()
}

/// Words of a text as EvalScope counts them for ROUGE: by dictionary where there is Chinese, else between blanks.
pub(crate) fn segmented(text: &str) -> Vec<&str> {
    if has_chinese(text) {
        chinese_words(text).into_iter().filter(|word| !word.chars().all(is_blank)).collect()
    } else {
        words(text).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_blanks() {
        assert_eq!(words(" a\u{3000}b\u{1f}c\n").collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(squeezed("  a \t b "), "a b");
        assert!(has_chinese("x中"));
        assert!(!has_chinese("かな"));
    }

    #[test]
    fn chinese() {
        assert_eq!(chinese_words("我们去公园散步。"), ["我们", "去", "公园", "散步", "。"]);
    }
}
