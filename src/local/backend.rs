//! The seam between the server and whatever generates.
//!
//! A backend takes whole requests and answers each with a stream of events. How it queues, batches, caches or refuses
//! is its own affair, which is why the seam has no method for any of that: admission limits are a [`Refusal`], a
//! prefix cache shows in [`Generation::cached_tokens`], batching does not show at all. Memory is told by a [`Meter`].

use std::time::Instant;

use tokio::sync::mpsc;

use super::meter::Meter;

/// Something that generates text. The real one is a decoder, the other one plays scripts.
pub trait Backend: Send + Sync + 'static {
    /// Names of the models that may be asked for, at least one.
    fn models(&self) -> Vec<String>;

    /// Accepts a request, or refuses it.
    ///
    /// It is called on a thread that may serve other streams: it may tokenize, but must not wait for the model.
    ///
    /// # Errors
    /// When the request cannot be served, now or ever; see [`Refusal`].
    fn submit(&self, request: GenerationRequest) -> Result<Generation, Refusal>;

    /// What tells how much memory it takes; `None` where that is not told.
    fn memory(&self) -> Option<Meter> {
        None
    }
}

/// What is asked of a backend, checked but not yet tokenized.
#[derive(Debug, Clone, PartialEq)]
pub struct GenerationRequest {
    /// Name of the model, one of [`Backend::models`].
    pub model: String,
    /// What to continue.
    pub input: Input,
    /// How tokens are drawn.
    pub draw: Draw,
    /// When to stop.
    pub limits: Limits,
    /// When the last byte of the request had been read.
    pub received: Instant,
}

/// What a request asks to continue.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A chat, to be rendered with the model's template.
    Chat(Vec<ChatMessage>),
    /// Plain text.
    Text(String),
    /// Token ids.
    Tokens(Vec<u32>),
}

/// One message of a chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatMessage {
    /// Who speaks: `system`, `user`, `assistant` or another name.
    pub role: String,
    /// What is said.
    pub content: String,
}

/// How tokens are drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Draw {
    /// Divides the logits; 0 always takes the most likely token.
    pub temperature: f32,
    /// Share of the probability that may be drawn from, above 0 and at most 1.
    pub top_p: f32,
    /// Number of most likely tokens that may be drawn from; `None` is all.
    pub top_k: Option<usize>,
    /// Divides the positive and multiplies the negative logits of tokens seen in prompt or reply; 1 is off.
    pub repetition_penalty: f32,
    /// Taken from the logit of a token for each time the reply holds it; 0 is off.
    pub frequency_penalty: f32,
    /// Taken from the logit of a token that the reply holds; 0 is off.
    pub presence_penalty: f32,
    /// Seed of the draws; `None` lets the backend choose.
    pub seed: Option<u64>,
}

impl Default for Draw {
    fn default() -> Self {
        Draw {
            temperature: 1.0,
            top_p: 1.0,
            top_k: None,
            repetition_penalty: 1.0,
            frequency_penalty: 0.0,
            presence_penalty: 0.0,
            seed: None,
        }
    }
}

/// When a generation stops.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Limits {
    /// Most tokens to generate; `None` is what fits the context.
    pub max_tokens: Option<usize>,
    /// Fewest tokens to generate: until then the end-of-text token cannot be drawn, and stop strings do not count.
    pub min_tokens: usize,
    /// Whether the end-of-text token is never drawn.
    pub ignore_eos: bool,
    /// Texts that end the reply and are not part of it.
    pub stop: Vec<String>,
}

/// Why a request was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A field has a value that cannot be served.
    #[error("{field}: {message}")]
    Invalid {
        /// Name of the field.
        field: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// Prompt and reply do not fit the context.
    #[error(
        "the model has a context of {context} tokens, but {prompt} of prompt and {reply} of reply were asked for; \
         shorten the prompt or lower max_tokens"
    )]
    TooLong {
        /// Most tokens of prompt and reply together.
        context: usize,
        /// Tokens of the prompt.
        prompt: usize,
        /// Tokens of the reply that was asked for, at least 1.
        reply: usize,
    },
    /// There is no room now; later there may be.
    #[error("the server has no room for another request now; try again later")]
    Busy,
    /// The backend is broken.
    #[error("{0}")]
    Broken(String),
}

/// A generation under way. Dropping it cancels the work at the backend's next step.
#[derive(Debug)]
pub struct Generation {
    /// Tokens of the prompt as the model sees it, template included.
    pub prompt_tokens: usize,
    /// Those of them whose work was spared by a cache.
    pub cached_tokens: usize,
    /// What happens, in order; [`Event::End`] is the last. A channel that closes before was broken off.
    ///
    /// It is unbounded so that a slow reader never holds up the model; `max_tokens` bounds what can pile up.
    pub events: mpsc::UnboundedReceiver<Event>,
}

/// One thing that happens in a generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// One token was generated.
    Token {
        /// Its id; `None` where the backend has no vocabulary.
        id: Option<u32>,
        /// Text that is settled by this token, which may be none or more than its own.
        text: String,
    },
    /// The generation is complete.
    End {
        /// Text that was held back until now, mostly none.
        text: String,
        /// Why it ended.
        finish: Finish,
        /// Tokens generated, one for each [`Event::Token`].
        tokens: usize,
    },
    /// The backend failed amid the generation.
    Failed(String),
}

/// Why a generation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// The end-of-text token was drawn or a stop string appeared.
    Stop,
    /// The limit of tokens was reached.
    Length,
}

impl Finish {
    /// The spelling of `finish_reason`.
    pub fn name(self) -> &'static str {
        match self {
            Finish::Stop => "stop",
            Finish::Length => "length",
        }
    }
}
