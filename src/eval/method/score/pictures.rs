//! Answers on pictures by rules of one benchmark each.

use serde_json::Value;
use toml::Table;

use super::super::super::forms::{surds, tir_bench, visfactor};
use super::super::super::maths::{self, Verdict};
use super::super::super::sample::Sample;
use super::super::case::{Case, Marks, Taken};
use super::super::params::none;
use super::{Made, Score, noted, noted_as, noted_list, noted_text};

pub(super) const NAMES: &[&str] = &["surds", "tir-bench", "visfactor"];

pub(super) fn scorer(name: &str, params: &Table) -> Made {
    none(name, params)?;
    Ok(match name {
        "surds" => Box::new(Surds),
        "tir-bench" => Box::new(TirBench),
        _ => Box::new(VisFactor),
    })
}

/// A place by how far in the middle of its box it is; other answers by equality.
struct Surds;

impl Score for Surds {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let sample = case.sample;
        let value = if noted_text(sample, "task") == "xy2d" {
            let (Some(size), Some(bbox)) = (noted_as(sample, "image_size"), noted_as::<[f64; 4]>(sample, "bbox"))
            else {
                return Marks::excluded("the record has no box around the thing");
            };
            surds::point(&taken.text, size).map_or(0.0, |point| surds::centered(point, bbox))
        } else {
            surds::same(&taken.text, &sample.target_text(), &noted_list(sample, "options"))
        };
        Marks::one("normalized_score", value)
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        if noted_text(sample, "task") != "xy2d" {
            return Some(sample.target_text());
        }
        let [left, upper, right, lower] = noted_as::<[f64; 4]>(sample, "bbox")?;
        // Only the very middle scores 1, and the true place of a thing need not be it.
        Some(format!("[{}, {}]", (left + right) / 2.0, (upper + lower) / 2.0))
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        Some("nowhere".to_owned())
    }
}

/// What a record of TIR-Bench says beside the true answer.
pub(in super::super) fn tir_task(sample: &Sample) -> tir_bench::Task<'_> {
    let difficulty = noted(sample, "meta_data").and_then(|meta| meta.get("difficulty")).and_then(Value::as_u64);
    tir_bench::Task {
        name: noted_text(sample, "task"),
        difficulty: difficulty.and_then(|number| usize::try_from(number).ok()).unwrap_or(0),
        prompt: &sample.question,
    }
}

/// Letters, numbers and lists, by the task.
struct TirBench;

impl Score for TirBench {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let equal = |answer: &str, truth: &str| match maths::judge(truth, answer).1 {
            Verdict::NoReference => None,
            verdict => Some(verdict.is_equal()),
        };
        let truth = case.sample.target_text();
        match tir_bench::score(&taken.text, &case.reply.text, &truth, tir_task(case.sample), &equal) {
            Some(score) => Marks::one("accuracy", score),
            None => Marks::excluded("the true number cannot be read"),
        }
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        Some(sample.target_text())
    }

    fn wrong(&self, sample: &Sample) -> Option<String> {
        let truth = sample.target_text();
        Some(match tir_bench::kind(&truth) {
            tir_bench::Kind::Letters => if truth.trim() == "J" { "I" } else { "J" }.to_owned(),
            _ => "987654".to_owned(),
        })
    }
}

/// One variant of an item, which is right as a whole or not.
struct VisFactor;

impl Score for VisFactor {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let category = noted_text(case.sample, "category_id");
        Marks::one("accuracy", visfactor::score(category, &taken.text, &case.sample.target_text()))
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        let truth = sample.target_text();
        let any = noted_text(sample, "category_id").starts_with("CS");
        Some(if any { truth.split(',').next().unwrap_or_default().trim().to_owned() } else { truth })
    }

    fn wrong(&self, sample: &Sample) -> Option<String> {
        Some(
            match sample.target_text().as_str() {
                "T" => "F",
                "F" => "T",
                _ => "987",
            }
            .to_owned(),
        )
    }
}
