//! The run of one benchmark: what is known already is scored at once, the rest is asked, and all of it adds up to a report.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::asking::{Answered, Answers, Asking, Patience};
use super::cache::Cache;
use super::collection::is_mixture;
use super::conduct::{Evaluation, Loaded, Watcher, aggregation};
use super::desk::Desk;
use super::extra;
use super::figures::{Certainty, Scored, SubsetFigures, certainty, figures};
use super::haystack;
use super::performance::Performance;
use super::progress::Progress;
use super::report::{Report, metrics, primary};
use super::rows::question_digest;
use super::run_folder::{RowFile, RunFolder};
use super::sample::Sample;
use crate::engine::Stop;
use crate::error::Result;
use crate::record::{Epoch, Record};
use crate::run::Asker;
use crate::stats::Host;

/// How the run of a benchmark ended.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ended {
    pub(super) interrupted: bool,
    pub(super) lost: bool,
}

/// The run of one benchmark.
pub(super) struct Run<'a> {
    pub(super) evaluation: &'a Evaluation,
    pub(super) loaded: &'a Loaded,
    pub(super) folder: &'a RunFolder,
    pub(super) asker: &'a Asker,
    pub(super) model: &'a str,
    pub(super) epoch: Epoch,
}

/// How often the files of progress are renewed at most.
const RENEW: Duration = Duration::from_millis(500);

impl Run<'_> {
    pub(super) fn run(
        &mut self,
        watcher: &mut dyn Watcher,
        progress: &mut Progress,
        stop: &Stop,
    ) -> Result<(Report, Ended)> {
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
        let dialect = self.asker.plan().target.dialect.clone();
        let speller = self.asker.speller();
        let is_own = self.evaluation.task.generation_config.as_ref().is_none_or(|given| given.is_empty());
        let bare = if is_own { speller.untempered() } else { speller.clone() };
        let mut asking = Asking { dialect, samples: Arc::default(), speller, bare, patience };
        // What is known already is scored at once, the rest is asked.
        let (mut open, mut first, mut digests, mut notices) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (mut cached, mut unfit) = (0, 0);
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
                if let Some(why) = asking.unfit(sample) {
                    desk.take(sample, "", &Answered::unfit(why))?;
                    unfit += 1;
                    continue;
                }
                let request = asking.first(sample)?;
                let digest = question_digest(&request.body, sample);
                match cache.get(&digest, sample) {
                    Some(kept) => {
                        used += 1;
                        performance.add_row(&kept.row);
                        desk.score(sample, &kept.row, &kept.reply)?;
                    }
                    None => {
                        open.push(Arc::clone(sample));
                        first.push(request);
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
        if unfit > 0 {
            notices
                .push(format!("{name}: the server's protocol has no place for {unfit} of the questions; they failed"));
        }
        watcher.benchmark_begins(name, loaded.questions.count(), cached);
        progress.add(cached + unfit)?;
        asking.samples = Arc::new(open);
        let mut ended = Ended::default();
        let mut failed = unfit;
        if !asking.samples.is_empty() && !stop.is_draining() {
            let (mut done, mut told) = (cached + unfit, Instant::now());
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
            let mut sink = Answers::new(asking.dialect.clone(), &mut on_done, &mut on_record);
            let parallel = self.evaluation.task.in_flight()?;
            let (tally, host) =
                self.asker.ask(asking.requests(first), number, parallel, self.epoch, &mut sink, stop)?;
            notices.extend(of_machine(name, tally.unsent, &host));
            ended = Ended { interrupted: tally.stopped, lost: tally.lost };
            watcher.sample_done(done, failed);
            progress.save()?;
        }
        let report = self.report(desk, &performance, notices)?;
        Ok((report, ended))
    }

    /// What the marks add up to.
    fn report(&self, mut desk: Desk<'_>, performance: &Performance, mut notices: Vec<String>) -> Result<Report> {
        let benchmark = &self.loaded.benchmark;
        let card = benchmark.card();
        // Answers come in any order; the report is the same each time.
        desk.scored.sort_by(|a, b| (&a.subset, a.index).cmp(&(&b.subset, b.index)));
        let aggregate = aggregation(benchmark);
        let mut levels = None;
        let mut subsets = Vec::new();
        if is_mixture(card) {
            let (made, of_all) = extra::mixture::figures_of(&aggregate, &mut desk.scored);
            (subsets, levels) = (made, Some(of_all));
        }
        for (subset, _) in &self.loaded.questions.subsets {
            let samples: Vec<&Scored> = desk.scored.iter().filter(|sample| &sample.subset == subset).collect();
            if samples.is_empty() {
                continue;
            }
            let made =
                if aggregate == "official" { Vec::new() } else { figures(&aggregate, &card.report.metrics, &samples) };
            subsets.push(SubsetFigures { name: subset.clone(), figures: made, is_aggregate: false, category: None });
        }
        if let Some(rows) = card.report.rows.as_deref().filter(|_| levels.is_none()) {
            extra::add(rows, &desk.scored, &mut subsets);
        }
        let sure = |metric: &str, subsets: &[&SubsetFigures]| -> Option<Certainty> {
            if !matches!(aggregate.as_str(), "mean" | "f1") {
                return None;
            }
            let of = |sample: &&Scored| {
                subsets.iter().any(|subset| {
                    // A mixture may hold the same subset in several places.
                    let is_there = levels.is_none()
                        || subset.category.as_deref().unwrap_or_default() == extra::mixture::path(sample);
                    subset.name == sample.subset && is_there
                })
            };
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
        let graded = metrics.iter().filter(|metric| !metric.is_diagnostic()).count();
        // What a mixture is scored by is not declared anywhere: of several metrics none stands for all, as in EvalScope.
        let is_open = levels.is_some() && named.is_none() && graded > 1;
        let primary = if is_open { None } else { primary(&metrics, named.as_deref()) };
        let pictures = match card.report.rows.as_deref() {
            Some("haystack") => heat_maps(&desk.scored, &self.loaded.questions.subsets)?,
            _ => Vec::new(),
        };
        notices.extend(desk.counters.iter().map(|(what, many)| format!("{}: {many} {what}", card.name)));
        Ok(Report {
            levels,
            pictures,
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
        })
    }
}

/// What the engine noted that a reader of the results should know.
fn of_machine(name: &str, unsent: u64, host: &Host) -> Vec<String> {
    let steps = format!(
        "{name}: the wall clock was set {} times, by up to {:.0} ms, while samples were asked; latencies may be off by that",
        host.clock_steps, host.clock_step_ms
    );
    let left = format!("{name}: {unsent} samples were not asked");
    [(unsent > 0, left), (host.clock_steps > 0, steps)]
        .into_iter()
        .filter(|(is, _)| *is)
        .map(|(_, said)| said)
        .collect()
}

/// A picture for each subset of needles: how well they were found by length and depth.
fn heat_maps(scored: &[Scored], subsets: &[(String, Vec<Arc<Sample>>)]) -> Result<Vec<(String, Vec<u8>)>> {
    let place =
        |sample: &Scored, name: &str| sample.meta.get(name)?.as_u64().and_then(|number| u32::try_from(number).ok());
    let mut pictures = Vec::new();
    for (subset, _) in subsets {
        let of = |sample: &&Scored| &sample.subset == subset;
        let found = scored.iter().filter(of).filter_map(|sample| {
            Some((place(sample, "context_length")?, place(sample, "depth_percent")?, sample.value("accuracy")?))
        });
        let cells = haystack::cells(found);
        if !cells.is_empty() {
            let name = format!("needle_haystack_heatmap_{subset}");
            let title = format!("Needles found: {subset}");
            pictures.push((format!("{name}.png"), haystack::png(&title, &cells, true)?));
            pictures.push((format!("{name}.svg"), haystack::svg(&title, &cells, true)?.into_bytes()));
        }
    }
    Ok(pictures)
}
