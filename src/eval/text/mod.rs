//! Figures of texts against references, and the filters that replies go through first.

pub mod anls;
pub mod assign;
pub mod bleu;
pub mod drop;
pub mod edit;
pub mod exact;
pub mod lcs;
pub mod number;
pub(crate) mod pattern;
pub mod porter;
pub mod rouge;
pub mod sacre;
pub mod sequence;
pub mod speech;
pub mod squad;
pub mod treebank;
pub mod words;
