//! Letters after the marker of an answer, and the last capital where no marker has one.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;

use super::Labels;
use crate::eval::text::pattern::pattern;

/// Which marker stands before the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Marker {
    /// `ANSWER:` in any case.
    #[default]
    English,
    /// `答案：`, with a colon of either width.
    Chinese,
}

/// How many options may be right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// One: several labels after the marker are no answer.
    #[default]
    One,
    /// One or more.
    Several,
}

/// How an answer was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// After a marker.
    Marker,
    /// It is the last capital letter of the whole reply: a guess, to be counted.
    Fallback,
    /// No answer was found.
    Nothing,
}

impl Via {
    /// `marker`, `fallback` or `none`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Marker => "marker",
            Self::Fallback => "fallback",
            Self::Nothing => "none",
        }
    }
}

/// Parameters of [`letters`], as a card sets them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LettersRule {
    /// The language of the marker.
    pub marker: Marker,
    /// How many options may be right.
    pub right: Right,
}

/// The labels that a reply chooses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The labels, sorted as texts; empty where there is no answer.
    pub labels: BTreeSet<String>,
    /// How they were found. Labels after a marker may be no answer all the same, such as two where one is asked for.
    pub via: Via,
}

impl Chosen {
    /// The sorted labels joined, as EvalScope keeps them: `AC`.
    pub fn joined(&self) -> String {
        self.labels.iter().map(String::as_str).collect()
    }

    /// Chosen without a marker, or nothing.
    pub(crate) fn none() -> Self {
        Self { labels: BTreeSet::new(), via: Via::Nothing }
    }

    /// One label.
    pub(crate) fn one(label: impl Into<String>, via: Via) -> Self {
        Self { labels: BTreeSet::from([label.into()]), via }
    }
}

static ENGLISH: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)ANSWER\s*:\s*\**\s*"));
static CHINESE: LazyLock<Regex> = LazyLock::new(|| pattern(r"答案\s*[:：]\s*\**\s*"));
/// Signs of mathematics and bold type that may stand between the marker and the label.
static WRAPPERS: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^(?:\$|\\\(|\\(?:boxed|fbox|text|textbf|mathbf|mathrm)\{|\s)+"));
static BRACKETED: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^[(\[（【]\s*([A-Za-z0-9](?:\s*[,，/、]\s*[A-Za-z0-9])*)\s*[)\]）】]"));
static PLAIN: LazyLock<Regex> = LazyLock::new(|| pattern(r"^([A-Za-z0-9][A-Za-z0-9 ,，/、]*)"));
static TOKEN: LazyLock<Regex> = LazyLock::new(|| pattern(r"[A-Za-z0-9]+"));
static CONNECTOR: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i) (?:and|or) "));

/// The labels after the last marker that has one; without any, the last capital letter of the reply if it is a label.
pub fn letters(reply: &str, labels: Labels, rule: LettersRule) -> Chosen {
    let marker = match rule.marker {
        Marker::English => &ENGLISH,
        Marker::Chinese => &CHINESE,
    };
    let Some(capture) = marked(reply, marker, labels) else { return last_capital(reply, labels) };
    let found = match rule.right {
        Right::One => labels.has(capture).then(|| BTreeSet::from([capture.to_owned()])),
        Right::Several => several(capture, labels),
    };
    Chosen { labels: found.unwrap_or_default(), via: Via::Marker }
}

/// The part after the last marker that is followed by labels of this question.
fn marked<'a>(reply: &'a str, marker: &Regex, labels: Labels) -> Option<&'a str> {
    let ends: Vec<usize> = marker.find_iter(reply).map(|found| found.end()).collect();
    ends.into_iter().rev().find_map(|end| {
        let tail = reply.get(end..)?;
        let tail = WRAPPERS.find(tail).and_then(|wrappers| tail.get(wrappers.end()..)).unwrap_or(tail);
        [&BRACKETED, &PLAIN].into_iter().find_map(|form| {
            let capture = form.captures(tail)?.get(1)?.as_str();
            Some(leading_labels(capture, labels)).filter(|prefix| !prefix.is_empty())
        })
    })
}

/// The beginning of a capture that holds nothing but labels, and "and" or "or" between two of them.
fn leading_labels(capture: &str, labels: Labels) -> &str {
    let mut end = 0;
    for token in TOKEN.find_iter(capture) {
        let word = token.as_str();
        if labels.has(word) || labels.has_each(word) {
            end = token.end();
        } else if end == 0 || !(word.eq_ignore_ascii_case("and") || word.eq_ignore_ascii_case("or")) {
            break;
        }
    }
    capture.get(..end).unwrap_or_default()
}

/// Labels between commas, else characters that are labels each.
fn several(capture: &str, labels: Labels) -> Option<BTreeSet<String>> {
    let listed = CONNECTOR.replace_all(capture, ",");
    let listed: String = listed.chars().filter(|c| *c != ' ').collect();
    let parts: BTreeSet<String> =
        listed.split([',', '，', '/', '、']).filter(|part| !part.is_empty()).map(str::to_owned).collect();
    if parts.iter().all(|part| labels.has(part)) {
        return Some(parts);
    }
    let characters: BTreeSet<String> = parts.iter().flat_map(|part| part.chars()).map(String::from).collect();
    characters.iter().all(|c| labels.has(c)).then_some(characters)
}

/// The last capital letter of the reply, where it is a label.
fn last_capital(reply: &str, labels: Labels) -> Chosen {
    match reply.chars().rev().find(|c| c.is_uppercase()).map(String::from) {
        Some(capital) if labels.has(&capital) => Chosen::one(capital, Via::Fallback),
        _ => Chosen::none(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::eval::agreement::{Agreement, cases};
    use crate::eval::choice::{accuracy, multi_choice_accuracy};

    const COLUMNS: [(&str, &str, Marker, Right); 4] = [
        ("en_single", "en", Marker::English, Right::One),
        ("en_multi", "en", Marker::English, Right::Several),
        ("zh_single", "zh", Marker::Chinese, Right::One),
        ("zh_multi", "zh", Marker::Chinese, Right::Several),
    ];

    #[test]
    fn golden() {
        for (column, language, marker, right) in COLUMNS {
            let mut agreement = Agreement::new("choice_extract", column);
            let mut via = Agreement::new("choice_extract", &format!("{column}.via"));
            for case in cases("choice_extract") {
                let id = case["id"].as_str().unwrap();
                let labels = Labels::of(usize::try_from(case["n_choices"].as_u64().unwrap()).unwrap());
                let found = letters(case["output"].as_str().unwrap(), labels, LettersRule { marker, right });
                agreement.row(id, &found.joined().as_str(), &case["expected"][column].as_str().unwrap());
                via.row(id, &found.via.name(), &case["via"][language].as_str().unwrap());
            }
            agreement.check(1.0);
            via.check(1.0);
        }
    }

    #[test]
    fn golden_scores() {
        let mut partial = Agreement::new("choice_extract", "multi_choice_acc");
        let mut single = Agreement::new("choice_extract", "acc_single");
        for case in cases("choice_extract") {
            let (id, gold) = (case["id"].as_str().unwrap(), case["gold"].as_str().unwrap());
            let expected = |column: &str| case["expected"][column].as_str().unwrap().to_owned();
            let ours = multi_choice_accuracy(&expected("en_multi"), gold);
            partial.near(id, ours, case["multi_choice_acc"].as_f64().unwrap(), 1e-12);
            single.near(id, accuracy(&expected("en_single"), gold), case["acc_single"].as_f64().unwrap(), 1e-12);
        }
        partial.check(1.0);
        single.check(1.0);
    }

    #[test]
    fn a_card_names_marker_and_number() {
        let rule: LettersRule = serde_json::from_str(r#"{"marker": "chinese", "right": "several"}"#).unwrap();
        assert_eq!(rule, LettersRule { marker: Marker::Chinese, right: Right::Several });
        assert!(serde_json::from_str::<LettersRule>(r#"{"mark": "chinese"}"#).is_err());
    }

    proptest! {
        #[test]
        fn any_reply_gives_labels_of_the_question(reply in "(ANSWER|答案|[:： A-D$*(]|.){0,60}", count in 0_usize..40) {
            for (_, _, marker, right) in COLUMNS {
                let labels = Labels::of(count);
                let found = letters(&reply, labels, LettersRule { marker, right });
                prop_assert!(found.labels.iter().all(|label| labels.has(label)));
                prop_assert!(right == Right::Several || found.labels.len() <= 1);
            }
        }
    }
}
