//! Calls of functions: what a model called, and whether that is what was asked for.
//!
//! | noun | what it is |
//! | --- | --- |
//! | [`Call`], [`decode`](fn@decode) | calls, given as data or read from the text of a prompted model |
//! | [`Task`], [`check`](fn@check) | the leaderboard's check of calls against accepted answers |
//! | [`tools`], [`prompted`] | functions as tools of an endpoint, or in the text of a prompt |
//! | [`Group`], [`rows`] | the rows of a report that are means over subsets |
//! | [`ToolCall`], [`validate`] | calls of tools against the schemas of the tools |
//! | [`Attempt`], [`Calling`] | whether a model calls when it should, and what that adds up to |
//! | [`ace`] | ACEBench, the families of one step |
//! | [`vendors`] | whether an endpoint serves a model as its makers do |
//! | [`Literal`](literal::Literal) | a value as Python has it |

pub mod ace;
mod arithmetic;
mod ask;
mod check;
#[cfg(test)]
mod check_tests;
mod convert;
mod decode;
#[cfg(test)]
mod decode_tests;
mod groups;
mod java;
mod javascript;
pub mod literal;
pub mod python;
mod schema;
mod source;
mod tool;
mod values;
pub mod vendors;

pub use ask::{prompted, system_prompt, tools, without_system};
pub use check::{Category, Fault, Task, check};
pub use decode::{Call, DecodeError, Language, decode, decode_list};
pub use groups::{Group, Mean, Row, acebench, bfcl_v3, bfcl_v4, rows};
pub use schema::{Attempt, Calling, SchemaError, validate};
pub use tool::{Reply, ToolCall, decoded};
