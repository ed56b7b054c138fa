//! The figures of a mixture: by the subsets of its benchmarks, below their paths, and by level.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::aggregate::canonical;
use super::super::aggregate::collection::{Levels, Row};
use super::super::figures::{Scored, SubsetFigures, figures};

/// The path of collections that a sample is in, outermost first.
pub fn path(sample: &Scored) -> Vec<String> {
    list(sample, "categories")
}

/// The figures of a mixture as EvalScope makes them: each sample has the value that stands for it and no other, its subset is
/// `benchmark/subset`, its category the path of its collections. The samples are changed to that, so that whoever sums them up
/// again sums up the same.
pub fn figures_of(aggregate: &str, samples: &mut [Scored]) -> (Vec<SubsetFigures>, Levels) {
    for sample in samples.iter_mut() {
        sample.subset = format!("{}/{}", word(sample, "dataset_name"), word(sample, "subset_name"));
        if let Some(marks) = &mut sample.marks {
            marks.values.truncate(1);
        }
    }
    let mut groups: BTreeMap<(Vec<String>, String), Vec<&Scored>> = BTreeMap::new();
    for sample in samples.iter() {
        groups.entry((path(sample), sample.subset.clone())).or_default().push(sample);
    }
    let subsets = groups.into_iter().map(|((path, name), samples)| SubsetFigures {
        name,
        figures: figures(aggregate, &[], &samples),
        is_aggregate: false,
        category: Some(path).filter(|path| !path.is_empty()),
    });
    let subsets = subsets.collect();
    (subsets, Levels::of(&samples.iter().filter_map(row).collect::<Vec<_>>()))
}

/// A sample that has a value, as a row of the levels.
fn row(sample: &Scored) -> Option<Row> {
    let (metric, _) = sample.marks.as_ref()?.values.first()?;
    Some(Row {
        task: word(sample, "task_type"),
        dataset: word(sample, "dataset_name"),
        subset: word(sample, "subset_name"),
        tags: list(sample, "tags"),
        categories: path(sample),
        weight: info(sample, "weight").and_then(Value::as_f64).unwrap_or(1.0),
        score: sample.value(canonical(metric))?,
    })
}

fn info<'a>(sample: &'a Scored, name: &str) -> Option<&'a Value> {
    sample.meta.get("collection_info").and_then(|info| info.get(name))
}

fn word(sample: &Scored, name: &str) -> String {
    info(sample, name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn list(sample: &Scored, name: &str) -> Vec<String> {
    let list = info(sample, name).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
