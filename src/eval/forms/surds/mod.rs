//! SURDS: where things are in pictures of streets (Guo et al. 2024, "DriveMLLM").
//!
//! | file | what |
//! |---|---|
//! | `answer` | the answer of a reply and its score |
//! | `questions` | the questions that follow from the records |
//! | `wording` | a question in words |

mod answer;
mod questions;
#[cfg(test)]
mod tests;
mod wording;

pub use answer::{centered, extract, pairs, point, same};
pub use questions::{Record, Subject, Unit, Variant, questions};
pub use wording::prompt;

/// Width and height of every picture in pixels.
pub const PICTURE: (f64, f64) = (1600.0, 900.0);
