//! Rows drawn of a collection with a seed.

use std::path::Path;

use serde_json::{Value, json};

use super::super::benchmark::Benchmark;
use super::super::card::Catalog;
use super::super::conduct::{place, unused};
use super::super::sample::Sample;
use super::super::source::{Choice, Fetch, Place, Questions, load};
use super::super::task::Task;
use super::entry::row;
use super::sampler::Sampler;
use super::schema::{Collection, Part};
use crate::error::{Failure, Result};
use crate::random::Python;

/// What is drawn, how, and how much of it.
#[derive(Debug, Clone, Copy)]
pub struct Drawing<'a> {
    /// What is in the mixture.
    pub collection: &'a Collection,
    /// How many rows each data set gives.
    pub sampler: Sampler,
    /// Rows of the mixture.
    pub count: usize,
}

/// What came of a drawing.
#[derive(Debug, Default)]
pub struct Drawn {
    /// The rows in order.
    pub rows: Vec<Value>,
    /// What each data set gave.
    pub taken: Vec<Taken>,
    /// What a reader should know.
    pub notices: Vec<String>,
}

/// What a data set gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Taken {
    /// The benchmark.
    pub name: String,
    /// The collections that it is in, outermost first.
    pub path: Vec<String>,
    /// Its share of the whole.
    pub weight: f64,
    /// Samples that it has.
    pub there: usize,
    /// Rows that it was to give.
    pub wanted: usize,
    /// Rows that it gave: fewer where it has no more.
    pub given: usize,
}

impl Drawn {
    /// Rows that were wanted and are not there.
    pub fn missing(&self) -> usize {
        self.taken.iter().map(|taken| taken.wanted - taken.given).sum()
    }
}

impl Drawing<'_> {
    /// Loads every data set and draws. One generator serves all data sets in order, so the rows are those that EvalScope's
    /// sampler draws after `random.seed(seed)`. `task` says where data comes from, the most samples of each subset, and the seed.
    ///
    /// # Errors
    /// When a data set cannot be used or loaded, or nothing comes of it all; messages have the path of the key in the file of
    /// the collection.
    pub fn draw(&self, file: &str, task: &Task, catalog: &Catalog, cache: &Path, fetch: Fetch<'_>) -> Result<Drawn> {
        if self.count == 0 {
            return Err(Failure::usage("--count 0: draw at least one row"));
        }
        let parts = self.collection.flat();
        let mut drawn = Drawn::default();
        let mut loaded: Vec<(Part<'_>, Benchmark, Questions)> = Vec::with_capacity(parts.len());
        // All of them are looked at before the first is fetched.
        let mut benchmarks = Vec::with_capacity(parts.len());
        for part in parts {
            let dataset = part.dataset;
            let made = Benchmark::new(catalog.get(&dataset.name)?, dataset.args.clone(), task.seed());
            let benchmark = made.map_err(|failure| located(failure, file, &part))?;
            let place = place(task, &benchmark).map_err(|failure| located(failure, file, &part))?;
            let told = unused(&dataset.name, &dataset.args);
            drawn.tell(told.into_iter().map(|notice| renamed(&notice, file, &part)));
            benchmarks.push((part, benchmark, place));
        }
        for (part, benchmark, place) in benchmarks {
            let choice = Choice { limit: task.limit, repeats: 1 };
            let questions = load(&benchmark, &place, choice, cache, &mut *fetch);
            let questions = questions.map_err(|failure| located(failure, file, &part))?;
            let plain = |sample: &Sample| sample.body.is_empty() && sample.decision.is_none();
            if !questions.subsets.iter().flat_map(|(_, samples)| samples).all(|sample| plain(sample)) {
                let why = format!(
                    "{}: its requests are not made of messages alone, and a row has nothing else",
                    part.dataset.name
                );
                return Err(located(Failure::usage(why), file, &part).hint("evaluate it by itself with --datasets"));
            }
            drawn.tell(questions.notices.iter().cloned());
            if place == Place::Sample {
                let name = &part.dataset.name;
                drawn.tell([format!("{name}: the sample of its card is drawn from, not the benchmark")]);
            }
            loaded.push((part, benchmark, questions));
        }
        let weights: Vec<f64> = loaded.iter().map(|(part, ..)| part.weight).collect();
        let sizes: Vec<usize> = loaded.iter().map(|(.., questions)| questions.count()).collect();
        let shares = self.sampler.shares(&weights, &sizes, self.count);
        let mut random = Python::new(task.seed());
        for ((part, benchmark, questions), wanted) in loaded.iter().zip(shares) {
            drawn.take(part, benchmark, questions, wanted, &mut random);
            drawn.report(file, part, self.count);
        }
        for (index, row) in drawn.rows.iter_mut().enumerate() {
            row["index"] = json!(index);
        }
        match drawn.missing() {
            _ if drawn.rows.is_empty() => {
                Err(Failure::usage(format!("--count {}: no data set gives a row", self.count)).hint("raise --count"))
            }
            0 => Ok(drawn),
            missing => {
                drawn.notices.push(format!(
                    "{} of {} rows were drawn: {missing} are missing, for no other data set makes up for them",
                    drawn.rows.len(),
                    self.count
                ));
                Ok(drawn)
            }
        }
    }
}

impl Drawn {
    /// Adds what is not said yet.
    fn tell(&mut self, notices: impl IntoIterator<Item = String>) {
        for notice in notices {
            if !self.notices.contains(&notice) {
                self.notices.push(notice);
            }
        }
    }

    fn take(&mut self, part: &Part<'_>, from: &Benchmark, questions: &Questions, wanted: usize, random: &mut Python) {
        let samples: Vec<&Sample> =
            questions.subsets.iter().flat_map(|(_, samples)| samples.iter().map(|sample| &**sample)).collect();
        let given = wanted.min(samples.len());
        // Nothing is drawn for nothing: the generator stays where it is.
        let places = if given == 0 { Vec::new() } else { random.sample(samples.len(), given).unwrap_or_default() };
        let weight = part.weight / given as f64;
        let drawn = places.into_iter().filter_map(|place| samples.get(place));
        self.rows.extend(drawn.map(|sample| row(from.card(), sample, part, weight)));
        self.taken.push(Taken {
            name: part.dataset.name.clone(),
            path: part.path.clone(),
            weight: part.weight,
            there: samples.len(),
            wanted,
            given,
        });
    }

    /// Says where the last data set gave less than it should.
    fn report(&mut self, file: &str, part: &Part<'_>, count: usize) {
        let Some(Taken { name, there, wanted, given, .. }) = self.taken.last().cloned() else { return };
        let at = &part.dataset.at;
        if wanted == 0 {
            self.notices.push(format!(
                "{file}: {at}: {name}: its share of {count} rows is less than one: it gives none; a larger --count lets it in"
            ));
        } else if given < wanted {
            self.notices.push(format!("{file}: {at}: {name}: has {there} samples of {wanted} that were to be drawn"));
        }
    }
}

/// A failure of a data set with the place in the file that it is of.
fn located(mut failure: Failure, file: &str, part: &Part<'_>) -> Failure {
    failure.message = renamed(&failure.message, file, part);
    failure
}

/// A message with the place in the file where it would name the flag that has the same keys.
fn renamed(message: &str, file: &str, part: &Part<'_>) -> String {
    let at = &part.dataset.at;
    match message.strip_prefix(&format!("--dataset-args {}: ", part.dataset.name)) {
        Some(rest) => format!("{file}: {at}.args.{rest}"),
        None => format!("{file}: {at}: {message}"),
    }
}
