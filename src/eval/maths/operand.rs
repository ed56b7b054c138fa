//! Reads the operands of mathematics: numbers, letters, brackets, fractions, roots, functions, matrices, big operators.

use super::number;
use super::parser::{self, Parser};
use super::token::Sign;
use super::tree::{Binder, Fence, Function, Named, Node, Relation};

impl Parser {
    /// One operand without what is raised, lowered or put behind it.
    pub(super) fn operand(&mut self) -> Option<Node> {
        self.deeper(Self::operand_here)
    }

    fn operand_here(&mut self) -> Option<Node> {
        let sign = self.peek()?.clone();
        self.at += 1;
        match sign {
            Sign::Number { digits, repeating, exponent } => self.number(&digits, &repeating, exponent),
            Sign::Letter(letter) => self.letter(letter),
            Sign::Word(word) => Some(letters(&word)),
            Sign::Text(text) => Some(Node::Text(text)),
            Sign::Pi => Some(Node::Pi),
            Sign::Infinity => Some(Node::Infinity),
            Sign::Named(set) => Some(Node::Named(set)),
            Sign::Ellipsis => Some(Node::Ellipsis),
            Sign::Open(fence) => self.brackets(fence),
            Sign::OpenGroup => self.group(),
            Sign::OpenSet => self.braces(),
            Sign::OpenAngle => self.angles(),
            Sign::Bar => self.between_bars(),
            Sign::OpenRound(function) => {
                let inside = self.sum()?;
                self.expect(&Sign::CloseRound(function))?;
                Some(Node::Call(function, vec![inside]))
            }
            Sign::Frac => {
                let above = self.argument()?;
                let below = self.argument()?;
                Some(Node::Quotient(Box::new(above), Box::new(below)))
            }
            Sign::Binom => Some(Node::Call(Function::Binomial, vec![self.argument()?, self.argument()?])),
            Sign::Sqrt(degree) => self.root(degree),
            Sign::Ornament(name) => self.ornament(&name),
            Sign::Name(function) => self.function(function),
            Sign::Log => self.logarithm(),
            Sign::Lg => {
                let argument = self.function_argument()?;
                Some(Node::Call(Function::Log, vec![Node::integer(10), argument]))
            }
            Sign::Exp => {
                let argument = self.function_argument()?;
                Some(Node::Power(Box::new(Node::Euler), Box::new(argument)))
            }
            Sign::Begin(name) => self.environment(&name),
            Sign::Binder(binder) => self.binder(binder),
            _ => None,
        }
    }

    /// A number, with the fraction behind it where the two are a mixed number.
    fn number(&mut self, digits: &str, repeating: &str, exponent: i32) -> Option<Node> {
        let decimal = digits.contains('.') && repeating.is_empty();
        let mut value = number::decimal(digits, repeating, exponent)?;
        let goes_on = if decimal { !matches!(self.ahead(1), Some(Sign::Comma)) } else { self.ahead(1).is_none() };
        if self.peek() == Some(&Sign::Ellipsis) && goes_on {
            self.at += 1;
            if let Some(exact) = going_on(digits) {
                return Some(Node::rational(exact));
            }
        }
        let whole = !digits.contains('.') && repeating.is_empty() && exponent == 0;
        if whole && self.is_plain_fraction() {
            let (begin, kept) = (self.at, self.tokens.get(self.at + 1).cloned());
            let fraction = self.operand()?;
            match parser::proper(&fraction) {
                Some(part) => value += part,
                None => {
                    // An improper fraction is a factor and is read as such, from its first sign.
                    self.at = begin;
                    if let (Some(token), Some(kept)) = (self.tokens.get_mut(begin + 1), kept) {
                        *token = kept;
                    }
                }
            }
        } else if whole
            && self.is_spaced()
            && let (Some(Sign::Number { .. }), Some(Sign::Divide), Some(Sign::Number { .. })) =
                (self.peek(), self.ahead(1), self.ahead(2))
        {
            let above = self.operand()?;
            self.at += 1;
            let below = self.operand()?;
            value += parser::proper(&Node::Quotient(Box::new(above), Box::new(below)))?;
        }
        Some(Node::Number { value, decimal })
    }

    /// Whether a fraction of two whole numbers stands here: `\frac12`, `\frac{1}{2}`.
    fn is_plain_fraction(&self) -> bool {
        let length = |at: usize| match (self.ahead(at), self.ahead(at + 1), self.ahead(at + 2)) {
            (Some(Sign::Number { .. }), _, _) => Some(1),
            (Some(Sign::OpenGroup), Some(Sign::Number { .. }), Some(Sign::CloseGroup)) => Some(3),
            _ => None,
        };
        if self.peek() != Some(&Sign::Frac) {
            return false;
        }
        match (self.ahead(1), length(1)) {
            (Some(Sign::Number { digits, .. }), _) if digits.len() == 2 => true,
            (_, Some(above)) => length(1 + above).is_some(),
            _ => false,
        }
    }

    fn letter(&mut self, letter: String) -> Option<Node> {
        let opens = self.peek() == Some(&Sign::Open(Fence::Round));
        match letter.as_str() {
            "e" => return Some(Node::Euler),
            "i" => return Some(Node::Imaginary),
            "C" if opens && self.is_pair() => {
                self.at += 1;
                let Node::Bracketed(_, _, pair) = self.brackets(Fence::Round)? else { return None };
                return Some(Node::Call(Function::Binomial, pair));
            }
            "f" | "g" | "h" | "F" | "G" if opens => {
                self.at += 1;
                let arguments = match self.brackets(Fence::Round)? {
                    Node::Bracketed(_, _, members) => members,
                    single => vec![single],
                };
                return Some(Node::Applied(letter, arguments));
            }
            _ => {}
        }
        Some(Node::Symbol(letter))
    }

    /// Whether two numbers in brackets stand here.
    fn is_pair(&self) -> bool {
        matches!(self.ahead(1), Some(Sign::Number { .. } | Sign::Letter(_)))
            && self.ahead(2) == Some(&Sign::Comma)
            && matches!(self.ahead(3), Some(Sign::Number { .. } | Sign::Letter(_)))
            && matches!(self.ahead(4), Some(Sign::Close(_)))
    }

    /// What an opening bracket begins, up to either kind of closing bracket.
    fn brackets(&mut self, open: Fence) -> Option<Node> {
        let bars = std::mem::take(&mut self.bars);
        let inside = self.deeper(Self::list)?;
        self.bars = bars;
        let Some(Sign::Close(close)) = self.peek() else { return None };
        let close = *close;
        self.at += 1;
        Some(match inside {
            Node::List(members) => Node::Bracketed(open, close, members),
            single if open == Fence::Round && close == Fence::Round || matches!(single, Node::Matrix(_)) => single,
            single => Node::Bracketed(open, close, vec![single]),
        })
    }

    /// Braces that only group; `{}_{n}C_{k}` is a binomial coefficient.
    fn group(&mut self) -> Option<Node> {
        if self.take(&Sign::CloseGroup) {
            if self.take(&Sign::Underscore) {
                return self.combinations();
            }
            return self.operand();
        }
        let inside = self.deeper(Self::list)?;
        self.expect(&Sign::CloseGroup)?;
        Some(inside)
    }

    fn combinations(&mut self) -> Option<Node> {
        let total = self.argument()?;
        if self.peek() != Some(&Sign::Letter("C".to_owned())) {
            return None;
        }
        self.at += 1;
        self.expect(&Sign::Underscore)?;
        let chosen = self.argument()?;
        Some(Node::Call(Function::Binomial, vec![total, chosen]))
    }

    fn braces(&mut self) -> Option<Node> {
        if self.take(&Sign::CloseSet) {
            return Some(Node::Named(Named::Empty));
        }
        let condition = self.condition();
        let bars = std::mem::take(&mut self.bars);
        let inside = self.deeper(Self::list)?;
        self.bars = bars;
        self.expect(&Sign::CloseSet)?;
        if condition {
            return Some(inside);
        }
        Some(Node::Set(match inside {
            Node::List(members) => members,
            single => vec![single],
        }))
    }

    /// Takes `x |`, `x :` or `x ∈ ℝ |`, behind which a set is described by what its members fulfil.
    fn condition(&mut self) -> bool {
        let divides = |sign: Option<&Sign>| matches!(sign, Some(Sign::Bar | Sign::Colon));
        let length = match (self.peek(), self.ahead(1), self.ahead(2)) {
            (Some(Sign::Letter(_)), divider, _) if divides(divider) => 2,
            (Some(Sign::Letter(_)), Some(Sign::Relation(Relation::Member)), Some(Sign::Named(_)))
                if divides(self.ahead(3)) =>
            {
                4
            }
            _ => 0,
        };
        self.at += length;
        length > 0
    }

    fn angles(&mut self) -> Option<Node> {
        let inside = self.deeper(Self::list)?;
        self.expect(&Sign::CloseAngle)?;
        Some(match inside {
            Node::List(members) => Node::Bracketed(Fence::Round, Fence::Round, members),
            single => single,
        })
    }

    fn between_bars(&mut self) -> Option<Node> {
        self.bars += 1;
        let inside = self.sum()?;
        self.bars -= 1;
        self.expect(&Sign::Bar)?;
        Some(Node::Call(Function::Abs, vec![inside]))
    }

    /// An argument of a command of LaTeX: a group, or one sign, of a number its first digit.
    fn argument(&mut self) -> Option<Node> {
        if let Some(Sign::Number { digits, repeating, exponent: 0 }) = self.peek()
            && repeating.is_empty()
            && let Some(first) = digits.get(..1)
            && digits.len() > 1
        {
            let first = number::decimal(first, "", 0)?;
            let rest = digits.get(1..)?.to_owned();
            if let Some(token) = self.tokens.get_mut(self.at) {
                token.sign = Sign::Number { digits: rest, repeating: String::new(), exponent: 0 };
                token.spaced = false;
            }
            return Some(Node::rational(first));
        }
        self.operand()
    }

    fn root(&mut self, degree: u32) -> Option<Node> {
        let mut degree = degree;
        if self.peek() == Some(&Sign::Open(Fence::Square))
            && let Some(Sign::Number { digits, .. }) = self.ahead(1)
            && self.ahead(2) == Some(&Sign::Close(Fence::Square))
        {
            degree = digits.parse().ok().filter(|degree| (2..=1000).contains(degree))?;
            self.at += 3;
        }
        let radicand = self.operand()?;
        Some(Node::Root(Box::new(radicand), degree))
    }

    /// A line, arrow or hat over something names it: what it is over is kept as written.
    fn ornament(&mut self, name: &str) -> Option<Node> {
        let below = self.deeper(Self::script)?;
        Some(Node::Symbol(format!("{name} {below}")))
    }

    /// What a function is of: what stands in brackets, or the factors up to the next sign.
    fn function_argument(&mut self) -> Option<Node> {
        if self.peek() == Some(&Sign::Open(Fence::Round)) {
            return self.operand();
        }
        let mut value = self.power()?;
        loop {
            match self.peek() {
                Some(Sign::Letter(_) | Sign::Pi | Sign::Frac | Sign::Sqrt(_) | Sign::OpenGroup) => {
                    value = parser::multiply(value, self.power()?);
                }
                Some(Sign::Divide) if !self.is_spaced() && matches!(self.ahead(1), Some(Sign::Number { .. })) => {
                    self.at += 1;
                    value = Node::Quotient(Box::new(value), Box::new(self.power()?));
                }
                _ => return Some(value),
            }
        }
    }

    fn function(&mut self, function: Function) -> Option<Node> {
        let power = if self.take(&Sign::Caret) { self.exponent()? } else { None };
        let inverse = power
            .as_ref()
            .and_then(Node::literal)
            .is_some_and(|power| power == -num_traits::one::<num_rational::BigRational>());
        let (function, power) = match (function, inverse) {
            (Function::Sin, true) => (Function::Asin, None),
            (Function::Cos, true) => (Function::Acos, None),
            (Function::Tan, true) => (Function::Atan, None),
            _ => (function, power),
        };
        let arguments = match self.function_argument()? {
            Node::Bracketed(_, _, members) => members,
            single => vec![single],
        };
        let call = Node::Call(function, arguments);
        Some(match power {
            Some(power) => Node::Power(Box::new(call), Box::new(power)),
            None => call,
        })
    }

    fn logarithm(&mut self) -> Option<Node> {
        let mut base = Node::integer(10);
        let mut power = None;
        loop {
            if self.take(&Sign::Underscore) {
                base = self.argument()?;
            } else if power.is_none() && self.take(&Sign::Caret) {
                power = self.exponent()?;
            } else {
                break;
            }
        }
        let call = Node::Call(Function::Log, vec![base, self.function_argument()?]);
        Some(match power {
            Some(power) => Node::Power(Box::new(call), Box::new(power)),
            None => call,
        })
    }

    /// `\begin{name} ... \end{name}`: rows of cells.
    fn environment(&mut self, name: &str) -> Option<Node> {
        let bars = std::mem::take(&mut self.bars);
        let mut rows = vec![Vec::new()];
        loop {
            match self.peek()? {
                Sign::End(end) if end == name => {
                    self.at += 1;
                    break;
                }
                Sign::Row => {
                    self.at += 1;
                    rows.push(Vec::new());
                }
                Sign::Ampersand => self.at += 1,
                Sign::Comma if name == "cases" => self.at += 1,
                _ => {
                    let cell = self.deeper(Self::statement)?;
                    rows.last_mut()?.push(cell);
                }
            }
        }
        self.bars = bars;
        rows.retain(|row| !row.is_empty());
        match name {
            "vmatrix" | "Vmatrix" => Some(Node::Determinant(rows)),
            "matrix" | "pmatrix" | "bmatrix" | "Bmatrix" | "smallmatrix" | "array" => Some(Node::Matrix(rows)),
            "cases" | "aligned" | "align" | "gathered" | "gather" | "split" | "equation" | "eqnarray" => {
                let mut members: Vec<Node> = rows.into_iter().flatten().collect();
                if members.len() == 1 { members.pop() } else { Some(Node::List(members)) }
            }
            _ => None,
        }
    }

    /// A sum, product, integral or limit with its bounds and body.
    fn binder(&mut self, binder: Binder) -> Option<Node> {
        let mut lower = None;
        let mut upper = None;
        loop {
            if self.take(&Sign::Underscore) {
                lower = Some(self.argument()?);
            } else if self.take(&Sign::Caret) {
                upper = Some(self.argument_signed()?);
            } else {
                break;
            }
        }
        let (variable, lower) = match (binder, lower?) {
            (Binder::Integral, bound) => (None, bound),
            (_, Node::Related(sides, relations)) if relations == [Relation::Equal] => {
                let mut sides = sides.into_iter();
                let name = match sides.next()? {
                    Node::Symbol(name) => name,
                    Node::Imaginary => "i".to_owned(),
                    _ => return None,
                };
                (Some(name), sides.next()?)
            }
            _ => return None,
        };
        if binder == Binder::Integral {
            return self.integral(lower, upper?);
        }
        let body = self.term()?;
        let upper = if binder == Binder::Limit { Node::integer(0) } else { upper? };
        Some(Node::Bound(binder, variable?, Box::new([lower, upper, body])))
    }

    fn argument_signed(&mut self) -> Option<Node> {
        if self.take(&Sign::Minus) { Some(Node::Negative(Box::new(self.argument()?))) } else { self.argument() }
    }

    /// The body of an integral up to its differential.
    fn integral(&mut self, lower: Node, upper: Node) -> Option<Node> {
        let at = (self.at..self.tokens.len()).find(|at| self.differential(*at).is_some())?;
        let (variable, length) = self.differential(at)?;
        let rest = self.tokens.split_off(at);
        let body = if at == self.at { Some(Node::integer(1)) } else { self.sum() };
        let complete = self.at == self.tokens.len();
        self.tokens.extend(rest);
        self.at = at + length;
        complete.then_some(())?;
        Some(Node::Bound(Binder::Integral, variable, Box::new([lower, upper, body?])))
    }

    /// `dx` as one word, or `d` and a letter.
    fn differential(&self, at: usize) -> Option<(String, usize)> {
        match &self.tokens.get(at)?.sign {
            Sign::Word(word) if word.len() == 2 && word.starts_with('d') => Some((word.get(1..)?.to_owned(), 1)),
            Sign::Letter(d) if d == "d" => match &self.tokens.get(at + 1)?.sign {
                Sign::Letter(name) => Some((name.clone(), 2)),
                _ => None,
            },
            _ => None,
        }
    }
}

/// Letters written together: a product of symbols where they are few, a word where they are many.
fn letters(word: &str) -> Node {
    if word.chars().count() > 3 || !word.is_ascii() {
        return Node::Text(word.to_owned());
    }
    Node::Product(
        word.chars()
            .map(|letter| match letter {
                'e' => Node::Euler,
                'i' => Node::Imaginary,
                _ => Node::Symbol(letter.to_string()),
            })
            .collect(),
    )
}

/// The fraction that digits followed by dots mean where the last digit was written three times.
fn going_on(digits: &str) -> Option<num_rational::BigRational> {
    let last = digits.get(digits.len().checked_sub(1)?..)?;
    let fraction = digits.split_once('.')?.1;
    let head = fraction.trim_end_matches(last);
    if fraction.len() - head.len() < 3 {
        return None;
    }
    let kept = digits.get(..digits.len() - (fraction.len() - head.len()))?;
    number::decimal(kept, last, 0)
}
