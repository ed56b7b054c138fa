//! Settings to what is sent.

use std::path::PathBuf;

use serde_json::{Map, Value};

use super::{Lengths, Settings, Source, Tool, WorkloadSpec};
use crate::error::{Failure, Result, known};

/// Workloads that `--dataset` knows.
const DATASETS: [&str; 4] = ["openqa", "line_by_line", "custom", "random"];
/// EvalScope's longest prompt.
const MAX_PROMPT_LENGTH: u32 = 131_072;
/// Length of random prompts for the embedded model, which shares the machine with the load engine.
const EMBEDDED_RANDOM_LENGTH: u32 = 64;
/// Length of random prompts where none is given; EvalScope would draw from 0 to 131072.
const RANDOM_LENGTH: u32 = 1024;

/// Where prompts come from and how they are shaped; `chat` is whether text is a chat where no flag says so.
pub(super) fn workload(
    settings: &mut Settings,
    chat: bool,
    embedded: bool,
    seed: u64,
    max_tokens: (u32, u32),
    notices: &mut Vec<String>,
) -> Result<WorkloadSpec> {
    let path = settings.dataset_path.as_ref().map(PathBuf::from);
    let needs_path = |name: &str| {
        path.clone().ok_or_else(|| {
            Failure::usage(format!("--dataset {name} needs --dataset-path"))
                .hint("name the file that holds one prompt a line")
        })
    };
    if let (Some(_), true) = (&settings.compat, settings.prompt.is_some() || settings.dataset != "random") {
        return Err(Failure::usage("--compat goes with --dataset random"));
    }
    let source = match (&settings.prompt, settings.dataset.as_str()) {
        _ if settings.workload.is_some() => {
            Source::Saved(settings.workload.as_ref().map(PathBuf::from).unwrap_or_default())
        }
        (Some(prompt), _) => Source::Fixed(text_or_file("--prompt", prompt)?),
        (None, "openqa") => Source::OpenQa(path),
        (None, "line_by_line") => Source::LineByLine(needs_path("line_by_line")?),
        (None, "custom") => Source::Custom(needs_path("custom")?),
        (None, "random") => match &settings.compat {
            Some(tool) => return compat(settings, tool, chat, seed, max_tokens),
            None => Source::Random { prefix: settings.prefix_length },
        },
        (None, other) => {
            return Err(Failure::usage(format!("--dataset {other}: no dataset of this name"))
                .hint(format!("known datasets: {}", known(DATASETS))));
        }
    };
    let random = matches!(source, Source::Random { .. });
    if settings.prefix_length > 0 && !random {
        return Err(Failure::usage("--prefix-length goes with --dataset random only"));
    }
    if random && settings.max_prompt_length.is_none() {
        let length =
            settings.min_prompt_length.unwrap_or(if embedded { EMBEDDED_RANDOM_LENGTH } else { RANDOM_LENGTH });
        notices.push(format!("--max-prompt-length is not set, random prompts of {length} tokens are made"));
        settings.max_prompt_length = Some(length);
        settings.min_prompt_length = Some(length);
    }
    let lengths = Lengths {
        min: *settings.min_prompt_length.get_or_insert(0),
        max: *settings.max_prompt_length.get_or_insert(MAX_PROMPT_LENGTH),
    };
    if lengths.min > lengths.max {
        return Err(Failure::usage(format!(
            "--min-prompt-length {} exceeds --max-prompt-length {}",
            lengths.min, lengths.max
        )));
    }
    let template = settings.query_template.as_deref().map(query_template).transpose()?;
    Ok(WorkloadSpec {
        source,
        offset: settings.dataset_offset,
        lengths,
        chat: settings.apply_chat_template.unwrap_or(chat),
        tokenizer: settings.tokenizer_path.as_ref().map(PathBuf::from),
        seed,
        max_tokens,
        threads: threads(settings),
        template,
    })
}

/// Random prompts as another tool draws them, around the lengths that are its defaults.
fn compat(settings: &Settings, tool: &str, chat: bool, seed: u64, max_tokens: (u32, u32)) -> Result<WorkloadSpec> {
    let found = Tool::ALL.into_iter().find(|(name, _)| *name == tool);
    let Some((_, tool)) = found else {
        return Err(Failure::usage(format!("--compat {tool}: no tool of this name"))
            .hint(format!("known tools: {}", known(Tool::ALL.map(|(name, _)| name)))));
    };
    let (input, output, ratio) = match tool {
        Tool::Vllm => (1024, 128, 0.0),
        Tool::Sglang => (1024, 1024, 0.0),
        Tool::Evalscope => (RANDOM_LENGTH, max_tokens.1, 0.0),
    };
    let range_ratio = settings.random_range_ratio.unwrap_or(ratio);
    if !(0.0..=1.0).contains(&range_ratio) || (tool == Tool::Vllm && range_ratio == 1.0) {
        return Err(Failure::usage(format!(
            "--random-range-ratio {range_ratio}: must be from 0 to 1, for vllm below 1"
        )));
    }
    Ok(WorkloadSpec {
        source: Source::RandomAs {
            tool,
            input_len: settings.random_input_len.unwrap_or(input),
            output_len: settings.random_output_len.unwrap_or(output),
            range_ratio,
            prefix: settings.prefix_length,
        },
        offset: settings.dataset_offset,
        lengths: Lengths {
            min: settings.min_prompt_length.unwrap_or(0),
            max: settings.max_prompt_length.unwrap_or(MAX_PROMPT_LENGTH),
        },
        chat: settings.apply_chat_template.unwrap_or(chat),
        tokenizer: settings.tokenizer_path.as_ref().map(PathBuf::from),
        seed,
        max_tokens,
        threads: threads(settings),
        template: None,
    })
}

fn threads(settings: &Settings) -> usize {
    match settings.num_workers {
        None | Some(0) => std::thread::available_parallelism().map_or(1, usize::from),
        Some(threads) => threads,
    }
}

fn query_template(given: &str) -> Result<Map<String, Value>> {
    let text = text_or_file("--query-template", given)?;
    serde_json::from_str(&text).map_err(|error| {
        Failure::usage("--query-template: not a JSON object")
            .because(error)
            .hint("give a request body such as '{\"messages\": [], \"tools\": []}'; its messages are replaced")
    })
}

/// A value as it stands, or the contents of a file where it begins with `@`.
fn text_or_file(flag: &str, given: &str) -> Result<String> {
    match given.strip_prefix('@') {
        None => Ok(given.to_owned()),
        Some(path) => std::fs::read_to_string(path).map_err(|error| {
            Failure::files(format!("{flag} @{path}: cannot be read"))
                .because(error)
                .hint("check the path; without the @ the text itself is taken")
        }),
    }
}
