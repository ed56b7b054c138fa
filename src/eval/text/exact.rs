//! Equality of texts, as benchmarks and harnesses differ about it.

use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;

use super::pattern::pattern;
use super::squad::without_articles;
use super::words::{is_blank, squeezed};

/// 1 where two texts are equal but for outer blanks and the text to be judged is not empty, else 0: EvalScope's
/// function of that name, which is stricter than its metric (see [`crate::eval::choice::accuracy`]).
pub fn exact_match(gold: &str, prediction: &str) -> f64 {
    f64::from(!prediction.is_empty() && gold.trim_matches(is_blank) == prediction.trim_matches(is_blank))
}

/// EvalScope's form of a text for `accuracy`: without outer blanks, lowered.
pub fn plain(text: &str) -> String {
    text.trim_matches(is_blank).to_lowercase()
}

/// 1 where the prediction is one of the references as it stands, else 0: `accuracy` with `allow_inclusion`.
pub fn inclusion(prediction: &str, references: &[String]) -> f64 {
    f64::from(!prediction.is_empty() && references.iter().any(|reference| reference == prediction))
}

/// Parameters of [`lm_eval_exact_match`], as a card sets them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExactRule {
    /// Case does not matter.
    pub ignore_case: bool,
    /// The punctuation of ASCII is dropped.
    pub ignore_punctuation: bool,
    /// ASCII digits are dropped.
    pub ignore_numbers: bool,
    /// What these expressions match is dropped first.
    pub regexes_to_ignore: Vec<Expression>,
}

/// An expression that a card gives.
#[derive(Clone, Debug)]
pub struct Expression(Regex);

impl Expression {
    /// Compiles it; the error says what is wrong.
    pub fn new(text: &str) -> Result<Self, regex::Error> {
        // Python's `$` also matches before a line break that ends the text.
        let text = text
            .strip_suffix('$')
            .filter(|rest| !rest.ends_with('\\'))
            .map_or_else(|| text.to_owned(), |rest| format!(r"(?:{rest})(?<before_end>\n?)\z"));
        Regex::new(&text).map(Self)
    }

    fn removed(&self, text: &str) -> String {
        let kept = |found: &regex::Captures<'_>| {
            found.name("before_end").map_or_else(String::new, |kept| kept.as_str().to_owned())
        };
        self.0.replace_all(text, kept).into_owned()
    }
}

impl<'de> Deserialize<'de> for Expression {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

/// lm-eval's `exact_match`: 1 where two texts are equal after what the rule drops, else 0.
pub fn lm_eval_exact_match(prediction: &str, reference: &str, rule: &ExactRule) -> f64 {
    f64::from(lm_eval_form(prediction, rule) == lm_eval_form(reference, rule))
}

fn lm_eval_form(text: &str, rule: &ExactRule) -> String {
    let mut text = rule.regexes_to_ignore.iter().fold(text.to_owned(), |text, expression| expression.removed(&text));
    if rule.ignore_case {
        // lm-eval keeps texts in numpy arrays of fixed width, which cut what grows when it is lowered (İ does).
        text = text.to_lowercase().chars().take(text.chars().count()).collect();
    }
    if rule.ignore_punctuation {
        text.retain(|c| !c.is_ascii_punctuation());
    }
    if rule.ignore_numbers {
        text.retain(|c| !c.is_ascii_digit());
    }
    // Those arrays also lose NUL characters at the end.
    text.trim_end_matches('\0').to_owned()
}

static NOT_WORD: LazyLock<Regex> = LazyLock::new(|| pattern(r"[^\p{L}\p{N}_\s]"));

/// Free answers by the rule of FRAMES and BrowseComp: lowered, without punctuation and articles, one space between
/// words.
pub fn answer_form(text: &str) -> String {
    squeezed(&without_articles(&NOT_WORD.replace_all(&text.to_lowercase(), "")))
}

/// 1 where two answers have the same [`answer_form`] that is not empty, else 0.
pub fn answer_equal(prediction: &str, reference: &str) -> f64 {
    let prediction = answer_form(prediction);
    f64::from(!prediction.is_empty() && prediction == answer_form(reference))
}

/// TriviaQA's form of an answer: lowered, `_` and punctuation become blanks, without articles, one space between words.
pub fn trivia_form(text: &str) -> String {
    let quote = |c: char| matches!(c, '‘' | '’' | '´' | '`');
    let blank = |c: char| if c.is_ascii_punctuation() || quote(c) { ' ' } else { c };
    squeezed(&without_articles(&text.to_lowercase().chars().map(blank).collect::<String>()))
}

/// 1 where an answer has the same [`trivia_form`] as one of the aliases, else 0.
pub fn trivia_match(prediction: &str, aliases: &[String]) -> f64 {
    let prediction = trivia_form(prediction);
    f64::from(!prediction.is_empty() && aliases.iter().any(|alias| trivia_form(alias) == prediction))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]
mod tests {
    use super::*;
    use crate::eval::agreement::{Agreement, cases};
    use crate::eval::choice::accuracy;

    #[test]
    fn golden_evalscope() {
        let mut metric = Agreement::new("text_metrics", "exact.evalscope_acc");
        let mut function = Agreement::new("text_metrics", "exact.evalscope_exact_match_fn");
        let mut forms = Agreement::new("text_metrics", "exact.evalscope_normalized");
        for case in cases("text_metrics").iter().filter(|case| case["kind"] == "exact") {
            let text = |field: &str| case[field].as_str().unwrap();
            let (id, prediction, reference) = (text("id"), text("prediction"), text("reference"));
            let expected = &case["expected"];
            metric.row(id, &accuracy(prediction, reference), &expected["evalscope_acc"].as_f64().unwrap());
            let theirs = expected["evalscope_exact_match_fn"].as_f64().unwrap();
            function.row(id, &exact_match(reference, prediction), &theirs);
            let theirs: Vec<String> = serde_json::from_value(expected["evalscope_normalized"].clone()).unwrap();
            forms.row(id, &vec![plain(prediction), plain(reference)], &theirs);
        }
        metric.check(1.0);
        function.check(1.0);
        forms.check(1.0);
    }

    #[test]
    fn golden_lm_eval() {
        let rules = [
            ("plain", "{}"),
            ("case", r#"{"ignore_case": true}"#),
            ("punct", r#"{"ignore_punctuation": true}"#),
            ("numbers", r#"{"ignore_numbers": true}"#),
            ("all", r#"{"ignore_case": true, "ignore_punctuation": true, "ignore_numbers": true}"#),
            ("regex", r#"{"regexes_to_ignore": [",", "\\.$", "^the "]}"#),
        ];
        for (column, rule) in rules {
            let rule: ExactRule = serde_json::from_str(rule).unwrap();
            let mut agreement = Agreement::new("text_metrics", &format!("exact.lm_eval.{column}"));
            for case in cases("text_metrics").iter().filter(|case| case["kind"] == "exact") {
                let text = |field: &str| case[field].as_str().unwrap();
                let ours = lm_eval_exact_match(text("prediction"), text("reference"), &rule);
                agreement.row(text("id"), &ours, &case["expected"]["lm_eval"][column].as_f64().unwrap());
            }
            agreement.check(1.0);
        }
    }

    #[test]
    fn a_dot_before_the_last_line_break_is_final() {
        let rule = ExactRule { regexes_to_ignore: vec![Expression::new(r"\.$").unwrap()], ..ExactRule::default() };
        assert_eq!(lm_eval_exact_match("No.\n", "No\n", &rule), 1.0);
        assert_eq!(lm_eval_exact_match("No.\n\n", "No\n\n", &rule), 0.0);
        assert!(serde_json::from_str::<ExactRule>(r#"{"regexes_to_ignore": ["("]}"#).is_err());
    }

    #[test]
    fn forms_of_answers() {
        assert_eq!(trivia_form("The_Beatles (band)!"), "beatles band");
        assert_eq!(trivia_match("the U.S.A.", &["u s".to_owned(), "U.S.A".to_owned()]), 1.0);
        assert_eq!(trivia_match("", &["the".to_owned()]), 0.0);
        assert_eq!(answer_equal("The  Eiffel-Tower.", "eiffeltower"), 1.0);
        assert_eq!(inclusion("a", &["b".to_owned(), "a".to_owned()]), 1.0);
        assert_eq!(inclusion("", &[String::new()]), 0.0);
    }
}
