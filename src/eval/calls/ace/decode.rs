//! Decoding: the list of calls in a reply. Nothing is run, and what has no value is kept as its source text.

use super::super::arithmetic::negated;
use super::super::decode::{Call, DecodeError};
use super::super::literal::{Dictionary, Literal};
use super::super::python::{self, Argument, Expression, Operator};

/// The calls of a reply: those of its first text in square brackets, or, in conversations, of all of it without blanks.
///
/// # Errors
///
/// Where that is no list of calls of Python.
pub fn decode(reply: &str, category: &str) -> Result<Vec<Call>, DecodeError> {
    let text = if category.contains("multi_turn") && !category.contains("agent") {
        reply.split_whitespace().collect()
    } else {
        bracketed(reply).ok_or(DecodeError::NoCalls)?.to_owned()
    };
    match python::parse(&text)? {
        Expression::List(items) | Expression::Tuple(items) => items.iter().map(item).collect(),
        _ => Err(DecodeError::NoCalls),
    }
}

/// The first text whose square brackets close.
fn bracketed(text: &str) -> Option<&str> {
    let mut start = None;
    let mut depth = 0_usize;
    for (index, c) in text.char_indices() {
        match c {
            '[' => {
                start = start.filter(|_| depth > 0).or(Some(index));
                depth += 1;
            }
            ']' if depth > 0 => {
                depth -= 1;
                if depth == 0 {
                    return text.get(start?..=index);
                }
            }
            _ => {}
        }
    }
    None
}

fn item(item: &Expression) -> Result<Call, DecodeError> {
    match item {
        Expression::Call(function, arguments) => call(function, arguments),
        _ => Err(DecodeError::NoCalls),
    }
}

fn call(function: &Expression, arguments: &[Argument]) -> Result<Call, DecodeError> {
    let mut named = Dictionary::default();
    for argument in arguments {
        if let Argument::Keyword(name, expression) = argument {
            named.insert_text(name, value(expression)?);
        }
    }
    Ok(Call { name: super::super::decode::name(function), arguments: Literal::Dictionary(named) })
}

fn value(expression: &Expression) -> Result<Literal, DecodeError> {
    Ok(match expression {
        Expression::Constant(literal) => literal.clone(),
        Expression::Name(name) => Literal::Text(name.clone()),
        Expression::Unary(operator, operand) => {
            let operand = value(operand)?;
            let number = matches!(operand, Literal::Truth(_) | Literal::Whole(_) | Literal::Real(_));
            if *operator == Operator::Minus && number { negated(&operand).unwrap_or(operand) } else { operand }
        }
        Expression::List(items) => Literal::List(items.iter().map(value).collect::<Result<_, _>>()?),
        Expression::Tuple(items) => Literal::Tuple(items.iter().map(value).collect::<Result<_, _>>()?),
        Expression::Dictionary(entries) => {
            let none = || DecodeError::Argument(python::text(expression));
            let mut dictionary = Dictionary::default();
            for (key, item) in entries {
                if !dictionary.insert(value(key.as_ref().ok_or_else(none)?)?, value(item)?) {
                    return Err(none());
                }
            }
            Literal::Dictionary(dictionary)
        }
        Expression::Call(function, arguments) => {
            let call = call(function, arguments)?;
            let mut dictionary = Dictionary::default();
            dictionary.insert_text(&call.name, call.arguments);
            Literal::Dictionary(dictionary)
        }
        other => Literal::Text(python::text(other)),
    })
}
