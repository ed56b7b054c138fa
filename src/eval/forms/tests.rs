//! What EvalScope 1.14.1 makes of the same replies.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests say what they need and stop there")]

use serde_json::{Value, json};

use super::*;
use crate::eval::agreement::{Agreement, cases};

fn of_kind(kind: &str) -> Vec<Value> {
    let of: Vec<Value> = cases("forms").into_iter().filter(|case| case["kind"] == kind).collect();
    assert!(!of.is_empty(), "{kind}: no case");
    of
}

fn text<'a>(case: &'a Value, field: &str) -> &'a str {
    case[field].as_str().unwrap_or_else(|| panic!("{field}: {case}"))
}

fn id(case: &Value) -> &str {
    text(case, "id")
}

#[test]
fn zebra_logic_tables() {
    let mut agreement = Agreement::new("forms", "zebra_logic");
    for case in of_kind("zebra_logic") {
        let answer = zebra_logic::extract(text(&case, "reply"));
        let verdict = zebra_logic::score(answer.as_ref(), &case["solution"]).unwrap();
        let group = |number: &str| case["expected"][number] == 1;
        let size = match (group("Small Puzzle Num"), group("Medium Puzzle Num"), group("Large Puzzle Num")) {
            (true, _, _) => Some(zebra_logic::Size::Small),
            (_, true, _) => Some(zebra_logic::Size::Medium),
            (_, _, true) => Some(zebra_logic::Size::Large),
            _ if group("XL Puzzle Num") => Some(zebra_logic::Size::Xl),
            _ => None,
        };
        let ours = json!([
            verdict.solved as u8,
            verdict.right_cells,
            verdict.cells,
            !verdict.answered as u8,
            verdict.reasoning
        ]);
        let theirs = ["Solved Puzzle", "Solved Cell", "Cell Num", "No answer", "Reason Lens"]
            .map(|name| &case["expected"][name]);
        agreement.row(id(&case), &(ours, verdict.size), &(json!(theirs), size));
        let easy = verdict.difficulty == Some(zebra_logic::Difficulty::Easy);
        assert_eq!(easy, group("Easy Puzzle Num"), "{case}");
    }
    agreement.check(0.95);
}

#[test]
fn ratings_of_eq_bench() {
    let mut agreement = Agreement::new("forms", "eq_bench");
    for case in of_kind("eq_bench") {
        let ours = eq_bench::score(text(&case, "reply"), &case["reference"]).ok();
        match (ours, case["expected"].as_f64()) {
            (Some(ours), Some(theirs)) => agreement.near(id(&case), ours, theirs, 1e-12),
            (ours, theirs) => agreement.row(id(&case), &ours, &theirs),
        }
    }
    agreement.check(1.0);
}

#[test]
fn boxes_of_process_bench() {
    let mut agreement = Agreement::new("forms", "process_bench");
    for case in of_kind("process_bench") {
        agreement.row(id(&case), &process_bench::extract(text(&case, "reply")), &case["expected"].as_i64());
    }
    agreement.check(1.0);
}

#[test]
fn grids_of_arc_agi() {
    let mut agreement = Agreement::new("forms", "arc_agi");
    for case in of_kind("arc_agi") {
        let ours = arc_agi::extract(text(&case, "reply"), arc_agi::Options::default());
        let theirs = Some(&case["expected"]).filter(|grid| **grid != json!([]));
        agreement.row(id(&case), &ours.as_ref(), &theirs);
    }
    agreement.check(0.95);
}
