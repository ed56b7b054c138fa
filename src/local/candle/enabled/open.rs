//! A model by its name, folder or file: description, weights, tokenizer and template together.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::batch::Room;
use super::catalog::{self, PREFIX};
use super::checkpoint::{gguf, safetensors};
use super::config::{Config, of_file, of_folder};
use super::decoder::Decoder;
use super::kernel::{Kind, POSITIONS};
use super::lexicon;
use super::load::{self, Files, Names, decoder};
use super::machine::Machine;
use super::network::Cache;
use super::network::cache::block_bytes;
use super::template::Template;
use super::vocabulary::Vocabulary;
use super::weights::{self, Drawn};
use crate::error::{Exit, Failure, Result};
use crate::local::backend::Draw;
use crate::plan::{EmbeddedSpec, EngineSpec};
use crate::template::ChatTemplate;
use crate::tokenizer::Tokenizer;

/// Memory for keys and values where nothing is said, and at most for so many whole contexts.
const CACHE_BYTES: u64 = 1 << 30;
const CACHE_CONTEXTS: usize = 256;

/// A model that is ready to work.
pub struct Opened {
    /// The network.
    pub decoder: Decoder,
    /// Text to tokens.
    pub tokenizer: Tokenizer,
    /// Tokens to text.
    pub vocabulary: Arc<Vocabulary>,
    /// Chats to text.
    pub template: Template,
    /// How tokens are drawn where the request does not say.
    pub usual: Draw,
    /// Most tokens of prompt and reply together.
    pub context: usize,
    /// The memory for keys and values.
    pub room: Room,
}

/// Where a model is.
pub enum Place {
    /// In no file: its weights are drawn.
    Nowhere,
    /// In a folder as on Hugging Face.
    Folder(PathBuf),
    /// In a GGUF file.
    File(PathBuf),
}

impl Place {
    /// Where the model of this name lies.
    ///
    /// # Errors
    /// When there is no such folder or file, or it cannot be read.
    pub fn of(model: &str) -> Result<Self> {
        if model.starts_with(PREFIX) {
            return Ok(Place::Nowhere);
        }
        let path = Path::new(model);
        if path.is_file() {
            return Ok(Place::File(path.to_owned()));
        }
        if !path.is_dir() {
            return Err(Failure::usage(format!(
                "--model {model}: there is no such folder or file, and no model of this name"
            ))
            .hint(catalog::hint()));
        }
        // A folder of GGUF files may hold the same model several times over.
        if !path.join("config.json").is_file()
            && let [only] = files(path)?.as_slice()
        {
            return Ok(Place::File(only.clone()));
        }
        Ok(Place::Folder(path.to_owned()))
    }
}

/// The GGUF files of a folder.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let failed = |error| Failure::files(format!("{}: cannot be read", folder.display())).because(error);
    let entries = std::fs::read_dir(folder).map_err(failed)?;
    let paths =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<std::io::Result<Vec<_>>>().map_err(failed)?;
    Ok(paths.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "gguf")).collect())
}

/// Checks what can be checked without reading weights.
///
/// # Errors
/// When there is no such model, its description cannot be read, or it cannot be run as the plan says.
pub fn check(spec: &EmbeddedSpec) -> Result<()> {
    kind(&spec.engine)?;
    let asked = spec.engine.max_model_len;
    let trained = match Place::of(&spec.model)? {
        Place::Nowhere => catalog::find(&spec.model, 1)?.0.context,
        Place::Folder(folder) => of_folder(&folder, asked)?.shape.context,
        Place::File(file) => of_file(&gguf::open(&file)?, asked)?.shape.context,
    };
    within(asked, trained)
}

/// Opens a model.
///
/// # Errors
/// When there is no such model, it cannot be read, or it cannot be run as the plan says.
pub fn open(spec: &EmbeddedSpec) -> Result<Opened> {
    let kind = kind(&spec.engine)?;
    let asked = spec.engine.max_model_len;
    let threads = spec.engine.threads.unwrap_or_else(spare_threads);
    let machine =
        Machine::best(threads).map_err(|why| Failure::new(Exit::Files, format!("--model {}: {why}", spec.model)))?;
    match Place::of(&spec.model)? {
        Place::Nowhere => {
            let tokenizer = Tokenizer::built_in()?;
            let (shape, usual) = catalog::find(&spec.model, tokenizer.vocab_size())?;
            let seed = weights::seed(&spec.model, spec.seed);
            let drawn = Drawn::new(&spec.model, &shape, seed, kind.unwrap_or(usual))?;
            let vocabulary = Vocabulary::drawing(&tokenizer);
            let template = Template::drawing(&tokenizer);
            let config = Config { shape, ends: Vec::new(), generation: Map::new() };
            finish(spec, config, &drawn, None, machine, (tokenizer, vocabulary, template))
        }
        Place::Folder(folder) => {
            let config = of_folder(&folder, asked)?;
            let checkpoint = safetensors::open(&folder)?;
            let tokenizer = Tokenizer::open_for("", &folder)?;
            let vocabulary = Vocabulary::of(&tokenizer, config.ends.clone());
            let template = Template::of(ChatTemplate::beside(&folder)?);
            let shape = config.shape.clone();
            let source = Files { checkpoint: &checkpoint, shape: &shape, names: Names::Folder };
            finish(spec, config, &source, kind, machine, (tokenizer, vocabulary, template))
        }
        Place::File(file) => {
            let gguf = gguf::open(&file)?;
            let config = of_file(&gguf, asked)?;
            let tokenizer = lexicon::tokenizer(&gguf)?;
            let vocabulary = Vocabulary::of(&tokenizer, config.ends.clone());
            let template = Template::of(lexicon::template(&gguf)?);
            let shape = config.shape.clone();
            let source = Files { checkpoint: &gguf.checkpoint, shape: &shape, names: Names::File };
            finish(spec, config, &source, kind, machine, (tokenizer, vocabulary, template))
        }
    }
}

fn finish(
    spec: &EmbeddedSpec,
    config: Config,
    source: &dyn load::Source,
    kind: Option<Kind>,
    machine: Machine,
    (tokenizer, vocabulary, template): (Tokenizer, Vocabulary, Template),
) -> Result<Opened> {
    let trained = config.shape.context;
    within(spec.engine.max_model_len, trained)?;
    if config.shape.vocabulary < vocabulary.len() {
        return Err(Failure::files(format!(
            "{}: the tokenizer has {} tokens, but the model only {} rows for them",
            source.place(),
            vocabulary.len(),
            config.shape.vocabulary
        ))
        .hint("tokenizer and weights belong to different models; fetch the model again"));
    }
    let decoder = decoder(config.shape, source, kind, machine)?;
    let (context, room) = room(spec, &decoder, trained)?;
    Ok(Opened {
        decoder,
        tokenizer,
        vocabulary: Arc::new(vocabulary),
        template,
        usual: usual(&config.generation),
        context,
        room,
    })
}

/// The draws of `generation_config.json`: those of its fields that vLLM takes as well.
fn usual(generation: &Map<String, Value>) -> Draw {
    let or = Draw::default();
    let number = |field: &str| generation.get(field).and_then(Value::as_f64).map(|number| number as f32);
    let top_k = generation.get("top_k").and_then(Value::as_u64).and_then(|k| usize::try_from(k).ok());
    Draw {
        temperature: number("temperature").filter(|number| *number >= 0.0).unwrap_or(or.temperature),
        top_p: number("top_p").filter(|number| *number > 0.0 && *number <= 1.0).unwrap_or(or.top_p),
        top_k: top_k.filter(|k| *k > 0),
        min_p: number("min_p").filter(|number| (0.0..=1.0).contains(number)).unwrap_or(or.min_p),
        repetition_penalty: number("repetition_penalty")
            .filter(|number| *number > 0.0)
            .unwrap_or(or.repetition_penalty),
        ..or
    }
}

/// The memory for keys and values, and the context that it holds.
fn room(spec: &EmbeddedSpec, decoder: &Decoder, trained: usize) -> Result<(usize, Room)> {
    let Decoder { shape, kind, machine, .. } = decoder;
    let bytes = block_bytes(shape, *kind, machine);
    let asked = spec.engine.max_model_len;
    let context = asked.unwrap_or(trained);
    let most = context.div_ceil(POSITIONS) * CACHE_CONTEXTS;
    let given = spec.engine.kv_cache_bytes;
    let blocks = usize::try_from(given.unwrap_or(CACHE_BYTES) / bytes as u64).unwrap_or(usize::MAX).min(most);
    let held = blocks * POSITIONS;
    if held < asked.unwrap_or(POSITIONS) {
        return Err(Failure::usage(format!(
            "--kv-cache-gib: {} MiB hold keys and values of {held} tokens, not of {}",
            (given.unwrap_or(CACHE_BYTES)) >> 20,
            asked.unwrap_or(POSITIONS)
        ))
        .hint("give more memory with --kv-cache-gib, or a smaller --max-model-len"));
    }
    let cache = Cache::new(shape, *kind, blocks, machine)
        .map_err(|error| Failure::new(Exit::Files, "the memory for keys and values cannot be had").because(error))?;
    Ok((context.min(held), Room::new(cache, blocks, bytes)))
}

/// The kind that weights are asked to be held in; `None` is that of the files.
///
/// # Errors
/// When weights are not held in it.
pub fn kind(engine: &EngineSpec) -> Result<Option<Kind>> {
    Ok(Some(match engine.dtype.as_deref() {
        None | Some("auto") => return Ok(None),
        Some("f32") => Kind::F32,
        Some("f16") => Kind::F16,
        Some("bf16") => Kind::BF16,
        Some("q8_0") => Kind::Q8_0,
        Some(other) => {
            return Err(Failure::usage(format!("--dtype {other}: weights are not held in this"))
                .hint("known: auto, f32, f16, bf16, q8_0"));
        }
    }))
}

/// Checks that no longer texts are asked for than the model was trained for.
///
/// # Errors
/// When they are.
pub fn within(asked: Option<usize>, trained: usize) -> Result<()> {
    match asked {
        Some(asked) if asked > trained => {
            Err(Failure::usage(format!("--max-model-len {asked}: the model was trained for {trained} tokens"))
                .hint(format!("give at most {trained}")))
        }
        _ => Ok(()),
    }
}

/// All processors but the one that the load engine needs.
pub fn spare_threads() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().saturating_sub(1).max(1))
}
