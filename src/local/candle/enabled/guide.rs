//! What keeps a reply within a constraint: which tokens may come next.
//!
//! The automata are those of llguidance (<https://github.com/guidance-ai/llguidance>).

use std::fmt;

use llguidance::api::TopLevelGrammar;
use llguidance::toktrie::{ApproximateTokEnv, TokRxInfo, TokTrie};
use llguidance::{Matcher, ParserFactory};
use serde_json::{Value, json};

use super::vocabulary::Vocabulary;
use crate::local::backend::Constraint;

/// What guides are made from: the vocabulary as a tree of bytes. Making it takes a tenth of a second for a large one.
pub struct Guides {
    factory: ParserFactory,
}

impl Guides {
    /// Guides for a vocabulary.
    ///
    /// # Errors
    /// In words, when no token ends a text, so that no reply could.
    pub fn of(vocabulary: &Vocabulary) -> Result<Self, String> {
        let end = *vocabulary.ends().first().ok_or("the model has no token that ends a text")?;
        let count = u32::try_from(vocabulary.len()).map_err(|_| "the vocabulary is too large")?;
        let spelled = |id| {
            if vocabulary.is_text(id) {
                return vocabulary.bytes(id).to_vec();
            }
            // Nothing that a grammar can ask for.
            let mark = [TokTrie::SPECIAL_TOKEN_MARKER];
            [&mark, format!("[{id}]").as_bytes()].concat()
        };
        let words: Vec<Vec<u8>> = (0..count).map(spelled).collect();
        let trie = TokTrie::from(&TokRxInfo::new(count, end), &words);
        let environment = std::sync::Arc::new(ApproximateTokEnv::new(trie)) as std::sync::Arc<_>;
        let mut factory = ParserFactory::new_simple(&environment).map_err(|error| error.to_string())?;
        factory.quiet();
        Ok(Guides { factory })
    }

    /// The guide of one reply.
    ///
    /// # Errors
    /// In words, when the constraint is no schema, expression or grammar that can be followed.
    pub fn guide(&self, constraint: &Constraint) -> Result<Guide, String> {
        let grammar = match constraint {
            Constraint::JsonObject => TopLevelGrammar::from_json_schema(json!({"type": "object"})),
            Constraint::JsonSchema(schema) => TopLevelGrammar::from_json_schema(schema.clone()),
            Constraint::Regex(expression) => TopLevelGrammar::from_regex(expression),
            Constraint::Choice(texts) => {
                let each: Vec<String> = texts.iter().map(|text| Value::from(text.as_str()).to_string()).collect();
                TopLevelGrammar::from_lark(format!("start: {}", each.join(" | ")))
            }
            Constraint::Grammar(text) => TopLevelGrammar::from_lark(text.clone()),
        };
        let mut matcher = Matcher::new(self.factory.create_parser(grammar));
        match matcher.get_error() {
            Some(why) => Err(first_line(&why)),
            // What cannot begin would only be found amid the reply.
            None => matcher.compute_mask().map(|_| Guide(matcher)).map_err(|error| first_line(&error.to_string())),
        }
    }
}

fn first_line(text: &str) -> String {
    text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned()
}

/// What keeps one reply within its constraint.
pub struct Guide(Matcher);

impl Guide {
    /// Bars the tokens that may not come next. Where the reply may end, all tokens that end a text may come.
    ///
    /// # Errors
    /// In words, when the constraint turns out to need more work than is allowed for.
    pub fn bar(&mut self, logits: &mut [f32], vocabulary: &Vocabulary) -> Result<(), String> {
        let mask = self.0.compute_mask_or_eos().map_err(|error| first_line(&error.to_string()))?;
        let may_end = vocabulary.ends().iter().any(|end| mask.is_allowed(*end));
        for (token, logit) in logits.iter_mut().enumerate() {
            let token = token as u32;
            if !(mask.is_allowed(token) || may_end && vocabulary.ends().contains(&token)) {
                *logit = f32::NEG_INFINITY;
            }
        }
        Ok(())
    }

    /// Notes that a token came. True when nothing can follow it.
    ///
    /// # Errors
    /// In words, when it may not have come.
    pub fn take(&mut self, token: u32) -> Result<bool, String> {
        self.0.consume_token(token).map_err(|error| first_line(&error.to_string()))?;
        Ok(self.0.is_stopped())
    }
}

impl fmt::Debug for Guide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guide")
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::tokenizer::Tokenizer;

    /// What comes out when tokens are drawn at random within the constraint, and whether it came to its end.
    fn drawn(constraint: &Constraint, seed: u64) -> Result<(String, bool), String> {
        let tokenizer = Tokenizer::built_in().map_err(|failure| failure.to_string())?;
        let vocabulary = Vocabulary::drawing(&tokenizer);
        let mut guide = Guides::of(&vocabulary)?.guide(constraint)?;
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut bytes = Vec::new();
        for _ in 0..400 {
            let mut logits = vec![0.0; vocabulary.len()];
            guide.bar(&mut logits, &vocabulary)?;
            let allowed: Vec<u32> =
                (0u32..).zip(&logits).filter(|(_, logit)| **logit == 0.0).map(|(id, _)| id).collect();
            let token = allowed[rng.random_range(0..allowed.len())];
            if vocabulary.ends().contains(&token) {
                return Ok((String::from_utf8_lossy(&bytes).into_owned(), true));
            }
            bytes.extend_from_slice(vocabulary.bytes(token));
            if guide.take(token)? {
                return Ok((String::from_utf8_lossy(&bytes).into_owned(), true));
            }
        }
        Ok((String::from_utf8_lossy(&bytes).into_owned(), false))
    }

    #[test]
    fn whatever_is_drawn_keeps_the_constraint() -> Result<(), String> {
        for seed in 0..5 {
            let choice = Constraint::Choice(vec!["yes".to_owned(), "\"no\"\n".to_owned()]);
            assert!(matches!(drawn(&choice, seed)?, (text, true) if text == "yes" || text == "\"no\"\n"));
            let (text, ended) = drawn(&Constraint::Regex("[0-9]{3}-[a-f]+x".to_owned()), seed)?;
            assert!(!ended || text.ends_with('x') && text.as_bytes()[3] == b'-', "{text}");
            let schema = json!({"type": "object", "properties": {"a": {"enum": ["x", "y"]}, "b": {"type": "boolean"}},
                "required": ["a", "b"], "additionalProperties": false});
            let (text, ended) = drawn(&Constraint::JsonSchema(schema), seed)?;
            if ended {
                let value: Value = serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))?;
                assert!(value["a"].is_string() && value["b"].is_boolean(), "{text}");
            }
        }
        Ok(())
    }

    #[test]
    fn what_cannot_be_followed_is_refused_in_words() -> Result<(), String> {
        let tokenizer = Tokenizer::built_in().map_err(|failure| failure.to_string())?;
        let guides = Guides::of(&Vocabulary::drawing(&tokenizer))?;
        for constraint in [
            Constraint::Regex("[a".to_owned()),
            Constraint::JsonSchema(json!({"type": "thing"})),
            Constraint::Grammar("start: nothing".to_owned()),
        ] {
            let why = guides.guide(&constraint).err();
            assert!(why.is_some_and(|why| !why.is_empty() && !why.contains('\n')), "{constraint:?}");
        }
        Ok(())
    }
}
