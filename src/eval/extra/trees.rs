//! Rows that are means over subsets.

use std::collections::BTreeMap;

use super::super::aggregate::{Aggregate, groups, means};
use super::super::calls::{self, Row};
use super::super::figures::Scored;
use super::{ExtraRow, OVERALL, mean, subsets, text};

/// The category of rows that belong to none.
const NO_CATEGORY: &str = "-";

fn row(metric: Aggregate, subset: &str) -> ExtraRow {
    ExtraRow { metric, subset: Some(subset.to_owned()), category: Some(NO_CATEGORY.to_owned()) }
}

/// The rows of the function-calling benchmarks: families, and all of them together.
pub fn functions(name: &str, samples: &[Scored]) -> Vec<ExtraRow> {
    let tree = match name {
        "acebench" => calls::acebench(),
        "bfcl-v3" => calls::bfcl_v3(),
        _ => calls::bfcl_v4(),
    };
    let leaf = |name: &str| {
        let own: Vec<&Scored> = samples.iter().filter(|sample| sample.subset == name).collect();
        mean(&own, "accuracy").map(|figure| Row { name: name.to_owned(), score: figure.score, num: figure.num })
    };
    let leaves: Vec<Row> = subsets(samples).into_iter().filter_map(leaf).collect();
    let made = calls::rows(&tree, &leaves).into_iter();
    made.map(|made| row(Aggregate::new("accuracy", "mean", made.score, made.num), &made.name)).collect()
}

/// For each language the accuracy weighted by difficulty, and their plain mean.
pub fn poly_math(samples: &[Scored]) -> Vec<ExtraRow> {
    let mut languages: Vec<(String, BTreeMap<String, Vec<f64>>)> = Vec::new();
    for sample in samples {
        let (Some(language), Some(level)) = (text(sample, "language"), text(sample, "level")) else { continue };
        let Some(value) = sample.value("accuracy") else { continue };
        if !languages.iter().any(|(known, _)| *known == language) {
            languages.push((language.clone(), BTreeMap::new()));
        }
        if let Some((_, levels)) = languages.iter_mut().find(|(known, _)| *known == language) {
            levels.entry(level).or_default().push(value);
        }
    }
    let figure = |score, num| Aggregate::new("accuracy", "weighted_mean", score, num).at("weighting", "difficulty");
    let mut rows = Vec::new();
    for (language, levels) in languages {
        let accuracies: BTreeMap<&str, f64> =
            levels.iter().filter_map(|(level, values)| Some((level.as_str(), means::mean(values)?))).collect();
        let num = levels.values().map(Vec::len).sum::<usize>() as u64;
        rows.extend(groups::by_difficulty(&accuracies).map(|score| row(figure(score, num), &language)));
    }
    let scores: Vec<f64> = rows.iter().map(|row| row.metric.score).collect();
    let num = rows.iter().map(|row| row.metric.num).sum();
    rows.extend(means::mean(&scores).map(|score| row(figure(score, num), OVERALL)));
    rows
}
