//! The 58 instructions of IFBench (Pyatkin and others, 2025, <https://arxiv.org/abs/2507.02833>), by group.
//!
//! Two of them are estimates here, because the published program asks a tagger and a dictionary: whether a reply begins
//! with a verb, and how many syllables a word has.

mod count;
mod csv;
mod custom;
mod emoji;
mod layout;
mod lexicon;
mod ratio;
mod repeat;
mod sentence;
mod splitter;
mod syllables;
mod words;

use super::Rule;

pub(super) use emoji::{count_emoji, without_emoji};

/// Ids and rules.
pub(super) static TABLES: [&[(&str, Rule)]; 7] =
    [&count::RULES, &ratio::RULES, &words::RULES, &sentence::RULES, &layout::RULES, &custom::RULES, &repeat::RULES];

#[cfg(test)]
mod tests;
