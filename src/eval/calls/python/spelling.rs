//! The spelling of an expression as Python's `ast.unparse` gives it, and of texts and numbers as `repr` does.

use super::super::literal::Literal;
use super::expression::{Argument, Expression, Operator};

/// How strongly what stands around an expression binds it; below zero nothing does.
const LOOSE: u8 = 0;
const ATOM: u8 = 10;

/// An expression as source text.
pub fn text(expression: &Expression) -> String {
    spelled(expression, LOOSE)
}

/// A text between quotes, as Python's `repr` writes it.
pub fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => out.extend(['\\', c]),
            c if c.is_control() && u32::from(c) < 0x100 => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}

/// A real number as Python's `repr` writes it: the shortest digits, an exponent below 1e-4 and from 1e16 on.
pub fn real(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let magnitude = value.abs();
    if magnitude != 0.0 && !(1e-4..1e16).contains(&magnitude) {
        let scientific = format!("{value:e}");
        let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        let (sign, power) = exponent.strip_prefix('-').map_or(('+', exponent), |power| ('-', power));
        return format!("{digits}e{sign}{power:0>2}");
    }
    let plain = value.to_string();
    if plain.contains('.') { plain } else { plain + ".0" }
}

fn constant(literal: &Literal) -> String {
    match literal {
        Literal::Nothing => "None".to_owned(),
        Literal::Truth(true) => "True".to_owned(),
        Literal::Truth(false) => "False".to_owned(),
        Literal::Whole(whole) => whole.to_string(),
        Literal::Real(value) if value.is_infinite() => "1e309".to_owned(),
        Literal::Real(value) => real(*value),
        Literal::Text(text) => quoted(text),
        Literal::Other(source) => source.clone(),
        Literal::List(_) | Literal::Tuple(_) | Literal::Dictionary(_) => String::new(),
    }
}

fn enclosed(text: String, strength: u8, around: u8) -> String {
    if around > strength { format!("({text})") } else { text }
}

fn spelled(expression: &Expression, around: u8) -> String {
    match expression {
        Expression::Constant(literal) => constant(literal),
        Expression::Ellipsis => "...".to_owned(),
        Expression::Name(name) => name.clone(),
        Expression::Attribute(base, name) => format!("{}.{name}", spelled(base, ATOM)),
        Expression::Subscript(base, index) => {
            let index = match &**index {
                Expression::Tuple(items) if items.len() > 1 => joined(items),
                index => text(index),
            };
            format!("{}[{index}]", spelled(base, ATOM))
        }
        Expression::Call(function, arguments) => {
            let arguments: Vec<String> = arguments.iter().map(argument).collect();
            format!("{}({})", spelled(function, ATOM), arguments.join(", "))
        }
        Expression::List(items) => format!("[{}]", joined(items)),
        Expression::Tuple(items) if items.len() == 1 => format!("({},)", joined(items)),
        Expression::Tuple(items) => format!("({})", joined(items)),
        Expression::Dictionary(entries) => {
            let entries: Vec<String> = entries.iter().map(entry).collect();
            format!("{{{}}}", entries.join(", "))
        }
        Expression::Unary(operator, operand) => {
            let strength = operator_before(*operator);
            enclosed(format!("{}{}", operator.symbol(), spelled(operand, strength)), strength, around)
        }
        Expression::Binary(left, operator, right) => {
            let strength = operator.strength();
            let power = u8::from(*operator == Operator::Power);
            let left = spelled(left, strength + power);
            let right = spelled(right, strength + 1 - power);
            enclosed(format!("{left} {} {right}", operator.symbol()), strength, around)
        }
        Expression::Starred(value) => format!("*{}", spelled(value, Operator::Or.strength())),
        Expression::Lambda(source) | Expression::Opaque(source) => enclosed(source.clone(), LOOSE, around),
        Expression::Enclosed(source) => source.clone(),
    }
}

fn operator_before(operator: Operator) -> u8 {
    match operator {
        Operator::Not => Operator::Not.strength(),
        _ => Operator::Invert.strength(),
    }
}

fn joined(items: &[Expression]) -> String {
    let items: Vec<String> = items.iter().map(text).collect();
    items.join(", ")
}

fn argument(argument: &Argument) -> String {
    match argument {
        Argument::Positional(value) => text(value),
        Argument::Keyword(name, value) => format!("{name}={}", text(value)),
        Argument::Mapping(value) => format!("**{}", text(value)),
    }
}

fn entry((key, value): &(Option<Expression>, Expression)) -> String {
    match key {
        Some(key) => format!("{}: {}", text(key), text(value)),
        None => format!("**{}", spelled(value, Operator::Or.strength())),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]
mod tests {
    use super::super::parse;
    use super::*;

    #[test]
    fn expressions_are_spelled_as_unparse_does() {
        for (source, spelling) in [
            ("g( 1,a = 'x',*b,**c )", "g(1, a='x', *b, **c)"),
            ("(1+2)*3 - -x", "(1 + 2) * 3 - -x"),
            ("2**3**4", "2 ** 3 ** 4"),
            ("(2**3)**4", "(2 ** 3) ** 4"),
            ("a.b[0][1,2]", "a.b[0][1, 2]"),
            ("{\"a\":[1.50, 1e3], **x}", "{'a': [1.5, 1000.0], **x}"),
            ("(1,)", "(1,)"),
            ("f((a if b else c)+1)", "f((a if b else c) + 1)"),
            ("f(not x)", "f(not x)"),
            ("x[1:2]", "x[1:2]"),
            ("\"it's\"", "\"it's\""),
        ] {
            assert_eq!(text(&parse(source).unwrap()), spelling);
        }
    }

    #[test]
    fn reals_are_written_as_repr_does() {
        for (value, spelling) in [
            (1.0, "1.0"),
            (0.1, "0.1"),
            (1e16, "1e+16"),
            (1.5e-5, "1.5e-05"),
            (123456789012345.0, "123456789012345.0"),
            (1e100, "1e+100"),
            (-0.0, "-0.0"),
            (0.0001, "0.0001"),
        ] {
            assert_eq!(real(value), spelling);
        }
    }
}
