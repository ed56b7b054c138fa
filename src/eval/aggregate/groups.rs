//! Figures where a group of samples counts as one, and those made of accuracies.

use std::collections::{BTreeMap, BTreeSet};

use super::confusion::harmonic;
use super::{Aggregate, IDENTITY, means};

/// One question about a picture, of several that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question<'a> {
    /// Whether the picture is needed (`VD`) or only helps (`VS`).
    pub category: &'a str,
    /// Kind of picture.
    pub subcategory: &'a str,
    /// The set of pictures and questions it is from.
    pub set: &'a str,
    /// The picture in the set; 0 in category `VS` is none.
    pub figure: &'a str,
    /// The question in the set.
    pub question: &'a str,
    /// Whether the answer was right.
    pub right: bool,
}

/// What must be right together.
type Key<'a> = (&'a str, &'a str, &'a str, &'a str);

fn all_right<'a>(questions: &[&Question<'a>], key: impl Fn(&Question<'a>) -> Option<Key<'a>>) -> (f64, u64) {
    let mut groups: BTreeMap<Key<'a>, bool> = BTreeMap::new();
    for question in questions {
        if let Some(key) = key(question) {
            *groups.entry(key).or_insert(true) &= question.right;
        }
    }
    let right = groups.values().filter(|right| **right).count();
    (if groups.is_empty() { 0.0 } else { right as f64 / groups.len() as f64 }, groups.len() as u64)
}

/// The three accuracies of HallusionBench (Guan and others, 2024, <https://arxiv.org/abs/2310.14566>): of answers, of
/// figures of which all answers are right, and of questions that are right about all figures; for each subcategory,
/// each category and overall.
pub fn hallusion(questions: &[Question<'_>]) -> Vec<Aggregate> {
    let subcategories: BTreeSet<&str> = questions.iter().map(|question| question.subcategory).collect();
    let categories: BTreeSet<&str> = questions.iter().map(|question| question.category).collect();
    let mut all = Vec::new();
    for subcategory in subcategories {
        let some: Vec<&Question<'_>> =
            questions.iter().filter(|question| question.subcategory == subcategory).collect();
        all.extend(three(&some).map(|figure| figure.at("level", "subcategory").at("category", subcategory)));
    }
    for category in categories {
        let some: Vec<&Question<'_>> = questions.iter().filter(|question| question.category == category).collect();
        all.extend(three(&some).map(|figure| figure.at("level", "category").at("category", category)));
    }
    all.extend(three(&questions.iter().collect::<Vec<_>>()).map(|figure| figure.at("level", "overall")));
    all
}

fn three<'a>(questions: &[&Question<'a>]) -> [Aggregate; 3] {
    let right: Vec<f64> = questions.iter().map(|question| f64::from(u8::from(question.right))).collect();
    let answers = (means::mean(&right).unwrap_or(0.0), right.len() as u64);
    let figures = all_right(questions, |q| {
        // Without a picture there is none that the answers could be about.
        (q.category != "VS" || q.figure != "0").then_some((q.category, q.subcategory, q.set, q.figure))
    });
    let asked = all_right(questions, |q| Some((q.category, q.subcategory, q.set, q.question)));
    [("answer", answers), ("figure", figures), ("question", asked)]
        .map(|(target, (score, num))| Aggregate::new("accuracy", "mean", score, num).at("target", target))
}

/// The figures of ProcessBench (<https://arxiv.org/abs/2412.06559>): the accuracies on solutions with an error and on
/// those without, and their harmonic mean. A row says whether its solution is without an error, and its score.
pub fn process_bench(rows: &[(bool, f64)]) -> Vec<Aggregate> {
    let of = |correct: bool| -> Vec<f64> { rows.iter().filter(|row| row.0 == correct).map(|row| row.1).collect() };
    let (correct, error) = (of(true), of(false));
    let mut all = Vec::new();
    for (metric, scores) in [("correct_acc", &correct), ("error_acc", &error)] {
        all.extend(means::mean(scores).map(|score| Aggregate::new(metric, IDENTITY, score, scores.len() as u64)));
    }
    if let (Some(correct), Some(error)) = (means::mean(&correct), means::mean(&error)) {
        all.push(Aggregate::new("simple_f1_score", IDENTITY, harmonic(correct, error), rows.len() as u64));
    }
    all
}

/// Difficulties of PolyMath (<https://arxiv.org/abs/2504.18428>) and what they weigh.
pub const DIFFICULTIES: [(&str, f64); 4] = [("low", 1.0), ("medium", 2.0), ("high", 4.0), ("top", 8.0)];

/// A language's accuracy weighted by difficulty: sum of weight times accuracy over 15. A difficulty that is missing counts
/// as 0; `None` where all are.
pub fn by_difficulty(accuracies: &BTreeMap<&str, f64>) -> Option<f64> {
    let found: Vec<f64> =
        DIFFICULTIES.iter().filter_map(|(name, weight)| Some(weight * accuracies.get(name)?)).collect();
    let total: f64 = DIFFICULTIES.iter().map(|(_, weight)| weight).sum();
    (!found.is_empty()).then(|| found.iter().sum::<f64>() / total)
}
