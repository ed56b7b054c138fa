//! Bodies of `/tokenize` and `/detokenize` in vLLM's spelling, and their replies.

use serde_json::{Value, json};

use super::backend::{Input, ModelCard, Refusal};
use super::chat;
use super::fields::{Fields, invalid, object};

/// A body of `/tokenize`.
#[derive(Debug)]
pub struct TokenizeBody {
    /// Name of the model; `None` is the one that is served.
    pub model: Option<String>,
    /// A chat or a text.
    pub input: Input,
    /// Whether the tokenizer adds its own tokens; it does to a text where nothing is said.
    pub add_special_tokens: bool,
}

impl TokenizeBody {
    /// Reads a body.
    ///
    /// # Errors
    /// When it is no JSON object or a field has a value that cannot be served.
    pub fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        let map = object(bytes)?;
        let fields = Fields(&map);
        if fields.flag("return_token_strs")? {
            return Err(invalid("return_token_strs", "is not served; /detokenize gives the text of each token"));
        }
        let input = match fields.get("messages") {
            Some(_) => Input::Chat(chat::read(&fields)?),
            None => Input::Text(fields.required("prompt")?.to_owned()),
        };
        let add_special_tokens = fields.flag_or("add_special_tokens", matches!(input, Input::Text(_)))?;
        Ok(TokenizeBody { model: fields.text("model")?.map(str::to_owned), input, add_special_tokens })
    }

    /// The reply: the ids, how many there are, and what the model takes.
    pub fn reply(tokens: &[u32], card: &ModelCard) -> Value {
        json!({"count": tokens.len(), "max_model_len": card.context, "tokens": tokens, "token_strs": null})
    }
}

/// A body of `/detokenize`.
#[derive(Debug)]
pub struct DetokenizeBody {
    /// Name of the model; `None` is the one that is served.
    pub model: Option<String>,
    /// The ids.
    pub tokens: Vec<u32>,
}

impl DetokenizeBody {
    /// Reads a body.
    ///
    /// # Errors
    /// When it is no JSON object or a field has a value that cannot be served.
    pub fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        let map = object(bytes)?;
        let fields = Fields(&map);
        if fields.get("tokens").is_none() {
            return Err(invalid("tokens", "is required"));
        }
        Ok(DetokenizeBody { model: fields.text("model")?.map(str::to_owned), tokens: fields.tokens("tokens")? })
    }

    /// The reply: the text.
    pub fn reply(text: &str) -> Value {
        json!({"prompt": text})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &Value) -> Result<TokenizeBody, String> {
        TokenizeBody::read(body.to_string().as_bytes()).map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn a_text_gets_special_tokens_and_a_chat_has_its_own() {
        let messages = json!([{"role": "user", "content": "a"}]);
        for (body, expected) in [
            (json!({"prompt": "a"}), Ok(true)),
            (json!({"prompt": "a", "add_special_tokens": false}), Ok(false)),
            (json!({"model": "m", "messages": messages}), Ok(false)),
            (json!({"messages": messages, "add_special_tokens": true}), Ok(true)),
            (json!({}), Err("prompt: is required".to_owned())),
            (json!({"prompt": 1}), Err("prompt: must be a text".to_owned())),
        ] {
            assert_eq!(read(&body).map(|body| body.add_special_tokens), expected, "{body}");
        }
        assert!(read(&json!({"prompt": "a", "return_token_strs": true})).is_err());
    }

    #[test]
    fn ids_are_needed() {
        let read = |body: Value| DetokenizeBody::read(body.to_string().as_bytes()).map(|body| body.tokens).ok();
        assert_eq!(read(json!({"tokens": [1, 2]})), Some(vec![1, 2]));
        assert_eq!(read(json!({"tokens": []})), Some(vec![]));
        assert_eq!((read(json!({})), read(json!({"tokens": [-1]}))), (None, None));
    }
}
