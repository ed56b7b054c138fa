//! What `config.json` and the files beside it say of an encoder.

use std::path::Path;

use serde_json::{Map, Value};

use super::pooling::Pooling;
use crate::error::{Failure, Result};
use crate::local::candle::chosen::config::{Fields, read};

/// The families of encoders, as `model_type` names them.
pub const FAMILIES: [&str; 4] = ["bert", "distilbert", "roberta", "xlm-roberta"];

/// What sizes do not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// BERT (Devlin et al., arXiv:1810.04805).
    Bert,
    /// BERT in half as many layers, without types of tokens (Sanh et al., arXiv:1910.01108).
    DistilBert,
    /// BERT whose positions begin behind the padding token's id (Liu et al., arXiv:1907.11692), in one language or many.
    Roberta,
}

/// What is done between the two linear layers of a feed-forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// GELU by the error function.
    Gelu,
    /// GELU by a hyperbolic tangent.
    GeluTanh,
    /// What is positive.
    Relu,
}

/// The sizes and rules of an encoder.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// The family.
    pub family: Family,
    /// Rows of the embedding, at least the number of tokens.
    pub vocabulary: usize,
    /// Blocks of attention and feed-forward.
    pub layers: usize,
    /// Width of a row.
    pub hidden: usize,
    /// Heads of attention.
    pub heads: usize,
    /// Width inside the feed-forward.
    pub inner: usize,
    /// Rows of the embedding of positions.
    pub positions: usize,
    /// The row of the first position.
    pub first: usize,
    /// Rows of the embedding of types of tokens; 0 where there is none.
    pub types: usize,
    /// Added to the variance of each norm.
    pub epsilon: f32,
    /// What the feed-forward does to its numbers.
    pub activation: Activation,
}

/// What is made of the rows of a text.
#[derive(Debug, Clone, PartialEq)]
pub enum Task {
    /// One vector.
    Embed(Pooling),
    /// The score of a pair of query and document.
    Score {
        /// Whether the score is the share that the logit stands for, between 0 and 1, not the logit itself.
        sigmoid: bool,
    },
}

/// What the files of an encoder say.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The network.
    pub shape: Shape,
    /// What it is for.
    pub task: Task,
    /// Most tokens of a text or pair.
    pub context: usize,
    /// Whether texts are brought to lower case before they become tokens.
    pub lowercase: bool,
}

impl Config {
    /// Reads the description of a folder; `None` where it is of no encoder.
    ///
    /// # Errors
    /// When it cannot be read, lacks a field, or asks for something that is not served.
    pub fn of_folder(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join("config.json");
        let Some(map) = read(&path)? else { return Ok(None) };
        let fields = Fields(&map);
        let family = match fields.text("model_type") {
            Some("bert") => Family::Bert,
            Some("distilbert") => Family::DistilBert,
            Some("roberta" | "xlm-roberta") => Family::Roberta,
            _ => return Ok(None),
        };
        let failed = |why: String| Failure::files(format!("{}: {why}", path.display()));
        let shape = shape(&fields, family).map_err(failed)?;
        shape.check().map_err(failed)?;
        let said = said(folder)?;
        let task = match use_of(&fields).map_err(failed)? {
            Use::Embed => Task::Embed(Pooling::of_folder(folder)?),
            Use::Score => Task::Score { sigmoid: sigmoid(&fields, &said.sentences).map_err(failed)? },
        };
        let longest = match &task {
            Task::Embed(_) => Fields(&said.transformer).maybe("max_seq_length").map_err(failed)?,
            Task::Score { .. } => None,
        };
        // Tokenizers without a bound say 10^30, which is no whole number that fits.
        let longest = longest.or_else(|| Fields(&said.tokenizer).maybe("model_max_length").ok().flatten());
        let most = shape.longest();
        let context = longest.unwrap_or(most).min(most);
        if context == 0 {
            return Err(failed("max_seq_length or model_max_length is 0, so no text would fit".to_owned()));
        }
        Ok(Some(Config { shape, task, context, lowercase: Fields(&said.transformer).flag("do_lower_case") }))
    }
}

/// What stands in the files beside `config.json`; empty where there is none.
struct Said {
    /// `sentence_bert_config.json`, or that of another family.
    transformer: Map<String, Value>,
    /// `config_sentence_transformers.json`.
    sentences: Map<String, Value>,
    /// `tokenizer_config.json`.
    tokenizer: Map<String, Value>,
}

fn said(folder: &Path) -> Result<Said> {
    let file = |name: &str| read(&folder.join(name)).map(Option::unwrap_or_default);
    let mut transformer = Map::new();
    for family in ["bert", "roberta", "distilbert", "xlm-roberta"] {
        if transformer.is_empty() {
            transformer = file(&format!("sentence_{family}_config.json"))?;
        }
    }
    Ok(Said {
        transformer,
        sentences: file("config_sentence_transformers.json")?,
        tokenizer: file("tokenizer_config.json")?,
    })
}

/// What an architecture is for.
enum Use {
    Embed,
    Score,
}

fn use_of(fields: &Fields<'_>) -> std::result::Result<Use, String> {
    let architecture = fields.get("architectures").and_then(|names| names.get(0)).and_then(Value::as_str);
    let Some(name) = architecture else { return Ok(Use::Embed) };
    if name.ends_with("ForSequenceClassification") {
        // transformers counts two where nothing is said.
        let named = fields.get("id2label").and_then(Value::as_object).map(Map::len);
        let labels = named.or(fields.maybe("num_labels")?).unwrap_or(2);
        return match labels {
            1 => Ok(Use::Score),
            _ => Err(format!(
                "id2label: a classifier of {labels} labels is not served, only one of 1 label, which scores a document"
            )),
        };
    }
    // The head of a masked language model is left aside, as sentence-transformers does.
    let plain = ["Model", "ForMaskedLM", "ForPreTraining"].iter().any(|end| name.ends_with(end));
    match plain {
        true => Ok(Use::Embed),
        false => Err(format!(
            "architectures: {name:?} is not served; of encoders those are served that embed, such as BertModel, and \
             that score, such as BertForSequenceClassification"
        )),
    }
}

/// Whether scores are shares, as sentence-transformers and vLLM have it: unless the model says that they are not.
fn sigmoid(fields: &Fields<'_>, sentences: &Map<String, Value>) -> std::result::Result<bool, String> {
    let own = fields.get("sentence_transformers").and_then(|own| own.get("activation_fn")).and_then(Value::as_str);
    let named = own
        .or_else(|| fields.text("sbert_ce_default_activation_function"))
        .or_else(|| Fields(sentences).text("activation_fn"));
    match named.map(|name| name.rsplit('.').next().unwrap_or(name)) {
        None | Some("Sigmoid") => Ok(true),
        Some("Identity") => Ok(false),
        Some(other) => Err(format!("activation_fn: {other:?} is not served; served are Sigmoid and Identity")),
    }
}

fn shape(fields: &Fields<'_>, family: Family) -> std::result::Result<Shape, String> {
    match fields.text("position_embedding_type") {
        None | Some("absolute") => {}
        Some(other) => return Err(format!("position_embedding_type: {other:?} is not served, only absolute")),
    }
    if fields.get("quantization_config").is_some() {
        return Err(
            "quantization_config: quantized encoders are not served; take the model as it was trained".to_owned()
        );
    }
    let distil = family == Family::DistilBert;
    let name = |long: &'static str, short: &'static str| if distil { short } else { long };
    let activation = name("hidden_act", "activation");
    let activation = match fields.text(activation) {
        None | Some("gelu") => Activation::Gelu,
        Some("gelu_new" | "gelu_fast" | "gelu_pytorch_tanh") => Activation::GeluTanh,
        Some("relu") => Activation::Relu,
        Some(other) => {
            return Err(format!("{activation}: {other:?} is not served; served are gelu, gelu_new and relu"));
        }
    };
    let first = match family {
        Family::Roberta => fields.maybe("pad_token_id")?.unwrap_or(1).saturating_add(1),
        _ => 0,
    };
    Ok(Shape {
        family,
        vocabulary: fields.size("vocab_size")?,
        layers: fields.size(name("num_hidden_layers", "n_layers"))?,
        hidden: fields.size(name("hidden_size", "dim"))?,
        heads: fields.size(name("num_attention_heads", "n_heads"))?,
        inner: fields.size(name("intermediate_size", "hidden_dim"))?,
        positions: fields.size("max_position_embeddings")?,
        first,
        types: if distil { 0 } else { fields.maybe("type_vocab_size")?.unwrap_or(2) },
        epsilon: fields.number("layer_norm_eps").unwrap_or(1e-12) as f32,
        activation,
    })
}

impl Shape {
    /// Width of a head.
    pub fn head(&self) -> usize {
        self.hidden / self.heads
    }

    /// Most tokens that there are positions for.
    pub fn longest(&self) -> usize {
        self.positions.saturating_sub(self.first)
    }

    /// Says what makes this no network, in words.
    ///
    /// # Errors
    /// When a size is nothing or two do not go together.
    pub fn check(&self) -> std::result::Result<(), String> {
        let sizes = [
            ("vocabulary", self.vocabulary),
            ("layers", self.layers),
            ("hidden size", self.hidden),
            ("attention heads", self.heads),
            ("intermediate size", self.inner),
            ("positions", self.longest()),
        ];
        /// Beyond any model, and small enough that products of two do not overflow.
        const MOST: usize = 1 << 28;
        if let Some((name, size)) = sizes.into_iter().find(|(_, size)| !(1..=MOST).contains(size)) {
            return Err(format!("{name}: {size} is out of range"));
        }
        if self.types > MOST {
            return Err(format!("type_vocab_size: {} is out of range", self.types));
        }
        if !self.hidden.is_multiple_of(self.heads) {
            return Err(format!("{} heads cannot share a hidden size of {}", self.heads, self.hidden));
        }
        if !(self.epsilon > 0.0 && self.epsilon < 1.0) {
            return Err("layer_norm_eps: must be above 0 and below 1".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    type Outcome<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

    fn described(extra: Value, beside: &[(&str, Value)]) -> Outcome<Result<Option<Config>>> {
        let mut config = json!({"model_type": "bert", "architectures": ["BertModel"], "hidden_size": 32,
            "num_attention_heads": 4, "num_hidden_layers": 2, "intermediate_size": 64, "vocab_size": 100,
            "max_position_embeddings": 64, "type_vocab_size": 2});
        if let (Value::Object(config), Value::Object(extra)) = (&mut config, extra) {
            config.extend(extra);
        }
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("config.json"), config.to_string())?;
        for (name, content) in beside {
            std::fs::write(folder.path().join(name), content.to_string())?;
        }
        Ok(Config::of_folder(folder.path()))
    }

    #[test]
    fn the_length_of_a_text_is_what_the_files_agree_on() -> Outcome {
        let length = |value: u64| [("sentence_bert_config.json", json!({"max_seq_length": value}))];
        let tokenizer = |value: Value| ("tokenizer_config.json", json!({"model_max_length": value}));
        let roberta = || json!({"model_type": "xlm-roberta", "max_position_embeddings": 66, "pad_token_id": 1});
        let context = |extra: Value, beside: &[(&str, Value)]| -> Outcome<usize> {
            Ok(described(extra, beside)??.ok_or("no encoder")?.context)
        };
        assert_eq!(context(json!({}), &[])?, 64);
        assert_eq!(context(json!({}), &length(16))?, 16);
        assert_eq!(context(json!({}), &length(512))?, 64);
        assert_eq!(context(json!({}), &[tokenizer(json!(32))])?, 32);
        assert_eq!(context(json!({}), &[tokenizer(json!(1e30))])?, 64);
        assert_eq!(context(json!({}), &[length(48)[0].clone(), tokenizer(json!(32))])?, 48);
        assert_eq!(context(roberta(), &[])?, 64);
        Ok(())
    }

    #[test]
    fn scores_are_shares_unless_the_model_says_otherwise() -> Outcome {
        let ranker = |extra: Value| {
            let mut all = json!({"architectures": ["BertForSequenceClassification"], "id2label": {"0": "LABEL_0"}});
            if let (Value::Object(all), Value::Object(extra)) = (&mut all, extra) {
                all.extend(extra);
            }
            all
        };
        let identity = "torch.nn.modules.linear.Identity";
        for (extra, expected) in [
            (json!({}), true),
            (json!({"sbert_ce_default_activation_function": identity}), false),
            (json!({"sentence_transformers": {"activation_fn": identity}}), false),
            (json!({"sentence_transformers": {"activation_fn": "torch.nn.modules.activation.Sigmoid"}}), true),
        ] {
            let config = described(ranker(extra.clone()), &[])??.ok_or("no encoder")?;
            assert_eq!(config.task, Task::Score { sigmoid: expected }, "{extra}");
        }
        Ok(())
    }

    #[test]
    fn what_is_wrong_is_named() -> Outcome {
        assert!(described(json!({"model_type": "llama"}), &[])??.is_none());
        let classifier =
            |labels: Value| json!({"architectures": ["BertForSequenceClassification"], "id2label": labels});
        for (extra, words) in [
            (json!({"hidden_size": null}), "hidden_size is missing"),
            (json!({"hidden_size": 30}), "4 heads cannot share a hidden size of 30"),
            (json!({"num_attention_heads": 0}), "attention heads: 0 is out of range"),
            (json!({"model_type": "distilbert"}), "n_layers is missing"),
            (json!({"model_type": "roberta", "max_position_embeddings": 2}), "positions: 0 is out of range"),
            (json!({"position_embedding_type": "relative_key"}), "\"relative_key\" is not served"),
            (json!({"hidden_act": "silu"}), "hidden_act: \"silu\" is not served"),
            (json!({"layer_norm_eps": 0}), "layer_norm_eps: must be above 0"),
            (json!({"quantization_config": {}}), "quantized encoders are not served"),
            (json!({"architectures": ["BertForTokenClassification"]}), "\"BertForTokenClassification\" is not served"),
            (classifier(json!({"0": "a", "1": "b", "2": "c"})), "a classifier of 3 labels"),
            (classifier(json!(null)), "a classifier of 2 labels"),
        ] {
            let failure = described(extra, &[])?.err().ok_or("read")?;
            assert!(failure.message.contains(words), "{failure}");
        }
        let none = described(json!({}), &[("sentence_bert_config.json", json!({"max_seq_length": 0}))])?.err();
        assert!(none.is_some_and(|failure| failure.message.contains("no text would fit")));
        Ok(())
    }
}
