//! Short answers to questions on pictures.

use serde::Deserialize;
use serde_json::Value;
use toml::Table;

use super::super::super::sample::{Sample, spelled};
use super::super::super::text::anls::{AnlsRule, anls};
use super::super::super::text::slake::slake_match;
use super::super::super::text::vqa::{
    bias_scores, contained, contained_without_blanks, count_in, count_scores, relaxed_accuracy, vqa_exact_match,
    vqa_form, vqa_soft_accuracy, vtc_scores,
};
use super::super::case::{Case, Marks, Taken};
use super::super::params::{none, read};
use super::{Made, NONSENSE, Score};

pub(super) const NAMES: &[&str] =
    &["relaxed", "anls", "count-qa", "ocr-bench", "slake", "vqav2", "vtcbench", "vlms-are-biased", "visualoverload"];

pub(super) fn scorer(name: &str, params: &Table) -> Made {
    if name == "relaxed" {
        return Ok(Box::new(read::<Relaxed>(name, params)?));
    }
    if name == "anls" {
        return Ok(Box::new(Anls(read(name, params)?)));
    }
    none(name, params)?;
    Ok(match name {
        "count-qa" => Box::new(CountQa),
        "ocr-bench" => Box::new(OcrBench),
        "slake" => Box::new(Slake),
        "vqav2" => Box::new(Vqa),
        "vtcbench" => Box::new(Vtc),
        "vlms-are-biased" => Box::new(Biased),
        _ => Box::new(Present),
    })
}

fn first(sample: &Sample) -> Option<String> {
    sample.targets().into_iter().next()
}

fn is_noted(sample: &Sample, name: &str, wanted: &str) -> bool {
    sample.meta.get(name).and_then(Value::as_str) == Some(wanted)
}

/// Numbers within a share of the reference, other texts equal but for case.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Relaxed {
    /// The share of the reference by which a number may differ.
    tolerance: f64,
}

impl Default for Relaxed {
    fn default() -> Self {
        Relaxed { tolerance: 0.05 }
    }
}

impl Score for Relaxed {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let each = case.sample.targets();
        let best = each.iter().map(|target| relaxed_accuracy(&taken.text, target, self.tolerance)).fold(0.0, f64::max);
        Marks::one("relaxed_acc", best)
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        first(sample)
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        Some(NONSENSE.to_owned())
    }
}

/// Similarity by edit distance.
struct Anls(AnlsRule);

impl Score for Anls {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        Marks::one("anls", anls(&taken.text, &case.sample.targets(), self.0))
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        first(sample)
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        Some("~".to_owned())
    }
}

/// A count, exact and within 5 %.
struct CountQa;

impl Score for CountQa {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let Ok(right) = case.sample.target_text().trim().parse() else {
            return Marks::excluded("the reference is no count");
        };
        let (exact, near) = count_scores(count_in(&taken.text), right);
        Marks::of([("accuracy", exact), ("relaxed_acc", near)])
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        first(sample)
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        Some("987654".to_owned())
    }
}

/// The reply holds one of the references; formulas are compared without blanks.
struct OcrBench;

impl Score for OcrBench {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let formula = is_noted(case.sample, "dataset", "HME100k");
        let compare = if formula { contained_without_blanks } else { contained };
        Marks::one("accuracy", compare(&taken.text, &case.sample.targets()))
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        first(sample)
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        Some("~".to_owned())
    }
}

/// Short answers about medical images, in English and Chinese.
struct Slake;

impl Score for Slake {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        Marks::one("accuracy", slake_match(&taken.text, &case.sample.target_text()))
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        first(sample)
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        Some(NONSENSE.to_owned())
    }
}

/// Agreement with the people who were asked the same.
struct Vqa;

impl Score for Vqa {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let answers = case.sample.targets();
        let (soft, exact) = (vqa_soft_accuracy(&taken.text, &answers), vqa_exact_match(&taken.text, &answers));
        Marks::of([("vqa_score", soft), ("exact_match", exact)])
    }

    /// What most people said; it scores 1 where four of them agree.
    fn right(&self, sample: &Sample) -> Option<String> {
        let answers = sample.targets();
        let forms: Vec<String> = answers.iter().map(|answer| vqa_form(answer)).collect();
        let count = |form: &String| forms.iter().filter(|other| *other == form).count();
        let most = forms.iter().enumerate().max_by_key(|(_, form)| count(form))?;
        answers.get(most.0).cloned()
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        Some(NONSENSE.to_owned())
    }
}

/// The share of the references that the reply holds; for its memory of talks the best ROUGE-L.
struct Vtc;

impl Score for Vtc {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let references = case.sample.targets();
        if references.is_empty() {
            return Marks::excluded("there is no reference");
        }
        let found = vtc_scores(&taken.text, &references);
        let own = if is_noted(case.sample, "subset", "Memory") { found.rouge_l } else { found.contains_all };
        Marks::of([("normalized_score", own), ("contains_all", found.contains_all), ("rouge_l", found.rouge_l)])
            .noting("contains_any", found.contains_any)
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        if is_noted(sample, "subset", "Memory") { first(sample) } else { Some(sample.targets().join(", ")) }
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        Some("~".to_owned())
    }
}

/// What is in the picture, and what is commonly known but not in the picture.
struct Biased;

impl Score for Biased {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let bias = case.sample.meta.get("expected_bias").filter(|bias| !bias.is_null()).map(spelled);
        let (right, biased) = bias_scores(&taken.text, &case.sample.target_text(), bias.as_deref());
        let mut marks = Marks::one("accuracy", right);
        marks.values.extend(biased.map(|biased| ("bias_ratio".to_owned(), biased)));
        marks
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        first(sample)
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        Some(NONSENSE.to_owned())
    }
}

/// Whether there is a reply: the answers are kept by the makers of the benchmark.
struct Present;

impl Score for Present {
    fn score(&self, _: &Case<'_>, taken: &Taken) -> Marks {
        Marks::one("response_present", f64::from(!taken.text.trim().is_empty()))
    }

    fn right(&self, _: &Sample) -> Option<String> {
        Some("A".to_owned())
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        Some(String::new())
    }
}
