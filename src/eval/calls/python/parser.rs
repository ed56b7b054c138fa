//! The parser of expressions, by descent with a bound on every depth.

use super::SyntaxError;
use super::expression::{Argument, Expression, Operator};
use super::lexer::{Placed, Token, tokens};

/// How deep expressions may be nested while they are read.
const DEPTH: usize = 120;

/// How high the tree of an expression may grow, chains such as `a.b.c` and `1 + 2 + 3` included.
const HEIGHT: usize = 400;

/// The words that are no names.
const KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
    "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal",
    "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

/// The operators of comparison that are symbols.
const COMPARISONS: [&str; 6] = ["==", "!=", "<=", "<", ">=", ">"];

pub(super) type Parsed = Result<Expression, SyntaxError>;

/// Reads a text that is one expression, or several with commas between them, which are a tuple.
///
/// # Errors
///
/// Where the text is no expression of Python, or nested deeper than any call of a function is.
pub fn parse(text: &str) -> Result<Expression, SyntaxError> {
    let mut parser = Parser { text, tokens: tokens(text)?, at: 0, depth: 0, height: 0 };
    let first = parser.expression()?;
    let expression = if parser.sees(",") { parser.rest_of_tuple(first, false)? } else { first };
    while *parser.token() == Token::Newline {
        parser.at += 1;
    }
    match parser.token() {
        Token::End => Ok(expression),
        _ => Err(SyntaxError("more than one expression")),
    }
}

/// Where the parser is.
pub(super) struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Placed<'a>>,
    pub(super) at: usize,
    depth: usize,
    /// The height of the expression that was read last.
    pub(super) height: usize,
}

impl<'a> Parser<'a> {
    pub(super) fn token(&self) -> &Token<'a> {
        self.ahead(0)
    }

    pub(super) fn ahead(&self, count: usize) -> &Token<'a> {
        self.tokens.get(self.at + count).map_or(&Token::End, |placed| &placed.token)
    }

    pub(super) fn sees(&self, symbol: &str) -> bool {
        matches!(self.token(), Token::Symbol(found) if *found == symbol)
    }

    pub(super) fn sees_word(&self, word: &str) -> bool {
        matches!(self.token(), Token::Word(found) if *found == word)
    }

    pub(super) fn takes(&mut self, symbol: &str) -> bool {
        let seen = self.sees(symbol);
        self.at += usize::from(seen);
        seen
    }

    pub(super) fn takes_word(&mut self, word: &str) -> bool {
        let seen = self.sees_word(word);
        self.at += usize::from(seen);
        seen
    }

    pub(super) fn needs(&mut self, symbol: &str) -> Result<(), SyntaxError> {
        if self.takes(symbol) { Ok(()) } else { Err(SyntaxError("a bracket or sign is missing")) }
    }

    pub(super) fn needs_word(&mut self, word: &str) -> Result<(), SyntaxError> {
        if self.takes_word(word) { Ok(()) } else { Err(SyntaxError("a word is missing")) }
    }

    pub(super) fn name(&mut self) -> Result<String, SyntaxError> {
        match self.token() {
            Token::Word(word) if !KEYWORDS.contains(word) => {
                let name = (*word).to_owned();
                self.at += 1;
                Ok(name)
            }
            _ => Err(SyntaxError("a name is missing")),
        }
    }

    /// The source text from a token to the one that was read last.
    pub(super) fn source(&self, from: usize) -> String {
        let start = self.tokens.get(from).map_or(0, |placed| placed.start);
        let end = self.at.checked_sub(1).and_then(|last| self.tokens.get(last)).map_or(0, |placed| placed.end);
        self.text.get(start..end).unwrap_or_default().to_owned()
    }

    /// What was read from a token on, as source text only.
    pub(super) fn opaque(&mut self, from: usize) -> Expression {
        self.height = 1;
        Expression::Opaque(self.source(from))
    }

    /// Notes the height of an expression over parts that are so high.
    pub(super) fn grow(&mut self, below: usize) -> Result<(), SyntaxError> {
        self.height = below + 1;
        if self.height > HEIGHT { Err(SyntaxError("an expression of too many parts")) } else { Ok(()) }
    }

    pub(super) fn deeper(&mut self, read: impl FnOnce(&mut Self) -> Parsed) -> Parsed {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(SyntaxError("an expression that is nested too deep"));
        }
        let read = read(self);
        self.depth -= 1;
        read
    }

    pub(super) fn expression(&mut self) -> Parsed {
        self.deeper(Self::conditional)
    }

    pub(super) fn conditional(&mut self) -> Parsed {
        let from = self.at;
        if self.takes_word("lambda") {
            self.parameters()?;
            self.expression()?;
            self.height = 1;
            return Ok(Expression::Lambda(self.source(from)));
        }
        let value = self.disjunction()?;
        if !self.takes_word("if") {
            return Ok(value);
        }
        self.disjunction()?;
        self.needs_word("else")?;
        self.expression()?;
        Ok(self.opaque(from))
    }

    /// The parameters of a `lambda` and the colon behind them.
    pub(super) fn parameters(&mut self) -> Result<(), SyntaxError> {
        while !self.takes(":") {
            if self.takes("*") || self.takes("**") {
                if !self.sees(",") {
                    self.name()?;
                }
            } else if !self.takes("/") {
                self.name()?;
                if self.takes("=") {
                    self.expression()?;
                }
            }
            if !self.takes(",") && !self.sees(":") {
                return Err(SyntaxError("a colon is missing"));
            }
        }
        Ok(())
    }

    /// `or` over `and` over `not` over comparisons.
    pub(super) fn disjunction(&mut self) -> Parsed {
        let from = self.at;
        let value = self.inversion()?;
        if !self.sees_word("or") && !self.sees_word("and") {
            return Ok(value);
        }
        while self.takes_word("or") || self.takes_word("and") {
            self.inversion()?;
        }
        Ok(self.opaque(from))
    }

    pub(super) fn inversion(&mut self) -> Parsed {
        if self.takes_word("not") {
            let operand = self.deeper(Self::inversion)?;
            self.grow(self.height)?;
            return Ok(Expression::Unary(Operator::Not, Box::new(operand)));
        }
        let from = self.at;
        let value = self.binary(1)?;
        let mut compared = false;
        while self.comparison() {
            compared = true;
            self.binary(1)?;
        }
        if compared { Ok(self.opaque(from)) } else { Ok(value) }
    }

    /// Takes an operator of comparison.
    pub(super) fn comparison(&mut self) -> bool {
        if COMPARISONS.iter().any(|symbol| self.takes(symbol)) || self.takes_word("in") {
            return true;
        }
        if self.takes_word("is") {
            self.takes_word("not");
            return true;
        }
        let is_not_in = self.sees_word("not") && matches!(self.ahead(1), Token::Word("in"));
        self.at += if is_not_in { 2 } else { 0 };
        is_not_in
    }

    /// Operands with operators between them that bind at least so strongly.
    pub(super) fn binary(&mut self, least: u8) -> Parsed {
        let mut left = self.unary()?;
        loop {
            let Token::Symbol(symbol) = self.token() else { return Ok(left) };
            let Some(operator) = Operator::between(symbol) else { return Ok(left) };
            if operator.strength() < least || operator == Operator::Power {
                return Ok(left);
            }
            self.at += 1;
            let below = self.height;
            let right = self.deeper(|parser| parser.binary(operator.strength() + 1))?;
            self.grow(below.max(self.height))?;
            left = Expression::Binary(Box::new(left), operator, Box::new(right));
        }
    }

    pub(super) fn unary(&mut self) -> Parsed {
        for (symbol, operator) in [("-", Operator::Minus), ("+", Operator::Plus), ("~", Operator::Invert)] {
            if self.takes(symbol) {
                let operand = self.deeper(Self::unary)?;
                self.grow(self.height)?;
                return Ok(Expression::Unary(operator, Box::new(operand)));
            }
        }
        let from = self.at;
        let awaited = self.takes_word("await");
        let mut base = self.primary()?;
        if awaited {
            base = self.opaque(from);
        }
        if !self.takes("**") {
            return Ok(base);
        }
        let below = self.height;
        let exponent = self.deeper(Self::unary)?;
        self.grow(below.max(self.height))?;
        Ok(Expression::Binary(Box::new(base), Operator::Power, Box::new(exponent)))
    }

    pub(super) fn primary(&mut self) -> Parsed {
        let mut base = self.atom()?;
        loop {
            let below = self.height;
            base = if self.takes(".") {
                let name = self.name()?;
                self.grow(below)?;
                Expression::Attribute(Box::new(base), name)
            } else if self.takes("(") {
                let arguments = self.arguments()?;
                self.grow(below.max(self.height))?;
                Expression::Call(Box::new(base), arguments)
            } else if self.takes("[") {
                let index = self.subscript()?;
                self.grow(below.max(self.height))?;
                Expression::Subscript(Box::new(base), Box::new(index))
            } else {
                return Ok(base);
            };
        }
    }

    /// The arguments of a call and the bracket behind them.
    pub(super) fn arguments(&mut self) -> Result<Vec<Argument>, SyntaxError> {
        let mut arguments = Vec::new();
        let mut highest = 0;
        while !self.takes(")") {
            let argument = self.argument(&arguments)?;
            highest = highest.max(self.height);
            let is_generator = matches!(&argument, Argument::Positional(Expression::Opaque(_))) && self.sees_loop();
            if is_generator {
                return Err(SyntaxError("a generator beside other arguments"));
            }
            arguments.push(argument);
            if !self.takes(",") && !self.sees(")") {
                return Err(SyntaxError("a comma is missing between arguments"));
            }
        }
        self.height = highest;
        Ok(arguments)
    }

    pub(super) fn argument(&mut self, before: &[Argument]) -> Result<Argument, SyntaxError> {
        if self.takes("**") {
            return Ok(Argument::Mapping(self.expression()?));
        }
        if self.takes("*") {
            if before.iter().any(|argument| matches!(argument, Argument::Mapping(_))) {
                return Err(SyntaxError("an unpacked list behind an unpacked dictionary"));
            }
            let value = self.expression()?;
            self.grow(self.height)?;
            return Ok(Argument::Positional(Expression::Starred(Box::new(value))));
        }
        if matches!(self.token(), Token::Word(_)) && matches!(self.ahead(1), Token::Symbol("=")) {
            let name = self.name()?;
            self.needs("=")?;
            return Ok(Argument::Keyword(name, self.expression()?));
        }
        if before.iter().any(|argument| !matches!(argument, Argument::Positional(_))) {
            return Err(SyntaxError("an argument by position behind one by name"));
        }
        let from = self.at;
        let value = self.named()?;
        if !self.sees_loop() {
            return Ok(Argument::Positional(value));
        }
        self.loops()?;
        if !before.is_empty() || !self.sees(")") {
            return Err(SyntaxError("a generator beside other arguments"));
        }
        Ok(Argument::Positional(self.opaque(from)))
    }

    /// An expression, or `name := expression`.
    pub(super) fn named(&mut self) -> Parsed {
        let from = self.at;
        if matches!(self.ahead(1), Token::Symbol(":=")) {
            self.name()?;
            self.needs(":=")?;
            self.expression()?;
            return Ok(self.opaque(from));
        }
        self.expression()
    }

    /// An expression of a list, which may be starred.
    pub(super) fn item(&mut self) -> Parsed {
        if !self.takes("*") {
            return self.named();
        }
        let value = self.deeper(|parser| parser.binary(1))?;
        self.grow(self.height)?;
        Ok(Expression::Starred(Box::new(value)))
    }

    /// The index of a subscript and the bracket behind it.
    pub(super) fn subscript(&mut self) -> Parsed {
        let mut items = Vec::new();
        let mut commas = 0;
        let mut highest = 0;
        while !self.takes("]") {
            items.push(self.slice()?);
            highest = highest.max(self.height);
            if self.takes(",") {
                commas += 1;
            } else if !self.sees("]") {
                return Err(SyntaxError("a bracket is missing behind an index"));
            }
        }
        self.height = highest;
        if commas == 0 {
            return items.pop().ok_or(SyntaxError("an index is missing"));
        }
        self.grow(highest)?;
        Ok(Expression::Tuple(items))
    }

    pub(super) fn slice(&mut self) -> Parsed {
        let from = self.at;
        if !self.sees(":") {
            let value = self.item()?;
            if !self.sees(":") || matches!(value, Expression::Starred(_)) {
                return Ok(value);
            }
        }
        for _ in 0..2 {
            if self.takes(":") && !self.sees(":") && !self.sees(",") && !self.sees("]") {
                self.expression()?;
            }
        }
        Ok(self.opaque(from))
    }
}

#[cfg(test)]
#[path = "parser_tests.rs"]
mod tests;
