//! `evalscope collect`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::console::Console;
use super::fetching::Fetching;
use super::signals;
use crate::engine::Stop;
use crate::error::{Exit, Failure, Result};
use crate::eval::args::Limit;
use crate::eval::collection::{self, Sampler, Schema};
use crate::eval::task::Task;
use crate::hub::Config;
use crate::report::{self, Style};
use crate::run;
use crate::store::write_file;

/// What `collect` takes.
#[derive(Debug, Args)]
#[command(after_help = "A schema is YAML, JSON or TOML:\n  name: mixed\n  datasets:\n    - {name: gsm8k, weight: 2, \
task_type: maths, tags: [en], args: {few_shot_num: 0}}\n    - {name: zh, datasets: [{name: ceval, tags: [zh], args: \
{subset_list: [logic]}}]}\n\nThe mixture is asked by\n  evalscope eval --datasets data_collection --dataset-args \
'{\"data_collection\": {\"local_path\": \"FILE\"}}'")]
pub(super) struct Collect {
    /// File of the schema: collections of data sets and of collections, with weights and tags
    schema: PathBuf,
    /// Rows to draw
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
    /// How many rows each data set gives
    #[arg(long, value_enum, default_value_t = By::Weighted)]
    sampler: By,
    /// File of the mixture, JSON lines
    #[arg(long, value_name = "FILE", default_value = "mixture.jsonl")]
    output: PathBuf,
    /// Seed of the draws, of shuffles and of drawn examples
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Most rows of each subset that are drawn from: a count, or a share below 1
    #[arg(long, value_name = "N")]
    limit: Option<f64>,
    /// Folder that files of hubs are kept in; with --dataset-hub local the folder of all data
    #[arg(long, value_name = "FOLDER")]
    dataset_dir: Option<String>,
    /// Where data comes from: modelscope, huggingface, local, or sample for the small samples of the cards [default:
    /// modelscope]
    #[arg(long, value_name = "HUB")]
    dataset_hub: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum By {
    /// By the weights of the schema
    Weighted,
    /// As many of each
    Uniform,
    /// By how many rows they have
    Stratified,
}

/// Draws a mixture.
pub(super) fn collect(flags: &Collect, console: Console) -> Result<Exit> {
    let schema = Schema::read(&flags.schema)?;
    if flags.limit.is_some_and(|limit| limit < 0.0) {
        return Err(Failure::usage("--limit: must not be negative"));
    }
    let limit = |limit: f64| if limit.fract() == 0.0 { Limit::Count(limit as u64) } else { Limit::Share(limit) };
    let task = Task {
        seed: Some(flags.seed),
        limit: flags.limit.map(limit),
        dataset_dir: flags.dataset_dir.clone(),
        dataset_hub: flags.dataset_hub.clone(),
        ..Task::default()
    };
    let stop = Stop::new();
    signals::listen(&stop, console, "nothing is written")?;
    let mut config = Config::from_env()?;
    if let Some(folder) = task.dataset_dir.as_ref().filter(|_| task.dataset_hub.as_deref() != Some("local")) {
        config.cache = PathBuf::from(folder);
    }
    let mut fetching = Fetching::new(console);
    let mut fetch =
        |wanted: &crate::plan::Wanted| run::fetch_one(wanted, &config, &stop, &mut |event| fetching.see(event));
    let sampler = match flags.sampler {
        By::Weighted => Sampler::Weighted,
        By::Uniform => Sampler::Uniform,
        By::Stratified => Sampler::Stratified,
    };
    let mixture = collection::draw(&schema, sampler, flags.count as usize, &task, &config.cache, &mut fetch)?;
    let lines: String = mixture.rows.iter().map(|row| format!("{row}\n")).collect();
    write_file(&flags.output, lines.as_bytes())?;
    console.out(&report::mixture_table(&mixture, Style { color: console.colour(), ascii: false }));
    mixture.notices.iter().for_each(|notice| console.warn(notice));
    console.say(&format!("saved  {}: {} rows", flags.output.display(), mixture.rows.len()));
    Ok(Exit::Done)
}
