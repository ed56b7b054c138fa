//! Tags: named entities that a model marks in a text with tags, as BIO tags of its tokens, and how well they fit.
//!
//! | noun | what it is |
//! | --- | --- |
//! | [`EntityType`] | a type of entity: its BIO name, its tag, what it means |
//! | [`annotated`], [`question`], [`example`] | texts with tags for examples, and the prompt |
//! | [`tags_of`] | a reply to the BIO tags of the tokens that it was given |
//! | [`Counts`] | entities and tokens of one or more texts, to precision, recall, F1 and accuracy |

mod align;
mod counts;
mod markup;
mod prompt;
mod spans;

pub use align::tags_of;
pub use counts::{Counts, Scores};
pub use prompt::{EntityType, annotated, example, listed, question};
pub use spans::{Mode, Span, spans};
