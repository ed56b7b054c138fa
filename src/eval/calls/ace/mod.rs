//! ACEBench: calls of one step, and what a model says about requests that cannot be met.
//!
//! The families `normal` and `special` are here. The family `agent` runs calls on simulated services and is not.

mod check;
#[cfg(test)]
mod check_tests;
mod decode;
mod prompt;
mod values;

pub use check::{check, check_special, dialogue};
pub use decode::decode;
pub use prompt::{Locale, category, dialogue_of, prompts};
