//! Word, character, mixed and phone error rates.

use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;

use super::SpeechLanguage;
use crate::eval::text::edit::{Edits, distance, edits};
use crate::eval::text::pattern::pattern;
use crate::eval::text::words::{is_blank, words};

static PUNCTUATION: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\p{P}*$"));

/// The units that a word error rate counts: words, or characters where the language has no blanks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CharacterUnits {
    /// Words between blanks.
    #[default]
    Words,
    /// Characters.
    Characters,
}

impl From<SpeechLanguage> for CharacterUnits {
    fn from(language: SpeechLanguage) -> Self {
        match language {
            SpeechLanguage::Mandarin | SpeechLanguage::Cantonese => Self::Characters,
            SpeechLanguage::English | SpeechLanguage::Other => Self::Words,
        }
    }
}

/// Edits and units of the reference; sums of both over a corpus give its word error rate.
///
/// Words of nothing but punctuation are dropped, case is too.
pub fn word_errors(prediction: &str, reference: &str, units: CharacterUnits) -> (usize, usize) {
    let (prediction, reference) = (units_of(prediction, units), units_of(reference, units));
    (distance(&reference, &prediction), reference.len())
}

/// EvalScope's `wer`: edits over the units of the reference; none where the reference has none.
pub fn word_error_rate(prediction: &str, reference: &str, units: CharacterUnits) -> Option<f64> {
    let (errors, length) = word_errors(prediction, reference, units);
    (length > 0).then(|| errors as f64 / length as f64)
}

fn units_of(text: &str, units: CharacterUnits) -> Vec<String> {
    // Only the space splits words before punctuation is dropped.
    let kept: Vec<&str> = text.split(' ').filter(|word| !PUNCTUATION.is_match(word)).collect();
    let lower = kept.join(" ").to_lowercase();
    match units {
        CharacterUnits::Words => words(&lower).map(str::to_owned).collect(),
        CharacterUnits::Characters => lower.chars().filter(|c| !is_blank(*c)).map(String::from).collect(),
    }
}

/// EvalScope's `cer`, which is jiwer's: edits over the characters of the reference, outer blanks dropped; none where
/// the reference has none.
pub fn character_error_rate(prediction: &str, reference: &str) -> Option<f64> {
    let list = |text: &str| text.trim_matches(is_blank).chars().collect::<Vec<_>>();
    let (prediction, reference) = (list(prediction), list(reference));
    (!reference.is_empty()).then(|| distance(&reference, &prediction) as f64 / reference.len() as f64)
}

static LATIN_WORD: LazyLock<Regex> = LazyLock::new(|| pattern(r"^[a-zA-Z'][a-zA-Z']*[\p{L}\p{N}_]*"));

/// EvalScope's `mer` of mixed Chinese and English: Chinese characters and Latin words are units, edits are divided by
/// the longer length; 0 for two texts without units.
pub fn mixed_error_rate(prediction: &str, reference: &str) -> f64 {
    let (prediction, reference) = (mixed_units(prediction), mixed_units(reference));
    let longer = prediction.len().max(reference.len());
    if longer == 0 { 0.0 } else { distance(&reference, &prediction) as f64 / longer as f64 }
}

fn mixed_units(text: &str) -> Vec<&str> {
    let mut units = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let chinese = ('\u{4e00}'..='\u{9fff}').contains(&c);
        let word = LATIN_WORD.find(rest).filter(|_| !chinese).map(|word| word.end());
        let (unit, after) = rest.split_at_checked(word.unwrap_or(c.len_utf8())).unwrap_or((rest, ""));
        if chinese || word.is_some() {
            units.push(unit);
        }
        rest = after;
    }
    units
}

/// EvalScope's `per`: edits over the phones of the reference, which are between blanks; without any, 1 where something
/// is predicted.
pub fn phone_error_rate(prediction: &str, reference: &str) -> f64 {
    let (prediction, reference): (Vec<&str>, Vec<&str>) = (words(prediction).collect(), words(reference).collect());
    if reference.is_empty() {
        return f64::from(!prediction.is_empty());
    }
    distance(&reference, &prediction) as f64 / reference.len() as f64
}

/// What jiwer measures on words between spaces.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measures {
    /// Edits over the length of the reference; none where it has no word.
    pub word_error_rate: Option<f64>,
    /// Edits over edits and hits.
    pub match_error_rate: f64,
    /// 1 less the information that is preserved.
    pub information_lost: f64,
    /// Share of hits in the reference times their share in the hypothesis.
    pub information_preserved: f64,
    /// The operations.
    pub edits: Edits,
}

static BLANKS: LazyLock<Regex> = LazyLock::new(|| pattern(r"\s\s+"));

/// jiwer's measures of two texts as they are.
pub fn jiwer(prediction: &str, reference: &str) -> Measures {
    let squeeze = |text: &str| BLANKS.replace_all(text, " ").trim_matches(is_blank).to_owned();
    let (prediction, reference) = (squeeze(prediction), squeeze(reference));
    let list = |text| str::split(text, ' ').filter(|word| !word.is_empty()).collect::<Vec<_>>();
    let (prediction, reference) = (list(&prediction), list(&reference));
    let edits = edits(&reference, &prediction);
    let (hits, errors) = (edits.hits as f64, edits.distance());
    let share = |length: usize| if length == 0 { 0.0 } else { hits / length as f64 };
    let information_preserved = share(reference.len()) * share(prediction.len());
    Measures {
        word_error_rate: (!reference.is_empty()).then(|| errors as f64 / reference.len() as f64),
        match_error_rate: if errors == 0 { 0.0 } else { errors as f64 / (errors + edits.hits) as f64 },
        information_lost: 1.0 - information_preserved,
        information_preserved,
        edits,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::eval::agreement::{Agreement, cases};
    use crate::eval::text::speech::transcript_form;

    fn wer_cases() -> Vec<Value> {
        cases("text_metrics").into_iter().filter(|case| case["kind"] == "wer").collect()
    }

    fn language(case: &Value) -> SpeechLanguage {
        SpeechLanguage::named(case["language"].as_str().unwrap())
    }

    #[test]
    fn golden_forms() {
        let mut agreement = Agreement::new("text_metrics", "wer.normalized");
        for case in wer_cases() {
            let form = |field: &str| transcript_form(case[field].as_str().unwrap(), language(&case));
            let theirs = |field: &str| case["expected"][field].as_str().unwrap().to_owned();
            let ours = (form("prediction"), form("reference"));
            let theirs = (theirs("normalized_prediction"), theirs("normalized_reference"));
            agreement.row(case["id"].as_str().unwrap(), &ours, &theirs);
        }
        agreement.check(1.0);
    }

    #[test]
    fn golden_rates() {
        let names = ["evalscope_wer_raw", "evalscope_wer_normalized", "evalscope_cer", "evalscope_mer"];
        let mut agreements = names.map(|name| (name, Agreement::new("text_metrics", &format!("wer.{name}"))));
        let mut errors = Agreement::new("text_metrics", "wer.word_errors");
        for case in wer_cases() {
            let text = |field: &str| case[field].as_str().unwrap();
            let (id, raw, right) = (text("id"), text("prediction"), text("reference"));
            let normalized = |field: &str| case["expected"][field].as_str().unwrap();
            let (form, right_form) = (normalized("normalized_prediction"), normalized("normalized_reference"));
            let units = language(&case).into();
            for (name, agreement) in &mut agreements {
                let ours = match *name {
                    // The metric takes English for granted unless a card says otherwise.
                    "evalscope_wer_raw" => word_error_rate(raw, right, CharacterUnits::Words),
                    "evalscope_wer_normalized" => word_error_rate(form, right_form, units),
                    "evalscope_cer" => character_error_rate(form, right_form),
                    _ => Some(mixed_error_rate(raw, right)),
                };
                agreement.near(id, ours.unwrap(), case["expected"][*name].as_f64().unwrap(), 1e-9);
            }
            let theirs: (usize, usize) = serde_json::from_value(case["expected"]["word_errors"].clone()).unwrap();
            errors.row(id, &word_errors(form, right_form, units), &theirs);
        }
        for (_, agreement) in agreements {
            agreement.check(1.0);
        }
        errors.check(1.0);
    }

    #[test]
    fn golden_jiwer() {
        let mut agreement = Agreement::new("text_metrics", "wer.jiwer");
        for case in wer_cases() {
            let text = |field: &str| case[field].as_str().unwrap();
            let ours = jiwer(text("prediction"), text("reference"));
            let cer = character_error_rate(text("prediction"), text("reference")).unwrap();
            let expected = &case["expected"]["jiwer"];
            let near = |a: f64, field: &str| (a - expected[field].as_f64().unwrap()).abs() <= 1e-9;
            let equal = |a: usize, field: &str| Some(a as u64) == expected[field].as_u64();
            let all = near(ours.word_error_rate.unwrap(), "wer")
                && near(ours.match_error_rate, "mer")
                && near(ours.information_lost, "wil")
                && near(ours.information_preserved, "wip")
                && equal(ours.edits.hits, "hits")
                && equal(ours.edits.substitutions, "sub")
                && equal(ours.edits.deletions, "del")
                && equal(ours.edits.insertions, "ins")
                && near(cer, "cer");
            agreement.judged(text("id"), all, || format!("{ours:?} {cer} {expected}"));
        }
        agreement.check(1.0);
    }

    #[test]
    fn nothing_to_compare_with() {
        assert_eq!(word_error_rate("x", "", CharacterUnits::Words), None);
        assert_eq!(character_error_rate("x", " "), None);
        assert_eq!(phone_error_rate("x", ""), 1.0);
        assert_eq!(phone_error_rate("", ""), 0.0);
        assert_eq!(mixed_error_rate("。", "！"), 0.0);
        assert_eq!(mixed_units("我love你'x, 3"), ["我", "love你", "'x"]);
    }
}
