//! Figures of translations as sacreBLEU computes them: BLEU, chrF and TER of corpora and of single texts.
//!
//! M. Post, A call for clarity in reporting BLEU scores, WMT 2018.

mod bleu;
mod chrf;
mod ter;
mod tokenize;

pub use bleu::{BleuRule, BleuScore, Smoothing, corpus_bleu, sentence_bleu};
pub use chrf::{ChrfRule, corpus_chrf, sentence_chrf};
pub use ter::{corpus_ter, sentence_ter};
pub use tokenize::Tokenizer;

/// The references of one hypothesis: its text in every stream that has one.
fn references_of(streams: &[Vec<String>], index: usize) -> Vec<&str> {
    streams.iter().filter_map(|stream| stream.get(index)).map(String::as_str).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]
mod golden_tests;
