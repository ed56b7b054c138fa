//! Mathematics.
mod character;
mod lexer;
mod number;
mod operand;
mod parser;
mod token;
mod tree;
mod ball;
mod estimate;
mod normal;
mod polynomial;
mod equality;
mod region;
mod scalar;
mod shape;
mod tidy;
pub use equality::{equal, Verdict};
