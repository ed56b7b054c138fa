//! Texts and pairs of texts to tokens.

use super::config::{Family, Shape};
use crate::error::Result;
use crate::local::backend::{Input, Refusal};
use crate::tokenizer::Tokenizer;

/// A text, or a pair of texts, as the network takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// Its tokens, at least one.
    pub tokens: Vec<u32>,
    /// The type of each: 0, or 1 for those of the second text of a pair.
    pub types: Vec<u32>,
}

/// Text to tokens, as a model takes them.
pub struct Reader {
    tokenizer: Tokenizer,
    vocabulary: usize,
    types: usize,
    context: usize,
    lowercase: bool,
}

impl Reader {
    /// A reader for a network of this shape. A text has at most `context` tokens.
    pub fn new(tokenizer: Tokenizer, shape: &Shape, context: usize, lowercase: bool) -> Self {
        // Tokenizers of the family of RoBERTa have no types, whatever their files say of a pair.
        let types = if shape.family == Family::Roberta { 0 } else { shape.types };
        Reader { tokenizer, vocabulary: shape.vocabulary, types, context, lowercase }
    }

    /// Most tokens of a text.
    pub fn context(&self) -> usize {
        self.context
    }

    /// What the network takes of the `index`-th of `count` inputs.
    ///
    /// # Errors
    /// When it is empty, longer than the model takes, or has a token that the model has no row for.
    pub fn text(&self, input: &Input, index: usize, count: usize) -> Result<Text, Refusal> {
        let which = if count > 1 { format!("text {index}: ") } else { String::new() };
        let invalid = |message: String| Refusal::Invalid { field: "input", message: format!("{which}{message}") };
        let tokens = self.tokens(input, true)?;
        if tokens.is_empty() {
            return Err(invalid("must not be empty".to_owned()));
        }
        if tokens.len() > self.context {
            let most = self.context;
            return Err(invalid(format!(
                "has {} tokens, but the model takes at most {most}; shorten it",
                tokens.len()
            )));
        }
        if let Some(id) = tokens.iter().find(|id| **id as usize >= self.vocabulary) {
            return Err(invalid(format!("token {id} is not below {}", self.vocabulary)));
        }
        Ok(Text { types: vec![0; tokens.len()], tokens })
    }

    /// The tokens of an input as they are, with or without the special ones around a text.
    ///
    /// # Errors
    /// When it is a chat, for which an encoder has no template.
    pub fn tokens(&self, input: &Input, whole: bool) -> Result<Vec<u32>, Refusal> {
        let broken = |failure: crate::error::Failure| Refusal::Broken(failure.to_string());
        match input {
            Input::Tokens(tokens) => Ok(tokens.clone()),
            Input::Text(text) if whole => self.tokenizer.encode_whole(&self.cased(text)).map_err(broken),
            Input::Text(text) => self.tokenizer.encode(&self.cased(text)).map_err(broken),
            Input::Chat(_) => Err(Refusal::Unserved("an encoder has no template for chats; give a text".to_owned())),
        }
    }

    /// What the network takes of a query and a document, cut where they are longer together than the model takes: the
    /// longer of the two is cut until they fit, then both, as transformers does it. Tells whether it was cut.
    ///
    /// # Errors
    /// When the tokenizer fails, or the model takes not even its special tokens.
    pub fn pair(&self, query: &str, document: &str) -> Result<(Text, bool), Refusal> {
        let (query, document) = (self.cased(query), self.cased(document));
        let pair = self.tokenizer.encode_pair(&query, &document, self.context);
        let pair = pair.map_err(|failure| Refusal::Broken(failure.to_string()))?;
        let (tokens, mut types) = (pair.tokens, pair.types);
        if tokens.is_empty() || tokens.len() > self.context {
            let message = format!("a pair does not fit into {} tokens", self.context);
            return Err(Refusal::Invalid { field: "documents", message });
        }
        if self.types < 2 {
            types.fill(0);
        }
        Ok((Text { tokens, types }, pair.cut))
    }

    /// The text of tokens.
    ///
    /// # Errors
    /// When an id is not in the vocabulary.
    pub fn detokenize(&self, tokens: &[u32]) -> Result<String, Refusal> {
        self.tokenizer.decode(tokens).map_err(|failure| Refusal::Invalid { field: "tokens", message: failure.message })
    }

    fn cased(&self, text: &str) -> String {
        if self.lowercase { text.to_lowercase() } else { text.to_owned() }
    }
}
