//! Decoding: a reply as text to the calls that it writes.

use super::arithmetic::{evaluate, negated};
use super::literal::{Dictionary, Literal};
use super::python::{self, Argument, Expression};
use super::source;

/// The language that a reply writes its calls in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Python.
    #[default]
    #[serde(alias = "Python")]
    Python,
    /// Java.
    #[serde(alias = "Java")]
    Java,
    /// JavaScript.
    #[serde(alias = "JavaScript")]
    JavaScript,
}

/// A call of a function.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The name of the function, dots included.
    pub name: String,
    /// The arguments by name: a dictionary, or whatever else a model sent in its place.
    pub arguments: Literal,
}

/// Why a reply holds no calls.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The text is not written in the language.
    #[error("not an expression: {0}")]
    Syntax(#[from] python::SyntaxError),
    /// The text is an expression, but no list of calls.
    #[error("not a list of calls")]
    NoCalls,
    /// An argument is something that has no value as it stands.
    #[error("an argument without a value: {0}")]
    Argument(String),
}

/// The calls of a reply, as the Berkeley leaderboard decodes the text of a prompted model.
///
/// Back-ticks, blanks and line ends around the text are dropped, missing brackets are added, and then the text must be a
/// list of calls. Arguments by position are dropped; of a repeated name the last value counts; `**value` becomes an
/// argument that is named `None`.
///
/// # Errors
///
/// Where the text is anything else. An empty text is an empty list and no error.
pub fn decode(reply: &str, language: Language) -> Result<Vec<Call>, DecodeError> {
    let mut text = reply.trim_matches(['`', '\n', ' ']).to_owned();
    if !text.starts_with('[') {
        text.insert(0, '[');
    }
    if !text.ends_with(']') {
        text.push(']');
    }
    match language {
        Language::Python => decode_list(&text),
        Language::Java | Language::JavaScript => {
            let inner = text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
            source::decode(inner).map(|call| vec![call])
        }
    }
}

/// The calls of a text that is exactly one list, tuple or call of Python.
///
/// # Errors
///
/// Where the text is anything else.
pub fn decode_list(text: &str) -> Result<Vec<Call>, DecodeError> {
    match python::parse(text)? {
        Expression::Call(function, arguments) => Ok(vec![call(&function, &arguments)?]),
        Expression::List(items) | Expression::Tuple(items) => items.iter().map(item).collect(),
        _ => Err(DecodeError::NoCalls),
    }
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
        match argument {
            Argument::Positional(_) => {}
            Argument::Keyword(name, expression) => named.insert_text(name, value(expression)?),
            Argument::Mapping(expression) => named.insert_text("None", value(expression)?),
        }
    }
    Ok(Call { name: name(function), arguments: Literal::Dictionary(named) })
}

/// The dotted name of a function; of anything but names only the attributes behind it.
pub(super) fn name(function: &Expression) -> String {
    let mut parts = Vec::new();
    let mut at = function;
    while let Expression::Attribute(base, attribute) = at {
        parts.push(attribute.as_str());
        at = base;
    }
    if let Expression::Name(first) = at {
        parts.push(first);
    }
    parts.reverse();
    parts.join(".")
}

/// The value of an argument.
fn value(expression: &Expression) -> Result<Literal, DecodeError> {
    let none = || DecodeError::Argument(python::text(expression));
    match expression {
        Expression::Constant(literal) => Ok(literal.clone()),
        Expression::Ellipsis => Ok(Literal::Text("...".to_owned())),
        Expression::Name(name) => Ok(Literal::Text(name.clone())),
        // Every operator before a number is taken for a minus, as the leaderboard does.
        Expression::Unary(_, operand) => match &**operand {
            Expression::Constant(literal) => negated(literal).ok_or_else(none),
            _ => Err(none()),
        },
        Expression::Binary(..) => evaluate(expression).ok_or_else(none),
        Expression::List(items) => items.iter().map(value).collect::<Result<_, _>>().map(Literal::List),
        Expression::Tuple(items) => items.iter().map(value).collect::<Result<_, _>>().map(Literal::Tuple),
        Expression::Dictionary(entries) => {
            let mut dictionary = Dictionary::default();
            for (key, item) in entries {
                let key = value(key.as_ref().ok_or_else(none)?)?;
                if !dictionary.insert(key, value(item)?) {
                    return Err(none());
                }
            }
            Ok(Literal::Dictionary(dictionary))
        }
        Expression::Call(function, arguments) if arguments.iter().any(is_named) => {
            let call = call(function, arguments)?;
            let mut dictionary = Dictionary::default();
            dictionary.insert_text(&call.name, call.arguments);
            Ok(Literal::Dictionary(dictionary))
        }
        Expression::Call(..) => Ok(Literal::Text(python::text(expression))),
        Expression::Subscript(base, index) => {
            Ok(Literal::Text(format!("{}[{}]", python::text(base), python::text(index))))
        }
        _ => Err(none()),
    }
}

fn is_named(argument: &Argument) -> bool {
    !matches!(argument, Argument::Positional(_))
}
