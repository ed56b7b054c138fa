//! Mathematics.
mod answer;
mod ball;
mod character;
pub mod docmath;
mod equality;
mod estimate;
#[cfg(test)]
mod dataset_tests;
#[cfg(test)]
mod golden_tests;
#[cfg(test)]
mod hostile_tests;
mod lexer;
mod normal;
mod number;
mod operand;
mod parser;
pub mod patterns;
mod places;
mod polynomial;
mod region;
pub mod rule;
mod scalar;
mod shape;
mod tidy;
mod token;
mod tree;

pub use answer::{Answer, Place, answer};
pub use equality::{Verdict, equal, judge};
pub use rule::Rule;
