//! `evalscope eval` against scripted servers: scores, files, failures, and that no answer is ever lost.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Perf, Reply, Run, Seen, Server, eval};

/// A chat completion that says this.
pub fn saying(text: &str) -> Reply {
    let message = json!({"role": "assistant", "content": text});
    whole(message, "stop")
}

pub fn whole(message: Value, reason: &str) -> Reply {
    let body = json!({"id": "c", "object": "chat.completion", "model": "test-model",
        "choices": [{"index": 0, "message": message, "finish_reason": reason}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}});
    Reply::whole(200, "application/json", &body.to_string())
}

/// Twenty questions of the user's own, of which the right letter is `B`.
fn questions() -> String {
    (0..20).map(|n| format!("{}\n", json!({"id": n.to_string(), "question": format!("Question {n}?"), "A": "one", "B": "two", "C": "three", "answer": "B"}))).collect()
}

fn own(server: &Server) -> Perf {
    let folder = eval().file("own_val.jsonl", questions());
    folder
        .args("--model test-model --datasets general_mcq --no-timestamp --work-dir out --dataset-args")
        .arg(r#"{"general_mcq": {"local_path": ".", "subset_list": ["own"]}}"#)
        .arg("--api-url")
        .arg(server.at("/v1"))
}

fn file(run: &Run, path: &str) -> PathBuf {
    run.home().join("out").join(path)
}

pub fn read(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
        .unwrap()
}

fn rows(path: &Path) -> Vec<Value> {
    std::fs::read_to_string(path)
        .unwrap_or_default()
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

fn report(run: &Run) -> Value {
    read(&file(run, "reports/test-model/general_mcq.json"))
}

fn asked(server: &Server) -> Vec<String> {
    server.seen().iter().filter(|seen| !seen.prompt().contains("hello")).map(Seen::prompt).collect()
}

#[test]
fn answers_are_asked_scored_and_kept_in_evalscopes_files() {
    let server =
        Server::start(|seen| saying(if seen.prompt().contains("Question 7?") { "答案：A" } else { "答案：B" }));
    let run = own(&server).prints("95%").prints("General-MCQ").run();
    let report = report(&run);
    assert_eq!(report["schema_version"], 2);
    assert_eq!(report["metrics"][0]["score"], 0.95);
    assert_eq!(report["execution_summary"]["succeeded"], 20);
    let interval = &report["metrics"][0]["categories"][0]["subsets"][0]["metadata"]["interval_95"];
    assert!(interval[0].as_f64().unwrap() > 0.76 && interval[1].as_f64().unwrap() < 0.992, "{interval}");
    let predictions = rows(&file(&run, "predictions/test-model/general_mcq_own.jsonl"));
    let reviews = rows(&file(&run, "reviews/test-model/general_mcq_own.jsonl"));
    assert_eq!((predictions.len(), reviews.len()), (20, 20));
    let seventh = reviews.iter().find(|row| row["index"] == 7).unwrap();
    assert_eq!(seventh["sample_score"]["score"]["extracted_prediction"], "A");
    assert_eq!(seventh["sample_score"]["score"]["value"]["accuracy"], 0.0);
    assert_eq!(seventh["target"], json!(["B"]));
    let row = &predictions[0];
    assert_eq!(row["model_output"]["usage"]["total_tokens"], 10);
    assert!(row["model_output"]["metadata"]["evalscope"]["stamps"][0]["first_byte_ns"].is_u64(), "{row}");
    for path in [
        "configs/task_config.yaml",
        "logs/eval_log.log",
        "progress.json",
        "reports/report.html",
        "figures/test-model/general_mcq.json",
    ] {
        assert!(file(&run, path).is_file(), "{path}");
    }
    assert_eq!(read(&file(&run, "progress.json"))["percent"], 100.0);
}

#[test]
fn failures_are_rows_with_their_cause_and_retries_are_counted() {
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tries);
    let server = Server::start(move |seen| match seen.prompt() {
        prompt if prompt.contains("Question 3?") => {
            Reply::whole(400, "application/json", r#"{"error": {"message": "too long"}}"#)
        }
        prompt if prompt.contains("Question 5?") && counted.fetch_add(1, Ordering::SeqCst) < 2 => {
            Reply::whole(429, "application/json", r#"{"error": {"message": "slow down"}}"#)
        }
        _ => saying("答案：B"),
    });
    let run =
        own(&server).args("--generation-config retry_interval=0.01,retries=3").exit(1).says("1 samples failed").run();
    let report = report(&run);
    assert_eq!(report["metrics"][0]["score"], 1.0);
    assert_eq!(report["execution_summary"]["errored"], 1);
    assert_eq!(report["execution_summary"]["incomplete"], true);
    let predictions = rows(&file(&run, "predictions/test-model/general_mcq_own.jsonl"));
    let failed = predictions.iter().find(|row| row["index"] == 3).unwrap();
    assert!(failed["model_output"]["error"].as_str().unwrap().contains("too long"), "{failed}");
    let figures = read(&file(&run, "figures/test-model/general_mcq.json"));
    assert_eq!(figures["counters"]["requests made again"], 2);
    assert_eq!(tries.load(Ordering::SeqCst), 3);
    // Those that failed are asked again, and only those.
    let before = asked(&server).len();
    own(&server)
        .inside(&run)
        .args("--use-cache out --ignore-errors --generation-config retry_interval=0.01,retries=3")
        .run();
    assert_eq!(asked(&server).len(), before + 1);
}

#[test]
fn a_run_that_is_killed_anywhere_goes_on_to_the_same_report() {
    let server = Server::start(|seen| {
        let wrong = seen.prompt().contains("Question 4?") || seen.prompt().contains("Question 11?");
        std::thread::sleep(Duration::from_millis(15));
        saying(if wrong { "答案：C" } else { "答案：B" })
    });
    let whole = own(&server).run();
    let expected = report(&whole);
    for kept in [1, 2, 3, 5, 7, 9, 12, 15, 18, 19] {
        let running = own(&server).args("--eval-batch-size 3").exit(-1).spawn();
        let path = "out/predictions/test-model/general_mcq_own.jsonl";
        running.wait_for_file(|folder| rows(&folder.join(path)).len() >= kept);
        running.signal("KILL");
        let killed = running.finish();
        let answered: BTreeSet<u64> =
            rows(&killed.home().join(path)).iter().filter_map(|row| row["index"].as_u64()).collect();
        let before = server.seen().len();
        let run = own(&server).inside(&killed).args("--use-cache out").run();
        let again: Vec<String> =
            server.seen()[before..].iter().map(Seen::prompt).filter(|prompt| !prompt.contains("hello")).collect();
        for index in &answered {
            let question = format!("Question {index}?");
            assert!(!again.iter().any(|prompt| prompt.contains(&question)), "{question} was asked twice");
        }
        // What was on its way when the run was killed may have come to the server after that.
        let again: BTreeSet<&String> = again.iter().collect();
        assert_eq!(again.len() + answered.len(), 20);
        let report = report(&run);
        for part in ["metrics", "execution_summary", "num", "primary_metric_identity"] {
            assert_eq!(report[part], expected[part], "{part} after {kept} answers");
        }
    }
}

#[test]
fn a_larger_limit_and_another_address_use_what_is_there() {
    let answer = |_: &Seen| saying("答案：B");
    let (first, second) = (Server::start(answer), Server::start(answer));
    let run = own(&first).args("--limit 5").says("--limit").run();
    assert_eq!(asked(&first).len(), 5);
    let run = own(&second).inside(&run).args("--use-cache out").run();
    assert_eq!(asked(&second).len(), 15);
    assert_eq!(report(&run)["num"], 20);
    // Another temperature is another question.
    let run = own(&second)
        .inside(&run)
        .args("--use-cache out --generation-config temperature=0.5")
        .says("were not used")
        .run();
    assert_eq!(asked(&second).len(), 35);
    assert_eq!(report(&run)["num"], 20);
}

#[test]
fn repeats_give_pass_at_k_and_intervals_of_clusters() {
    let seen = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    let server = Server::start(move |_| {
        saying(if count.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) { "答案：B" } else { "答案：A" })
    });
    let folder = eval().file("own_val.jsonl", questions());
    let run = folder
        .args("--model test-model --datasets general_mcq --no-timestamp --work-dir out --repeats 4 --eval-batch-size 1 --dataset-args")
        .arg(r#"{"general_mcq": {"local_path": ".", "subset_list": ["own"], "aggregation": "mean_and_pass_at_k"}}"#)
        .arg("--api-url")
        .arg(server.at("/v1"))
        .run();
    let report = report(&run);
    let score = |name: &str, k: u64| {
        report["metrics"]
            .as_array()
            .unwrap()
            .iter()
            .find(|metric| {
                metric["identity"]["aggregation"] == name && (k == 0 || metric["identity"]["dimensions"]["k"] == k)
            })
            .unwrap()["score"]
            .as_f64()
            .unwrap()
    };
    assert!((score("mean", 0) - 0.5).abs() < 0.05);
    assert!(score("pass_at_k", 4) > 0.99);
}

#[test]
fn reasoning_is_split_off_and_never_scored() {
    let server = Server::start(|seen| match seen.prompt() {
        prompt if prompt.contains("Question 0?") => saying("<think>答案：A</think>答案：B"),
        prompt if prompt.contains("Question 1?") => {
            whole(json!({"role": "assistant", "content": "答案：B", "reasoning_content": "答案：A"}), "stop")
        }
        prompt if prompt.contains("Question 2?") => {
            whole(json!({"role": "assistant", "content": "<think>答案：B and so on"}), "length")
        }
        _ => saying("答案：B"),
    });
    let run = own(&server).run();
    assert_eq!(report(&run)["metrics"][0]["score"], 0.95);
    let counters = &read(&file(&run, "figures/test-model/general_mcq.json"))["counters"];
    assert_eq!(counters["replies with reasoning"], 3);
    assert_eq!(counters["replies cut while the model still reasoned"], 1);
    assert_eq!(counters["replies cut at the most tokens"], 1);
}

#[test]
fn the_embedded_model_answers_without_network() {
    let run = eval().args("--datasets gsm8k arc --dataset-hub sample --no-timestamp --work-dir out --limit 2").run();
    for name in ["gsm8k", "arc"] {
        let report = read(&run.home().join(format!("out/reports/random_tiny/{name}.json")));
        assert!(report["execution_summary"]["succeeded"].as_u64().unwrap() > 0, "{report}");
    }
}

#[test]
fn what_is_wrong_is_said_before_anything_is_asked() {
    for (line, exit, words) in [
        ("--datasets gsm9k", 2, "close to it: gsm8k"),
        ("", 2, "name at least one benchmark"),
        ("--datasets gsm8k --dataset-args {\"gsm8k\":{\"few_shot\":3}}", 2, "few_shot_num"),
        (
            "--datasets gsm8k --dataset-args {\"gsm8k\":{\"local_path\":\"./nothing\"}}",
            4,
            "there is no such file or folder",
        ),
        (
            "--datasets gpqa_diamond --dataset-hub sample --dataset-args {\"gpqa_diamond\":{\"few_shot_num\":3}}",
            2,
            "allowed are 0, 5",
        ),
        ("--datasets gsm8k --dataset-hub sample --eval-type text2image", 2, "openai_api"),
        ("--datasets gsm8k --dataset-hub moon", 2, "modelscope, huggingface"),
        ("--datasets general_mcq", 2, "its data is your own"),
        ("--datasets gsm8k --dataset-hub sample --repeats 0", 2, "at least once"),
        ("--datasets gsm8k --dataset-hub sample --generation-config nonsense", 2, "key=value"),
        ("--config nothing.yaml", 4, "cannot be read"),
    ] {
        eval().args(line).exit(exit).says(words).run();
    }
}

#[test]
fn a_configuration_file_is_read_and_flags_win() {
    let server = Server::start(|_| saying("答案：B"));
    let yaml = "model: test-model\ndatasets:\n  - general_mcq\nlimit: 3\ndataset_args:\n  general_mcq:\n    local_path: .\n    subset_list: [own]\nno_timestamp: true\nwork_dir: out\n";
    let run = eval()
        .file("own_val.jsonl", questions())
        .file("task.yaml", yaml)
        .args("--config task.yaml --limit 4 --api-url")
        .arg(server.at("/v1"))
        .run();
    assert_eq!(report(&run)["num"], 4);
    let saved = std::fs::read_to_string(file(&run, "configs/task_config.yaml")).unwrap();
    assert!(saved.contains("limit: 4") && saved.contains("general_mcq"), "{saved}");
}

#[test]
fn keys_are_nowhere() {
    let server = Server::start(|_| saying("答案：B"));
    let run = own(&server).env("EVALSCOPE_API_KEY", "sk-secret-1234").hides("sk-secret-1234").run();
    assert_eq!(server.seen()[0].header("authorization"), Some("Bearer sk-secret-1234"));
    let mut folders = vec![run.home().join("out")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                assert!(
                    !String::from_utf8_lossy(&std::fs::read(&path).unwrap()).contains("sk-secret"),
                    "{}",
                    path.display()
                );
            }
        }
    }
}
