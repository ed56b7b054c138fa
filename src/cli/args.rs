//! The flags, named as EvalScope names them.

use clap::{Args, Parser, Subcommand};
use serde::Serialize;

use super::engine_flags::EngineFlags;
use super::prompt_flags::PromptFlags;
use super::track_flags::TrackFlags;
use crate::error::{Failure, Result};
use crate::target::{Api, Secret};

/// Load generator and benchmark harness for large language model servers.
#[derive(Debug, Parser)]
#[command(version, infer_long_args = true, propagate_version = true, max_term_width = 110)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Load-test a server, or with no --url a model inside this program.
    Perf(Box<Perf>),
    /// Evaluate a model on benchmarks: every answer is kept and scored, every request goes through the load engine.
    Eval(Box<super::eval::Eval>),
    /// List the benchmarks, or show one: what is asked, where its data is, its settings, a command that runs it.
    Benchmarks(super::benchmarks::Benchmarks),
    /// Draw a mixture of benchmarks into one file, which `evalscope eval --datasets data_collection` asks.
    Collect(super::collect::Collect),
    /// Measure what this machine can measure: the self-check of the load engine at one load after another.
    Calibrate(super::calibrate::Calibrate),
    /// Serve a model over HTTP, as vLLM does: chats, completions, embeddings, scores, metrics.
    Serve(Box<super::serve::Serve>),
}

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    infer_long_args = true,
    allow_negative_numbers = true,
    after_help = "Unambiguous prefixes of flags are accepted. Every flag but --profile, --dry-run, --json and --api-key \
is also a key of a profile; `evalscope perf --profile default --dry-run` prints them all.\n\n\
Exit numbers: 0 done; 1 a declared gate failed; 2 wrong use; 3 target unreachable, refusing or lost; \
4 a local file could not be read or written; 5 a defect of this program; 130 interrupted, partial results saved."
)]
pub(super) struct Perf {
    #[command(subcommand)]
    pub(super) command: Option<PerfCommand>,
    #[command(flatten)]
    pub(super) flags: PerfFlags,
}

#[derive(Debug, Subcommand)]
pub(super) enum PerfCommand {
    /// Make every result file of a run again from its rows, also of a run that was killed.
    Report(super::report::Report),
    /// List all datasets, or show one: what its file holds, its options, a command that runs it.
    Datasets(super::datasets::Datasets),
    /// Compare two runs, figure by figure, with the 95 % interval of each change.
    Compare(super::compare::Compare),
    /// Pool the load points of runs of several hosts or days.
    Merge(super::merge::Merge),
}

/// The flags of a load test. What is serialised is laid over the profile under the same names.
#[derive(Debug, Default, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct PerfFlags {
    /// Profile to start from: a built-in name or a TOML file; flags win over it
    #[arg(long, value_name = "NAME|FILE", help_heading = "Run")]
    #[serde(skip)]
    pub(super) profile: Option<String>,
    /// Print the resolved plan and send nothing
    #[arg(long, help_heading = "Run")]
    #[serde(skip)]
    pub(super) dry_run: bool,
    /// Print the summary as JSON on stdout and nothing else there
    #[arg(long, help_heading = "Run")]
    #[serde(skip)]
    pub(super) json: bool,

    /// Model to ask for; names the output folder. Without --url the model that is run here: a built-in name, a folder, a
    /// GGUF file or owner/name[@revision] at a hub [default: random:tiny; random:minilm and random:minilm-reranker to
    /// embed and rank]
    #[arg(long, help_heading = "Target")]
    pub(super) model: Option<String>,
    /// Address of the server, such as http://127.0.0.1:8000/v1/chat/completions
    #[arg(long, help_heading = "Target")]
    pub(super) url: Option<String>,
    /// openai, responses, embedding, rerank, anthropic, dashscope, custom, local (the embedded model) or local_vllm
    /// (starts `vllm serve`)
    #[arg(long, help_heading = "Target")]
    pub(super) api: Option<String>,
    /// With --api custom: description of the API, a TOML file or built-in: llama-cpp, tgi
    #[arg(long, value_name = "NAME|FILE", help_heading = "Target")]
    api_file: Option<String>,
    /// With --api local_vllm: further arguments of `vllm serve`, such as "--tensor-parallel-size 2"
    #[arg(long, value_name = "ARGS", allow_hyphen_values = true, help_heading = "Target")]
    vllm_args: Option<String>,
    /// EvalScope's choice of an attention for a local model; accepted, the embedded model has one
    #[arg(long, value_name = "NAME", help_heading = "Target")]
    attn_implementation: Option<String>,
    /// API key; other users see it in the process list, so prefer EVALSCOPE_API_KEY or the variable of the API's own
    /// tools: OPENAI_API_KEY, ANTHROPIC_API_KEY, DASHSCOPE_API_KEY
    #[arg(long, value_name = "KEY", help_heading = "Target")]
    #[serde(skip)]
    api_key: Option<String>,
    /// Headers sent with each request
    #[arg(long, num_args = 1.., value_name = "NAME=VALUE", help_heading = "Target")]
    headers: Option<Vec<String>>,
    /// Port of the embedded server or of vLLM; a free one when not given
    #[arg(long, help_heading = "Target")]
    port: Option<u16>,
    /// tokenizer.json, its folder, or owner/name at a hub; counts tokens where the server gives no usage
    #[arg(long, value_name = "PATH|ID", help_heading = "Target")]
    tokenizer_path: Option<String>,
    /// Seconds for TCP and TLS
    #[arg(long, value_name = "SECONDS", help_heading = "Target")]
    connect_timeout: Option<f64>,
    /// Longest gap between two reads of a response, in seconds
    #[arg(long, value_name = "SECONDS", help_heading = "Target")]
    read_timeout: Option<f64>,
    /// Longest time of a whole request, in seconds [default: 21600]
    #[arg(long, value_name = "SECONDS", help_heading = "Target")]
    total_timeout: Option<f64>,
    /// Skip the request that checks the target before the run
    #[arg(long, num_args = 0, default_missing_value = "true", help_heading = "Target")]
    no_test_connection: Option<bool>,
    /// PEM file whose certificates are trusted instead of the platform's
    #[arg(long, value_name = "FILE", help_heading = "Target")]
    ca_cert: Option<String>,
    /// Do not verify certificates; every report says so
    #[arg(long, num_args = 0, default_missing_value = "true", help_heading = "Target")]
    insecure: Option<bool>,
    /// auto, 1.1 or 2 [default: auto, which is 1.1 in the clear]
    #[arg(long, value_name = "VERSION", help_heading = "Target")]
    http_version: Option<String>,

    /// Requests in flight, one load point each [default: 1]
    #[arg(long, num_args = 1.., value_delimiter = ',', help_heading = "Load")]
    parallel: Option<Vec<u64>>,
    /// Requests per load point, one for all or one each [default: 1000; embedded model: 4 x parallel, at least 20; a
    /// trace: all of it]
    #[arg(short = 'n', long, num_args = 1.., value_delimiter = ',', help_heading = "Load")]
    number: Option<Vec<u64>>,
    /// Requests a second: a load point each with --open-loop, else one pace for all
    #[arg(long, num_args = 1.., value_delimiter = ',', help_heading = "Load")]
    #[serde(serialize_with = "rates")]
    rate: Option<Vec<f64>>,
    /// Open loop: requests go when they are due, whatever is in flight
    #[arg(long, num_args = 0, default_missing_value = "true", help_heading = "Load")]
    open_loop: Option<bool>,
    /// Most requests in flight in an open loop; what is due then waits, and the wait counts
    #[arg(long, value_name = "N", help_heading = "Load")]
    max_in_flight: Option<u64>,
    /// Spacing of arrivals: poisson, constant or trace [default: poisson]
    #[arg(long, value_name = "KIND", help_heading = "Load")]
    arrival: Option<String>,
    /// Gamma-distributed gaps of this shape: below 1 bursty, 1 Poisson, above 1 regular
    #[arg(long, value_name = "SHAPE", help_heading = "Load")]
    burstiness: Option<f64>,
    /// Instants of arrival for --arrival trace: seconds a line, or CSV or JSONL with a timestamp. They are met as they
    /// were recorded; with --rate their shape is kept at that mean rate
    #[arg(long, value_name = "FILE", help_heading = "Load")]
    arrival_file: Option<String>,
    /// Meet recorded instants so many times as fast: 2 halves the time of a trace [default: 1]
    #[arg(long, value_name = "X", help_heading = "Load")]
    trace_speed: Option<f64>,
    /// Let the rate grow from the first request to the last: linear or exponential
    #[arg(long, value_name = "KIND", help_heading = "Load")]
    ramp_up_strategy: Option<String>,
    /// Requests a second at the start of the ramp
    #[arg(long, value_name = "RATE", help_heading = "Load")]
    ramp_up_start_rps: Option<f64>,
    /// Requests a second at the end of the ramp
    #[arg(long, value_name = "RATE", help_heading = "Load")]
    ramp_up_end_rps: Option<f64>,
    /// Seconds over which the slots of a closed loop open one after another
    #[arg(long, value_name = "SECONDS", help_heading = "Load")]
    ramp_up: Option<f64>,
    /// Warm-up requests before the measured ones: a count, a share below 1, or auto [default: 0]
    #[arg(long, value_name = "N|auto", help_heading = "Load")]
    #[serde(serialize_with = "number_or_word")]
    warmup_num: Option<String>,
    /// Seconds between load points [default: 5; embedded model: 0]
    #[arg(long, value_name = "SECONDS", help_heading = "Load")]
    sleep_interval: Option<f64>,
    /// Seconds after which no new request of a load point is started
    #[arg(long, value_name = "SECONDS", help_heading = "Load")]
    duration: Option<f64>,
    /// Seconds that requests in flight get after --duration before they are cut [default: all they need]
    #[arg(long, value_name = "SECONDS", help_heading = "Load")]
    grace_period: Option<f64>,
    /// Run the whole sweep so many times [default: 1]
    #[arg(long, value_name = "N", help_heading = "Load")]
    repeat: Option<u32>,
    /// Stop a load point once a figure is known well enough, such as "p99 ttft ±3%"
    #[arg(long, value_name = "RULE", help_heading = "Load")]
    until: Option<String>,
    /// Threads of the load engine [default: one for each core]
    #[arg(long, help_heading = "Load")]
    workers: Option<usize>,

    /// Check how well this machine measures before each load point [default]
    #[arg(
        long,
        num_args = 0,
        default_missing_value = "true",
        overrides_with = "no_self_check",
        help_heading = "Trust"
    )]
    self_check: Option<bool>,
    /// Skip that check
    #[arg(long, overrides_with = "self_check", help_heading = "Trust")]
    #[serde(skip)]
    no_self_check: bool,
    /// Exit with 1 when a load point is INVALID
    #[arg(long, num_args = 0, default_missing_value = "true", help_heading = "Trust")]
    require_valid: Option<bool>,
    /// Keep every event of every reply: for chunks.parquet and for reports as other tools give them
    #[arg(long, num_args = 0, default_missing_value = "true", help_heading = "Trust")]
    log_chunks: Option<bool>,
    /// Tell how the first token was handed over from prefill to decoding, in EvalScope's files
    #[arg(long, num_args = 0, default_missing_value = "true", help_heading = "Trust")]
    enable_pd_metrics: Option<bool>,
    /// Service level objectives in ms: ttft:200 tpot:50 e2el:5000
    #[arg(long, num_args = 1.., value_name = "METRIC:MS", help_heading = "Trust")]
    goodput: Option<Vec<String>>,
    /// Read the server's /metrics before, during and after each load point [default]
    #[arg(
        long,
        num_args = 0,
        default_missing_value = "true",
        overrides_with = "no_server_metrics",
        help_heading = "Trust"
    )]
    server_metrics: Option<bool>,
    /// Do not read them
    #[arg(long, overrides_with = "server_metrics", help_heading = "Trust")]
    #[serde(skip)]
    no_server_metrics: bool,
    /// Address of the server's metrics [default: /metrics beside --url]
    #[arg(long, value_name = "URL", help_heading = "Trust")]
    metrics_url: Option<String>,

    /// Search for the greatest load that meets --sla-params
    #[arg(long, num_args = 0, default_missing_value = "true", help_heading = "SLA auto-tune")]
    sla_auto_tune: Option<bool>,
    /// What the search varies: parallel or rate [default: parallel]
    #[arg(long, value_name = "NAME", help_heading = "SLA auto-tune")]
    sla_variable: Option<String>,
    /// Criteria as JSON, such as '[{"p99_ttft": "<=200ms"}]'; all of an object hold together, each is searched apart
    #[arg(long, value_name = "JSON", help_heading = "SLA auto-tune")]
    sla_params: Option<String>,
    /// Runs averaged for each probe [default: 3]
    #[arg(long, value_name = "N", help_heading = "SLA auto-tune")]
    sla_num_runs: Option<u32>,
    /// Largest value tried [default: 65536]
    #[arg(long, value_name = "N", help_heading = "SLA auto-tune")]
    sla_upper_bound: Option<u64>,
    /// Least value tried [default: 1]
    #[arg(long, value_name = "N", help_heading = "SLA auto-tune")]
    sla_lower_bound: Option<u64>,
    /// Requests in flight while the rate is tuned [default: the upper bound]
    #[arg(long, value_name = "N", help_heading = "SLA auto-tune")]
    sla_fixed_parallel: Option<u64>,
    /// Requests of a probe for each unit of the variable [default: 2]
    #[arg(long, value_name = "X", help_heading = "SLA auto-tune")]
    sla_number_multiplier: Option<f64>,

    /// Requests between two lines of running figures in the log [default: 100]
    #[arg(long, value_name = "N", help_heading = "Output")]
    log_every_n_query: Option<u64>,
    /// Log in detail, on stderr as well
    #[arg(long, num_args = 0, default_missing_value = "true", help_heading = "Output")]
    debug: Option<bool>,
    /// Name of the run; the leaf of the output folder
    #[arg(long, help_heading = "Output")]
    name: Option<String>,
    /// What reports call the model
    #[arg(long, value_name = "LABEL", help_heading = "Output")]
    alias: Option<String>,
    /// Folder of all runs [default: outputs]
    #[arg(long, value_name = "DIR", env = "EVALSCOPE_OUTPUT_DIR", hide_env_values = true, help_heading = "Output")]
    outputs_dir: Option<String>,
    /// Leave the time out of the output path
    #[arg(long, num_args = 0, default_missing_value = "true", help_heading = "Output")]
    no_timestamp: Option<bool>,

    #[command(flatten)]
    #[serde(flatten)]
    engine: EngineFlags,

    #[command(flatten)]
    #[serde(flatten)]
    pub(super) track: TrackFlags,
    #[command(flatten)]
    #[serde(flatten)]
    prompts: PromptFlags,

    /// Most tokens to generate; two values are drawn between [default: 2048; embedded model: 64]
    #[arg(long, num_args = 1..=2, value_delimiter = ',', value_name = "N", help_heading = "Sampling and response")]
    max_tokens: Option<Vec<u32>>,
    /// Fewest tokens to generate
    #[arg(long, value_name = "N", help_heading = "Sampling and response")]
    min_tokens: Option<u32>,
    /// Sampling temperature, always sent; server sends none, so that the server takes its own [default: 0.0]
    #[arg(long, value_name = "X|server", value_parser = temperature, help_heading = "Sampling and response")]
    #[serde(serialize_with = "number_or_word")]
    temperature: Option<String>,
    /// Stream replies [default]
    #[arg(
        long,
        num_args = 0,
        default_missing_value = "true",
        overrides_with = "no_stream",
        help_heading = "Sampling and response"
    )]
    stream: Option<bool>,
    /// Do not stream replies
    #[arg(long, overrides_with = "stream", help_heading = "Sampling and response")]
    #[serde(skip)]
    no_stream: bool,
    /// Nucleus sampling
    #[arg(long, help_heading = "Sampling and response")]
    top_p: Option<f64>,
    /// Sampling from the k likeliest
    #[arg(long, help_heading = "Sampling and response")]
    top_k: Option<i64>,
    /// Penalty by frequency
    #[arg(long, help_heading = "Sampling and response")]
    frequency_penalty: Option<f64>,
    /// Penalty for repeating
    #[arg(long, help_heading = "Sampling and response")]
    repetition_penalty: Option<f64>,
    /// Sent in the body; also seeds the workload, and the weights of the embedded model
    #[arg(long, help_heading = "Sampling and response")]
    seed: Option<u64>,
    /// Replies per request
    #[arg(long, value_name = "N", help_heading = "Sampling and response")]
    n_choices: Option<u32>,
    /// Ask for log-probabilities
    #[arg(long, num_args = 0, default_missing_value = "true", help_heading = "Sampling and response")]
    logprobs: Option<bool>,
    /// Strings that end a reply
    #[arg(long, num_args = 0.., value_name = "TEXT", help_heading = "Sampling and response")]
    stop: Option<Vec<String>>,
    /// Token ids that end a reply
    #[arg(long, num_args = 0.., value_delimiter = ',', value_name = "ID", help_heading = "Sampling and response")]
    stop_token_ids: Option<Vec<u32>>,
    /// JSON object merged into each body last
    #[arg(long, value_name = "JSON", help_heading = "Sampling and response")]
    extra_args: Option<String>,

    /// EvalScope's agentx, which another program carries out; refused with what takes its place
    #[arg(long, hide = true)]
    #[serde(skip)]
    scenario: Option<String>,
    /// EvalScope's rows per database commit; accepted so that scripts go on working, rows are kept one by one here
    #[arg(long, hide = true)]
    #[serde(skip)]
    db_commit_interval: Option<i64>,
    /// EvalScope's bound of its result queue; accepted, there is no such bound here
    #[arg(long, hide = true)]
    #[serde(skip)]
    queue_size_multiplier: Option<i64>,
    /// EvalScope's bound of its task list; accepted, there are no such tasks here
    #[arg(long, hide = true)]
    #[serde(skip)]
    in_flight_task_multiplier: Option<i64>,
}

impl PerfFlags {
    /// The flags that were given, under the names that profiles use.
    ///
    /// # Errors
    /// When a value does not fit into TOML, such as a seed beyond 63 bits, or a scenario is asked for.
    pub(super) fn table(&self) -> Result<toml::Table> {
        if let Some(scenario) = &self.scenario {
            return Err(Failure::usage(format!(
                "--scenario {scenario}: EvalScope leaves this to the program aiperf, which is no part of this one"
            ))
            .hint(
                "replay a coding agent with --dataset trie_agentic_coding, swe_smith or otel and --multi-turn, or run \
                 `aiperf profile --scenario inferencex-agentx-mvp` itself",
            ));
        }
        let mut table = toml::Table::try_from(self)
            .map_err(|error| Failure::usage(format!("{}: the value is out of range", self.unfit())).because(error))?;
        if self.no_stream {
            table.insert("stream".to_owned(), false.into());
        }
        if self.no_self_check {
            table.insert("self-check".to_owned(), false.into());
        }
        if self.no_server_metrics {
            table.insert("server-metrics".to_owned(), false.into());
        }
        if self.prompts.no_apply_chat_template {
            table.insert("apply-chat-template".to_owned(), false.into());
        }
        Ok(table)
    }

    /// The flag whose value TOML cannot hold.
    fn unfit(&self) -> String {
        let given = serde_json::to_value(self).unwrap_or_default();
        let unfit = |value: &serde_json::Value| !value.is_null() && toml::Value::try_from(value).is_err();
        let found = given.as_object().into_iter().flatten().find(|(_, value)| unfit(value));
        found.map_or("a flag".to_owned(), |(name, _)| format!("--{name}"))
    }

    /// The key: the flag, else EVALSCOPE_API_KEY, else the variable that the API's own tools read.
    pub(super) fn key(&self, api: &str) -> Option<Secret> {
        let given = |name: &str| std::env::var(name).ok().filter(|key| !key.is_empty());
        let own = match Api::of(api) {
            Ok(Api::Messages) => "ANTHROPIC_API_KEY",
            Ok(Api::DashScope) => "DASHSCOPE_API_KEY",
            _ => "OPENAI_API_KEY",
        };
        self.api_key.clone().or_else(|| given("EVALSCOPE_API_KEY")).or_else(|| given(own)).map(Secret::new)
    }

    /// Flags of EvalScope that were given and mean nothing here.
    pub(super) fn idle(&self) -> Vec<&'static str> {
        [
            ("--db-commit-interval", self.db_commit_interval),
            ("--queue-size-multiplier", self.queue_size_multiplier),
            ("--in-flight-task-multiplier", self.in_flight_task_multiplier),
        ]
        .into_iter()
        .filter_map(|(name, value)| value.map(|_| name))
        .collect()
    }
}

/// `--rate -1` is EvalScope's way to say that nothing is paced.
fn rates<S: serde::Serializer>(rates: &Option<Vec<f64>>, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    match rates {
        Some(rates) if rates.as_slice() != [-1.0] => rates.serialize(serializer),
        _ => serializer.serialize_none(),
    }
}

/// A temperature: a number, or the word that leaves it to the server.
fn temperature(text: &str) -> std::result::Result<String, String> {
    let sound = text == "server" || text.parse::<f64>().is_ok();
    sound.then(|| text.to_owned()).ok_or_else(|| "give a number, or server".to_owned())
}

/// A number where it is one, else the word as it stands.
fn number_or_word<S: serde::Serializer>(given: &Option<String>, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    match given.as_deref().map(|text| (text, text.parse::<f64>())) {
        Some((_, Ok(number))) => number.serialize(serializer),
        Some((text, Err(_))) => text.serialize(serializer),
        None => serializer.serialize_none(),
    }
}
