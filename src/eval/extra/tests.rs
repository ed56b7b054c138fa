//! Rows by hand, and how they get into a report.
#![expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::super::figures::figures;
use super::super::method::Marks;
use super::*;

fn sample(subset: &str, index: usize, meta: Value, marks: Option<Marks>) -> Scored {
    Scored {
        subset: subset.to_owned(),
        index,
        group: index,
        repeat: 0,
        meta: meta.as_object().cloned().unwrap_or_default(),
        marks,
    }
}

fn shown(name: &str, samples: &[Scored]) -> Vec<(String, f64, u64)> {
    let label = |row: &ExtraRow| {
        let dimensions: Map<String, Value> = row.metric.dimensions.clone();
        let dimensions = if dimensions.is_empty() { String::new() } else { Value::Object(dimensions).to_string() };
        format!("{}/{}{dimensions}", row.subset.as_deref().unwrap_or(OVERALL), row.metric.metric)
    };
    rows(name, samples).iter().map(|row| (label(row), (row.metric.score * 1e9).round() / 1e9, row.metric.num)).collect()
}

fn entity(subset: &str, there: &[&str], found: &[&str]) -> Scored {
    let marks = Marks::of([("f1", 0.5)]).noting("y_true", json!(there)).noting("y_pred", json!(found));
    sample(subset, 0, json!({}), Some(marks))
}

#[test]
fn entities_of_a_subset_count_together() {
    let samples = [
        entity("a", &["B-X", "O", "B-Y"], &["B-X", "O", "O"]),
        entity("a", &["O", "B-X"], &["B-X", "B-X"]),
        sample("a", 2, json!({}), None),
    ];
    let found = shown("tags", &samples);
    let two_thirds = 0.666_666_667;
    assert_eq!(found[0], ("a/precision".to_owned(), two_thirds, 2));
    assert_eq!((found[1].1, found[2].1, found[3].1), (two_thirds, two_thirds, 0.6));
}

fn right(subset: &str, index: usize, meta: Value, value: f64) -> Scored {
    sample(subset, index, meta, Some(Marks::one("accuracy", value)))
}

#[test]
fn rows_of_subsets_come_behind_and_count_in_no_sum() {
    let samples: Vec<Scored> =
        [("simple", 1.0), ("multiple", 0.0), ("parallel", 1.0), ("irrelevance", 1.0), ("live_simple", 0.0)]
            .iter()
            .enumerate()
            .map(|(index, (subset, value))| right(subset, index, json!({}), *value))
            .collect();
    let of = |name: &str| {
        let own: Vec<&Scored> = samples.iter().filter(|sample| sample.subset == name).collect();
        let figures = figures("mean", &["accuracy".to_owned()], &own);
        SubsetFigures { name: name.to_owned(), figures, is_aggregate: false, category: None }
    };
    let mut subsets: Vec<SubsetFigures> =
        ["simple", "multiple", "parallel", "irrelevance", "live_simple"].map(of).to_vec();
    add("bfcl-v3", &samples, &mut subsets);
    let names: Vec<(&str, bool)> = subsets.iter().map(|subset| (subset.name.as_str(), subset.is_aggregate)).collect();
    assert_eq!(names[5..], [("NON_LIVE", true), ("LIVE", true), ("OVERALL", true)]);
    // The mean of (1, 0, 1) and of irrelevance, which is 1.
    assert!((subsets[5].figures[0].aggregate.score - (2.0 / 3.0 + 1.0) / 2.0).abs() < 1e-12);
    assert!(subsets[0].figures[0].certainty.is_some());
}

#[test]
fn rows_of_a_subset_take_the_place_of_plain_ones_and_keep_what_is_known_of_them() {
    let samples = [
        right("t", 0, json!({"task": "sound"}), 1.0),
        right("t", 1, json!({"task": "music"}), 0.0),
        right("t", 2, json!({"task": "sound"}), 0.0),
    ];
    let plain = figures("mean", &["accuracy".to_owned()], &samples.iter().collect::<Vec<_>>());
    let mut subsets = vec![SubsetFigures { name: "t".to_owned(), figures: plain, is_aggregate: false, category: None }];
    add("mmau", &samples, &mut subsets);
    assert_eq!(subsets.len(), 1);
    let figures = &subsets[0].figures;
    assert_eq!((figures.len(), figures[0].aggregate.dimensions["scope"].as_str()), (3, Some("overall")));
    assert!(figures.iter().all(|figure| figure.aggregate.aggregation == "identity"));
    assert!(figures[0].certainty.is_some() && figures[1].certainty.is_none());
    assert_eq!((figures[2].aggregate.score, figures[2].aggregate.num), (0.5, 2));
}

#[test]
fn languages_are_weighted_by_difficulty() {
    let of = |index, level: &str, language: &str, value| {
        right(&format!("{language}-{level}"), index, json!({"level": level, "language": language}), value)
    };
    let samples = [of(0, "low", "en", 1.0), of(1, "top", "en", 0.5), of(2, "low", "zh", 1.0)];
    let found = shown("poly_math", &samples);
    let values: Vec<(f64, u64)> = found.iter().map(|(_, score, num)| (*score, *num)).collect();
    assert_eq!(values, [(0.333_333_333, 2), (0.066_666_667, 1), (0.2, 3)]);
    assert!(found[2].0.starts_with("OVERALL/accuracy"));
}

#[test]
fn what_failed_is_wrong_in_safety_bench() {
    let samples =
        [right("en", 0, json!({"category": "Ethics"}), 1.0), sample("en", 1, json!({"category": "Ethics"}), None)];
    let found = shown("safety_bench", &samples);
    assert_eq!((found.len(), found[0].1, found[1].1, found[1].2), (2, 0.5, 0.5, 2));
}

#[test]
fn tasks_are_averaged() {
    let of = |index, task: &str, value| right("default", index, json!({"task_id": task}), value);
    let found = shown("arc-agi-2", &[of(0, "a", 1.0), of(1, "a", 0.0), of(2, "b", 1.0)]);
    assert_eq!(found[0], ("default/accuracy".to_owned(), 0.75, 2));
}

#[test]
fn pairs_and_items_are_right_as_a_whole() {
    let pair = |index, pair: &str, value: f64| {
        sample("yaw", index, json!({"paired": true, "pair_id": pair}), Some(Marks::one("normalized_score", value)))
    };
    assert_eq!(shown("surds", &[pair(0, "a", 1.0), pair(1, "a", 1.0), pair(2, "b", 1.0), pair(3, "b", 0.0)])[0].1, 0.5);
    let item = |index, test: &str, item: u64, value| {
        right("default", index, json!({"category_id": test, "category_name": "n", "eval_index": item}), value)
    };
    let found =
        shown("visfactor", &[item(0, "A", 0, 1.0), item(1, "A", 0, 0.0), item(2, "A", 1, 1.0), item(3, "B", 0, 1.0)]);
    assert_eq!((found[0].1, found[1].1, found[2].1), (0.75, 0.5, 1.0));
}

fn decision(index: usize, kind: &str, labels: &[&str], probabilities: &[f64], gold: &str, tier: &str) -> Scored {
    let best =
        probabilities.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map_or("", |(place, _)| labels[place]);
    let expected: f64 = probabilities.iter().enumerate().map(|(level, p)| level as f64 * p).sum();
    let correct = f64::from(best == gold);
    let observation = json!({
        "kind": kind, "labels": labels, "probabilities": probabilities, "gold": gold, "predicted": best, "correct": correct,
        "expected": if kind == "score" { json!(expected) } else { Value::Null }, "confidence": null, "continuous": false,
        "family": "f", "fixed_classes": true,
    });
    let mut values = vec![("accuracy", correct)];
    if kind == "score" {
        values.push(("nrps", 0.0));
    }
    let meta =
        json!({"decision_labels": labels, "decision_gold": gold, "decision_kind": kind, "tier": tier, "family": "f"});
    sample("default", index, meta, Some(Marks::of(values).noting("decision", observation)))
}

#[test]
fn probabilities_are_judged_by_kind() {
    let of = |index, p: f64, gold: &str| decision(index, "noul", &["no", "yes"], &[1.0 - p, p], gold, "easy");
    let samples = [of(0, 0.9, "yes"), of(1, 0.6, "no"), of(2, 0.2, "no")];
    let found = shown("decision", &samples);
    let value = |name: &str| found.iter().find(|(label, ..)| label.contains(name)).map(|(_, score, _)| *score).unwrap();
    assert_eq!(value("/accuracy"), 0.666_666_667);
    // |0.9 - 1| + |0.6 - 0| + |0.2 - 0| over three.
    assert_eq!(value("/ece"), 0.3);
    assert_eq!((value("/precision"), value("/recall"), value("/auroc"), value("/auprc")), (0.5, 1.0, 1.0, 1.0));
    // The surest two are right, the third is not.
    assert_eq!(value("/aurc"), 0.111_111_111);
    assert!(!found.iter().any(|(label, ..)| label.contains("/public_accuracy")), "{found:?}");
    // JevBench has figures of its own beside them.
    let failed = sample("default", 3, samples[0].meta.clone().into(), None);
    let official = shown("jevbench", &samples.into_iter().chain([failed]).collect::<Vec<_>>());
    let of =
        |name: &str| official.iter().filter(|(label, ..)| label.contains(name)).map(|row| row.1).collect::<Vec<_>>();
    assert_eq!((of("/public_accuracy"), of("/family_macro")), (vec![0.5], vec![0.5]));
}

#[test]
fn capability_is_above_chance_and_honest() {
    let sure = |index, gold: &str| {
        decision(index, "noul", &["no", "yes"], if gold == "yes" { &[0.0, 1.0] } else { &[1.0, 0.0] }, gold, "hard")
    };
    let value = |samples: &[Scored], name: &str| {
        shown("open-decisions", samples)
            .into_iter()
            .find(|(label, ..)| label.ends_with(name))
            .map(|(_, score, _)| score)
    };
    let mut samples = vec![sure(0, "yes"), sure(1, "no")];
    assert_eq!(
        (value(&samples, "/intelligence"), value(&samples, "/calibration"), value(&samples, "/capability")),
        (Some(1.0), Some(1.0), Some(1.0))
    );
    // One that failed is wrong: three of four right is half of what is above chance.
    samples.extend([sure(2, "no"), sample("default", 3, samples[0].meta.clone().into(), None)]);
    assert_eq!(value(&samples, "/intelligence"), Some(0.5));
    assert_eq!(value(&[], "/intelligence"), None);
}

#[test]
fn endpoints_are_judged_by_rates() {
    let kimi = |index, reject: bool, marks| sample("kimi", index, json!({"expected_reject": reject}), marks);
    let of = |metric: &str, value: f64| Some(Marks::one(metric, value));
    let found = shown(
        "kimi-verifier",
        &[
            kimi(0, true, of("param_immutable_reject_rate", 1.0)),
            kimi(1, true, of("param_immutable_reject_rate", 0.0)),
            kimi(2, false, of("param_default_accept_rate", 1.0)),
            kimi(3, true, None),
        ],
    );
    assert_eq!(found.iter().map(|(_, score, num)| (*score, *num)).collect::<Vec<_>>(), [(0.5, 2), (1.0, 1), (0.25, 4)]);
    let call = |index, called: f64, should: f64| {
        let values = [
            ("passed", 1.0),
            ("finish_reason_tool_call", called),
            ("successful_tool_call", called),
            ("should_call_tool", should),
        ];
        sample("t", index, json!({}), Some(Marks::of(values)))
    };
    let found = shown("schema", &[call(0, 1.0, 1.0), call(1, 1.0, 0.0), call(2, 0.0, 1.0)]);
    assert_eq!((found[0].1, found[1].1, found[3].1), (0.5, 2.0, 1.0));
}

#[test]
fn a_mixture_is_told_by_metric_path_and_subset() {
    let of = |index, path: &[&str], metric: &str, value: f64| {
        let info = json!({"dataset_name": "arc", "subset_name": "x", "categories": path, "task_type": "", "tags": [], "weight": 1.0});
        let marks = Marks::of([(metric, value), ("beside", 0.5)]);
        sample("default", index, json!({"collection_info": info}), Some(marks))
    };
    let mut samples = [
        of(0, &["all"], "acc", 1.0),
        of(1, &["all"], "acc", 0.0),
        of(2, &["all", "in"], "acc", 1.0),
        of(3, &["all", "in"], "f1", 0.5),
        sample("default", 4, json!({}), None),
    ];
    let (subsets, levels) = mixture::figures_of("mean", &mut samples);
    let figures = |subset: &SubsetFigures| -> Value {
        let figures = subset.figures.iter().map(|figure| &figure.aggregate);
        figures.map(|figure| json!([figure.metric, figure.score, figure.num])).collect()
    };
    let told = subsets.iter().map(|subset| json!([subset.category, subset.name, figures(subset)]));
    // A sample that failed is in no figure and in no level.
    let expected = json!([
        [null, "/", []],
        [["all"], "arc/x", [["accuracy", 0.5, 2]]],
        [["all", "in"], "arc/x", [["accuracy", 1.0, 1], ["f1", 0.5, 1]]],
    ]);
    assert_eq!(told.collect::<Value>(), expected);
    assert_eq!(levels.tasks[0].count, 4);
}

#[test]
fn every_name_is_known_and_takes_nothing() {
    let odd = [sample("s", 0, json!({}), None), sample("s", 1, json!({"task_id": 3}), Some(Marks::default()))];
    for name in NAMES {
        for row in rows(name, &odd) {
            assert!(row.metric.score.is_finite(), "{name}: {row:?}");
        }
        assert!(rows(name, &[]).is_empty(), "{name}");
    }
}

proptest! {
    #[test]
    fn calibration_errors_are_shares(pairs in prop::collection::vec((0.0..=1.0_f64, 0..=1_u8), 1..40)) {
        let pairs: Vec<(f64, f64)> = pairs.into_iter().map(|(p, y)| (p, f64::from(y))).collect();
        let error = decisions::ece(&pairs).unwrap();
        prop_assert!((0.0..=1.0).contains(&error));
        prop_assert_eq!(decisions::ece(&[]), None);
    }
}
