//! The check against the golden vectors, and on any calls.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "tests say what they need and stop there")]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::agreement::{Agreement, cases};
use super::check::{Category, Fault, Task, check};
use super::decode::{Call, DecodeError, Language, decode};
use super::literal::Literal;

/// Calls that a record gives as data.
fn given(calls: &Value) -> Vec<Call> {
    let pairs = calls.as_array().unwrap().iter().flat_map(|call| call.as_object().unwrap());
    pairs.map(|(name, arguments)| Call { name: name.clone(), arguments: Literal::from(arguments) }).collect()
}

fn judged(case: &Value) -> Result<(), Fault> {
    let language: Language = serde_json::from_value(case["language"].clone()).unwrap();
    let calls: Result<Vec<Call>, DecodeError> = match case["is_fc_model"].as_bool().unwrap() {
        true => Ok(given(&case["calls"])),
        false => decode(case["text"].as_str().unwrap(), language),
    };
    let task = Task {
        category: Category::of(case["category"].as_str().unwrap()),
        language,
        functions: &case["functions"],
        truth: &case["ground_truth"],
        underscore_to_dot: case["underscore_to_dot"].as_bool().unwrap(),
    };
    check(&task, calls.as_deref())
}

fn agrees(kind: &str) {
    let mut scores = Agreement::new("bfcl_ast", kind);
    let mut reasons = (0, 0);
    for case in cases("bfcl_ast").iter().filter(|case| case["kind"] == kind) {
        let verdict = judged(case);
        let ours = if verdict.is_ok() { 1.0 } else { 0.0 };
        scores.row(case["id"].as_str().unwrap(), &ours, &case["expected"]["acc"].as_f64().unwrap());
        if let (Err(fault), Some(reason)) = (&verdict, case["expected"]["error_type"].as_str()) {
            reasons = (reasons.0 + usize::from(fault.reason == reason), reasons.1 + 1);
            if fault.reason != reason {
                println!("  {}: ours {fault}, theirs {reason}", case["id"]);
            }
        }
    }
    println!("bfcl_ast.{kind}: {} of {} names of errors agree", reasons.0, reasons.1);
    scores.check(1.0);
}

#[test]
fn python_agrees_with_the_leaderboard() {
    agrees("ast");
}

#[test]
fn java_and_javascript_agree_with_the_leaderboard() {
    agrees("ast_java_js");
}

#[test]
fn categories_are_told_by_their_names() {
    for (name, category) in [
        ("simple_python", Category::Simple),
        ("java", Category::Simple),
        ("live_multiple", Category::Multiple),
        ("parallel_multiple", Category::Parallel),
        ("live_irrelevance", Category::Irrelevance),
        ("live_relevance", Category::Relevance),
        ("multi_turn_base", Category::Stateful),
        ("memory_kv", Category::Stateful),
    ] {
        assert_eq!(Category::of(name), category, "{name}");
    }
}

fn task<'a>(functions: &'a Value, truth: &'a Value) -> Task<'a> {
    Task { category: Category::Simple, language: Language::Python, functions, truth, underscore_to_dot: false }
}

#[test]
fn a_record_without_its_form_is_a_fault_and_no_panic() {
    let calls = [Call { name: "f".to_owned(), arguments: Literal::from(&json!({"a": 1})) }];
    for (functions, truth) in [
        (json!(null), json!(null)),
        (json!([]), json!([])),
        (json!([{"name": "f"}]), json!([{"f": {"a": [1]}}])),
        (
            json!([{"name": "f", "parameters": {"properties": {"a": {"type": "date"}}, "required": []}}]),
            json!([{"f": {"a": [1]}}]),
        ),
    ] {
        assert!(check(&task(&functions, &truth), Ok(&calls)).is_err());
    }
}

/// Any JSON of little depth.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3..3_i64).prop_map(Value::from),
        Just(json!(1.0)),
        "[abA. ]{0,2}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[ab]", inner, 0..3).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_record_and_any_calls_end(value in anything(), answers in anything(), kind in "array|dict|string|float|integer|tuple|any") {
        let functions = json!([{"name": "f", "parameters": {"properties": {"a": {"type": kind, "items": {"type": "dict"}}}, "required": []}}]);
        let truth = json!([{"f": {"a": answers}}]);
        let calls = [Call { name: "f".to_owned(), arguments: Literal::from(&json!({"a": value})) }];
        for language in [Language::Python, Language::Java, Language::JavaScript] {
            let _ = check(&Task { language, ..task(&functions, &truth) }, Ok(&calls));
        }
    }

    #[test]
    fn an_accepted_text_is_right_in_any_case(text in "[a-z]{1,9}") {
        let functions = json!([{"name": "f", "parameters": {"properties": {"a": {"type": "string"}}, "required": ["a"]}}]);
        let truth = json!([{"f": {"a": [text]}}]);
        let calls = [Call { name: "f".to_owned(), arguments: Literal::from(&json!({"a": text.to_uppercase()})) }];
        prop_assert!(check(&task(&functions, &truth), Ok(&calls)).is_ok());
    }
}
