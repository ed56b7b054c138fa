//! A collection as its file says it: EvalScope's `CollectionSchema` and `DatasetInfo`.

use std::path::Path;

use serde_json::{Map, Value};

use super::super::args::DatasetArgs;
use super::super::card::Catalog;
use super::super::config_file;
use super::is_mixture;
use crate::error::{Failure, Result, known};

/// Keys of a collection, and of a data set in one.
const OF_COLLECTION: [&str; 3] = ["name", "weight", "datasets"];
const OF_DATASET: [&str; 6] = ["name", "weight", "task_type", "tags", "args", "hierarchy"];

/// Data sets and further collections under one name.
#[derive(Debug, Clone, PartialEq)]
pub struct Collection {
    /// Its name; a part of the path of what is in it.
    pub name: String,
    /// What it weighs beside its neighbours.
    pub weight: f64,
    /// What is in it, at least one.
    pub members: Vec<Member>,
}

/// What is in a collection.
#[derive(Debug, Clone, PartialEq)]
pub enum Member {
    /// A further collection.
    Collection(Collection),
    /// The samples of a benchmark.
    Dataset(Box<Dataset>),
}

/// A benchmark as a member of a collection.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// Path of keys in the file, such as `datasets[1].datasets[0]`.
    pub at: String,
    /// The benchmark.
    pub name: String,
    /// What it weighs beside its neighbours.
    pub weight: f64,
    /// What kind of task it is, in words of the user's.
    pub task_type: String,
    /// Words that its samples are also summed up by.
    pub tags: Vec<String>,
    /// What is changed of the benchmark.
    pub args: DatasetArgs,
}

/// A data set with its place in the whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Part<'a> {
    /// The data set.
    pub dataset: &'a Dataset,
    /// Its share of the whole; those of all parts sum to 1.
    pub weight: f64,
    /// The names of the collections that it is in, outermost first.
    pub path: Vec<String>,
}

impl Collection {
    /// Reads a collection from YAML, JSON or TOML; what EvalScope's `dump_json` wrote is one. What was decided for the user is
    /// told beside.
    ///
    /// # Errors
    /// When the file cannot be read, or something in it cannot be used; the message has the path of the key.
    pub fn read(file: &Path, catalog: &Catalog) -> Result<(Self, Vec<String>)> {
        let value: Value = config_file::read(file)?;
        Self::of(&value, &file.display().to_string(), catalog)
    }

    /// The same of a value that is at hand, whose messages name `file`.
    ///
    /// # Errors
    /// As those of [`Collection::read`].
    pub fn of(value: &Value, file: &str, catalog: &Catalog) -> Result<(Self, Vec<String>)> {
        let mut reading = Reading { file, catalog, notices: Vec::new() };
        let collection = reading.collection(value, "", &[])?;
        Ok((collection, reading.notices))
    }

    /// Its data sets in order. On each level what a member weighs is divided by the sum of its neighbours and itself, and
    /// multiplied with what the level weighs, as EvalScope does; what the outermost collection weighs has no meaning.
    pub fn flat(&self) -> Vec<Part<'_>> {
        let mut parts = Vec::new();
        self.flatten(1.0, &[], &mut parts);
        parts
    }

    fn flatten<'a>(&'a self, base: f64, above: &[String], parts: &mut Vec<Part<'a>>) {
        let path: Vec<String> = above.iter().chain([&self.name]).cloned().collect();
        let total: f64 = self.members.iter().map(Member::weight).sum();
        for member in &self.members {
            let weight = member.weight() / total * base;
            match member {
                Member::Collection(collection) => collection.flatten(weight, &path, parts),
                Member::Dataset(dataset) => parts.push(Part { dataset, weight, path: path.clone() }),
            }
        }
    }
}

impl Member {
    fn weight(&self) -> f64 {
        match self {
            Member::Collection(collection) => collection.weight,
            Member::Dataset(dataset) => dataset.weight,
        }
    }
}

/// A file while it is read.
struct Reading<'a> {
    file: &'a str,
    catalog: &'a Catalog,
    notices: Vec<String>,
}

impl Reading<'_> {
    fn refuse(&self, at: &str, why: impl std::fmt::Display) -> Failure {
        let place = if at.is_empty() { String::new() } else { format!("{at}: ") };
        Failure::usage(format!("{}: {place}{why}", self.file))
    }

    fn object<'v>(&self, value: &'v Value, at: &str, keys: &[&str]) -> Result<&'v Map<String, Value>> {
        let object = value.as_object().ok_or_else(|| {
            self.refuse(at, "must be an object").hint(format!("its keys are {}", known(OF_COLLECTION)))
        })?;
        match object.keys().find(|key| !keys.contains(&key.as_str())) {
            Some(odd) => Err(self.refuse(&below(at, odd), "no such key").hint(format!("known are {}", known(keys)))),
            None => Ok(object),
        }
    }

    fn name(&self, object: &Map<String, Value>, at: &str) -> Result<String> {
        let name = object.get("name").and_then(Value::as_str).filter(|name| !name.trim().is_empty());
        name.map(str::to_owned).ok_or_else(|| self.refuse(&below(at, "name"), "must be a text that is not empty"))
    }

    fn weight(&self, object: &Map<String, Value>, at: &str) -> Result<f64> {
        let Some(value) = object.get("weight") else { return Ok(1.0) };
        value.as_f64().filter(|weight| *weight > 0.0 && weight.is_finite()).ok_or_else(|| {
            self.refuse(&below(at, "weight"), format!("{value} is no number above 0"))
                .hint("leave out what is not to be drawn")
        })
    }

    fn collection(&mut self, value: &Value, at: &str, above: &[String]) -> Result<Collection> {
        let object = self.object(value, at, &OF_COLLECTION)?;
        let (name, weight) = (self.name(object, at)?, self.weight(object, at)?);
        let list = object.get("datasets").and_then(Value::as_array).filter(|list| !list.is_empty());
        let at = below(at, "datasets");
        let list = list.ok_or_else(|| {
            self.refuse(&at, "must be a list of at least one data set or collection")
                .hint("a data set is {name: gsm8k}, a collection {name: maths, datasets: [...]}")
        })?;
        let path: Vec<String> = above.iter().cloned().chain([name.clone()]).collect();
        let mut members = Vec::with_capacity(list.len());
        for (place, member) in list.iter().enumerate() {
            let at = format!("{at}[{place}]");
            // What has `datasets` is a collection, as in EvalScope.
            members.push(match member.get("datasets") {
                Some(_) => Member::Collection(self.collection(member, &at, &path)?),
                None => Member::Dataset(Box::new(self.dataset(member, &at, &path)?)),
            });
        }
        Ok(Collection { name, weight, members })
    }

    fn dataset(&mut self, value: &Value, at: &str, path: &[String]) -> Result<Dataset> {
        let object = self.object(value, at, &OF_DATASET)?;
        let (name, weight) = (self.name(object, at)?, self.weight(object, at)?);
        let mut cards = self.catalog.all();
        let card = &cards.find(|entry| entry.card.name == name).map(|entry| &entry.card).ok_or_else(|| {
            self.refuse(&below(at, "name"), format!("{name}: no such benchmark")).hint(self.catalog.close_to(&name))
        })?;
        if is_mixture(card) {
            return Err(self
                .refuse(&below(at, "name"), format!("{name}: is a mixture itself"))
                .hint("put the collection that it was drawn of in its place"));
        }
        let task_type = match object.get("task_type") {
            None => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => return Err(self.refuse(&below(at, "task_type"), format!("{other} is no text"))),
        };
        let (tags, hierarchy) = (self.texts(object, "tags", at)?, self.texts(object, "hierarchy", at)?);
        if !hierarchy.is_empty() && hierarchy != path {
            self.notices.push(format!(
                "{}: {}: is made of the names of the collections, {}; what the file says is passed over",
                self.file,
                below(at, "hierarchy"),
                path.join(" / ")
            ));
        }
        let args = match object.get("args") {
            None => DatasetArgs::default(),
            Some(args @ Value::Object(_)) => {
                serde_json::from_value(args.clone()).map_err(|error| self.refuse(&below(at, "args"), error))?
            }
            Some(other) => {
                return Err(self
                    .refuse(&below(at, "args"), format!("{other} is no object"))
                    .hint("give the keys of --dataset-args, such as {few_shot_num: 0, subset_list: [main]}"));
            }
        };
        for (key, given) in [
            ("filters", args.filters.is_some()),
            ("metric_list", args.metric_list.is_some()),
            ("aggregation", args.aggregation.is_some()),
            ("primary_metric", args.primary_metric.is_some()),
        ] {
            if given {
                self.notices.push(format!(
                    "{}: {}.{key}: has no effect on what is drawn and is no part of a row; --dataset-args of data_collection \
                     has it for a whole mixture",
                    self.file,
                    below(at, "args")
                ));
            }
        }
        Ok(Dataset { at: at.to_owned(), name, weight, task_type, tags, args })
    }

    fn texts(&self, object: &Map<String, Value>, key: &str, at: &str) -> Result<Vec<String>> {
        let Some(value) = object.get(key) else { return Ok(Vec::new()) };
        let list = value.as_array().map(|list| list.iter().map(|item| item.as_str().map(str::to_owned)).collect());
        list.flatten().ok_or_else(|| self.refuse(&below(at, key), format!("{value} is no list of texts")))
    }
}

/// A key below another one.
fn below(at: &str, key: &str) -> String {
    if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") }
}
