//! The sizes and rules of a decoder.

use super::rotation::Rotation;

/// A decoder as its description has it: enough to know every tensor it needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// Rows of the embedding, at least the number of tokens.
    pub vocabulary: usize,
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
    /// Added to the mean square under the root of each norm.
    pub epsilon: f32,
    /// How positions turn queries and keys.
    pub rotation: Rotation,
    /// Positions that a row sees, itself included; all where unset.
    pub window: Option<usize>,
    /// The first layer that the window holds for.
    pub windowed_from: usize,
    /// Which linear layers add a bias.
    pub biases: Biases,
    /// Whether queries and keys are normed head by head.
    pub head_norms: bool,
    /// Whether the embedding is the head as well.
    pub tied: bool,
}

/// Which linear layers add a bias.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Biases {
    /// Queries, keys and values.
    pub asking: bool,
    /// The output of attention.
    pub mixing: bool,
    /// The feed-forward.
    pub inner: bool,
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

    /// Positions that a row sees in a layer, itself included; all where `None`.
    pub fn window(&self, layer: usize) -> Option<usize> {
        self.window.filter(|_| layer >= self.windowed_from)
    }

    /// Says what makes this no network, in words.
    ///
    /// # Errors
    /// When a size is nothing or two do not go together.
    pub fn check(&self) -> Result<(), String> {
        let sizes = [
            ("vocabulary", self.vocabulary),
            ("layers", self.layers),
            ("hidden size", self.hidden),
            ("attention heads", self.heads),
            ("key-value heads", self.kv_heads),
            ("head size", self.head),
            ("intermediate size", self.inner),
            ("context", self.context),
        ];
        /// Beyond any model, and small enough that products of two do not overflow.
        const MOST: usize = 1 << 28;
        if let Some((name, size)) = sizes.into_iter().find(|(_, size)| !(1..=MOST).contains(size)) {
            return Err(format!("{name}: {size} is out of range"));
        }
        if !self.heads.is_multiple_of(self.kv_heads) {
            return Err(format!("{} attention heads cannot share {} key-value heads", self.heads, self.kv_heads));
        }
        let width = self.rotation.width;
        if !self.head.is_multiple_of(8) || !width.is_multiple_of(2) || width > self.head {
            return Err(format!("heads of {} numbers, {width} of them rotated, are not served", self.head));
        }
        if self.window == Some(0) || !(self.epsilon > 0.0 && self.epsilon < 1.0) {
            return Err("the attention window or the epsilon of the norms is out of range".to_owned());
        }
        self.rotation.check()
    }
}
