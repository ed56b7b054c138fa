//! Extractors of numbers by pattern, as GSM8K and its harnesses define them: the text, not the value, is taken.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;

/// What is given where nothing was found.
pub const INVALID: &str = "[invalid]";

/// A filter that keeps what a pattern captures: EvalScope's `regex` filter and lm-eval's of the same name.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct Pattern {
    /// The pattern; of several groups the first that is not empty counts.
    pub regex_pattern: String,
    /// Which of the matches: 0 is the first, -1 the last.
    pub group_select: i64,
    /// What is given where there is none.
    pub fallback: String,
}

impl Default for Pattern {
    /// EvalScope's default, which is also lm-eval's strict filter for GSM8K: the number behind the first `#### `.
    fn default() -> Self {
        Self { regex_pattern: r"#### (\-?[0-9\.\,]+)".to_owned(), group_select: 0, fallback: INVALID.to_owned() }
    }
}

impl Pattern {
    /// lm-eval's flexible filter for GSM8K: the last number-like text.
    pub fn flexible() -> Self {
        Self { regex_pattern: r"(-?[$0-9.,]{2,})|(-?[0-9]+)".to_owned(), group_select: -1, ..Self::default() }
    }

    /// Makes the filter ready for use.
    ///
    /// # Errors
    ///
    /// Where the pattern is no regular expression.
    pub fn compiled(&self) -> Result<Filter, regex::Error> {
        Ok(Filter {
            regex: Regex::new(&self.regex_pattern)?,
            group_select: self.group_select,
            fallback: self.fallback.clone(),
        })
    }
}

/// A [`Pattern`] that is ready for use.
#[derive(Clone, Debug)]
pub struct Filter {
    regex: Regex,
    group_select: i64,
    fallback: String,
}

impl Filter {
    /// What the pattern takes from a text, without blanks around it.
    pub fn extract(&self, text: &str) -> String {
        let mut matches: Vec<&str> = self
            .regex
            .captures_iter(text)
            .map(|captures| {
                let whole = captures.get(0).map_or("", |found| found.as_str());
                if captures.len() == 1 {
                    return whole;
                }
                captures
                    .iter()
                    .skip(1)
                    .flatten()
                    .map(|group| group.as_str())
                    .find(|group| !group.is_empty())
                    .unwrap_or("")
            })
            .collect();
        let place = if self.group_select < 0 {
            usize::try_from(self.group_select.unsigned_abs()).ok().and_then(|back| matches.len().checked_sub(back))
        } else {
            usize::try_from(self.group_select).ok()
        };
        match place {
            Some(place) if place < matches.len() => matches.swap_remove(place).trim().to_owned(),
            _ => self.fallback.clone(),
        }
    }
}

static STRICT: LazyLock<Option<Filter>> = LazyLock::new(|| Pattern::default().compiled().ok());
static FLEXIBLE: LazyLock<Option<Filter>> = LazyLock::new(|| Pattern::flexible().compiled().ok());

fn by(filter: &LazyLock<Option<Filter>>, text: &str) -> String {
    filter.as_ref().map_or_else(|| INVALID.to_owned(), |filter| filter.extract(text))
}

/// The number behind the first `#### `, by lm-eval's strict filter.
pub fn strict(text: &str) -> String {
    by(&STRICT, text)
}

/// The last number-like text, by lm-eval's flexible filter. Pieces such as `.` or `$$` count as well.
pub fn flexible(text: &str) -> String {
    by(&FLEXIBLE, text)
}

/// The number behind the first `#### ` without its commas: the rule of the data set's own repository.
pub fn reference(text: &str) -> String {
    strict(text).replace(',', "")
}

/// Whether an extracted text is the reference number by lm-eval's rule for GSM8K: commas, dollars, all up to the last
/// `#### `, a final dot and the case of letters are ignored.
pub fn matches_reference(extracted: &str, gold: &str) -> bool {
    cleaned(extracted) == cleaned(gold)
}

fn cleaned(text: &str) -> String {
    let text: Cow<'_, str> = text.chars().filter(|letter| !matches!(letter, ',' | '$')).collect();
    let tail = text.rsplit_once("#### ").map_or(&*text, |(_, tail)| tail);
    tail.strip_suffix('.').unwrap_or(tail).to_lowercase()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]
mod tests {
    use super::*;
    use crate::eval::agreement::{self, Agreement};

    #[test]
    fn patterns_agree_with_the_harnesses() {
        type Extractor = fn(&str) -> String;
        let columns = [
            ("lm_eval_strict", strict as Extractor),
            ("lm_eval_flexible", flexible),
            ("gsm8k_reference", reference),
            ("evalscope_regex_filter", strict),
        ];
        for (column, ours) in columns {
            let mut agreement = Agreement::new("numeric_extract", column);
            for row in agreement::cases("numeric_extract") {
                let text = ours(row["output"].as_str().unwrap());
                let theirs = row["expected"][column].as_str().unwrap().to_owned();
                agreement.row(row["id"].as_str().unwrap(), &text, &theirs);
            }
            agreement.check(1.0);
        }
    }

    #[test]
    fn verdicts_agree_with_the_harnesses() {
        for (column, ours) in [("lm_eval_strict", strict as fn(&str) -> String), ("lm_eval_flexible", flexible)] {
            let mut agreement = Agreement::new("numeric_extract", &format!("{column}_match"));
            for row in agreement::cases("numeric_extract") {
                let right = matches_reference(&ours(row["output"].as_str().unwrap()), row["gold"].as_str().unwrap());
                let theirs = row["expected"][format!("{column}_match")].as_f64().unwrap();
                agreement.row(row["id"].as_str().unwrap(), &f64::from(u8::from(right)), &theirs);
            }
            agreement.check(1.0);
        }
        let mut agreement = Agreement::new("numeric_extract", "gsm8k_correct");
        for row in agreement::cases("numeric_extract") {
            let right = reference(row["output"].as_str().unwrap()) == row["gold"].as_str().unwrap().replace(',', "");
            agreement.row(row["id"].as_str().unwrap(), &right, &row["expected"]["gsm8k_correct"].as_bool().unwrap());
        }
        agreement.check(1.0);
    }

    #[test]
    fn a_pattern_may_choose_another_match() {
        let pattern = Pattern { regex_pattern: "[0-9]+".into(), group_select: -2, fallback: "none".into() };
        let filter = pattern.compiled().unwrap();
        assert_eq!(filter.extract("1 2 3"), "2");
        assert_eq!(filter.extract("1"), "none");
        assert!(Pattern { regex_pattern: "(".into(), ..Pattern::default() }.compiled().is_err());
    }
}
