//! Figures of texts against references, and the filters that replies go through first.

pub(crate) mod pattern;
