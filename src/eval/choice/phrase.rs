//! The text after a phrase or a marker that announces the answer.

use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;

use crate::eval::text::pattern::pattern;

/// Which occurrence of a phrase counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Occurrence {
    /// The first.
    First,
    /// The last.
    #[default]
    Last,
}

/// Where the answer after a phrase ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// At the end of the line.
    #[default]
    Line,
    /// At the end of the reply.
    End,
}

/// Parameters of [`after_phrase`], as a card sets them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PhraseRule {
    /// The phrase, such as `the answer is`; the case of its ASCII letters does not matter.
    pub phrase: String,
    /// Which occurrence counts.
    #[serde(default)]
    pub occurrence: Occurrence,
    /// Where the answer ends.
    #[serde(default)]
    pub until: Until,
}

impl PhraseRule {
    /// The rest of the line after the last such phrase.
    pub fn last(phrase: &str) -> Self {
        Self { phrase: phrase.to_owned(), occurrence: Occurrence::Last, until: Until::Line }
    }
}

/// The text after a phrase without outer blanks; none where the phrase does not occur.
pub fn after_phrase<'a>(reply: &'a str, rule: &PhraseRule) -> Option<&'a str> {
    // Lowering ASCII letters keeps every byte where it is.
    let (haystack, needle) = (reply.to_ascii_lowercase(), rule.phrase.to_ascii_lowercase());
    let start = match rule.occurrence {
        Occurrence::First => haystack.find(&needle),
        Occurrence::Last => haystack.rfind(&needle),
    }?;
    let rest = reply.get(start + needle.len()..)?.trim();
    Some(match rule.until {
        Until::Line => rest.lines().next().unwrap_or_default().trim(),
        Until::End => rest,
    })
}

static ANSWER: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)ANSWER\s*:[\s*]*"));

/// The line after the last `ANSWER:` (in any case), without asterisks and outer blanks; none where there is no marker.
pub fn answer_line(reply: &str) -> Option<String> {
    let marker = ANSWER.find_iter(reply).last()?;
    let line = reply.get(marker.end()..)?.lines().next().unwrap_or_default();
    Some(line.replace('*', "").trim().to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_last_phrase_counts() {
        let reply = "The answer is 3. No, the ANSWER IS\n four \nmore";
        assert_eq!(after_phrase(reply, &PhraseRule::last("the answer is")), Some("four"));
        let first = PhraseRule { occurrence: Occurrence::First, ..PhraseRule::last("the answer is") };
        assert_eq!(after_phrase(reply, &first), Some("3. No, the ANSWER IS"));
        let end = PhraseRule { until: Until::End, ..PhraseRule::last("the answer is") };
        assert_eq!(after_phrase(reply, &end), Some("four \nmore"));
        assert_eq!(after_phrase("İ none", &PhraseRule::last("the answer is")), None);
    }

    #[test]
    fn the_answer_line() {
        assert_eq!(answer_line("ANSWER: a\n**Answer:** **Paris** \nbye").as_deref(), Some("Paris"));
        assert_eq!(answer_line("ANSWER:\n\n 12 km\n").as_deref(), Some("12 km"));
        assert_eq!(answer_line("ANSWER:").as_deref(), Some(""));
        assert_eq!(answer_line("Paris"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_cut_at_characters(reply in ".{0,40}(THE ANSWER IS|ANSWER:|ſ|K)?.{0,40}", phrase in ".{0,5}") {
            let _ = answer_line(&reply);
            for occurrence in [Occurrence::First, Occurrence::Last] {
                let rule = PhraseRule { occurrence, ..PhraseRule::last(&phrase) };
                prop_assert!(after_phrase(&reply, &rule).is_none_or(|found| reply.contains(found)));
            }
        }
    }
}
