//! The models whose weights are drawn, by name.

use super::config::{Biases, Rotation, Scaling, Shape};
use super::encoder;
use super::kernel::Kind;
use crate::error::{Failure, Result, known};

/// What a name begins with when weights are to be drawn.
pub const PREFIX: &str = "random:";

/// The sizes of a model that is known by name.
struct Model {
    name: &'static str,
    /// Rows of the embedding; those of the tokenizer where 0.
    vocabulary: usize,
    layers: usize,
    hidden: usize,
    heads: usize,
    kv_heads: usize,
    head: usize,
    inner: usize,
    context: usize,
    family: Family,
    tied: bool,
}

/// What sizes do not tell.
#[derive(Clone, Copy, PartialEq)]
enum Family {
    /// Our own: as Llama, with the first rotations and in 32 bits.
    Own,
    /// With Llama 3's rotations, stretched by so much.
    Llama(f64),
    Mistral,
    Phi3,
    Qwen2,
    Qwen3,
}

#[rustfmt::skip]
const MODELS: [Model; 14] = [
    Model { name: "tiny", vocabulary: 0, layers: 2, hidden: 64, heads: 4, kv_heads: 2, head: 16, inner: 192, context: 8192, family: Family::Own, tied: false },
    Model { name: "small", vocabulary: 0, layers: 4, hidden: 256, heads: 8, kv_heads: 2, head: 32, inner: 704, context: 8192, family: Family::Own, tied: false },
    Model { name: "qwen2.5-0.5b", vocabulary: 151_936, layers: 24, hidden: 896, heads: 14, kv_heads: 2, head: 64, inner: 4864, context: 32_768, family: Family::Qwen2, tied: true },
    Model { name: "qwen2.5-1.5b", vocabulary: 151_936, layers: 28, hidden: 1536, heads: 12, kv_heads: 2, head: 128, inner: 8960, context: 32_768, family: Family::Qwen2, tied: true },
    Model { name: "qwen2.5-7b", vocabulary: 152_064, layers: 28, hidden: 3584, heads: 28, kv_heads: 4, head: 128, inner: 18_944, context: 32_768, family: Family::Qwen2, tied: false },
    Model { name: "qwen3-0.6b", vocabulary: 151_936, layers: 28, hidden: 1024, heads: 16, kv_heads: 8, head: 128, inner: 3072, context: 40_960, family: Family::Qwen3, tied: true },
    Model { name: "qwen3-1.7b", vocabulary: 151_936, layers: 28, hidden: 2048, heads: 16, kv_heads: 8, head: 128, inner: 6144, context: 40_960, family: Family::Qwen3, tied: true },
    Model { name: "qwen3-4b", vocabulary: 151_936, layers: 36, hidden: 2560, heads: 32, kv_heads: 8, head: 128, inner: 9728, context: 40_960, family: Family::Qwen3, tied: true },
    Model { name: "qwen3-8b", vocabulary: 151_936, layers: 36, hidden: 4096, heads: 32, kv_heads: 8, head: 128, inner: 12_288, context: 40_960, family: Family::Qwen3, tied: false },
    Model { name: "llama-3.2-1b", vocabulary: 128_256, layers: 16, hidden: 2048, heads: 32, kv_heads: 8, head: 64, inner: 8192, context: 131_072, family: Family::Llama(32.0), tied: true },
    Model { name: "llama-3.2-3b", vocabulary: 128_256, layers: 28, hidden: 3072, heads: 24, kv_heads: 8, head: 128, inner: 8192, context: 131_072, family: Family::Llama(32.0), tied: true },
    Model { name: "llama-3.1-8b", vocabulary: 128_256, layers: 32, hidden: 4096, heads: 32, kv_heads: 8, head: 128, inner: 14_336, context: 131_072, family: Family::Llama(8.0), tied: false },
    Model { name: "mistral-7b", vocabulary: 32_768, layers: 32, hidden: 4096, heads: 32, kv_heads: 8, head: 128, inner: 14_336, context: 32_768, family: Family::Mistral, tied: false },
    Model { name: "phi-3-mini", vocabulary: 32_064, layers: 32, hidden: 3072, heads: 32, kv_heads: 32, head: 96, inner: 8192, context: 4096, family: Family::Phi3, tied: false },
];

/// An encoder that is known by name: with the sizes of the model that it is named after, and whether it scores pairs.
const ENCODERS: [(&str, bool); 2] = [("minilm", false), ("minilm-reranker", true)];

/// What the files of an encoder would say: all-MiniLM-L6-v2, or the model of the same sizes that ranks passages of MS
/// MARCO. `None` where there is none of that name.
pub fn encoder(name: &str) -> Option<encoder::Config> {
    let bare = name.strip_prefix(PREFIX)?;
    let (_, scores) = ENCODERS.iter().find(|(known, _)| *known == bare)?;
    let shape = encoder::Shape {
        family: encoder::Family::Bert,
        vocabulary: 30_522,
        layers: 6,
        hidden: 384,
        heads: 12,
        inner: 1536,
        positions: 512,
        first: 0,
        types: 2,
        epsilon: 1e-12,
        activation: encoder::Activation::Gelu,
    };
    let (task, context) = match scores {
        true => (encoder::Task::Score { sigmoid: true }, 512),
        false => (encoder::Task::Embed(encoder::Pooling::mean(true)), 256),
    };
    Some(encoder::Config { shape, task, context, lowercase: false })
}

/// The shape of a model, and the kind that its weights are drawn in where nothing else is asked for. `tokens` is the size
/// of the tokenizer's vocabulary.
///
/// # Errors
/// When there is no model of that name.
pub fn find(name: &str, tokens: usize) -> Result<(Shape, Kind)> {
    let bare = name.strip_prefix(PREFIX).unwrap_or(name);
    let model = MODELS.iter().find(|model| model.name == bare).ok_or_else(|| {
        Failure::usage(format!("--model {name}: there is no model of this name to be drawn")).hint(hint())
    })?;
    let kind = if model.family == Family::Own { Kind::F32 } else { Kind::BF16 };
    Ok((model.shape(tokens), kind))
}

/// What may be given as a model.
pub fn hint() -> String {
    let all = MODELS.iter().map(|model| model.name).chain(ENCODERS.map(|(name, _)| name));
    let names = known(all.map(|name| format!("{PREFIX}{name}")));
    format!(
        "give a folder as on Hugging Face, a GGUF file, or one of {names}; to load a server instead, give its address with --url"
    )
}

impl Model {
    fn shape(&self, tokens: usize) -> Shape {
        let scaling = match self.family {
            Family::Llama(factor) => Scaling::Llama3 { factor, low: 1.0, high: 4.0, original: 8192.0 },
            _ => Scaling::None,
        };
        let base = match self.family {
            Family::Own | Family::Phi3 => 10_000.0,
            Family::Llama(_) => 500_000.0,
            Family::Mistral | Family::Qwen2 | Family::Qwen3 => 1_000_000.0,
        };
        let epsilon = if matches!(self.family, Family::Own | Family::Qwen2 | Family::Qwen3) { 1e-6 } else { 1e-5 };
        Shape {
            vocabulary: if self.vocabulary == 0 { tokens } else { self.vocabulary },
            layers: self.layers,
            hidden: self.hidden,
            heads: self.heads,
            kv_heads: self.kv_heads,
            head: self.head,
            inner: self.inner,
            context: self.context,
            epsilon,
            rotation: Rotation { width: self.head, base, interleaved: false, scaling },
            window: None,
            windowed_from: 0,
            biases: Biases { asking: self.family == Family::Qwen2, ..Biases::default() },
            head_norms: self.family == Family::Qwen3,
            tied: self.tied,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_is_refused_with_the_known_ones() {
        let failure = find("random:llama", 10).err();
        let text = failure.map(|failure| format!("{failure} {}", failure.hint.as_deref().unwrap_or("")));
        let words = ["--model random:llama", "random:tiny, random:small", "random:qwen2.5-0.5b"];
        assert!(text.is_some_and(|text| words.iter().all(|words| text.contains(words))));
    }

    #[test]
    fn shapes_are_networks() -> std::result::Result<(), String> {
        MODELS.iter().try_for_each(|model| model.shape(300).check())
    }

    #[test]
    fn encoders_are_networks_with_the_weights_of_their_models() -> std::result::Result<(), String> {
        for (name, _) in ENCODERS {
            let config = encoder(&format!("{PREFIX}{name}")).ok_or(name)?;
            let encoder::Shape { hidden, inner, layers, vocabulary, positions, types, .. } = config.shape;
            config.shape.check()?;
            let norms = 2 * hidden;
            let layer = 4 * (hidden + 1) * hidden + (hidden + 1) * inner + (inner + 1) * hidden + 2 * norms;
            // As the cards have it: 22.7 million.
            let all = (vocabulary + positions + types) * hidden + norms + layers * layer;
            assert_eq!(all / 100_000, 225, "{name}");
        }
        assert!(encoder("random:tiny").is_none() && encoder("minilm").is_none());
        Ok(())
    }

    #[test]
    fn numbers_of_weights_are_those_of_the_models() {
        // As their cards have them, in millions.
        for (name, expected) in
            [("qwen2.5-0.5b", 494.0), ("qwen3-0.6b", 596.0), ("llama-3.2-1b", 1236.0), ("phi-3-mini", 3821.0)]
        {
            let weights = find(name, 0).map(|(shape, _)| {
                let heads = shape.hidden * (2 * shape.asking() + 2 * shape.asked());
                let layer = heads + 3 * shape.hidden * shape.inner;
                shape.layers * layer + shape.vocabulary * shape.hidden * if shape.tied { 1 } else { 2 }
            });
            // But for those of norms and biases.
            assert!(weights.is_ok_and(|weights| (weights as f64 / 1e6 - expected).abs() < 1.0), "{name}");
        }
    }
}
