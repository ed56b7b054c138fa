//! The settings of a GGUF file, as llama.cpp names them.

use serde_json::{Map, Value};

use super::folder::Config;
use super::rotation::{Rotation, Scaling, sharpened};
use super::shape::{Biases, Shape};
use crate::error::{Failure, Result, known};
use crate::local::candle::chosen::checkpoint::{Checkpoint, Gguf};

/// The families of decoders, as `general.architecture` names them. Mistral's files say `llama`.
const FAMILIES: [&str; 4] = ["llama", "phi3", "qwen2", "qwen3"];

/// Reads the description of a decoder in a file. `context` is the context that is
/// asked for, where one is; rotations may be stretched by it.
///
/// # Errors
/// When it is of another family, lacks a setting, or asks for something that is not served.
pub fn of_file(gguf: &Gguf, context: Option<usize>) -> Result<Config> {
    let failed = |why: String| Failure::files(format!("{}: {why}", gguf.checkpoint.place()));
    let family = gguf.text("general.architecture").unwrap_or_default();
    if !FAMILIES.contains(&family) {
        return Err(failed(format!("general.architecture: {family:?} is not served"))
            .hint(format!("served are {}", known(FAMILIES))));
    }
    let shape = shape(gguf, family, context).map_err(failed)?;
    shape.check().map_err(failed)?;
    let named = ["eos", "eot", "eom"].map(|name| format!("tokenizer.ggml.{name}_token_id"));
    let ends = named.iter().filter_map(|name| u32::try_from(gguf.settings.get(name)?.as_u64()?).ok()).collect();
    Ok(Config { shape, ends, generation: Map::new() })
}

fn shape(gguf: &Gguf, family: &str, context: Option<usize>) -> std::result::Result<Shape, String> {
    let setting = |name: &str| gguf.settings.get(&format!("{family}.{name}"));
    let maybe = |name: &str| -> std::result::Result<Option<usize>, String> {
        let size = |value: &Value| value.as_u64().and_then(|size| usize::try_from(size).ok());
        let wrong = || format!("{family}.{name} must be one whole number");
        setting(name).map(|value| size(value).ok_or_else(wrong)).transpose()
    };
    let size = |name: &str| maybe(name)?.ok_or_else(|| format!("{family}.{name} is missing"));
    let heads = size("attention.head_count")?;
    let hidden = size("embedding_length")?;
    let head = match maybe("attention.key_length")? {
        Some(head) => head,
        None if heads > 0 && hidden.is_multiple_of(heads) => hidden / heads,
        None => return Err(format!("{heads} heads cannot share a hidden size of {hidden}")),
    };
    let trained = size("context_length")?;
    let context = context.unwrap_or(trained);
    let has = |name: &str| gguf.checkpoint.has(name);
    let embedding = gguf.checkpoint.dims("token_embd.weight").ok_or("the tensor token_embd.weight is missing")?;
    let number = |name: &str| setting(name).and_then(Value::as_f64);
    let rotated = maybe("rope.dimension_count")?.unwrap_or(head);
    let scaling = scaling(gguf, &number, setting("rope.scaling.type").and_then(Value::as_str), (trained, context))?;
    Ok(Shape {
        vocabulary: *embedding.first().ok_or("token_embd.weight has no size")?,
        layers: size("block_count")?,
        hidden,
        heads,
        kv_heads: maybe("attention.head_count_kv")?.unwrap_or(heads),
        head,
        inner: size("feed_forward_length")?,
        context: trained,
        epsilon: number("attention.layer_norm_rms_epsilon").unwrap_or(1e-6) as f32,
        rotation: Rotation {
            width: rotated,
            base: number("rope.freq_base").unwrap_or(10_000.0),
            interleaved: family == "llama",
            scaling,
        },
        window: maybe("attention.sliding_window")?.filter(|window| *window > 0),
        windowed_from: 0,
        biases: Biases {
            asking: has("blk.0.attn_q.bias"),
            mixing: has("blk.0.attn_output.bias"),
            inner: has("blk.0.ffn_up.bias"),
        },
        head_norms: has("blk.0.attn_q_norm.weight"),
        tied: !has("output.weight"),
    })
}

fn scaling(
    gguf: &Gguf,
    number: &dyn Fn(&str) -> Option<f64>,
    type_: Option<&str>,
    (trained, context): (usize, usize),
) -> std::result::Result<Scaling, String> {
    let original = number("rope.scaling.original_context_length").unwrap_or(trained as f64);
    let attention = number("rope.scaling.attn_factor").unwrap_or(1.0);
    // Llama 3 and LongRoPE have their factors computed beforehand, as tensors.
    let long = if context as f64 > original { "rope_factors_long.weight" } else { "rope_factors_short.weight" };
    if let Some(name) = ["rope_freqs.weight", long].into_iter().find(|name| gguf.checkpoint.has(name)) {
        let factors = factors(&gguf.checkpoint, name)?;
        return Ok(Scaling::Each { factors, attention });
    }
    let factor = || number("rope.scaling.factor").ok_or("rope.scaling.factor is missing");
    Ok(match type_ {
        None | Some("none") => Scaling::None,
        Some("linear") => Scaling::Linear { factor: factor()? },
        Some("yarn") => {
            let factor = factor()?;
            let attention = attention * sharpened(factor, 1.0);
            Scaling::Yarn { factor, fast: 32.0, slow: 1.0, original, attention }
        }
        Some(other) => {
            return Err(format!("rope.scaling.type: {other:?} is not served; served are none, linear and yarn"));
        }
    })
}

/// The numbers of a small tensor.
fn factors(checkpoint: &Checkpoint, name: &str) -> std::result::Result<Vec<f64>, String> {
    let dims = checkpoint.dims(name).unwrap_or_default().to_vec();
    let stored = checkpoint.take(name, &dims).map_err(|failure| failure.to_string())?;
    let numbers = stored.bytes.as_chunks::<4>().0;
    Ok(numbers.iter().map(|number| f64::from(f32::from_le_bytes(*number))).collect())
}
