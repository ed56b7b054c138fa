//! Figures of texts against references, and the filters that replies go through first.

pub mod bleu;
pub mod edit;
pub mod lcs;
pub mod number;
pub(crate) mod pattern;
pub mod porter;
pub mod rouge;
pub mod sacre;
pub mod treebank;
pub mod words;
