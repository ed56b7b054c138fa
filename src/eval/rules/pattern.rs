//! Patterns: those of the rules, compiled once, and those that a data set gives.

use std::sync::OnceLock;

use regex::{Regex, RegexBuilder};

use super::text::is_word;

/// What a compiled pattern of a data set may take, in bytes.
const SIZE: usize = 1 << 20;

/// A pattern of a rule. It is compiled when it is first used.
pub(super) struct Fixed {
    text: &'static str,
    compiled: OnceLock<Option<Regex>>,
}

impl Fixed {
    pub(super) const fn new(text: &'static str) -> Self {
        Fixed { text, compiled: OnceLock::new() }
    }

    /// The compiled pattern; `None` only where it is not one, which the tests exclude.
    pub(super) fn regex(&self) -> Option<&Regex> {
        self.compiled.get_or_init(|| Regex::new(self.text).ok()).as_ref()
    }

    pub(super) fn is_in(&self, text: &str) -> bool {
        self.regex().is_some_and(|regex| regex.is_match(text))
    }

    pub(super) fn count(&self, text: &str) -> usize {
        self.regex().map_or(0, |regex| regex.find_iter(text).count())
    }

    /// The matches one after the other.
    pub(super) fn all<'t>(&self, text: &'t str) -> Vec<&'t str> {
        self.regex().map(|regex| regex.find_iter(text).map(|found| found.as_str()).collect()).unwrap_or_default()
    }

    /// The text between the matches.
    pub(super) fn split<'t>(&self, text: &'t str) -> Vec<&'t str> {
        self.regex().map_or_else(|| vec![text], |regex| regex.split(text).collect())
    }

    /// The text with every match replaced; `$1` names a group.
    pub(super) fn replaced(&self, text: &str, by: &str) -> String {
        self.regex().map_or_else(|| text.to_owned(), |regex| regex.replace_all(text, by).into_owned())
    }
}

/// Compiles a pattern of a data set, letter case aside. What is no pattern here is searched for as it stands.
pub(super) fn given(text: &str) -> Option<Regex> {
    let compile = |text: &str| RegexBuilder::new(text).case_insensitive(true).size_limit(SIZE).build();
    compile(text).or_else(|_| compile(&regex::escape(text))).ok()
}

/// Whether a pattern of a data set occurs as a whole word.
pub(super) fn has_word(word: &str, text: &str) -> bool {
    if regex::escape(word) != word {
        return given(&format!(r"\b(?:{word})\b")).is_some_and(|regex| regex.is_match(text));
    }
    given(word).is_some_and(|regex| whole_words(&regex, text).next().is_some())
}

/// How often a text occurs as a whole word, letter case aside.
pub(super) fn count_word(word: &str, text: &str) -> usize {
    given(&regex::escape(word)).map_or(0, |regex| whole_words(&regex, text).count())
}

/// Matches that begin and end at the edge of a word. An edge lies between a letter of a word and anything else; unlike in
/// the patterns of this language, a vowel sign is no letter of a word.
fn whole_words<'a>(regex: &'a Regex, text: &'a str) -> impl Iterator<Item = usize> + 'a {
    let is_edge = move |at: usize| {
        let before = text.get(..at).and_then(|before| before.chars().next_back()).is_some_and(is_word);
        before != text.get(at..).and_then(|after| after.chars().next()).is_some_and(is_word)
    };
    let mut from = 0;
    std::iter::from_fn(move || {
        while from <= text.len() {
            let found = regex.find_at(text, from)?;
            let step = text.get(found.start()..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
            if found.end() > found.start() && is_edge(found.start()) && is_edge(found.end()) {
                from = found.end();
                return Some(found.start());
            }
            from = found.start() + step;
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stands_between_boundaries() {
        assert!(has_word("art", "an ART."));
        assert!(!has_word("art", "a party"));
        assert!(has_word("colou?r", "Color"));
        assert!(!has_word("o", "two"));
        assert!(has_word("co-op", "the co-op is"));
        assert!(!has_word("क्या", "क्या है"), "ends with a vowel sign, which is no letter of a word");
    }

    #[test]
    fn what_is_no_pattern_is_a_text() {
        assert!(given("a(b").is_some_and(|regex| regex.is_match("xA(b")));
    }
}
