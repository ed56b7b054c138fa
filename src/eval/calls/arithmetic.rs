//! Arithmetic of Python over literals, as far as an argument such as `2 * 3` needs it. Names and calls are never run.

use super::literal::Literal;
use super::python::{Expression, Operator};

/// The most characters and items that a sum or product may make, so that a short reply cannot ask for much memory.
const LARGEST: usize = 1 << 12;

/// The value of an expression of literals and operators; none where Python would fail or would have to run a name.
pub fn evaluate(expression: &Expression) -> Option<Literal> {
    match expression {
        Expression::Constant(literal) => Some(literal.clone()),
        Expression::List(items) => items.iter().map(evaluate).collect::<Option<_>>().map(Literal::List),
        Expression::Tuple(items) => items.iter().map(evaluate).collect::<Option<_>>().map(Literal::Tuple),
        Expression::Unary(operator, operand) => before(*operator, &evaluate(operand)?),
        Expression::Binary(left, operator, right) => between(&evaluate(left)?, *operator, &evaluate(right)?),
        _ => None,
    }
}

/// The value with its sign changed; none where the value has no sign.
pub fn negated(literal: &Literal) -> Option<Literal> {
    match literal {
        Literal::Truth(truth) => Some(Literal::Whole(-i128::from(*truth))),
        Literal::Whole(whole) => Some(Literal::Whole(whole.saturating_neg())),
        Literal::Real(real) => Some(Literal::Real(-real)),
        Literal::Other(source) if source.ends_with(['j', 'J']) => Some(Literal::Other(format!("-{source}"))),
        _ => None,
    }
}

fn before(operator: Operator, operand: &Literal) -> Option<Literal> {
    match operator {
        Operator::Minus => negated(operand),
        Operator::Plus => match operand {
            Literal::Truth(truth) => Some(Literal::Whole(i128::from(*truth))),
            Literal::Whole(_) | Literal::Real(_) => Some(operand.clone()),
            _ => None,
        },
        Operator::Invert => whole(operand).map(|whole| Literal::Whole(!whole)),
        Operator::Not => Some(Literal::Truth(is_empty(operand))),
        _ => None,
    }
}

fn is_empty(literal: &Literal) -> bool {
    match literal {
        Literal::Nothing => true,
        Literal::Truth(truth) => !truth,
        Literal::Whole(whole) => *whole == 0,
        Literal::Real(real) => *real == 0.0,
        Literal::Text(text) => text.is_empty(),
        Literal::List(items) | Literal::Tuple(items) => items.is_empty(),
        Literal::Dictionary(entries) => entries.is_empty(),
        Literal::Other(_) => false,
    }
}

fn whole(literal: &Literal) -> Option<i128> {
    match literal {
        Literal::Truth(truth) => Some(i128::from(*truth)),
        Literal::Whole(whole) => Some(*whole),
        _ => None,
    }
}

fn real(literal: &Literal) -> Option<f64> {
    match literal {
        Literal::Real(real) => Some(*real),
        other => whole(other).map(|whole| whole as f64),
    }
}

fn between(left: &Literal, operator: Operator, right: &Literal) -> Option<Literal> {
    if let (Some(one), Some(two)) = (whole(left), whole(right)) {
        return wholes(one, operator, two);
    }
    if let (Some(one), Some(two)) = (real(left), real(right)) {
        return reals(one, operator, two);
    }
    let count = |literal: &Literal| whole(literal).map(|count| usize::try_from(count.max(0)).unwrap_or(usize::MAX));
    match (left, operator, right) {
        (one, Operator::Plus, two) if size(one).saturating_add(size(two)) > LARGEST => None,
        (Literal::Text(one), Operator::Plus, Literal::Text(two)) => Some(Literal::Text(format!("{one}{two}"))),
        (Literal::List(one), Operator::Plus, Literal::List(two)) => Some(Literal::List([&one[..], two].concat())),
        (Literal::Tuple(one), Operator::Plus, Literal::Tuple(two)) => Some(Literal::Tuple([&one[..], two].concat())),
        (sequence, Operator::Times, times) if whole(times).is_some() => repeated(sequence, count(times)?),
        (times, Operator::Times, sequence) => repeated(sequence, count(times)?),
        _ => None,
    }
}

/// How many characters and items a value holds.
fn size(literal: &Literal) -> usize {
    match literal {
        Literal::Text(text) => 1 + text.len(),
        Literal::List(items) | Literal::Tuple(items) => 1 + items.iter().map(size).sum::<usize>(),
        Literal::Dictionary(entries) => 1 + entries.iter().map(|(key, value)| size(key) + size(value)).sum::<usize>(),
        _ => 1,
    }
}

fn repeated(sequence: &Literal, count: usize) -> Option<Literal> {
    if size(sequence).saturating_mul(count) > LARGEST {
        return None;
    }
    let again = |items: &[Literal]| std::iter::repeat_n(items, count).flatten().cloned().collect();
    match sequence {
        Literal::Text(text) => Some(Literal::Text(text.repeat(count))),
        Literal::List(items) => Some(Literal::List(again(items))),
        Literal::Tuple(items) => Some(Literal::Tuple(again(items))),
        _ => None,
    }
}

fn wholes(one: i128, operator: Operator, two: i128) -> Option<Literal> {
    let whole = match operator {
        Operator::Plus => one.saturating_add(two),
        Operator::Minus => one.saturating_sub(two),
        Operator::Times => one.saturating_mul(two),
        Operator::Or => one | two,
        Operator::Xor => one ^ two,
        Operator::And => one & two,
        Operator::Divide | Operator::FloorDivide | Operator::Remainder if two == 0 => return None,
        Operator::Divide => return Some(Literal::Real(one as f64 / two as f64)),
        Operator::FloorDivide => {
            let quotient = one.saturating_div(two);
            quotient - i128::from(one.wrapping_rem(two) != 0 && (one < 0) != (two < 0))
        }
        Operator::Remainder => {
            let rest = one.wrapping_rem(two);
            if rest != 0 && (rest < 0) != (two < 0) { rest + two } else { rest }
        }
        Operator::Power if two < 0 => return reals(one as f64, operator, two as f64),
        Operator::Power => one.saturating_pow(u32::try_from(two).unwrap_or(u32::MAX)),
        Operator::Left | Operator::Right if two < 0 => return None,
        Operator::Left => one.saturating_mul(2_i128.saturating_pow(u32::try_from(two).unwrap_or(u32::MAX))),
        Operator::Right => one >> u32::try_from(two.min(127)).unwrap_or(127),
        Operator::Matrix | Operator::Invert | Operator::Not => return None,
    };
    Some(Literal::Whole(whole))
}

fn reals(one: f64, operator: Operator, two: f64) -> Option<Literal> {
    let is_division = matches!(operator, Operator::Divide | Operator::FloorDivide | Operator::Remainder);
    if is_division && two == 0.0 {
        return None;
    }
    let real = match operator {
        Operator::Plus => one + two,
        Operator::Minus => one - two,
        Operator::Times => one * two,
        Operator::Divide => one / two,
        Operator::FloorDivide => (one / two).floor(),
        Operator::Remainder => one - two * (one / two).floor(),
        Operator::Power if one == 0.0 && two < 0.0 => return None,
        Operator::Power => {
            let power = one.powf(two);
            if power.is_infinite() && one.is_finite() && two.is_finite() {
                return None;
            }
            if power.is_nan() && !one.is_nan() && !two.is_nan() {
                return Some(Literal::Other("j".to_owned()));
            }
            power
        }
        _ => return None,
    };
    Some(Literal::Real(real))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]
mod tests {
    use super::super::python::parse;
    use super::*;

    fn value(source: &str) -> Option<String> {
        evaluate(&parse(source).unwrap()).map(|literal| literal.to_json().to_string())
    }

    #[test]
    fn operators_are_those_of_python() {
        for (source, expected) in [
            ("2 * 3", "6"),
            ("-7 // 2", "-4"),
            ("-7 % 3", "2"),
            ("7 % -3", "-2"),
            ("1 / 2", "0.5"),
            ("2 ** 10", "1024"),
            ("2 ** -1", "0.5"),
            ("1 << 4 | 1", "17"),
            ("'a' + 'b' * 2", "\"abb\""),
            ("[1] * 2 + [2]", "[1,1,2]"),
            ("True + 1", "2"),
            ("not 0", "true"),
            ("~5", "-6"),
            ("7.5 // 2", "3.0"),
        ] {
            assert_eq!(value(source).as_deref(), Some(expected), "{source}");
        }
    }

    #[test]
    fn what_fails_has_no_value() {
        for source in ["1 / 0", "x + 1", "f(1) + 1", "'a' + 1", "1 @ 2", "1.5 % 0", "'a' * 10 ** 9", "1 << -1"] {
            assert_eq!(value(source), None, "{source}");
        }
        assert!(value("10 ** 10 ** 10").is_some());
    }
}
