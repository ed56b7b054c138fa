//! How requests and replies are spelled.

use std::sync::Arc;

use http::{Method, Uri};

use super::{Api, CustomApi, Framing};

/// Every sampling field that a plan may set, in EvalScope's order.
pub const FIELDS: [&str; 10] = [
    "min_tokens",
    "frequency_penalty",
    "repetition_penalty",
    "logprobs",
    "n",
    "seed",
    "stop",
    "stop_token_ids",
    "top_p",
    "top_k",
];

/// How requests and replies are spelled. Cloning is cheap.
#[derive(Debug, Clone, PartialEq)]
pub enum Dialect {
    /// OpenAI chat completions.
    Chat,
    /// OpenAI completions.
    Completion,
    /// OpenAI Responses.
    Responses,
    /// Anthropic Messages.
    Messages,
    /// DashScope's text generation.
    DashScope,
    /// OpenAI embeddings.
    Embedding,
    /// Documents ranked for a query.
    Rerank,
    /// System One's probabilities over options.
    SystemOne,
    /// AutoTrust's.
    AutoTrust,
    /// As a file describes it.
    Custom(Arc<CustomApi>),
}

impl Dialect {
    /// The dialect of an API at a resolved address; a described API is spelled as described.
    pub fn of(api: Api, url: &Uri, described: Option<CustomApi>) -> Self {
        if let Some(described) = described {
            return Dialect::Custom(Arc::new(described));
        }
        match api {
            Api::OpenAi | Api::Local | Api::LocalVllm | Api::Custom => {
                if url.path().ends_with("/completions") && !url.path().ends_with("/chat/completions") {
                    Dialect::Completion
                } else {
                    Dialect::Chat
                }
            }
            Api::Responses => Dialect::Responses,
            Api::Embedding => Dialect::Embedding,
            Api::Rerank => Dialect::Rerank,
            Api::SystemOne => Dialect::SystemOne,
            Api::AutoTrust => Dialect::AutoTrust,
            Api::Messages => Dialect::Messages,
            Api::DashScope => Dialect::DashScope,
        }
    }

    /// Whether replies hold no generated text, so that only the prompt is counted.
    pub fn is_input_only(&self) -> bool {
        matches!(self, Dialect::Embedding | Dialect::Rerank) || self.decides()
    }

    /// Whether a reply is a choice among options; the requests are complete bodies.
    pub fn decides(&self) -> bool {
        matches!(self, Dialect::SystemOne | Dialect::AutoTrust)
    }

    /// Whether plain text is best sent as a chat message.
    pub fn prefers_chat(&self) -> bool {
        matches!(self, Dialect::Chat | Dialect::Messages | Dialect::DashScope)
    }

    /// Whether a reply can be streamed.
    pub fn streams(&self) -> bool {
        match self {
            Dialect::Custom(api) => api.framing.is_some(),
            other => !other.is_input_only(),
        }
    }

    /// How a reply is cut into events that does not say itself that it is an event stream.
    pub fn framing(&self) -> Option<Framing> {
        match self {
            Dialect::Custom(api) => api.framing,
            _ => Some(Framing::Events),
        }
    }

    /// Whether it has a place for a sampling field.
    pub fn takes(&self, field: &str) -> bool {
        match self {
            Dialect::Chat | Dialect::Completion => true,
            Dialect::Responses => field == "top_p",
            Dialect::Messages => ["stop", "top_p", "top_k"].contains(&field),
            Dialect::DashScope => !["min_tokens", "stop_token_ids"].contains(&field),
            Dialect::Embedding | Dialect::Rerank | Dialect::SystemOne | Dialect::AutoTrust => false,
            Dialect::Custom(api) => api.body.variables().contains(field),
        }
    }

    /// The method of a request.
    pub fn method(&self) -> Method {
        match self {
            Dialect::Custom(api) => api.method.clone(),
            _ => Method::POST,
        }
    }
}
