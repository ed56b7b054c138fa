//! An encoder by its name or folder: description, weights and tokenizer together.

use std::path::PathBuf;

use super::config::{Config, Task};
use super::drawn::Drawn;
use super::network::Encoder;
use super::parts::{Folder, Source};
use super::text::Reader;
use crate::error::{Exit, Failure, Result};
use crate::local::candle::chosen::checkpoint::safetensors;
use crate::local::candle::chosen::machine::Machine;
use crate::local::candle::chosen::open::{Place, kind, spare_threads, within};
use crate::local::candle::chosen::{catalog, weights};
use crate::plan::EmbeddedSpec;
use crate::tokenizer::Tokenizer;

/// The tokens of the built-in tokenizer that stand around a text whose encoder is drawn.
const AROUND: [&str; 2] = ["<|im_start|>", "<|im_end|>"];

/// An encoder that was found, and where its weights are: in a folder, or in none because they are drawn.
pub struct Found {
    config: Config,
    folder: Option<PathBuf>,
}

/// An encoder that is ready to work.
pub struct Opened {
    /// The network.
    pub encoder: Encoder,
    /// Text to tokens.
    pub reader: Reader,
    /// What the network is for.
    pub task: Task,
}

/// Finds the encoder of this name or folder; `None` where it is no encoder.
///
/// # Errors
/// When there is no such folder, or its description cannot be read or asks for something that is not served.
pub fn find(spec: &EmbeddedSpec) -> Result<Option<Found>> {
    match Place::of(&spec.model)? {
        Place::Nowhere => Ok(catalog::encoder(&spec.model).map(|config| Found { config, folder: None })),
        Place::Folder(folder) => Ok(Config::of_folder(&folder)?.map(|config| Found { config, folder: Some(folder) })),
        Place::File(_) => Ok(None),
    }
}

impl Found {
    /// Checks that the model can be run as the plan says, without reading weights.
    ///
    /// # Errors
    /// When it cannot.
    pub fn check(&self, spec: &EmbeddedSpec) -> Result<()> {
        kind(&spec.engine)?;
        if spec.engine.kv_cache_bytes.is_some() {
            return Err(Failure::usage("--kv-cache-gib: an encoder remembers no keys and values")
                .hint("leave it out; it goes with models that write text"));
        }
        within(spec.engine.max_model_len, self.config.context)
    }

    /// Opens the model.
    ///
    /// # Errors
    /// When it cannot be read, or cannot be run as the plan says.
    pub fn open(self, spec: &EmbeddedSpec) -> Result<Opened> {
        self.check(spec)?;
        let threads = spec.engine.threads.unwrap_or_else(spare_threads);
        let machine = Machine::best(threads)
            .map_err(|why| Failure::new(Exit::Files, format!("--model {}: {why}", spec.model)))?;
        match &self.folder {
            Some(folder) => {
                let checkpoint = safetensors::open(folder)?;
                let source = Folder::new(&checkpoint, &self.config.shape);
                self.finish(spec, &source, Tokenizer::open_for("", folder)?, machine)
            }
            None => {
                let [first, last] = AROUND;
                let tokenizer = Tokenizer::built_in()?.framed(first, last)?;
                let source = Drawn::new(&spec.model, weights::seed(&spec.model, spec.seed));
                self.finish(spec, &source, tokenizer, machine)
            }
        }
    }

    fn finish(
        &self,
        spec: &EmbeddedSpec,
        source: &dyn Source,
        tokenizer: Tokenizer,
        machine: Machine,
    ) -> Result<Opened> {
        let Config { shape, task, context, lowercase } = &self.config;
        if shape.vocabulary < tokenizer.vocab_size() {
            return Err(Failure::files(format!(
                "{}: the tokenizer has {} tokens, but the model only {} rows for them",
                source.place(),
                tokenizer.vocab_size(),
                shape.vocabulary
            ))
            .hint("tokenizer and weights belong to different models; fetch the model again"));
        }
        let encoder = Encoder::new(&self.config, source, kind(&spec.engine)?, machine)?;
        let context = spec.engine.max_model_len.unwrap_or(*context);
        let reader = Reader::new(tokenizer, shape, context, *lowercase);
        Ok(Opened { encoder, reader, task: task.clone() })
    }
}
