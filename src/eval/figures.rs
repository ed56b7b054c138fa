//! What the marks of all samples add up to, subset by subset and as a whole, with how sure that is.

use serde::Serialize;
use serde_json::{Map, Value};

use super::aggregate::confusion::{Verdict, binary, several};
use super::aggregate::means::{Weighted, clipped, plain, weighted};
use super::aggregate::parts::{Part, macro_, micro};
use super::aggregate::repeats::{Attempt, mean_and_pass_at_k, mean_and_pass_hat_k, mean_and_vote_at_k};
use super::aggregate::{Aggregate, IDENTITY, canonical};
use super::choice::multi_label_figures;
use super::method::{Marks, Standing};
use crate::stats::inference::Bounds;
use crate::stats::inference::clustered::clustered;
use crate::stats::inference::distribution::normal_quantile;
use crate::stats::inference::mean::{standard_error, t_bounds};
use crate::stats::inference::proportion::{Method, bounds};

/// How sure intervals are.
pub const CONFIDENCE: f64 = 0.95;

/// A sample with its marks.
#[derive(Debug, Clone)]
pub struct Scored {
    /// The subset.
    pub subset: String,
    /// Its place.
    pub index: usize,
    /// The same for all tries of one question.
    pub group: usize,
    /// Which of the tries it was.
    pub repeat: usize,
    /// What is noted of it.
    pub meta: Map<String, Value>,
    /// Its marks; `None` where the sample failed.
    pub marks: Option<Marks>,
}

impl Scored {
    /// Its value of a metric, where it has one that counts.
    pub fn value(&self, metric: &str) -> Option<f64> {
        let marks = self.marks.as_ref().filter(|marks| marks.standing == Standing::Scored)?;
        marks.values.iter().find(|(name, _)| canonical(name) == metric).map(|(_, value)| *value)
    }

    fn note(&self, name: &str) -> Option<&Value> {
        self.marks.as_ref()?.meta.get(name)
    }
}

/// How sure a mean is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Certainty {
    /// Standard error; of questions that were asked several times by the sums over their tries.
    pub standard_error: Option<f64>,
    /// Interval of 95 %: Wilson's for values of 0 and 1 that stand alone, Student's for others, and by the standard error of
    /// clusters where questions were asked several times.
    pub interval_95: Option<Bounds>,
}

/// One figure of a subset, of a group of subsets or of all.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// The figure.
    pub aggregate: Aggregate,
    /// The values of samples that it is a mean of, by name, where it is one.
    pub mean_of: Option<String>,
    /// How sure it is, where it is a mean of samples.
    pub certainty: Option<Certainty>,
}

/// The figures of one subset.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SubsetFigures {
    /// Its name.
    pub name: String,
    /// Its figures.
    pub figures: Vec<Figure>,
    /// Whether it is made of others, and so counts in no sum.
    pub is_aggregate: bool,
    /// The path of the category that it is shown in, where not that of its name.
    pub category: Option<Vec<String>>,
}

/// How marks add up, by EvalScope's name.
pub fn figures(aggregate: &str, metrics: &[String], samples: &[&Scored]) -> Vec<Figure> {
    let names = names(metrics, samples);
    match aggregate {
        "f1" => {
            let made = verdicts(samples);
            if !made.is_empty() {
                // Only the share of right verdicts is a mean of samples.
                let sure = |aggregate: Aggregate| match aggregate.metric.as_str() {
                    "accuracy" => {
                        let plain = figure(
                            Aggregate { aggregation: "mean".to_owned(), ..aggregate.clone() },
                            "accuracy",
                            samples,
                        );
                        Figure { aggregate, ..plain }
                    }
                    _ => bare(aggregate),
                };
                return made.into_iter().map(sure).collect();
            }
        }
        "f1_weighted" => {
            let made = labels(samples);
            if !made.is_empty() {
                return made.into_iter().map(bare).collect();
            }
        }
        _ => {}
    }
    let mut all = Vec::new();
    for name in names {
        let values: Vec<f64> = samples.iter().filter_map(|sample| sample.value(&name)).collect();
        let attempts = || attempts(&name, samples);
        let made: Vec<Aggregate> = match aggregate {
            "weighted_mean" => {
                let key = format!("weight:{name}");
                let rows: Vec<Weighted> = samples
                    .iter()
                    .filter_map(|sample| {
                        Some(Weighted {
                            score: sample.value(&name)?,
                            weight: sample.note(&key).and_then(Value::as_u64),
                        })
                    })
                    .collect();
                // Where nothing weighs anything that is told, the mean is plain and is called so.
                if rows.iter().all(|row| row.weight.is_none()) { plain(&name, &values) } else { weighted(&name, &rows) }
                    .into_iter()
                    .collect()
            }
            "clipped_mean" => clipped(&name, &values).into_iter().collect(),
            "mean_and_pass_at_k" => mean_and_pass_at_k(&name, &attempts()),
            "mean_and_pass_hat_k" => mean_and_pass_hat_k(&name, &attempts()),
            "mean_and_vote_at_k" => mean_and_vote_at_k(&name, &attempts()),
            _ => plain(&name, &values).into_iter().collect(),
        };
        all.extend(made.into_iter().map(|aggregate| figure(aggregate, &name, samples)));
    }
    all
}

/// The metrics that samples have, in the order of the card, others behind.
fn names(metrics: &[String], samples: &[&Scored]) -> Vec<String> {
    let mut names: Vec<String> = metrics.iter().map(|name| canonical(name).to_owned()).collect();
    let has = |name: &String| samples.iter().any(|sample| sample.value(name).is_some());
    let marks = samples.iter().filter_map(|sample| sample.marks.as_ref());
    for (name, _) in marks.flat_map(|marks| marks.values.iter()) {
        let name = canonical(name).to_owned();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.retain(has);
    names
}

fn attempts<'a>(metric: &str, samples: &[&'a Scored]) -> Vec<Attempt<'a>> {
    samples
        .iter()
        .map(|sample| Attempt {
            group: sample.group as u64,
            position: Some(sample.repeat),
            prediction: sample.marks.as_ref().and_then(|marks| marks.extracted.as_deref()),
            score: sample.value(metric),
        })
        .collect()
}

/// Figures of verdicts, from what their scorer noted.
fn verdicts(samples: &[&Scored]) -> Vec<Aggregate> {
    let text = |sample: &Scored, name: &str| sample.note(name).and_then(Value::as_str).map(str::to_owned);
    let noted: Vec<(String, String)> =
        samples.iter().filter_map(|sample| Some((text(sample, "reference")?, text(sample, "verdict")?))).collect();
    let all: Vec<Verdict<'_>> = noted
        .iter()
        .map(|(truth, given)| Verdict { truth, given: Some(given.as_str()).filter(|given| !given.is_empty()) })
        .collect();
    if all.is_empty() {
        return Vec::new();
    }
    if samples.iter().any(|sample| sample.note("maybe").is_some()) {
        several(&["YES", "NO", "MAYBE"], &["YES", "MAYBE"], &all)
    } else {
        binary("YES", &all)
    }
}

/// Figures of sets of labels, from what their scorer noted.
fn labels(samples: &[&Scored]) -> Vec<Aggregate> {
    let text = |sample: &Scored, name: &str| sample.note(name).and_then(Value::as_str).map(str::to_owned);
    let noted: Vec<(String, String)> =
        samples.iter().filter_map(|sample| Some((text(sample, "prediction")?, text(sample, "reference")?))).collect();
    let Some(all) = samples.iter().find_map(|sample| text(sample, "labels")) else { return Vec::new() };
    let pairs: Vec<(&str, &str)> = noted.iter().map(|(given, right)| (given.as_str(), right.as_str())).collect();
    let labels: Vec<char> = all.chars().collect();
    let made = multi_label_figures(&pairs, &labels);
    let of = |name: &str, score: f64| Aggregate::new(name, IDENTITY, score, pairs.len() as u64);
    vec![
        of("f1_weighted", made.f1_weighted),
        of("f1_micro", made.f1_micro),
        of("f1_macro", made.f1_macro),
        of("exact_match", made.exact_match),
    ]
}

/// A figure that is no mean of samples, or one of whose samples nothing is known.
fn bare(aggregate: Aggregate) -> Figure {
    Figure { aggregate, mean_of: None, certainty: None }
}

/// A figure of the values of samples by a name: as EvalScope identifies it, and how sure it is where it is their mean.
fn figure(mut aggregate: Aggregate, value: &str, samples: &[&Scored]) -> Figure {
    let (metric, dimensions) = identity(value);
    aggregate.metric = metric;
    aggregate.dimensions.extend(dimensions);
    if aggregate.aggregation != "mean" {
        return bare(aggregate);
    }
    let of = |sample: &&Scored| Some((sample.value(value)?, (sample.subset.clone(), sample.group)));
    let rows: Vec<(f64, (String, usize))> = samples.iter().filter_map(of).collect();
    Figure { aggregate, mean_of: Some(value.to_owned()), certainty: certainty(&rows) }
}

/// How EvalScope identifies a value of samples: a name, and what tells it from others of that name. Values are named as its
/// scorers name them, `bleu-1` and `Rouge-L-R`, or with brackets: `accuracy[level=overall]`.
pub fn identity(value: &str) -> (String, Map<String, Value>) {
    let real = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite());
    let number = |text: &str| match text.parse::<u64>() {
        Ok(whole) => Value::from(whole),
        Err(_) => real(text).map_or_else(|| Value::from(text), Value::from),
    };
    let mut dimensions = Map::new();
    let mut put = |name: &str, value: Value| drop(dimensions.insert(name.to_owned(), value));
    let parts: Vec<&str> = value.split('-').collect();
    let name = match parts.as_slice() {
        ["bleu" | "Bleu", order] if order.parse::<u64>().is_ok() => {
            put("ngram", number(order));
            "bleu"
        }
        ["Rouge" | "rouge", order, statistic @ ("R" | "P" | "F" | "r" | "p" | "f")] => {
            let statistic = match *statistic {
                "R" | "r" => "recall",
                "P" | "p" => "precision",
                _ => "f1",
            };
            put("statistic", statistic.into());
            match *order {
                "L" | "l" => put("variant", "l".into()),
                order => put("ngram", number(order)),
            }
            "rouge"
        }
        _ => match value.split_once('[').and_then(|(name, rest)| Some((name, rest.strip_suffix(']')?))) {
            Some((name, inside)) => {
                for (key, value) in inside.split(',').filter_map(|pair| pair.split_once('=')) {
                    put(key.trim(), number(value.trim()));
                }
                name
            }
            None => value,
        },
    };
    (name.to_owned(), dimensions)
}

/// How sure the mean of values is, each with its cluster.
pub fn certainty<K: Eq + std::hash::Hash + Clone>(rows: &[(f64, K)]) -> Option<Certainty> {
    let values: Vec<f64> = rows.iter().map(|(value, _)| *value).collect();
    let clusters: Vec<K> = rows.iter().map(|(_, cluster)| cluster.clone()).collect();
    let found = clustered(&values, &clusters)?;
    if found.clusters < values.len() {
        let error = found.corrected;
        let half = error.map(|error| error * normal_quantile(0.5 + 0.5 * CONFIDENCE));
        return Some(Certainty {
            standard_error: error,
            interval_95: half.map(|half| Bounds::around(found.mean, half)),
        });
    }
    let is_share = values.iter().all(|value| *value == 0.0 || *value == 1.0);
    let interval_95 = if is_share {
        let good = values.iter().filter(|value| **value == 1.0).count() as u64;
        bounds(Method::Wilson, good, values.len() as u64, CONFIDENCE)
    } else {
        t_bounds(&values, CONFIDENCE)
    };
    Some(Certainty { standard_error: standard_error(&values), interval_95 })
}

/// The figures of several subsets as one: the micro mean, weighted by what each stands for, and the macro mean.
pub fn joined(parts: &[&Figure]) -> Option<(f64, f64, u64)> {
    let parts: Vec<Part> =
        parts.iter().map(|figure| Part { score: figure.aggregate.score, num: figure.aggregate.num }).collect();
    let num = parts.iter().map(|part| part.num).sum();
    Some((micro(&parts)?, macro_(&parts)?, num))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(index: usize, repeats: usize, value: f64) -> Scored {
        Scored {
            subset: "s".to_owned(),
            index,
            group: index / repeats,
            repeat: index % repeats,
            meta: Map::new(),
            marks: Some(Marks::one("acc", value).taking(if value > 0.5 { "A" } else { "B" })),
        }
    }

    fn made(aggregate: &str, samples: &[Scored]) -> Vec<(String, f64, u64)> {
        let samples: Vec<&Scored> = samples.iter().collect();
        figures(aggregate, &["accuracy".to_owned()], &samples)
            .into_iter()
            .map(|figure| {
                (
                    format!("{}:{}", figure.aggregate.metric, figure.aggregate.aggregation),
                    figure.aggregate.score,
                    figure.aggregate.num,
                )
            })
            .collect()
    }

    #[test]
    fn failed_and_excluded_samples_are_in_no_mean() {
        let mut samples: Vec<Scored> =
            [1.0, 0.0, 1.0, 1.0].into_iter().enumerate().map(|(at, value)| sample(at, 1, value)).collect();
        samples[0].marks = None;
        samples[1].marks = Some(Marks::excluded("no reference"));
        assert_eq!(made("mean", &samples), [("accuracy:mean".to_owned(), 1.0, 2)]);
    }

    #[test]
    fn repeats_give_chances() {
        let samples: Vec<Scored> =
            [1.0, 0.0, 0.0, 0.0].into_iter().enumerate().map(|(at, value)| sample(at, 2, value)).collect();
        let made = made("mean_and_pass_at_k", &samples);
        assert_eq!(made[0], ("accuracy:mean".to_owned(), 0.25, 4));
        assert!(made.iter().any(|(name, score, _)| name == "accuracy:pass_at_k" && *score == 0.5));
    }

    #[test]
    fn intervals_are_wilsons_alone_and_wider_in_clusters() {
        let alone: Vec<(f64, usize)> = (0..100).map(|at| (f64::from(at % 2 == 0), at)).collect();
        let pairs: Vec<(f64, usize)> = (0..100).map(|at| (f64::from(at % 4 < 2), at / 2)).collect();
        let width = |rows: &[(f64, usize)]| {
            certainty(rows).and_then(|found| found.interval_95).map_or(0.0, |bounds| bounds.high - bounds.low)
        };
        assert!((width(&alone) - 0.1923).abs() < 1e-3, "{}", width(&alone));
        assert!(width(&pairs) > 1.3 * width(&alone));
    }
}
