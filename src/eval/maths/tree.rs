//! The expression tree that a text of mathematics is read into.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed, Zero};

/// A function that has a name of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Function {
    /// Sine of an angle in radians.
    Sin,
    /// Cosine of an angle in radians.
    Cos,
    /// Tangent of an angle in radians.
    Tan,
    /// Cotangent of an angle in radians.
    Cot,
    /// Secant of an angle in radians.
    Sec,
    /// Cosecant of an angle in radians.
    Csc,
    /// Inverse sine in radians.
    Asin,
    /// Inverse cosine in radians.
    Acos,
    /// Inverse tangent in radians.
    Atan,
    /// Hyperbolic sine.
    Sinh,
    /// Hyperbolic cosine.
    Cosh,
    /// Hyperbolic tangent.
    Tanh,
    /// Natural logarithm.
    Ln,
    /// Logarithm of the second argument to the base of the first.
    Log,
    /// Absolute value.
    Abs,
    /// Factorial of a whole number.
    Factorial,
    /// Binomial coefficient, two arguments.
    Binomial,
    /// The largest argument.
    Max,
    /// The smallest argument.
    Min,
    /// Greatest common divisor.
    Gcd,
    /// Least common multiple.
    Lcm,
    /// The largest whole number not above.
    Floor,
    /// The smallest whole number not below.
    Ceil,
    /// The remainder of the first by the second, with the sign of the second.
    Mod,
}

/// Big operators that bind a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binder {
    /// A sum over whole numbers.
    Sum,
    /// A product over whole numbers.
    Product,
    /// A definite integral.
    Integral,
    /// A limit; the lower bound is the point.
    Limit,
}

/// How the two sides of a statement are related.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// `=`, and the signs that people write instead where they state a value: ≈, →, ⇒.
    Equal,
    /// `≠`
    Unequal,
    /// `<`
    Less,
    /// `≤`
    LessEqual,
    /// `>`
    Greater,
    /// `≥`
    GreaterEqual,
    /// `∈`
    Member,
}

/// What an end of an interval or a list was written with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fence {
    /// `(` or `)`
    Round,
    /// `[` or `]`
    Square,
}

/// Sets that have a sign of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Named {
    /// ℝ, the whole line
    Reals,
    /// ∅
    Empty,
    /// Another letter in blackboard bold: ℕ, ℤ, ℚ, ℂ
    Other(char),
}

/// A text of mathematics as a tree. Depth is bounded by the parser.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// A number as written; `decimal` where it had a decimal point, so that it may be a rounded value.
    Number { value: BigRational, decimal: bool },
    /// A letter, or a letter with a subscript or an ornament.
    Symbol(String),
    /// π
    Pi,
    /// e
    Euler,
    /// i
    Imaginary,
    /// ∞
    Infinity,
    /// Terms that are added.
    Sum(Vec<Node>),
    /// Factors that are multiplied.
    Product(Vec<Node>),
    /// Numerator and denominator.
    Quotient(Box<Node>, Box<Node>),
    /// Base and exponent.
    Power(Box<Node>, Box<Node>),
    /// The opposite.
    Negative(Box<Node>),
    /// Root of a degree: radicand, degree.
    Root(Box<Node>, u32),
    /// A function of its arguments.
    Call(Function, Vec<Node>),
    /// A function known by its letter only, such as f(x).
    Applied(String, Vec<Node>),
    /// A sum, product, integral or limit: variable, lower bound, upper bound, body.
    Bound(Binder, String, Box<[Node; 3]>),
    /// ± (`true`) or ∓ before a term.
    PlusMinus(bool, Box<Node>),
    /// A number with a percent sign.
    Percent(Box<Node>),
    /// A number with a degree sign.
    Degrees(Box<Node>),
    /// Digits with the base they are written in.
    Based(String, u32),
    /// A value followed by a unit or other words; the second is the unit where it is a single letter or word.
    Measured(Box<Node>, Option<Box<Node>>),
    /// Words.
    Text(String),
    /// `...` as a member of a list.
    Ellipsis,
    /// Members divided by commas or the word "and", in no brackets.
    List(Vec<Node>),
    /// Members in round or square brackets, perhaps different ones.
    Bracketed(Fence, Fence, Vec<Node>),
    /// Members in braces.
    Set(Vec<Node>),
    /// A set with a sign of its own.
    Named(Named),
    /// Sets joined by ∪.
    Union(Vec<Node>),
    /// Sets joined by ∩.
    Intersection(Vec<Node>),
    /// The first set without the second.
    Without(Box<Node>, Box<Node>),
    /// Rows of a matrix.
    Matrix(Vec<Vec<Node>>),
    /// Rows of a determinant.
    Determinant(Vec<Vec<Node>>),
    /// Sides and the relations between them: one relation fewer than sides.
    Related(Vec<Node>, Vec<Relation>),
    /// Statements of which one holds.
    Either(Vec<Node>),
    /// Statements that all hold.
    Both(Vec<Node>),
}

/// The members directly below a node, as references or to be changed.
macro_rules! members {
    ($node:expr, $iter:ident) => {
        match $node {
            Node::Number { .. }
            | Node::Symbol(_)
            | Node::Pi
            | Node::Euler
            | Node::Imaginary
            | Node::Infinity
            | Node::Based(..)
            | Node::Text(_)
            | Node::Ellipsis
            | Node::Named(_) => Vec::new(),
            Node::Sum(members)
            | Node::Product(members)
            | Node::Call(_, members)
            | Node::Applied(_, members)
            | Node::List(members)
            | Node::Bracketed(_, _, members)
            | Node::Set(members)
            | Node::Union(members)
            | Node::Intersection(members)
            | Node::Related(members, _)
            | Node::Either(members)
            | Node::Both(members) => members.$iter().collect(),
            Node::Quotient(a, b) | Node::Power(a, b) | Node::Without(a, b) => vec![a, b],
            Node::Measured(a, None)
            | Node::Negative(a)
            | Node::Root(a, _)
            | Node::PlusMinus(_, a)
            | Node::Percent(a)
            | Node::Degrees(a) => vec![a],
            Node::Measured(a, Some(b)) => vec![a, b],
            Node::Bound(_, _, parts) => parts.$iter().collect(),
            Node::Matrix(rows) | Node::Determinant(rows) => rows.$iter().flatten().collect(),
        }
    };
}

impl Node {
    /// A whole number.
    pub fn integer(value: impl Into<BigInt>) -> Self {
        Self::Number { value: BigRational::from_integer(value.into()), decimal: false }
    }

    /// An exact fraction.
    pub fn rational(value: BigRational) -> Self {
        Self::Number { value, decimal: false }
    }

    /// The members directly below.
    pub fn children(&self) -> Vec<&Node> {
        members!(self, iter)
    }

    /// The same, to be changed.
    pub fn children_mut(&mut self) -> Vec<&mut Node> {
        members!(self, iter_mut)
    }

    /// Whether the tree has no more levels than that; found out without recursion.
    pub fn is_shallow(&self, most: usize) -> bool {
        let mut open = vec![(self, 1)];
        while let Some((node, level)) = open.pop() {
            if level > most {
                return false;
            }
            open.extend(node.children().into_iter().map(|child| (child, level + 1)));
        }
        true
    }

    /// Whether the test holds for this node or one below.
    pub fn any(&self, test: &impl Fn(&Node) -> bool) -> bool {
        test(self) || self.children().into_iter().any(|child| child.any(test))
    }

    /// Whether a number with a decimal point takes part, so that the value may be a rounded one.
    pub fn is_rounded(&self) -> bool {
        self.any(&|node| matches!(node, Self::Number { decimal: true, .. }))
    }

    /// Whether there is a free letter, or a word, in it.
    pub fn has_letters(&self) -> bool {
        self.any(&|node| matches!(node, Self::Symbol(_) | Self::Text(_) | Self::Applied(..) | Self::Infinity))
    }

    /// Whether it is something to compute with: a number, a formula, and no list, set, matrix or statement.
    pub fn is_scalar(&self) -> bool {
        !self.any(&|node| {
            matches!(
                node,
                Self::List(_)
                    | Self::Bracketed(..)
                    | Self::Set(_)
                    | Self::Named(_)
                    | Self::Union(_)
                    | Self::Intersection(_)
                    | Self::Without(..)
                    | Self::Matrix(_)
                    | Self::Related(..)
                    | Self::Either(_)
                    | Self::Both(_)
                    | Self::Ellipsis
            )
        })
    }

    /// The exact value of a number with its signs, if that is all it is.
    pub fn literal(&self) -> Option<BigRational> {
        match self {
            Self::Number { value, .. } => Some(value.clone()),
            Self::Negative(inner) => Some(-inner.literal()?),
            _ => None,
        }
    }
}

/// Whether a fraction is a whole number that is not negative, and which.
pub fn small_whole(value: &BigRational, most: u32) -> Option<u32> {
    if !value.denom().is_one() || value.is_negative() {
        return None;
    }
    if value.is_zero() {
        return Some(0);
    }
    u32::try_from(value.numer()).ok().filter(|number| *number <= most)
}
