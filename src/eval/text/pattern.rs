//! Regular expressions that stand in the source.

use regex::Regex;

/// Compiles an expression of this program's own source.
#[expect(clippy::expect_used, reason = "the text is a constant of the source, and tests use every one of them")]
pub(crate) fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("an expression of the source")
}
