//! The embedded model: decoders and encoders in candle, read from files or drawn from a seed, and what serves them.
//!
//! | file | what it holds |
//! |---|---|
//! | [`open`] | a model by its name, folder or file |
//! | [`catalog`], [`weights`] | models by name; weights that are drawn |
//! | [`config`], [`checkpoint`], [`convert`], [`lexicon`] | descriptions, tensors and tokenizers of files |
//! | [`load`], [`decoder`], [`network`], [`kernel`], [`machine`] | the network, its parts, their inner loops, and what they run on |
//! | [`sequence`], [`batch`], [`pool`] | one request under way; all of them, one step at a time; whose memory is whose |
//! | [`worker`] | the thread of a model, and who may send it work |
//! | [`sampler`], [`guide`] | logits to a token; what keeps a reply within its constraint |
//! | [`encoder`] | models that embed and rank, which share what lies below the layers |
//! | [`template`], [`vocabulary`], [`text`] | a chat to a prompt; tokens to bytes; bytes to text |
//!
//! # What holds
//!
//! * A reply depends on the weights, the prompt and the sampling of its request only: each row of a batch is computed
//!   in the same order of additions whatever else is in the batch, so batching, chunks of prompts, remembered prefixes and
//!   numbers of threads change not a single bit.
//! * Weights stay where they lie: a file is mapped, not read, and its numbers are multiplied in the type they have there.
//! * The model leaves a processor to the load engine. candle's own products on the processor are not used there: they
//!   spread over all of them.

mod batch;
#[cfg(test)]
mod batch_tests;
mod catalog;
mod checkpoint;
mod config;
mod convert;
mod decoder;
#[cfg(test)]
mod decoder_tests;
mod encoder;
#[cfg(test)]
mod golden_tests;
mod guide;
mod kernel;
mod lexicon;
mod load;
mod machine;
mod network;
mod open;
mod pool;
mod sampler;
mod sequence;
mod template;
mod text;
mod vocabulary;
mod weights;
mod worker;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use batch::Batch;
use guide::{Guide, Guides};
use open::Opened;
use sequence::{Order, Sequence};
use template::Template;
use vocabulary::Vocabulary;
use worker::Worker;

use crate::error::{Failure, Result};
use crate::local::backend::{
    Backend, Constraint, Draw, EmbeddingRequest, Embeddings, Generation, GenerationRequest, Input, ModelCard, Promise,
    Refusal, ScoreRequest, Scores,
};
use crate::local::{Meter, Metrics};
use crate::plan::EmbeddedSpec;
use crate::tokenizer::Tokenizer;

/// The embedded model and its thread.
pub struct Model {
    name: String,
    seed: u64,
    context: usize,
    usual: Draw,
    tokenizer: Tokenizer,
    template: Template,
    vocabulary: Arc<Vocabulary>,
    guides: OnceLock<std::result::Result<Guides, String>>,
    arrivals: AtomicU64,
    worker: Worker<Sequence>,
}

/// Checks that there is such a model, and that it can be run as the plan says.
///
/// # Errors
/// When there is none, or it cannot.
pub fn check(spec: &EmbeddedSpec) -> Result<()> {
    match encoder::find(spec)? {
        Some(found) => found.check(spec),
        None => open::check(spec),
    }
}

/// Opens the model and starts its thread.
///
/// # Errors
/// When there is no such model, it cannot be read, or the system gives no thread.
pub fn load(spec: &EmbeddedSpec) -> Result<Arc<dyn Backend>> {
    match encoder::find(spec)? {
        Some(found) => Ok(Arc::new(encoder::Model::start(spec, found.open(spec)?)?)),
        None => Ok(Arc::new(start(spec)?)),
    }
}

/// Opens a decoder and starts its thread.
fn start(spec: &EmbeddedSpec) -> Result<Model> {
    let Opened { decoder, tokenizer, vocabulary, template, context, room, usual } = open::open(spec)?;
    let worker = Worker::start(spec, context, decoder.bytes(), |tools| {
        let batch = Batch::new(decoder, Arc::clone(&vocabulary), room, tools.most, tools.memory, tools.metrics);
        move |arriving| batch.run(arriving)
    })?;
    Ok(Model {
        name: spec.name().to_owned(),
        seed: spec.seed,
        context,
        usual,
        template,
        tokenizer,
        vocabulary,
        guides: OnceLock::new(),
        arrivals: AtomicU64::new(0),
        worker,
    })
}

impl Model {
    /// What the model is and which paths it serves.
    fn unserved(&self, wanted: &str) -> Refusal {
        let name = &self.name;
        Refusal::Unserved(format!(
            "{name} is a model that writes text and {wanted}; it serves /v1/chat/completions and /v1/completions"
        ))
    }

    fn tokens(&self, input: &Input, whole: bool) -> Result<Vec<u32>, Refusal> {
        let broken = |failure: Failure| Refusal::Broken(failure.to_string());
        let (field, mut tokens) = match input {
            // A template writes the special tokens itself.
            Input::Chat(chat) => ("messages", self.tokenizer.encode(&self.template.render(chat)?).map_err(broken)?),
            Input::Text(text) if whole => ("prompt", self.tokenizer.encode_whole(text).map_err(broken)?),
            Input::Text(text) => ("prompt", self.tokenizer.encode(text).map_err(broken)?),
            Input::Tokens(ids) => ("prompt", ids.clone()),
        };
        let invalid = |message: String| Refusal::Invalid { field, message };
        if let Some(id) = tokens.iter().find(|id| **id as usize >= self.vocabulary.len()) {
            return Err(invalid(format!("token {id} is not below {}", self.vocabulary.len())));
        }
        if tokens.is_empty() {
            // A reply has to follow something; the end of a text that came before serves as its beginning.
            let start = self.vocabulary.ends().first().ok_or_else(|| invalid("must not be empty".to_owned()))?;
            tokens.push(*start);
        }
        Ok(tokens)
    }

    fn guide(&self, constraint: &Constraint) -> Result<Guide, Refusal> {
        let guides = self.guides.get_or_init(|| Guides::of(&self.vocabulary));
        let field = match constraint {
            Constraint::JsonObject | Constraint::JsonSchema(_) => "response_format",
            Constraint::Regex(_) | Constraint::Choice(_) | Constraint::Grammar(_) => "structured_outputs",
        };
        let invalid = |message: String| Refusal::Invalid { field, message };
        match guides {
            Ok(guides) => guides.guide(constraint).map_err(|why| invalid(format!("cannot be followed: {why}"))),
            Err(why) => Err(Refusal::Unserved(format!("replies cannot be constrained: {why}"))),
        }
    }
}

impl Backend for Model {
    fn models(&self) -> Vec<ModelCard> {
        vec![ModelCard { name: self.name.clone(), context: Some(self.context) }]
    }

    fn usual_draw(&self) -> Draw {
        self.usual.clone()
    }

    fn submit(&self, request: GenerationRequest) -> Result<Generation, Refusal> {
        let place = self.worker.place()?;
        let prompt = self.tokens(&request.input, true)?;
        let prompt_tokens = prompt.len();
        let room = self.context.saturating_sub(prompt_tokens);
        let most = request.limits.max_tokens.unwrap_or(room.max(1));
        if most > room {
            return Err(Refusal::TooLong { context: self.context, prompt: prompt_tokens, reply: most });
        }
        let guide = request.constraint.as_ref().map(|constraint| self.guide(constraint)).transpose()?;
        // A request without a seed gets one by its number, so that a run repeats when its requests arrive in order.
        let number = self.arrivals.fetch_add(1, Ordering::Relaxed);
        let (sequence, events) = Sequence::new(Order {
            prompt,
            seed: request.draw.seed.unwrap_or_else(|| weights::mix(self.seed, number)),
            draw: request.draw,
            limits: request.limits,
            most,
            logprobs: request.logprobs,
            guide,
            received: request.received,
            place,
        });
        self.worker.send(sequence)?;
        Ok(Generation { prompt_tokens, events })
    }

    fn embed(&self, _: EmbeddingRequest) -> Result<Promise<Embeddings>, Refusal> {
        Err(self.unserved("does not give embeddings"))
    }

    fn score(&self, _: ScoreRequest) -> Result<Promise<Scores>, Refusal> {
        Err(self.unserved("does not score documents"))
    }

    fn tokenize(&self, input: &Input, add_special_tokens: bool) -> Result<Vec<u32>, Refusal> {
        self.tokens(input, add_special_tokens)
    }

    fn detokenize(&self, tokens: &[u32]) -> Result<String, Refusal> {
        self.tokenizer.decode(tokens).map_err(|failure| Refusal::Invalid { field: "tokens", message: failure.message })
    }

    fn metrics(&self) -> Option<&Metrics> {
        Some(&self.worker.metrics)
    }

    fn memory(&self) -> Option<Meter> {
        Some(self.worker.memory.clone())
    }
}
