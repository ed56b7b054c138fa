//! Mixtures of benchmarks: what `evalscope collect` draws, and what `eval` makes of it.

use serde_json::{Value, json};

use crate::support::{Reply, Run, Seen, Server, collect, eval};

/// Half of the weight is on mathematics, the other half on two kinds of choices.
const SCHEMA: &str = r#"
name: mixed
datasets:
  - {name: gsm8k, weight: 2, task_type: maths, tags: [en, maths]}
  - name: choice
    weight: 2
    datasets:
      - {name: arc, task_type: exam, tags: [en]}
      - {name: ceval, task_type: exam, tags: [zh], args: {few_shot_num: 0}}
"#;

fn rows(run: &Run, name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(run.home().join(name)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What was drawn: data set, subset, place in it.
fn drawn(rows: &[Value]) -> Vec<(String, String, u64)> {
    let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
    rows.iter()
        .map(|row| (text(row, "dataset_name"), text(row, "subset_name"), row["prompt"]["id"].as_u64().unwrap()))
        .collect()
}

#[test]
fn a_mixture_is_drawn_as_python_draws_it_and_scored_by_level() {
    let run = collect()
        .file("schema.yaml", SCHEMA)
        .args("schema.yaml --count 8 --dataset-hub sample --output mix.jsonl")
        .prints("│ ceval   │ mixed / choice │ zh        │ 0.2500 │")
        .says("gsm8k: drawn from the sample of its card")
        .says("saved  mix.jsonl: 8 rows")
        .run();
    let rows = rows(&run, "mix.jsonl");
    // random.seed(42); random.sample(range(4), 4), random.sample(range(6), 2), random.sample(range(4), 2)
    let places = |name: &str| -> Vec<u64> {
        drawn(&rows).into_iter().filter(|(dataset, ..)| dataset == name).map(|(.., place)| place).collect()
    };
    assert_eq!((places("gsm8k"), places("ceval")), (vec![0, 3, 1, 2], vec![0, 2]));
    let arc: Vec<_> = drawn(&rows).into_iter().filter(|(dataset, ..)| dataset == "arc").collect();
    assert_eq!(arc, [("arc".to_owned(), "ARC-Easy".to_owned(), 1), ("arc".to_owned(), "ARC-Challenge".to_owned(), 1)]);
    assert_eq!(rows[0]["categories"], json!(["mixed"]));
    assert_eq!((&rows[6]["categories"], &rows[6]["tags"]), (&json!(["mixed", "choice"]), &json!(["zh"])));
    assert!(rows.iter().enumerate().all(|(index, row)| row["weight"] == 0.125 && row["index"] == index));

    // A server that knows the mathematics and nothing else.
    let answers: Vec<(String, String)> = rows
        .iter()
        .filter(|row| row["dataset_name"] == "gsm8k")
        .map(|row| {
            let asked = row["prompt"]["input"].as_array().unwrap().last().unwrap();
            (asked["content"].as_str().unwrap().to_owned(), row["prompt"]["target"].as_str().unwrap().to_owned())
        })
        .collect();
    let server = Server::start(move |seen: &Seen| {
        let asked: Value = serde_json::from_slice(&seen.body).unwrap();
        let last = asked["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap();
        let text = match answers.iter().find(|(question, _)| question == last) {
            Some((_, target)) => format!("ANSWER: \\boxed{{{target}}}"),
            None => "I do not know.".to_owned(),
        };
        let body = json!({"id": "c", "object": "chat.completion", "model": "test-model",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}});
        Reply::whole(200, "application/json", &body.to_string())
    });
    let run = eval()
        .inside(&run)
        .args("--model test-model --datasets data_collection --no-timestamp --work-dir out --dataset-args")
        .arg(r#"{"data_collection": {"local_path": "mix.jsonl"}}"#)
        .arg("--api-url")
        .arg(server.at("/v1"))
        .prints("│ tag      │ en                              │   6 │ 0.6667 │ 0.3333 │   0.6667 │")
        .run();
    let reports = run.home().join("out/reports");
    let levels: Value = serde_json::from_str(
        &std::fs::read_to_string(reports.join("test-model/collection_detailed_report.json")).unwrap(),
    )
    .unwrap();
    let line = |level: &str, key: &str, name: &str| {
        let found = levels[level].as_array().unwrap().iter().find(|line| line[key] == name);
        found.unwrap_or_else(|| panic!("{level}: no {name}")).clone()
    };
    // EvalScope's keys: plain mean, mean of the subsets' means, mean by weight.
    assert_eq!(
        line("tag_level", "tags", "en"),
        json!({"tags": "en", "micro_avg.": 0.6667, "macro_avg.": 0.3333, "weighted_avg.": 0.6667, "count": 6})
    );
    assert_eq!(
        line("task_level", "task_type", "exam"),
        json!({"task_type": "exam", "micro_avg.": 0.0, "macro_avg.": 0.0, "weighted_avg.": 0.0, "count": 4})
    );
    assert_eq!(
        line("dataset_level", "dataset_name", "gsm8k"),
        json!({"task_type": "maths", "dataset_name": "gsm8k", "micro_avg.": 1.0, "macro_avg.": 1.0, "weighted_avg.": 1.0, "count": 4})
    );
    assert_eq!(
        line("subset_level", "subset_name", "ARC-Easy"),
        json!({"task_type": "exam", "dataset_name": "arc", "subset_name": "ARC-Easy", "micro_avg.": 0.0, "count": 1})
    );
    assert_eq!(
        line("category_level", "category1", "choice"),
        json!({"category0": "mixed", "category1": "choice", "micro_avg.": 0.0, "macro_avg.": 0.0, "weighted_avg.": 0.0, "count": 4})
    );
    assert_eq!(levels["subset_level"][0]["subset_name"], "main", "the largest comes first");
    assert!(std::fs::read_to_string(reports.join("report.html")).unwrap().contains("Levels of the mixture"));
}

#[test]
fn samplers_differ_and_what_is_missing_is_said() {
    let drawing = |args: &str| {
        let run = collect()
            .file("s.json", r#"{"name": "all", "datasets": [{"name": "gsm8k", "weight": 3}, {"name": "arc"}]}"#);
        run.args("s.json --dataset-hub sample --output mix.jsonl").args(args)
    };
    let of =
        |run: &Run, name: &str| drawn(&rows(run, "mix.jsonl")).iter().filter(|(dataset, ..)| dataset == name).count();
    for (sampler, expected) in [("weighted", (3, 2)), ("uniform", (2, 3)), ("stratified", (2, 3))] {
        let run = drawing(&format!("--count 5 --sampler {sampler}")).run();
        assert_eq!((of(&run, "gsm8k"), of(&run, "arc")), expected, "{sampler}");
    }
    let run = drawing("--count 20")
        .says("gsm8k: 15 rows were asked for and it has 4")
        .says("the mixture has 9 of the 20 rows that were asked for")
        .run();
    assert_eq!((of(&run, "gsm8k"), of(&run, "arc")), (4, 5));
    let other = |seed: &str| drawn(&rows(&drawing("--count 5 --seed").arg(seed).run(), "mix.jsonl"));
    assert_eq!(other("7"), other("7"));
    assert_ne!(other("7"), other("8"));
}

#[test]
fn a_schema_that_is_wrong_is_refused_before_anything_is_read() {
    let refused = |schema: &str, says: &str| {
        let run = collect().file("s.yaml", schema).args("s.yaml --count 3 --dataset-hub sample --output mix.jsonl");
        let run = run.exit(2).says(says).run();
        assert!(!run.home().join("mix.jsonl").exists());
    };
    refused("name: a\ndatasets: [{name: arc, wight: 2}]", "s.yaml: datasets[0] of the schema: wight: is no key of it");
    refused("name: a\ndatasets: [{name: arc, weight: -1}]", "weight: -1 is no number above 0");
    refused("name: a\ndatasets: []", "s.yaml: the schema: has no datasets");
    refused("name: a\ndatasets: [{name: arcc}]", "arcc");
    refused("name: a\ndatasets: [{name: data_collection}]", "it is a mixture itself, and cannot be mixed");
    collect().args("none.yaml --count 3").exit(4).says("none.yaml: cannot be read").run();
    collect().file("s.txt", "x").args("s.txt --count 3").exit(2).says("it ends in .yaml, .yml, .json or .toml").run();
}
