//! The values of a run as they are written: the names are those of the flags, the types those of TOML.

use serde::{Deserialize, Serialize};

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

/// Everything a profile may hold, after layering. Keys are checked: an unknown one is refused with the known ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    // Target
    /// Sent as `model`; also names the output folder.
    pub model: Option<String>,
    /// Address of the server; without one the embedded model is started.
    pub url: Option<String>,
    /// `openai` or `local`.
    pub api: String,
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

    // Load
    /// Requests per load point.
    pub number: Option<ListOf<u64>>,
    /// Requests in flight, one load point each.
    pub parallel: ListOf<u64>,
    /// Warm-up requests: a count, or a share below 1.
    pub warmup_num: f64,
    /// Seconds between load points: 5 with a server, 0 with the embedded model.
    pub sleep_interval: Option<f64>,
    /// Seconds after which no new request is started.
    pub duration: Option<f64>,
    /// Worker threads of the load engine; as many as cores when unset.
    pub workers: Option<usize>,

    // Output
    /// Requests between two lines of running figures in the log.
    pub log_every_n_query: u64,
    /// Log in detail.
    pub debug: bool,
    /// Name of the run; the leaf of the output folder.
    pub name: Option<String>,
    /// Folder of all runs.
    pub outputs_dir: String,
    /// Leave the time out of the output path.
    pub no_timestamp: bool,

    // Prompt
    /// Name of the workload.
    pub dataset: String,
    /// File of the workload.
    pub dataset_path: Option<String>,
    /// First item of the workload to use; moves on from one load point to the next.
    pub dataset_offset: u64,
    /// Longest prompt.
    pub max_prompt_length: Option<u32>,
    /// Shortest prompt.
    pub min_prompt_length: Option<u32>,
    /// Length of the random prefix that all random prompts share, in tokens.
    pub prefix_length: u32,
    /// One prompt for all requests, or `@file`.
    pub prompt: Option<String>,
    /// A request body as JSON, or `@file`, whose messages are replaced.
    pub query_template: Option<String>,
    /// Send chat messages rather than plain text; by the address when unset.
    pub apply_chat_template: Option<bool>,
    /// Threads that make prompts; 0 for all cores.
    pub num_workers: Option<usize>,
    /// Seed of everything the workload draws.
    pub workload_seed: Option<u64>,

    // Sampling and response
    /// Most tokens to generate: one value, or two to draw from.
    pub max_tokens: Option<ListOf<u32>>,
    /// Fewest tokens to generate.
    pub min_tokens: Option<u32>,
    /// Sampling temperature; always sent.
    pub temperature: f64,
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
