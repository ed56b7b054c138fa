//! Mathematics: what a reply answers, and whether that is the reference answer.
//!
//! - [`answer`](answer()) finds the final answer of a reply: boxes, phrases, a last line, formulas, numbers.
//! - [`equal`] compares two answers written in LaTeX, plain mathematics or words; [`judge`] does both steps.
//! - [`Rule`] holds the policies of cards: the same, whole numbers only, absolute or relative tolerances.
//! - [`patterns`] has the extractors of numbers by pattern that GSM8K's harnesses use; [`docmath`] DocMath's own.
//!
//! A text goes through these steps: `tidy` takes off what stands around it, `character` spells Unicode in LaTeX, `lexer`
//! cuts it into the tokens of `token`, `parser`, `power` and `operand` read these into the tree of `tree`. `shape` says
//! what sort of answer a tree is, `equality` compares two sorts, `region` sets of real numbers, `scalar` formulas: by
//! `normal` forms over the quotients of `polynomial`s and exact numbers (`number`), else by an `estimate` in the numbers
//! of `ball`, which know their own error. Length, depth and work are bounded at each step, so that any text is answered.

mod answer;
mod ball;
mod character;
#[cfg(test)]
mod dataset_tests;
pub mod docmath;
mod equality;
mod estimate;
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
mod power;
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
