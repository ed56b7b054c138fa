//! `config.json` and `generation_config.json`, as Hugging Face has them.

use std::path::Path;

use serde_json::{Map, Value};

use super::rotation::{Rotation, Scaling, sharpened};
use super::shape::{Biases, Shape};
use crate::error::{Failure, Result, known};
use crate::local::candle::chosen::encoder;

/// What the description of a decoder says.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Its network.
    pub shape: Shape,
    /// Tokens that end a reply.
    pub ends: Vec<u32>,
    /// How replies are drawn where the request does not say: `generation_config.json`, as it stands.
    pub generation: Map<String, Value>,
}

/// The families of decoders, as `model_type` names them.
const FAMILIES: [&str; 5] = ["llama", "mistral", "phi3", "qwen2", "qwen3"];

/// Reads the description of a decoder in a folder. `context` is the context that is
/// asked for, where one is; rotations may be stretched by it.
///
/// # Errors
/// When it cannot be read, is of another family, lacks a field, or asks for something that is not served.
pub fn of_folder(folder: &Path, context: Option<usize>) -> Result<Config> {
    let path = folder.join("config.json");
    let map = read(&path)?.ok_or_else(|| {
        Failure::files(format!("{}: is not there", path.display()))
            .hint("give a folder as on Hugging Face: config.json, tokenizer.json and safetensors weights")
    })?;
    let failed = |why: String| Failure::files(format!("{}: {why}", path.display()));
    let fields = Fields(&map);
    let family = fields.text("model_type").unwrap_or_default();
    if !FAMILIES.contains(&family) {
        let hint =
            format!("served are {} to write, {} to embed and to rank", known(FAMILIES), known(encoder::FAMILIES));
        return Err(failed(format!("model_type: {family:?} is not served")).hint(hint));
    }
    let shape = shape(&fields, family, context).map_err(failed)?;
    shape.check().map_err(failed)?;
    let generation = read(&folder.join("generation_config.json"))?.unwrap_or_default();
    let mut ends = fields.ids("eos_token_id").map_err(failed)?;
    ends.extend(Fields(&generation).ids("eos_token_id").map_err(failed)?);
    ends.sort_unstable();
    ends.dedup();
    Ok(Config { shape, ends, generation })
}

/// A JSON object in a file; `None` where there is no such file.
pub fn read(path: &Path) -> Result<Option<Map<String, Value>>> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::files(format!("{}: cannot be read", path.display())).because(error)),
    };
    let map = serde_json::from_slice(&text);
    map.map(Some).map_err(|error| Failure::files(format!("{}: not a JSON object", path.display())).because(error))
}

fn shape(fields: &Fields<'_>, family: &str, context: Option<usize>) -> std::result::Result<Shape, String> {
    if fields.get("quantization_config").is_some() {
        return Err("quantization_config: quantized safetensors are not served; take the model as GGUF".to_owned());
    }
    match fields.text("hidden_act") {
        None | Some("silu") => {}
        Some(other) => return Err(format!("hidden_act: {other:?} is not served, only silu")),
    }
    let heads = fields.size("num_attention_heads")?;
    let hidden = fields.size("hidden_size")?;
    let layers = fields.size("num_hidden_layers")?;
    let head = match fields.maybe("head_dim")? {
        Some(head) => head,
        None if heads > 0 && hidden.is_multiple_of(heads) => hidden / heads,
        None => return Err(format!("{heads} heads cannot share a hidden size of {hidden}")),
    };
    let trained = fields.size("max_position_embeddings")?;
    let context = context.unwrap_or(trained);
    let attention_bias = fields.flag("attention_bias");
    let windows = family == "mistral" || family == "phi3" || fields.flag("use_sliding_window");
    let windowed_from =
        if family.starts_with("qwen") { fields.maybe("max_window_layers")?.unwrap_or(layers) } else { 0 };
    Ok(Shape {
        vocabulary: fields.size("vocab_size")?,
        layers,
        hidden,
        heads,
        kv_heads: fields.maybe("num_key_value_heads")?.unwrap_or(heads),
        head,
        inner: fields.size("intermediate_size")?,
        context: trained,
        epsilon: fields.number("rms_norm_eps").unwrap_or(1e-6) as f32,
        rotation: rotation(fields, head, trained, context)?,
        window: if windows { fields.maybe("sliding_window")? } else { None },
        windowed_from,
        biases: Biases {
            asking: family == "qwen2" || attention_bias,
            mixing: attention_bias,
            inner: family == "llama" && fields.flag("mlp_bias"),
        },
        head_norms: family == "qwen3",
        tied: fields.flag("tie_word_embeddings"),
    })
}

/// Rotations as older descriptions have them (`rope_theta` and `rope_scaling`) or newer ones (`rope_parameters`).
fn rotation(fields: &Fields<'_>, head: usize, trained: usize, context: usize) -> std::result::Result<Rotation, String> {
    let nothing = Map::new();
    let inner = ["rope_parameters", "rope_scaling"].into_iter().find_map(|name| fields.get(name)?.as_object());
    let rope = Fields(inner.unwrap_or(&nothing));
    let either = |name: &str| rope.number(name).or_else(|| fields.number(name));
    let share = either("partial_rotary_factor").unwrap_or(1.0);
    let width = (head as f64 * share) as usize;
    let base = either("rope_theta").unwrap_or(10_000.0);
    let original = either("original_max_position_embeddings").unwrap_or(trained as f64);
    let asked = |name: &str| rope.number(name).ok_or_else(|| format!("rope scaling: {name} is missing"));
    let scaling = match rope.text("rope_type").or_else(|| rope.text("type")).unwrap_or("default") {
        "default" => Scaling::None,
        "linear" => Scaling::Linear { factor: asked("factor")? },
        "llama3" => Scaling::Llama3 {
            factor: asked("factor")?,
            low: asked("low_freq_factor")?,
            high: asked("high_freq_factor")?,
            original,
        },
        "yarn" => {
            let factor = asked("factor")?;
            let inferred = match (rope.number("mscale"), rope.number("mscale_all_dim")) {
                (Some(scale), Some(all)) => sharpened(factor, scale) / sharpened(factor, all),
                _ => sharpened(factor, 1.0),
            };
            Scaling::Yarn {
                factor,
                fast: rope.number("beta_fast").unwrap_or(32.0),
                slow: rope.number("beta_slow").unwrap_or(1.0),
                original,
                attention: rope.number("attention_factor").unwrap_or(inferred),
            }
        }
        // One set of factors for the whole run, so that what is remembered of a sequence stays right when it grows.
        "longrope" | "su" => {
            let name = if context as f64 > original { "long_factor" } else { "short_factor" };
            let factors =
                rope.get(name).and_then(Value::as_array).ok_or_else(|| format!("rope scaling: {name} is missing"))?;
            let stretched = trained as f64 / original;
            let inferred = if stretched <= 1.0 { 1.0 } else { (1.0 + stretched.ln() / original.ln()).sqrt() };
            Scaling::Each {
                factors: factors.iter().map(|factor| factor.as_f64().unwrap_or(f64::NAN)).collect(),
                attention: rope.number("attention_factor").unwrap_or(inferred),
            }
        }
        other => {
            return Err(format!(
                "rope scaling of the type {other:?} is not served; served are default, linear, llama3, longrope and yarn"
            ));
        }
    };
    Ok(Rotation { width, base, interleaved: false, scaling })
}

/// The fields of an object; one that is null counts as left out.
pub struct Fields<'a>(pub &'a Map<String, Value>);

impl<'a> Fields<'a> {
    /// A field.
    pub fn get(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A text; `None` where it is something else.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.get(name)?.as_str()
    }

    /// A truth value; false where it is something else.
    pub fn flag(&self, name: &str) -> bool {
        self.get(name).and_then(Value::as_bool).unwrap_or(false)
    }

    /// A number; `None` where it is something else.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.get(name)?.as_f64()
    }

    /// A whole number, where there is one.
    ///
    /// # Errors
    /// In words, when it is something else.
    pub fn maybe(&self, name: &str) -> std::result::Result<Option<usize>, String> {
        let size = |value: &Value| value.as_u64().and_then(|size| usize::try_from(size).ok());
        let wrong = || format!("{name} must be a whole number");
        self.get(name).map(|value| size(value).ok_or_else(wrong)).transpose()
    }

    /// A whole number.
    ///
    /// # Errors
    /// In words, when it is missing or something else.
    pub fn size(&self, name: &str) -> std::result::Result<usize, String> {
        self.maybe(name)?.ok_or_else(|| format!("{name} is missing"))
    }

    /// One id or a list of them.
    fn ids(&self, name: &str) -> std::result::Result<Vec<u32>, String> {
        let wrong = || format!("{name} must be a token id or a list of them");
        let id = |value: &Value| value.as_u64().and_then(|id| u32::try_from(id).ok()).ok_or_else(wrong);
        match self.get(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(list)) => list.iter().map(id).collect(),
            Some(value) => id(value).map(|id| vec![id]),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn described(extra: Value) -> std::result::Result<Result<Config>, Box<dyn std::error::Error>> {
        let mut config = json!({"model_type": "llama", "hidden_size": 64, "num_attention_heads": 4,
            "num_key_value_heads": 2, "num_hidden_layers": 3, "intermediate_size": 96, "vocab_size": 256,
            "max_position_embeddings": 512, "rms_norm_eps": 1e-5, "eos_token_id": [2, 3]});
        if let (Value::Object(config), Value::Object(extra)) = (&mut config, extra) {
            config.extend(extra);
        }
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("config.json"), config.to_string())?;
        std::fs::write(folder.path().join("generation_config.json"), r#"{"eos_token_id": 7, "top_k": 20}"#)?;
        Ok(of_folder(folder.path(), None))
    }

    #[test]
    fn families_differ_where_they_do() -> std::result::Result<(), Box<dyn std::error::Error>> {
        let llama = described(json!({}))??;
        assert_eq!((llama.shape.head, llama.ends, llama.shape.window(0)), (16, vec![2, 3, 7], None));
        assert_eq!(llama.generation["top_k"], 20);
        let qwen = described(json!({"model_type": "qwen2", "use_sliding_window": true, "sliding_window": 9,
            "max_window_layers": 2, "tie_word_embeddings": true}))??;
        assert_eq!((qwen.shape.window(1), qwen.shape.window(2), qwen.shape.tied), (None, Some(9), true));
        assert!(qwen.shape.biases == Biases { asking: true, ..Biases::default() });
        let mistral = described(json!({"model_type": "mistral", "sliding_window": 5, "head_dim": 32}))??;
        assert_eq!((mistral.shape.window(0), mistral.shape.head), (Some(5), 32));
        let phi = described(json!({"model_type": "phi3", "partial_rotary_factor": 0.5}))??;
        assert_eq!(phi.shape.rotation.width, 8);
        let scaled = described(json!({"rope_theta": 500000.0, "rope_scaling": {"rope_type": "llama3", "factor": 8.0,
            "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64}}))??;
        assert_eq!(scaled.shape.rotation.base, 500_000.0);
        assert!(matches!(scaled.shape.rotation.scaling, Scaling::Llama3 { original: 64.0, .. }));
        Ok(())
    }

    #[test]
    fn what_is_wrong_is_named() -> std::result::Result<(), Box<dyn std::error::Error>> {
        for (extra, words) in [
            (json!({"model_type": "gpt2"}), "model_type: \"gpt2\" is not served"),
            (json!({"hidden_size": null}), "hidden_size is missing"),
            (json!({"hidden_size": "wide"}), "hidden_size must be a whole number"),
            (json!({"hidden_size": 65}), "4 heads cannot share a hidden size of 65"),
            (json!({"num_attention_heads": 0}), "0 heads cannot share"),
            (json!({"num_key_value_heads": 3}), "4 attention heads cannot share 3 key-value heads"),
            (json!({"vocab_size": 99999999999u64}), "vocabulary: 99999999999 is out of range"),
            (json!({"hidden_act": "gelu"}), "hidden_act: \"gelu\" is not served"),
            (json!({"quantization_config": {}}), "take the model as GGUF"),
            (json!({"rope_scaling": {"type": "dynamic", "factor": 2.0}}), "\"dynamic\" is not served"),
            (json!({"rope_scaling": {"type": "longrope"}}), "short_factor is missing"),
            (json!({"rope_scaling": {"type": "linear", "factor": -1.0}}), "must be positive numbers"),
            (json!({"eos_token_id": "end"}), "eos_token_id must be a token id"),
        ] {
            let failure = described(extra)?.err().ok_or("read")?;
            assert!(failure.message.contains(words), "{failure}");
        }
        Ok(())
    }
}
