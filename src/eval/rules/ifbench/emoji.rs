//! Emoji: single letters that are one, and how many a text has.

use super::super::pattern::Fixed;

static ONE: Fixed = Fixed::new(r"[\p{Emoji}--[\x00-\x7f]--\p{Regional_Indicator}]");
/// A flag, a key, or a picture with its selector and skin, and others joined to it.
static MANY: Fixed = Fixed::new(concat!(
    r"\p{Regional_Indicator}{2}|[0-9#*]\x{fe0f}?\x{20e3}|",
    r"(?:[\p{Emoji}--[\x00-\x7f]--\p{Regional_Indicator}][\x{fe0f}\x{1f3fb}-\x{1f3ff}]*)",
    r"(?:\x{200d}[\p{Emoji}--[\x00-\x7f]][\x{fe0f}\x{1f3fb}-\x{1f3ff}]*)*",
));

/// Whether a letter alone is an emoji.
pub(super) fn is_emoji(c: char) -> bool {
    !c.is_ascii() && ONE.is_in(c.encode_utf8(&mut [0; 4]))
}

/// Emoji in a text, joined ones counting once.
pub(in super::super) fn count_emoji(text: &str) -> usize {
    MANY.count(text)
}

/// The text without them.
pub(in super::super) fn without_emoji(text: &str) -> String {
    MANY.replaced(text, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_none() {
        assert!(is_emoji('😀') && is_emoji('☺') && is_emoji('©'));
        assert!(!is_emoji('1') && !is_emoji('a') && !is_emoji('字') && !is_emoji('\u{fe0f}'));
        assert_eq!(count_emoji("a👨‍👩‍👧b🇩🇪1️⃣👍🏽 2"), 4);
        assert_eq!(without_emoji("a😀b"), "ab");
    }
}
