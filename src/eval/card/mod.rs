//! What a benchmark is, as data: where its questions are, what of a record is what, how it is asked, and how answers are
//! taken and scored. A card is a folder below `datasets/` with a `card.toml` and a small sample in the form of the real
//! records.
//!
//! | file | noun |
//! |---|---|
//! | `fields` | the keys of a card |
//! | `catalog` | the cards that are built in, and those of the user's own folder |
//! | `expression` | what a card says of a record: expressions and templates in Jinja's language |
//! | `functions` | what expressions know of single benchmarks |
//! | `records`, `pictures` | what they know of records and pictures beyond Jinja |
//! | `check` | what makes a card wrong, before it is used |

mod catalog;
mod check;
mod expression;
mod fields;
mod functions;
mod pictures;
mod records;

pub use catalog::{Catalog, Entry, Shared, shared_templates};
pub use check::{AGGREGATES, check};
pub use expression::{Language, Names, Seeded, in_folder, label, seen, told};
pub use fields::{
    Answer, Card, Edition, Examples, Fields, Media, Method, Mode, Options, Param, Prompt, Record, Rehearsal, Report,
    Source, SubsetBy, Variant,
};
