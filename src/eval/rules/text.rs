//! Texts as Python sees them: what is a space, a letter of a word, an upper-case text.
//!
//! The published verdicts come from Python programs, and their idea of these differs from Unicode's in small ways that
//! decide verdicts: a vowel sign of Devanagari is no letter of a word, the separators of ASCII are spaces.

/// A space inside a pattern: Python's `\s`.
pub(super) const SPACE: &str = r"[\s\x1c-\x1f]";
/// `str.isspace` of one character.
pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}

/// Whether a character is a letter of a word (`\w`): letters, numbers and the underscore, but no marks.
pub(super) fn is_word(c: char) -> bool {
    // Rust counts the vowel signs of many scripts as alphabetic.
    c == '_' || (c.is_alphanumeric() && !is_mark(c))
}

/// Whether an alphabetic character is a combining mark or an enclosed letter, which are neither letters nor numbers.
fn is_mark(c: char) -> bool {
    static MARK: super::pattern::Fixed = super::pattern::Fixed::new(r"[^\p{L}\p{N}]");
    !c.is_ascii() && MARK.is_in(c.encode_utf8(&mut [0; 4]))
}

/// `str.strip()`.
pub(super) fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// `str.split()`.
pub(super) fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_space).filter(|word| !word.is_empty())
}

/// Letters with an upper-case first part, such as ǅ.
fn is_title(c: char) -> bool {
    matches!(c, '\u{1c5}' | '\u{1c8}' | '\u{1cb}' | '\u{1f2}' | '\u{1f88}'..='\u{1f8f}' | '\u{1f98}'..='\u{1f9f}'
        | '\u{1fa8}'..='\u{1faf}' | '\u{1fbc}' | '\u{1fcc}' | '\u{1ffc}')
}

/// `str.isupper`: letters in upper case and none in lower case.
pub(super) fn is_upper(text: &str) -> bool {
    text.chars().any(char::is_uppercase) && !text.chars().any(|c| c.is_lowercase() || is_title(c))
}

/// `str.islower`: letters in lower case and none in upper case.
pub(super) fn is_lower(text: &str) -> bool {
    text.chars().any(char::is_lowercase) && !text.chars().any(|c| c.is_uppercase() || is_title(c))
}

/// Runs of letters of words: `\w+`.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c| !is_word(c)).filter(|word| !word.is_empty())
}

/// Without the signs of `string.punctuation`.
pub(super) fn bare(text: &str) -> String {
    text.chars().filter(|c| !c.is_ascii_punctuation()).collect()
}

/// A sign of `string.punctuation` or a blank.
pub(super) fn is_sign(c: char) -> bool {
    c == ' ' || c.is_ascii_punctuation()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_runs_of_letters_and_numbers() {
        let count = |text| words(text).count();
        assert_eq!(count("don't 3.14 a_b"), 5);
        assert_eq!(count("中文字符 ok"), 2);
        assert_eq!(count("किताब"), 3, "vowel signs part words");
        assert_eq!(count("x² Ⅷ"), 2);
        assert_eq!(count(""), 0);
    }

    #[test]
    fn the_case_of_a_text() {
        assert!(is_upper("ABC 1中") && !is_upper("ABc") && !is_upper("123") && !is_upper("ǅ"));
        assert!(is_lower("abc!") && !is_lower("!!!") && !is_lower("aB"));
    }

    #[test]
    fn separators_are_spaces() {
        assert_eq!(strip("\u{1f} a b\u{a0}\n"), "a b");
        assert_eq!(split(" a\u{1c}b  c ").collect::<Vec<_>>(), ["a", "b", "c"]);
    }
}
