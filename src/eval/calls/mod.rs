//! Calls of functions: what a model called, and whether that is what was asked for.
//!
//! | noun | what it is |
//! | --- | --- |
//! | [`Call`], [`decode`](fn@decode) | calls, given as data or read from the text of a prompted model |
//! | [`Task`], [`check`](fn@check) | the leaderboard's check of calls against accepted answers |
//! | [`Literal`](literal::Literal) | a value as Python has it |

mod arithmetic;
mod check;
#[cfg(test)]
mod check_tests;
mod convert;
mod decode;
#[cfg(test)]
mod decode_tests;
mod java;
mod javascript;
pub mod literal;
pub mod python;
mod schema;
mod source;
mod tool;
mod values;

pub use check::{Category, Fault, Task, check};
pub use decode::{Call, DecodeError, Language, decode, decode_list};
pub use schema::{Attempt, Calling, SchemaError, validate};
pub use tool::{Reply, ToolCall, decoded};
