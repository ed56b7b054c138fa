//! The parser of expressions, by descent with a bound on every depth.

use super::super::literal::Literal;
use super::SyntaxError;
use super::expression::{Argument, Expression, Operator};
use super::lexer::{Placed, Token, tokens};
use super::strings::Piece;

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

type Parsed = Result<Expression, SyntaxError>;

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

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Placed<'a>>,
    at: usize,
    depth: usize,
    /// The height of the expression that was read last.
    height: usize,
}

impl<'a> Parser<'a> {
    fn token(&self) -> &Token<'a> {
        self.ahead(0)
    }

    fn ahead(&self, count: usize) -> &Token<'a> {
        self.tokens.get(self.at + count).map_or(&Token::End, |placed| &placed.token)
    }

    fn sees(&self, symbol: &str) -> bool {
        matches!(self.token(), Token::Symbol(found) if *found == symbol)
    }

    fn sees_word(&self, word: &str) -> bool {
        matches!(self.token(), Token::Word(found) if *found == word)
    }

    fn takes(&mut self, symbol: &str) -> bool {
        let seen = self.sees(symbol);
        self.at += usize::from(seen);
        seen
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let seen = self.sees_word(word);
        self.at += usize::from(seen);
        seen
    }

    fn needs(&mut self, symbol: &str) -> Result<(), SyntaxError> {
        if self.takes(symbol) { Ok(()) } else { Err(SyntaxError("a bracket or sign is missing")) }
    }

    fn needs_word(&mut self, word: &str) -> Result<(), SyntaxError> {
        if self.takes_word(word) { Ok(()) } else { Err(SyntaxError("a word is missing")) }
    }

    fn name(&mut self) -> Result<String, SyntaxError> {
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
    fn source(&self, from: usize) -> String {
        let start = self.tokens.get(from).map_or(0, |placed| placed.start);
        let end = self.at.checked_sub(1).and_then(|last| self.tokens.get(last)).map_or(0, |placed| placed.end);
        self.text.get(start..end).unwrap_or_default().to_owned()
    }

    /// What was read from a token on, as source text only.
    fn opaque(&mut self, from: usize) -> Expression {
        self.height = 1;
        Expression::Opaque(self.source(from))
    }

    /// Notes the height of an expression over parts that are so high.
    fn grow(&mut self, below: usize) -> Result<(), SyntaxError> {
        self.height = below + 1;
        if self.height > HEIGHT { Err(SyntaxError("an expression of too many parts")) } else { Ok(()) }
    }

    fn deeper(&mut self, read: impl FnOnce(&mut Self) -> Parsed) -> Parsed {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(SyntaxError("an expression that is nested too deep"));
        }
        let read = read(self);
        self.depth -= 1;
        read
    }

    fn expression(&mut self) -> Parsed {
        self.deeper(Self::conditional)
    }

    fn conditional(&mut self) -> Parsed {
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
    fn parameters(&mut self) -> Result<(), SyntaxError> {
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
    fn disjunction(&mut self) -> Parsed {
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

    fn inversion(&mut self) -> Parsed {
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
    fn comparison(&mut self) -> bool {
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
    fn binary(&mut self, least: u8) -> Parsed {
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

    fn unary(&mut self) -> Parsed {
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

    fn primary(&mut self) -> Parsed {
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
    fn arguments(&mut self) -> Result<Vec<Argument>, SyntaxError> {
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

    fn argument(&mut self, before: &[Argument]) -> Result<Argument, SyntaxError> {
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
    fn named(&mut self) -> Parsed {
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
    fn item(&mut self) -> Parsed {
        if !self.takes("*") {
            return self.named();
        }
        let value = self.deeper(|parser| parser.binary(1))?;
        self.grow(self.height)?;
        Ok(Expression::Starred(Box::new(value)))
    }

    /// The index of a subscript and the bracket behind it.
    fn subscript(&mut self) -> Parsed {
        let from = self.at;
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
        if items.iter().any(|item| matches!(item, Expression::Opaque(_))) {
            self.at -= 1;
            let index = self.opaque(from);
            self.at += 1;
            return Ok(index);
        }
        self.grow(highest)?;
        Ok(Expression::Tuple(items))
    }

    fn slice(&mut self) -> Parsed {
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

    fn atom(&mut self) -> Parsed {
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
    fn rest_of_tuple(&mut self, first: Expression, inside: bool) -> Parsed {
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

    fn sees_loop(&self) -> bool {
        self.sees_word("for") || (self.sees_word("async") && matches!(self.ahead(1), Token::Word("for")))
    }

    fn comprehension(&mut self, from: usize, close: &str) -> Parsed {
        self.loops()?;
        self.needs(close)?;
        self.height = 1;
        Ok(Expression::Enclosed(self.source(from)))
    }

    /// The `for` and `if` parts of a comprehension.
    fn loops(&mut self) -> Result<(), SyntaxError> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_python_reads_is_read() {
        for source in [
            "f(a=1,)",
            "f(*a, b=1, *c, **d)",
            "f(x for x in y if z)",
            "[x for x, *y in z]",
            "{1, 2}",
            "{**a, 'b': 1}",
            "lambda x, *y, z=1, **w: 0",
            "lambda *, a: a",
            "a if b else c",
            "not a in b is not c",
            "x[::2, 1]",
            "x[a:=1]",
            "(a := 1)",
            "1,",
            "a @ b ** -c",
            "await f(1)",
            "f(a == 1)",
            "()",
            "...",
            "f'{x}' 'y'",
            "a\n\n",
            "{a: b for a in c}",
            "{a for a in b}",
            "(*a, b)",
            "f(a:=1)",
            "x[1:]",
            "x[:]",
            "x[*a]",
        ] {
            assert!(parse(source).is_ok(), "{source}");
        }
    }

    #[test]
    fn what_python_refuses_is_refused() {
        for source in [
            "",
            "f(",
            "f(a=1, 2)",
            "f(**a, *b)",
            "f(from=1)",
            "f(a.b=1)",
            "f(True=1)",
            "a b",
            "a = 1",
            "(*a)",
            "f(,)",
            "[,]",
            "[1,,2]",
            "{1: 2, 3}",
            "x[]",
            "a.for",
            "f(x for x in y, 1)",
            "f(1, x for x in y)",
            "'a' b'c'",
            "a;b",
            "a\nb",
            "1 +",
            "lambda",
            "if",
            "[1",
            "{1:}",
            "a not b",
            "x[1:2:3:4]",
            "[x for 1 in y]",
            "f(a b)",
            "class",
            "f(**)",
            "a ? b",
            "$a",
            "a if b",
        ] {
            assert!(parse(source).is_err(), "{source}");
        }
    }

    #[test]
    fn any_depth_ends() {
        for source in [
            "(".repeat(100_000),
            "-".repeat(100_000) + "1",
            "not ".repeat(100_000) + "1",
            "a".to_owned() + &".b".repeat(100_000),
            "1".to_owned() + &"+1".repeat(100_000),
            "1".to_owned() + &"**1".repeat(100_000),
            "f(".repeat(100_000),
            "lambda: ".repeat(100_000),
            "a if b else ".repeat(100_000),
            "x".to_owned() + &"[0]".repeat(100_000),
        ] {
            assert!(parse(&source).is_err());
        }
        assert!(parse(&("[".repeat(60) + &"]".repeat(60))).is_ok());
    }
}
