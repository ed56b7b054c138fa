//! Mixtures of benchmarks, EvalScope's collections: what is in one, how rows are drawn of it, and what a row holds.
//!
//! ```text
//! Collection -> flat: Part, Part, ... -> Sampler: so many of each -> Drawing: rows of a file -> data_collection asks them
//! ```
//!
//! | file | noun |
//! |---|---|
//! | `schema` | a collection as its file says it, and its data sets with what they weigh in the whole |
//! | `sampler` | how many rows each data set gives |
//! | `drawing` | rows drawn with a seed |
//! | `entry` | one row: a sample with its benchmark, tags, path and weight |
//! | `messages` | messages and tools as EvalScope keeps them, and as they are sent |

mod drawing;
mod entry;
mod messages;
mod sampler;
mod schema;
#[cfg(test)]
mod tests;

pub use drawing::{Drawing, Drawn, Taken};
pub use entry::{check, opened};
pub use sampler::Sampler;
pub use schema::{Collection, Dataset, Member, Part};

use super::card::Card;

/// What the report of a card is made by where its rows are those of a mixture.
pub const ROWS: &str = "collection";

/// Whether the rows of a benchmark are those of a mixture, each with a benchmark of its own.
pub fn is_mixture(card: &Card) -> bool {
    card.report.rows.as_deref() == Some(ROWS)
}
