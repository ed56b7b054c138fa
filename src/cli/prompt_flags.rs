//! The flags of what is sent, named as EvalScope names them.

use clap::Args;
use serde::Serialize;

/// The flags of prompts. What is serialised is laid over the profile under the same names.
#[derive(Debug, Default, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct PromptFlags {
    /// Name of the dataset; `evalscope perf datasets` lists all [default: openqa]
    #[arg(long, help_heading = "Prompts")]
    dataset: Option<String>,
    /// File or folder of the dataset; with --data-source also owner/name at a hub, a file inside behind it
    #[arg(long, value_name = "PATH|ID", help_heading = "Prompts")]
    dataset_path: Option<String>,
    /// Fetch the dataset from modelscope or huggingface, once into a cache; local asks no hub
    #[arg(long, value_name = "HUB", help_heading = "Prompts")]
    data_source: Option<String>,
    /// Branch, tag or commit of the dataset at the hub [default: its main branch]
    #[arg(long, value_name = "REVISION", help_heading = "Prompts")]
    dataset_revision: Option<String>,
    /// First item of the dataset to use [default: 0]
    #[arg(long, value_name = "N", help_heading = "Prompts")]
    dataset_offset: Option<u64>,
    /// Options of the dataset as JSON, or @FILE; `evalscope perf datasets NAME` lists them
    #[arg(long, value_name = "JSON|@FILE", help_heading = "Prompts")]
    dataset_args: Option<String>,
    /// Longest prompt: tokens for random prompts and with --tokenizer-path, else characters [default: 131072]
    #[arg(long, value_name = "N", help_heading = "Prompts")]
    max_prompt_length: Option<u32>,
    /// Shortest prompt [default: 0]
    #[arg(long, value_name = "N", help_heading = "Prompts")]
    min_prompt_length: Option<u32>,
    /// Tokens that all random prompts share, on top of their own length [default: 0]
    #[arg(long, value_name = "N", help_heading = "Prompts")]
    prefix_length: Option<u32>,
    /// Number of such prefixes, taken in turn [default: 1]
    #[arg(long, value_name = "N", help_heading = "Prompts")]
    prefix_count: Option<u32>,
    /// Begin each conversation with tokens of its own, so that no prefix cache serves it; prompts that are made here keep
    /// their length, those from files get eight words more
    #[arg(long, num_args = 0, default_missing_value = "true", help_heading = "Prompts")]
    cache_bust: Option<bool>,
    /// Width of the images of random_vl in pixels [default: 224]
    #[arg(long, value_name = "PIXELS", help_heading = "Prompts")]
    image_width: Option<u32>,
    /// Height of them [default: 224]
    #[arg(long, value_name = "PIXELS", help_heading = "Prompts")]
    image_height: Option<u32>,
    /// How their pixels are stored: RGB, RGBA or L [default: RGB]
    #[arg(long, value_name = "MODE", help_heading = "Prompts")]
    image_format: Option<String>,
    /// Images a request [default: 1]
    #[arg(long, value_name = "N", help_heading = "Prompts")]
    image_num: Option<u32>,
    /// EvalScope's width of a patch for its estimate of image tokens; kept for its files, nothing is estimated here
    #[arg(long, value_name = "PIXELS", help_heading = "Prompts")]
    image_patch_size: Option<u32>,
    /// Refuse a dataset that does not have several turns
    #[arg(long, num_args = 0, default_missing_value = "true", help_heading = "Prompts")]
    multi_turn: Option<bool>,
    /// Fewest turns of a conversation, where they are drawn [default: 1]
    #[arg(long, value_name = "N", help_heading = "Prompts")]
    min_turns: Option<u32>,
    /// Most turns of a conversation; longer ones are cut
    #[arg(long, value_name = "N", help_heading = "Prompts")]
    max_turns: Option<u32>,
    /// Deprecated: EvalScope's old place of some of --dataset-args, which win over it
    #[arg(long, value_name = "JSON", help_heading = "Prompts")]
    multi_turn_args: Option<String>,
    /// Draw random prompts, lengths and arrivals bit for bit as vllm, sglang or evalscope does
    #[arg(long, value_name = "TOOL", help_heading = "Prompts")]
    compat: Option<String>,
    /// Prompt length that --compat draws around [default: the tool's]
    #[arg(long, value_name = "N", help_heading = "Prompts")]
    random_input_len: Option<u32>,
    /// Reply length that --compat draws around [default: the tool's]
    #[arg(long, value_name = "N", help_heading = "Prompts")]
    random_output_len: Option<u32>,
    /// Width of that draw, by the tool's own rule [default: the tool's]
    #[arg(long, value_name = "R", help_heading = "Prompts")]
    random_range_ratio: Option<f64>,
    /// Send a saved workload again: same bodies, same instants
    #[arg(long, value_name = "FILE", help_heading = "Prompts")]
    workload: Option<String>,
    /// Save what is sent, with its instants; a sweep puts the point's name into the file's
    #[arg(long, value_name = "FILE", help_heading = "Prompts")]
    save_workload: Option<String>,
    /// One prompt for all requests, or @FILE; wins over --dataset
    #[arg(long, value_name = "TEXT|@FILE", help_heading = "Prompts")]
    prompt: Option<String>,
    /// Request body as JSON whose messages are replaced, or @FILE
    #[arg(long, value_name = "JSON|@FILE", help_heading = "Prompts")]
    query_template: Option<String>,
    /// Send plain text as chat messages [default: by the address]
    #[arg(
        long,
        num_args = 0,
        default_missing_value = "true",
        overrides_with = "no_apply_chat_template",
        help_heading = "Prompts"
    )]
    apply_chat_template: Option<bool>,
    /// Send plain text as it is
    #[arg(long, overrides_with = "apply_chat_template", help_heading = "Prompts")]
    #[serde(skip)]
    pub(super) no_apply_chat_template: bool,
    /// Send prompts as token ids of --tokenizer-path, chats by the chat template beside it; goes to completions
    #[arg(long, num_args = 0, default_missing_value = "true", help_heading = "Prompts")]
    tokenize_prompt: Option<bool>,
    /// Header that carries the id of a conversation, such as X-Session-Id, for routers that keep it on one server
    #[arg(long, value_name = "NAME", help_heading = "Prompts")]
    session_header: Option<String>,
    /// Threads that make prompts; 0 for all cores [default: 0]
    #[arg(long, value_name = "N", help_heading = "Prompts")]
    num_workers: Option<usize>,
    /// Seed of all prompts and lengths [default: --seed, else a new one that the saved plan keeps]
    #[arg(long, value_name = "SEED", help_heading = "Prompts")]
    workload_seed: Option<u64>,
}
