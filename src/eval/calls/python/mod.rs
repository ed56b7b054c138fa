//! Expressions of Python: what a reply says when it writes calls as source text.
//!
//! Only reading is done here; nothing of a reply is ever run. [`parse`] tells an expression from a syntax error as
//! CPython 3.11 does, except for what stands in the braces of an f-string, and [`text`] writes an expression the way
//! Python's `ast.unparse` does.

mod brackets;
mod expression;
mod lexer;
mod parser;
mod spelling;
mod strings;
mod values;

pub use expression::{Argument, Expression, Operator};
pub use parser::parse;
pub use spelling::{quoted, real, text};
pub use values::{dumps, repr};

/// Why a text is not an expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SyntaxError(pub &'static str);
