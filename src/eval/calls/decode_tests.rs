//! Decoding against the golden vectors, and on any text.
#![expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]

use proptest::prelude::*;
use serde_json::Value;

use super::super::agreement::{Agreement, cases};
use super::decode::{Call, Language, decode};
use super::literal::Literal;

/// A value with the marks of the golden file for what JSON lacks.
fn marked(literal: &Literal) -> Value {
    match literal {
        Literal::Real(real) if !real.is_finite() => serde_json::json!({"__float__": real.to_string()}),
        Literal::Tuple(items) => serde_json::json!({"__tuple__": items.iter().map(marked).collect::<Vec<_>>()}),
        Literal::List(items) => items.iter().map(marked).collect(),
        Literal::Dictionary(entries) => Value::Object(
            entries
                .iter()
                .map(|(key, value)| (key.text().map_or(key.to_json().to_string(), str::to_owned), marked(value)))
                .collect(),
        ),
        other => other.to_json(),
    }
}

fn shown(calls: &[Call]) -> Value {
    calls.iter().map(|call| serde_json::json!({call.name.clone(): marked(&call.arguments)})).collect()
}

#[test]
fn decoding_agrees_with_the_leaderboard() {
    let mut agreement = Agreement::new("bfcl_ast", "decode");
    for case in cases("bfcl_ast").iter().filter(|case| case["kind"] == "decode") {
        let ours = decode(case["text"].as_str().unwrap(), Language::Python).map(|calls| shown(&calls)).ok();
        let theirs = case["expected"].get("calls").cloned();
        agreement.row(case["id"].as_str().unwrap(), &ours, &theirs);
    }
    agreement.check(1.0);
}

#[test]
fn a_function_that_is_no_name_keeps_what_is() {
    for (text, name) in [("'x'.join(a=1)", "join"), ("f(1)(a=1)", ""), ("a[0].b.c()", "b.c")] {
        assert_eq!(decode(text, Language::Python).unwrap()[0].name, name);
    }
}

#[test]
fn java_and_javascript_are_read_between_the_brackets() {
    for language in [Language::Java, Language::JavaScript] {
        let calls = decode("```[A.b(c=true, d=\"x\")]```", language).unwrap();
        assert_eq!(shown(&calls).to_string(), r#"[{"A.b":{"c":"true","d":"x"}}]"#);
        assert!(decode("Sorry, no.", language).is_err());
    }
}

proptest! {
    #[test]
    fn any_text_ends(text in "\\PC*", calls in "[a-f(){}\\[\\],=:.'\"0-9*+ -]{0,80}") {
        for language in [Language::Python, Language::Java, Language::JavaScript] {
            let _ = decode(&text, language);
            let _ = decode(&calls, language);
        }
    }
}
