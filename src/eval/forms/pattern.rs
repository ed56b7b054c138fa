//! Regular expressions that are compiled when they are first used. They run in linear time over any text.

use std::sync::OnceLock;

use regex::{Captures, Regex};

/// A regular expression written in the code.
pub(crate) struct Pattern {
    source: &'static str,
    compiled: OnceLock<Regex>,
}

impl Pattern {
    /// From its source, which must be valid: that is found out at the first use, so a test has to use it.
    pub(crate) const fn new(source: &'static str) -> Self {
        Self { source, compiled: OnceLock::new() }
    }

    #[expect(clippy::expect_used, reason = "the source is a constant of the program and used by its tests")]
    pub(crate) fn regex(&self) -> &Regex {
        self.compiled.get_or_init(|| Regex::new(self.source).expect("a valid regular expression"))
    }

    /// The first match.
    pub(crate) fn first<'t>(&self, text: &'t str) -> Option<Captures<'t>> {
        self.regex().captures(text)
    }

    /// All matches, none of which overlap.
    pub(crate) fn all<'p, 't>(&'p self, text: &'t str) -> impl Iterator<Item = Captures<'t>> + use<'p, 't> {
        self.regex().captures_iter(text)
    }

    /// The last match.
    pub(crate) fn last<'t>(&self, text: &'t str) -> Option<Captures<'t>> {
        self.regex().captures_iter(text).last()
    }

    /// The text with every match replaced; `$1` and `${1}` name groups.
    pub(crate) fn replace(&self, text: &str, replacement: &str) -> String {
        self.regex().replace_all(text, replacement).into_owned()
    }
}

/// The text of a group, empty where it took no part in the match.
pub(crate) fn group<'t>(captures: &Captures<'t>, number: usize) -> &'t str {
    captures.get(number).map_or("", |found| found.as_str())
}
