//! Prompts to bytes and bytes to deltas, for each dialect. Pure: no socket, no clock, no file.

mod body;
mod delta;
mod reply;
mod sse;

pub use body::{Encoded, encode};
pub use delta::{Delta, decode};
pub use reply::{Reply, ServerError, decode_reply, server_message};
pub use sse::{Events, Stamped};

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
            prompt_tokens_details: Option<Prompt>,
            completion_tokens_details: Option<Completion>,
        }
        let raw = Raw::deserialize(deserializer)?;
        Ok(Usage {
            prompt_tokens: raw.prompt_tokens,
            completion_tokens: raw.completion_tokens,
            cached_tokens: raw.prompt_tokens_details.and_then(|details| details.cached_tokens),
            reasoning_tokens: raw.completion_tokens_details.and_then(|details| details.reasoning_tokens),
        })
    }
}
