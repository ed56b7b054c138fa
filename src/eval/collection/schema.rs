//! A schema of collections: what is mixed, with which weights and tags.

use std::path::Path;

use serde_json::{Map, Value};

use super::super::args::DatasetArgs;
use super::super::task::structured;
use crate::error::{Failure, Result, known};

/// Keys of a collection.
const COLLECTION: [&str; 3] = ["name", "weight", "datasets"];
/// Keys of a data set. `hierarchy` is what EvalScope fills in itself, so it is passed over.
const DATASET: [&str; 6] = ["name", "weight", "task_type", "tags", "args", "hierarchy"];

/// A collection, as EvalScope's `CollectionSchema` is written as JSON.
#[derive(Debug, Clone, PartialEq)]
pub struct Schema {
    name: String,
    weight: f64,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Collection(Schema),
    Dataset(Box<Share>),
}

/// A data set of a mixture.
#[derive(Debug, Clone, PartialEq)]
pub struct Share {
    /// The benchmark.
    pub name: String,
    /// Its part of the whole: those of all data sets add up to 1.
    pub weight: f64,
    /// Kind of task.
    pub task: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// What is changed of the benchmark.
    pub args: DatasetArgs,
    /// The names of the collections it is in, outermost first.
    pub categories: Vec<String>,
}

impl Schema {
    /// Reads a schema: YAML, JSON or TOML.
    ///
    /// # Errors
    /// When the file cannot be read, or is no schema; the message names the file and the place in it.
    pub fn read(path: &Path) -> Result<Self> {
        let value: Value = structured(path)?;
        Schema::of(&value, "the schema")
            .map_err(|(why, hint)| Failure::usage(format!("{}: {why}", path.display())).hint(hint))
    }

    fn of(value: &Value, at: &str) -> Spoken<Self> {
        let fields = fields(value, at, &COLLECTION)?;
        let list = match fields.get("datasets") {
            Some(Value::Array(list)) if !list.is_empty() => list,
            _ => {
                return Err((
                    format!("{at}: has no datasets"),
                    "give a list of data sets or of collections under datasets".to_owned(),
                ));
            }
        };
        let part = |(place, part): (usize, &Value)| {
            let at = format!("datasets[{place}] of {at}");
            match part.get("datasets") {
                Some(_) => Schema::of(part, &at).map(Part::Collection),
                None => Share::of(part, &at).map(Box::new).map(Part::Dataset),
            }
        };
        Ok(Schema {
            name: text(fields, "name", at)?.unwrap_or_default(),
            weight: weight(fields, at)?,
            parts: list.iter().enumerate().map(part).collect::<Spoken<_>>()?,
        })
    }

    /// The data sets of all collections in their order. Weights are those within each collection, multiplied down.
    pub fn shares(&self) -> Vec<Share> {
        let mut shares = Vec::new();
        self.add(1.0, &[], &mut shares);
        shares
    }

    fn add(&self, whole: f64, above: &[String], shares: &mut Vec<Share>) {
        let categories: Vec<String> = above.iter().chain([&self.name]).cloned().collect();
        let weight = |part: &Part| match part {
            Part::Collection(schema) => schema.weight,
            Part::Dataset(share) => share.weight,
        };
        let total: f64 = self.parts.iter().map(weight).sum();
        for part in &self.parts {
            let own = weight(part) / total * whole;
            match part {
                Part::Collection(schema) => schema.add(own, &categories, shares),
                Part::Dataset(share) => {
                    shares.push(Share { weight: own, categories: categories.clone(), ..Share::clone(share) });
                }
            }
        }
    }
}

/// What is wrong, and what to do.
type Spoken<T> = std::result::Result<T, (String, String)>;

impl Share {
    fn of(value: &Value, at: &str) -> Spoken<Self> {
        let fields = fields(value, at, &DATASET)?;
        let Some(name) = text(fields, "name", at)?.filter(|name| !name.is_empty()) else {
            return Err((
                format!("{at}: has no name"),
                "name a benchmark; `evalscope benchmarks` lists them".to_owned(),
            ));
        };
        let at = format!("{name}, {at}");
        let tags = match fields.get("tags") {
            None | Some(Value::Null) => Vec::new(),
            Some(value) => serde_json::from_value(value.clone()).map_err(|_| {
                (format!("{at}: tags: is no list of texts"), "write tags as [\"en\", \"maths\"]".to_owned())
            })?,
        };
        let args = match fields.get("args") {
            None | Some(Value::Null) => DatasetArgs::default(),
            Some(value) => serde_json::from_value(value.clone())
                .map_err(|error| (format!("{at}: args: {error}"), "they are those of --dataset-args".to_owned()))?,
        };
        Ok(Share {
            weight: weight(fields, &at)?,
            task: text(fields, "task_type", &at)?.unwrap_or_default(),
            tags,
            args,
            categories: Vec::new(),
            name,
        })
    }
}

fn fields<'a>(value: &'a Value, at: &str, names: &[&str]) -> Spoken<&'a Map<String, Value>> {
    let Some(fields) = value.as_object() else {
        return Err((format!("{at}: is no table of keys"), format!("give {}", known(names.iter().copied()))));
    };
    match fields.keys().find(|key| !names.contains(&key.as_str())) {
        Some(key) => {
            Err((format!("{at}: {key}: is no key of it"), format!("known are {}", known(names.iter().copied()))))
        }
        None => Ok(fields),
    }
}

fn text(fields: &Map<String, Value>, name: &str, at: &str) -> Spoken<Option<String>> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(other) => Err((format!("{at}: {name}: {other} is no text"), "put it into quotes".to_owned())),
    }
}

fn weight(fields: &Map<String, Value>, at: &str) -> Spoken<f64> {
    let Some(given) = fields.get("weight").filter(|given| !given.is_null()) else { return Ok(1.0) };
    given.as_f64().filter(|weight| weight.is_finite() && *weight > 0.0).ok_or_else(|| {
        let hint = "weights count among those beside them; leave out what weighs nothing".to_owned();
        (format!("{at}: weight: {given} is no number above 0"), hint)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn told(value: Value) -> String {
        Schema::of(&value, "the schema").map_or_else(|(why, _)| why, |_| "accepted".to_owned())
    }

    #[test]
    fn weights_are_multiplied_down_and_names_become_the_path() {
        let schema = json!({"name": "all", "datasets": [
            {"name": "arc", "weight": 3, "tags": ["en"]},
            {"name": "zh", "weight": 1, "datasets": [
                {"name": "ceval", "weight": 2.0, "task_type": "exam", "args": {"subset_list": ["logic"]}},
                {"name": "cmmlu", "hierarchy": ["left", "over"]},
            ]},
        ]});
        let shares = Schema::of(&schema, "the schema").map(|schema| schema.shares()).unwrap_or_default();
        let seen: Vec<(&str, f64, Vec<&str>)> = shares
            .iter()
            .map(|share| (share.name.as_str(), share.weight, share.categories.iter().map(String::as_str).collect()))
            .collect();
        assert_eq!(
            seen,
            [
                ("arc", 0.75, vec!["all"]),
                ("ceval", 2.0 / 3.0 * 0.25, vec!["all", "zh"]),
                ("cmmlu", 1.0 / 3.0 * 0.25, vec!["all", "zh"]),
            ]
        );
        assert_eq!((shares[0].tags.as_slice(), shares[1].task.as_str()), (&["en".to_owned()][..], "exam"));
        assert_eq!(shares[1].args.subset_list, Some(vec!["logic".to_owned()]));
    }

    #[test]
    fn what_is_no_schema_is_refused_with_its_place() {
        assert_eq!(told(json!([])), "the schema: is no table of keys");
        assert_eq!(told(json!({"name": "a", "datasets": []})), "the schema: has no datasets");
        assert_eq!(
            told(json!({"datasets": [{"name": "arc", "tag": 1}]})),
            "datasets[0] of the schema: tag: is no key of it"
        );
        assert_eq!(
            told(json!({"datasets": [{"datasets": [{"weight": 1}]}]})),
            "datasets[0] of datasets[0] of the schema: has no name"
        );
        assert_eq!(
            told(json!({"datasets": [{"name": "arc", "weight": 0}]})),
            "arc, datasets[0] of the schema: weight: 0 is no number above 0"
        );
        let args = told(json!({"datasets": [{"name": "arc", "args": {"few_shot": 1}}]}));
        assert!(args.starts_with("arc, datasets[0] of the schema: args: unknown field `few_shot`"), "{args}");
    }

    proptest! {
        #[test]
        fn weights_add_up_to_one(weights in prop::collection::vec(prop::collection::vec(0.01..100.0f64, 1..5), 1..5)) {
            let dataset = |weight: &f64| json!({"name": "arc", "weight": weight});
            let inner: Vec<Value> = weights
                .iter()
                .map(|weights| json!({"name": "c", "weight": weights[0], "datasets": weights.iter().map(dataset).collect::<Vec<_>>()}))
                .collect();
            let schema = Schema::of(&json!({"name": "all", "datasets": inner}), "the schema");
            let total: f64 = schema.map(|schema| schema.shares()).unwrap_or_default().iter().map(|share| share.weight).sum();
            prop_assert!((total - 1.0).abs() < 1e-9, "{}", total);
        }
    }
}
