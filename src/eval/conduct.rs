//! A whole evaluation: everything is checked and loaded before the first request, each benchmark is asked through the load
//! engine, each answer is kept before it is scored.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::args::DatasetArgs;
use super::asking::{Answered, Answers, Asking, Patience};
use super::benchmark::Benchmark;
use super::cache::Cache;
use super::card::Catalog;
use super::figures::{Certainty, Scored, SubsetFigures, certainty, figures};
use super::filters::Filters;
use super::method::{Case, Marks, Reply};
use super::performance::Performance;
use super::progress::Progress;
use super::report::{Execution, Report, metrics, primary};
use super::rows::{prediction, question_digest, review, was_cut};
use super::run_folder::{RowFile, RunFolder};
use super::sample::Sample;
use super::source::{Choice, Fetch, Place, Questions, is_local, load};
use super::task::{Generation, Task};
use super::{extra, subject};
use crate::engine::Stop;
use crate::error::{Failure, Result};
use crate::plan::{Hub, Plan};
use crate::record::{Epoch, Record};
use crate::run::Asker;

/// What an evaluation tells while it goes on. Everything defaults to silence.
pub trait Watcher: Send {
    /// Something was decided, skipped or doubted.
    fn notice(&mut self, _text: &str) {}
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
struct Loaded {
    benchmark: Benchmark,
    filters: Filters,
    questions: Questions,
}

/// An evaluation that is ready to begin.
pub struct Evaluation {
    task: Task,
    /// The plan that it asks with.
    pub plan: Plan,
    generation: Generation,
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
        let catalog = catalog(task)?;
        let generation = task.generation();
        let choice = Choice { limit: task.limit, repeats: task.tries()? };
        let mut compiled = Vec::new();
        for name in task.names()? {
            let entry = catalog.get(&name)?;
            let args = task.args(&name)?;
            notices.extend(unused(&name, &args));
            let filters = Filters::of(args.filters.as_ref())
                .map_err(|why| Failure::usage(format!("--dataset-args {name}: filters: {why}")))?;
            compiled.push((Benchmark::new(entry, args, task.seed())?, filters));
        }
        let mut loaded = Vec::new();
        for (benchmark, filters) in compiled {
            let place = place(task, &benchmark)?;
            let questions = load(&benchmark, &place, choice, cache, &mut *fetch)?;
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
                .flat_map(move |(_, samples)| samples.iter().map(move |sample| (&loaded.benchmark, sample)))
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
            notices: self.notices.clone(),
        };
        let epoch = Epoch::now();
        for loaded in &self.loaded {
            let mut one = Run { evaluation: &self, loaded, folder: &folder, asker: &asker, model: &name, epoch };
            let (report, ended) = one.run(watcher, &mut progress, stop)?;
            folder.save(&folder.report(&report.name), &report.json())?;
            folder.save(&folder.figures(&report.name), &report.figures())?;
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

/// How values of samples become one: as the user says, else as the card does.
fn aggregation(benchmark: &Benchmark) -> String {
    let own = benchmark.args.aggregation.clone().or_else(|| benchmark.card().report.aggregate.clone());
    own.unwrap_or_else(|| "mean".to_owned())
}

/// Keys that are accepted and have no effect here.
fn unused(name: &str, args: &DatasetArgs) -> Vec<String> {
    let said = [
        ("choice_instructions", args.choice_instructions.is_some()),
        ("review_timeout", args.review_timeout.is_some()),
        ("sandbox_config", args.sandbox_config.is_some()),
        ("max_image_bytes", args.max_image_bytes.is_some()),
    ];
    said.into_iter()
        .filter(|(_, given)| *given)
        .map(|(key, _)| format!("--dataset-args {name}: {key} has no effect here and is passed over"))
        .collect()
}

/// Where the data of a benchmark is.
fn place(task: &Task, benchmark: &Benchmark) -> Result<Place> {
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

/// How the run of a benchmark ended.
#[derive(Debug, Clone, Copy, Default)]
struct Ended {
    interrupted: bool,
    lost: bool,
}

/// The run of one benchmark.
struct Run<'a> {
    evaluation: &'a Evaluation,
    loaded: &'a Loaded,
    folder: &'a RunFolder,
    asker: &'a Asker,
    model: &'a str,
    epoch: Epoch,
}

/// What becomes of samples while they are asked.
struct Desk<'a> {
    loaded: &'a Loaded,
    model: &'a str,
    /// Files of answers and of reviews by subset.
    files: HashMap<String, (RowFile, RowFile)>,
    scored: Vec<Scored>,
    counters: BTreeMap<String, u64>,
    execution: Vec<(String, Execution)>,
}

impl Desk<'_> {
    fn count(&mut self, name: &str, many: u64) {
        if many > 0 {
            *self.counters.entry(name.to_owned()).or_insert(0) += many;
        }
    }

    fn executed(&mut self, subset: &str) -> &mut Execution {
        let at = match self.execution.iter().position(|(name, _)| name == subset) {
            Some(at) => at,
            None => {
                self.execution.push((subset.to_owned(), Execution::default()));
                self.execution.len() - 1
            }
        };
        &mut self.execution[at].1
    }

    /// Scores a reply and keeps the review.
    fn score(&mut self, sample: &Sample, row: &Value, reply: &Reply) -> Result<()> {
        let reply = self.loaded.filters.apply(reply);
        let marks = self.loaded.benchmark.method(sample).judge(&Case { sample, reply: &reply });
        match marks.via {
            Some("fallback") => self.count("answers taken by the last capital letter", 1),
            Some("none") => self.count("replies without an answer in the form that was asked for", 1),
            _ => {}
        }
        if reply.text.trim().is_empty() && reply.calls.is_empty() {
            self.count("empty answers", 1);
        }
        if reply.ended == crate::wire::Ended::Length {
            self.count("replies cut at the most tokens", 1);
        }
        if row["model_output"]["metadata"]["evalscope"]["reasoning_unfinished"] == true {
            self.count("replies cut while the model still reasoned", 1);
        }
        let thought = |message: &Value| {
            message["content"].as_array().is_some_and(|parts| parts.iter().any(|part| part["type"] == "reasoning"))
        };
        if row["messages"].as_array().is_some_and(|messages| messages.iter().any(thought)) {
            self.count("replies with reasoning", 1);
        }
        if !super::rows::counts(&marks) {
            self.count("samples left out of the figures", 1);
        }
        if let Some((_, reviews)) = self.files.get_mut(&sample.subset) {
            reviews.write(&review(sample, row, &reply, &marks))?;
        }
        self.executed(&sample.subset).succeeded += 1;
        self.push(sample, Some(marks));
        Ok(())
    }

    fn push(&mut self, sample: &Sample, marks: Option<Marks>) {
        self.scored.push(Scored {
            subset: sample.subset.clone(),
            index: sample.index,
            group: sample.group,
            repeat: sample.repeat,
            meta: sample.meta.clone(),
            marks,
        });
    }

    /// Keeps an answer that came, then scores it.
    fn take(&mut self, sample: &Sample, digest: &str, answered: &Answered) -> Result<bool> {
        if was_cut(answered) {
            return Ok(false);
        }
        self.count("requests made again", u64::from(answered.retries));
        let made = prediction(sample, answered, digest, self.model);
        if let Some((predictions, _)) = self.files.get_mut(&sample.subset) {
            predictions.write(&made.row)?;
        }
        match &made.reply {
            Some(reply) => self.score(sample, &made.row, reply)?,
            None => {
                self.executed(&sample.subset).errored += 1;
                self.count("samples that failed", 1);
                self.push(sample, None);
            }
        }
        Ok(true)
    }
}

/// How often the files of progress are renewed at most.
const RENEW: Duration = Duration::from_millis(500);

impl Run<'_> {
    fn run(&mut self, watcher: &mut dyn Watcher, progress: &mut Progress, stop: &Stop) -> Result<(Report, Ended)> {
        let Run { loaded, folder, .. } = self;
        let benchmark = &loaded.benchmark;
        let name = &benchmark.card().name;
        let mut desk = Desk {
            loaded,
            model: self.model,
            files: HashMap::new(),
            scored: Vec::new(),
            counters: BTreeMap::new(),
            execution: Vec::new(),
        };
        let mut performance = Performance::default();
        let generation = &self.evaluation.generation;
        let interval =
            Duration::try_from_secs_f64(generation.retry_interval.max(0.0)).unwrap_or(Duration::from_secs(10));
        let patience = Patience { retries: generation.retries, interval };
        let mut asking = Asking { samples: Arc::default(), speller: self.asker.speller(), patience };
        // What is known already is scored at once, the rest is asked.
        let (mut open, mut digests, mut cached, mut notices) = (Vec::new(), Vec::new(), 0, Vec::new());
        for (subset, samples) in &loaded.questions.subsets {
            desk.executed(subset).requested = samples.len() as u64;
            let path = folder.predictions(name, subset);
            let cache = Cache::read(&path)?;
            if cache.broken > 0 {
                notices.push(format!(
                    "{name}: {subset}: {} lines of an earlier run are no rows and were passed over",
                    cache.broken
                ));
            }
            let before = cache.len();
            desk.files
                .insert(subset.clone(), (RowFile::append(&path)?, RowFile::create(&folder.reviews(name, subset))?));
            let mut used = 0;
            for sample in samples {
                let digest = question_digest(&asking.body(sample)?, sample);
                match cache.get(&digest, sample) {
                    Some(kept) => {
                        used += 1;
                        performance.add_row(&kept.row);
                        desk.score(sample, &kept.row, &kept.reply)?;
                    }
                    None => {
                        open.push(sample.clone());
                        digests.push(digest);
                    }
                }
            }
            cached += used;
            if before > used {
                notices.push(format!(
                    "{name}: {subset}: {} answers of an earlier run are to other questions or settings and were not used",
                    before - used
                ));
            }
        }
        watcher.benchmark_begins(name, loaded.questions.count(), cached);
        progress.add(cached)?;
        asking.samples = Arc::new(open);
        let mut ended = Ended::default();
        let mut failed = 0;
        if !asking.samples.is_empty() && !stop.is_draining() {
            let (mut done, mut told) = (cached, Instant::now());
            let samples = Arc::clone(&asking.samples);
            let number = samples.len() as u64;
            let mut on_done = |place: usize, answered: Answered| -> Result<()> {
                let (Some(sample), Some(digest)) = (samples.get(place), digests.get(place)) else { return Ok(()) };
                if desk.take(sample, digest, &answered)? {
                    done += 1;
                    failed += usize::from(answered.failure.is_some());
                    progress.count(1);
                    if told.elapsed() > RENEW || done == loaded.questions.count() {
                        told = Instant::now();
                        progress.save()?;
                        watcher.sample_done(done, failed);
                    }
                }
                Ok(())
            };
            let mut on_record = |record: &Record| -> Result<()> {
                performance.add(record);
                Ok(())
            };
            let mut on_tick = || Ok(());
            let dialect = self.asker.plan().target.dialect.clone();
            let mut sink = Answers::new(dialect, &mut on_done, &mut on_record, &mut on_tick);
            let parallel = self.evaluation.task.in_flight()?;
            let (tally, _) = self.asker.ask(asking.requests(), number, parallel, self.epoch, &mut sink, stop)?;
            ended = Ended { interrupted: tally.stopped, lost: tally.lost };
            watcher.sample_done(done, failed);
            progress.save()?;
        }
        let report = self.report(desk, &performance, notices);
        Ok((report, ended))
    }

    /// What the marks add up to.
    fn report(&self, mut desk: Desk<'_>, performance: &Performance, mut notices: Vec<String>) -> Report {
        let benchmark = &self.loaded.benchmark;
        let card = benchmark.card();
        // Answers come in any order; the report is the same each time.
        desk.scored.sort_by(|a, b| (&a.subset, a.index).cmp(&(&b.subset, b.index)));
        let aggregate = aggregation(benchmark);
        let mut subsets = Vec::new();
        for (subset, _) in &self.loaded.questions.subsets {
            let samples: Vec<&Scored> = desk.scored.iter().filter(|sample| &sample.subset == subset).collect();
            if samples.is_empty() {
                continue;
            }
            let made =
                if aggregate == "official" { Vec::new() } else { figures(&aggregate, &card.report.metrics, &samples) };
            subsets.push(SubsetFigures { name: subset.clone(), figures: made, is_aggregate: false, category: None });
        }
        if let Some(rows) = &card.report.rows {
            extra::add(rows, &desk.scored, &mut subsets);
        }
        let sure = |metric: &str, names: &[&str]| -> Option<Certainty> {
            if !matches!(aggregate.as_str(), "mean" | "f1") {
                return None;
            }
            let of = |sample: &&Scored| names.contains(&sample.subset.as_str());
            let rows: Vec<(f64, (String, usize))> = desk
                .scored
                .iter()
                .filter(of)
                .filter_map(|sample| Some((sample.value(metric)?, (sample.subset.clone(), sample.group))))
                .collect();
            certainty(&rows)
        };
        let metrics = metrics(card, &subsets, &sure);
        let named = match &benchmark.args.primary_metric {
            Some(Value::String(name)) => Some(name.clone()),
            Some(Value::Object(identity)) => identity.get("name").and_then(Value::as_str).map(str::to_owned),
            _ => card.report.primary.clone(),
        };
        let collects = self.evaluation.task.collect_perf.unwrap_or(true);
        let primary = primary(&metrics, named.as_deref());
        notices.extend(desk.counters.iter().map(|(what, many)| format!("{}: {many} {what}", card.name)));
        Report {
            model: self.model.to_owned(),
            name: card.name.clone(),
            title: card.title.clone(),
            about: card.about.clone(),
            metrics,
            primary,
            performance: performance.json().filter(|_| collects),
            wall: performance.wall(),
            execution: desk.execution,
            notices,
            counters: desk.counters,
            speed: performance.row(),
        }
    }
}
