//! The seam between the server and whatever generates.
//!
//! A backend takes whole requests and answers each with a stream of events. How it queues, batches, caches or refuses
//! is its own affair, which is why the seam has no method for any of that: admission limits are a [`Refusal`], a
//! prefix cache shows in the `cached_tokens` of [`Event::End`], batching does not show at all. Memory is told by a
//! [`Meter`], everything else that is counted by [`Metrics`].

use std::time::Instant;

use serde_json::{Map, Value};
use tokio::sync::{mpsc, oneshot};

use super::meter::Meter;
use super::metrics::Metrics;

/// What will be there once the model has worked: a value, or why there is none. Dropping it cancels the work.
pub type Promise<T> = oneshot::Receiver<Result<T, Refusal>>;

/// Something that generates text. The real one is a decoder, the other one plays scripts.
///
/// What is not overridden is refused: a model that writes need not give embeddings, and the other way round.
pub trait Backend: Send + Sync + 'static {
    /// The models that may be asked for, at least one.
    fn models(&self) -> Vec<ModelCard>;

    /// How tokens are drawn where a request does not say.
    fn usual_draw(&self) -> Draw {
        Draw::default()
    }

    /// Accepts a request, or refuses it.
    ///
    /// It is called on a thread that may serve other streams: it may tokenize, but must not wait for the model.
    ///
    /// # Errors
    /// When the request cannot be served, now or ever; see [`Refusal`].
    fn submit(&self, request: GenerationRequest) -> Result<Generation, Refusal>;

    /// Accepts texts to be embedded, or refuses them.
    ///
    /// It is called as [`Backend::submit`] is.
    ///
    /// # Errors
    /// When they cannot be served, now or ever; see [`Refusal`].
    fn embed(&self, request: EmbeddingRequest) -> Result<Promise<Embeddings>, Refusal> {
        let _ = request;
        Err(Refusal::Unserved("this model does not give embeddings".to_owned()))
    }

    /// Accepts documents to be scored against a query, or refuses them.
    ///
    /// It is called as [`Backend::submit`] is.
    ///
    /// # Errors
    /// When they cannot be served, now or ever; see [`Refusal`].
    fn score(&self, request: ScoreRequest) -> Result<Promise<Scores>, Refusal> {
        let _ = request;
        Err(Refusal::Unserved("this model does not score documents".to_owned()))
    }

    /// The token ids that the model would see. `add_special_tokens` says whether the tokenizer puts its own around a
    /// text, such as one that begins it; a chat has them from its template.
    ///
    /// # Errors
    /// When the template does not take the chat, or the backend has no tokenizer.
    fn tokenize(&self, input: &Input, add_special_tokens: bool) -> Result<Vec<u32>, Refusal> {
        let _ = (input, add_special_tokens);
        Err(Refusal::Unserved("this model has no tokenizer".to_owned()))
    }

    /// The text of token ids.
    ///
    /// # Errors
    /// When an id is not in the vocabulary, or the backend has no tokenizer.
    fn detokenize(&self, tokens: &[u32]) -> Result<String, Refusal> {
        let _ = tokens;
        Err(Refusal::Unserved("this model has no tokenizer".to_owned()))
    }

    /// The path that it is made for.
    fn path(&self) -> &'static str {
        "/v1/chat/completions"
    }

    /// What it counts; `None` where it counts nothing.
    fn metrics(&self) -> Option<&Metrics> {
        None
    }

    /// What tells how much memory it takes; `None` where that is not told.
    fn memory(&self) -> Option<Meter> {
        None
    }
}

/// A model that may be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelCard {
    /// The name that requests give.
    pub name: String,
    /// Most tokens of prompt and reply together; `None` where there is no such bound.
    pub context: Option<usize>,
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
    /// Whether log-probabilities are told: the number of likeliest tokens wanted beside the chosen one, 0 to 20.
    pub logprobs: Option<usize>,
    /// What the reply must look like.
    pub constraint: Option<Constraint>,
    /// When the last byte of the request had been read.
    pub received: Instant,
}

/// What a request asks to continue.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A chat, to be rendered with the model's template.
    Chat(Chat),
    /// Plain text.
    Text(String),
    /// Token ids.
    Tokens(Vec<u32>),
}

/// A chat, as the model's own template takes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Chat {
    /// The messages in order: objects with a text as `role` and a text as `content`, and whatever else the request gave
    /// them, such as `name` and `tool_calls`.
    pub messages: Vec<Value>,
    /// The tools that the model may call, as the request listed them.
    pub tools: Option<Value>,
    /// Further values for the template, `chat_template_kwargs` of the request.
    pub extra: Map<String, Value>,
    /// Whether the text ends where the assistant begins to speak.
    pub add_generation_prompt: bool,
}

/// What a reply must look like. Tokens that would lead away from it are never drawn.
#[derive(Debug, Clone, PartialEq)]
pub enum Constraint {
    /// Any JSON object.
    JsonObject,
    /// JSON that is valid by this JSON Schema.
    JsonSchema(Value),
    /// A text that this regular expression matches as a whole.
    Regex(String),
    /// One of these texts, at least one.
    Choice(Vec<String>),
    /// A text of the language of this context-free grammar.
    Grammar(String),
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
    /// Least probability that may be drawn, as a share of the greatest one; 0 is off.
    pub min_p: f32,
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
            min_p: 0.0,
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
    /// Further tokens that end the reply as the end-of-text token does, but which `ignore_eos` does not bar.
    pub stop_token_ids: Vec<u32>,
}

/// Texts to be embedded.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbeddingRequest {
    /// The texts, at least one; none is a chat.
    pub input: Vec<Input>,
    /// When the last byte of the request had been read.
    pub received: Instant,
}

/// What texts were embedded as.
#[derive(Debug, Clone, PartialEq)]
pub struct Embeddings {
    /// The vector of each text, all of one length.
    pub vectors: Vec<Vec<f32>>,
    /// Tokens of all texts together.
    pub prompt_tokens: usize,
}

/// Documents to be scored against a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScoreRequest {
    /// What is looked for.
    pub query: String,
    /// Where it is looked for, at least one.
    pub documents: Vec<String>,
    /// When the last byte of the request had been read.
    pub received: Instant,
}

/// How well documents fit a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// The score of each document; more is better.
    pub scores: Vec<f32>,
    /// Tokens of all pairs of query and document together.
    pub prompt_tokens: usize,
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
    #[error("the server has no room for another request now; try again in {retry_after_s} s")]
    Busy {
        /// Whole seconds after which there may be, at least 1.
        retry_after_s: u32,
    },
    /// The model cannot do this at all; the text says what.
    #[error("{0}")]
    Unserved(String),
    /// The backend is broken.
    #[error("{0}")]
    Broken(String),
}

/// A generation under way. Dropping it cancels the work at the backend's next step.
#[derive(Debug)]
pub struct Generation {
    /// Tokens of the prompt as the model sees it, template included.
    pub prompt_tokens: usize,
    /// What happens, in order; [`Event::End`] is the last. A channel that closes before was broken off.
    ///
    /// It is unbounded so that a slow reader never holds up the model; `max_tokens` bounds what can pile up.
    pub events: mpsc::UnboundedReceiver<Event>,
}

/// One thing that happens in a generation.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// One token was generated.
    Token {
        /// Its id; `None` where the backend has no vocabulary.
        id: Option<u32>,
        /// Text that is settled by this token, which may be none or more than its own.
        text: String,
        /// How likely it was, where the request asked for that.
        logprobs: Option<Box<Logprobs>>,
    },
    /// The generation is complete.
    End {
        /// Text that was held back until now, mostly none.
        text: String,
        /// Why it ended.
        finish: Finish,
        /// Tokens generated, one for each [`Event::Token`].
        tokens: usize,
        /// Tokens of the prompt whose work was spared by a prefix cache.
        cached_tokens: usize,
    },
    /// The backend failed amid the generation.
    Failed(String),
}

/// How likely a token was, by the distribution of the model before temperature and filters.
#[derive(Debug, Clone, PartialEq)]
pub struct Logprobs {
    /// The token that was drawn.
    pub chosen: TokenLogprob,
    /// The likeliest tokens in falling order, as many as were asked for; the one that was drawn may be among them.
    pub top: Vec<TokenLogprob>,
}

/// A token and how likely it was.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenLogprob {
    /// Its id.
    pub id: u32,
    /// Its bytes, which may be a part of a character.
    pub bytes: Vec<u8>,
    /// Natural logarithm of its probability.
    pub logprob: f32,
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
