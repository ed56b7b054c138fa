//! Answers to questions on tables: equality, equality within a tenth, or ROUGE-L, as TableBench mixes them.
//!
//! X. Wu and others, TableBench: a comprehensive and complex benchmark for table question answering, AAAI 2025.

use super::number::python_float;
use super::rouge::{Stemming, rouge_score};
use super::squad::squad_normalized;

/// How an answer is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Equal.
    Equal,
    /// Equal, or a number within a tenth of the reference.
    WithinTenth,
    /// ROUGE-L.
    Rouge,
}

impl Measure {
    /// The name that the makers give it.
    pub fn name(self) -> &'static str {
        match self {
            Measure::Equal => "em",
            Measure::WithinTenth => "em_tolerance_10",
            Measure::Rouge => "rouge_l",
        }
    }
}

/// How the answers to a type of question are compared.
pub fn measure(kind: &str, subkind: &str) -> Measure {
    match (kind, subkind) {
        ("DataAnalysis", "CorrelationAnalysis" | "TrendForecasting" | "StatisticalAnalysis") => Measure::WithinTenth,
        ("DataAnalysis", "ImpactAnalysis") => Measure::Equal,
        ("DataAnalysis", _) => Measure::Rouge,
        _ => Measure::Equal,
    }
}

/// The score of an answer. Both sides lose punctuation, articles and case first, so that 10.6 and 106 are the same.
pub fn score(answer: &str, reference: &str, measure: Measure) -> f64 {
    let (answer, reference) = (squad_normalized(answer), squad_normalized(reference));
    let is_number = !reference.is_empty() && reference.bytes().all(|byte| byte.is_ascii_digit());
    let number = if is_number { python_float(&reference) } else { None };
    match (measure, number) {
        (Measure::Rouge, _) => rouge_score(&answer, &reference, Stemming::Off).longest.f1,
        (_, None) => f64::from(answer == reference),
        (Measure::WithinTenth, Some(right)) => f64::from(python_float(&answer).is_some_and(|answer| {
            // Ten times the difference, so that a tenth is exact.
            if right == 0.0 { answer == 0.0 } else { 10.0 * (answer - right).abs() <= right }
        })),
        (Measure::Equal, Some(right)) => {
            let rounded = python_float(&answer).map(f64::round);
            f64::from(answer.trim_start_matches('0') == reference.trim_start_matches('0') || rounded == Some(right))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn types_have_measures() {
        assert_eq!(measure("FactChecking", "x"), Measure::Equal);
        assert_eq!(measure("DataAnalysis", "TrendForecasting"), Measure::WithinTenth);
        assert_eq!(measure("DataAnalysis", "ImpactAnalysis"), Measure::Equal);
        assert_eq!(measure("DataAnalysis", "DescriptiveAnalysis"), Measure::Rouge);
    }

    #[test]
    fn answers_lose_punctuation_first() {
        assert_eq!(score("1,060", "10.60", Measure::Equal), 1.0);
        assert_eq!(score("The Elbe.", "elbe", Measure::Equal), 1.0);
        assert_eq!(score("seven", "7", Measure::Equal), 0.0);
        assert_eq!(score("33", "30", Measure::WithinTenth), 1.0);
        assert_eq!(score("34", "30", Measure::WithinTenth), 0.0);
        assert_eq!(score("0", "0", Measure::WithinTenth), 1.0);
        assert!(score("sales rise with rain", "sales rise", Measure::Rouge) > 0.6);
    }

    proptest! {
        #[test]
        fn a_score_is_a_share(left in "([0-9.,%]|\\PC){0,40}", right in "([0-9.,%]|\\PC){0,40}") {
            for measure in [Measure::Equal, Measure::WithinTenth, Measure::Rouge] {
                prop_assert!((0.0..=1.0).contains(&score(&left, &right, measure)));
            }
        }
    }
}
