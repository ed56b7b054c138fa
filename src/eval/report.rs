//! The report of a benchmark, in the shape of EvalScope's second version.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::aggregate::collection::Levels;
use super::card::Card;
use super::figures::{Certainty, Figure, SubsetFigures, joined};
use super::semantics;

/// What came of the samples of a subset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Execution {
    /// Samples that were to be asked.
    pub requested: u64,
    /// Those that were answered.
    pub succeeded: u64,
    /// Those that failed.
    pub errored: u64,
}

/// The report of a benchmark.
#[derive(Debug, Clone)]
pub struct Report {
    /// The name of the model in files.
    pub model: String,
    /// The benchmark.
    pub name: String,
    /// The name that people read.
    pub title: String,
    /// What it is.
    pub about: String,
    /// Its metrics, the primary one first.
    pub metrics: Vec<Metric>,
    /// Which of them stands for it.
    pub primary: Option<usize>,
    /// Speed, as EvalScope writes it.
    pub performance: Option<Value>,
    /// Speed by the wall clock.
    pub wall: Value,
    /// What came of the samples by subset.
    pub execution: Vec<(String, Execution)>,
    /// What a reader should know.
    pub notices: Vec<String>,
    /// Means of latency, time to first token and time per token in seconds, tokens a second, tokens of prompt and reply.
    pub speed: [Option<f64>; 6],
    /// The levels of a mixture, where it is one.
    pub levels: Option<Levels>,
    /// Pictures that lie beside it, by name.
    pub pictures: Vec<(String, Vec<u8>)>,
    /// Counters of what went another way than it should: fallbacks of extraction, empty answers and so on.
    pub counters: BTreeMap<String, u64>,
}

/// A metric of a report.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// Its name.
    pub name: String,
    /// How it was made.
    pub aggregation: String,
    /// What tells it from others of that name.
    pub dimensions: Map<String, Value>,
    /// Samples that it stands for.
    pub num: u64,
    /// Mean by samples.
    pub score: f64,
    /// Mean by subsets.
    pub macro_score: f64,
    /// How sure the score is.
    pub certainty: Option<Certainty>,
    /// Subsets by category.
    pub categories: Vec<Category>,
}

/// Subsets that belong together.
#[derive(Debug, Clone, PartialEq)]
pub struct Category {
    /// The path of its names, outermost first.
    pub path: Vec<String>,
    /// Samples.
    pub num: u64,
    /// Mean by samples.
    pub score: f64,
    /// Mean by subsets.
    pub macro_score: f64,
    /// How sure the score is.
    pub certainty: Option<Certainty>,
    /// Its subsets.
    pub subsets: Vec<Subset>,
}

impl Category {
    /// Its name as people read it.
    pub fn name(&self) -> String {
        self.path.join(" / ")
    }
}

/// A subset of a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Subset {
    /// Its name.
    pub name: String,
    /// The figure.
    pub score: f64,
    /// Samples.
    pub num: u64,
    /// How sure it is.
    pub certainty: Option<Certainty>,
    /// Further facts.
    pub coverage: Option<Value>,
    /// Whether it is made of others.
    pub is_aggregate: bool,
}

/// EvalScope keeps four decimals.
fn four(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

impl Metric {
    /// The name with its dimensions as people read it: `Accuracy ↑ · k 2`.
    pub fn label(&self) -> String {
        let meaning = semantics::of(&self.name, &self.aggregation);
        let name = if meaning.id == "diagnostic.unspecified" { self.name.as_str() } else { meaning.name };
        let mut label = format!("{name}{}", meaning.arrow());
        for (dimension, value) in &self.dimensions {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            label.push_str(&format!(" · {dimension} {value}"));
        }
        label
    }

    /// Whether it says how something went, not how well.
    pub fn is_diagnostic(&self) -> bool {
        semantics::of(&self.name, &self.aggregation).better == semantics::Better::Neither
    }

    /// The name that no other metric of the report has.
    pub fn key(&self) -> String {
        let dimensions: String = self
            .dimensions
            .iter()
            .map(|(name, value)| format!(",{name}={}", value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
            .collect();
        format!("{}:{}{dimensions}", self.name, self.aggregation)
    }

    /// A value of it as it is shown.
    pub fn show(&self, value: f64) -> String {
        semantics::of(&self.name, &self.aggregation).show(value)
    }

    fn identity(&self) -> Value {
        json!({"name": self.name, "aggregation": self.aggregation, "dimensions": self.dimensions})
    }

    fn json(&self) -> Value {
        let subset = |subset: &Subset| {
            let mut metadata = Map::new();
            if let Some(certainty) = &subset.certainty {
                metadata.insert("standard_error".to_owned(), json!(certainty.standard_error));
                metadata.insert(
                    "interval_95".to_owned(),
                    json!(certainty.interval_95.map(|bounds| [bounds.low, bounds.high])),
                );
            }
            if let Some(Value::Object(coverage)) = &subset.coverage {
                metadata.extend(coverage.clone());
            }
            json!({
                "name": subset.name, "score": four(subset.score), "num": subset.num,
                "metadata": if metadata.is_empty() { Value::Null } else { json!(metadata) }, "is_aggregate": subset.is_aggregate,
            })
        };
        let category = |category: &Category| {
            json!({
                "name": category.path, "num": category.num, "score": four(category.score),
                "macro_score": four(category.macro_score), "subsets": category.subsets.iter().map(subset).collect::<Vec<_>>(),
            })
        };
        json!({
            "identity": self.identity(), "legacy_name": null, "num": self.num, "score": four(self.score),
            "macro_score": four(self.macro_score), "categories": self.categories.iter().map(category).collect::<Vec<_>>(),
            "semantics": semantics::of(&self.name, &self.aggregation).json(),
        })
    }
}

/// The metrics of a benchmark from the figures of its subsets. `whole` tells how sure the mean over subsets is, by the name of
/// the metric and the subsets; nothing where it is no mean of samples.
pub fn metrics(
    card: &Card,
    subsets: &[SubsetFigures],
    whole: &dyn Fn(&str, &[&SubsetFigures]) -> Option<Certainty>,
) -> Vec<Metric> {
    let mut keys: Vec<&super::aggregate::Aggregate> = Vec::new();
    for figure in subsets.iter().flat_map(|subset| &subset.figures) {
        if !keys.iter().any(|known| same(known, &figure.aggregate)) {
            keys.push(&figure.aggregate);
        }
    }
    keys.into_iter().filter_map(|key| metric(card, key, subsets, whole)).collect()
}

fn same(a: &super::aggregate::Aggregate, b: &super::aggregate::Aggregate) -> bool {
    a.metric == b.metric && a.aggregation == b.aggregation && a.dimensions == b.dimensions
}

/// A figure and the subset that it is of.
type Of<'a> = (&'a SubsetFigures, &'a Figure);

fn metric(
    card: &Card,
    key: &super::aggregate::Aggregate,
    subsets: &[SubsetFigures],
    whole: &dyn Fn(&str, &[&SubsetFigures]) -> Option<Certainty>,
) -> Option<Metric> {
    let mut groups: Vec<(Vec<String>, Vec<Of<'_>>)> = Vec::new();
    for subset in subsets {
        let Some(figure) = subset.figures.iter().find(|figure| same(&figure.aggregate, key)) else { continue };
        let group = subset.category.clone().unwrap_or_else(|| vec![category_of(card, &subset.name)]);
        match groups.iter_mut().find(|(name, _)| *name == group) {
            Some((_, list)) => list.push((subset, figure)),
            None => groups.push((group, vec![(subset, figure)])),
        }
    }
    let sum = |list: &[Of<'_>]| {
        let counted: Vec<&Figure> =
            list.iter().filter(|(subset, _)| !subset.is_aggregate).map(|(_, figure)| *figure).collect();
        let made: Vec<&Figure> = list.iter().map(|(_, figure)| *figure).collect();
        joined(if counted.is_empty() { &made } else { &counted })
    };
    let sure = |list: &[Of<'_>]| {
        let subsets: Vec<&SubsetFigures> = list.iter().map(|(subset, _)| *subset).collect();
        let value = list.iter().map(|(_, figure)| figure.mean_of.as_deref()).collect::<Option<Vec<&str>>>()?;
        whole(value.first()?, &subsets)
    };
    let all: Vec<Of<'_>> = groups.iter().flat_map(|(_, list)| list.iter().copied()).collect();
    let (score, macro_score, num) = sum(&all)?;
    let certainty = if all.len() == 1 { all[0].1.certainty } else { sure(&all) };
    let categories = groups.iter().filter_map(|(path, list)| {
        let (score, macro_score, num) = sum(list)?;
        let subsets = list.iter().map(|(subset, figure)| Subset {
            name: subset.name.clone(),
            score: figure.aggregate.score,
            num: figure.aggregate.num,
            certainty: figure.certainty,
            coverage: figure.aggregate.coverage.and_then(|coverage| serde_json::to_value(coverage).ok()),
            is_aggregate: subset.is_aggregate,
        });
        Some(Category {
            path: path.clone(),
            num,
            score,
            macro_score,
            certainty: sure(list),
            subsets: subsets.collect(),
        })
    });
    Some(Metric {
        name: key.metric.clone(),
        aggregation: key.aggregation.clone(),
        dimensions: key.dimensions.clone(),
        num,
        score,
        macro_score,
        certainty,
        categories: categories.collect(),
    })
}

/// The category of a subset.
fn category_of(card: &Card, subset: &str) -> String {
    let holds = |names: &toml::Value| {
        names.as_array().is_some_and(|names| names.iter().any(|name| name.as_str() == Some(subset)))
    };
    card.source
        .groups
        .iter()
        .find(|(_, names)| holds(names))
        .map_or_else(|| "default".to_owned(), |(group, _)| group.clone())
}

/// Which of the metrics stands for a benchmark: the one that the card or the user names, else the first that says how good
/// something is.
pub fn primary(metrics: &[Metric], named: Option<&str>) -> Option<usize> {
    let by_name = named.and_then(|named| {
        let plain = named.split(['[', '@', ':']).next().unwrap_or(named);
        let fits = |metric: &&(usize, &Metric)| metric.1.key() == named || metric.1.name == named;
        let all: Vec<(usize, &Metric)> = metrics.iter().enumerate().collect();
        let exact = all.iter().find(fits).map(|(at, _)| *at);
        exact.or_else(|| all.iter().find(|(_, metric)| metric.name == plain && told(metric, named)).map(|(at, _)| *at))
    });
    let graded =
        |metric: &Metric| semantics::of(&metric.name, &metric.aggregation).better != semantics::Better::Neither;
    by_name.or_else(|| metrics.iter().position(graded)).or(if metrics.is_empty() { None } else { Some(0) })
}

/// Whether a metric has the dimensions that stand in brackets behind a name, such as `rouge[statistic=recall,variant=l]`.
fn told(metric: &Metric, named: &str) -> bool {
    let Some(inside) = named.split_once('[').and_then(|(_, rest)| rest.strip_suffix(']')) else { return true };
    inside.split(',').filter_map(|pair| pair.split_once('=')).all(|(name, value)| {
        metric
            .dimensions
            .get(name.trim())
            .is_some_and(|found| found.as_str().map_or_else(|| found.to_string(), str::to_owned) == value.trim())
    })
}

impl Report {
    /// All samples together.
    pub fn executed(&self) -> Execution {
        self.execution.iter().fold(Execution::default(), |sum, (_, one)| Execution {
            requested: sum.requested + one.requested,
            succeeded: sum.succeeded + one.succeeded,
            errored: sum.errored + one.errored,
        })
    }

    /// The metric that stands for it.
    pub fn main_metric(&self) -> Option<&Metric> {
        self.metrics.get(self.primary?)
    }

    /// Why no metric stands for it.
    fn without_primary(&self) -> Option<&'static str> {
        match self.primary {
            Some(_) => None,
            None if self.metrics.is_empty() => Some("no sample was scored"),
            None => Some("its benchmarks are scored by different metrics, and none of them stands for all"),
        }
    }

    /// EvalScope's file.
    pub fn json(&self) -> Value {
        let all = self.executed();
        let executed =
            |one: &Execution| json!({"requested": one.requested, "succeeded": one.succeeded, "errored": one.errored});
        let subsets: Map<String, Value> =
            self.execution.iter().map(|(name, one)| (name.clone(), executed(one))).collect();
        json!({
            "schema_version": 2,
            "name": format!("{}@{}", self.model, self.name),
            "dataset_name": self.name,
            "dataset_pretty_name": self.title,
            "dataset_description": self.about,
            "model_name": self.model,
            "metrics": self.metrics.iter().map(Metric::json).collect::<Vec<_>>(),
            "analysis": "N/A",
            "perf_metrics": self.performance,
            "primary_metric_identity": self.main_metric().map(Metric::identity),
            "primary_metric_unavailable_reason": self.without_primary(),
            "judge_summary": null,
            "execution_summary": {
                "requested": all.requested, "succeeded": all.succeeded, "errored": all.errored,
                "incomplete": all.succeeded < all.requested, "subsets": subsets,
            },
            "num": self.main_metric().map_or(0, |metric| metric.num),
        })
    }

    /// Our own file beside it: how sure every figure is, speed by the wall clock, and the counters.
    pub fn figures(&self) -> Value {
        let sure = |certainty: &Option<Certainty>| match certainty {
            Some(certainty) => {
                json!({"standard_error": certainty.standard_error, "interval_95": certainty.interval_95})
            }
            None => Value::Null,
        };
        let metric = |metric: &Metric| {
            let categories: Vec<Value> = metric
                .categories
                .iter()
                .map(|category| {
                    let subsets: Vec<Value> = category
                        .subsets
                        .iter()
                        .map(|subset| json!({"name": subset.name, "score": subset.score, "num": subset.num, "certainty": sure(&subset.certainty)}))
                        .collect();
                    json!({"name": category.name(), "score": category.score, "macro_score": category.macro_score, "num": category.num,
                        "certainty": sure(&category.certainty), "subsets": subsets})
                })
                .collect();
            json!({"metric": metric.key(), "score": metric.score, "macro_score": metric.macro_score, "num": metric.num,
                "certainty": sure(&metric.certainty), "categories": categories})
        };
        json!({
            "format_version": 1, "benchmark": self.name, "model": self.model,
            "primary": self.main_metric().map(Metric::key),
            "metrics": self.metrics.iter().map(metric).collect::<Vec<_>>(),
            "wall_clock": self.wall, "counters": self.counters, "notices": self.notices,
        })
    }
}
