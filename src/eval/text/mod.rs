//! Figures of texts against references, and the filters that replies go through first.
//!
//! - Overlap: [`rouge`], [`bleu`], and [`sacre`] with BLEU, chrF and TER as sacreBLEU has them.
//! - Short answers: [`squad`], [`mod@drop`], [`exact`], [`anls`], [`table_bench`], [`tat_qa`],
//!   [`recall`].
//! - Answers about images: [`vqa`], [`slake`], [`measure`].
//! - Transcripts: [`speech`].
//! - Before an answer is looked for: [`filters`].
//! - What these are made of: [`words`], [`treebank`], [`porter`], [`edit`], [`lcs`], [`sequence`], [`assign`],
//!   [`number`].

pub mod anls;
pub mod assign;
pub mod bleu;
pub mod captions;
pub mod drop;
pub mod edit;
pub mod exact;
pub mod filters;
pub mod lcs;
pub mod measure;
pub mod number;
pub(crate) mod pattern;
pub mod porter;
pub mod recall;
pub mod rouge;
pub mod sacre;
pub mod sequence;
pub mod slake;
pub mod speech;
pub mod squad;
pub mod table_bench;
pub mod tat_qa;
pub mod treebank;
pub mod vqa;
pub mod words;

#[cfg(test)]
mod long_tests;
#[cfg(test)]
mod short_answers_tests;
