//! Replies that are more than texts, and what scorers make of them.
#![expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{Case, Marks, Method, Reply, Standing};
use super::*;
use crate::eval::card::Answer;

fn method(answer: &str) -> Method {
    Method::of(&toml::from_str::<Answer>(answer).unwrap()).unwrap()
}

fn sample(target: Value, meta: Value) -> Sample {
    Sample { target, meta: meta.as_object().cloned().unwrap_or_default(), ..Sample::default() }
}

fn judged(method: &Method, sample: &Sample, reply: &Reply) -> Marks {
    method.judge(&Case { sample, reply })
}

fn asked(kind: &str, labels: &[&str], target: &str) -> Sample {
    sample(json!(target), json!({"decision_kind": kind, "decision_labels": labels, "family": "f", "tier": "easy"}))
}

fn raw(value: Value) -> Reply {
    Reply { raw: Some(value), ..Reply::default() }
}

#[test]
fn probabilities_come_in_several_forms() {
    let method = method("extract = 'own'\nscore = 'decision'");
    let sample = asked("choice", &["track", "cancel"], "track");
    let logprobs = json!({"content": [{"token": "A", "logprob": -0.2, "top_logprobs": [
        {"token": " A", "logprob": -0.2}, {"token": "B", "logprob": -2.0}, {"token": "The", "logprob": -5.0}]}]});
    for reply in [
        json!({"model": "m", "answers": {"answer": {"type": "choice", "probabilities": {"track": 0.8, "cancel": 0.2}, "choice": "track"}}}),
        json!({"kind": "choice", "options": ["a", "b"], "probabilities": [0.8, 0.2], "choice_index": 0, "choice": "a"}),
        json!({"probabilities": {"track": 1.0}}),
        logprobs,
    ] {
        let marks = judged(&method, &sample, &raw(reply.clone()));
        assert_eq!((marks.get("accuracy"), marks.extracted.as_deref()), (Some(1.0), Some("track")), "{reply}");
        assert!(marks.get("nll").unwrap() < 0.25 && marks.get("brier").unwrap() < 0.1);
    }
    for reply in [
        json!({"probabilities": {"track": 0.8, "cancel": 0.4}}),
        json!({"probabilities": {"track": 0.5, "other": 0.5}}),
        json!({"probabilities": [1.0]}),
        json!({"probabilities": {"track": -1.0, "cancel": 2.0}}),
        json!({"content": [{"token": "The", "logprob": -0.1}]}),
        json!(3),
    ] {
        assert_eq!(judged(&method, &sample, &raw(reply.clone())).standing, Standing::Excluded, "{reply}");
    }
    assert_eq!(judged(&method, &sample, &Reply::text("track")).standing, Standing::Excluded);
}

#[test]
fn a_tie_is_yes_unless_the_set_says_otherwise() {
    let sample = asked("noul", &["no", "yes"], "yes");
    let tie = raw(json!({"answers": {"answer": {"type": "noul", "noul": 0.5}}}));
    for (set, value) in [("general", 1.0), ("jevbench", 0.0)] {
        let method = method(&format!("score = {{ by = 'decision', set = '{set}' }}"));
        let marks = judged(&method, &sample, &tie);
        assert_eq!((marks.get("accuracy"), marks.get("brier")), (Some(value), Some(0.25)), "{set}");
    }
}

#[test]
fn a_level_is_expected_and_may_lie_between_levels() {
    let method = method("score = { by = 'decision', set = 'stsb' }");
    let mut sample = asked("score", &["0", "1", "2"], "1.4");
    sample.meta.insert("continuous".to_owned(), json!(true));
    let marks = judged(&method, &sample, &raw(json!({"probabilities": {"1": 0.5, "2": 0.5}})));
    assert_eq!((marks.values.len(), marks.extracted.as_deref()), (1, Some("1.5")));
    assert!((marks.get("mae").unwrap() - 0.1).abs() < 1e-12);
}

fn function() -> Value {
    json!([{"name": "a.b", "parameters": {"type": "dict", "properties": {"x": {"type": "integer"}, "y": {"type": "string"}},
        "required": ["x"]}}])
}

#[test]
fn calls_are_read_from_tools_or_from_the_text() {
    let method = method("extract = 'calls'\nscore = 'calls'");
    let meta = |native: bool| json!({"functions": function(), "test_category": "simple", "language": "Python", "is_fc_model": native});
    let truth = json!([{"a.b": {"x": [3, ""], "y": ["z", ""]}}]);
    for native in [true, false] {
        let sample = sample(truth.clone(), meta(native));
        let right = method.right(&sample).unwrap();
        assert_eq!((right.calls.len(), right.text.as_str()), if native { (1, "") } else { (0, "[a_b(x=3)]") });
        assert_eq!(judged(&method, &sample, &right).get("accuracy"), Some(1.0));
        assert_eq!(judged(&method, &sample, &method.wrong(&sample).unwrap()).get("accuracy"), Some(0.0));
        let text = judged(&method, &sample, &Reply::text("[a_b(x=3)]"));
        assert_eq!(text.get("accuracy"), Some(f64::from(!native)));
    }
    let nothing = sample(json!([]), json!({"functions": function(), "test_category": "irrelevance"}));
    assert_eq!(judged(&method, &nothing, &Reply::text("No.")).get("accuracy"), Some(1.0));
    let broken = Reply {
        calls: vec![crate::wire::Call { arguments: "{".to_owned(), ..crate::wire::Call::default() }],
        ..Reply::default()
    };
    assert_eq!(judged(&method, &nothing, &broken).get("accuracy"), Some(0.0));
}

#[test]
fn only_http_400_is_a_refusal() {
    let method = method("extract = 'own'\nscore = 'kimi-verifier'");
    let must = |refuse: bool| sample(json!("x"), json!({"expected_reject": refuse}));
    let status = |status: u64| raw(json!({"status": status}));
    assert_eq!(judged(&method, &must(true), &status(400)).get("param_immutable_reject_rate"), Some(1.0));
    assert_eq!(judged(&method, &must(true), &Reply::text("OK")).get("param_immutable_reject_rate"), Some(0.0));
    assert_eq!(judged(&method, &must(false), &status(400)).get("param_default_accept_rate"), Some(0.0));
    assert_eq!(judged(&method, &must(false), &Reply::text("OK")).get("param_default_accept_rate"), Some(1.0));
    let failed = judged(&method, &must(true), &status(503));
    assert_eq!(failed.values, [("inference_error_rate".to_owned(), 1.0)]);
}

#[test]
fn schemas_and_thoughts_alone() {
    let tools =
        json!([{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "required": ["q"]}}}]);
    let schema = method("extract = 'calls'\nscore = { by = 'schema', set = 'general_fc' }");
    let should = sample(json!(""), json!({"tools": tools, "should_call_tool": true}));
    let call = |arguments: Value| Reply::of(&json!({"tool_calls": [{"name": "f", "arguments": arguments}]}));
    assert_eq!(judged(&schema, &should, &call(json!({"q": 1}))).get("passed"), Some(1.0));
    let odd = judged(&schema, &should, &call(json!({})));
    assert_eq!(
        (odd.get("passed"), odd.get("finish_reason_tool_call"), odd.explanation.is_some()),
        (Some(0.0), Some(1.0), true)
    );
    let minimax = method("extract = 'calls'\nscore = 'minimax-verifier'");
    let sample =
        sample(json!(""), json!({"tools_raw": [], "check_type": ["repeat_n_gram"], "expected_tool_call": null}));
    let silent = Reply { reasoned: true, ..Reply::text("") };
    assert_eq!(judged(&minimax, &sample, &silent).get("error_only_reasoning_rate"), Some(1.0));
    assert_eq!(judged(&minimax, &sample, &Reply::text("да да да да да да")).get("repeat_ngram_pass_rate"), Some(0.0));
}

#[test]
fn boxes_are_written_as_the_model_is_asked_to() {
    let method = method("extract = 'ref-adv-s'\nscore = 'ref-adv-s'");
    for format in ["abs_xyxy", "norm_1000_xyxy", "norm_1_xyxy"] {
        let sample = sample(
            json!([8, 0, 16, 4]),
            json!({
                "target_box_normalized": [0.5, 0.0, 1.0, 0.5], "sent_size": [16, 8], "pred_box_format": format, "distractor_count": 5,
            }),
        );
        let marks = judged(&method, &sample, &method.right(&sample).unwrap());
        assert_eq!(marks.values.len(), 4, "{format}");
        assert!(marks.values.iter().all(|(_, value)| *value == 1.0), "{format}: {marks:?}");
        assert_eq!(marks.values[3].0, "accuracy[scope=4-6,threshold=0.5]");
    }
}

#[test]
fn records_that_lack_what_is_compared_do_not_count() {
    for answer in [
        "extract = 'json'\nscore = 'zebralogicbench'",
        "score = 'eq-bench'",
        "score = 'process-bench'",
        "score = 'sparc'",
        "score = { by = 'perspective-gap', task = 'role_assignment' }",
        "extract = 'refcoco'\nscore = 'refcoco'",
        "extract = 'screenspot-pro'\nscore = 'screenspot-pro'",
    ] {
        let marks = judged(&method(answer), &sample(Value::Null, json!({"task": "xy2d"})), &Reply::text("[1, 2]"));
        assert!(marks.standing == Standing::Excluded && marks.explanation.is_some(), "{answer}");
    }
    let odd = toml::from_str::<Answer>("score = { by = 'decision', sett = 'x' }").unwrap();
    assert!(Method::of(&odd).unwrap_err().contains("sett"));
}

proptest! {
    #[test]
    fn no_reply_is_refused(text in "([\\[\\]{}()\"':,.=0-9a-zA-Z_ \n]|<answer>|```|Answer:|Action:|Program:){0,60}", number in any::<f64>()) {
        let meta = json!({"functions": function(), "test_category": "parallel", "is_fc_model": false, "task": "jigsaw",
            "meta_data": {"difficulty": 2}, "tokens": ["a"], "ner_tags": ["B-X"], "decision_labels": ["a", "b"]});
        for answer in [
            "extract = 'calls'\nscore = 'calls'", "extract = 'own'\nscore = 'acebench'", "extract = 'tool-bench'\nscore = 'tool-bench'",
            "extract = 'finqa'\nscore = 'finqa'", "extract = 'arc-agi-2'\nscore = 'arc-agi-2'", "extract = 'tir-bench'\nscore = 'tir-bench'",
            "extract = 'visfactor'\nscore = 'visfactor'", "extract = 'surds'\nscore = 'surds'", "extract = 'json'\nscore = 'zebralogicbench'",
            "score = { by = 'tags', types = [{ bio = 'X', tag = 'x', description = 'x' }] }", "score = 'haystack'", "score = 'refcoco-caption'",
        ] {
            let marks = judged(&method(answer), &sample(json!("[[1]]"), meta.clone()), &Reply::text(text.clone()));
            prop_assert!(marks.values.iter().all(|(_, value)| value.is_finite()), "{}: {:?}", answer, marks);
        }
        let marks = judged(&method("score = 'decision'"), &asked("score", &["0", "1"], "1"), &raw(json!({"probabilities": [number, 1.0 - number]})));
        prop_assert!(marks.values.iter().all(|(_, value)| value.is_finite()));
    }
}
