//! `evalscope eval`.

use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Map, Value, json};
use tracing_subscriber::filter::LevelFilter;

use super::console::Console;
use super::fetching::Fetching;
use super::{log, signals};
use crate::engine::Stop;
use crate::error::{Exit, Failure, Result};
use crate::eval::args::Limit;
use crate::eval::conduct::{Evaluated, Evaluation, Watcher};
use crate::eval::report::Report;
use crate::eval::subject;
use crate::eval::task::{Task, object};
use crate::hub::Config;
use crate::plan::{Plan, Wants};
use crate::report::{self, Style};
use crate::run;
use crate::store::write_file;

/// Redraws a second.
const REDRAWS: u8 = 4;

/// What `eval` takes: EvalScope's flags.
#[derive(Debug, Default, Args)]
#[command(
    infer_long_args = true,
    allow_negative_numbers = true,
    after_help = "Objects are JSON, or key=value,key=value. Every flag is also a key of a configuration file, with underscores: \
--config task.yaml (or .json, .toml); flags win over it.\n\n\
Exit numbers: 0 done; 1 some samples failed, and --ignore-errors was not given; 2 wrong use; 3 target unreachable, refusing or \
lost; 4 a local file could not be read or written; 5 a defect of this program; 130 interrupted, answers saved: --use-cache goes on."
)]
pub(super) struct Eval {
    /// Configuration file that flags win over: YAML, JSON or TOML
    #[arg(long, value_name = "FILE", help_heading = "Run")]
    config: Option<PathBuf>,
    /// Resolve everything, load all questions, print what would be asked, and ask nothing
    #[arg(long, help_heading = "Run")]
    dry_run: bool,
    /// Print the reports as JSON on stdout and nothing else there
    #[arg(long, help_heading = "Run")]
    json: bool,

    /// Model to ask for; without --api-url the model that is run here: a built-in name, a folder, a GGUF file or owner/name
    /// at a hub [default: random:tiny]
    #[arg(long, help_heading = "Model")]
    model: Option<String>,
    /// Name of the model in files and reports [default: the last part of its name]
    #[arg(long, value_name = "NAME", help_heading = "Model")]
    model_id: Option<String>,
    /// Arguments of a local model, such as precision=bfloat16,threads=8
    #[arg(long, value_name = "OBJECT", help_heading = "Model")]
    model_args: Option<String>,
    /// What the model does: text_generation
    #[arg(long, value_name = "TASK", help_heading = "Model")]
    model_task: Option<String>,
    /// Chat template of a local model; accepted, the model's own is used
    #[arg(long, value_name = "TEMPLATE", help_heading = "Model")]
    chat_template: Option<String>,
    /// Address of the server, such as http://127.0.0.1:8000/v1
    #[arg(long, value_name = "URL", help_heading = "Model")]
    api_url: Option<String>,
    /// Key of the server; other users see it in the process list, so prefer EVALSCOPE_API_KEY
    #[arg(long, value_name = "KEY", help_heading = "Model")]
    api_key: Option<String>,
    /// What is spoken: openai_api, openai_responses_api, anthropic_api, systemone_api, autotrust_api, llm_ckpt
    #[arg(long, value_name = "TYPE", help_heading = "Model")]
    eval_type: Option<String>,
    /// How it generates: temperature, max_tokens, top_p, seed, stream, timeout, retries, extra_body and so on [default:
    /// temperature=0]
    #[arg(long, value_name = "OBJECT", help_heading = "Model")]
    generation_config: Option<String>,

    /// Benchmarks by name; `evalscope benchmarks` lists them
    #[arg(long, num_args = 1.., value_name = "NAME", help_heading = "Benchmarks")]
    datasets: Option<Vec<String>>,
    /// Changes by benchmark, such as '{"gsm8k": {"few_shot_num": 0, "local_path": "data/gsm8k"}}'
    #[arg(long, value_name = "JSON", help_heading = "Benchmarks")]
    dataset_args: Option<String>,
    /// Folder that files of hubs are kept in; with --dataset-hub local the folder of all data
    #[arg(long, value_name = "FOLDER", help_heading = "Benchmarks")]
    dataset_dir: Option<String>,
    /// Where data comes from: modelscope, huggingface, local, or sample for the small samples of the cards [default:
    /// modelscope]
    #[arg(long, value_name = "HUB", help_heading = "Benchmarks")]
    dataset_hub: Option<String>,
    /// Folder of cards of your own
    #[arg(long, value_name = "FOLDER", help_heading = "Benchmarks")]
    cards: Option<String>,
    /// Most samples of each subset: a count, or a share below 1
    #[arg(long, value_name = "N", value_parser = Limit::parse, help_heading = "Benchmarks")]
    limit: Option<Limit>,
    /// How often each sample is asked
    #[arg(long, value_name = "K", help_heading = "Benchmarks")]
    repeats: Option<usize>,
    /// Seed of shuffles and of drawn examples [default: 42]
    #[arg(long, help_heading = "Benchmarks")]
    seed: Option<u64>,

    /// Requests in flight [default: 8]
    #[arg(long, value_name = "N", help_heading = "Conduct")]
    eval_batch_size: Option<usize>,
    /// Folder of an earlier run to go on with: no question that it answered is asked again
    #[arg(long, value_name = "FOLDER", help_heading = "Conduct")]
    use_cache: Option<String>,
    /// With --use-cache: score the answers again; they always are, so the flag changes nothing
    #[arg(long, help_heading = "Conduct")]
    rerun_review: bool,
    /// A failed sample is no reason for exit 1
    #[arg(long, help_heading = "Conduct")]
    ignore_errors: bool,
    /// Figures of speed in the report; on by default
    #[arg(long, overrides_with = "no_collect_perf", help_heading = "Conduct")]
    collect_perf: bool,
    /// No figures of speed in the report
    #[arg(long, help_heading = "Conduct")]
    no_collect_perf: bool,
    /// Deprecated: timeout in --generation-config
    #[arg(long, value_name = "SECONDS", hide = true)]
    timeout: Option<f64>,
    /// Deprecated: stream in --generation-config
    #[arg(long, hide = true)]
    stream: bool,
    /// Which harness evaluates: Native
    #[arg(long, value_name = "NAME", help_heading = "Conduct")]
    eval_backend: Option<String>,
    /// Settings of another harness
    #[arg(long, value_name = "OBJECT", hide = true)]
    eval_config: Option<String>,
    /// The judge: {"strategy": "rule"}; every benchmark here is scored by rules
    #[arg(long, value_name = "OBJECT", help_heading = "Conduct")]
    judge: Option<String>,
    /// Deprecated: strategy in --judge
    #[arg(long, value_name = "NAME", hide = true)]
    judge_strategy: Option<String>,
    /// Deprecated: models in --judge
    #[arg(long, value_name = "OBJECT", hide = true)]
    judge_model_args: Option<String>,
    /// Let a model write about the report; not done here
    #[arg(long, hide = true)]
    analysis_report: bool,
    /// Agents; not evaluated here
    #[arg(long, value_name = "OBJECT", hide = true)]
    agent_config: Option<String>,
    /// Where generated code runs; not evaluated here
    #[arg(long, value_name = "OBJECT", hide = true)]
    sandbox: Option<String>,

    /// Folder of all runs [default: outputs]
    #[arg(long, value_name = "FOLDER", help_heading = "Output")]
    work_dir: Option<String>,
    /// Leave the time out of the output path
    #[arg(long, help_heading = "Output")]
    no_timestamp: bool,
    /// Write progress.json; on by default
    #[arg(long, help_heading = "Output")]
    enable_progress_tracker: bool,
    /// Log in detail
    #[arg(long, help_heading = "Output")]
    debug: bool,
}

impl Eval {
    /// The flags as a task, over the configuration file.
    fn task(&self) -> Result<Task> {
        let file = self.config.as_deref().map(Task::read).transpose()?.unwrap_or_default();
        let read = |flag: &str, text: &Option<String>| -> Result<Option<Map<String, Value>>> {
            let read = text.as_deref().map(object).transpose();
            read.map_err(|why| Failure::usage(format!("{flag}: {why}")).hint("give JSON, or key=value,key=value"))
        };
        let value = |flag: &str, text: &Option<String>| Ok::<_, Failure>(read(flag, text)?.map(Value::Object));
        let set = |given: bool| given.then_some(true);
        let flags = Task {
            model: self.model.clone(),
            model_id: self.model_id.clone(),
            model_args: read("--model-args", &self.model_args)?,
            model_task: self.model_task.clone(),
            chat_template: self.chat_template.clone(),
            datasets: self.datasets.clone(),
            dataset_args: read("--dataset-args", &self.dataset_args)?,
            dataset_dir: self.dataset_dir.clone(),
            dataset_hub: self.dataset_hub.clone(),
            generation_config: read("--generation-config", &self.generation_config)?,
            eval_type: self.eval_type.clone(),
            eval_backend: self.eval_backend.clone(),
            eval_config: value("--eval-config", &self.eval_config)?,
            eval_batch_size: self.eval_batch_size,
            limit: self.limit,
            repeats: self.repeats,
            use_cache: self.use_cache.clone(),
            rerun_review: set(self.rerun_review),
            work_dir: self.work_dir.clone(),
            no_timestamp: set(self.no_timestamp),
            enable_progress_tracker: set(self.enable_progress_tracker),
            ignore_errors: set(self.ignore_errors),
            debug: set(self.debug),
            dry_run: set(self.dry_run),
            seed: self.seed,
            api_url: self.api_url.clone(),
            api_key: self.api_key.clone(),
            judge: value("--judge", &self.judge)?,
            judge_strategy: self.judge_strategy.clone(),
            judge_model_args: value("--judge-model-args", &self.judge_model_args)?,
            analysis_report: set(self.analysis_report),
            collect_perf: if self.no_collect_perf { Some(false) } else { set(self.collect_perf) },
            agent_config: value("--agent-config", &self.agent_config)?,
            sandbox: value("--sandbox", &self.sandbox)?,
            timeout: self.timeout,
            stream: set(self.stream),
            cards: self.cards.clone(),
        };
        let mut task = file.with(flags);
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        // An address of the environment is for those who name no other and ask no local model.
        let asks_server =
            task.eval_type.as_deref().is_none_or(|word| !matches!(word, "llm_ckpt" | "checkpoint" | "mock_llm"));
        if task.api_url.is_none() && asks_server {
            task.api_url = variable("EVALSCOPE_BASE_URL");
        }
        if task.api_key.is_none() && task.api_url.is_some() {
            let own =
                if task.eval_type.as_deref() == Some("anthropic_api") { "ANTHROPIC_API_KEY" } else { "OPENAI_API_KEY" };
            task.api_key = variable("EVALSCOPE_API_KEY").or_else(|| variable(own));
        }
        Ok(task)
    }
}

/// Evaluates a model.
pub(super) fn eval(flags: &Eval, console: Console) -> Result<Exit> {
    let task = flags.task()?;
    let mut plan = subject::plan(&task, &task.generation())?;
    let stop = Stop::new();
    signals::listen(&stop, console, "cutting requests in flight; answers are saved")?;
    let mut config = Config::from_env()?;
    if let Some(folder) = task.dataset_dir.as_ref().filter(|_| task.dataset_hub.as_deref() != Some("local")) {
        config.cache = PathBuf::from(folder);
    }
    let cache = config.cache.clone();
    let evaluation = prepare(&task, &mut plan, &config, &cache, console, &stop)?;
    if flags.dry_run || task.dry_run == Some(true) {
        return dry(&task, &evaluation, console);
    }
    let folder = task.root();
    std::fs::create_dir_all(folder.join("logs")).map_err(|error| {
        Failure::files(format!("{}: cannot be made", folder.display())).because(error).hint("check --work-dir")
    })?;
    log::open(&folder.join("logs").join("eval_log.log"), LevelFilter::INFO, task.debug.unwrap_or(false))?;
    let mut told = evaluation.notices.clone();
    told.extend(evaluation.plan.notices.iter().cloned());
    told.iter().for_each(|notice| console.warn(notice));
    let mut live = Live::new(console);
    let evaluated = evaluation.run(&mut live, &stop)?;
    live.bar.finish_and_clear();
    show(&evaluated, flags.json, console)?;
    Ok(exit_of(&evaluated, task.ignore_errors.unwrap_or(false), console))
}

fn prepare(
    task: &Task,
    plan: &mut Plan,
    config: &Config,
    cache: &Path,
    console: Console,
    stop: &Stop,
) -> Result<Evaluation> {
    let mut fetching = Fetching::new(console);
    if plan.wants != Wants::default() {
        run::fetch(plan, config, stop, &mut |event| fetching.see(event))?;
    }
    let mut fetch =
        |wanted: &crate::plan::Wanted| run::fetch_one(wanted, config, stop, &mut |event| fetching.see(event));
    Evaluation::prepare(task, plan.clone(), cache, &mut fetch)
}

/// Shows what would be asked.
fn dry(task: &Task, evaluation: &Evaluation, console: Console) -> Result<Exit> {
    for (name, subsets) in evaluation.counts() {
        let total: usize = subsets.iter().map(|(_, samples)| samples).sum();
        console.out(&format!("# {name}: {total} samples in {} subsets", subsets.len()));
        for (subset, samples) in subsets {
            console.out(&format!("#   {subset}: {samples}"));
        }
    }
    if let Some((benchmark, sample)) = evaluation.samples().next() {
        console.out(&format!("# the first question of {}:", benchmark.card().name));
        console.out(&serde_json::to_string_pretty(&sample.messages).unwrap_or_default());
    }
    let mut shown = serde_json::to_value(task).unwrap_or_default();
    if let Some(fields) = shown.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    console.out(&serde_saphyr::to_string(&shown).unwrap_or_default());
    evaluation.notices.iter().chain(&evaluation.plan.notices).for_each(|notice| console.warn(notice));
    Ok(Exit::Done)
}

fn show(evaluated: &Evaluated, json: bool, console: Console) -> Result<()> {
    let html = report::evaluation_html(evaluated)?;
    let page = evaluated.folder.join("reports").join("report.html");
    write_file(&page, html.as_bytes())?;
    if json {
        let reports: Vec<Value> = evaluated
            .reports
            .iter()
            .map(|report| {
                let levels = report.levels.as_ref().map(crate::eval::aggregate::collection::Levels::json);
                json!({"report": report.json(), "figures": report.figures(), "levels": levels})
            })
            .collect();
        let whole = json!({"model": evaluated.model, "folder": evaluated.folder, "interrupted": evaluated.interrupted, "reports": reports});
        console.out(&serde_json::to_string_pretty(&whole).unwrap_or_default());
    } else {
        let style = Style { color: console.colour(), ascii: false };
        for report in &evaluated.reports {
            console.out(&report::scores_table(report, style));
            if let Some(levels) = &report.levels {
                console.out(&report::levels_table(levels, style));
            }
        }
        if evaluated.reports.len() > 1 {
            console.out(&report::overview_table(&evaluated.reports, style));
        }
        console.out(&report::speed_table(&evaluated.reports, style));
    }
    evaluated.reports.iter().flat_map(|report| &report.notices).for_each(|notice| console.warn(notice));
    console.say(&format!("saved  {}\nreport {}", evaluated.folder.display(), page.display()));
    Ok(())
}

/// The exit number of an evaluation that was carried out.
fn exit_of(evaluated: &Evaluated, ignores: bool, console: Console) -> Exit {
    let errored = evaluated.errored();
    let answered: u64 = evaluated.reports.iter().map(|report| report.executed().succeeded).sum();
    let again = format!("--use-cache {} asks those again that have no answer", evaluated.folder.display());
    if evaluated.interrupted {
        console.say(&format!("interrupted; {again}"));
        Exit::Interrupted
    } else if evaluated.lost || (answered == 0 && errored > 0) {
        console.say(&format!("error: the target was lost or refused every request; {again}"));
        Exit::Target
    } else if errored > 0 && !ignores {
        console.say(&format!("error: {errored} samples failed; {again}"));
        Exit::Gate
    } else {
        Exit::Done
    }
}

/// What is seen while samples are asked.
struct Live {
    console: Console,
    bar: ProgressBar,
}

impl Live {
    fn new(console: Console) -> Self {
        Live { console, bar: ProgressBar::hidden() }
    }
}

impl Watcher for Live {
    fn benchmark_begins(&mut self, name: &str, samples: usize, cached: usize) {
        let had = if cached > 0 { format!(", {cached} of them answered before") } else { String::new() };
        let text = format!("{name}: {samples} samples{had}");
        tracing::info!("{text}");
        self.console.say(&text);
        if self.console.is_live() {
            let style = ProgressStyle::with_template("[{bar:40}] {pos}/{len} {msg} {eta}")
                .unwrap_or_else(|_| ProgressStyle::default_bar());
            self.bar = ProgressBar::with_draw_target(Some(samples as u64), ProgressDrawTarget::stderr_with_hz(REDRAWS));
            self.bar.set_style(style.progress_chars("█▉▊▋▌▍▎▏░"));
            self.bar.set_position(cached as u64);
        }
    }

    fn sample_done(&mut self, done: usize, failed: usize) {
        self.bar.set_position(done as u64);
        if failed > 0 {
            self.bar.set_message(format!("{failed} failed"));
        }
    }

    fn benchmark_ends(&mut self, report: &Report) {
        self.bar.finish_and_clear();
        self.bar = ProgressBar::hidden();
        let executed = report.executed();
        let score = report
            .main_metric()
            .map(|metric| format!("{} {}", metric.label(), metric.show(metric.score)))
            .unwrap_or_default();
        tracing::info!("{}: {} of {} answered, {score}", report.name, executed.succeeded, executed.requested);
    }
}
