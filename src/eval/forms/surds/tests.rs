//! What EvalScope 1.14.1 makes of the same records and replies.
#![expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::eval::agreement::{Agreement, cases};

fn of_kind(kind: &'static str) -> impl Iterator<Item = Value> {
    cases("forms").into_iter().filter(move |case| case["kind"] == kind)
}

#[test]
fn the_questions_are_drawn_alike() {
    let mut agreement = Agreement::new("forms", "surds_questions");
    for case in of_kind("surds_questions") {
        let records: Vec<Record> = serde_json::from_value(case["records"].clone()).unwrap();
        let units = questions(&records).unwrap();
        for subject in
            [Subject::Yaw, Subject::Xy2d, Subject::Depth, Subject::Distance, Subject::LeftRight, Subject::FrontBehind]
        {
            let of: Vec<Value> = units
                .iter()
                .filter(|unit| unit.subject == subject)
                .map(|unit| {
                    let answers: Vec<&str> = unit.variants.iter().map(|variant| variant.answer.as_str()).collect();
                    assert_eq!(answers.len(), if subject.is_paired() { 2 } else { 1 });
                    let prompts = unit.variants.iter().map(|variant| prompt(unit, variant));
                    assert!(
                        prompts
                            .into_iter()
                            .all(|prompt| unit.things.iter().all(|thing| prompt.contains(thing.as_str())))
                    );
                    json!([unit.pair_id, unit.file_name, unit.options, answers, unit.bbox])
                })
                .collect();
            agreement.row(case["id"].as_str().unwrap(), &json!(of), &case["expected"][subject.name()]);
        }
    }
    agreement.check(1.0);
    assert_eq!(questions(&[]), Some(Vec::new()));
}

#[test]
fn answers_are_scored_alike() {
    let mut words = Agreement::new("forms", "surds_words");
    for case in of_kind("surds_words") {
        let options: Vec<String> = serde_json::from_value(case["options"].clone()).unwrap();
        let answer = extract(case["reply"].as_str().unwrap());
        let ours = json!([answer, same(&answer, case["truth"].as_str().unwrap(), &options)]);
        words.row(case["id"].as_str().unwrap(), &ours, &case["expected"]);
    }
    words.check(1.0);
    let mut points = Agreement::new("forms", "surds_point");
    for case in of_kind("surds_point") {
        let bbox: [f64; 4] = serde_json::from_value(case["bbox"].clone()).unwrap();
        let answer = extract(case["reply"].as_str().unwrap());
        let ours = point(&answer, PICTURE).map_or(0.0, |point| centered(point, bbox));
        points.near(case["id"].as_str().unwrap(), ours, case["expected"].as_f64().unwrap(), 1e-12);
    }
    points.check(1.0);
}

#[test]
fn a_pair_counts_once_and_whole() {
    let scores =
        [("a", 0, 1.0), ("a", 0, 1.0), ("b", 0, 1.0), ("b", 0, 0.0), ("c", 0, 1.0), ("a", 1, 0.0), ("a", 1, 0.0)];
    assert_eq!(pairs(scores), Some((0.25, 4)));
    assert_eq!(pairs([]), None);
}

proptest! {
    #[test]
    fn no_reply_is_refused(reply in "(<answer>|</answer>|[-\\[\\], .0-9a-z]){0,40}") {
        let answer = extract(&reply);
        let _ = same(&answer, "North", &["North".to_owned(), String::new()]);
        for text in [&reply, &answer] {
            let score = point(text, PICTURE).map_or(0.0, |point| centered(point, [10.0, 10.0, 400.0, 400.0]));
            prop_assert!((0.0..=1.0).contains(&score));
        }
    }
}
