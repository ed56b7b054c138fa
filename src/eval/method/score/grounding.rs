//! Boxes, points and captions of parts of pictures.

use serde_json::json;
use toml::Table;

use super::super::super::grounding::{Region, Size, ref_adv, refcoco, screenspot};
use super::super::super::haystack;
use super::super::super::sample::Sample;
use super::super::super::text::captions::{bleu, rouge_l};
use super::super::case::{Case, Marks, Taken};
use super::super::params::none;
use super::{Made, NONSENSE, Score, noted_as, noted_list, noted_text};

pub(super) const NAMES: &[&str] = &["refcoco", "refcoco-caption", "ref-adv-s", "screenspot-pro", "haystack"];

pub(super) fn scorer(name: &str, params: &Table) -> Made {
    none(name, params)?;
    Ok(match name {
        "refcoco" => Box::new(RefCoco),
        "refcoco-caption" => Box::new(Caption),
        "ref-adv-s" => Box::new(RefAdv),
        "screenspot-pro" => Box::new(ScreenSpot),
        _ => Box::new(Needles),
    })
}

fn region(sample: &Sample) -> Option<Region> {
    serde_json::from_value(sample.target.clone()).ok()
}

fn given(taken: &Taken) -> Option<Region> {
    serde_json::from_str(&taken.text).ok()
}

const NO_BOX: &str = "the record has no box of four numbers";

/// The box of what a phrase refers to, in parts of the sides.
struct RefCoco;

impl Score for RefCoco {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let Some(truth) = region(case.sample) else { return Marks::excluded(NO_BOX) };
        let verdict = refcoco::score(given(taken), truth);
        let reached = refcoco::THRESHOLDS.iter().zip(verdict.reached);
        let reached = reached.map(|((_, least), value)| (format!("accuracy[threshold={least}]"), value));
        let values = std::iter::once(("iou".to_owned(), verdict.iou)).chain(reached);
        Marks { values: values.chain([("center_acc".to_owned(), verdict.center)]).collect(), ..Marks::default() }
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        Some(json!(region(sample)?).to_string())
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        Some("[0.0, 0.0, 0.0, 0.0]".to_owned())
    }
}

/// A caption against several references.
struct Caption;

impl Score for Caption {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let references = case.sample.targets();
        let orders = bleu(&taken.text, &references);
        let bleu = orders.into_iter().enumerate().map(|(place, value)| (format!("bleu[ngram={}]", place + 1), value));
        let rouge = ("rouge".to_owned(), rouge_l(&taken.text, &references));
        Marks { values: std::iter::once(rouge).chain(bleu).collect(), ..Marks::default() }
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        sample.targets().into_iter().next()
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        Some(NONSENSE.to_owned())
    }
}

/// How boxes of a sample of Ref-Adv-s are written, and the size of its picture.
pub(in super::super) fn writing(sample: &Sample) -> (ref_adv::Options, Size) {
    let format = noted_as(sample, "pred_box_format").unwrap_or_default();
    (ref_adv::Options { pred_box_format: format }, noted_as(sample, "sent_size").unwrap_or((1.0, 1.0)))
}

/// The box of what a phrase refers to among things that look alike.
struct RefAdv;

impl Score for RefAdv {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let Some(truth) = noted_as::<Region>(case.sample, "target_box_normalized") else {
            return Marks::excluded(NO_BOX);
        };
        let verdict = ref_adv::score(given(taken), truth);
        let named = |scope: &str, threshold: &str| format!("accuracy[scope={scope},threshold={threshold}]");
        let mut values = vec![
            (named("overall", "0.5"), verdict.half),
            (named("overall", "0.75"), verdict.three_quarters),
            (named("overall", "0.9"), verdict.nine_tenths),
        ];
        let distractors = noted_as(case.sample, "distractor_count").unwrap_or(0);
        values.extend(ref_adv::group(distractors).map(|group| (named(group, "0.5"), verdict.half)));
        Marks { values, ..Marks::default() }.noting("iou", verdict.iou)
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        Some(json!(noted_as::<Region>(sample, "target_box_normalized")?).to_string())
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        Some("[0.0, 0.0, 0.0, 0.0]".to_owned())
    }
}

/// A point to click on.
struct ScreenSpot;

impl Score for ScreenSpot {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let Some(truth) = region(case.sample) else { return Marks::excluded(NO_BOX) };
        let value = screenspot::score(serde_json::from_str(&taken.text).ok(), truth);
        let kind = screenspot::metric(noted_text(case.sample, "ui_type"));
        Marks::of([Some("accuracy"), kind].into_iter().flatten().map(|metric| (metric, value)))
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        Some(json!(region(sample)?.center()).to_string())
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        Some("[-1, -1]".to_owned())
    }
}

/// Needles found in a long text: whether the reply is nothing but the needles, and the share of them that it holds.
struct Needles;

impl Score for Needles {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let needles = noted_list(case.sample, "needles");
        let needles = if needles.is_empty() { case.sample.targets() } else { needles };
        let verdict = haystack::score(&taken.text, &needles);
        Marks::of([("accuracy", verdict.accuracy), ("contained", verdict.contains)])
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        Some(sample.target_text())
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        Some(NONSENSE.to_owned())
    }
}
