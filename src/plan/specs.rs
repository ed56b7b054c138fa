//! The sections of a plan that later stages receive.

use std::path::PathBuf;

use serde_json::Value;

/// Who answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Served {
    /// A server at the target's address.
    Remote,
    /// A model inside this program, behind a server on loopback.
    Embedded(EmbeddedSpec),
}

/// The embedded model.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbeddedSpec {
    /// Name such as `random:tiny`.
    pub model: String,
    /// Port to listen on; `None` takes a free one.
    pub port: Option<u16>,
    /// Seed of the weights.
    pub seed: u64,
}

/// Bounds of a length, inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lengths {
    /// Shortest.
    pub min: u32,
    /// Longest.
    pub max: u32,
}

/// Where prompts come from.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// One prompt for every request.
    Fixed(String),
    /// Questions, one JSON object with `question` a line; `None` takes those that ship with the program.
    OpenQa(Option<PathBuf>),
    /// One request a line: text, messages or a whole body.
    LineByLine(PathBuf),
    /// A prompt list: text lines, OpenAI messages or whole bodies in JSONL.
    Custom(PathBuf),
    /// Random prompts of exact token count.
    Random {
        /// Length of the prefix all prompts share, on top of the drawn length.
        prefix: u32,
    },
}

impl Source {
    /// Name of the dataset as EvalScope spells it.
    pub fn name(&self) -> &'static str {
        match self {
            Source::Fixed(_) => "prompt",
            Source::OpenQa(_) => "openqa",
            Source::LineByLine(_) => "line_by_line",
            Source::Custom(_) => "custom",
            Source::Random { .. } => "random",
        }
    }
}

/// Everything the workload is made from.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkloadSpec {
    /// Where prompts come from.
    pub source: Source,
    /// Index of the first item to use.
    pub offset: u64,
    /// Bounds of the prompt length: tokens for random prompts and where a tokenizer is set, else characters.
    pub lengths: Lengths,
    /// Whether plain text is sent as chat messages.
    pub chat: bool,
    /// Tokenizer to count with; `None` is the one that is built in, for random prompts only.
    pub tokenizer: Option<PathBuf>,
    /// Seed of everything that is drawn.
    pub seed: u64,
    /// Bounds that `max_tokens` is drawn from.
    pub max_tokens: (u32, u32),
    /// Threads that make prompts.
    pub threads: usize,
    /// A body whose messages are replaced by each prompt.
    pub template: Option<serde_json::Map<String, Value>>,
}
