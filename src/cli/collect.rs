//! `evalscope collect`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::console::Console;
use super::fetching::Fetching;
use super::signals;
use crate::engine::Stop;
use crate::error::{Exit, Failure, Result};
use crate::eval::args::Limit;
use crate::eval::collection::{Collection, Drawing, Sampler};
use crate::eval::conduct::catalog;
use crate::eval::task::Task;
use crate::hub::Config;
use crate::report::{self, Style};
use crate::run;
use crate::store::write_file;

/// What `collect` takes.
#[derive(Debug, Args)]
#[command(
    infer_long_args = true,
    allow_negative_numbers = true,
    after_help = "SCHEMA is EvalScope's CollectionSchema: {name, weight, datasets: [...]}, where a data set is {name, weight, task_type, \
tags, args} with the keys of --dataset-args as args, or a further collection. Weights count beside their neighbours.\n\n\
The rows are asked with:\n  evalscope eval --datasets data_collection --dataset-args '{\"data_collection\": {\"local_path\": \"mix.jsonl\"}}'\n\n\
Exit numbers: 0 done, also where data sets had fewer samples than wanted, which is said; 2 wrong use; 3 a hub is unreachable or \
refuses; 4 a local file could not be read or written; 5 a defect of this program; 130 interrupted, nothing written."
)]
pub(super) struct Collect {
    /// File that says what is in the mixture: YAML, JSON or TOML; what EvalScope dumps is one
    #[arg(value_name = "SCHEMA")]
    schema: PathBuf,
    /// How many rows each data set gives: weighted (by weight), uniform (the same of each), stratified (by size)
    #[arg(long, value_name = "NAME", default_value = "weighted")]
    sampler: String,
    /// Rows of the mixture
    #[arg(long, value_name = "N")]
    count: usize,
    /// Seed of the draw, of shuffles and of drawn examples
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// File of the rows, which must not be there yet
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Most samples of each subset that are drawn from: a count, or a share below 1
    #[arg(long, value_name = "N", value_parser = Limit::parse, help_heading = "Data")]
    limit: Option<Limit>,
    /// Folder that files of hubs are kept in; with --dataset-hub local the folder of all data
    #[arg(long, value_name = "FOLDER", help_heading = "Data")]
    dataset_dir: Option<String>,
    /// Where data comes from: modelscope, huggingface, local, or sample for the small samples of the cards [default:
    /// modelscope]
    #[arg(long, value_name = "HUB", help_heading = "Data")]
    dataset_hub: Option<String>,
    /// Folder of cards of your own
    #[arg(long, value_name = "FOLDER", help_heading = "Data")]
    cards: Option<String>,
    /// Print what was drawn as JSON on stdout and nothing else there
    #[arg(long)]
    json: bool,
}

/// Draws a mixture of benchmarks into a file.
pub(super) fn collect(flags: &Collect, console: Console) -> Result<Exit> {
    let sampler = Sampler::named(&flags.sampler)?;
    let output = &flags.output;
    let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if output.exists() || !folder.is_dir() {
        let why = if output.exists() { "is there already" } else { "its folder is not there" };
        return Err(Failure::files(format!("--output {}: {why}", output.display()))
            .hint("name a file that is not there yet, in a folder that is"));
    }
    if output.extension().is_none_or(|ending| ending != "jsonl") {
        return Err(Failure::usage(format!("--output {}: rows are JSON, one a line", output.display()))
            .hint("let its name end in .jsonl, so that `evalscope eval` reads it as such"));
    }
    let task = Task {
        dataset_dir: flags.dataset_dir.clone(),
        dataset_hub: flags.dataset_hub.clone(),
        cards: flags.cards.clone(),
        limit: flags.limit,
        seed: Some(flags.seed),
        ..Task::default()
    };
    let catalog = catalog(&task)?;
    let (collection, notices) = Collection::read(&flags.schema, &catalog)?;
    notices.iter().for_each(|notice| console.warn(notice));
    let stop = Stop::new();
    signals::listen(&stop, console, "cutting requests in flight; nothing is written")?;
    let mut config = Config::from_env()?;
    if let Some(folder) = task.dataset_dir.as_ref().filter(|_| task.dataset_hub.as_deref() != Some("local")) {
        config.cache = PathBuf::from(folder);
    }
    let cache = config.cache.clone();
    let mut fetching = Fetching::new(console);
    let mut fetch =
        |wanted: &crate::plan::Wanted| run::fetch_one(wanted, &config, &stop, &mut |event| fetching.see(event));
    let drawing = Drawing { collection: &collection, sampler, count: flags.count };
    let drawn = drawing.draw(&flags.schema.display().to_string(), &task, &catalog, &cache, &mut fetch)?;
    drawn.notices.iter().for_each(|notice| console.warn(notice));
    let mut lines = String::new();
    for row in &drawn.rows {
        lines.push_str(&row.to_string());
        lines.push('\n');
    }
    write_file(output, lines.as_bytes())?;
    if flags.json {
        console.out(&serde_json::to_string_pretty(&report::drawn_json(&drawn)).unwrap_or_default());
    } else {
        console.out(&report::drawn_table(&drawn, Style { color: console.colour(), ascii: false }));
    }
    console.say(&format!("saved  {}: {} rows", output.display(), drawn.rows.len()));
    Ok(Exit::Done)
}
