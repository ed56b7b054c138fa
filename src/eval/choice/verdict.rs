//! Yes, no or maybe as a whole word.

use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;

use crate::eval::text::pattern::pattern;

/// What a reply decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// `YES`.
    Yes,
    /// `NO`.
    No,
    /// `MAYBE`.
    Maybe,
}

impl Verdict {
    /// The verdict in capitals, as targets spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Yes => "YES",
            Self::No => "NO",
            Self::Maybe => "MAYBE",
        }
    }
}

/// Which words are verdicts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Words {
    /// Yes and no.
    #[default]
    YesNo,
    /// Yes, no and maybe.
    YesNoMaybe,
}

/// Whether a reply that is nothing but the word may be in lower case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bare {
    /// It may.
    #[default]
    LowerCase,
    /// It may not, as with halueval.
    Capital,
}

/// Parameters of [`verdict`], as a card sets them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VerdictRule {
    /// Which words count.
    pub words: Words,
    /// What a bare word may look like.
    pub bare: Bare,
}

static YES: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b(?:Yes|YES)\b"));
static NO: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b(?:No|NO)\b"));
static MAYBE: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b(?:Maybe|MAYBE)\b"));

/// The one verdict that occurs as a whole word, with a capital first letter or all in capitals; none where several or
/// none occur.
pub fn verdict(reply: &str, rule: VerdictRule) -> Option<Verdict> {
    let words: &[(Verdict, &Regex)] = match rule.words {
        Words::YesNo => &[(Verdict::Yes, &YES), (Verdict::No, &NO)],
        Words::YesNoMaybe => &[(Verdict::Yes, &YES), (Verdict::No, &NO), (Verdict::Maybe, &MAYBE)],
    };
    if rule.bare == Bare::LowerCase {
        let bare = reply.trim().trim_end_matches(['.', '!']);
        let found = words.iter().find(|(verdict, _)| verdict.name().eq_ignore_ascii_case(bare));
        if let Some((verdict, _)) = found {
            return Some(*verdict);
        }
    }
    let mut found = words.iter().filter(|(_, form)| form.is_match(reply)).map(|(verdict, _)| *verdict);
    found.next().filter(|_| found.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAYBE_TOO: VerdictRule = VerdictRule { words: Words::YesNoMaybe, bare: Bare::LowerCase };

    #[test]
    fn one_word_decides() {
        for (reply, expected) in [
            ("Yes, it is.", Some(Verdict::Yes)),
            ("**NO**", Some(Verdict::No)),
            ("Not known. Nobody knows.", None),
            ("there is no evidence", None),
            ("Yes or No", None),
            (" no.! ", Some(Verdict::No)),
            ("yes", Some(Verdict::Yes)),
            ("", None),
        ] {
            assert_eq!(verdict(reply, VerdictRule::default()), expected, "{reply}");
        }
    }

    #[test]
    fn maybe_is_a_verdict_where_it_is_asked_for() {
        assert_eq!(verdict("MAYBE", VerdictRule::default()), None);
        assert_eq!(verdict("MAYBE", MAYBE_TOO), Some(Verdict::Maybe));
        assert_eq!(verdict("Maybe. Yes", MAYBE_TOO), None);
    }

    #[test]
    fn lower_case_may_be_refused() {
        let rule = VerdictRule { bare: Bare::Capital, ..VerdictRule::default() };
        assert_eq!(verdict("yes", rule), None);
        assert_eq!(verdict("Yes", rule), Some(Verdict::Yes));
    }
}
