//! Figures of texts against references, and the filters that replies go through first.

pub mod number;
pub(crate) mod pattern;
