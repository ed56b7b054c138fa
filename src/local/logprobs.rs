//! Log-probabilities as the two endpoints spell them.

use serde_json::{Map, Value, json};

use super::backend::{Logprobs, TokenLogprob};
use super::body::Endpoint;

/// Spells the log-probabilities of tokens, one choice's in order.
#[derive(Debug, Clone, Copy)]
pub struct Speller {
    endpoint: Endpoint,
    /// Characters of the tokens that were spelled before.
    offset: usize,
}

impl Speller {
    /// A speller for a choice of which no token was spelled.
    pub fn new(endpoint: Endpoint) -> Self {
        Speller { endpoint, offset: 0 }
    }

    /// The value of `logprobs` for the next tokens of the choice; null where there are none.
    pub fn spell(&mut self, tokens: &[Logprobs]) -> Value {
        if tokens.is_empty() {
            return Value::Null;
        }
        match self.endpoint {
            Endpoint::Chat => json!({"content": tokens.iter().map(of_chat).collect::<Vec<_>>()}),
            Endpoint::Completion => self.of_completion(tokens),
        }
    }

    fn of_completion(&mut self, tokens: &[Logprobs]) -> Value {
        let mut offsets = Vec::with_capacity(tokens.len());
        for Logprobs { chosen, .. } in tokens {
            offsets.push(self.offset);
            self.offset += text(chosen).chars().count();
        }
        let top = tokens.iter().map(|Logprobs { chosen, top }| {
            let mut likeliest = Map::new();
            // Parts of characters may have one text; the likeliest of them keeps it. As in vLLM the token that was
            // drawn is among the others.
            for token in top.iter().chain([chosen]) {
                likeliest.entry(text(token)).or_insert_with(|| number(token.logprob));
            }
            Value::Object(likeliest)
        });
        json!({
            "tokens": tokens.iter().map(|token| text(&token.chosen)).collect::<Vec<_>>(),
            "token_logprobs": tokens.iter().map(|token| number(token.chosen.logprob)).collect::<Vec<_>>(),
            "top_logprobs": top.collect::<Vec<_>>(),
            "text_offset": offsets,
        })
    }
}

fn of_chat(token: &Logprobs) -> Value {
    let one =
        |token: &TokenLogprob| json!({"token": text(token), "logprob": number(token.logprob), "bytes": token.bytes});
    let mut spelled = one(&token.chosen);
    spelled["top_logprobs"] = token.top.iter().map(one).collect();
    spelled
}

/// The text of a token; what is a part of a character only is U+FFFD, its bytes tell what it is.
fn text(token: &TokenLogprob) -> String {
    String::from_utf8_lossy(&token.bytes).into_owned()
}

/// JSON has no infinity. OpenAI's own word for a token that cannot be is -9999.
fn number(logprob: f32) -> Value {
    if logprob.is_finite() { Value::from(logprob) } else { Value::from(-9999.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(bytes: &[u8], logprob: f32) -> TokenLogprob {
        TokenLogprob { id: 1, bytes: bytes.to_vec(), logprob }
    }

    fn drawn() -> [Logprobs; 2] {
        [
            Logprobs { chosen: token("ä".as_bytes(), -0.5), top: vec![token(b"a", -0.25)] },
            Logprobs { chosen: token(&[0xe4], f32::NEG_INFINITY), top: vec![] },
        ]
    }

    #[test]
    fn a_chat_tells_texts_and_bytes() {
        let spelled = Speller::new(Endpoint::Chat).spell(&drawn());
        assert_eq!(
            spelled,
            json!({"content": [
                {"token": "ä", "logprob": -0.5, "bytes": [195, 164],
                 "top_logprobs": [{"token": "a", "logprob": -0.25, "bytes": [97]}]},
                {"token": "\u{fffd}", "logprob": -9999.0, "bytes": [228], "top_logprobs": []},
            ]})
        );
        assert_eq!(Speller::new(Endpoint::Chat).spell(&[]), Value::Null);
    }

    #[test]
    fn a_completion_tells_offsets_that_go_on_from_event_to_event() {
        let whole = Speller::new(Endpoint::Completion).spell(&drawn());
        assert_eq!(
            whole,
            json!({
                "tokens": ["ä", "\u{fffd}"], "token_logprobs": [-0.5, -9999.0],
                "top_logprobs": [{"a": -0.25, "ä": -0.5}, {"\u{fffd}": -9999.0}], "text_offset": [0, 1],
            })
        );
        let mut speller = Speller::new(Endpoint::Completion);
        let offsets = drawn().map(|one| speller.spell(&[one])["text_offset"].clone());
        assert_eq!(offsets, [json!([0]), json!([1])]);
    }
}
