//! Servers that give probabilities over the options of a question.

use serde_json::{Value, json};

use crate::support::{Reply, Server, everything, perf};

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
