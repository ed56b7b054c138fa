//! Encoders: models that read a text as a whole, to embed it or to score how well it answers a query.
//!
//! | file | what it holds |
//! |---|---|
//! | [`open`] | a model by its name or folder |
//! | [`config`], [`pooling`] | what its files say: the network, and what is made of its rows |
//! | [`parts`], [`drawn`] | the tensors of files by what they do; weights that are drawn |
//! | [`network`], [`layer`], [`head`] | the network, its parts, and the score of a pair |
//! | [`text`] | texts and pairs to tokens |
//! | [`job`], [`queue`] | one request under way; all of them, some texts at a time |
//! | [`model`] | what serves them |
//!
//! # What holds
//!
//! * What a text becomes depends on the weights and its tokens only, not on a bit of what is computed beside it.
//! * Texts lie one behind the other in a step, so nothing is padded and nothing is masked.

mod config;
mod drawn;
mod head;
mod job;
mod layer;
mod model;
mod network;
mod open;
mod parts;
mod pooling;
mod queue;
#[cfg(test)]
mod tests;
mod text;

pub use config::{Activation, Config, FAMILIES, Family, Shape, Task};
pub use model::Model;
pub use open::find;
pub use pooling::Pooling;
