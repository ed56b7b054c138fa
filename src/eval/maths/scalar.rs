//! Whether two formulas are the same: exactly where that can be decided, else by their values at chosen points.

use num_rational::BigRational;
use num_traits::{Signed, Zero};

use super::ball::Ball;
use super::estimate::Estimator;
use super::normal::Normaliser;
use super::number;
use super::polynomial::Polynomial;
use super::tree::Node;

/// A rounded value agrees with an exact one where both are the same at this many places behind the point, which is
/// what Math-Verify rounds to.
const PLACES: u32 = 6;

/// Values that are zero at these places agree only where they are this near to each other, relative to the larger.
const NEAR: f64 = 1e-3;

/// Points that formulas with letters are compared at.
const POINTS: u64 = 6;

/// Whether two formulas have the same value for all values of their letters.
pub fn same(left: &Node, right: &Node) -> bool {
    if left == right {
        return true;
    }
    let rounded = left.is_rounded() || right.is_rounded();
    if let Some(decided) = exact(left, right, rounded) {
        return decided;
    }
    if left.has_letters() || right.has_letters() {
        return same_at_points(left, right, rounded);
    }
    let (first, second) = (Estimator::at(0).value(left), Estimator::at(0).value(right));
    if !first.is_known() || !second.is_known() {
        return false;
    }
    if rounded { same_rounded(first, second) } else { first.meets(second) }
}

/// The answer of exact arithmetic, where it has one.
fn exact(left: &Node, right: &Node, rounded: bool) -> Option<bool> {
    let mut normaliser = Normaliser::default();
    let first = normaliser.normal(left).ok()?;
    let second = normaliser.normal(right).ok()?;
    if let (Some(first), Some(second)) = (first.as_number(), second.as_number()) {
        return Some(first == second || rounded && near(&first, &second));
    }
    let difference = first.difference(&second).ok()?;
    if difference.is_zero() {
        return Some(true);
    }
    (!rounded && difference.is_free()).then_some(false)
}

/// Whether two exact values are the same when rounded. A whole number is what it is: nothing is rounded to it.
pub fn near(first: &BigRational, second: &BigRational) -> bool {
    if first.is_integer() || second.is_integer() || first.is_negative() != second.is_negative() {
        return false;
    }
    let larger = first.abs().max(second.abs());
    let thousandth = BigRational::new(1.into(), 1000.into());
    number::rounded(first, PLACES) == number::rounded(second, PLACES)
        && !larger.is_zero()
        && (first - second).abs() <= larger * thousandth
}

fn same_rounded(first: Ball, second: Ball) -> bool {
    let scale = 1e6;
    let place = |value: f64| (value * scale).round();
    let rounds = place(first.real) == place(second.real) && place(first.imaginary) == place(second.imaginary);
    let distance = first.plus(second.negative()).size();
    first.meets(second) || rounds && distance <= NEAR * first.size().max(second.size())
}

fn same_at_points(left: &Node, right: &Node, rounded: bool) -> bool {
    let mut met = 0;
    for point in 0..POINTS {
        let (first, second) = (Estimator::at(point).value(left), Estimator::at(point).value(right));
        if !first.is_known() || !second.is_known() {
            // A place where only one of them has a value shows that they differ.
            if first.is_known() != second.is_known() && first.size().is_finite() == second.size().is_finite() {
                return false;
            }
            continue;
        }
        let distance = first.plus(second.negative()).size();
        let meets = if rounded { distance <= 1e-6 * first.size().max(1.0) } else { first.meets(second) };
        if !meets {
            return false;
        }
        met += 1;
    }
    met >= 2
}

/// Whether two equations say the same: the differences of their sides are the same up to a factor.
pub fn same_equation(left: (&Node, &Node), right: (&Node, &Node)) -> bool {
    let difference = |(first, second): (&Node, &Node)| -> Option<Polynomial> {
        let mut normaliser = Normaliser::default();
        normaliser.normal(first).ok()?.difference(&normaliser.normal(second).ok()?).ok()
    };
    match (difference(left), difference(right)) {
        (Some(first), Some(second)) => first.is_multiple_of(&second),
        _ => false,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]
mod tests {
    use super::super::parser::parse;
    use super::*;

    fn holds(left: &str, right: &str) -> bool {
        same(&parse(left).unwrap(), &parse(right).unwrap())
    }

    #[test]
    fn exact_numbers_are_compared_exactly() {
        assert!(holds("1/3", "\\frac{2}{6}"));
        assert!(holds("1\\frac12", "3/2"));
        assert!(holds("3\\frac52", "15/2"));
        assert!(holds("2024^{4046}", "2024^{4046}"));
        assert!(!holds("2^{2025}", "3^{2025}"));
        assert!(!holds("10^{30}+1", "10^{30}"));
        assert!(holds("1/2004!", "\\frac{1}{2004!}"));
        assert!(!holds("10^{20}x+1", "10^{20}x"));
    }

    #[test]
    fn roots_have_one_form() {
        assert!(holds("\\sqrt{8}", "2\\sqrt2"));
        assert!(holds("\\frac{1}{\\sqrt{2}}", "\\frac{\\sqrt{2}}{2}"));
        assert!(holds("\\sqrt{3+2\\sqrt{2}}", "1+\\sqrt{2}"));
        assert!(holds("\\sqrt[3]{9}", "9^{1/3}"));
        assert!(holds("\\frac{6\\sqrt{1789-240\\sqrt{21}}+8\\sqrt{1236-240\\sqrt{21}}}{5}", "96-10\\sqrt{21}"));
        assert!(!holds("\\sqrt[3]{5}", "\\sqrt{5}"));
        assert!(!holds("8-9\\sqrt{3}", "8+9\\sqrt{3}"));
    }

    #[test]
    fn formulas_are_the_same_where_their_values_are() {
        assert!(holds("(a+b)^2", "a^2+2ab+b^2"));
        assert!(holds("\\frac{x^2-1}{x-1}", "x+1"));
        assert!(holds("\\cos^2 x-\\sin^2 x", "\\cos(2x)"));
        assert!(holds("\\frac{n(n+1)}{2}", "\\binom{n+1}{2}"));
        assert!(holds("2^{n+1}", "2\\cdot 2^n"));
        assert!(!holds("\\sin 2x", "\\sin^2 x"));
        assert!(!holds("\\sqrt{x^2}", "x"));
        assert!(holds("e^{i\\pi}", "-1"));
    }

    #[test]
    fn computed_values() {
        assert!(holds("\\int_0^1 x dx", "\\frac12"));
        assert!(holds("\\sum_{i=1}^{4} i", "10"));
        assert!(holds("\\lim_{x\\to 0} \\frac{\\sin x}{x}", "1"));
        assert!(holds("\\log_2 8", "3"));
        assert!(holds("\\log_8 4", "2/3"));
        assert!(holds("\\ln 3+\\ln 2", "\\ln 6"));
        assert!(holds("\\sin 30^\\circ", "0.5"));
        assert!(holds("7 \\bmod 4", "3"));
        assert!(holds("\\lfloor 7/2 \\rfloor", "3"));
        assert!(holds("0.\\overline{3}", "1/3"));
    }

    #[test]
    fn a_rounded_value_agrees_to_six_places() {
        assert!(holds("0.333333", "1/3"));
        assert!(!holds("0.333", "1/3"));
        assert!(holds("3.141593", "\\pi"));
        assert!(!holds("1.0000004", "1"));
        assert!(!holds("0.00000001", "0.00000002"));
    }

    #[test]
    fn towers_of_powers_are_answered_at_once() {
        assert!(holds("9^{9^{9^9}}", "9^{9^{9^9}}"));
        assert!(!holds("9^{9^{9^9}}", "9^{9^{9^8}}"));
        assert!(!holds("99999999!", "99999998!"));
    }
}
