//! The tokenizer as Python's `transformers` presents it to other tools, which differs from `tokenizer.json` alone.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Map, Value};

use crate::error::{Failure, Result};
use crate::tokenizer::Tokenizer;

/// Special tokens that have a name; `all_special_ids` holds these and the additional ones, not every special token.
const NAMED: [&str; 7] = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];
/// Lists, or tables by name, of additional ones; the second name is that of `transformers` 5.
const ADDITIONAL: [&str; 2] = ["additional_special_tokens", "extra_special_tokens"];
/// What `clean_up_tokenization_spaces` replaces in a decoded text, in this order.
const CLEANED: [(&str, &str); 10] = [
    (" .", "."),
    (" ?", "?"),
    (" !", "!"),
    (" ,", ","),
    (" ' ", "'"),
    (" n't", "n't"),
    (" 'm", "'m"),
    (" 's", "'s"),
    (" 've", "'ve"),
    (" 're", "'re"),
];

/// A tokenizer with what the files beside it say. Without them every token that `tokenizer.json` calls special is one.
pub(super) struct Coder {
    tokenizer: Tokenizer,
    special: BTreeSet<u32>,
    clean: bool,
}

impl Coder {
    /// Reads `tokenizer_config.json` and `special_tokens_map.json` beside the tokenizer.
    pub(super) fn new(tokenizer: Tokenizer, path: Option<&Path>) -> Result<Self> {
        let folder = path.map(|path| if path.is_dir() { path } else { path.parent().unwrap_or(path) });
        let read = |name| folder.map_or(Ok(None), |folder| read(&folder.join(name)));
        let (config, map) = (read("tokenizer_config.json")?, read("special_tokens_map.json")?);
        let clean = config.as_ref().and_then(|config| config.get("clean_up_tokenization_spaces"));
        let clean = clean == Some(&Value::Bool(true));
        let special = if config.is_none() && map.is_none() {
            (0..u32::try_from(tokenizer.vocab_size()).unwrap_or(u32::MAX))
                .filter(|id| tokenizer.is_special(*id))
                .collect()
        } else {
            let (config, map) = (config.unwrap_or_default(), map.unwrap_or_default());
            let stated = |name: &str| config.get(name).filter(|value| !value.is_null()).or_else(|| map.get(name));
            let named = NAMED.iter().filter_map(|name| stated(name));
            let additional = ADDITIONAL.iter().filter_map(|name| stated(name)).flat_map(|value| match value {
                Value::Array(list) => list.iter().collect::<Vec<_>>(),
                Value::Object(table) => table.values().collect(),
                _ => Vec::new(),
            });
            named.chain(additional).filter_map(spelling).filter_map(|text| tokenizer.id_of(text)).collect()
        };
        Ok(Coder { tokenizer, special, clean })
    }

    /// Where the tokenizer came from.
    pub(super) fn name(&self) -> &str {
        self.tokenizer.name()
    }

    /// `vocab_size`: number of ids without added tokens.
    pub(super) fn base(&self) -> u32 {
        u32::try_from(self.tokenizer.base_vocab_size()).unwrap_or(u32::MAX)
    }

    /// `len(tokenizer)`: number of ids with added tokens.
    pub(super) fn full(&self) -> u32 {
        u32::try_from(self.tokenizer.vocab_size()).unwrap_or(u32::MAX)
    }

    /// Whether an id is in `all_special_ids`.
    pub(super) fn is_special(&self, id: u32) -> bool {
        self.special.contains(&id)
    }

    /// `num_special_tokens_to_add()`: how many ids a plain `encode` puts around a text.
    pub(super) fn around(&self) -> u32 {
        u32::try_from(self.tokenizer.special_tokens_around()).unwrap_or(u32::MAX)
    }

    /// Spelling of an id.
    pub(super) fn spelling(&self, id: u32) -> Option<String> {
        self.tokenizer.spelling(id)
    }

    /// `decode(ids)`.
    pub(super) fn decode(&self, ids: &[u32]) -> Result<String> {
        let text = self.tokenizer.decode(ids)?;
        Ok(if self.clean { CLEANED.iter().fold(text, |text, (from, to)| text.replace(from, to)) } else { text })
    }

    /// `encode(text, add_special_tokens=False)`.
    pub(super) fn encode(&self, text: &str) -> Result<Vec<u32>> {
        self.tokenizer.encode(text)
    }
}

/// How a special token is spelled: a text, or an object with its `content`.
fn spelling(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value.get("content")?.as_str())
}

fn read(path: &Path) -> Result<Option<Map<String, Value>>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(Failure::files(format!("--tokenizer-path {}: cannot be read", path.display())).because(error));
        }
    };
    serde_json::from_str(&text).map(Some).map_err(|error| {
        Failure::files(format!("--tokenizer-path {}: not a JSON object", path.display()))
            .because(error)
            .hint("it is read for its special tokens; give the folder as it was published")
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{TestResult, file};
    use super::*;

    fn tokenizer_json() -> String {
        let vocab: Map<String, Value> = ["<s>", "</s>", "[X]", "a", " .", "b"]
            .iter()
            .zip(0..)
            .map(|(text, id)| ((*text).into(), id.into()))
            .collect();
        let special = |id: u32, text: &str| {
            serde_json::json!({"id": id, "content": text, "special": true, "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false})
        };
        serde_json::json!({"version": "1.0", "decoder": {"type": "Fuse"},
            "added_tokens": [special(0, "<s>"), special(1, "</s>"), special(2, "[X]"), special(6, "<more>")],
            "post_processor": {"type": "TemplateProcessing", "pair": [{"Sequence": {"id": "B", "type_id": 0}}],
                "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
                "special_tokens": {"<s>": {"id": "<s>", "ids": [0], "tokens": ["<s>"]}}},
            "model": {"type": "BPE", "vocab": vocab, "merges": []}})
        .to_string()
    }

    fn special(coder: &Coder) -> Vec<u32> {
        (0..coder.full()).filter(|id| coder.is_special(*id)).collect()
    }

    #[test]
    fn the_files_beside_a_tokenizer_are_heeded() -> TestResult {
        let (folder, path) = file("tokenizer.json", tokenizer_json().as_bytes())?;
        let coder = Coder::new(Tokenizer::open(&path)?, Some(&path))?;
        assert_eq!((coder.base(), coder.full(), coder.around()), (6, 7, 1));
        assert_eq!(special(&coder), [0, 1, 2, 6]);
        assert_eq!(coder.decode(&[3, 4])?, "a .");
        std::fs::write(
            folder.path().join("tokenizer_config.json"),
            r#"{"bos_token": "<s>", "eos_token": {"content": "</s>"}, "pad_token": null, "unk_token": "none",
                "clean_up_tokenization_spaces": true}"#,
        )?;
        for path in [path.as_path(), folder.path()] {
            let coder = Coder::new(Tokenizer::open(path)?, Some(path))?;
            assert_eq!(special(&coder), [0, 1]);
            assert_eq!(coder.decode(&[3, 4])?, "a.");
        }
        let map = folder.path().join("special_tokens_map.json");
        std::fs::write(&map, r#"{"additional_special_tokens": ["<more>"], "bos_token": "b"}"#)?;
        assert_eq!(special(&Coder::new(Tokenizer::open(&path)?, Some(&path))?), [0, 1, 6]);
        std::fs::write(&map, "[")?;
        let failure = Coder::new(Tokenizer::open(&path)?, Some(&path)).err().ok_or("accepted")?;
        assert!(failure.message.contains("special_tokens_map.json: not a JSON object"), "{failure}");
        Ok(())
    }
}
