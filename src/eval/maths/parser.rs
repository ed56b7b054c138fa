//! Reads tokens of mathematics into a tree: statements, lists, sums, products, powers.

use num_rational::BigRational;
use num_traits::One;

use super::lexer;
use super::token::{self, Sign, Token};
use super::tree::{Function, Named, Node, Relation};

/// How deep brackets may be nested.
const MOST_DEPTH: usize = 72;

/// How deep a tree may be, so that what reads it needs little stack.
const MOST_LEVELS: usize = 80;

/// How many signs of division, units or marks may follow each other on one level.
const MOST_LINKS: usize = 40;

/// More bytes than any answer has; a longer text is not read as mathematics.
const MOST_BYTES: usize = 12_000;

/// Where the reader stands in the tokens.
pub struct Parser {
    pub(super) tokens: Vec<Token>,
    pub(super) at: usize,
    pub(super) depth: usize,
    /// How many bars are open, so that the next one closes.
    pub(super) bars: usize,
}

/// The tree of a whole text, or `None` where it is not mathematics from its first to its last sign.
pub fn parse(text: &str) -> Option<Node> {
    if text.len() > MOST_BYTES {
        return None;
    }
    let mut parser = Parser { tokens: lexer::tokens(text)?, at: 0, depth: 0, bars: 0 };
    // A sign of equality, or of being about, may come first: "= 7".
    while matches!(parser.peek(), Some(Sign::Relation(Relation::Equal))) {
        parser.at += 1;
    }
    let node = parser.list()?;
    (parser.peek().is_none() && node.is_shallow(MOST_LEVELS)).then_some(node)
}

fn is_words(sign: Option<&Sign>) -> bool {
    matches!(sign, Some(Sign::Text(_) | Sign::Word(_) | Sign::Letter(_)))
}

/// Whether a node is made of signs that can carry a unit: there is a number in it.
fn carries_unit(node: &Node) -> bool {
    node.any(&|node| matches!(node, Node::Number { .. } | Node::Pi | Node::Percent(_)))
}

impl Parser {
    pub(super) fn peek(&self) -> Option<&Sign> {
        self.tokens.get(self.at).map(|token| &token.sign)
    }

    pub(super) fn ahead(&self, distance: usize) -> Option<&Sign> {
        self.tokens.get(self.at + distance).map(|token| &token.sign)
    }

    pub(super) fn is_spaced(&self) -> bool {
        self.tokens.get(self.at).is_some_and(|token| token.spaced)
    }

    pub(super) fn take(&mut self, sign: &Sign) -> bool {
        let found = self.peek() == Some(sign);
        self.at += usize::from(found);
        found
    }

    pub(super) fn expect(&mut self, sign: &Sign) -> Option<()> {
        self.take(sign).then_some(())
    }

    /// Runs a reader one level deeper.
    pub(super) fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        if self.depth >= MOST_DEPTH {
            return None;
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// Statements divided by commas and the words "and" and "or".
    pub(super) fn list(&mut self) -> Option<Node> {
        let mut members = Vec::new();
        let mut both = false;
        let mut either = false;
        loop {
            while let Some(Sign::Comma | Sign::And | Sign::Or) = self.peek() {
                both |= self.peek() == Some(&Sign::And);
                either |= self.peek() == Some(&Sign::Or);
                self.at += 1;
            }
            if self.ends() {
                break;
            }
            members.push(self.statement()?);
            if !matches!(self.peek(), Some(Sign::Comma | Sign::And | Sign::Or)) {
                break;
            }
        }
        let regions = members.len() > 1 && members.iter().all(is_region);
        match members.len() {
            0 => None,
            1 => members.pop(),
            _ if regions && either => Some(Node::Either(members)),
            _ if regions && (both || !members.iter().all(is_set)) => Some(Node::Both(members)),
            _ => Some(Node::List(members)),
        }
    }

    /// Whether a list ends here.
    fn ends(&self) -> bool {
        matches!(
            self.peek(),
            None | Some(
                Sign::Close(_)
                    | Sign::CloseGroup
                    | Sign::CloseSet
                    | Sign::CloseAngle
                    | Sign::CloseRound(_)
                    | Sign::Ampersand
                    | Sign::Row
                    | Sign::End(_)
            )
        )
    }

    /// Sides joined by relations.
    pub(super) fn statement(&mut self) -> Option<Node> {
        let mut sides = vec![self.side()?];
        let mut relations = Vec::new();
        while let Some(Sign::Relation(relation)) = self.peek() {
            let relation = *relation;
            self.at += 1;
            // "= ≈ 5" and "=> 5" are one relation.
            while matches!(self.peek(), Some(Sign::Relation(Relation::Equal))) {
                self.at += 1;
            }
            relations.push(relation);
            sides.push(self.side()?);
        }
        match relations.len() {
            0 => sides.pop(),
            _ => Some(Node::Related(sides, relations)),
        }
    }

    /// A set expression or a ratio of sums.
    fn side(&mut self) -> Option<Node> {
        if let Some(applied) = self.definition() {
            return Some(applied);
        }
        let mut sets = vec![self.ratio()?];
        let mut joined = None;
        loop {
            let union = match self.peek() {
                Some(Sign::Cup) => true,
                Some(Sign::Cap) => false,
                Some(Sign::Setminus) => {
                    self.at += 1;
                    let left = join(sets, joined)?;
                    let right = self.ratio()?;
                    sets = vec![Node::Without(Box::new(left), Box::new(right))];
                    joined = None;
                    continue;
                }
                _ => break,
            };
            self.at += 1;
            if joined.is_some_and(|before| before != union) {
                sets = vec![join(sets, joined)?];
            }
            joined = Some(union);
            sets.push(self.ratio()?);
        }
        join(sets, joined)
    }

    /// `p(x) =`: a letter with letters in brackets before a sign of equality is a function that is defined.
    fn definition(&mut self) -> Option<Node> {
        let Some(Sign::Letter(name)) = self.peek() else { return None };
        let name = name.clone();
        let mut at = 1;
        if self.ahead(at) != Some(&Sign::Open(super::tree::Fence::Round)) {
            return None;
        }
        let mut arguments = Vec::new();
        loop {
            let Some(Sign::Letter(argument)) = self.ahead(at + 1) else { return None };
            arguments.push(Node::Symbol(argument.clone()));
            at += 2;
            match self.ahead(at) {
                Some(Sign::Comma) => {}
                Some(Sign::Close(super::tree::Fence::Round)) => break,
                _ => return None,
            }
        }
        if self.ahead(at + 1) != Some(&Sign::Relation(Relation::Equal)) {
            return None;
        }
        self.at += at + 1;
        Some(Node::Applied(name, arguments))
    }

    /// `3:4` is a quotient, `1:2:3` an ordered list.
    fn ratio(&mut self) -> Option<Node> {
        let mut parts = vec![self.sum()?];
        while matches!(self.peek(), Some(Sign::Colon)) && self.ahead(1).is_some() {
            self.at += 1;
            parts.push(self.sum()?);
        }
        if parts.len() > 2 {
            use super::tree::Fence::Round;
            return Some(Node::Bracketed(Round, Round, parts));
        }
        let last = parts.pop()?;
        Some(match parts.pop() {
            // "8:30 p.m.": the words go with the whole.
            Some(first) => match last {
                Node::Measured(value, _) => Node::Measured(Box::new(Node::Quotient(Box::new(first), value)), None),
                last => Node::Quotient(Box::new(first), Box::new(last)),
            },
            None => last,
        })
    }

    pub(super) fn sum(&mut self) -> Option<Node> {
        self.deeper(Self::sum_here)
    }

    fn sum_here(&mut self) -> Option<Node> {
        let mut terms = Vec::new();
        loop {
            let sign = match self.peek() {
                Some(Sign::Plus) => Some(None),
                Some(Sign::Minus) => Some(Some(true)),
                Some(Sign::PlusMinus(upper)) => {
                    let upper = *upper;
                    self.at += 1;
                    terms.push(Node::PlusMinus(upper, Box::new(self.term()?)));
                    continue;
                }
                _ => None,
            };
            if sign.is_none() && !terms.is_empty() {
                break;
            }
            self.at += usize::from(sign.is_some());
            let term = self.term()?;
            terms.push(if sign == Some(Some(true)) { Node::Negative(Box::new(term)) } else { term });
        }
        if terms.len() == 1 { terms.pop() } else { Some(Node::Sum(terms)) }
    }

    /// Factors, with units and words behind them.
    pub(super) fn term(&mut self) -> Option<Node> {
        let mut value = self.signed()?;
        let mut links = 0;
        loop {
            links += usize::from(!matches!(value, Node::Product(_)));
            if links > MOST_LINKS {
                return None;
            }
            match self.peek() {
                Some(Sign::Times) => {
                    self.at += 1;
                    value = multiply(value, self.signed()?);
                }
                Some(Sign::Divide) => {
                    self.at += 1;
                    value = Node::Quotient(Box::new(value), Box::new(self.signed()?));
                }
                Some(Sign::Modulo) => {
                    self.at += 1;
                    value = Node::Call(Function::Mod, vec![value, self.signed()?]);
                }
                Some(Sign::Over) => {
                    self.at += 1;
                    let below = self.sum()?;
                    return Some(Node::Quotient(Box::new(value), Box::new(below)));
                }
                Some(Sign::Choose) => {
                    self.at += 1;
                    let below = self.sum()?;
                    return Some(Node::Call(Function::Binomial, vec![value, below]));
                }
                Some(Sign::Text(_) | Sign::Word(_)) if carries_unit(&value) && !self.is_product() => {
                    let word = self.unit()?.map(|word| Box::new(Node::Text(word)));
                    value = Node::Measured(Box::new(value), word);
                }
                Some(Sign::Letter(letter)) if token::is_unit(letter) && self.is_last_unit(&value) => {
                    let letter = Node::Symbol(letter.clone());
                    self.unit()?;
                    value = Node::Measured(Box::new(value), Some(Box::new(letter)));
                }
                Some(_) if self.begins_factor() => value = multiply(value, self.power()?),
                _ => return Some(value),
            }
        }
    }

    /// Whether letters written together are a product rather than words: few, right behind the number, and no unit.
    fn is_product(&self) -> bool {
        match self.peek() {
            Some(Sign::Word(word)) => word.len() <= 3 && word.is_ascii() && !self.is_spaced() && !token::is_unit(word),
            _ => false,
        }
    }

    /// Whether a single letter that may be a unit ends the text behind a plain number.
    fn is_last_unit(&self, value: &Node) -> bool {
        let ends = |distance: usize| matches!(self.ahead(distance), None | Some(Sign::CloseGroup));
        value.literal().is_some()
            && (ends(1)
                || self.ahead(1) == Some(&Sign::Divide) && ends(3)
                || self.ahead(1) == Some(&Sign::Caret) && ends(3))
    }

    /// Takes words and their powers up to the end of the term, and gives the word back where it is one.
    fn unit(&mut self) -> Option<Option<String>> {
        let begin = self.at;
        loop {
            let going = self.at > begin;
            match self.peek() {
                Some(Sign::Text(_) | Sign::Word(_) | Sign::Letter(_)) => self.at += 1,
                Some(Sign::Caret) if going => {
                    self.at += 1;
                    self.exponent()?;
                }
                Some(Sign::Divide | Sign::Times) if going && is_words(self.ahead(1)) => self.at += 1,
                _ => break,
            }
        }
        Some(match self.tokens.get(begin..self.at)? {
            [Token { sign: Sign::Text(word) | Sign::Word(word), .. }] => Some(word.clone()),
            _ => None,
        })
    }

    /// A factor with its signs.
    fn signed(&mut self) -> Option<Node> {
        let mut negative = false;
        let mut count = 0;
        while let Some(Sign::Minus | Sign::Plus) = self.peek() {
            negative ^= self.peek() == Some(&Sign::Minus);
            self.at += 1;
            count += 1;
            if count > 2 {
                return None;
            }
        }
        let value = self.power()?;
        Some(if negative { Node::Negative(Box::new(value)) } else { value })
    }

    /// Whether a factor can begin here without a sign of multiplication before it.
    fn begins_factor(&self) -> bool {
        match self.peek() {
            Some(Sign::Bar) => self.bars == 0,
            Some(
                Sign::Letter(_)
                | Sign::Word(_)
                | Sign::Text(_)
                | Sign::Name(_)
                | Sign::Log
                | Sign::Lg
                | Sign::Exp
                | Sign::Pi
                | Sign::Infinity
                | Sign::Frac
                | Sign::Binom
                | Sign::Sqrt(_)
                | Sign::Ornament(_)
                | Sign::Begin(_)
                | Sign::Binder(_)
                | Sign::Open(super::tree::Fence::Round)
                | Sign::OpenGroup
                | Sign::OpenRound(_),
            ) => true,
            // Two numbers side by side are no product.
            Some(Sign::Number { .. }) => !matches!(
                self.at.checked_sub(1).and_then(|at| self.tokens.get(at)),
                Some(Token { sign: Sign::Number { .. }, .. })
            ),
            _ => false,
        }
    }
}

fn join(mut sets: Vec<Node>, joined: Option<bool>) -> Option<Node> {
    match joined {
        None => sets.pop(),
        Some(true) => Some(Node::Union(sets)),
        Some(false) => Some(Node::Intersection(sets)),
    }
}

/// A product of two.
pub(super) fn multiply(left: Node, right: Node) -> Node {
    match left {
        Node::Product(mut factors) => {
            factors.push(right);
            Node::Product(factors)
        }
        other => Node::Product(vec![other, right]),
    }
}

/// The proper fraction of two whole numbers.
pub(super) fn proper(node: &Node) -> Option<BigRational> {
    let Node::Quotient(above, below) = node else { return None };
    let (Node::Number { value: above, decimal: false }, Node::Number { value: below, decimal: false }) =
        (&**above, &**below)
    else {
        return None;
    };
    (above < below && above.denom().is_one() && below.denom().is_one()).then(|| above / below)
}

fn is_set(node: &Node) -> bool {
    matches!(
        node,
        Node::Bracketed(..) | Node::Set(_) | Node::Union(_) | Node::Intersection(_) | Node::Named(Named::Reals)
    )
}

fn is_region(node: &Node) -> bool {
    match node {
        Node::Related(_, relations) => !relations.contains(&Relation::Equal),
        _ => false,
    }
}
