//! A needle in a haystack: a sentence hidden in a long text at a given depth, and whether a model finds it.
//!
//! | file | what |
//! |---|---|
//! | `options` | what a run may set, and the grid of lengths and depths |
//! | `placement` | the text of a given number of tokens with the needles in it |
//! | `wording` | question, needles and prompt, in English and Chinese |
//! | `score` | the reply against the needles, and the mean of each cell |
//! | `heat_map` | cells as SVG and PNG |

mod heat_map;
mod options;
mod placement;
mod score;
#[cfg(test)]
mod tests;
mod wording;

pub use heat_map::{png, svg};
pub use options::Options;
pub use placement::{Coder, Haystack};
pub use score::{Cell, Verdict, cells, normalized, score};
pub use wording::{Language, needles, prompt, question, system_prompt};
