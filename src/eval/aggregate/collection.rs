//! The levels of a mixture of benchmarks: subsets, data sets, tasks, tags and categories.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

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
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// What it is of: names of task, data set and subset, a tag, or a path of categories.
    pub of: Vec<String>,
    /// Mean of the samples.
    pub micro: f64,
    /// Mean of the means of the subsets in it.
    pub macro_mean: f64,
    /// Mean of the samples by weight; the plain mean where all weigh nothing.
    pub weighted: f64,
    /// Samples.
    pub count: usize,
}

/// The levels of a mixture, each in order of the names.
#[derive(Debug, Clone, PartialEq)]
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

/// A level as EvalScope writes it: what its lines are called, the lines with most samples first, and whether they have means
/// beside the plain one.
#[derive(Debug, Clone, PartialEq)]
pub struct Level {
    /// EvalScope's name.
    pub name: &'static str,
    /// What the parts of a line's name are.
    pub columns: Vec<String>,
    /// Its lines; each has as many parts as there are columns.
    pub lines: Vec<Line>,
    /// Whether the lines are more than subsets, whose means are all the same.
    pub has_means: bool,
}

impl Levels {
    /// All levels in EvalScope's order. Paths that are not as deep as the deepest have empty parts behind.
    pub fn all(&self) -> Vec<Level> {
        let depth = self.categories.iter().map(|line| line.of.len()).max().unwrap_or(0);
        let level = |name, columns: &[&str], lines: &[Line]| {
            let columns: Vec<String> = columns.iter().map(|&column| column.to_owned()).collect();
            let mut lines = lines.to_vec();
            lines.iter_mut().for_each(|line| line.of.resize(columns.len(), String::new()));
            lines.sort_by_key(|line| std::cmp::Reverse(line.count));
            Level { name, columns, lines, has_means: name != SUBSETS }
        };
        let categories: Vec<String> = (0..depth).map(|depth| format!("category{depth}")).collect();
        let categories: Vec<&str> = categories.iter().map(String::as_str).collect();
        vec![
            level(SUBSETS, &["task_type", "dataset_name", "subset_name"], &self.subsets),
            level("dataset_level", &["task_type", "dataset_name"], &self.datasets),
            level("task_level", &["task_type"], &self.tasks),
            level("tag_level", &["tags"], &self.tags),
            // Without a path there is nothing to tell apart.
            level("category_level", &categories, if depth > 0 { &self.categories } else { &[] }),
        ]
    }

    /// EvalScope's `collection_detailed_report.json`.
    pub fn json(&self) -> Value {
        let row = |level: &Level, line: &Line| {
            let names = level.columns.iter().cloned().zip(line.of.iter().map(|part| json!(part)));
            let mut row: Map<String, Value> = names.collect();
            row.insert("micro_avg.".to_owned(), json!(four(line.micro)));
            if level.has_means {
                row.insert("macro_avg.".to_owned(), json!(four(line.macro_mean)));
                row.insert("weighted_avg.".to_owned(), json!(four(line.weighted)));
            }
            row.insert("count".to_owned(), json!(line.count));
            Value::Object(row)
        };
        let levels = self.all();
        let of = |level: &Level| level.lines.iter().map(|line| row(level, line)).collect::<Value>();
        levels.iter().map(|level| (level.name.to_owned(), of(level))).collect::<Map<_, _>>().into()
    }
}

/// EvalScope's name of the level of subsets.
const SUBSETS: &str = "subset_level";

/// Four decimals, by the exact value as Python's `round` does it: half of the last place goes to the even neighbour.
fn four(value: f64) -> f64 {
    format!("{value:.4}").parse().unwrap_or(value)
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
