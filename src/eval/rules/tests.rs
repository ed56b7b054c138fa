//! The rules against golden vectors and hostile texts.

#![expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::eval::agreement::{Agreement, cases};

fn followed(case: &Value) -> Followed {
    let ids: Vec<&str> =
        case["instruction_id_list"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    let kwargs = case["kwargs"].as_array().unwrap();
    follow(&ids, kwargs, "", case["response"].as_str().unwrap()).unwrap()
}

#[test]
fn ifeval_agrees() {
    let mut exact = Agreement::new("ifeval", "exact");
    let mut by_language = Agreement::new("ifeval", "langdetect");
    for case in cases("ifeval") {
        let ours = serde_json::to_value(followed(&case)).unwrap();
        let agreement = if case["basis"] == "langdetect" { &mut by_language } else { &mut exact };
        agreement.row(case["id"].as_str().unwrap(), &ours, &case["expected"]);
    }
    exact.check(1.0);
    by_language.check(1.0);
}

#[test]
fn an_unknown_id_names_the_known_ones() {
    let error = check("keywords:nonsense", &json!({}), "", "x").unwrap_err();
    assert!(error.to_string().contains("keywords:nonsense") && error.to_string().contains("keywords:existence"));
    assert!(follow(&["no"], &[], "", "x").is_err());
}

#[test]
fn ids_are_unique() {
    let mut ids = known();
    ids.sort_unstable();
    let all = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), all);
}

#[test]
fn what_is_missing_is_not_followed() {
    assert_eq!(check("keywords:existence", &json!({"keywords": null}), "", "x"), Ok(false));
    assert_eq!(check("punctuation:no_comma", &Value::Null, "", "  "), Ok(false));
    assert_eq!(check("punctuation:no_comma", &Value::Null, "", "x"), Ok(true));
}

fn arguments() -> Value {
    let text = r#"{
        "keywords": ["a+", "(b"], "keyword": "a", "frequency": 2, "relation": "at least", "forbidden_words": ["a", "[b"],
        "letter": "a", "let_frequency": 2, "let_relation": "less than", "num_sentences": 2, "num_paragraphs": 2,
        "num_words": 3, "nth_paragraph": 1, "first_word": "a", "num_placeholders": 1, "postscript_marker": "P.S.",
        "language": "en", "capital_frequency": 1, "capital_relation": "at least", "num_bullets": 1, "num_highlights": 1,
        "section_spliter": "S", "num_sections": 1, "prompt_to_repeat": "a", "end_phrase": "a", "min_words": 1,
        "max_words": 9, "N": 2, "small_n": 1, "percentage": 9, "reference_text": "a b c", "options": "a/b", "word": "a",
        "keyword1": "a", "keyword2": "b", "keyword3": "c", "keyword4": "d", "keyword5": "e", "n": 1, "m": 1, "sep": "*",
        "n_start": 0, "n_end": 3
    }"#;
    serde_json::from_str(text).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_text_is_judged(reply in "(\\PC|[\\n*. \"\\[\\]<>-]){0,80}") {
        let arguments = arguments();
        for id in known() {
            let strict = check(id, &arguments, "a", &reply).unwrap();
            let both = follow(&[id], std::slice::from_ref(&arguments), "a", &reply).unwrap();
            prop_assert_eq!(&both.strict, &[strict]);
            prop_assert!(both.loose[0] || !strict, "{}", id);
            follow_in(Edition::MultiIf, &[id], std::slice::from_ref(&arguments), "a", &reply).unwrap();
        }
    }
}

#[test]
fn long_texts_take_bounded_time() {
    for piece in ["a", "*", "** ", "\n\n", "[", "\"", ".", "' ", "a. ", "字", "A,", "?!", "-- ", " ", "\u{94d}"] {
        let reply = piece.repeat(60_000 / piece.len());
        for id in known() {
            check(id, &arguments(), "", &reply).unwrap();
        }
        for id in ["length_constraints:number_sentences", "length_constraints:number_words", "startend:quotation"] {
            follow_in(Edition::MultiIf, &[id], &[arguments()], "", &reply).unwrap();
        }
    }
}
