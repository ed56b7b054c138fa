//! Prompts to the bodies that the target reads.

use crate::error::{Failure, Result};
use crate::plan::Plan;
use crate::prompt::{Prompt, Sampling};
use crate::target::Target;
use crate::template::Tokens;
use crate::tokenizer::Tokenizer;
use crate::wire::{self, Encoded};

/// How the prompts of a plan become bodies: as token ids where that is asked for, in the target's dialect.
#[derive(Clone)]
pub(super) struct Spelling {
    target: Target,
    sampling: Sampling,
    tokens: Option<Tokens>,
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
        Ok(Spelling { target: plan.target.clone(), sampling: plan.sampling.clone(), tokens })
    }

    /// The body of a prompt, and the length of the prompt where token ids were made of it.
    ///
    /// # Errors
    /// When the dialect, or the chat template, has no place for what the prompt holds.
    pub(super) fn encode(&self, prompt: &Prompt) -> Result<(Encoded, Option<u32>)> {
        match &self.tokens {
            None => Ok((wire::encode(prompt, &self.sampling, &self.target)?, None)),
            Some(tokens) => {
                let prompt = tokens.of(prompt)?;
                Ok((wire::encode(&prompt, &self.sampling, &self.target)?, prompt.tokens))
            }
        }
    }

    /// The same for a single short reply.
    pub(super) fn brief(mut self) -> Self {
        self.sampling.fields.shift_remove("min_tokens");
        self
    }
}
