//! What an expression is made of: literals, names, and what stands in brackets.

use super::super::literal::Literal;
use super::SyntaxError;
use super::expression::Expression;
use super::lexer::Token;
use super::parser::{Parsed, Parser};
use super::strings::Piece;

impl Parser<'_> {
    pub(super) fn atom(&mut self) -> Parsed {
        self.height = 1;
        let from = self.at;
        match self.token().clone() {
            Token::Number(literal) => {
                self.at += 1;
                Ok(Expression::Constant(literal))
            }
            Token::String(_) => self.strings(),
            Token::Word("True") => self.constant(Literal::Truth(true)),
            Token::Word("False") => self.constant(Literal::Truth(false)),
            Token::Word("None") => self.constant(Literal::Nothing),
            Token::Word(_) => Ok(Expression::Name(self.name()?)),
            Token::Symbol("...") => {
                self.at += 1;
                Ok(Expression::Ellipsis)
            }
            Token::Symbol("(") => self.parentheses(from),
            Token::Symbol("[") => self.list(from),
            Token::Symbol("{") => self.braces(from),
            _ => Err(SyntaxError("an expression is missing")),
        }
    }

    fn constant(&mut self, literal: Literal) -> Parsed {
        self.at += 1;
        Ok(Expression::Constant(literal))
    }

    /// Literals in a row, which are one text.
    fn strings(&mut self) -> Parsed {
        let from = self.at;
        let mut text = String::new();
        let (mut texts, mut bytes, mut formats) = (0, 0, 0);
        while let Token::String(piece) = self.token() {
            match piece {
                Piece::Text(piece) => {
                    text.push_str(piece);
                    texts += 1;
                }
                Piece::Bytes(_) => bytes += 1,
                Piece::Format(_) => formats += 1,
            }
            self.at += 1;
        }
        match (texts, bytes, formats) {
            (_, 0, 0) => Ok(Expression::Constant(Literal::Text(text))),
            (0, _, 0) => Ok(Expression::Constant(Literal::Other(self.source(from)))),
            (_, 0, _) => Ok(Expression::Enclosed(self.source(from))),
            _ => Err(SyntaxError("bytes beside texts")),
        }
    }

    fn parentheses(&mut self, from: usize) -> Parsed {
        self.needs("(")?;
        if self.takes(")") {
            return Ok(Expression::Tuple(Vec::new()));
        }
        let first = self.item()?;
        if self.sees_loop() && !matches!(first, Expression::Starred(_)) {
            return self.comprehension(from, ")");
        }
        if !self.sees(",") {
            self.needs(")")?;
            return match first {
                Expression::Starred(_) => Err(SyntaxError("a starred expression alone")),
                first => Ok(first),
            };
        }
        let tuple = self.rest_of_tuple(first, true)?;
        self.needs(")")?;
        Ok(tuple)
    }

    /// What follows the first of several expressions with commas between them.
    pub(super) fn rest_of_tuple(&mut self, first: Expression, inside: bool) -> Parsed {
        let mut items = vec![first];
        let mut highest = self.height;
        while self.takes(",") && !matches!(self.token(), Token::Symbol(")") | Token::Newline | Token::End) {
            items.push(if inside { self.item()? } else { self.expression()? });
            highest = highest.max(self.height);
        }
        self.grow(highest)?;
        Ok(Expression::Tuple(items))
    }

    fn list(&mut self, from: usize) -> Parsed {
        self.needs("[")?;
        let mut items = Vec::new();
        let mut highest = 0;
        while !self.takes("]") {
            items.push(self.item()?);
            highest = highest.max(self.height);
            if items.len() == 1 && self.sees_loop() && !matches!(items.first(), Some(Expression::Starred(_))) {
                return self.comprehension(from, "]");
            }
            if !self.takes(",") && !self.sees("]") {
                return Err(SyntaxError("a comma is missing in a list"));
            }
        }
        self.grow(highest)?;
        Ok(Expression::List(items))
    }

    fn braces(&mut self, from: usize) -> Parsed {
        self.needs("{")?;
        let mut entries = Vec::new();
        let mut members = 0;
        let mut highest = 0;
        while !self.takes("}") {
            let entry = self.entry()?;
            highest = highest.max(self.height);
            let is_first = entries.is_empty() && members == 0;
            let unpacked = matches!(entry, Member::Entry(None, _) | Member::Value(Expression::Starred(_)));
            match entry {
                Member::Entry(key, value) => entries.push((key, value)),
                Member::Value(_) => members += 1,
            }
            if is_first && !unpacked && self.sees_loop() {
                return self.comprehension(from, "}");
            }
            if !self.takes(",") && !self.sees("}") {
                return Err(SyntaxError("a comma is missing in a dictionary"));
            }
        }
        match (members, entries.len()) {
            (0, _) => {
                self.grow(highest)?;
                Ok(Expression::Dictionary(entries))
            }
            (_, 0) => {
                self.height = 1;
                Ok(Expression::Enclosed(self.source(from)))
            }
            _ => Err(SyntaxError("a set with keys")),
        }
    }

    fn entry(&mut self) -> Result<Member, SyntaxError> {
        if self.takes("**") {
            return Ok(Member::Entry(None, self.deeper(|parser| parser.binary(1))?));
        }
        let key = self.item()?;
        if matches!(key, Expression::Starred(_)) || !self.takes(":") {
            return Ok(Member::Value(key));
        }
        let below = self.height;
        let value = self.expression()?;
        self.height = self.height.max(below);
        Ok(Member::Entry(Some(key), value))
    }

    pub(super) fn sees_loop(&self) -> bool {
        self.sees_word("for") || (self.sees_word("async") && matches!(self.ahead(1), Token::Word("for")))
    }

    fn comprehension(&mut self, from: usize, close: &str) -> Parsed {
        self.loops()?;
        self.needs(close)?;
        self.height = 1;
        Ok(Expression::Enclosed(self.source(from)))
    }

    /// The `for` and `if` parts of a comprehension.
    pub(super) fn loops(&mut self) -> Result<(), SyntaxError> {
        while self.sees_loop() {
            self.takes_word("async");
            self.needs_word("for")?;
            while !self.takes_word("in") {
                self.takes("*");
                let target = self.deeper(|parser| parser.binary(1))?;
                if !is_target(&target) {
                    return Err(SyntaxError("a loop over what cannot be set"));
                }
                if !self.takes(",") && !self.sees_word("in") {
                    return Err(SyntaxError("a loop without its values"));
                }
            }
            self.disjunction()?;
            while self.takes_word("if") {
                self.disjunction()?;
            }
        }
        Ok(())
    }
}

/// A part of what stands in braces.
enum Member {
    Entry(Option<Expression>, Expression),
    Value(Expression),
}

/// Whether a loop can set the expression.
fn is_target(expression: &Expression) -> bool {
    match expression {
        Expression::Name(_) | Expression::Attribute(..) | Expression::Subscript(..) => true,
        Expression::Starred(value) => is_target(value),
        Expression::List(items) | Expression::Tuple(items) => items.iter().all(is_target),
        _ => false,
    }
}
