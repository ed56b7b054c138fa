//! What a right answer is: benchmarks as cards, the families of extractors and scorers, and what their verdicts add up to.

#[cfg(test)]
mod agreement;
pub mod maths;
