//! Servers that give probabilities over the options of a question.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::support::{Perf, Reply, Run, Seen, Server, eval, everything, perf};

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/datasets/open_decisions/sample.jsonl");

#[test]
fn open_decisions_are_asked_and_their_answers_checked() {
    let server = everything();
    let run = perf()
        .at(&server, "/v1")
        .args("--api systemone --dataset open_decisions --number 3 --dataset-path")
        .arg(SAMPLE)
        .run();
    let point = run.only_point();
    assert_eq!((point.count("ok"), point.count("failed")), (3, 0), "{}", run.stderr);
    assert!(server.asked().iter().all(|asked| asked.path == "/v1/systemone"));
    let first = server.asked()[0].json();
    let question = json!({"type": "noul", "instructions": "Has the parcel arrived by now?"});
    assert_eq!((&first["questions"]["answer"], &first["model"]), (&question, &json!("test-model")));
    assert_eq!(first.as_object().unwrap().len(), 3, "{first}");
    let figures = &run.summary()["points"][0]["figures"];
    assert_eq!(figures["input_tokens"]["mean"], 40.0);
    assert!(figures["ttft_ms"].is_null() && figures["input_throughput"].as_f64().unwrap() > 0.0);
}

#[test]
fn native_requests_go_as_they_are() {
    let server = everything();
    let row = r#"{"kind": "noul", "state": "It rains.", "question": "Is it dry?", "thinking": "off"}"#;
    let call = || perf().at(&server, "/v1/decide").file("asked.jsonl", row).args("--api autotrust --number 1");
    let run = call().args("--dataset line_by_line --dataset-path asked.jsonl").run();
    assert_eq!(run.only_point().count("ok"), 1, "{}", run.stderr);
    let sent = server.asked()[0].json();
    assert_eq!(sent, serde_json::from_str::<Value>(row).unwrap());
    call().args("--dataset openqa").exit(2).says("no place for prompts").says("open_decisions").run();
}

#[test]
fn an_answer_that_is_no_distribution_is_a_failure() {
    let server = Server::start(|_| {
        let answer = json!({"type": "noul", "noul": 1.5});
        Reply::json(200, &json!({"model": "m", "answers": {"answer": answer}}))
    });
    let run = perf()
        .at(&server, "/v1")
        .args("--api systemone --dataset open_decisions --number 1 --dataset-path")
        .arg(SAMPLE)
        .exit(3)
        .run();
    let row = &run.only_point().rows()[0];
    assert!(row["error"].as_str().unwrap().contains("from 0 to 1"), "{row}");
}

/// A distribution that holds one of the labels for likely, and the rest for equally unlikely.
fn mostly(labels: &[String], likely: &str) -> Map<String, Value> {
    let rest = 0.1 / (labels.len() - 1) as f64;
    labels.iter().map(|label| (label.clone(), json!(if label == likely { 0.9 } else { rest }))).collect()
}

/// System One's answer that holds the first option, no, or the lowest level for likely.
fn first_of_all(seen: &Seen) -> Reply {
    let body = seen.json();
    let asked = &body["questions"]["answer"];
    let levels = asked["criteria"].as_array().map_or(0, Vec::len);
    let answer = match asked["type"].as_str().unwrap() {
        "noul" => json!({"type": "noul", "noul": 0.1, "confidence": 0.8}),
        "score" => {
            let labels: Vec<String> = (0..levels).map(|level| level.to_string()).collect();
            let chances = mostly(&labels, "0");
            let mean: f64 = (0..levels).map(|level| level as f64 * chances[&level.to_string()].as_f64().unwrap()).sum();
            json!({"type": "score", "probabilities": chances, "score": mean})
        }
        _ => {
            let labels: Vec<String> = asked["criteria"].as_object().unwrap().keys().cloned().collect();
            json!({"type": "choice", "probabilities": mostly(&labels, &labels[0]), "choice": labels[0]})
        }
    };
    let usage = json!({"input_tokens": 40, "output_tokens": 1});
    Reply::json(200, &json!({"model": "served", "request_id": "r1", "answers": {"answer": answer}, "usage": usage}))
}

/// AutoTrust's answer in the same way.
fn first_option(seen: &Seen) -> Reply {
    let body = seen.json();
    let options = match body["kind"].as_str().unwrap() {
        "choice" => body["options"].clone(),
        "noul" => json!(["false", "true"]),
        _ => (0..6).map(|level| json!(level.to_string())).collect(),
    };
    let count = options.as_array().unwrap().len();
    let rest = 0.1 / (count - 1) as f64;
    let chances: Vec<f64> = (0..count).map(|place| if place == 0 { 0.9 } else { rest }).collect();
    let answer = json!({"model": "served", "kind": body["kind"], "options": options, "probabilities": chances,
        "choice_index": 0, "choice": options[0], "usage": {"prompt_tokens": 9}});
    Reply::json(200, &answer)
}

fn evaluated(server: &Server, words: &str) -> Perf {
    eval()
        .args("--model test-model --dataset-hub sample --no-timestamp --work-dir out")
        .args(words)
        .arg("--api-url")
        .arg(server.at("/v1"))
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn report(run: &Run, name: &str) -> Value {
    read(&run.home().join(format!("out/reports/test-model/{name}.json")))
}

fn rows(run: &Run, path: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(run.home().join("out").join(path)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The score of a metric, by the name and the aggregation of its identity.
fn score(report: &Value, metric: &str, aggregation: &str) -> Option<f64> {
    let is = |row: &&Value| row["identity"]["name"] == metric && row["identity"]["aggregation"] == aggregation;
    report["metrics"].as_array().unwrap().iter().find(is)?["score"].as_f64()
}

#[test]
fn decisions_are_evaluated_on_a_decision_server() {
    let server = Server::start(first_of_all);
    let words = "--eval-type systemone_api --datasets general_decision,jevbench,open_decisions,stsb";
    let run = evaluated(&server, words).run();
    // Of the four questions the first option of three is right, and one of them is a yes.
    let general = report(&run, "general_decision");
    assert_eq!(score(&general, "accuracy", "mean"), Some(0.75), "{general}");
    assert_eq!(general["execution_summary"]["succeeded"], 4);
    let reviews = rows(&run, "reviews/test-model/general_decision_default.jsonl");
    let first = reviews.iter().find(|row| row["index"] == 0).unwrap();
    let nll = first["sample_score"]["score"]["value"]["nll"].as_f64().unwrap();
    assert!((nll + 0.9_f64.ln()).abs() < 1e-12, "{nll}");
    assert_eq!(score(&report(&run, "jevbench"), "public_accuracy", "official"), Some(0.75));
    assert!(score(&report(&run, "open_decisions"), "capability", "official").is_some());
    assert!(score(&report(&run, "stsb"), "mae", "mean").is_some_and(|mae| mae > 0.0));
    // What is asked is the question and nothing else.
    let asked = server.asked();
    assert!(asked.iter().all(|seen| seen.path == "/v1/systemone"));
    let question = json!({"type": "noul", "instructions": "Is the claim true?"});
    let body =
        json!({"state": {"claim": "Whales are fish."}, "questions": {"answer": question}, "model": "test-model"});
    assert!(asked.iter().any(|seen| seen.json() == body), "{body}");
    // The whole reply is kept where EvalScope keeps it.
    let all = rows(&run, "predictions/test-model/general_decision_default.jsonl");
    let row = all.iter().find(|row| row["index"] == 0).unwrap();
    assert_eq!(row["model_output"]["metadata"]["choice_response"]["answers"]["answer"]["choice"], "track", "{row}");
    assert_eq!((&row["model_output"]["model"], &row["model_output"]["id"]), (&json!("served"), &json!("r1")));
    assert_eq!(row["model_output"]["usage"]["input_tokens"], 40);
    // What is known is not asked again, and scores the same.
    let before = server.seen().len();
    let again = evaluated(&server, words).inside(&run).args("--use-cache out").run();
    assert_eq!(server.seen().len(), before);
    for name in ["general_decision", "jevbench", "open_decisions", "stsb"] {
        assert_eq!(report(&run, name)["metrics"], report(&again, name)["metrics"], "{name}");
    }
}

#[test]
fn what_a_protocol_cannot_ask_fails_alone() {
    let server = Server::start(first_option);
    let words = "--eval-type autotrust_api --datasets jevbench,stsb";
    let run = evaluated(&server, words).exit(1).says("has no place for 1 of the questions").run();
    let jevbench = report(&run, "jevbench");
    // Without an answer it counts as wrong here.
    assert_eq!(score(&jevbench, "public_accuracy", "official"), Some(0.5), "{jevbench}");
    assert_eq!(jevbench["execution_summary"]["errored"], 1);
    let predictions = rows(&run, "predictions/test-model/jevbench_default.jsonl");
    let failed: Vec<&Value> = predictions.iter().filter(|row| row["model_output"]["error"].is_string()).collect();
    assert_eq!(failed.len(), 1);
    assert!(failed[0]["model_output"]["error"].as_str().unwrap().contains("6 levels"), "{}", failed[0]);
    assert!(score(&report(&run, "stsb"), "mae", "mean").is_some());
    let first = server.asked()[0].json();
    assert_eq!((&first["kind"], &first["thinking"]), (&json!("choice"), &json!("off")), "{first}");
}

#[test]
fn an_answer_to_another_question_is_left_out_and_counted() {
    let server = Server::start(|_| {
        let answer = json!({"type": "choice", "choice": "x", "probabilities": {"x": 0.9, "y": 0.1}});
        Reply::json(200, &json!({"model": "m", "answers": {"answer": answer}}))
    });
    let run = evaluated(&server, "--eval-type systemone_api --datasets general_decision")
        .says("4 samples left out of the figures")
        .run();
    let review = &rows(&run, "reviews/test-model/general_decision_default.jsonl")[0]["sample_score"]["score"];
    assert_eq!(review["status"], "excluded");
    assert!(review["explanation"].as_str().unwrap().contains("another question"), "{review}");
}

#[test]
fn what_no_decision_server_can_do_is_refused_before_it_is_asked() {
    let server = Server::start(first_of_all);
    let decides = |words: &str| evaluated(&server, words).args("--eval-type systemone_api").exit(2);
    decides("--datasets gsm8k").says("asks for text").says("general_decision, jevbench, open_decisions, stsb").run();
    decides("--datasets stsb --generation-config temperature=0.5").says("shapes generated text").run();
    let own = r#"{"state": "s", "question": {"type": "choice", "instructions": "?", "criteria": {"a": "x", "b": "y"}}, "expected": "c"}"#;
    decides("--datasets general_decision")
        .file("default_test.jsonl", own)
        .arg("--dataset-args")
        .arg(r#"{"general_decision": {"local_path": "."}}"#)
        .says("\"c\" is no answer to the question; there are a, b")
        .run();
    assert!(server.seen().is_empty());
}
