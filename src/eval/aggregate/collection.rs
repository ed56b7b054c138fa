//! The levels of a mixture of benchmarks: subsets, data sets, tasks, tags and categories.

use std::collections::BTreeMap;

use serde::Serialize;

/// The score of one sample of a mixture.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Kind of task.
    pub task: String,
    /// Benchmark it is from.
    pub dataset: String,
    /// Subset of the benchmark.
    pub subset: String,
    /// Tags; it counts in each.
    pub tags: Vec<String>,
    /// The path of collections it is in, outermost first.
    pub categories: Vec<String>,
    /// What it weighs.
    pub weight: f64,
    /// Its score.
    pub score: f64,
}

/// One line of a level.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// What it is of: names of task, data set and subset, a tag, or a path of categories.
    pub of: Vec<String>,
    /// Mean of the samples.
    pub micro: f64,
    /// Mean of the means of the subsets in it.
    #[serde(rename = "macro")]
    pub macro_mean: f64,
    /// Mean of the samples by weight; the plain mean where all weigh nothing.
    pub weighted: f64,
    /// Samples.
    pub count: usize,
}

/// The levels of a mixture, each in order of the names.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Levels {
    /// By task, data set and subset.
    pub subsets: Vec<Line>,
    /// By task and data set.
    pub datasets: Vec<Line>,
    /// By task.
    pub tasks: Vec<Line>,
    /// By tag.
    pub tags: Vec<Line>,
    /// By path of categories.
    pub categories: Vec<Line>,
}

impl Levels {
    /// The levels of all rows.
    pub fn of(rows: &[Row]) -> Self {
        let owned = |names: &[&String]| names.iter().map(|name| (*name).clone()).collect::<Vec<_>>();
        Levels {
            subsets: lines(rows, |row| vec![owned(&[&row.task, &row.dataset, &row.subset])]),
            datasets: lines(rows, |row| vec![owned(&[&row.task, &row.dataset])]),
            tasks: lines(rows, |row| vec![owned(&[&row.task])]),
            tags: lines(rows, |row| row.tags.iter().map(|tag| vec![tag.clone()]).collect()),
            categories: lines(rows, |row| vec![row.categories.clone()]),
        }
    }
}

fn lines(rows: &[Row], of: impl Fn(&Row) -> Vec<Vec<String>>) -> Vec<Line> {
    let mut groups: BTreeMap<Vec<String>, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        for key in of(row) {
            groups.entry(key).or_default().push(row);
        }
    }
    groups.into_iter().map(|(key, rows)| line(key, &rows)).collect()
}

fn line(of: Vec<String>, rows: &[&Row]) -> Line {
    let mut subsets: BTreeMap<(&str, &str), (f64, usize)> = BTreeMap::new();
    for row in rows {
        let (sum, count) = subsets.entry((&row.dataset, &row.subset)).or_default();
        (*sum, *count) = (*sum + row.score, *count + 1);
    }
    let count = rows.len();
    let micro = rows.iter().map(|row| row.score).sum::<f64>() / count as f64;
    let macro_mean = subsets.values().map(|(sum, count)| sum / *count as f64).sum::<f64>() / subsets.len() as f64;
    let weights: f64 = rows.iter().map(|row| row.weight).sum();
    let weighted = rows.iter().map(|row| row.weight * row.score).sum::<f64>() / weights;
    Line { of, micro, macro_mean, weighted: if weights > 0.0 { weighted } else { micro }, count }
}
