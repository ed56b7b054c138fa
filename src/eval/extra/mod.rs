//! Figures that are made of all samples of a subset or of several subsets together, where a benchmark has ways of its own.
//!
//! | file | noun |
//! |---|---|
//! | `decisions`, `open_decisions` | probabilities of options |
//! | `groups` | accuracies where a group of samples counts as one, and those of parts of a subset |
//! | `mixture` | subsets of the benchmarks in a mixture, and its levels |
//! | `trees` | rows that are means over subsets |
//! | `vendors` | calls by their schemas, checks of endpoints |
//! | here | their list; entities and puzzles |

mod decisions;
mod groups;
pub mod mixture;
mod open_decisions;
#[cfg(test)]
mod tests;
mod trees;
mod vendors;

use serde_json::Value;

use super::aggregate::{Aggregate, IDENTITY, means};
use super::figures::{Figure, Scored, SubsetFigures};
use super::forms::zebra_logic;
use super::method::noted_tags;
use super::tags::{Counts, Mode};

/// All of them by name.
pub const NAMES: [&str; 26] = [
    "acebench",
    "arc-agi-2",
    "bfcl-v3",
    "bfcl-v4",
    "collection",
    "decision",
    "hallusion_bench",
    "haystack",
    "jevbench",
    "kimi-verifier",
    "locomo",
    "minimax-verifier",
    "mmau",
    "multi-if",
    "open-decisions",
    "openai-mrcr",
    "poly_math",
    "process-bench",
    "safety_bench",
    "schema",
    "surds",
    "tags",
    "visfactor",
    "visualoverload",
    "vlms-are-biased",
    "zebralogicbench",
];

/// A figure of a report.
#[derive(Debug, Clone, PartialEq)]
pub struct ExtraRow {
    /// The figure.
    pub metric: Aggregate,
    /// The subset that it is of: one of the benchmark, or one that is made of others; `OVERALL` where it is none.
    pub subset: Option<String>,
    /// The category that it is shown in, where not that of its subset.
    pub category: Option<String>,
}

/// The row over everything.
const OVERALL: &str = "OVERALL";

/// The figures of a name; none where it is not known, or what it stands for is no figure: `visualoverload` is a file to be
/// handed in, and a mixture has figures of every kind, which [`mixture`] makes.
pub fn rows(name: &str, samples: &[Scored]) -> Vec<ExtraRow> {
    let each = |of: &dyn Fn(&[&Scored]) -> Vec<Aggregate>| by_subset(samples, of);
    match name {
        "acebench" | "bfcl-v3" | "bfcl-v4" => trees::functions(name, samples),
        "poly_math" => trees::poly_math(samples),
        "safety_bench" => groups::safety(samples),
        "arc-agi-2" => each(&groups::tasks),
        "hallusion_bench" => each(&groups::hallusion),
        "haystack" => each(&groups::cells),
        "locomo" => each(&groups::locomo),
        "mmau" => each(&groups::mmau),
        "multi-if" => each(&groups::turns),
        "openai-mrcr" => each(&groups::lengths),
        "process-bench" => each(&groups::process),
        "surds" => each(&groups::surds),
        "visfactor" => each(&groups::visual_factor),
        "vlms-are-biased" => each(&groups::biased),
        "decision" => each(&decisions::figures),
        "jevbench" => each(&decisions::official),
        "open-decisions" => each(&open_decisions::figures),
        "schema" => each(&vendors::schema),
        "kimi-verifier" => each(&vendors::kimi),
        "minimax-verifier" => each(&vendors::minimax),
        "tags" => each(&entities),
        "zebralogicbench" => each(&puzzles),
        _ => Vec::new(),
    }
}

/// Puts the figures of a name into a report. Those of a subset take the place of its plain ones; the others come behind as
/// subsets that are made of others.
pub fn add(name: &str, samples: &[Scored], subsets: &mut Vec<SubsetFigures>) {
    let mut made: Vec<(String, Option<String>, Vec<Aggregate>)> = Vec::new();
    for ExtraRow { metric, subset, category } in rows(name, samples) {
        let subset = subset.unwrap_or_else(|| OVERALL.to_owned());
        match made.iter_mut().find(|(known, of, _)| *known == subset && *of == category) {
            Some((.., figures)) => figures.push(metric),
            None => made.push((subset, category, vec![metric])),
        }
    }
    for (name, category, aggregates) in made {
        let there = subsets.iter_mut().find(|subset| subset.name == name && !subset.is_aggregate && category.is_none());
        match there {
            Some(subset) => {
                let plain = std::mem::take(&mut subset.figures);
                subset.figures = aggregates.into_iter().map(|aggregate| like(aggregate, &plain)).collect();
            }
            None => {
                let figures = aggregates.into_iter().map(bare).collect();
                subsets.push(SubsetFigures {
                    name,
                    figures,
                    is_aggregate: true,
                    category: category.map(|name| vec![name]),
                });
            }
        }
    }
}

fn bare(aggregate: Aggregate) -> Figure {
    Figure { aggregate, mean_of: None, certainty: None }
}

/// A figure with how sure it is, where one that was made the plain way is the same mean of the same samples.
fn like(aggregate: Aggregate, plain: &[Figure]) -> Figure {
    let same = |figure: &&Figure| {
        let other = &figure.aggregate;
        other.metric == aggregate.metric && other.num == aggregate.num && (other.score - aggregate.score).abs() < 1e-12
    };
    match plain.iter().find(same) {
        Some(figure) if ["mean", IDENTITY].contains(&aggregate.aggregation.as_str()) => {
            Figure { aggregate, ..figure.clone() }
        }
        _ => bare(aggregate),
    }
}

/// The names of the subsets in the order of their samples.
fn subsets(samples: &[Scored]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for sample in samples {
        if !names.contains(&sample.subset.as_str()) {
            names.push(&sample.subset);
        }
    }
    names
}

/// The figures of each subset.
fn by_subset(samples: &[Scored], of: impl Fn(&[&Scored]) -> Vec<Aggregate>) -> Vec<ExtraRow> {
    let mut rows = Vec::new();
    for name in subsets(samples) {
        let own: Vec<&Scored> = samples.iter().filter(|sample| sample.subset == name).collect();
        rows.extend(of(&own).into_iter().map(|metric| ExtraRow {
            metric,
            subset: Some(name.to_owned()),
            category: None,
        }));
    }
    rows
}

/// What the marks of a sample noted.
fn note<'a>(sample: &'a Scored, name: &str) -> Option<&'a Value> {
    sample.marks.as_ref()?.meta.get(name)
}

/// What is noted of a sample, as text; numbers are spelled.
fn text(sample: &Scored, name: &str) -> Option<String> {
    sample.meta.get(name).filter(|value| !value.is_null()).map(super::sample::spelled)
}

/// The values of a metric.
fn values(samples: &[&Scored], metric: &str) -> Vec<f64> {
    samples.iter().filter_map(|sample| sample.value(metric)).collect()
}

/// A mean that EvalScope does not call one.
fn unnamed(samples: &[&Scored], metric: &str) -> Option<Aggregate> {
    Some(Aggregate { aggregation: IDENTITY.to_owned(), ..mean(samples, metric)? })
}

/// The mean of a metric, as one more figure than the plain one.
fn mean(samples: &[&Scored], metric: &str) -> Option<Aggregate> {
    means::plain(metric, &values(samples, metric))
}

/// Precision, recall and F1 of all entities together and the share of right tokens.
fn entities(samples: &[&Scored]) -> Vec<Aggregate> {
    let mut counts = Counts::new(Mode::Lenient);
    let mut num = 0;
    for marks in samples.iter().filter_map(|sample| sample.marks.as_ref()) {
        if let (Some(there), Some(found)) = (noted_tags(marks, "y_true"), noted_tags(marks, "y_pred")) {
            counts.add(&there, &found);
            num += 1;
        }
    }
    if num == 0 {
        return Vec::new();
    }
    let scores = counts.scores();
    [("precision", scores.precision), ("recall", scores.recall), ("f1", scores.f1), ("accuracy", scores.accuracy)]
        .map(|(metric, score)| Aggregate::new(metric, IDENTITY, score, num))
        .to_vec()
}

/// Puzzles solved, cells right, by difficulty and size.
fn puzzles(samples: &[&Scored]) -> Vec<Aggregate> {
    let verdict = |sample: &&Scored| serde_json::from_value(note(sample, "verdict")?.clone()).ok();
    let verdicts: Vec<zebra_logic::Verdict> = samples.iter().filter_map(verdict).collect();
    if verdicts.is_empty() {
        return Vec::new();
    }
    let figure = |figure: zebra_logic::Figure| Aggregate::new(figure.name, IDENTITY, figure.value, figure.count as u64);
    zebra_logic::figures(&verdicts).into_iter().map(figure).collect()
}
