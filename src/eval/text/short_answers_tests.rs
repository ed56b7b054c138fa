//! Short answers about tables, talks and pictures against what EvalScope gives for them.
#![expect(clippy::expect_used, clippy::panic, reason = "tests say what they need and stop there")]

use serde_json::Value;

use super::recall::{LocomoKind, locomo_f1};
use super::vqa::{bias_scores, relaxed_accuracy, vqa_exact_match, vqa_soft_accuracy};
use super::{slake, table_bench, tat_qa};
use crate::eval::agreement::{Agreement, cases};
use crate::eval::sample::spelled;

fn text<'a>(case: &'a Value, name: &str) -> &'a str {
    case[name].as_str().unwrap_or_default()
}

fn list(value: &Value) -> Vec<String> {
    match value {
        Value::Array(list) => list.iter().map(spelled).collect(),
        one => vec![spelled(one)],
    }
}

fn figures(case: &Value) -> Vec<f64> {
    let (prediction, reference) = (text(case, "prediction"), text(case, "reference"));
    match text(case, "kind") {
        "tat_qa" => {
            let (kind, scale) = (text(case, "answer_type").to_owned(), text(case, "scale").to_owned());
            let (spans, said) = tat_qa::taken(text(case, "reply"));
            let found = tat_qa::score(&tat_qa::Gold { answer: list(&case["answer"]), kind, scale }, &spans, &said);
            vec![found.exact_match, found.f1]
        }
        "tablebench" => {
            let measure = table_bench::measure(text(case, "qtype"), text(case, "qsubtype"));
            vec![table_bench::score(prediction, reference, measure)]
        }
        "slake" => vec![slake::slake_match(prediction, reference)],
        "vlms_are_biased" => {
            let (right, biased) = bias_scores(prediction, reference, Some(text(case, "bias")));
            vec![right, biased.unwrap_or(f64::NAN)]
        }
        "chartqa" => vec![relaxed_accuracy(prediction, reference, 0.05)],
        "locomo" => {
            let category = case["category"].as_u64().and_then(|category| u8::try_from(category).ok()).unwrap_or(0);
            vec![locomo_f1(prediction, reference, LocomoKind::try_from(category).expect("a category"))]
        }
        "vqav2" => {
            let answers = list(&case["answers"]);
            vec![vqa_soft_accuracy(prediction, &answers), vqa_exact_match(prediction, &answers)]
        }
        other => panic!("{other}"),
    }
}

#[test]
fn figures_agree_with_evalscope() {
    let mut agreement = Agreement::new("short_answers", "");
    for case in cases("short_answers") {
        let theirs: Vec<f64> = list(&case["expected"]).iter().filter_map(|number| number.parse().ok()).collect();
        let ours = figures(&case);
        let near = ours.len() == theirs.len() && ours.iter().zip(&theirs).all(|(a, b)| (a - b).abs() < 1e-9);
        agreement.judged(text(&case, "id"), near, || format!("ours {ours:?}, theirs {theirs:?}"));
    }
    agreement.check(1.0);
}
