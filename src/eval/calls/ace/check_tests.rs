//! Checks of calls and of what replies say, by the rules of the reference.
#![expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn functions() -> Value {
    json!([{"name": "Book", "parameters": {"type": "object", "properties": {
        "city": {"type": "string"}, "days": {"type": "integer"}, "tags": {"type": "array", "items": {"type": "string"}},
        "guest": {"type": "object"}, "kind": {"type": "enum"}, "ok": {"type": "boolean"},
    }, "required": ["city"]}}, {"name": "Ping", "parameters": {}}])
}

/// The name of what is wrong, or nothing.
fn fault(reply: &str, truth: &Value) -> String {
    match decode(reply, "normal_similar_api") {
        Ok(calls) => check(&functions(), &calls, truth, "normal_similar_api")
            .map_or_else(|fault| fault.reason.to_owned(), |()| String::new()),
        Err(_) => "wrong_output_format".to_owned(),
    }
}

#[test]
fn calls_are_checked_as_the_reference_does() {
    let truth = json!({"Book": {"city": "New York", "days": 3, "tags": ["a"], "guest": {"name": "Ann"}, "kind": "suite", "ok": true}});
    for (reply, reason) in [
        ("Sure: [Book(city='in new-york', days=9)]", ""),
        ("[Book(city='New York', ok='true', kind='x')]", ""),
        ("[Book(city='New York', guest={'name': 'ann lee'}, tags=['A'])]", ""),
        ("[Book(city='Paris')]", "value_error:string"),
        ("[Book(city='New York', tags=['a', 'b'])]", "value_error:list/tuple"),
        ("[Book(city='New York', guest={'name': 'Bob'})]", "value_error"),
        ("[Book(city='New York', days='3')]", "type_error"),
        ("[Book(city='New York', x=1)]", "addition_args"),
        ("[Book(days=3)]", "lack_args"),
        ("[Book()]", "wrong_param"),
        ("[Book(city='New York'), Book(city='New York')]", "wrong functions number"),
        ("[Other(city='New York')]", "function_mismatch"),
        ("Book(city='New York')", "wrong_output_format"),
        ("[1]", "wrong_output_format"),
    ] {
        assert_eq!(fault(reply, &truth), reason, "{reply}");
    }
}

#[test]
fn repeated_calls_and_several_answers_are_told_apart() {
    let truth = json!([{"Ping": {}}, {"Book": {"city": "a"}, "Book_1": {"city": "b"}}]);
    assert_eq!(fault("[Ping()]", &truth), "");
    assert_eq!(fault("[Book(city='b'), Book(city='a')]", &truth), "");
    assert_eq!(fault("[Book(city='a'), Book(city='c')]", &truth), "wrong functions number");
    assert_eq!(fault("[Ping(a=1)]", &json!({"Ping": {}})), "wrong_param");
    assert_eq!(fault("[Ping()]", &json!([])), "missing_answer");
}

#[test]
fn what_has_no_value_keeps_its_source() {
    let shown = |reply: &str| decode(reply, "normal").map(|calls| calls[0].arguments.repr()).unwrap_or_default();
    assert_eq!(
        shown("[F(a=2*3, b=g(1), c=-x, d=+1, e=a.b, f=not True, **z)]"),
        "{'a': '2 * 3', 'b': {'g': {}}, 'c': 'x', 'd': 1, 'e': 'a.b', 'f': True}"
    );
    assert_eq!(
        decode("[ F( a = 'x y' ) ]", "normal_multi_turn_user_switch").unwrap()[0].arguments.repr(),
        "{'a': 'xy'}"
    );
    assert!(decode("[F(a=1]", "normal").is_err() && decode("no", "normal").is_err());
}

#[test]
fn special_requests_need_their_sentence() {
    let reason = |reply: &str, truth: &Value, category: &str| {
        check_special(reply, truth, category).map_err(|fault| fault.reason)
    };
    let truth = json!({"Book": ["city", "days"]});
    assert_eq!(
        reason("Missing necessary parameters (city, days) for the api (Book)", &truth, "special_incomplete"),
        Ok(())
    );
    assert_eq!(
        reason("Missing necessary parameters (city) for the api (Book)", &truth, "special_incomplete"),
        Err("error_correction")
    );
    assert_eq!(reason("I need more.", &truth, "special_incomplete"), Err("error_detection"));
    let truth = json!({"city": ["12"]});
    assert_eq!(
        reason("There is incorrect value (12) for the parameters (city)", &truth, "special_error_param"),
        Ok(())
    );
    assert_eq!(reason("Due to the limitations of the function, no.", &json!("x"), "special_irrelevant"), Ok(()));
    assert_eq!(reason("", &json!({}), "special_other"), Err("unknown_category"));
}

#[test]
fn conversations_are_right_as_a_whole() {
    assert_eq!(dialogue(&[true, false, true]), Some((0.0, 0.667)));
    assert_eq!(dialogue(&[true]), Some((1.0, 1.0)));
    assert_eq!(dialogue(&[]), None);
    assert_eq!(category(&json!({"id": "normal_atom_bool_3_1"})), "normal_atom_bool");
    assert_eq!(category(&json!({"id": "x", "sub_category": "data_special_irrelevant"})), "special_irrelevant");
    assert_eq!(
        dialogue_of("normal_multi_turn_user_switch_3_1", "normal_multi_turn_user_switch"),
        "normal_multi_turn_user_switch_3"
    );
    assert_eq!(dialogue_of("normal_atom_bool_3", "normal_atom_bool"), "normal_atom_bool_3");
}

#[test]
fn prompts_name_functions_and_sentences() {
    let record =
        json!({"function": "[{\"name\": \"Book\"}]", "question": "user: hi", "time": "It is noon.", "profile": "tall"});
    for locale in [Locale::En, Locale::Zh] {
        let (system, user) = prompts(&record, "special_irrelevant", locale);
        for part in [
            "[{'name': 'Book'}]",
            "It is noon.",
            "the limitations of the function",
            "Missing necessary parameters",
            "There is incorrect value",
        ] {
            assert!(system.contains(part), "{part}");
        }
        assert!(user.ends_with("user: hi"));
        let (system, _) = prompts(&record, "normal_preference", locale);
        assert!(system.contains("tall") && !system.contains("It is noon.") && !system.contains("limitations"));
    }
}

proptest! {
    #[test]
    fn any_reply_ends(reply in "[A-Za-z(){}\\[\\],='\": 0-9*]{0,60}", text in "\\PC*") {
        let truth = json!({"Book": {"city": "a", "tags": [["a"]], "guest": 3, "days": ""}});
        for category in ["normal_similar_api", "normal_multi_turn_user_switch"] {
            for reply in [&reply, &text, &format!("[Book(city={reply}, tags=[{reply}])]")] {
                if let Ok(calls) = decode(reply, category) {
                    let _ = check(&functions(), &calls, &truth, category);
                }
            }
        }
        let _ = check_special(&text, &truth, "special_incomplete");
    }
}
