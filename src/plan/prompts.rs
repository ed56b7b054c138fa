//! Settings to what is sent.

use std::path::PathBuf;

use serde_json::{Map, Value};

use super::dataset::{Args, Schema, Set};
use super::{Images, Lengths, Pixel, Prefix, Settings, Source, Tool, Turns, WorkloadSpec};
use crate::error::{Failure, Result, known};

/// EvalScope's longest prompt.
const MAX_PROMPT_LENGTH: u32 = 131_072;
/// Length of random prompts for the embedded model, which shares the machine with the load engine.
const EMBEDDED_RANDOM_LENGTH: u32 = 64;
/// Length of random prompts where none is given; EvalScope would draw from 0 to 131072.
const RANDOM_LENGTH: u32 = 1024;
/// Longest prompt of recorded traffic, in tokens.
const RECORDED_LENGTH: u32 = 16_777_216;
/// Most pixels of a side, and most images of a request.
const MAX_IMAGE: u32 = 16_384;

/// What else the prompts depend on.
pub(super) struct Around<'a> {
    /// Whether text is a chat where no flag says so.
    pub(super) chat: bool,
    pub(super) embedded: bool,
    pub(super) seed: u64,
    pub(super) max_tokens: (u32, u32),
    /// Whether the dataset comes from a hub.
    pub(super) fetched: bool,
    /// `--extra-args`, which hold options of embedding and rerank sets in EvalScope.
    pub(super) extra: &'a mut Map<String, Value>,
    pub(super) notices: &'a mut Vec<String>,
}

/// Where prompts come from and how they are shaped.
pub(super) fn workload(settings: &mut Settings, around: &mut Around<'_>) -> Result<WorkloadSpec> {
    if let (Some(_), true) = (&settings.compat, settings.prompt.is_some() || settings.dataset != "random") {
        return Err(Failure::usage("--compat goes with --dataset random"));
    }
    let set = Set::named(&settings.dataset)?;
    let given = given_args(settings, set, around)?;
    let source = match &settings.prompt {
        _ if settings.workload.is_some() => {
            Source::Saved(settings.workload.as_ref().map(PathBuf::from).unwrap_or_default())
        }
        Some(prompt) => Source::Fixed(text_or_file("--prompt", prompt)?),
        None => match &settings.compat {
            Some(tool) => compat_source(settings, tool, around.max_tokens)?,
            None => Source::Set(set),
        },
    };
    let named = match source {
        Source::Set(set) => Some(set),
        _ => None,
    };
    let mut args = match named {
        Some(set) => Args::of(set, &given)?,
        None if given.is_empty() => Args::None,
        None => return Err(Failure::usage("--dataset-args go with --dataset, which is not used here")),
    };
    if let Some(set) = named {
        fits(settings, set, around)?;
    }
    replayed_at(settings, &given, &mut args)?;
    let lengths = lengths(settings, named, &args, around)?;
    let images = images(settings, named, around.chat)?;
    if settings.min_turns == 0 || settings.max_turns.is_some_and(|max| max < settings.min_turns) {
        return Err(Failure::usage(format!(
            "--min-turns {}: must be at least 1 and not exceed --max-turns",
            settings.min_turns
        )));
    }
    let template = match source {
        Source::RandomAs { .. } => None,
        _ => settings.query_template.as_deref().map(query_template).transpose()?,
    };
    Ok(WorkloadSpec {
        source,
        path: settings.dataset_path.as_ref().map(PathBuf::from).filter(|_| named.is_some()),
        args,
        offset: settings.dataset_offset,
        lengths,
        prefix: Prefix { length: settings.prefix_length, count: settings.prefix_count },
        images,
        turns: Turns { min: settings.min_turns, max: settings.max_turns },
        cache_bust: settings.cache_bust,
        chat: settings.apply_chat_template.unwrap_or(around.chat),
        tokenizer: settings.tokenizer_path.as_ref().map(PathBuf::from),
        seed: around.seed,
        max_tokens: around.max_tokens,
        threads: threads(settings),
        template,
    })
}

/// `--dataset-args`, together with what EvalScope has in `--extra-args` for some sets.
fn given_args(settings: &mut Settings, set: Set, around: &mut Around<'_>) -> Result<Map<String, Value>> {
    let mut given = object("dataset-args", settings.dataset_args.as_ref(), set)?;
    if let Some(old) = settings.multi_turn_args.take() {
        around.notices.push("--multi-turn-args is deprecated: --dataset-args take its place".to_owned());
        for (name, value) in object("multi-turn-args", Some(&old), set)? {
            if given.get(&name).is_some_and(|own| *own != value) {
                around.notices.push(format!("{name} stands in --dataset-args too, which win"));
            }
            given.entry(name).or_insert(value);
        }
        settings.dataset_args = Some(toml::Value::String(Value::Object(given.clone()).to_string()));
    }
    let moved: &[&str] = match set.schema() {
        Schema::Batch => &["batch_size"],
        Schema::Rank => &["num_documents", "document_length_ratio"],
        _ => &[],
    };
    for name in moved {
        if let Some(value) = around.extra.shift_remove(*name) {
            given.entry(*name).or_insert(value);
        }
    }
    if set.schema() == Schema::Turns
        && let Some(workers) = given.get("num_workers").and_then(Value::as_u64)
    {
        around.notices.push("num_workers in --dataset-args is deprecated: --num-workers takes its place".to_owned());
        settings.num_workers = settings.num_workers.or(usize::try_from(workers).ok());
    }
    Ok(given)
}

/// Options as a table, or as JSON.
fn object(flag: &str, given: Option<&toml::Value>, set: Set) -> Result<Map<String, Value>> {
    match given {
        None => Ok(Map::new()),
        Some(toml::Value::String(text)) => {
            serde_json::from_str(&text_or_file(&format!("--{flag}"), text)?).map_err(|error| {
                Failure::usage(format!("--{flag}: not a JSON object")).because(error).hint(format!(
                    "write it as '{{\"speed\": 2}}'; `evalscope perf datasets {}` lists the keys",
                    set.name()
                ))
            })
        }
        Some(table) => match serde_json::to_value(table) {
            Ok(Value::Object(given)) => Ok(given),
            _ => Err(Failure::usage(format!("{flag} must be a table, or a JSON object as text"))),
        },
    }
}

/// `--trace-speed` for a dataset with a schedule of its own.
fn replayed_at(settings: &Settings, given: &Map<String, Value>, args: &mut Args) -> Result<()> {
    let (Some(speed), Some(own)) = (settings.trace_speed, args.speed_mut()) else { return Ok(()) };
    if settings.arrival == "trace" {
        return Ok(());
    }
    if given.contains_key("speed") && *own != speed {
        return Err(Failure::usage(format!("--trace-speed {speed} and \"speed\": {own} in --dataset-args differ"))
            .hint("give one of them"));
    }
    if !speed.is_finite() || speed <= 0.0 {
        return Err(Failure::usage(format!("--trace-speed {speed}: must be a positive number")));
    }
    *own = speed;
    Ok(())
}

/// Refuses flags that mean nothing for the dataset.
fn fits(settings: &mut Settings, set: Set, around: &mut Around<'_>) -> Result<()> {
    let notices = &mut *around.notices;
    let name = set.name();
    if settings.dataset_path.is_none() && !set.needs_no_file() && !around.fetched {
        return Err(Failure::usage(format!("--dataset {name} needs --dataset-path"))
            .hint(format!("`evalscope perf datasets {name}` shows what the file holds")));
    }
    if settings.dataset_path.is_some() && set.needs_no_file() && set != Set::OpenQa {
        notices.push(format!("--dataset {name} makes its own prompts, --dataset-path is not used"));
        settings.dataset_path = None;
    }
    let takes = |flag: &str, those: fn(Set) -> bool| {
        let known = Set::names(those).join(", ");
        Failure::usage(format!("{flag} goes with --dataset random and its like only"))
            .hint(format!("these are: {known}"))
    };
    if settings.prefix_length > 0 && !set.takes_prefix() {
        return Err(takes("--prefix-length", Set::takes_prefix));
    }
    if settings.prefix_count != 1 {
        match (settings.prefix_count, settings.prefix_length) {
            (0, _) => return Err(Failure::usage("--prefix-count must be at least 1")),
            (_, 0) => return Err(Failure::usage("--prefix-count needs --prefix-length")),
            _ => {}
        }
    }
    if settings.multi_turn && !set.has_turns() {
        return Err(Failure::usage(format!("--multi-turn: --dataset {name} has single requests"))
            .hint(format!("datasets of several turns: {}", Set::names(Set::has_turns).join(", "))));
    }
    if set == Set::RandomMultiTurn && settings.max_turns.is_none() {
        return Err(Failure::usage("--dataset random_multi_turn needs --max-turns")
            .hint("turns are drawn from --min-turns to --max-turns"));
    }
    if set.is_speed() && around.embedded && settings.dataset_args.is_none() {
        notices.push(format!(
            "--dataset {name}: the model inside this program refuses prompts beyond its context; --profile speed has lengths that fit"
        ));
    }
    if set == Set::WorkloadTrace {
        if !settings.open_loop {
            return Err(Failure::usage("--dataset workload_trace needs --open-loop")
                .hint("its requests go when they were recorded; \"speed\" in --dataset-args changes that"));
        }
        if settings.rate.take().is_some() {
            notices.push("--dataset workload_trace has a schedule of its own, --rate is not used".to_owned());
        }
    }
    Ok(())
}

/// Bounds of the prompt length; random prompts have a default of their own.
fn lengths(settings: &mut Settings, set: Option<Set>, args: &Args, around: &mut Around<'_>) -> Result<Lengths> {
    let spread = match args {
        Args::Random(args) => args.prompt_length.is_some() || !args.pairs.is_empty(),
        Args::Turns(args) => args.first_turn_length.is_some() && args.subsequent_turn_length.is_some(),
        _ => false,
    };
    let random = set.is_some_and(|set| set.is_random() && set != Set::SharedPrefix);
    if random && !spread && settings.max_prompt_length.is_none() {
        let default = if around.embedded { EMBEDDED_RANDOM_LENGTH } else { RANDOM_LENGTH };
        let length = settings.min_prompt_length.unwrap_or(default);
        around.notices.push(format!("--max-prompt-length is not set, random prompts of {length} tokens are made"));
        settings.max_prompt_length = Some(length);
        settings.min_prompt_length = Some(length);
    }
    // What is recorded is replayed as it was, unless a bound is asked for.
    let most =
        if set.is_some_and(|set| set.schema() == Schema::Recorded) { RECORDED_LENGTH } else { MAX_PROMPT_LENGTH };
    let lengths = match settings.compat {
        Some(_) => Lengths {
            min: settings.min_prompt_length.unwrap_or(0),
            max: settings.max_prompt_length.unwrap_or(MAX_PROMPT_LENGTH),
        },
        None => Lengths {
            min: *settings.min_prompt_length.get_or_insert(0),
            max: *settings.max_prompt_length.get_or_insert(most),
        },
    };
    if lengths.min > lengths.max {
        return Err(Failure::usage(format!(
            "--min-prompt-length {} exceeds --max-prompt-length {}",
            lengths.min, lengths.max
        )));
    }
    Ok(lengths)
}

fn images(settings: &Settings, set: Option<Set>, chat: bool) -> Result<Images> {
    let found = Pixel::ALL.into_iter().find(|(name, _)| *name == settings.image_format);
    let (_, pixel) = found.ok_or_else(|| {
        Failure::usage(format!("--image-format {}: no such format", settings.image_format))
            .hint(format!("known formats: {}", known(Pixel::ALL.map(|(name, _)| name))))
    })?;
    let Settings { image_width: width, image_height: height, image_num: count, .. } = *settings;
    for (flag, value) in [("--image-width", width), ("--image-height", height), ("--image-num", count)] {
        if !(1..=MAX_IMAGE).contains(&value) {
            return Err(Failure::usage(format!("{flag} {value}: must be from 1 to {MAX_IMAGE}")));
        }
    }
    if set == Some(Set::RandomVl) && (!settings.apply_chat_template.unwrap_or(chat) || settings.tokenize_prompt) {
        return Err(Failure::usage("--dataset random_vl needs chat messages, which hold the images")
            .hint("give an address of chat completions, without --no-apply-chat-template and --tokenize-prompt"));
    }
    Ok(Images { width, height, count, pixel })
}

/// Random prompts as another tool draws them, around the lengths that are its defaults.
fn compat_source(settings: &Settings, tool: &str, max_tokens: (u32, u32)) -> Result<Source> {
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
    Ok(Source::RandomAs {
        tool,
        input_len: settings.random_input_len.unwrap_or(input),
        output_len: settings.random_output_len.unwrap_or(output),
        range_ratio,
        prefix: settings.prefix_length,
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
