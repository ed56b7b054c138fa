//! Texts that share words with a reference.

use serde::Deserialize;
use serde_json::Value;
use toml::Table;

use super::super::super::sample::{Sample, spelled};
use super::super::super::text::bleu::bleu;
use super::super::super::text::drop::drop_scores;
use super::super::super::text::exact::trivia_match;
use super::super::super::text::recall::{LocomoKind, locomo_f1, mrcr_score};
use super::super::super::text::rouge::rouge_chinese;
use super::super::super::text::{table_bench, tat_qa};
use super::super::case::{Case, Marks, Taken};
use super::super::params::{none, read};
use super::{Made, NONSENSE, Score};

pub(super) const NAMES: &[&str] = &["aliases", "overlap", "bleu", "drop", "tat-qa", "tablebench", "locomo", "mrcr"];

pub(super) fn scorer(name: &str, params: &Table) -> Made {
    if name == "overlap" {
        return Ok(Box::new(read::<Overlap>(name, params)?));
    }
    none(name, params)?;
    Ok(match name {
        "aliases" => Box::new(Aliases),
        "bleu" => Box::new(Overlap { metrics: vec![Metric::Bleu] }),
        "drop" => Box::new(Drop),
        "tat-qa" => Box::new(TatQa),
        "tablebench" => Box::new(TableBench),
        "locomo" => Box::new(Locomo),
        _ => Box::new(Mrcr),
    })
}

fn noted<'a>(sample: &'a Sample, name: &str) -> &'a str {
    sample.meta.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Equal to one of the names of the answer, in TriviaQA's form.
struct Aliases;

impl Score for Aliases {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        Marks::one("accuracy", trivia_match(&taken.text, &case.sample.targets()))
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        sample.targets().into_iter().next()
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        Some(NONSENSE.to_owned())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Metric {
    Rouge,
    Bleu,
}

/// ROUGE-1, ROUGE-2 and ROUGE-L with recall, precision and F1, and BLEU of one to four words.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Overlap {
    metrics: Vec<Metric>,
}

impl Default for Overlap {
    fn default() -> Self {
        Overlap { metrics: vec![Metric::Rouge, Metric::Bleu] }
    }
}

impl Score for Overlap {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let reference = case.sample.target_text();
        let mut marks = Marks::default();
        for metric in &self.metrics {
            match metric {
                Metric::Rouge => {
                    let found = rouge_chinese(&taken.text, &reference);
                    for (variant, overlap) in [("1", found.one), ("2", found.two), ("L", found.longest)] {
                        let figures = [("R", overlap.recall), ("P", overlap.precision), ("F", overlap.f1)];
                        marks.values.extend(figures.map(|(name, value)| (format!("Rouge-{variant}-{name}"), value)));
                    }
                }
                Metric::Bleu => {
                    let orders = bleu(&taken.text, &reference).orders;
                    marks.values.extend(
                        orders.iter().enumerate().map(|(place, value)| (format!("bleu-{}", place + 1), *value)),
                    );
                }
            }
        }
        marks
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        sample.targets().into_iter().next()
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        Some(NONSENSE.to_owned())
    }
}

/// Exact match and F1 of a list of spans.
struct Drop;

impl Drop {
    /// The right answers, each a list of spans.
    fn golds(sample: &Sample) -> Vec<Vec<String>> {
        let spans = |gold: &Value| match gold {
            Value::Array(list) => list.iter().map(spelled).collect(),
            other => vec![spelled(other)],
        };
        match &sample.target {
            Value::Array(list) => list.iter().map(spans).collect(),
            Value::Null => Vec::new(),
            other => vec![spans(other)],
        }
    }
}

impl Score for Drop {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let best = drop_scores(&taken.text, &Self::golds(case.sample));
        Marks::of([("exact_match", best.exact_match), ("f1", best.f1)])
    }

    /// A reply holds one span, so that only an answer of one span can be met in full.
    fn right(&self, sample: &Sample) -> Option<String> {
        let golds = Self::golds(sample);
        golds.iter().find(|gold| gold.len() == 1).or_else(|| golds.first()).map(|gold| gold.join(" "))
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        Some(NONSENSE.to_owned())
    }
}

/// Spans or a number with its scale.
struct TatQa;

impl TatQa {
    fn gold(sample: &Sample) -> tat_qa::Gold {
        let answer = match sample.meta.get("answer").unwrap_or(&sample.target) {
            Value::Array(list) => list.iter().map(spelled).collect(),
            other => vec![spelled(other)],
        };
        tat_qa::Gold { answer, kind: noted(sample, "answer_type").to_owned(), scale: noted(sample, "scale").to_owned() }
    }
}

impl Score for TatQa {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let parsed: Value = serde_json::from_str(&taken.text).unwrap_or_default();
        let spans: Vec<String> = parsed["answer"].as_array().into_iter().flatten().map(spelled).collect();
        let scale = parsed["scale"].as_str().unwrap_or_default();
        let found = tat_qa::score(&Self::gold(case.sample), &spans, scale);
        Marks::of([("exact_match", found.exact_match), ("f1", found.f1)]).noting("parsed", !spans.is_empty())
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        Some(Self::gold(sample).answer.join(" | "))
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        Some(NONSENSE.to_owned())
    }
}

/// Equality, equality within a tenth, or ROUGE-L, by the type of the question.
struct TableBench;

impl Score for TableBench {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let measure = table_bench::measure(noted(case.sample, "qtype"), noted(case.sample, "qsubtype"));
        let value = table_bench::score(&taken.text, &case.sample.target_text(), measure);
        Marks::one("mix_metric", value).noting("metric", measure.name())
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        sample.targets().into_iter().next()
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        Some(NONSENSE.to_owned())
    }
}

/// F1 of stems, by the category of the question.
struct Locomo;

impl Score for Locomo {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let category =
            case.sample.meta.get("category").and_then(Value::as_u64).and_then(|category| u8::try_from(category).ok());
        let kind = category.and_then(|category| LocomoKind::try_from(category).ok()).unwrap_or(LocomoKind::SingleHop);
        Marks::one("f1", locomo_f1(&taken.text, &case.sample.target_text(), kind))
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        sample.targets().into_iter().next()
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        Some(NONSENSE.to_owned())
    }
}

/// Similarity of the text behind a prefix that has to be repeated first.
struct Mrcr;

impl Score for Mrcr {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let prefix = noted(case.sample, "random_string_to_prepend");
        Marks::one("mrcr_score", mrcr_score(&taken.text, &case.sample.target_text(), prefix))
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        sample.targets().into_iter().next()
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        Some(NONSENSE.to_owned())
    }
}
