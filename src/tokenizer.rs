//! Text to token ids and back, with the tokenizer that is built in or one in Hugging Face's format.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use tokenizers::processors::bert::BertProcessing;
use tokenizers::utils::truncation::{TruncationDirection, TruncationParams, TruncationStrategy, truncate_encodings};
use tokenizers::{PostProcessor, PostProcessorWrapper};

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

/// A pair of texts as tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The tokens of both, special ones included.
    pub tokens: Vec<u32>,
    /// To which text each belongs, 0 or 1, by the rule of the tokenizer.
    pub types: Vec<u32>,
    /// Whether the texts were cut.
    pub cut: bool,
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
        Self::open_for("--tokenizer-path ", path)
    }

    /// The same, for what else than the flag names the tokenizer; messages begin with it.
    ///
    /// # Errors
    /// As those of [`Tokenizer::open`].
    pub fn open_for(told: &str, path: &Path) -> Result<Self> {
        let file = if path.is_dir() { path.join("tokenizer.json") } else { path.to_owned() };
        let bytes = std::fs::read(&file).map_err(|error| {
            Failure::files(format!("{told}{}: cannot be read", file.display()))
                .because(error)
                .hint("give a Hugging Face tokenizer.json or the folder that holds it")
        })?;
        Self::parse(&bytes, path.display().to_string()).map_err(|error| {
            Failure::files(format!("{told}{}: not a tokenizer.json", file.display()))
                .because(error)
                .hint("give a Hugging Face tokenizer.json or the folder that holds it")
        })
    }

    /// A tokenizer out of the text of a `tokenizer.json`.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(bytes: &[u8], name: String) -> std::result::Result<Self, tokenizers::Error> {
        tokenizers::Tokenizer::from_bytes(bytes).map(|inner| Self::new(inner, name))
    }

    fn new(mut inner: tokenizers::Tokenizer, name: String) -> Self {
        // Files may ask for both; then all texts would have one length.
        inner.with_padding(None);
        if let Err(error) = inner.with_truncation(None) {
            tracing::warn!("tokenizer {name}: texts may be cut: {error}");
        }
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

    /// Ids of the text, with the special tokens that the tokenizer puts around it.
    ///
    /// # Errors
    /// When the tokenizer refuses the text.
    pub fn encode_whole(&self, text: &str) -> Result<Vec<u32>> {
        let encoding = self
            .inner
            .encode_fast(text, true)
            .map_err(|error| Failure::bug(format!("tokenizer {} cannot encode a text", self.name)).because(error))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// Ids of a pair of texts, with the special tokens that the tokenizer puts around them, at most so many. What is too
    /// long is cut at its end, the longer text first, then both.
    ///
    /// # Errors
    /// When the tokenizer refuses a text.
    pub fn encode_pair(&self, first: &str, second: &str, most: usize) -> Result<Pair> {
        let failed = |error: tokenizers::Error| {
            Failure::bug(format!("tokenizer {} cannot encode a pair of texts", self.name)).because(error)
        };
        let around = self.inner.get_post_processor().map_or(0, |processor| processor.added_tokens(true));
        let one = self.inner.encode_fast(first, false).map_err(failed)?;
        let other = self.inner.encode_fast(second, false).map_err(failed)?;
        let whole = one.len() + other.len();
        let params = TruncationParams {
            direction: TruncationDirection::Right,
            max_length: most.saturating_sub(around),
            strategy: TruncationStrategy::LongestFirst,
            stride: 0,
        };
        let (one, other) = truncate_encodings(one, Some(other), &params).map_err(failed)?;
        let cut = one.len() + other.as_ref().map_or(0, |other| other.len()) < whole;
        let pair = self.inner.post_process(one, other, true).map_err(failed)?;
        Ok(Pair { tokens: pair.get_ids().to_vec(), types: pair.get_type_ids().to_vec(), cut })
    }

    /// The same tokenizer with two of its tokens around each text, as BERT's: `first A last` and `first A last B last`.
    ///
    /// # Errors
    /// When it has no such tokens.
    pub fn framed(&self, first: &str, last: &str) -> Result<Self> {
        let token = |spelling: &str| {
            let id = self.id_of(spelling);
            id.map(|id| (spelling.to_owned(), id))
                .ok_or_else(|| Failure::bug(format!("tokenizer {}: there is no token {spelling}", self.name)))
        };
        let frame = BertProcessing::new(token(last)?, token(first)?);
        let mut inner = (*self.inner).clone();
        inner.with_post_processor(Some(PostProcessorWrapper::Bert(frame)));
        Ok(Tokenizer { inner: Arc::new(inner), ..self.clone() })
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
