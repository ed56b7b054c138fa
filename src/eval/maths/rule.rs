//! Rules by which a prediction counts as right: the same, the same whole number, or near enough.

use serde::Deserialize;

use super::equality::{self, Verdict, equal};
use super::estimate::Estimator;
use super::shape::Shape;
use super::tree::Node;
use super::{parser, tidy};

/// More answers than a problem has.
const MOST_ANSWERS: usize = 64;

/// When a prediction counts as right.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(tag = "rule", rename_all = "snake_case", deny_unknown_fields)]
pub enum Rule {
    /// The two are the same answer by [`equal`].
    #[default]
    Equal,
    /// Both are written as whole numbers, and are the same one (AIME).
    IntegerLiteral,
    /// Each reference answer is met by another predicted one, exactly or within its absolute tolerance
    /// (OlympiadBench). The last tolerance stands for those that are missing.
    Absolute {
        /// Largest difference, one for each reference answer.
        tolerances: Vec<f64>,
    },
    /// Numbers that differ by no more than this share of the reference (DocMath: 0.0015).
    Relative {
        /// Largest share of the reference.
        tolerance: f64,
    },
    /// Numbers that differ by no more than this share of the reference, else the same text without regard to case
    /// (ChartQA: 0.05).
    Relaxed {
        /// Largest share of the reference.
        tolerance: f64,
    },
}

impl Rule {
    /// Judges a predicted answer, as it was extracted.
    pub fn judge(&self, gold: &str, prediction: &str) -> Verdict {
        match self {
            Self::Equal => equal(gold, prediction),
            Self::IntegerLiteral => integer_literal(gold, prediction),
            Self::Absolute { tolerances } => absolute(gold, prediction, tolerances),
            Self::Relative { tolerance } => relative(gold, prediction, *tolerance),
            Self::Relaxed { tolerance } => relaxed(gold, prediction, *tolerance),
        }
    }
}

fn of(right: bool) -> Verdict {
    if right { Verdict::Equal } else { Verdict::Different }
}

/// The digits of a whole number that is written as such, without zeros before it.
fn literal(text: &str) -> Option<String> {
    let text = tidy::bare(text);
    let negative = text.starts_with('-');
    let digits = text.strip_prefix(['-', '+']).unwrap_or(&text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = digits.trim_start_matches('0');
    Some(match (negative, digits) {
        (_, "") => "0".to_owned(),
        (true, digits) => format!("-{digits}"),
        (false, digits) => digits.to_owned(),
    })
}

/// Whether both are written as whole numbers and are the same. A reference that is none gives no score.
pub fn integer_literal(gold: &str, prediction: &str) -> Verdict {
    let Some(gold) = literal(gold) else { return Verdict::NoReference };
    if prediction.trim().is_empty() {
        return Verdict::NoPrediction;
    }
    of(literal(prediction) == Some(gold))
}

/// The number a text states: `12.5%` is 0.125, units are dropped, `x = 5` is 5.
pub fn value(text: &str) -> Option<f64> {
    value_of(&Shape::of(&parser::parse(&tidy::bare(text))?))
}

fn value_of(shape: &Shape) -> Option<f64> {
    match shape {
        Shape::Scalar(node) => number(node),
        Shape::Percent(node) => Some(number(node)? / 100.0),
        Shape::Measured(node, _) => number(node),
        Shape::Definition(_, value) => value_of(value),
        Shape::Equation(_, value) => number(value),
        _ => None,
    }
}

fn number(node: &Node) -> Option<f64> {
    if node.has_letters() {
        return None;
    }
    let ball = Estimator::at(0).value(node);
    (ball.is_known() && ball.imaginary.abs() <= ball.error).then_some(ball.real)
}

/// Whether a number differs from the reference by no more than a share of it. A reference of zero is met by zero only.
pub fn is_within(gold: f64, prediction: f64, tolerance: f64) -> bool {
    (prediction - gold).abs() <= tolerance * gold.abs()
}

/// Compares numbers within a share of the reference, and what are no numbers by [`equal`].
pub fn relative(gold: &str, prediction: &str, tolerance: f64) -> Verdict {
    match (value(gold), value(prediction)) {
        (Some(gold), Some(prediction)) if is_within(gold, prediction, tolerance) => Verdict::Equal,
        _ => equal(gold, prediction),
    }
}

/// ChartQA's relaxed accuracy: numbers within a share of the reference, else the same text without regard to case.
pub fn relaxed(gold: &str, prediction: &str, tolerance: f64) -> Verdict {
    if gold.trim().is_empty() {
        return Verdict::NoReference;
    }
    if prediction.trim().is_empty() {
        return Verdict::NoPrediction;
    }
    match (plain_number(gold), plain_number(prediction)) {
        (Some(gold), Some(prediction)) => of(is_within(gold, prediction, tolerance)),
        _ => of(gold.trim().to_lowercase() == prediction.trim().to_lowercase()),
    }
}

/// A decimal number, perhaps with a percent sign and separators of thousands.
fn plain_number(text: &str) -> Option<f64> {
    let text = text.trim().replace(',', "");
    let (digits, scale) = text.strip_suffix('%').map_or((text.as_str(), 1.0), |digits| (digits, 100.0));
    let number: f64 = digits.trim().parse().ok()?;
    number.is_finite().then_some(number / scale)
}

/// The tolerances that a data set writes as text: numbers divided by commas, such as `1e-1,1e-2`.
pub fn tolerances(text: &str) -> Vec<f64> {
    text.split(',').filter_map(|part| part.trim().parse().ok()).collect()
}

/// Compares the answers of a problem one to one, in any order: each reference answer needs another predicted one that
/// is the same, or differs by no more than the tolerance of that reference answer.
pub fn absolute(gold: &str, prediction: &str, tolerances: &[f64]) -> Verdict {
    match equal(gold, prediction) {
        Verdict::Different => {}
        other => return other,
    }
    let (Some(gold), Some(prediction)) = (answers(gold), answers(prediction)) else { return Verdict::Different };
    if gold.len() != prediction.len() || gold.len() > MOST_ANSWERS {
        return Verdict::Different;
    }
    let meets: Vec<Vec<bool>> = gold
        .iter()
        .enumerate()
        .map(|(place, gold)| {
            let tolerance = tolerances.get(place).or(tolerances.last()).copied().unwrap_or(0.0);
            prediction.iter().map(|prediction| near(gold, prediction, tolerance)).collect()
        })
        .collect();
    of(is_assignable(&meets))
}

fn answers(text: &str) -> Option<Vec<Shape>> {
    Some(match Shape::of(&parser::parse(&tidy::bare(text))?) {
        Shape::Unordered(members) => members,
        single => vec![single],
    })
}

fn near(gold: &Shape, prediction: &Shape, tolerance: f64) -> bool {
    let numbers = (value_of(gold), value_of(prediction));
    if let (Some(gold), Some(prediction)) = numbers
        && (gold - prediction).abs() <= tolerance * (1.0 + 1e-9)
    {
        return true;
    }
    match (gold, prediction) {
        (Shape::Ordered(open, close, first, _), Shape::Ordered(other_open, other_close, second, _)) => {
            open == other_open
                && close == other_close
                && first.len() == second.len()
                && first.iter().zip(second).all(|(gold, prediction)| near(gold, prediction, tolerance))
        }
        _ => equality::same(gold, prediction),
    }
}

/// Whether each row can be given a column of its own, by augmenting paths.
fn is_assignable(meets: &[Vec<bool>]) -> bool {
    let columns = meets.iter().map(Vec::len).max().unwrap_or_default();
    let mut owner: Vec<Option<usize>> = vec![None; columns];
    (0..meets.len()).all(|row| assign(row, meets, &mut owner, &mut vec![false; columns]))
}

/// Finds a column for a row, moving others where needed; no deeper than there are rows.
fn assign(row: usize, meets: &[Vec<bool>], owner: &mut [Option<usize>], seen: &mut [bool]) -> bool {
    let Some(possible) = meets.get(row) else { return false };
    for column in (0..possible.len()).filter(|column| possible.get(*column) == Some(&true)) {
        match seen.get_mut(column) {
            Some(mark) if !*mark => *mark = true,
            _ => continue,
        }
        let free = match owner.get(column).copied().flatten() {
            None => true,
            Some(other) => assign(other, meets, owner, seen),
        };
        if free && let Some(place) = owner.get_mut(column) {
            *place = Some(row);
            return true;
        }
    }
    false
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_written_as_such() {
        let judge = |gold: &str, prediction: &str| Rule::IntegerLiteral.judge(gold, prediction);
        assert_eq!(judge("73", "073"), Verdict::Equal);
        assert_eq!(judge("73", "$73$"), Verdict::Equal);
        assert_eq!(judge("73", "73.0"), Verdict::Different);
        assert_eq!(judge("73", "146/2"), Verdict::Different);
        assert_eq!(judge("1/2", "1/2"), Verdict::NoReference);
        assert_eq!(judge("0", "-0"), Verdict::Equal);
        assert_eq!(judge("0", ""), Verdict::NoPrediction);
    }

    #[test]
    fn answers_are_assigned_one_to_one() {
        let rule = Rule::Absolute { tolerances: vec![0.1, 0.01] };
        assert_eq!(rule.judge("1.0, 2.0", "2.005, 1.05"), Verdict::Equal);
        assert_eq!(rule.judge("1.0, 2.0", "2.05, 1.05"), Verdict::Different);
        assert_eq!(rule.judge("1.0, 1.05", "1.0, 3.0"), Verdict::Different);
        assert_eq!(rule.judge("\\sqrt{2}", "1.45"), Verdict::Equal);
        assert_eq!(rule.judge("3", "3,4"), Verdict::Different);
        // The first row has to give up the column that only the second can have.
        assert!(is_assignable(&[vec![true, true], vec![true, false]]));
        assert!(!is_assignable(&[vec![true, false], vec![true, false]]));
        assert_eq!(tolerances("1e-1, 1e-2"), [0.1, 0.01]);
    }

    #[test]
    fn shares_of_the_reference() {
        assert_eq!(relative("100", "100.14", 0.0015), Verdict::Equal);
        assert_eq!(relative("100", "100.16", 0.0015), Verdict::Different);
        assert_eq!(relative("0.125", "12.5%", 0.0015), Verdict::Equal);
        assert_eq!(relaxed("100", "105", 0.05), Verdict::Equal);
        assert_eq!(relaxed("100", "105.1", 0.05), Verdict::Different);
        assert_eq!(relaxed("0", "0.01", 0.05), Verdict::Different);
        assert_eq!(relaxed("Yes", "yes ", 0.05), Verdict::Equal);
        assert_eq!(relaxed("2%", "0.02", 0.05), Verdict::Equal);
    }

    #[test]
    fn a_rule_is_read_from_a_card() {
        let rule: Rule = serde_json::from_str(r#"{"rule": "relative", "tolerance": 0.0015}"#).unwrap();
        assert_eq!(rule, Rule::Relative { tolerance: 0.0015 });
        assert!(serde_json::from_str::<Rule>(r#"{"rule": "relative", "tolerance": 1, "other": 2}"#).is_err());
    }

    #[test]
    fn texts_have_values() {
        assert_eq!(value("12.5%"), Some(0.125));
        assert_eq!(value("$1,234.50"), Some(1234.5));
        assert_eq!(value("x = 5 \\text{ cm}"), Some(5.0));
        assert_eq!(value("yes"), None);
        assert_eq!(value("x"), None);
    }
}
