//! Accuracies where a group of samples counts as one, and those of parts of a subset.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::aggregate::groups::{self, Question};
use super::super::aggregate::repeats::{Attempt, mean_and_pass_hat_k};
use super::super::aggregate::{Aggregate, means};
use super::super::figures::Scored;
use super::super::forms::{surds as streets, visfactor};
use super::{ExtraRow, mean, note, subsets, text, unnamed, values};

/// Whether a sample was answered rightly; `None` where it has no value.
fn is_right(sample: &Scored) -> Option<bool> {
    sample.value("accuracy").map(|value| value == 1.0)
}

/// Figures for each value of something that is noted, in the order of the values.
fn parts<'a>(samples: &[&'a Scored], name: &str) -> BTreeMap<String, Vec<&'a Scored>> {
    let mut parts: BTreeMap<String, Vec<&Scored>> = BTreeMap::new();
    for sample in samples {
        if let Some(part) = text(sample, name) {
            parts.entry(part).or_default().push(sample);
        }
    }
    parts
}

/// SafetyBench: every set for itself, with its seven fields as categories. Samples that failed count as wrong.
pub fn safety(samples: &[Scored]) -> Vec<ExtraRow> {
    let share = |own: &[&Scored]| {
        let right = own.iter().filter(|sample| is_right(sample) == Some(true)).count();
        (right as f64 / own.len().max(1) as f64, own.len() as u64)
    };
    let mut rows = Vec::new();
    for subset in subsets(samples) {
        let own: Vec<&Scored> = samples.iter().filter(|sample| sample.subset == subset).collect();
        let figure = |(score, num)| Aggregate::new("accuracy", "mean", score, num).at("subset", subset);
        rows.push(ExtraRow { metric: figure(share(&own)), subset: Some(subset.to_owned()), category: None });
        for (category, own) in parts(&own, "category") {
            rows.push(ExtraRow {
                metric: figure(share(&own)),
                subset: Some(subset.to_owned()),
                category: Some(category),
            });
        }
    }
    rows
}

/// ARC-AGI-2: the figures of each task over its test inputs, and their mean over tasks.
pub fn tasks(samples: &[&Scored]) -> Vec<Aggregate> {
    let mut found: Vec<(Aggregate, Vec<f64>)> = Vec::new();
    for own in parts(samples, "task_id").into_values() {
        let attempt = |sample: &&Scored| Attempt {
            group: sample.group as u64,
            position: Some(sample.repeat),
            prediction: None,
            score: sample.value("accuracy"),
        };
        let attempts: Vec<Attempt<'_>> = own.iter().map(attempt).collect();
        for figure in mean_and_pass_hat_k("accuracy", &attempts) {
            let same = |known: &&mut (Aggregate, Vec<f64>)| {
                known.0.aggregation == figure.aggregation && known.0.dimensions == figure.dimensions
            };
            match found.iter_mut().find(same) {
                Some((_, scores)) => scores.push(figure.score),
                None => found.push((figure.clone(), vec![figure.score])),
            }
        }
    }
    let mean = |(figure, scores): (Aggregate, Vec<f64>)| {
        let score = means::mean(&scores)?;
        Some(Aggregate { score, num: scores.len() as u64, coverage: None, ..figure })
    };
    found.into_iter().filter_map(mean).collect()
}

/// HallusionBench: answers, figures and questions, by kind of picture, by category and overall.
pub fn hallusion(samples: &[&Scored]) -> Vec<Aggregate> {
    let names = ["category", "subcategory", "set_id", "figure_id", "question_id"];
    let noted: Vec<([String; 5], bool)> = samples
        .iter()
        .filter_map(|sample| Some((names.map(|name| text(sample, name).unwrap_or_default()), is_right(sample)?)))
        .collect();
    let questions: Vec<Question<'_>> = noted
        .iter()
        .map(|([category, subcategory, set, figure, question], right)| Question {
            category,
            subcategory,
            set,
            figure,
            question,
            right: *right,
        })
        .collect();
    if questions.is_empty() { Vec::new() } else { groups::hallusion(&questions) }
}

/// A needle in a haystack: the mean overall, and of each length and depth.
pub fn cells(samples: &[&Scored]) -> Vec<Aggregate> {
    let mut rows: Vec<Aggregate> = Vec::new();
    let metrics = ["accuracy", "contained"];
    rows.extend(metrics.iter().filter_map(|metric| Some(mean(samples, metric)?.at("scope", "overall"))));
    let mut cells: BTreeMap<(u64, u64), Vec<&Scored>> = BTreeMap::new();
    for sample in samples {
        let number = |name: &str| sample.meta.get(name).and_then(Value::as_u64);
        if let Some(cell) = number("context_length").zip(number("depth_percent")) {
            cells.entry(cell).or_default().push(sample);
        }
    }
    for ((length, depth), own) in cells {
        let of = |metric: &&str| Some(mean(&own, metric)?.at("context_length", length).at("depth_percent", depth));
        rows.extend(metrics.iter().filter_map(of));
    }
    rows
}

/// LoCoMo: F1 overall, by type of question, and the mean over types.
pub fn locomo(samples: &[&Scored]) -> Vec<Aggregate> {
    let mut rows: Vec<Aggregate> =
        mean(samples, "f1").map(|figure| figure.at("scope", "overall")).into_iter().collect();
    let of_types: Vec<Aggregate> = parts(samples, "category")
        .into_values()
        .filter_map(|own| {
            let name = own.first().and_then(|sample| text(sample, "category_name")).unwrap_or_default();
            Some(mean(&own, "f1")?.at("question_type", name))
        })
        .collect();
    let scores: Vec<f64> = of_types.iter().map(|figure| figure.score).collect();
    rows.extend(of_types);
    let whole = |score| Aggregate::new("f1", "macro_mean", score, scores.len() as u64).at("scope", "question_types");
    rows.extend(means::mean(&scores).map(whole));
    rows
}

/// MMAU: accuracy overall and by the kind of recording.
pub fn mmau(samples: &[&Scored]) -> Vec<Aggregate> {
    let mut rows: Vec<Aggregate> =
        unnamed(samples, "accuracy").map(|figure| figure.at("scope", "overall")).into_iter().collect();
    rows.extend(
        parts(samples, "task").into_iter().filter_map(|(task, own)| Some(unnamed(&own, "accuracy")?.at("task", task))),
    );
    rows
}

/// Multi-IF: the four figures of the last turn of each sample, and those of each turn. Those by instruction weigh a sample by
/// its instructions.
pub fn turns(samples: &[&Scored]) -> Vec<Aggregate> {
    const METRICS: [(&str, bool); 4] = [
        ("prompt_level_strict", false),
        ("inst_level_strict", true),
        ("prompt_level_loose", false),
        ("inst_level_loose", true),
    ];
    let noted: Vec<&Vec<Value>> = samples.iter().filter_map(|sample| note(sample, "turns")?.as_array()).collect();
    let most = noted.iter().map(|turns| turns.len()).max().unwrap_or(0);
    let last: Vec<&Value> = noted.iter().filter_map(|turns| turns.last()).collect();
    let of_turn = |turn: usize| -> Vec<&Value> { noted.iter().filter_map(|turns| turns.get(turn)).collect() };
    let turns = (0..most).map(|turn| (format!("turn_{}_", turn + 1), of_turn(turn)));
    let mut rows = Vec::new();
    for (prefix, of_turn) in std::iter::once((String::new(), last)).chain(turns) {
        for (metric, by_instruction) in METRICS {
            let row = |marks: &&Value| {
                let weight = if by_instruction { marks.get("instructions")?.as_u64() } else { Some(1) };
                Some(means::Weighted { score: marks.get(metric)?.as_f64()?, weight })
            };
            let values: Vec<means::Weighted> = of_turn.iter().filter_map(row).collect();
            let figure = means::weighted(metric, &values);
            rows.extend(figure.map(|figure| Aggregate { metric: format!("{prefix}{metric}"), ..figure }));
        }
    }
    rows
}

/// MRCR: the score overall. Its bins are of tokens of one tokenizer, which is not at hand.
pub fn lengths(samples: &[&Scored]) -> Vec<Aggregate> {
    mean(samples, "mrcr_score").map(|figure| figure.at("scope", "overall")).into_iter().collect()
}

/// ProcessBench: solutions with an error, those without, and the harmonic mean of both.
pub fn process(samples: &[&Scored]) -> Vec<Aggregate> {
    let of = |metric: &str, correct: bool| values(samples, metric).into_iter().map(move |value| (correct, value));
    let rows: Vec<(bool, f64)> = of("correct_acc", true).chain(of("error_acc", false)).collect();
    groups::process_bench(&rows)
}

/// SURDS: opposite questions count together, others alone.
pub fn surds(samples: &[&Scored]) -> Vec<Aggregate> {
    const METRIC: &str = "normalized_score";
    let is_paired = samples.first().is_some_and(|sample| sample.meta.get("paired") == Some(&true.into()));
    if !is_paired {
        return mean(samples, METRIC).into_iter().collect();
    }
    let pair = |sample: &&Scored| Some((text(sample, "pair_id")?, sample.repeat, sample.value(METRIC)?));
    let pairs: Vec<(String, usize, f64)> = samples.iter().filter_map(pair).collect();
    let found = streets::pairs(pairs.iter().map(|(pair, repeat, score)| (pair.as_str(), *repeat, *score)));
    found.map(|(score, num)| Aggregate::new(METRIC, "mean", score, num as u64)).into_iter().collect()
}

/// VisFactor: the mean over tests, and each test, by items of which all forms must be right.
pub fn visual_factor(samples: &[&Scored]) -> Vec<Aggregate> {
    let item = |sample: &&Scored| {
        let place = sample.meta.get("eval_index").and_then(Value::as_i64)?;
        Some((text(sample, "category_id")?, place, sample.value("accuracy")?))
    };
    let items: Vec<(String, i64, f64)> = samples.iter().filter_map(item).collect();
    let tests = visfactor::accuracies(items.iter().map(|(test, place, score)| (test.as_str(), *place, *score)));
    let scores: Vec<f64> = tests.values().map(|(score, _)| *score).collect();
    let num: usize = tests.values().map(|(_, count)| count).sum();
    let whole = |score| Aggregate::new("accuracy", "macro_mean", score, num as u64).at("scope", "categories");
    let name = |test: &str| {
        let sample = samples.iter().find(|sample| text(sample, "category_id").as_deref() == Some(test));
        sample.and_then(|sample| text(sample, "category_name")).unwrap_or_default()
    };
    let each = tests.iter().map(|(test, (score, count))| {
        Aggregate::new("accuracy", "mean", *score, *count as u64)
            .at("category_id", *test)
            .at("category_name", name(test))
    });
    means::mean(&scores).map(whole).into_iter().chain(each).collect()
}

/// VLMs Are Biased: accuracy and bias overall, accuracy by topic.
pub fn biased(samples: &[&Scored]) -> Vec<Aggregate> {
    let overall =
        ["accuracy", "bias_ratio"].into_iter().filter_map(|metric| Some(mean(samples, metric)?.at("scope", "overall")));
    let topics =
        parts(samples, "topic").into_iter().filter_map(|(topic, own)| Some(mean(&own, "accuracy")?.at("topic", topic)));
    overall.chain(topics).collect()
}
