//! What EvalScope 1.14.1 makes of the same replies, and what is promised of any.
#![expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::eval::agreement::{Agreement, cases};

fn of_kind(kind: &'static str) -> impl Iterator<Item = Value> {
    cases("forms").into_iter().filter(move |case| case["kind"] == kind)
}

fn reply(case: &Value) -> &str {
    case["reply"].as_str().unwrap()
}

fn read<T: serde::de::DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}

fn close(agreement: &mut Agreement, case: &Value, ours: &[f64], theirs: &[f64]) {
    let equal = ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(one, other)| (one - other).abs() < 1e-9);
    agreement.judged(case["id"].as_str().unwrap(), equal, || format!("ours {ours:?}, theirs {theirs:?}"));
}

#[test]
fn boxes_of_refcoco() {
    let mut agreement = Agreement::new("forms", "refcoco");
    for case in of_kind("refcoco") {
        let (size, corner): (Size, [f64; 4]) = (read(&case["size"]), read(&case["bbox"]));
        let answer = refcoco::extract(reply(&case), size);
        let verdict = refcoco::score(answer, Region::of_corner(corner, size));
        let ours: Vec<f64> = [verdict.iou].into_iter().chain(verdict.reached).chain([verdict.center]).collect();
        close(&mut agreement, &case, &ours, &read::<Vec<f64>>(&case["expected"]));
    }
    agreement.check(0.95);
}

#[test]
fn boxes_of_ref_adv() {
    let mut agreement = Agreement::new("forms", "ref_adv");
    for case in of_kind("ref_adv") {
        let (size, truth): (Size, [f64; 4]) = (read(&case["size"]), read(&case["solution"]));
        let options: ref_adv::Options = read(&json!({"pred_box_format": case["format"]}));
        let boxes = ref_adv::boxes(reply(&case), size, options);
        let truth = Region::read(truth, size, Coordinates::Pixels);
        let verdict = ref_adv::score(ref_adv::extract(reply(&case), size, options), truth);
        let ours: Vec<f64> = boxes.iter().flat_map(|region| region.0).chain([verdict.iou]).collect();
        close(&mut agreement, &case, &ours, &read::<Vec<f64>>(&case["expected"]));
    }
    agreement.check(0.95);
    assert_eq!(
        [0, 1, 2, 3, 4, 6, 7, 70].map(ref_adv::group)[2..7],
        [Some("2-3"), Some("2-3"), Some("4-6"), Some("4-6"), Some(">=7")]
    );
}

#[test]
fn points_of_screenspot() {
    let mut agreement = Agreement::new("forms", "screenspot");
    for case in of_kind("screenspot") {
        let size: Size = read(&case["size"]);
        let ours = screenspot::extract(reply(&case), size).map_or(Vec::new(), |(x, y)| vec![x, y]);
        close(&mut agreement, &case, &ours, &read::<Vec<f64>>(&case["expected"]));
    }
    agreement.check(1.0);
    let truth = Region::of_pixels([100.0, 100.0, 200.0, 200.0], (1000.0, 1000.0));
    assert_eq!(
        [Some((0.1, 0.2)), Some((0.3, 0.15)), None].map(|point| screenspot::score(point, truth)),
        [1.0, 0.0, 0.0]
    );
    assert_eq!((screenspot::metric("icon"), screenspot::metric("")), (Some("icon_acc"), None));
}

fn region() -> impl Strategy<Value = Region> {
    [0.0..1.0_f64, 0.0..1.0_f64, 0.0..1.0_f64, 0.0..1.0_f64]
        .prop_map(|numbers| Region::read(numbers, (1.0, 1.0), Coordinates::Parts))
}

proptest! {
    #[test]
    fn overlap_is_symmetric_and_a_share(one in region(), other in region()) {
        prop_assert!((one.overlap(other) - other.overlap(one)).abs() < 1e-12);
        prop_assert!((0.0..=1.0 + 1e-12).contains(&one.overlap(other)));
        prop_assert!(one.area() == 0.0 || (one.overlap(one) - 1.0).abs() < 1e-9);
        prop_assert!(one.holds(one.center()));
    }

    #[test]
    fn no_text_is_refused(text in "(answer:|<bbox>|</bbox>|```|[\\[\\](){}0-9.,%xy= \"-]){0,40}") {
        let size = (640.0, 480.0);
        let _ = refcoco::score(refcoco::extract(&text, size), Region([0.1, 0.1, 0.5, 0.5]));
        let _ = ref_adv::extract(&text, size, ref_adv::Options::default());
        let _ = screenspot::extract(&text, size);
    }
}
