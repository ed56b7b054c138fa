//! An expression of Python as a tree.

use super::super::literal::Literal;

/// An expression. What this program never looks into is kept as its source text.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    /// A number, a text, bytes, `True`, `False` or `None`.
    Constant(Literal),
    /// `...`
    Ellipsis,
    /// A name.
    Name(String),
    /// `base.name`
    Attribute(Box<Expression>, String),
    /// `base[index]`
    Subscript(Box<Expression>, Box<Expression>),
    /// `function(arguments)`
    Call(Box<Expression>, Vec<Argument>),
    /// `[items]`
    List(Vec<Expression>),
    /// `(items,)`
    Tuple(Vec<Expression>),
    /// `{key: value}`, where an absent key marks `**value`.
    Dictionary(Vec<(Option<Expression>, Expression)>),
    /// An operator before its operand: `-`, `+`, `~` or `not`.
    Unary(Operator, Box<Expression>),
    /// An operator between two operands.
    Binary(Box<Expression>, Operator, Box<Expression>),
    /// `*value`
    Starred(Box<Expression>),
    /// `lambda`, whose body is not looked into.
    Lambda(String),
    /// Comparisons, `and`, `or`, conditional expressions, assignments, slices: the source text.
    Opaque(String),
    /// Comprehensions, sets and f-strings: the source text, which needs no brackets around it.
    Enclosed(String),
}

/// What stands in the parentheses of a call.
#[derive(Debug, Clone, PartialEq)]
pub enum Argument {
    /// A value by position, `*value` and a bare generator included.
    Positional(Expression),
    /// `name=value`
    Keyword(String, Expression),
    /// `**value`
    Mapping(Expression),
}

/// The operators of arithmetic and logic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `|`
    Or,
    /// `^`
    Xor,
    /// `&`
    And,
    /// `<<`
    Left,
    /// `>>`
    Right,
    /// `+`
    Plus,
    /// `-`
    Minus,
    /// `*`
    Times,
    /// `/`
    Divide,
    /// `//`
    FloorDivide,
    /// `%`
    Remainder,
    /// `@`
    Matrix,
    /// `**`
    Power,
    /// `~`
    Invert,
    /// `not`
    Not,
}

impl Operator {
    /// How the operator is written.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Or => "|",
            Self::Xor => "^",
            Self::And => "&",
            Self::Left => "<<",
            Self::Right => ">>",
            Self::Plus => "+",
            Self::Minus => "-",
            Self::Times => "*",
            Self::Divide => "/",
            Self::FloorDivide => "//",
            Self::Remainder => "%",
            Self::Matrix => "@",
            Self::Power => "**",
            Self::Invert => "~",
            Self::Not => "not ",
        }
    }

    /// How strongly the operator binds between two operands; larger is stronger.
    pub fn strength(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::Xor => 2,
            Self::And => 3,
            Self::Left | Self::Right => 4,
            Self::Plus | Self::Minus => 5,
            Self::Times | Self::Divide | Self::FloorDivide | Self::Remainder | Self::Matrix => 6,
            Self::Invert => 7,
            Self::Power => 8,
            Self::Not => 0,
        }
    }

    /// The operator between two operands that a symbol stands for.
    pub fn between(symbol: &str) -> Option<Self> {
        Some(match symbol {
            "|" => Self::Or,
            "^" => Self::Xor,
            "&" => Self::And,
            "<<" => Self::Left,
            ">>" => Self::Right,
            "+" => Self::Plus,
            "-" => Self::Minus,
            "*" => Self::Times,
            "/" => Self::Divide,
            "//" => Self::FloorDivide,
            "%" => Self::Remainder,
            "@" => Self::Matrix,
            "**" => Self::Power,
            _ => return None,
        })
    }
}
