//! The language of FinQA's programs: `subtract(5829, 5735), divide(#0, 5735)`.

use crate::eval::forms::pattern::{Pattern, group};

static LINE: Pattern = Pattern::new(r"(?im)^\s*\**\s*program\s*\**\s*:\s*(.*)$");
static AFTER_BRACKET: Pattern = Pattern::new(r"\(\s+");
static BEFORE_BRACKET: Pattern = Pattern::new(r"\s+\)");
static BEFORE_COMMA: Pattern = Pattern::new(r"\s+,");
static AFTER_COMMA: Pattern = Pattern::new(r",\s+");
static BARE_COMMA: Pattern = Pattern::new(r"\(([^(),\s][^(),]*),([^(),\s][^(),]*)\)");

/// The text of the last `Program:` line, its white space around brackets and commas made even; `None` without one.
pub fn extract(reply: &str) -> Option<String> {
    let last = LINE.last(reply)?;
    let text = group(&last, 1).trim().trim_matches('*').trim().trim_end_matches('.').trim().trim_matches('`').trim();
    let text = AFTER_BRACKET.replace(text, "(");
    let text = BEFORE_BRACKET.replace(&text, ")");
    let text = BEFORE_COMMA.replace(&text, ",");
    let text = AFTER_COMMA.replace(&text, ", ");
    let text = BARE_COMMA.replace(&text, "(${1}, ${2})");
    (!text.is_empty()).then_some(text)
}

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
    Greater,
    RowMax,
    RowMin,
    RowSum,
    RowAverage,
}

impl Operation {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "add" => Self::Add,
            "subtract" => Self::Subtract,
            "multiply" => Self::Multiply,
            "divide" => Self::Divide,
            "exp" => Self::Power,
            "greater" => Self::Greater,
            "table_max" => Self::RowMax,
            "table_min" => Self::RowMin,
            "table_sum" => Self::RowSum,
            "table_average" => Self::RowAverage,
            _ => return None,
        })
    }

    pub(super) fn is_of_row(self) -> bool {
        matches!(self, Self::RowMax | Self::RowMin | Self::RowSum | Self::RowAverage)
    }
}

/// An operation on two arguments, as they were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) operation: Operation,
    pub(super) arguments: [String; 2],
    /// How the step was written, which is what names a row operation in a comparison.
    pub(super) written: String,
}

/// A program, or what is not one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program(pub(super) Option<Vec<Step>>);

impl Program {
    /// Reads a program: steps and arguments are separated by a comma and a blank.
    ///
    /// The data set's own rules say what is one: the tokens are taken by fours, of which the first opens a known
    /// operation and the fourth closes it. A last step that is cut off before its fourth token is dropped.
    pub fn read(text: &str) -> Self {
        let tokens = tokens(text);
        let fits = |(place, token): (usize, &String)| match place % 4 {
            0 => Operation::of(token.trim_matches('(')).is_some(),
            3 => token == ")",
            _ => true,
        };
        if !tokens.iter().enumerate().all(fits) {
            return Program(None);
        }
        let whole = tokens.len() / 4 * 4;
        Program(tokens[..whole].chunks(4).map(step).collect())
    }
}

fn step(tokens: &[String]) -> Option<Step> {
    let [operation, first, second, _] = tokens else { return None };
    let name = operation.strip_suffix('(')?;
    let inner = |argument: &str| argument.contains(['(', ')', '|']);
    if inner(first) || inner(second) {
        return None;
    }
    let arguments = [first.trim().to_owned(), second.trim().to_owned()];
    let written = format!("{name}({first}|{second}");
    Some(Step { operation: Operation::of(name)?, arguments, written })
}

/// Cuts at `, ` and after every bracket that opens, and makes every bracket that closes a token of its own.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    for part in text.split(", ") {
        let mut token = String::new();
        for c in part.chars() {
            if c == ')' && !token.is_empty() {
                tokens.push(std::mem::take(&mut token));
            }
            token.push(c);
            if matches!(c, '(' | ')') {
                tokens.push(std::mem::take(&mut token));
            }
        }
        if !token.is_empty() {
            tokens.push(token);
        }
    }
    tokens
}
