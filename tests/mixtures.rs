//! `evalscope collect` and the evaluation of what it drew: rows, refusals, scores by level.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Perf, Reply, Run, Server, collect, eval};

const SCHEMA: &str = "\
name: mixed
datasets:
  - name: reasoning
    weight: 2
    datasets:
      - {name: arc, weight: 2, task_type: choice, tags: [en, science]}
      - {name: ceval, task_type: choice, tags: [zh], args: {subset_list: [computer_network]}}
  - {name: gsm8k, task_type: maths, tags: [en, maths]}
";

/// Wants 4 of ARC's 6 samples, 2 of C-Eval's 4 and 3 of GSM8K's 4.
const LINE: &str = "mix.yaml --dataset-hub sample --count 9 --output mix.jsonl";

fn saying(text: &str) -> Reply {
    let body = json!({"id": "c", "object": "chat.completion", "model": "test-model",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}});
    Reply::whole(200, "application/json", &body.to_string())
}

fn drawn(line: &str) -> (Run, Vec<Value>) {
    let run = collect().file("mix.yaml", SCHEMA).args(line).run();
    let rows = rows(&run.home().join("mix.jsonl"));
    (run, rows)
}

fn rows(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn json_of(run: &Run, path: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(run.home().join(path)).unwrap()).unwrap()
}

/// A server that answers questions of some benchmarks rightly, by the rows that were drawn, and the others wrongly.
fn knowing(rows: &[Value], right: impl Fn(&Value) -> bool) -> Server {
    let answer = |row: &Value| {
        let target = row["prompt"]["target"].as_str().unwrap();
        // The reference of GSM8K is the number after the reasoning.
        let target = if right(row) { target.rsplit(' ').next().unwrap() } else { "none" };
        match row["dataset_name"].as_str().unwrap() {
            "gsm8k" => format!("\\boxed{{{target}}}"),
            "ceval" => format!("答案：{target}"),
            _ => format!("ANSWER: {target}"),
        }
    };
    let known: Vec<(String, String)> = rows
        .iter()
        .map(|row| {
            (
                row["prompt"]["input"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap().to_owned(),
                answer(row),
            )
        })
        .collect();
    Server::start(move |seen| {
        let body = seen.json();
        let asked = body["messages"].as_array().and_then(|all| all.last()).and_then(|last| last["content"].as_str());
        let found = known.iter().find(|(question, _)| asked == Some(question.as_str()));
        saying(found.map_or("hello", |(_, answer)| answer))
    })
}

fn asking(server: &Server, run: &Run, path: &str) -> Perf {
    eval()
        .inside(run)
        .args("--model test-model --datasets data_collection --no-timestamp --work-dir out --dataset-args")
        .arg(json!({"data_collection": {"local_path": path}}).to_string())
        .arg("--api-url")
        .arg(server.at("/v1"))
}

#[test]
fn a_draw_is_repeated_by_its_seed_and_shows_what_it_took() {
    let (run, first) = drawn(LINE);
    assert_eq!(first, drawn(LINE).1);
    assert_ne!(first, drawn(&format!("{LINE} --seed 7")).1);
    for words in ["mixed / reasoning", "0.4444", "gsm8k"] {
        assert!(run.stdout.contains(words), "{}", run.stdout);
    }
    let shares: Vec<usize> =
        ["arc", "ceval", "gsm8k"].map(|name| first.iter().filter(|row| row["dataset_name"] == name).count()).to_vec();
    assert_eq!(shares, [4, 2, 3]);
    let weights: f64 = first.iter().map(|row| row["weight"].as_f64().unwrap()).sum();
    assert!((weights - 1.0).abs() < 1e-9, "{weights}");
    let row = first.iter().find(|row| row["dataset_name"] == "ceval").unwrap();
    assert_eq!(row["categories"], json!(["mixed", "reasoning"]));
    assert_eq!((&row["tags"], &row["task_type"]), (&json!(["zh"]), &json!("choice")));
    assert_eq!(row["subset_name"], "computer_network");
}

#[test]
fn what_a_small_data_set_lacks_is_said_and_counted() {
    let line = "mix.yaml --dataset-hub sample --sampler uniform --count 20 --output mix.jsonl --json";
    let run = collect().file("mix.yaml", SCHEMA).args(line).says("14 of 20 rows were drawn: 6 are missing").run();
    assert!(run.stderr.contains("datasets[0].datasets[1]: ceval: has 4 samples of 6"), "{}", run.stderr);
    let told: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((&told["rows"], &told["missing"]), (&json!(14), &json!(6)));
    assert_eq!(
        told["datasets"][2],
        json!({"dataset_name": "gsm8k", "categories": ["mixed"], "weight": told["datasets"][2]["weight"],
        "samples": 4, "wanted": 8, "drawn": 4})
    );
    assert_eq!(rows(&run.home().join("mix.jsonl")).len(), 14);
    let line = "mix.yaml --dataset-hub sample --count 2 --output mix.jsonl --limit 1";
    collect().file("mix.yaml", SCHEMA).args(line).says("ceval: its share of 2 rows is less than one").run();
}

#[test]
fn levels_are_reported_as_evalscope_reports_them() {
    let (run, rows) = drawn(LINE);
    // GSM8K is answered rightly, ARC in its easy part alone.
    let easy = rows.iter().filter(|row| row["subset_name"] == "ARC-Easy").count();
    let hard = 4 - easy;
    assert!(easy > 0 && hard > 0, "{easy} easy, {hard} hard");
    let server = knowing(&rows, |row| row["dataset_name"] == "gsm8k" || row["subset_name"] == "ARC-Easy");
    let run =
        asking(&server, &run, "mix.jsonl").prints("By category").prints("By kind of task").prints("Weighted").run();
    let levels = json_of(&run, "out/reports/test-model/collection_detailed_report.json");
    let four = |value: f64| json!((value * 1e4).round() / 1e4);
    let easy = easy as f64;
    let level = |name: &str, of: &[(&str, &str)]| {
        let list = levels[name].as_array().unwrap();
        list.iter().find(|line| of.iter().all(|(column, value)| line[*column] == *value)).unwrap().clone()
    };
    let gsm =
        json!({"task_type": "maths", "dataset_name": "gsm8k", "subset_name": "main", "micro_avg.": 1.0, "count": 3});
    assert_eq!(level("subset_level", &[("dataset_name", "gsm8k")]), gsm);
    let arc = json!({"task_type": "choice", "dataset_name": "arc", "micro_avg.": four(easy / 4.0), "macro_avg.": 0.5,
        "weighted_avg.": four(easy / 4.0), "count": 4});
    assert_eq!(level("dataset_level", &[("dataset_name", "arc")]), arc);
    // Three subsets, of which one is right; ARC weighs 2/3 of the collection, C-Eval 1/3.
    let task = json!({"task_type": "choice", "micro_avg.": four(easy / 6.0), "macro_avg.": 0.3333,
        "weighted_avg.": four(easy / 4.0 * 2.0 / 3.0), "count": 6});
    assert_eq!(level("task_level", &[("task_type", "choice")]), task);
    // GSM8K weighs 1/3 of the whole, ARC 4/9.
    let weighted = (1.0 / 3.0 + easy / 4.0 * 4.0 / 9.0) / (1.0 / 3.0 + 4.0 / 9.0);
    let tag = json!({"tags": "en", "micro_avg.": four((3.0 + easy) / 7.0), "macro_avg.": 0.6667,
        "weighted_avg.": four(weighted), "count": 7});
    assert_eq!(level("tag_level", &[("tags", "en")]), tag);
    assert_eq!(levels["tag_level"].as_array().unwrap().len(), 4);
    let category = json!({"category0": "mixed", "category1": "", "micro_avg.": 1.0, "macro_avg.": 1.0, "weighted_avg.": 1.0, "count": 3});
    assert_eq!(level("category_level", &[("category1", "")]), category);
    // Lines with more samples come first.
    assert_eq!(levels["category_level"][0]["category1"], "reasoning");

    let report = json_of(&run, "out/reports/test-model/data_collection.json");
    let metric = &report["metrics"][0];
    assert_eq!((&report["num"], &metric["score"]), (&json!(9), &four((3.0 + easy) / 9.0)));
    let subsets: Vec<(Value, Value)> = metric["categories"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|category| {
            category["subsets"]
                .as_array()
                .unwrap()
                .iter()
                .map(|subset| (category["name"].clone(), subset["name"].clone()))
        })
        .collect();
    let inside = json!(["mixed", "reasoning"]);
    let expected = [
        (json!(["mixed"]), "gsm8k/main"),
        (inside.clone(), "arc/ARC-Challenge"),
        (inside.clone(), "arc/ARC-Easy"),
        (inside, "ceval/computer_network"),
    ];
    assert_eq!(subsets, expected.map(|(path, name)| (path, json!(name))));
    let page = std::fs::read_to_string(run.home().join("out/reports/report.html")).unwrap();
    for words in ["By tag", "By data set", "category1", "mean of the means of the subsets"] {
        assert!(page.contains(words), "{words}");
    }
    // A folder is taken as well, and nothing is asked again.
    std::fs::create_dir(run.home().join("folder")).unwrap();
    std::fs::copy(run.home().join("mix.jsonl"), run.home().join("folder/test.jsonl")).unwrap();
    let before = server.seen().len();
    let run = asking(&server, &run, "folder").args("--use-cache out --json").says("9 of them answered before").run();
    let told: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(told["reports"][0]["levels"], levels);
    assert!(server.seen().len() <= before + 1, "asked again");
}

#[test]
fn of_several_metrics_none_stands_for_the_mixture() {
    let schema = "name = \"all\"\n[[datasets]]\nname = \"arc\"\n[[datasets]]\nname = \"general_qa\"\n";
    let run = collect()
        .file("mix.toml", schema)
        .args("mix.toml --dataset-hub sample --count 4 --sampler uniform --output mix.jsonl")
        .run();
    let server = Server::start(|_| saying("none"));
    let run = asking(&server, &run, "mix.jsonl").run();
    let report = json_of(&run, "out/reports/test-model/data_collection.json");
    let names: Vec<&Value> =
        report["metrics"].as_array().unwrap().iter().map(|metric| &metric["identity"]["name"]).collect();
    assert_eq!(names, [&json!("accuracy"), &json!("rouge")]);
    assert_eq!(report["primary_metric_identity"], Value::Null);
    let why = report["primary_metric_unavailable_reason"].as_str().unwrap();
    assert!(why.contains("different metrics"), "{why}");
}

#[test]
fn failed_samples_are_in_no_level() {
    let (run, rows) = drawn(LINE);
    let lost = rows.iter().find(|row| row["dataset_name"] == "gsm8k").unwrap()["prompt"]["input"][0]["content"].clone();
    let server = Server::start(move |seen| match seen.json()["messages"][0]["content"] == lost {
        true => Reply::whole(400, "application/json", r#"{"error": {"message": "too long"}}"#),
        false => saying("none"),
    });
    let run = asking(&server, &run, "mix.jsonl").exit(1).run();
    let levels = json_of(&run, "out/reports/test-model/collection_detailed_report.json");
    let counts: Vec<u64> =
        levels["dataset_level"].as_array().unwrap().iter().map(|line| line["count"].as_u64().unwrap()).collect();
    assert_eq!(counts, [4, 2, 2]);
}

#[test]
fn cards_of_ones_own_are_drawn_from_and_score() {
    let card = r#"
kind = "benchmark"
name = "colours"
title = "Colours"
tags = ["Custom"]
version = "v1.0"
modality = "text"
licence = "CC0"
about = "Which colour."
[source]
subsets = ["own"]
subset_by = "file"
split = "test"
[record.fields]
question = "question"
target = "answer"
[prompt]
template = "plain"
[answer]
score = "equal"
[report]
metrics = ["accuracy"]
"#;
    let sample =
        "{\"question\": \"The sky?\", \"answer\": \"blue\"}\n{\"question\": \"Grass?\", \"answer\": \"green\"}\n";
    let schema = r#"{"name": "all", "datasets": [{"name": "colours"}]}"#;
    let run = collect()
        .file("mix.json", schema)
        .file("cards/colours/card.toml", card)
        .file("cards/colours/sample/own_test.jsonl", sample)
        .args("mix.json --cards cards --dataset-hub sample --count 2 --output mix.jsonl")
        .run();
    let server = Server::start(|_| saying("blue"));
    asking(&server, &run, "mix.jsonl").exit(2).says("dataset_name colours: no such benchmark").says("--cards").run();
    let run = asking(&server, &run, "mix.jsonl").args("--cards cards").run();
    assert_eq!(json_of(&run, "out/reports/test-model/data_collection.json")["metrics"][0]["score"], 0.5);
}

#[test]
fn what_is_wrong_is_said_and_nothing_is_written() {
    for (schema, line, exit, words) in [
        (SCHEMA, "mix.yaml --dataset-hub sample --count 9 --output mix.txt", 2, "let its name end in .jsonl"),
        (SCHEMA, "mix.yaml --dataset-hub sample --count 9 --output no/mix.jsonl", 4, "its folder is not there"),
        (SCHEMA, "mix.yaml --dataset-hub sample --count 9 --output there.jsonl", 4, "is there already"),
        (SCHEMA, "mix.yaml --dataset-hub sample --count 0 --output mix.jsonl", 2, "draw at least one row"),
        (SCHEMA, "mix.yaml --dataset-hub sample --count x --output mix.jsonl", 2, "invalid value 'x'"),
        (SCHEMA, "mix.yaml --dataset-hub sample --count 9", 2, "--output <FILE>"),
        (SCHEMA, "mix.yaml --dataset-hub moon --count 9 --output mix.jsonl", 2, "known are modelscope"),
        (
            SCHEMA,
            "mix.yaml --sampler greedy --count 9 --output mix.jsonl",
            2,
            "known are weighted, uniform, stratified",
        ),
        (SCHEMA, "none.yaml --count 9 --output mix.jsonl", 4, "none.yaml: cannot be read"),
        (SCHEMA, "mix.yaml --limit -1 --count 9 --output mix.jsonl", 2, "must not be negative"),
        ("name: a\n", "mix.yaml --count 9 --output mix.jsonl", 2, "mix.yaml: datasets: must be a list"),
        ("name: a\ndatasets: [{name: arcc}]\n", "mix.yaml --count 9 --output mix.jsonl", 2, "close to it: arc"),
        (
            "name: a\ndatasets: [{name: arc, weight: 0}]\n",
            "mix.yaml --count 9 --output mix.jsonl",
            2,
            "datasets[0].weight",
        ),
        (
            "name: a\ndatasets: [{name: arc, size: 0}]\n",
            "mix.yaml --count 9 --output mix.jsonl",
            2,
            "datasets[0].size: no such key",
        ),
        ("name: [\n", "mix.yaml --count 9 --output mix.jsonl", 2, "mix.yaml"),
        (
            "name: a\ndatasets: [{name: arc, args: {subset_list: [x], local_path: none}}]\n",
            "mix.yaml --count 9 --output mix.jsonl",
            4,
            "mix.yaml: datasets[0].args.local_path none: there is no such file or folder",
        ),
        (
            "name: a\ndatasets: [{name: gpqa_diamond, args: {few_shot_num: 3}}]\n",
            "mix.yaml --dataset-hub sample --count 9 --output mix.jsonl",
            2,
            "mix.yaml: datasets[0].args.few_shot_num 3: allowed are 0, 5",
        ),
        (
            "name: a\ndatasets: [{name: arc, args: {extra_params: {x: 1}}}]\n",
            "mix.yaml --dataset-hub sample --count 9 --output mix.jsonl",
            2,
            "datasets[0].args.extra_params.x: no such setting",
        ),
    ] {
        let run =
            collect().file("mix.yaml", schema).file("there.jsonl", "kept").args(line).exit(exit).says(words).run();
        assert!(!run.home().join("mix.jsonl").exists(), "{line}");
        assert_eq!(std::fs::read_to_string(run.home().join("there.jsonl")).unwrap(), "kept");
    }
}

#[test]
fn rows_that_are_none_are_refused_with_their_place() {
    let row = |change: Value| {
        let mut row = json!({"index": 0, "prompt": {"input": "Which?", "target": "A"}, "tags": [], "categories": [], "task_type": "",
            "weight": 1.0, "dataset_name": "arc", "subset_name": "own"});
        row.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        row
    };
    let server = Server::start(|_| saying("ANSWER: A"));
    for (change, words) in [
        (json!({"prompt": 1}), "row 2: prompt: must be an object"),
        (json!({"prompt": {"input": [], "target": "A"}}), "row 2: prompt.input: must be a text or a list of messages"),
        (json!({"prompt": {"input": [{"content": "x"}]}}), "row 2: prompt.input: a message has no role"),
        (
            json!({"prompt": {"input": "x", "evalscope": {"version": 2}}}),
            "row 2: prompt.evalscope.version: 2 is not known",
        ),
        (
            json!({"prompt": {"input": "x", "evalscope": {"version": 1, "way": 9}}}),
            "asks for variant 9 of arc, whose card has 0",
        ),
        (json!({"dataset_name": ""}), "row 2: dataset_name: must be a text"),
        (json!({"dataset_name": "data_collection"}), "is a mixture itself"),
        (json!({"dataset_name": "arcc"}), "close to it: arc"),
        (json!({"weight": -1}), "row 2: weight: -1 is no number"),
        (json!({"tags": "en"}), "row 2: tags: must be a list of texts"),
        (json!({"categories": [1]}), "row 2: categories: must be a list of texts"),
    ] {
        let rows = format!("{}\n{}\n", row(json!({})), row(change));
        let run = collect().file("mix.jsonl", rows).exit(2).run();
        asking(&server, &run, "mix.jsonl").exit(2).says(words).run();
    }
    assert!(server.seen().is_empty(), "something was asked");
}
