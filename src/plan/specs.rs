//! The sections of a plan that later stages receive.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

/// Another load generator whose draws can be reproduced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// `vllm bench serve`.
    Vllm,
    /// SGLang's `bench_serving`.
    Sglang,
    /// EvalScope.
    Evalscope,
}

impl Tool {
    /// Every tool with its name.
    pub const ALL: [(&'static str, Tool); 3] =
        [("vllm", Tool::Vllm), ("sglang", Tool::Sglang), ("evalscope", Tool::Evalscope)];
}

/// How the rate of a ramp grows with the number of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ramp {
    /// By equal steps.
    Linear,
    /// By equal factors.
    Exponential,
}

/// How arrivals of a paced or open loop are spaced.
#[derive(Debug, Clone, PartialEq)]
pub enum Arrival {
    /// Gamma-distributed gaps; a burstiness of 1 is Poisson.
    Gamma {
        /// Shape of the distribution.
        burstiness: f64,
    },
    /// Equal gaps.
    Constant,
    /// Gaps whose rate grows from one value to another over the run.
    Ramp {
        /// How it grows.
        ramp: Ramp,
        /// Requests a second at the first request.
        from: f64,
        /// Requests a second at the last request.
        to: f64,
        /// Shape of the gaps.
        burstiness: f64,
    },
    /// Instants read from a file.
    Trace(PathBuf),
    /// Instants of a saved workload.
    Saved,
}

/// What bounds a load point beyond its number of requests.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadSpec {
    /// How arrivals are spaced.
    pub arrival: Arrival,
    /// Nothing new starts later than this after the first measured request.
    pub duration: Option<Duration>,
    /// What is in flight then gets so long; all it needs when unset.
    pub grace: Option<Duration>,
    /// Time over which the slots of a closed loop open.
    pub slot_ramp: Duration,
}

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
    /// Random prompts as another tool draws them.
    RandomAs {
        /// The tool.
        tool: Tool,
        /// Prompt length to draw around, in tokens.
        input_len: u32,
        /// Reply length to draw around, in tokens.
        output_len: u32,
        /// Width of the draw, by the tool's rule.
        range_ratio: f64,
        /// Length of the prefix that all prompts share, in tokens.
        prefix: u32,
    },
    /// A saved workload.
    Saved(PathBuf),
}

impl Source {
    /// Name of the dataset as EvalScope spells it.
    pub fn name(&self) -> &'static str {
        match self {
            Source::Fixed(_) => "prompt",
            Source::OpenQa(_) => "openqa",
            Source::LineByLine(_) => "line_by_line",
            Source::Custom(_) => "custom",
            Source::Random { .. } | Source::RandomAs { .. } => "random",
            Source::Saved(_) => "saved",
        }
    }
}

impl WorkloadSpec {
    /// Takes the dataset from a file or folder that was fetched.
    pub fn take_from(&mut self, path: PathBuf) {
        match &mut self.source {
            Source::OpenQa(at) => *at = Some(path),
            Source::LineByLine(at) | Source::Custom(at) => *at = path,
            Source::Fixed(_) | Source::Random { .. } | Source::RandomAs { .. } | Source::Saved(_) => {}
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
