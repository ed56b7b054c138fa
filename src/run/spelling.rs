//! Prompts to the requests that the target reads.

use crate::engine::Request;
use crate::error::{Failure, Result};
use crate::plan::Plan;
use crate::prompt::{Prompt, Sampling};
use crate::target::Target;
use crate::template::Tokens;
use crate::tokenizer::Tokenizer;
use crate::wire;

/// How the prompts of a plan become bodies: as token ids where that is asked for, in the target's dialect.
#[derive(Clone)]
pub(super) struct Spelling {
    target: Target,
    sampling: Sampling,
    tokens: Option<Tokens>,
    /// A count is reported only where the user named the tokenizer: the built-in one is not the server's.
    counted: bool,
}

impl Spelling {
    /// The spelling of a plan; `tokenizer` is the one that the plan names.
    ///
    /// # Errors
    /// When a chat template cannot be read.
    pub(super) fn of(plan: &Plan, tokenizer: Option<&Tokenizer>) -> Result<Self> {
        let tokens = match (&plan.workload.tokenizer, tokenizer) {
            _ if !plan.settings.tokenize_prompt => None,
            (Some(path), Some(tokenizer)) => Some(Tokens::beside(tokenizer.clone(), path)?),
            _ => return Err(Failure::bug("--tokenize-prompt was accepted without a tokenizer")),
        };
        Ok(Spelling {
            target: plan.target.clone(),
            sampling: plan.sampling.clone(),
            tokens,
            counted: plan.workload.tokenizer.is_some(),
        })
    }

    /// The request of a prompt, with nothing known of when it goes.
    ///
    /// # Errors
    /// When the dialect, or the chat template, has no place for what the prompt holds.
    pub(super) fn request(&self, prompt: &Prompt) -> Result<Request> {
        let made = self.tokens.as_ref().map(|tokens| tokens.of(prompt)).transpose()?;
        let spelled = made.as_ref().unwrap_or(prompt);
        let encoded = wire::encode(spelled, &self.sampling, &self.target)?;
        Ok(Request {
            body: encoded.bytes,
            stream: encoded.stream,
            prompt_tokens: spelled.tokens.filter(|_| self.counted).map(u64::from),
            headers: prompt.headers.clone(),
            id: prompt.id.clone(),
            ..Request::default()
        })
    }

    /// The same, the temperature being left to the server.
    pub(super) fn untempered(mut self) -> Self {
        self.sampling.temperature = None;
        self
    }

    /// The same for a single short reply.
    pub(super) fn brief(mut self) -> Self {
        self.sampling.fields.shift_remove("min_tokens");
        self
    }

    /// Chat completions of a model `m`, with the counts of prompts.
    #[cfg(test)]
    pub(super) fn chat(sampling: Sampling) -> Self {
        use crate::target::{Deadlines, Dialect, HttpVersion, Trust};
        let target = Target {
            url: http::Uri::from_static("http://h/v1/chat/completions"),
            dialect: Dialect::Chat,
            model: "m".to_owned(),
            headers: Vec::new(),
            deadlines: Deadlines { connect: None, read: None, total: std::time::Duration::from_secs(1) },
            trust: Trust::Platform,
            http: HttpVersion::Auto,
        };
        Spelling { target, sampling, tokens: None, counted: true }
    }
}
