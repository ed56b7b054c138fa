//! Answers and verdicts of data sets, where they lie beside the project.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests say what they need and stop there")]

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Verdict, equal, judge};

fn data(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/datasets").join(name);
    path.exists().then_some(path)
}

fn text(name: &str) -> Option<String> {
    data(name).map(|path| std::fs::read_to_string(path).unwrap())
}

#[test]
fn reference_answers_equal_themselves_and_not_each_other() {
    let Some(text) = text("math500/test.jsonl") else { return };
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let answers: Vec<&str> = rows.iter().map(|row| row["answer"].as_str().unwrap()).collect();
    for answer in &answers {
        let reply = format!("First $x = 17$. Thus we get\n\n$$\\boxed{{{answer}}}$$\n\nDone in 3 steps.");
        assert_eq!(judge(answer, &reply).1, Verdict::Equal, "{answer}");
        assert_eq!(
            judge(answer, &format!("The answer is ${answer}$. I hope it is correct.")).1,
            Verdict::Equal,
            "{answer}"
        );
        assert!(super::parser::parse(&super::tidy::bare(answer)).is_some(), "{answer} is not read");
    }
    for pair in answers.windows(2) {
        if pair[0] != pair[1].trim_start_matches("x=") {
            assert_eq!(equal(pair[0], pair[1]), Verdict::Different, "{pair:?}");
        }
    }
}

#[test]
fn worked_solutions_state_their_answers() {
    let Some(text) = text("math500/test.jsonl") else { return };
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let wrong: Vec<&str> = rows
        .iter()
        .filter(|row| judge(row["answer"].as_str().unwrap(), row["solution"].as_str().unwrap()).1 != Verdict::Equal)
        .map(|row| row["unique_id"].as_str().unwrap())
        .collect();
    println!("solutions whose answer is not found: {wrong:?}");
    assert!(wrong.len() <= 2, "{wrong:?}");
}

#[test]
fn ready_verdicts_are_met() {
    let Some(text) = text("answer_check/inspect_ai/math_cases.json") else { return };
    let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
    for case in cases {
        let (output, target) = (case["output"].as_str().unwrap(), case["target"].as_str().unwrap());
        let (answer, verdict) = judge(target, output);
        assert_eq!(verdict == Verdict::Equal, case["expected"] == "C", "{output} / {target}: {answer:?}");
    }
}

#[test]
fn model_outputs_are_right() {
    let Some(path) = data("answer_check/math_verify/model_outputs.csv") else { return };
    let mut reader = csv::Reader::from_path(path).unwrap();
    for row in reader.records() {
        let row = row.unwrap();
        let (answer, verdict) = judge(&row[1], &row[0]);
        assert_eq!(verdict, Verdict::Equal, "{row:?}: {answer:?}");
    }
}

#[test]
fn references_of_word_problems_are_read() {
    let Some(text) = text("gsm8k/test.jsonl") else { return };
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let solution = row["answer"].as_str().unwrap();
        let gold = super::patterns::reference(solution);
        assert_eq!(judge(&gold, solution).1, Verdict::Equal, "{solution}");
    }
}
