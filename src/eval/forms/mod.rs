//! Answers with a grammar of their own: one reader and one checker each, functions of what the record holds and of the
//! reply.
//!
//! | file | answers |
//! |---|---|
//! | `arc_agi` | grids of colours |
//! | `eq_bench` | four feelings with a number |
//! | `finqa` | programs over a financial report |
//! | `process_bench` | the paragraph with the first error |
//! | `zebra_logic` | tables of a logic puzzle |
//!
//! | file | what they share |
//! |---|---|
//! | `fences` | blocks between back-ticks |
//! | `json` | JSON inside prose |
//! | `literal` | Python literals |
//! | `pattern` | regular expressions |

pub mod arc_agi;
pub mod eq_bench;
pub mod fences;
pub mod finqa;
pub mod json;
pub mod literal;
pub(crate) mod pattern;
pub mod process_bench;
#[cfg(test)]
mod tests;
pub mod zebra_logic;
