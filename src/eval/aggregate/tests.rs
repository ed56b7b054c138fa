//! Aggregates against golden vectors and by their algebra.

#![expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::collection::{Levels, Row};
use super::confusion::Verdict;
use super::decisions::Decision;
use super::groups::Question;
use super::means::Weighted;
use super::parts::Part;
use super::repeats::Attempt;
use super::*;
use crate::eval::agreement::{Agreement, cases};

const TOLERANCE: f64 = 1e-12;

/// Whether the lists hold the same figures.
fn same(ours: &[Aggregate], theirs: &Value) -> bool {
    let Some(theirs) = theirs.as_array() else { return false };
    // Relative for large scores: numbers are read from text with an error in the last place.
    let near = |score: f64, value: &Value| (score - value.as_f64().unwrap()).abs() <= TOLERANCE * score.abs().max(1.0);
    ours.len() == theirs.len()
        && ours.iter().zip(theirs).all(|(our, their)| {
            let named = their["metric"] == *our.metric && their["aggregation"] == *our.aggregation;
            let counted = match (&our.coverage, their.get("eligible")) {
                (None, None) => true,
                (Some(coverage), Some(eligible)) => {
                    eligible == &Value::from(coverage.eligible)
                        && their["total"] == coverage.total
                        && their["excluded"] == coverage.excluded
                        && near(coverage.coverage, &their["coverage"])
                }
                _ => false,
            };
            named
                && counted
                && their["dimensions"] == Value::Object(our.dimensions.clone())
                && their["num"] == our.num
                && near(our.score, &their["score"])
        })
}

fn attempts(case: &Value) -> Vec<Attempt<'_>> {
    let rows = case["rows"].as_array().unwrap();
    rows.iter()
        .map(|row| Attempt {
            group: row["group"].as_u64().unwrap(),
            position: row["index"].as_u64().map(|index| index as usize),
            prediction: row["prediction"].as_str(),
            score: row["acc"].as_f64(),
        })
        .collect()
}

fn groups_agree(agreement: &mut Agreement, id: &str, case: &Value) {
    let attempts = attempts(case);
    let scores: Vec<f64> = attempts.iter().filter_map(|attempt| attempt.score).collect();
    for (name, ours) in [
        ("mean", means::plain("acc", &scores).into_iter().collect()),
        ("mean_and_pass_at_k", repeats::mean_and_pass_at_k("acc", &attempts)),
        ("mean_and_vote_at_k", repeats::mean_and_vote_at_k("acc", &attempts)),
        ("mean_and_pass_hat_k", repeats::mean_and_pass_hat_k("acc", &attempts)),
    ] {
        let theirs = &case["expected"][name];
        agreement.judged(id, same(&ours, theirs), || format!("{name}: ours {ours:?}, theirs {theirs}"));
    }
    let ours = repeats::bayes_at_n("acc", &attempts, case["repeats"].as_u64().unwrap() as usize);
    let theirs = &case["expected"]["bayes_at_n"];
    let equal = match &ours {
        Ok(ours) => same(ours, theirs),
        Err(_) => theirs == "error",
    };
    agreement.judged(id, equal, || format!("bayes: ours {ours:?}, theirs {theirs}"));
}

#[test]
fn pass_at_k_agrees() {
    let mut agreement = Agreement::new("pass_at_k", "");
    for case in cases("pass_at_k") {
        let id = case["id"].as_str().unwrap();
        let expected = &case["expected"];
        match case["kind"].as_str().unwrap() {
            "estimator" => {
                let [n, c, k] = ["n", "c", "k"].map(|name| case[name].as_u64().unwrap());
                agreement.near(
                    id,
                    repeats::pass_at_k(n, c, k),
                    expected["pass_at_k_exact"].as_f64().unwrap(),
                    TOLERANCE,
                );
                agreement.near(id, repeats::pass_at_k(n, c, k), expected["pass_at_k"].as_f64().unwrap(), TOLERANCE);
                agreement.near(id, repeats::pass_hat_k(n, c, k), expected["pass_hat_k"].as_f64().unwrap(), TOLERANCE);
            }
            "groups" => groups_agree(&mut agreement, id, &case),
            _ => {
                let rows = case["rows"].as_array().unwrap();
                let values: Vec<f64> = rows.iter().map(|row| row["value"].as_f64().unwrap()).collect();
                let weight = |row: &Value| row["weight"].as_u64();
                let weighted: Vec<Weighted> = rows
                    .iter()
                    .zip(&values)
                    .map(|(row, score)| Weighted { score: *score, weight: weight(row) })
                    .collect();
                for (name, ours) in [
                    ("mean", means::plain("acc", &values)),
                    ("clipped_mean", means::clipped("acc", &values)),
                    ("weighted_mean", means::weighted("acc", &weighted)),
                ] {
                    let ours: Vec<Aggregate> = ours.into_iter().collect();
                    let equal = same(&ours, &expected[name]);
                    agreement.judged(id, equal, || format!("{name}: ours {ours:?}, theirs {}", expected[name]));
                }
            }
        }
    }
    agreement.check(1.0);
}

#[test]
fn a_table_of_two_labels() {
    let verdict = |truth, given| Verdict { truth, given };
    let verdicts = [
        verdict("YES", Some("YES")),
        verdict("YES", None),
        verdict("NO", Some("YES")),
        verdict("NO", Some("NO")),
        verdict("NO", None),
    ];
    let figures: BTreeMap<String, f64> =
        confusion::binary("YES", &verdicts).into_iter().map(|figure| (figure.metric, figure.score)).collect();
    assert_eq!(figures["accuracy"], 0.4);
    assert!(confusion::binary("YES", &verdicts).iter().all(|figure| figure.aggregation == IDENTITY));
    assert_eq!((figures["precision"], figures["recall"], figures["f1"]), (0.5, 0.5, 0.5));
    assert_eq!(figures["yes_ratio"], 0.4);
    assert!(confusion::binary("YES", &[]).is_empty());
    let several = confusion::several(&["YES", "NO", "MAYBE"], &["YES", "MAYBE"], &verdicts);
    let names: Vec<&str> = several.iter().map(|figure| figure.metric.as_str()).collect();
    assert_eq!(names, ["accuracy", "precision", "recall", "f1", "yes_ratio", "maybe_ratio"]);
    assert!((several[2].score - (0.5 + 1.0 / 3.0) / 3.0).abs() < 1e-15);
}

#[test]
fn groups_count_as_one() {
    let question =
        |figure, question, right| Question { category: "VS", subcategory: "map", set: "1", figure, question, right };
    let questions =
        [question("0", "a", true), question("1", "a", true), question("1", "b", false), question("2", "b", true)];
    let figures = groups::hallusion(&questions);
    let overall: Vec<(f64, u64)> =
        figures.iter().rev().take(3).rev().map(|figure| (figure.score, figure.num)).collect();
    assert_eq!(overall, [(0.75, 4), (0.5, 2), (0.5, 2)]);
    assert_eq!(figures.len(), 9);
    let scores: Vec<f64> =
        groups::process_bench(&[(true, 1.0), (false, 0.5)]).into_iter().map(|figure| figure.score).collect();
    assert_eq!(scores, [1.0, 0.5, 2.0 / 3.0]);
    assert_eq!(groups::by_difficulty(&BTreeMap::from([("low", 1.0), ("top", 0.5)])), Some(5.0 / 15.0));
    assert_eq!(groups::by_difficulty(&BTreeMap::new()), None);
}

#[test]
fn decisions_by_hand() {
    let decisions = [
        Decision { probabilities: &[0.7, 0.2, 0.1], right: 0 },
        Decision { probabilities: &[0.1, 0.3, 0.6], right: 1 },
    ];
    let near =
        |ours: Option<f64>, expected: f64| assert!((ours.unwrap() - expected).abs() < 1e-12, "{ours:?} {expected}");
    near(decisions::accuracy(&decisions), 0.5);
    near(decisions::nll(&decisions), -(0.7f64.ln() + 0.3f64.ln()) / 2.0);
    near(decisions::brier(&decisions), (0.09 + 0.04 + 0.01 + 0.01 + 0.49 + 0.36) / 2.0);
    near(decisions::ece(&decisions), (0.3 + 0.6) / 2.0);
    near(decisions::rps(&decisions), ((0.09 + 0.01) / 2.0 + (0.01 + 0.36) / 2.0) / 2.0);
    near(decisions::aurc(&decisions), 0.25);
    near(decisions::selective_accuracy(&decisions, 0.5), 1.0);
    near(decisions::mean_absolute_error(&[(decisions::expected(&[0.5, 0.5], &[0.0, 5.0]), 2.0)]), 0.5);
    assert_eq!(decisions::aurc(&[]), None);
}

#[test]
fn a_mixture_has_levels() {
    let row = |dataset: &str, subset: &str, weight, score| Row {
        task: "qa".into(),
        dataset: dataset.into(),
        subset: subset.into(),
        tags: vec!["en".into(), dataset.into()],
        categories: vec!["top".into(), dataset.into()],
        weight,
        score,
    };
    let levels = Levels::of(&[row("a", "x", 1.0, 1.0), row("a", "x", 1.0, 0.0), row("b", "y", 2.0, 1.0)]);
    let task = &levels.tasks[0];
    assert_eq!((task.micro, task.macro_mean, task.weighted, task.count), (2.0 / 3.0, 0.75, 0.75, 3));
    assert_eq!((levels.subsets.len(), levels.datasets.len(), levels.tags.len(), levels.categories.len()), (2, 2, 3, 2));
}

#[test]
fn levels_are_written_as_evalscope_writes_them() {
    let row = |subset: &str, path: &[&str], tags: &[&str], weight, score| Row {
        task: "qa".into(),
        dataset: "a".into(),
        subset: subset.into(),
        tags: tags.iter().map(|&tag| tag.to_owned()).collect(),
        categories: path.iter().map(|&name| name.to_owned()).collect(),
        weight,
        score,
    };
    let rows = [
        row("x", &["all", "in"], &["en", "b"], 0.0, 1.0 / 3.0),
        row("y", &["all"], &["en"], 0.0, 0.5),
        row("y", &["all"], &[], 0.0, 1.0),
    ];
    let level = |score, macro_mean, weighted, count: usize| json!({"micro_avg.": score, "macro_avg.": macro_mean, "weighted_avg.": weighted, "count": count});
    let with = |names: Value, figures: Value| {
        let mut line = names.as_object().unwrap().clone();
        line.extend(figures.as_object().unwrap().clone());
        Value::Object(line)
    };
    // Without weights the weighted mean is the plain one; lines with more samples come first; shallow paths are filled up.
    let expected = json!({
        "subset_level": [
            {"task_type": "qa", "dataset_name": "a", "subset_name": "y", "micro_avg.": 0.75, "count": 2},
            {"task_type": "qa", "dataset_name": "a", "subset_name": "x", "micro_avg.": 0.3333, "count": 1},
        ],
        "dataset_level": [with(json!({"task_type": "qa", "dataset_name": "a"}), level(0.6111, 0.5417, 0.6111, 3))],
        "task_level": [with(json!({"task_type": "qa"}), level(0.6111, 0.5417, 0.6111, 3))],
        "tag_level": [with(json!({"tags": "en"}), level(0.4167, 0.4167, 0.4167, 2)), with(json!({"tags": "b"}), level(0.3333, 0.3333, 0.3333, 1))],
        "category_level": [
            with(json!({"category0": "all", "category1": ""}), level(0.75, 0.75, 0.75, 2)),
            with(json!({"category0": "all", "category1": "in"}), level(0.3333, 0.3333, 0.3333, 1)),
        ],
    });
    assert_eq!(Levels::of(&rows).json(), expected);
    let none = Levels::of(&[]).json();
    assert_eq!(
        none,
        json!({"subset_level": [], "dataset_level": [], "task_level": [], "tag_level": [], "category_level": []})
    );
    let bare = Levels::of(&[row("x", &[], &[], 1.0, 0.00005)]).json();
    assert_eq!((&bare["category_level"], &bare["task_level"][0]["micro_avg."]), (&json!([]), &json!(0.0001)));
}

#[test]
fn parts_by_samples_and_by_parts() {
    let parts = [Part { score: 1.0, num: 1 }, Part { score: 0.0, num: 3 }];
    assert_eq!((parts::micro(&parts), parts::macro_(&parts)), (Some(0.25), Some(0.5)));
    assert_eq!(parts::micro(&[]), None);
}

proptest! {
    #[test]
    fn chances_are_ordered(n in 1u64..60, c in 0u64..60, k in 1u64..60) {
        let c = c.min(n);
        let k = k.min(n);
        let (any, all) = (repeats::pass_at_k(n, c, k), repeats::pass_hat_k(n, c, k));
        let rate = c as f64 / n as f64;
        prop_assert!((0.0..=1.0).contains(&any) && (0.0..=1.0).contains(&all));
        prop_assert!(any >= rate - 1e-12 && all <= rate + 1e-12);
        // All of k right is none of k wrong.
        prop_assert!((all - (1.0 - repeats::pass_at_k(n, n - c, k))).abs() < 1e-12);
    }
}
