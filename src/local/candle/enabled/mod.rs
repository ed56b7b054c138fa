//! The embedded model: a decoder in candle with weights drawn from a seed, on one thread.
//!
//! | file | what it holds |
//! |---|---|
//! | [`catalog`] | the models by name |
//! | [`weights`], [`decoder`], [`attention`], [`cache`], [`kernel`] | the network, from drawn numbers to logits |
//! | [`sequence`], [`batch`] | one request under way; all of them, one step at a time |
//! | [`sampler`] | logits to a token |
//! | [`template`], [`vocabulary`], [`text`] | a chat to a prompt; tokens to bytes; bytes to text |
//!
//! # What holds
//!
//! * A reply depends on the weights, the prompt and the sampling of its request only: each row of a batch is computed
//!   in the same order of additions whatever else is in the batch, so batching changes not a single bit.
//! * The model takes one core. candle's own matrix product is not used: it asks the system for the number of cores
//!   at each call, which reads `/proc/cpuinfo` and takes longer than the product, and it spreads over the threads that
//!   the load engine needs.

mod attention;
mod batch;
mod cache;
mod catalog;
mod decoder;
mod kernel;
#[cfg(test)]
mod reference;
mod sampler;
mod sequence;
mod template;
mod text;
mod vocabulary;
mod weights;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use batch::Batch;
use decoder::Decoder;
use sequence::Sequence;
use template::Template;
use vocabulary::Vocabulary;

use crate::error::{Failure, Result};
use crate::local::Meter;
use crate::local::backend::{Backend, Generation, GenerationRequest, Input, Refusal};
use crate::plan::EmbeddedSpec;
use crate::tokenizer::Tokenizer;

/// The embedded model and its thread.
pub struct Model {
    name: String,
    seed: u64,
    context: usize,
    tokenizer: Tokenizer,
    template: Template,
    vocabulary: Arc<Vocabulary>,
    arrivals: AtomicU64,
    sequences: Option<mpsc::Sender<Sequence>>,
    thread: Option<JoinHandle<()>>,
    memory: Meter,
}

/// Checks that there is a model of this name.
///
/// # Errors
/// When there is none.
pub fn check(spec: &EmbeddedSpec) -> Result<()> {
    catalog::find(&spec.model).map(drop)
}

/// Draws the weights and starts the thread.
///
/// # Errors
/// When the name is unknown or the system gives no thread.
pub fn load(spec: &EmbeddedSpec) -> Result<Model> {
    let shape = catalog::find(&spec.model)?;
    let tokenizer = Tokenizer::built_in()?;
    let vocabulary = Arc::new(Vocabulary::of(&tokenizer));
    let decoder = Decoder::draw(shape, vocabulary.len(), weights::seed(&spec.model, spec.seed))
        .map_err(|error| Failure::bug(format!("--model {}: cannot be built", spec.model)).because(error))?;
    let (sequences, arriving) = mpsc::channel();
    let memory = Meter::default();
    memory.take(decoder.bytes());
    let batch = Batch::new(decoder, Arc::clone(&vocabulary), memory.clone());
    let thread = std::thread::Builder::new()
        .name("local-model".to_owned())
        .spawn(move || batch.run(&arriving))
        .map_err(|error| Failure::bug("the embedded model has no thread").because(error))?;
    Ok(Model {
        name: spec.model.clone(),
        seed: spec.seed,
        context: shape.context,
        template: Template::of(&tokenizer),
        tokenizer,
        vocabulary,
        arrivals: AtomicU64::new(0),
        sequences: Some(sequences),
        thread: Some(thread),
        memory,
    })
}

impl Model {
    fn tokens(&self, input: Input) -> Result<Vec<u32>, Refusal> {
        let encode = |text: &str| self.tokenizer.encode(text).map_err(|failure| Refusal::Broken(failure.to_string()));
        let (field, mut tokens) = match input {
            Input::Chat(messages) => ("messages", encode(&self.template.render(&messages))?),
            Input::Text(text) => ("prompt", encode(&text)?),
            Input::Tokens(ids) => ("prompt", ids),
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
}

impl Backend for Model {
    fn models(&self) -> Vec<String> {
        vec![self.name.clone()]
    }

    fn submit(&self, request: GenerationRequest) -> Result<Generation, Refusal> {
        let prompt = self.tokens(request.input)?;
        let prompt_tokens = prompt.len();
        let room = self.context.saturating_sub(prompt_tokens);
        let most = request.limits.max_tokens.unwrap_or(room.max(1));
        if most > room {
            return Err(Refusal::TooLong { context: self.context, prompt: prompt_tokens, reply: most });
        }
        // A request without a seed gets one by its number, so that a run repeats when its requests arrive in order.
        let number = self.arrivals.fetch_add(1, Ordering::Relaxed);
        let seed = request.draw.seed.unwrap_or_else(|| weights::mix(self.seed, number));
        let (sequence, events) = Sequence::new(prompt, request.draw, seed, request.limits, most);
        let sent = self.sequences.as_ref().is_some_and(|sequences| sequences.send(sequence).is_ok());
        if !sent {
            return Err(Refusal::Broken("the thread of the model is gone".to_owned()));
        }
        Ok(Generation { prompt_tokens, cached_tokens: 0, events })
    }

    fn memory(&self) -> Option<Meter> {
        Some(self.memory.clone())
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        // The closed channel ends the thread at its next step; what still ran is broken off.
        self.sequences = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of the embedded model panicked");
        }
    }
}
