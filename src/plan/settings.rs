//! The values of a run as they are written: the names are those of the flags, the types those of TOML.

use serde::{Deserialize, Serialize};

use super::dataset::Set;

/// One value or a list of them; both spellings are accepted, a list is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ListOf<T> {
    /// A single value.
    One(T),
    /// Several values.
    Many(Vec<T>),
}

impl<T: Clone> ListOf<T> {
    /// The values as a list.
    pub fn to_vec(&self) -> Vec<T> {
        match self {
            ListOf::One(value) => vec![value.clone()],
            ListOf::Many(values) => values.clone(),
        }
    }
}

/// Warm-up requests before the measured ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Warmup {
    /// A count, or a share below 1.
    Count(f64),
    /// `auto`: found after the run, by the change point of the latencies.
    Found(Auto),
}

/// The word `auto`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Auto {
    /// `auto`.
    Auto,
}

impl Warmup {
    /// The count or share that is sent apart; none where it is found after the run.
    pub fn count(&self) -> f64 {
        match self {
            Warmup::Count(count) => *count,
            Warmup::Found(_) => 0.0,
        }
    }
}

/// Sampling temperature.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Temperature {
    /// Sent in every body.
    Value(f64),
    /// `server`: not sent, so that the server takes its own.
    Left(Server),
}

/// The word `server`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Server {
    /// `server`.
    Server,
}

impl Temperature {
    /// What is sent.
    pub fn value(self) -> Option<f64> {
        match self {
            Temperature::Value(value) => Some(value),
            Temperature::Left(_) => None,
        }
    }
}

/// Everything a profile may hold, after layering. Keys are checked: an unknown one is refused with the known ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    // Target
    /// Sent as `model`; also names the output folder.
    pub model: Option<String>,
    /// Address of the server; without one the embedded model is started.
    pub url: Option<String>,
    /// What is spoken: `openai`, `local`, `anthropic` and so on.
    pub api: String,
    /// Description of a custom API: a built-in name or a file.
    pub api_file: Option<String>,
    /// Further arguments of `vllm serve`, with `local_vllm`.
    pub vllm_args: Option<String>,
    /// `name=value` pairs sent with each request.
    pub headers: Vec<String>,
    /// Port of the embedded server; a free one is taken when unset.
    pub port: Option<u16>,
    /// A `tokenizer.json` or its folder.
    pub tokenizer_path: Option<String>,
    /// Seconds for name, TCP and TLS.
    pub connect_timeout: Option<f64>,
    /// Longest gap between two reads of a response, in seconds.
    pub read_timeout: Option<f64>,
    /// Longest time of a whole request, in seconds.
    pub total_timeout: f64,
    /// Skip the probe before the run.
    pub no_test_connection: bool,
    /// PEM file whose certificates are trusted instead of the platform's.
    pub ca_cert: Option<String>,
    /// Do not verify certificates.
    pub insecure: bool,
    /// `auto`, `1.1` or `2`.
    pub http_version: String,

    /// EvalScope's name of the way attention is computed; kept for its files, the embedded model has one way.
    pub attn_implementation: Option<String>,
    /// How the embedded model holds its weights: `auto`, `f32`, `f16`, `bf16` or `q8_0`.
    pub dtype: Option<String>,
    /// Threads that the embedded model computes on.
    pub threads: Option<usize>,
    /// Most tokens of prompt and reply together that the embedded model takes.
    pub max_model_len: Option<usize>,
    /// Most requests that the embedded model works on at once.
    pub max_num_seqs: Option<usize>,
    /// Memory of the embedded model for keys and values of all requests together, in GiB.
    pub kv_cache_gib: Option<f64>,

    // Load
    /// Requests per load point.
    pub number: Option<ListOf<u64>>,
    /// Requests in flight, one load point each.
    pub parallel: ListOf<u64>,
    /// Requests a second: one load point each in an open loop, one for all otherwise.
    pub rate: Option<ListOf<f64>>,
    /// Let requests go by the schedule alone, whatever is in flight.
    pub open_loop: bool,
    /// Most requests in flight in an open loop.
    pub max_in_flight: Option<u64>,
    /// How arrivals are spaced: `poisson`, `constant` or `trace`.
    pub arrival: String,
    /// Shape of gamma-distributed gaps: 1 is Poisson, less is bursty, more is regular.
    pub burstiness: Option<f64>,
    /// Instants of arrival for `arrival = "trace"`.
    pub arrival_file: Option<String>,
    /// How many times as fast as recorded a trace is met; 1 when unset.
    pub trace_speed: Option<f64>,
    /// Let the rate grow over the run: `linear` or `exponential`.
    pub ramp_up_strategy: Option<String>,
    /// Rate of the first request, with `ramp-up-strategy`.
    pub ramp_up_start_rps: Option<f64>,
    /// Rate of the last request, with `ramp-up-strategy`.
    pub ramp_up_end_rps: Option<f64>,
    /// Seconds over which the slots of a closed loop open one after another.
    pub ramp_up: Option<f64>,
    /// Warm-up requests: a count, a share below 1, or `auto`.
    pub warmup_num: Warmup,
    /// Seconds between load points: 5 with a server, 0 with the embedded model.
    pub sleep_interval: Option<f64>,
    /// Seconds after which no new request is started.
    pub duration: Option<f64>,
    /// Seconds that requests in flight get after `duration`; all the time they need when unset.
    pub grace_period: Option<f64>,
    /// Whole sweeps, one after another.
    pub repeat: u32,
    /// Stop a load point once this is known well enough, such as `p99 ttft ±3%`; `duration` and `number` still bound it.
    pub until: Option<String>,
    /// Worker threads of the load engine; as many as cores when unset.
    pub workers: Option<usize>,

    // Trust
    /// Measure this machine at the load of each point before it.
    pub self_check: bool,
    /// An INVALID verdict is exit 1.
    pub require_valid: bool,
    /// Keep every event of every reply.
    pub log_chunks: bool,
    /// Tell how the first token was handed over from prefill to decoding, in EvalScope's files.
    pub enable_pd_metrics: bool,
    /// Service level objectives, such as `ttft:200`, in milliseconds.
    pub goodput: Vec<String>,
    /// Read the server's own `/metrics` before, during and after each point.
    pub server_metrics: bool,
    /// Where the server's metrics are, when not at `/metrics`.
    pub metrics_url: Option<String>,

    // SLA auto-tune
    /// Search for the greatest load that meets `sla-params`.
    pub sla_auto_tune: bool,
    /// What the search varies: `parallel` or `rate`.
    pub sla_variable: String,
    /// Criteria as JSON.
    pub sla_params: Option<String>,
    /// Runs averaged for each probe.
    pub sla_num_runs: u32,
    /// Largest value of the search.
    pub sla_upper_bound: u64,
    /// Least value of the search.
    pub sla_lower_bound: u64,
    /// Concurrency while the search varies the rate; the upper bound when unset.
    pub sla_fixed_parallel: Option<u64>,
    /// Requests of a probe for each unit of the variable; 2 when unset.
    pub sla_number_multiplier: Option<f64>,

    // Output
    /// Requests between two lines of running figures in the log.
    pub log_every_n_query: u64,
    /// Log in detail.
    pub debug: bool,
    /// Tracker whose run folder is written: `wandb`, `swanlab` or `clearml`.
    pub visualizer: Option<String>,
    /// Address of a SwanLab of one's own.
    pub swanlab_host: Option<String>,
    /// Write `progress.json`.
    pub enable_progress_tracker: bool,
    /// Collector of OpenTelemetry that metrics are pushed to.
    pub otlp_endpoint: Option<String>,
    /// Pushgateway of Prometheus that metrics are pushed to.
    pub prometheus_push: Option<String>,
    /// What reports call the model.
    pub alias: Option<String>,
    /// Name of the run; the leaf of the output folder.
    pub name: Option<String>,
    /// Folder of all runs.
    pub outputs_dir: String,
    /// Leave the time out of the output path.
    pub no_timestamp: bool,

    // Prompt
    /// Name of the workload.
    pub dataset: String,
    /// File of the workload, or its repository at a hub.
    pub dataset_path: Option<String>,
    /// Where the workload comes from: `modelscope`, `huggingface` or `local`.
    pub data_source: Option<String>,
    /// Branch, tag or commit of the repository.
    pub dataset_revision: Option<String>,
    /// First item of the workload to use; moves on from one load point to the next.
    pub dataset_offset: u64,
    /// Options of the workload: a table, or JSON as text.
    pub dataset_args: Option<toml::Value>,
    /// Longest prompt.
    pub max_prompt_length: Option<u32>,
    /// Shortest prompt.
    pub min_prompt_length: Option<u32>,
    /// Length of the random prefix that all random prompts share, in tokens.
    pub prefix_length: u32,
    /// Number of such prefixes, taken in turn.
    pub prefix_count: u32,
    /// Begin each conversation with tokens of its own.
    pub cache_bust: bool,
    /// Width of random images, in pixels.
    pub image_width: u32,
    /// Height of random images, in pixels.
    pub image_height: u32,
    /// How their pixels are stored: `RGB`, `RGBA` or `L`.
    pub image_format: String,
    /// Random images a request.
    pub image_num: u32,
    /// Width of a patch that EvalScope takes for a token; kept for its files.
    pub image_patch_size: u32,
    /// The workload has several turns.
    pub multi_turn: bool,
    /// Fewest turns of a conversation that is drawn.
    pub min_turns: u32,
    /// Most turns of a conversation.
    pub max_turns: Option<u32>,
    /// Deprecated: options that belong into `dataset-args`, which win over these.
    pub multi_turn_args: Option<toml::Value>,
    /// Draw random prompts, lengths and arrivals as another tool does: `vllm`, `sglang` or `evalscope`.
    pub compat: Option<String>,
    /// Prompt length that `compat` draws around.
    pub random_input_len: Option<u32>,
    /// Reply length that `compat` draws around.
    pub random_output_len: Option<u32>,
    /// Width of the draw, by the rules of the tool.
    pub random_range_ratio: Option<f64>,
    /// A saved workload that is sent again.
    pub workload: Option<String>,
    /// File the workload is saved in.
    pub save_workload: Option<String>,
    /// One prompt for all requests, or `@file`.
    pub prompt: Option<String>,
    /// A request body as JSON, or `@file`, whose messages are replaced.
    pub query_template: Option<String>,
    /// Send chat messages rather than plain text; by the address when unset.
    pub apply_chat_template: Option<bool>,
    /// Send prompts as token ids, chats by the model's own template.
    pub tokenize_prompt: bool,
    /// Header that carries the id of a conversation, for routers that keep it on one server.
    pub session_header: Option<String>,
    /// Threads that make prompts; 0 for all cores.
    pub num_workers: Option<usize>,
    /// Seed of everything the workload draws.
    pub workload_seed: Option<u64>,

    // Sampling and response
    /// Most tokens to generate: one value, or two to draw from.
    pub max_tokens: Option<ListOf<u32>>,
    /// Fewest tokens to generate.
    pub min_tokens: Option<u32>,
    /// Sampling temperature: a number that is always sent, or `server`.
    pub temperature: Temperature,
    /// Stream the reply; always sent.
    pub stream: bool,
    /// Nucleus sampling.
    pub top_p: Option<f64>,
    /// Sampling from the k likeliest.
    pub top_k: Option<i64>,
    /// Penalty by frequency.
    pub frequency_penalty: Option<f64>,
    /// Penalty for repeating.
    pub repetition_penalty: Option<f64>,
    /// Sent as `seed`; also seeds the workload.
    pub seed: Option<u64>,
    /// Sent as `n`.
    pub n_choices: Option<u32>,
    /// Ask for log-probabilities.
    pub logprobs: bool,
    /// Strings that end the reply.
    pub stop: Vec<String>,
    /// Token ids that end the reply.
    pub stop_token_ids: Vec<u32>,
    /// Merged into each body last: a table, or JSON as text.
    pub extra_args: toml::Value,
}

impl Settings {
    /// The dataset that prompts come from; `None` where they come from elsewhere, or there is none of this name.
    pub fn set(&self) -> Option<Set> {
        let used = self.prompt.is_none() && self.workload.is_none() && self.compat.is_none();
        used.then(|| Set::named(&self.dataset).ok()).flatten()
    }
}
