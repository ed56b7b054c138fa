//! What EvalScope 1.14.1 makes of the same programs.
#![expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::eval::agreement::{Agreement, cases};

#[test]
fn programs_run_and_compare() {
    let mut run = Agreement::new("forms", "finqa.execution");
    let mut same = Agreement::new("forms", "finqa.program");
    let mut found = Agreement::new("forms", "finqa.extracted");
    for case in cases("forms").into_iter().filter(|case| case["kind"] == "finqa") {
        let id = case["id"].as_str().unwrap();
        let table: Vec<Vec<String>> = serde_json::from_value(case["table"].clone()).unwrap();
        let program = extract(case["reply"].as_str().unwrap());
        found.row(id, &program.as_deref().unwrap_or_default(), &case["expected"]["extracted"].as_str().unwrap());
        let verdict = score(program.as_deref(), case["gold"].as_str().unwrap(), &case["answer"], &table);
        run.row(id, &json!(verdict.execution_accuracy), &case["expected"]["execution"]);
        same.row(id, &json!(verdict.program_accuracy), &case["expected"]["program"]);
    }
    found.check(1.0);
    run.check(0.99);
    same.check(0.97);
}

fn runs(program: &str) -> Option<Outcome> {
    let table = [vec!["sales".to_owned(), "$ 1,200".to_owned(), "34%".to_owned(), "5 (2)".to_owned()]];
    execute(&Program::read(program), &table)
}

#[test]
fn arithmetic_is_exact_to_five_decimals() {
    assert_eq!(runs("subtract(5829, 5735), divide(#0, 5735)"), Some(Outcome::Number(0.01639)));
    assert_eq!(runs("table_max(sales, none)"), Some(Outcome::Number(1200.0)));
    assert_eq!(runs("table_min(sales, none)"), Some(Outcome::Number(0.34)));
    assert_eq!(runs("exp(2, const_m1), greater(#0, 50%)"), Some(Outcome::Greater(false)));
    for wrong in
        ["divide(1, 0)", "exp(-1, 0.5)", "exp(10, 400)", "exp(0, -1)", "add(1, #0)", "add(1, 2", "", "power(1, 2)"]
    {
        assert_eq!(runs(wrong), None, "{wrong}");
    }
    assert!(Outcome::Greater(true).is(&json!("yes")) && !Outcome::Greater(true).is(&json!(1.0)));
    assert!(Outcome::Number(3.0).is(&json!(3)) && !Outcome::Number(3.0).is(&Value::Null));
}

fn same(gold: &str, predicted: &str) -> bool {
    equal(&Program::read(gold), &Program::read(predicted))
}

#[test]
fn formulas_are_compared_by_algebra() {
    assert!(same("add(1, 2), multiply(#0, 3)", "multiply(1, 3), multiply(2, 3), add(#1, #0)"));
    assert!(!same("add(1, 2), multiply(#0, 3)", "multiply(1, 3), add(#0, 2)"));
    assert!(same("divide(7, 9), exp(#0, 2)", "divide(7, 9), exp(#0, 2)"));
    assert!(!same("exp(7, 9)", "exp(9, 7)"));
    assert!(!same("greater(7, 9)", "greater(9, 7)"));
    assert!(!same("add(1, 2)", "add(1, 4)"), "a number that the gold program lacks");
    // Squared sixty times over, which as a written formula would not fit any memory.
    let squares: Vec<String> = (0..60).map(|place| format!("multiply(#{place}, #{place})")).collect();
    let tower = format!("add(1, 2), {}", squares.join(", "));
    assert!(same(&tower, &tower));
    assert!(!same(&tower, "add(1, 2)"));
}

proptest! {
    #[test]
    fn no_text_is_refused(text in "(add\\(|[(), #|0-9a-z%]|program:|\n){0,30}") {
        let program = extract(&text);
        let _ = score(program.as_deref(), &text, &json!(1), &[]);
        let _ = runs(&text);
    }

    #[test]
    fn sums_commute(one in 0..100_u32, other in 100..200_u32, third in 200..300_u32) {
        let (gold, other) = (
            format!("add({one}, {other}), divide(#0, {third})"),
            format!("divide({one}, {third}), divide({other}, {third}), add(#1, #0)"),
        );
        prop_assert!(same(&gold, &other));
    }
}
