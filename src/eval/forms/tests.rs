//! What EvalScope 1.14.1 makes of the same replies.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests say what they need and stop there")]

use proptest::prelude::*;
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

#[test]
fn roles_of_perspective_gap() {
    let mut agreement = Agreement::new("forms", "perspective_gap");
    for case in of_kind("perspective_gap") {
        let needs: perspective_gap::Needs = serde_json::from_value(case["needs"].clone()).unwrap();
        let (reply, distractor) = (text(&case, "reply"), case["distractor"].as_str());
        let ours = if case["task"] == "role_assignment" {
            perspective_gap::role_assignment(reply, &needs, distractor)
        } else {
            let fragments: Vec<perspective_gap::Fragment> = serde_json::from_value(case["fragments"].clone()).unwrap();
            let options = perspective_gap::Options::default();
            perspective_gap::prompt_writing(reply, &fragments, &needs, distractor, &perspective_gap::words, options)
        };
        agreement.row(id(&case), &json!(ours), &case["expected"]);
    }
    agreement.check(1.0);
}

#[test]
fn answers_of_tir_bench() {
    let mut extracted = Agreement::new("forms", "tir_bench.extracted");
    let mut scored = Agreement::new("forms", "tir_bench.score");
    for case in of_kind("tir_bench") {
        let difficulty = case["difficulty"].as_u64().unwrap() as usize;
        let task = tir_bench::Task { name: text(&case, "task"), difficulty, prompt: text(&case, "prompt") };
        let (reply, truth) = (text(&case, "reply"), text(&case, "truth"));
        let answer = tir_bench::extract(reply, truth, task);
        extracted.row(id(&case), &answer.as_str(), &text(&case, "extracted"));
        // Numbers are compared elsewhere; here a reply has to be the number.
        let equal = |reply: &str, truth: &str| Some(reply == truth);
        let ours = tir_bench::score(&answer, reply, truth, task, &equal).unwrap();
        scored.near(id(&case), ours, case["expected"].as_f64().unwrap(), 1e-12);
    }
    extracted.check(1.0);
    scored.check(0.95);
}

#[test]
fn answers_of_visfactor() {
    let mut agreement = Agreement::new("forms", "visfactor");
    for case in of_kind("visfactor") {
        let category = text(&case, "category");
        let answer = visfactor::extract(category, text(&case, "reply"), text(&case, "additional"));
        let ours = json!([answer, visfactor::score(category, &answer, text(&case, "truth"))]);
        agreement.row(id(&case), &ours, &case["expected"]);
    }
    agreement.check(1.0);
    let rows = [("CF1", 1, 1.0), ("CF1", 1, 0.0), ("CF1", 2, 1.0), ("I3", 1, 1.0)];
    let accuracies = visfactor::accuracies(rows);
    assert_eq!(accuracies.into_iter().collect::<Vec<_>>(), [("CF1", (0.5, 2)), ("I3", (1.0, 1))]);
    assert_eq!(visfactor::question("a<br><ADDITIONAL_1> <ADDITIONAL_7>", "x;y<br>z"), "a\ny\nz <ADDITIONAL_7>");
}

proptest! {
    #[test]
    fn no_reply_is_refused(reply in "(answer|ANSWER:|\\{|\\}|\"|# role|```|[A-Za-z0-9 :.,()\\[\\]\n]){0,40}") {
        let needs: perspective_gap::Needs = [("role".to_owned(), ["a".to_owned()].into())].into();
        let fragments = [perspective_gap::Fragment { id: "a".to_owned(), text: "one two three".to_owned() }];
        let options = perspective_gap::Options::default();
        let verdicts = [
            perspective_gap::role_assignment(&reply, &needs, None),
            perspective_gap::prompt_writing(&reply, &fragments, &needs, None, &perspective_gap::words, options),
        ];
        prop_assert!(verdicts.iter().all(|verdict| (0.0..=1.0).contains(&verdict.required_coverage)));
        for truth in ["A", "12", "1.5", "[1, 2]", ""] {
            for name in ["ocr", "jigsaw", "word_search", "spot_difference", "maze"] {
                let task = tir_bench::Task { name, difficulty: 2, prompt: "A. x" };
                let answer = tir_bench::extract(&reply, truth, task);
                let score = tir_bench::score(&answer, &reply, truth, task, &|_, _| None);
                prop_assert!(score.is_none_or(|score| (0.0..=1.0).contains(&score)));
            }
        }
        for category in ["CF1", "CF3", "I3", "VZ3", "CS1", "none"] {
            let answer = visfactor::extract(category, &reply, "1");
            let _ = visfactor::score(category, &answer, "T");
        }
    }
}

#[test]
fn long_replies_end() {
    let grid: Vec<Vec<String>> = vec![vec!["S".to_owned(), "+".to_owned(), "E".to_owned()]];
    let puzzle = sparc::Puzzle { puzzle_array: grid, polyshapes: None, solutions: Vec::new() };
    let needs: perspective_gap::Needs = [("role".to_owned(), ["a".to_owned()].into())].into();
    let fragments = [perspective_gap::Fragment { id: "a".to_owned(), text: "one two three".to_owned() }];
    let pieces = [
        "{",
        "[[",
        "[1],",
        "```",
        "\n",
        "Program: add(1, 2), ",
        "(1,2)",
        "\\boxed{",
        "<answer>",
        "x: 1 ",
        "# role\n",
        "{\"answer\": ",
        "Answer: ",
        "\"",
    ];
    for piece in pieces {
        let reply = piece.repeat(30_000 / piece.len());
        let _ = zebra_logic::extract(&reply);
        let _ = eq_bench::ratings(&reply);
        let _ = process_bench::extract(&reply);
        let _ = arc_agi::extract(&reply, arc_agi::Options { pick: arc_agi::Pick::Last });
        let program = finqa::extract(&reply);
        let _ = finqa::score(program.as_deref(), "add(1, 2)", &json!(3), &[]);
        let _ = sparc::score(&reply, &puzzle);
        let _ = surds::point(&surds::extract(&reply), surds::PICTURE);
        let options = perspective_gap::Options::default();
        let _ = perspective_gap::role_assignment(&reply, &needs, None);
        let _ = perspective_gap::prompt_writing(&reply, &fragments, &needs, None, &perspective_gap::words, options);
        for (name, truth) in [("maze", "A"), ("jigsaw", "1 2 3 4"), ("word_search", "1, 2"), ("spot_difference", "[1]")]
        {
            let task = tir_bench::Task { name, difficulty: 2, prompt: "" };
            let answer = tir_bench::extract(&reply, truth, task);
            let _ = tir_bench::score(&answer, &reply, truth, task, &|_, _| None);
        }
        let _ = visfactor::extract("CF3", &reply, "");
        let size = (640.0, 480.0);
        let _ = crate::eval::grounding::refcoco::extract(&reply, size);
        let _ = crate::eval::grounding::ref_adv::extract(&reply, size, Default::default());
        let _ = crate::eval::grounding::screenspot::extract(&reply, size);
    }
}
