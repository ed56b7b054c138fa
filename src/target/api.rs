//! The protocols of load tests, by the names that `--api` knows.

use crate::error::{Failure, Result, known};

/// What `--api` chooses. The address then tells chat completions from completions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// OpenAI's chat completions and completions.
    OpenAi,
    /// The same, answered by the model inside this program.
    Local,
    /// The same, answered by a vLLM server that this program starts and ends.
    LocalVllm,
    /// OpenAI's Responses.
    Responses,
    /// OpenAI's embeddings.
    Embedding,
    /// Documents ranked by how well they answer a query, as vLLM, Jina and Cohere spell it.
    Rerank,
    /// Anthropic's Messages.
    Messages,
    /// Alibaba Cloud's own text generation.
    DashScope,
    /// Probabilities over the options of a question, as System One gives them.
    SystemOne,
    /// The same from AutoTrust's `/decide`.
    AutoTrust,
    /// An API that a file describes.
    Custom,
}

/// Every name, those of one API side by side; the first is its own.
const NAMES: [(&str, Api); 16] = [
    ("openai", Api::OpenAi),
    ("local", Api::Local),
    ("local_vllm", Api::LocalVllm),
    ("openai_responses", Api::Responses),
    ("openai_response", Api::Responses),
    ("responses", Api::Responses),
    ("openai_embedding", Api::Embedding),
    ("embedding", Api::Embedding),
    ("openai_rerank", Api::Rerank),
    ("rerank", Api::Rerank),
    ("anthropic", Api::Messages),
    ("messages", Api::Messages),
    ("dashscope", Api::DashScope),
    ("systemone", Api::SystemOne),
    ("autotrust", Api::AutoTrust),
    ("custom", Api::Custom),
];

impl Api {
    /// The API of a name.
    ///
    /// # Errors
    /// When no API has this name; the known ones are listed.
    pub fn of(name: &str) -> Result<Self> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, api)| *api).ok_or_else(|| {
            Failure::usage(format!("--api {name}: no API of this name"))
                .hint(format!("known APIs: {}", known(NAMES.map(|(name, _)| name))))
        })
    }

    /// Its own name.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(_, api)| *api == self).map_or("", |(name, _)| name)
    }

    /// Whether this program starts the server itself, so that no address is needed.
    pub fn is_local(self) -> bool {
        matches!(self, Api::Local | Api::LocalVllm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_known_and_others_are_refused_with_them() -> Result<()> {
        for (name, api) in NAMES {
            assert_eq!(Api::of(name)?, api);
            assert_eq!(Api::of(api.name())?, api);
        }
        let failure = Api::of("grpc").err().and_then(|failure| failure.hint).unwrap_or_default();
        assert!(NAMES.iter().all(|(name, _)| failure.contains(name)), "{failure}");
        Ok(())
    }
}
