//! A whole evaluation: everything is checked and loaded before the first request, each benchmark is asked through the load
//! engine, each answer is kept before it is scored.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};

use super::args::DatasetArgs;
use super::benchmark::Benchmark;
use super::card::{Catalog, Entry};
use super::collection;
use super::filters::Filters;
use super::one_run::Run;
use super::progress::Progress;
use super::report::Report;
use super::run_folder::RunFolder;
use super::sample::Sample;
use super::source::{Choice, Fetch, Place, Questions, is_local, load};
use super::subject;
use super::task::{Generation, Task};
use crate::engine::Stop;
use crate::error::{Failure, Result, known};
use crate::plan::{Hub, Plan};
use crate::record::Epoch;
use crate::run::Asker;
use crate::store::write_file;

/// What an evaluation tells while it goes on. Everything defaults to silence.
pub trait Watcher: Send {
    /// A benchmark begins: its name, its samples, and those that were answered before.
    fn benchmark_begins(&mut self, _name: &str, _samples: usize, _cached: usize) {}
    /// A sample is done.
    fn sample_done(&mut self, _done: usize, _failed: usize) {}
    /// A benchmark is over and its files are written.
    fn benchmark_ends(&mut self, _report: &Report) {}
}

/// What came of an evaluation.
#[derive(Debug)]
pub struct Evaluated {
    /// The reports, one a benchmark.
    pub reports: Vec<Report>,
    /// The folder of the run.
    pub folder: PathBuf,
    /// The model's name in files.
    pub model: String,
    /// The user stopped it.
    pub interrupted: bool,
    /// The target was lost.
    pub lost: bool,
    /// What a reader should know.
    pub notices: Vec<String>,
}

impl Evaluated {
    /// Samples that failed.
    pub fn errored(&self) -> u64 {
        self.reports.iter().map(|report| report.executed().errored).sum()
    }
}

/// A benchmark with its questions.
pub(super) struct Loaded {
    pub(super) benchmark: Benchmark,
    pub(super) filters: Filters,
    pub(super) questions: Questions,
}

/// An evaluation that is ready to begin.
pub struct Evaluation {
    pub(super) task: Task,
    /// The plan that it asks with.
    pub plan: Plan,
    pub(super) generation: Generation,
    loaded: Vec<Loaded>,
    /// What was decided for the user.
    pub notices: Vec<String>,
}

/// Cards as a task has them: the built-in ones and the user's own.
///
/// # Errors
/// When a card is wrong.
pub fn catalog(task: &Task) -> Result<Catalog> {
    Catalog::open(task.cards.as_deref().map(std::path::Path::new))
}

impl Evaluation {
    /// Checks everything that can be wrong and loads all questions. `plan` is the one that [`subject::plan`] made, with files of
    /// hubs fetched.
    ///
    /// # Errors
    /// When a benchmark, its data or a value of the task cannot be used.
    pub fn prepare(task: &Task, plan: Plan, cache: &std::path::Path, fetch: Fetch<'_>) -> Result<Self> {
        let mut notices = task.check()?;
        let catalog = Arc::new(catalog(task)?);
        let generation = task.generation();
        let choice = Choice { limit: task.limit, repeats: task.tries()? };
        let mut compiled = Vec::new();
        for name in task.names()? {
            let entry = catalog.get(&name)?;
            let args = task.args(&name)?;
            notices.extend(unused(&name, &args));
            let filters = Filters::of(args.filters.as_ref())
                .map_err(|why| Failure::usage(format!("--dataset-args {name}: filters: {why}")))?;
            if plan.target.dialect.decides() {
                asks_for_decisions(&catalog, entry)?;
            }
            compiled.push((Benchmark::new(entry, args, task.seed())?.among(&catalog), filters));
        }
        let mut loaded = Vec::new();
        for (benchmark, filters) in compiled {
            let place = place(task, &benchmark)?;
            let questions = load(&benchmark, &place, choice, cache, &mut *fetch)?;
            if collection::is_mixture(benchmark.card()) {
                collection::check(&benchmark.card().name, &questions, &catalog)?;
            }
            notices.extend(questions.notices.iter().cloned());
            if place == Place::Sample {
                notices.push(format!("{}: the sample of its card is asked, not the benchmark", benchmark.card().name));
            }
            loaded.push(Loaded { benchmark, filters, questions });
        }
        if task.limit.is_some() {
            notices.push(
                "--limit: a part of the samples is asked; the scores are for checking, not for comparing".to_owned(),
            );
        }
        Ok(Evaluation { task: task.clone(), plan, generation, loaded, notices })
    }

    /// How many samples there are of each benchmark and subset.
    pub fn counts(&self) -> Vec<(String, Vec<(String, usize)>)> {
        let subsets = |loaded: &Loaded| {
            loaded.questions.subsets.iter().map(|(name, samples)| (name.clone(), samples.len())).collect::<Vec<_>>()
        };
        self.loaded.iter().map(|loaded| (loaded.benchmark.card().name.clone(), subsets(loaded))).collect()
    }

    /// Every sample with its benchmark.
    pub fn samples(&self) -> impl Iterator<Item = (&Benchmark, &Sample)> {
        self.loaded.iter().flat_map(|loaded| {
            loaded
                .questions
                .subsets
                .iter()
                .flat_map(move |(_, samples)| samples.iter().map(move |sample| (&loaded.benchmark, &**sample)))
        })
    }

    /// Asks, keeps, scores and reports.
    ///
    /// # Errors
    /// When the target cannot be reached at first, or a file cannot be written. What was answered before is on disk.
    pub fn run(self, watcher: &mut dyn Watcher, stop: &Stop) -> Result<Evaluated> {
        let model = self.plan.target.model.clone();
        let name = self.task.folder(self.task.model.as_deref().unwrap_or(&model));
        let folder = RunFolder::create(&self.task.root(), &name)?;
        folder.save_config(&self.config()?)?;
        let asker = Asker::open(&self.plan, stop).map_err(subject::in_our_words)?;
        let total: usize = self.loaded.iter().map(|loaded| loaded.questions.count()).sum();
        let tracks = self.task.enable_progress_tracker.unwrap_or(true);
        let mut progress = Progress::begin(tracks.then(|| folder.path().join("progress.json")), total)?;
        let mut evaluated = Evaluated {
            reports: Vec::new(),
            folder: folder.path().to_owned(),
            model: name.clone(),
            interrupted: false,
            lost: false,
            notices: self.notices.iter().chain(&self.plan.notices).cloned().collect(),
        };
        let epoch = Epoch::now();
        for loaded in &self.loaded {
            let mut one = Run { evaluation: &self, loaded, folder: &folder, asker: &asker, model: &name, epoch };
            let (report, ended) = one.run(watcher, &mut progress, stop)?;
            folder.save(&folder.report(&report.name), &report.json())?;
            folder.save(&folder.figures(&report.name), &report.figures())?;
            if let Some(levels) = &report.levels {
                folder.save(&folder.levels(&report.name), &levels.json())?;
            }
            for (name, bytes) in &report.pictures {
                write_file(&folder.report(&report.name).with_file_name(name), bytes)?;
            }
            watcher.benchmark_ends(&report);
            evaluated.reports.push(report);
            evaluated.interrupted |= ended.interrupted;
            evaluated.lost |= ended.lost;
            if ended.interrupted || ended.lost {
                break;
            }
        }
        progress.end(if evaluated.interrupted || evaluated.lost { "error" } else { "completed" })?;
        Ok(evaluated)
    }

    /// What EvalScope saves as `task_config.yaml`: the task, and what each benchmark became. Keys are not in it.
    fn config(&self) -> Result<Value> {
        let mut config = serde_json::to_value(&self.task)
            .map_err(|error| Failure::bug("a task cannot be spelled").because(error))?;
        let mut benchmarks = serde_json::Map::new();
        for Loaded { benchmark, .. } in &self.loaded {
            let card = benchmark.card();
            benchmarks.insert(
                card.name.clone(),
                json!({
                    "evaluation_version": card.version, "dataset_id": card.source.modelscope, "hf_dataset_id": card.source.huggingface,
                    "few_shot_num": benchmark.shots, "subset_list": benchmark.args.subset_list.as_ref().unwrap_or(&card.source.subsets),
                    "eval_split": benchmark.args.eval_split.as_ref().or(card.source.split.as_ref()), "extra_params": benchmark.params,
                    "metric_list": card.report.metrics, "aggregation": aggregation(benchmark),
                    "primary_metric": card.report.primary, "dataset_args": benchmark.args,
                }),
            );
        }
        if let Some(fields) = config.as_object_mut() {
            fields.insert("model".to_owned(), json!(self.plan.target.model));
            if self.task.api_key.is_some() {
                fields.insert("api_key".to_owned(), json!(crate::target::MASK));
            }
            fields.insert("evalscope_version".to_owned(), json!(env!("CARGO_PKG_VERSION")));
            fields.insert("resolved_benchmarks".to_owned(), Value::Object(benchmarks));
            fields.sort_keys();
        }
        Ok(config)
    }
}

/// Refuses a card that asks for text where the server gives probabilities of options.
fn asks_for_decisions(catalog: &Catalog, entry: &Entry) -> Result<()> {
    let decides = |entry: &Entry| entry.card.record.fields.decision.is_some();
    if decides(entry) {
        return Ok(());
    }
    let all = catalog.all().filter(|entry| decides(entry)).map(|entry| &entry.card.name);
    Err(Failure::usage(format!("{}: it asks for text, and a decision server gives none", entry.card.name))
        .hint(format!("set another --eval-type, or ask one of {}", known(all))))
}

/// How values of samples become one: as the user says, else as the card does.
pub(super) fn aggregation(benchmark: &Benchmark) -> String {
    let own = benchmark.args.aggregation.clone().or_else(|| benchmark.card().report.aggregate.clone());
    own.unwrap_or_else(|| "mean".to_owned())
}

/// Keys that are accepted and have no effect here.
pub(super) fn unused(name: &str, args: &DatasetArgs) -> Vec<String> {
    let said = [
        (
            "choice_instructions",
            args.choice_instructions.is_some(),
            "a card of decisions has instructions of its own, and chats have none",
        ),
        (
            "review_timeout",
            args.review_timeout.is_some(),
            "rules that score have bounds of their own, and no code is run",
        ),
        ("sandbox_config", args.sandbox_config.is_some(), "no code is run"),
    ];
    said.into_iter()
        .filter(|(_, given, _)| *given)
        .map(|(key, _, why)| format!("--dataset-args {name}: {key} has no effect here and is passed over: {why}"))
        .collect()
}

/// Where the data of a benchmark is.
pub(super) fn place(task: &Task, benchmark: &Benchmark) -> Result<Place> {
    let name = &benchmark.card().name;
    if let Some(path) = &benchmark.args.local_path {
        if is_local(path) {
            return Ok(Place::Local(PathBuf::from(path)));
        }
        let is_id = path.split('/').count() == 2 && !path.starts_with(['.', '/', '~']);
        if !is_id || task.dataset_hub.as_deref() == Some("local") {
            return Err(Failure::files(format!(
                "--dataset-args {name}: local_path {path}: there is no such file or folder"
            ))
            .hint("check the path; it counts from the folder that the command runs in"));
        }
    }
    let hub = match task.dataset_hub.as_deref() {
        None | Some("modelscope") => Hub::ModelScope,
        Some("huggingface") => Hub::HuggingFace,
        Some("sample") => return Ok(Place::Sample),
        Some("local") => {
            let folder =
                task.dataset_dir.as_deref().map(|dir| PathBuf::from(dir).join(name)).filter(|path| path.exists());
            return folder.map(Place::Local).ok_or_else(|| {
                Failure::usage(format!("--dataset-hub local: {name} has no data on this machine")).hint(format!(
                    "put it into a folder {name} below --dataset-dir, or name it as local_path in --dataset-args"
                ))
            });
        }
        Some(other) => {
            return Err(Failure::usage(format!("--dataset-hub {other}: no such hub"))
                .hint("known are modelscope, huggingface, local, sample"));
        }
    };
    let card = benchmark.card();
    if card.source.modelscope.is_none() && card.source.huggingface.is_none() && benchmark.args.local_path.is_none() {
        return Err(Failure::usage(format!("{name}: its data is your own")).hint(format!(
            "name it: --dataset-args '{{\"{name}\": {{\"local_path\": \"FOLDER\", \"subset_list\": [\"FILE\"]}}}}'"
        )));
    }
    Ok(Place::Hub(hub))
}
