//! Token counts, in the spellings that servers give them.

use serde::Deserialize;

/// Token counts as a server reports them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt.
    pub prompt_tokens: Option<u64>,
    /// Tokens of the reply, reasoning included.
    pub completion_tokens: Option<u64>,
    /// Prompt tokens taken from a cache.
    pub cached_tokens: Option<u64>,
    /// Reply tokens that were reasoning.
    pub reasoning_tokens: Option<u64>,
}

impl Usage {
    /// What a later event of the same reply says takes the place of what an earlier one said, count by count.
    pub fn then(self, later: Usage) -> Self {
        Usage {
            prompt_tokens: later.prompt_tokens.or(self.prompt_tokens),
            completion_tokens: later.completion_tokens.or(self.completion_tokens),
            cached_tokens: later.cached_tokens.or(self.cached_tokens),
            reasoning_tokens: later.reasoning_tokens.or(self.reasoning_tokens),
        }
    }
}

/// OpenAI's two spellings and DashScope's: `prompt_tokens` and `completion_tokens`, or `input_tokens` and
/// `output_tokens`.
impl<'de> Deserialize<'de> for Usage {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct Prompt {
            cached_tokens: Option<u64>,
        }
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct Completion {
            reasoning_tokens: Option<u64>,
        }
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct Raw {
            prompt_tokens: Option<u64>,
            completion_tokens: Option<u64>,
            input_tokens: Option<u64>,
            output_tokens: Option<u64>,
            prompt_tokens_details: Option<Prompt>,
            completion_tokens_details: Option<Completion>,
            input_tokens_details: Option<Prompt>,
            output_tokens_details: Option<Completion>,
        }
        let raw = Raw::deserialize(deserializer)?;
        let cached = |details: Option<Prompt>| details.and_then(|details| details.cached_tokens);
        let reasoning = |details: Option<Completion>| details.and_then(|details| details.reasoning_tokens);
        Ok(Usage {
            prompt_tokens: raw.prompt_tokens.or(raw.input_tokens),
            completion_tokens: raw.completion_tokens.or(raw.output_tokens),
            cached_tokens: cached(raw.prompt_tokens_details).or(cached(raw.input_tokens_details)),
            reasoning_tokens: reasoning(raw.completion_tokens_details).or(reasoning(raw.output_tokens_details)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(prompt: u64, completion: u64, cached: Option<u64>, reasoning: Option<u64>) -> Usage {
        Usage {
            prompt_tokens: Some(prompt),
            completion_tokens: Some(completion),
            cached_tokens: cached,
            reasoning_tokens: reasoning,
        }
    }

    #[test]
    fn every_spelling_is_read() -> Result<(), serde_json::Error> {
        for (text, expected) in [
            (r#"{"prompt_tokens":3,"completion_tokens":5,"total_tokens":8}"#, usage(3, 5, None, None)),
            (
                r#"{"prompt_tokens":3,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":2},"completion_tokens_details":{"reasoning_tokens":1}}"#,
                usage(3, 5, Some(2), Some(1)),
            ),
            (
                r#"{"input_tokens":3,"output_tokens":5,"input_tokens_details":{"cached_tokens":2},"output_tokens_details":{"reasoning_tokens":1}}"#,
                usage(3, 5, Some(2), Some(1)),
            ),
            (
                r#"{"input_tokens":3,"output_tokens":5,"prompt_tokens":4,"prompt_tokens_details":null}"#,
                usage(4, 5, None, None),
            ),
        ] {
            assert_eq!(serde_json::from_str::<Usage>(text)?, expected, "{text}");
        }
        Ok(())
    }

    #[test]
    fn later_counts_win_one_by_one() {
        let later = Usage { prompt_tokens: None, completion_tokens: Some(9), ..Usage::default() };
        assert_eq!(usage(3, 1, Some(2), None).then(later), usage(3, 9, Some(2), None));
    }
}
