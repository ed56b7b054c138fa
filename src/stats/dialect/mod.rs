//! The same run as other tools would have told it: their definitions, their files, from one log of events.
//!
//! Every tool looks at the same bytes and sees something else: one starts the first token at an empty event, another at
//! the first text; one ends the reply at its last text, another at `[DONE]`. Each module here holds one tool's reading
//! of a [`Reply`] and the shape of its result file. The numbers are what that tool's client would have computed from
//! these stamps; they are not better than the tool's own definition of them, and not meant to be.

mod aiperf;
mod distribution;
mod evalscope;
mod goodput;
mod guidellm;
mod inference_perf;
mod peaks;
mod reply;
mod sample;
mod sglang;
#[cfg(test)]
mod tests;
mod vllm;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::error::{Failure, Result, known};
use crate::plan::Load;
use crate::stats::Slo;

pub use reply::{Count, Event, Replies, Reply};

/// A tool whose results can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tool {
    /// `vllm bench serve`.
    Vllm,
    /// SGLang's `bench_serving`.
    Sglang,
    /// `evalscope perf` in Python.
    Evalscope,
    /// NVIDIA AIPerf.
    Aiperf,
    /// guidellm.
    Guidellm,
    /// inference-perf of the Kubernetes SIGs.
    InferencePerf,
}

impl Tool {
    /// Every tool.
    pub const ALL: [Tool; 6] =
        [Tool::Vllm, Tool::Sglang, Tool::Evalscope, Tool::Aiperf, Tool::Guidellm, Tool::InferencePerf];

    /// The name that is asked for, and that folders carry.
    pub fn name(self) -> &'static str {
        match self {
            Tool::Vllm => "vllm",
            Tool::Sglang => "sglang",
            Tool::Evalscope => "evalscope",
            Tool::Aiperf => "aiperf",
            Tool::Guidellm => "guidellm",
            Tool::InferencePerf => "inference-perf",
        }
    }

    /// The tool of this name.
    ///
    /// # Errors
    /// When there is none.
    pub fn of(name: &str) -> Result<Tool> {
        Tool::ALL.into_iter().find(|tool| tool.name() == name).ok_or_else(|| {
            Failure::usage(format!("--as {name}: no tool of this name"))
                .hint(format!("known tools: {}", known(Tool::ALL.map(Tool::name))))
        })
    }
}

/// How the rate of a run grew.
#[derive(Debug, Clone, PartialEq)]
pub struct RampUp {
    /// `linear` or `exponential`.
    pub strategy: &'static str,
    /// Requests a second at the first request.
    pub from: f64,
    /// Requests a second at the last request.
    pub to: f64,
}

/// What the files say of a run besides its replies.
#[derive(Debug, Clone)]
pub struct Context {
    /// Model as it was asked for.
    pub model: String,
    /// Requests went to chat completions, not to completions.
    pub chat: bool,
    /// Replies were asked for as streams.
    pub stream: bool,
    /// Name of the tokenizer that counted the text of replies, where one did.
    pub tokenizer: Option<String>,
    /// Name of the workload.
    pub dataset: String,
    /// Requests planned.
    pub number: u64,
    /// Most tokens a reply was allowed, where that was one number for all.
    pub max_tokens: Option<u64>,
    /// How requests were let go.
    pub load: Load,
    /// Shape of the gaps between arrivals; infinite for equal gaps.
    pub burstiness: f64,
    /// How the rate grew, where it did.
    pub ramp: Option<RampUp>,
    /// The limits of `--goodput`, where some are set.
    pub slo: Option<Slo>,
    /// Name of the run.
    pub label: Option<String>,
    /// The epoch of all stamps, ns of the wall clock since 1970.
    pub epoch_unix_ns: u64,
    /// The zone that dates are written in.
    pub zone: TimeZone,
    /// Whether lists of single requests go into the files.
    pub detailed: bool,
}

impl Context {
    /// The rate as Python prints it in names: `10.0`, or `inf` where nothing is paced.
    fn rate_name(&self) -> String {
        self.load.rate().map_or_else(|| "inf".to_owned(), |rate| format!("{rate:?}"))
    }

    /// The rate as JSON: a number, or the text `inf`.
    fn rate_value(&self) -> Value {
        number_or_inf(self.load.rate().unwrap_or(f64::INFINITY))
    }

    /// The last part of the model's name.
    fn model_leaf(&self) -> &str {
        self.model.rsplit('/').next().unwrap_or(&self.model)
    }

    /// A stamp as a date of the run's zone, in this format of `strftime`.
    fn date(&self, at_ns: u64, format: &str) -> String {
        let unix_ns = i128::from(self.epoch_unix_ns) + i128::from(at_ns);
        let at = Timestamp::from_nanosecond(unix_ns).unwrap_or(Timestamp::UNIX_EPOCH);
        at.to_zoned(self.zone.clone()).strftime(format).to_string()
    }

    /// Where the tokens of replies are counted by a client that brings its own tokenizer.
    fn counted_by(&self) -> String {
        self.tokenizer.as_ref().map_or_else(|| "server usage".to_owned(), |name| format!("tokenizer {name}"))
    }
}

/// What one tool sees of one reply that it takes for a success. Times in seconds; what the tool has no value for is
/// `None`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct View {
    /// Time to first token, as the tool has it.
    pub ttft: Option<f64>,
    /// Latency of the request, as the tool has it.
    pub latency: f64,
    /// Tokens of the reply.
    pub output: Option<u64>,
    /// Time per output token, as the tool has it.
    pub tpot: Option<f64>,
    /// The values that enter the tool's inter-token latency.
    pub itl: Vec<f64>,
}

/// One figure of a tool's console.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// Heading it stands under; empty for the first ones.
    pub group: &'static str,
    /// Its name with the tool's unit.
    pub name: String,
    /// A count, a real number, a text, or null where the tool has none.
    pub value: Value,
}

/// A file of a tool.
#[derive(Debug, Clone, PartialEq)]
pub struct File {
    /// Its name, as the tool gives it.
    pub name: String,
    /// Its contents.
    pub contents: String,
}

/// A run as one tool tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct Cast {
    /// Heading of the figures.
    pub title: &'static str,
    /// What the tool's console shows, or would.
    pub figures: Vec<Figure>,
    /// Decimals of real numbers among them.
    pub decimals: usize,
    /// Its result files.
    pub files: Vec<File>,
    /// Where the tool could not be followed to the letter, and what was counted by whom.
    pub notes: Vec<String>,
}

impl Cast {
    /// The figures as a block of text, in the layout that the benchmarks of vLLM and SGLang share.
    pub fn block(&self) -> String {
        let mut text = format!("{:=^50}\n", format!(" {} ", self.title));
        let mut group = "";
        for figure in &self.figures {
            if figure.group != group {
                group = figure.group;
                text.push_str(&format!("{group:-^50}\n"));
            }
            let value = match &figure.value {
                Value::Number(number) if number.is_f64() => {
                    format!("{:.*}", self.decimals, number.as_f64().unwrap_or(0.0))
                }
                Value::String(word) => word.clone(),
                Value::Null => "-".to_owned(),
                other => other.to_string(),
            };
            text.push_str(&format!("{:<40} {value}\n", format!("{}:", figure.name)));
        }
        text.push_str(&"=".repeat(50));
        text
    }
}

/// Collects the figures of a console.
#[derive(Default)]
struct Lines(Vec<Figure>);

impl Lines {
    fn put(&mut self, group: &'static str, name: impl Into<String>, value: Value) {
        self.0.push(Figure { group, name: name.into(), value });
    }
}

/// What a tool sees of one reply; `None` where it takes the reply for a failure.
pub fn view(tool: Tool, context: &Context, reply: &Reply) -> Option<View> {
    match tool {
        Tool::Vllm => vllm::view(reply),
        Tool::Sglang => sglang::view(reply, context.max_tokens),
        Tool::Evalscope => evalscope::view(reply),
        Tool::Aiperf => aiperf::view(reply),
        Tool::Guidellm => guidellm::view(reply),
        Tool::InferencePerf => inference_perf::view(reply),
    }
}

/// The run as a tool would have told it.
///
/// # Errors
/// Never, unless a value cannot be spelled as JSON.
pub fn cast(tool: Tool, context: &Context, replies: &Replies) -> Result<Cast> {
    let mut cast = match tool {
        Tool::Vllm => vllm::cast(context, replies),
        Tool::Sglang => sglang::cast(context, replies),
        Tool::Evalscope => evalscope::cast(context, replies),
        Tool::Aiperf => aiperf::cast(context, replies),
        Tool::Guidellm => guidellm::cast(context, replies),
        Tool::InferencePerf => inference_perf::cast(context, replies),
    }?;
    cast.notes.extend(replies.left_out.iter().map(|(outcome, count)| {
        format!("{count} {outcome} requests are left out: the tool would have sent them or waited for them")
    }));
    Ok(cast)
}

/// A number, or the text `inf`, because JSON has no infinity.
fn number_or_inf(value: f64) -> Value {
    if value.is_infinite() { json!("inf") } else { json!(value) }
}

/// Spells JSON as Python's `json.dumps` does with this indent; none puts everything on one line.
fn spell(value: &Value, indent: Option<usize>) -> Result<String> {
    let spelled = match indent {
        Some(width) => {
            let spaces = " ".repeat(width);
            let mut bytes = Vec::new();
            let formatter = serde_json::ser::PrettyFormatter::with_indent(spaces.as_bytes());
            let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
            serde::Serialize::serialize(value, &mut serializer).map(|()| bytes)
        }
        None => serde_json::to_vec(value),
    };
    spelled
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .map_err(|error| Failure::bug("a result file cannot be spelled as JSON").because(error))
}
