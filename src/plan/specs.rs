//! The sections of a plan that later stages receive.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::EmbeddedSpec;
use super::dataset::{Args, Set, SpeedArgs};

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
    /// Instants that the dataset has recorded.
    Recorded,
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
    /// A vLLM server that this program starts and ends.
    Vllm(VllmSpec),
}

/// A vLLM server as a child of this program.
#[derive(Debug, Clone, PartialEq)]
pub struct VllmSpec {
    /// What it is to serve: a name or a folder.
    pub model: String,
    /// Port to listen on; `None` takes a free one.
    pub port: Option<u16>,
    /// Further arguments of `vllm serve`.
    pub args: Vec<String>,
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
    /// A dataset.
    Set(Set),
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
            Source::Set(set) => set.name(),
            Source::RandomAs { .. } => "random",
            Source::Saved(_) => "saved",
        }
    }
}

/// Random prefixes that prompts share, on top of their own length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefix {
    /// Tokens of each.
    pub length: u32,
    /// How many there are; request `i` begins with prefix `i mod count`.
    pub count: u32,
}

/// How a pixel of a random image is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pixel {
    /// Red, green, blue.
    Rgb,
    /// The same with opacity.
    Rgba,
    /// Grey.
    Grey,
}

impl Pixel {
    /// Every form with its name in PIL, which EvalScope takes.
    pub const ALL: [(&'static str, Pixel); 3] = [("RGB", Pixel::Rgb), ("RGBA", Pixel::Rgba), ("L", Pixel::Grey)];

    /// Bytes of a pixel.
    pub fn bytes(self) -> usize {
        match self {
            Pixel::Rgb => 3,
            Pixel::Rgba => 4,
            Pixel::Grey => 1,
        }
    }
}

/// The random images of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Images {
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
    /// Images a request.
    pub count: u32,
    /// How pixels are stored.
    pub pixel: Pixel,
}

/// How many turns a conversation has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turns {
    /// Fewest, where they are drawn.
    pub min: u32,
    /// Most; longer conversations are cut.
    pub max: Option<u32>,
}

/// Everything the workload is made from.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkloadSpec {
    /// Where prompts come from.
    pub source: Source,
    /// File or folder of the dataset.
    pub path: Option<PathBuf>,
    /// Options of the dataset.
    pub args: Args,
    /// Index of the first item to use.
    pub offset: u64,
    /// Bounds of the prompt length: tokens for random prompts and where a tokenizer is set, else characters.
    pub lengths: Lengths,
    /// Random prefixes that random prompts share.
    pub prefix: Prefix,
    /// Images of each request, where the dataset makes them.
    pub images: Images,
    /// Turns of each conversation, where the dataset has several.
    pub turns: Turns,
    /// Whether each conversation begins with tokens of its own, so that no prefix cache serves it.
    pub cache_bust: bool,
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

impl WorkloadSpec {
    /// How many times as fast as recorded the dataset's own schedule is met; `None` where it has none.
    pub fn recorded_speed(&self) -> Option<f64> {
        match (&self.source, &self.args) {
            (Source::Set(set), _) if !set.has_schedule() => None,
            (_, Args::Recorded(args)) => Some(args.speed),
            (_, Args::Trace(args)) => Some(args.speed),
            (_, Args::Serve(args)) => Some(args.speed),
            _ => None,
        }
    }

    /// Takes the dataset from a file or folder that was fetched.
    pub fn take_from(&mut self, path: PathBuf) {
        if matches!(self.source, Source::Set(_)) {
            self.path = Some(path);
        }
    }

    /// Prompts of a dataset that has a few of its own, each to be sent once.
    pub fn size(&self) -> Option<u64> {
        match (&self.source, &self.args) {
            (Source::Set(set), Args::Speed(args)) => Some((args.lengths(*set).len() * SpeedArgs::REPEATS) as u64),
            _ => None,
        }
    }

    /// Whether a table of speed against the length of the prompt is asked for.
    pub fn is_speed(&self) -> bool {
        matches!(self.source, Source::Set(set) if set.is_speed())
    }
}
