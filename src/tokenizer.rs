//! Text to token ids and back, with the tokenizer that is built in or one in Hugging Face's format.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use tokenizers::PostProcessor;

use crate::error::{Failure, Result};

/// The tokenizer that is built in, so that prompts of exact length and the embedded model need no download.
const BUILT_IN: &[u8] = include_bytes!("../datasets/tokenizer/tokenizer.json");

/// A tokenizer in Hugging Face's `tokenizer.json` format. Clones share it.
#[derive(Clone)]
pub struct Tokenizer {
    inner: Arc<tokenizers::Tokenizer>,
    name: String,
    /// Ids of special tokens; the library makes its table anew at each question.
    special: Arc<BTreeSet<u32>>,
}

impl Tokenizer {
    /// The tokenizer that is built in: byte-level BPE of a few thousand entries.
    ///
    /// # Errors
    /// Never, unless the program was built with a broken file.
    pub fn built_in() -> Result<Self> {
        let inner = tokenizers::Tokenizer::from_bytes(BUILT_IN)
            .map_err(|error| Failure::bug("the built-in tokenizer cannot be read").because(error))?;
        Ok(Self::new(inner, "built-in".to_owned()))
    }

    /// Reads a `tokenizer.json`, or the one in the given folder.
    ///
    /// # Errors
    /// When there is no such file or it is not a tokenizer.
    pub fn open(path: &Path) -> Result<Self> {
        let file = if path.is_dir() { path.join("tokenizer.json") } else { path.to_owned() };
        let bytes = std::fs::read(&file).map_err(|error| {
            Failure::files(format!("--tokenizer-path {}: cannot be read", file.display()))
                .because(error)
                .hint("give a Hugging Face tokenizer.json or the folder that holds it")
        })?;
        let inner = tokenizers::Tokenizer::from_bytes(&bytes).map_err(|error| {
            Failure::files(format!("--tokenizer-path {}: not a tokenizer.json", file.display()))
                .because(error)
                .hint("give a Hugging Face tokenizer.json or the folder that holds it")
        })?;
        Ok(Self::new(inner, path.display().to_string()))
    }

    fn new(inner: tokenizers::Tokenizer, name: String) -> Self {
        let added = inner.get_added_tokens_decoder();
        let special = added.into_iter().filter(|(_, token)| token.special).map(|(id, _)| id).collect();
        Tokenizer { inner: Arc::new(inner), name, special: Arc::new(special) }
    }

    /// Where it came from, for the plan and the report.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Number of ids, added tokens included.
    pub fn vocab_size(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// Number of ids of the vocabulary alone.
    pub fn base_vocab_size(&self) -> usize {
        self.inner.get_vocab_size(false)
    }

    /// Number of special tokens that the tokenizer would put around a text.
    pub fn special_tokens_around(&self) -> usize {
        self.inner.get_post_processor().map_or(0, |processor| processor.added_tokens(false))
    }

    /// Ids of the text, without special tokens around it.
    ///
    /// # Errors
    /// When the tokenizer refuses the text.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        let encoding = self
            .inner
            .encode_fast(text, false)
            .map_err(|error| Failure::bug(format!("tokenizer {} cannot encode a text", self.name)).because(error))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// Number of ids of the text, without special tokens around it.
    ///
    /// # Errors
    /// When the tokenizer refuses the text.
    pub fn count(&self, text: &str) -> Result<usize> {
        Ok(self.encode(text)?.len())
    }

    /// Text of the ids, special tokens kept.
    ///
    /// # Errors
    /// When an id is out of range.
    pub fn decode(&self, ids: &[u32]) -> Result<String> {
        self.inner
            .decode(ids, false)
            .map_err(|error| Failure::bug(format!("tokenizer {} cannot decode ids", self.name)).because(error))
    }

    /// Spelling of an id inside the vocabulary.
    pub fn spelling(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }

    /// Id of a spelling inside the vocabulary.
    pub fn id_of(&self, spelling: &str) -> Option<u32> {
        self.inner.token_to_id(spelling)
    }

    /// Whether an id is a special token such as the end of text.
    pub fn is_special(&self, id: u32) -> bool {
        self.special.contains(&id)
    }
}
