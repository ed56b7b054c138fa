//! Answers with a grammar of their own: one reader and one checker each, functions of what the record holds and of the
//! reply.
//!
//! | file | answers |
//! |---|---|
//! | `arc_agi` | grids of colours |
//! | `eq_bench` | four feelings with a number |
//! | `finqa` | programs over a financial report |
//! | `perspective_gap` | which role of a team is told what |
//! | `process_bench` | the paragraph with the first error |
//! | `sparc` | a line through a grid with rules |
//! | `surds` | where things are in pictures of streets |
//! | `tir_bench` | short answers about images, by the kind of the true one |
//! | `visfactor` | answers to tests of visual cognition |
//! | `zebra_logic` | tables of a logic puzzle |
//!
//! | file | what they share |
//! |---|---|
//! | `fences` | blocks between back-ticks |
//! | `json` | JSON inside prose |
//! | `pattern` | regular expressions |

pub mod arc_agi;
pub mod eq_bench;
pub mod fences;
pub mod finqa;
pub mod json;
pub(crate) mod pattern;
pub mod perspective_gap;
pub mod process_bench;
pub mod sparc;
pub mod surds;
#[cfg(test)]
mod tests;
pub mod tir_bench;
pub mod visfactor;
pub mod zebra_logic;
