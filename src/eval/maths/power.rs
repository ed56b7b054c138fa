//! Reads what is raised, lowered or put behind an operand: exponents, subscripts, factorials, percent and degree signs.

use super::number;
use super::parser::Parser;
use super::token::Sign;
use super::tree::{Function, Node};

/// How many marks may stand behind one operand.
const MOST_MARKS: usize = 12;

impl Parser {
    /// An operand with everything raised, lowered or put behind it.
    pub(super) fn power(&mut self) -> Option<Node> {
        let mut value = self.operand()?;
        for _ in 0..MOST_MARKS {
            match self.peek() {
                Some(Sign::Caret) => {
                    self.at += 1;
                    if self.take(&Sign::Degree) {
                        value = Node::Degrees(Box::new(value));
                    } else if self.take(&Sign::Prime) {
                        value = primed(value);
                    } else {
                        value = match self.exponent()? {
                            None => Node::Degrees(Box::new(value)),
                            Some(exponent) => Node::Power(Box::new(value), Box::new(exponent)),
                        };
                    }
                }
                Some(Sign::Underscore) => {
                    self.at += 1;
                    value = self.lowered(value)?;
                }
                Some(Sign::Bang) => {
                    self.at += 1;
                    value = Node::Call(Function::Factorial, vec![value]);
                }
                Some(Sign::Percent) => {
                    self.at += 1;
                    value = Node::Percent(Box::new(value));
                }
                Some(Sign::Degree) => {
                    self.at += 1;
                    // "90° C" and "90° F" are temperatures.
                    if matches!(self.peek(), Some(Sign::Letter(scale)) if scale == "C" || scale == "F") {
                        self.at += 1;
                    }
                    value = Node::Degrees(Box::new(value));
                }
                Some(Sign::Prime) => {
                    self.at += 1;
                    value = primed(value);
                }
                _ => return Some(value),
            }
        }
        None
    }

    /// What stands behind `^`; `Some(None)` for a degree sign in braces.
    pub(super) fn exponent(&mut self) -> Option<Option<Node>> {
        if self.take(&Sign::OpenGroup) {
            if self.take(&Sign::Degree) {
                self.expect(&Sign::CloseGroup)?;
                return Some(None);
            }
            if self.peek() == Some(&Sign::Prime) {
                while self.take(&Sign::Prime) {}
                self.expect(&Sign::CloseGroup)?;
                return Some(Some(Node::integer(1)));
            }
            let inside = self.deeper(Self::list)?;
            self.expect(&Sign::CloseGroup)?;
            return Some(Some(inside));
        }
        let negative = self.take(&Sign::Minus);
        if !negative {
            self.take(&Sign::Plus);
        }
        // Towers of powers are read from the right.
        let mut value = self.deeper(Self::operand)?;
        if self.take(&Sign::Caret) {
            let upper = self.deeper(Self::exponent)??;
            value = Node::Power(Box::new(value), Box::new(upper));
        }
        Some(Some(if negative { Node::Negative(Box::new(value)) } else { value }))
    }

    /// A subscript: the base of digits, or a part of a letter's name.
    fn lowered(&mut self, value: Node) -> Option<Node> {
        let begin = self.at;
        let subscript = self.deeper(Self::script)?;
        let digits = self.tokens.get(begin.checked_sub(2)?).map(|token| &token.sign);
        match (&value, digits) {
            (Node::Number { .. }, Some(Sign::Number { digits, .. })) => {
                let base = number::base(&subscript)?;
                Some(Node::Based(digits.clone(), base))
            }
            (Node::Symbol(name) | Node::Text(name), _) => Some(Node::Symbol(format!("{name}_{subscript}"))),
            _ => None,
        }
    }

    /// The text of a subscript, made of its letters and digits.
    pub(super) fn script(&mut self) -> Option<String> {
        let mut text = String::new();
        let mut open = 0usize;
        loop {
            match self.peek()? {
                Sign::OpenGroup => open += 1,
                Sign::CloseGroup => open = open.checked_sub(1)?,
                Sign::Number { digits, .. } => text.push_str(digits),
                Sign::Letter(word) | Sign::Word(word) | Sign::Text(word) => text.push_str(word),
                Sign::Plus => text.push('+'),
                Sign::Minus => text.push('-'),
                Sign::Comma => text.push(','),
                Sign::Infinity => text.push('∞'),
                Sign::Name(Function::Max) => text.push_str("max"),
                Sign::Name(Function::Min) => text.push_str("min"),
                _ => return None,
            }
            self.at += 1;
            if open == 0 {
                return Some(text);
            }
        }
    }
}

fn primed(value: Node) -> Node {
    match value {
        Node::Symbol(name) => Node::Symbol(format!("{name}'")),
        other => other,
    }
}
