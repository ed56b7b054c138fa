//! ProcessBench: in which paragraph of a solution the first error stands.

use std::fmt::Write;

use super::pattern::{Pattern, group};

/// The whole solution is right.
pub const NO_ERROR: i64 = -1;

static BOX: Pattern = Pattern::new(r"\\boxed\{([^}]*)\}");

/// The solution for the prompt: each step between tags that carry its number, counted from 0.
pub fn tagged<S: AsRef<str>>(steps: &[S]) -> String {
    let mut text = String::new();
    for (number, step) in steps.iter().enumerate() {
        let _ = write!(text, "<paragraph_{number}>\n{}\n</paragraph_{number}>\n\n", step.as_ref());
    }
    text.trim().to_owned()
}

/// The integer in the last box of the reply; `None` where the last box holds anything else.
pub fn extract(reply: &str) -> Option<i64> {
    group(&BOX.last(reply)?, 1).trim().parse().ok()
}

/// Of which of the two accuracies a sample with this label is a part.
pub fn metric(label: i64) -> &'static str {
    if label == NO_ERROR { "correct_acc" } else { "error_acc" }
}

/// Whether the answer names the label.
pub fn score(answer: Option<i64>, label: i64) -> f64 {
    f64::from(u8::from(answer == Some(label)))
}

/// What the samples of a subset come to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Totals {
    /// Share of the solutions with an error whose error was named, and how many there are.
    pub error_acc: Option<(f64, usize)>,
    /// Share of the solutions without an error that were passed, and how many there are.
    pub correct_acc: Option<(f64, usize)>,
    /// Harmonic mean of the two; `None` where there is only one kind.
    pub simple_f1_score: Option<f64>,
}

/// Sums up pairs of label and score.
pub fn totals(samples: &[(i64, f64)]) -> Totals {
    let mean = |of_errors: bool| {
        let (mut sum, mut count) = (0.0, 0_usize);
        for (_, score) in samples.iter().filter(|(label, _)| (*label != NO_ERROR) == of_errors) {
            sum += score;
            count += 1;
        }
        (count > 0).then(|| (sum / count as f64, count))
    };
    let (error_acc, correct_acc) = (mean(true), mean(false));
    let harmonic = |(one, _): (f64, usize), (other, _): (f64, usize)| {
        if one + other == 0.0 { 0.0 } else { 2.0 * one * other / (one + other) }
    };
    let simple_f1_score = error_acc.zip(correct_acc).map(|(error, correct)| harmonic(error, correct));
    Totals { error_acc, correct_acc, simple_f1_score }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_numbered_from_zero() {
        assert_eq!(tagged(&["a", "b"]), "<paragraph_0>\na\n</paragraph_0>\n\n<paragraph_1>\nb\n</paragraph_1>");
    }

    #[test]
    fn the_last_box_counts() {
        assert_eq!(extract(r"\boxed{1}, no, \boxed{ -1 }."), Some(-1));
        assert_eq!(extract(r"\boxed{3} and \boxed{none}"), None);
        assert_eq!(extract("3"), None);
        assert_eq!(extract(r"\boxed{99999999999999999999}"), None);
    }

    #[test]
    fn the_mean_is_harmonic() {
        let totals = totals(&[(0, 1.0), (3, 0.0), (-1, 1.0), (-1, 1.0), (-1, 0.0), (-1, 1.0)]);
        assert_eq!((totals.error_acc, totals.correct_acc), (Some((0.5, 2)), Some((0.75, 4))));
        assert_eq!(totals.simple_f1_score, Some(0.6));
        assert_eq!(super::totals(&[(2, 1.0)]).simple_f1_score, None);
    }
}
