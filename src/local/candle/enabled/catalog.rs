//! The models by name.

use crate::error::{Failure, Result, known};

/// The sizes of a decoder. Widths are in numbers of 32 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Blocks of attention and feed-forward.
    pub layers: usize,
    /// Width of the residual stream.
    pub hidden: usize,
    /// Heads that ask.
    pub heads: usize,
    /// Heads that are asked, each shared by `heads / kv_heads` of those that ask.
    pub kv_heads: usize,
    /// Width of a head.
    pub head: usize,
    /// Width inside the feed-forward.
    pub inner: usize,
    /// Most tokens of prompt and reply together.
    pub context: usize,
}

impl Shape {
    /// Width of all heads that ask.
    pub fn asking(&self) -> usize {
        self.heads * self.head
    }

    /// Width of all heads that are asked.
    pub fn asked(&self) -> usize {
        self.kv_heads * self.head
    }
}

/// Widths are multiples of [`PANEL`](super::kernel::PANEL).
const MODELS: [(&str, Shape); 2] = [
    ("random:tiny", Shape { layers: 2, hidden: 64, heads: 4, kv_heads: 2, head: 16, inner: 192, context: 8192 }),
    ("random:small", Shape { layers: 4, hidden: 256, heads: 8, kv_heads: 2, head: 32, inner: 704, context: 8192 }),
];

/// The shape of a model.
///
/// # Errors
/// When there is no model of that name.
pub fn find(name: &str) -> Result<Shape> {
    let found = MODELS.iter().find(|(known, _)| *known == name);
    found.map(|(_, shape)| *shape).ok_or_else(|| {
        Failure::usage(format!("--model {name}: there is no embedded model of this name"))
            .hint(format!("known: {}; to load a server instead, give its address with --url", known(names())))
    })
}

/// The names of all models.
fn names() -> impl Iterator<Item = &'static str> {
    MODELS.iter().map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_is_refused_with_the_known_ones() {
        let failure = find("llama").err();
        let text = failure.map(|failure| format!("{failure} {}", failure.hint.as_deref().unwrap_or("")));
        assert!(text.is_some_and(|text| text.contains("--model llama") && text.contains("random:tiny, random:small")));
    }

    #[test]
    fn shapes_fit_the_kernels() {
        for (name, shape) in MODELS {
            let widths = [shape.hidden, shape.asking() + 2 * shape.asked(), 2 * shape.inner];
            assert!(widths.iter().all(|width| width.is_multiple_of(super::super::kernel::PANEL)), "{name}");
            assert!(shape.heads.is_multiple_of(shape.kv_heads) && shape.kv_heads < shape.heads, "{name}");
            assert!(shape.head.is_multiple_of(8), "{name}");
        }
    }
}
