//! Collections: what they weigh, what is drawn of them, and that a row is scored as its sample is alone.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests say what they need and stop there")]

use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::args::DatasetArgs;
use super::super::benchmark::Benchmark;
use super::super::card::Catalog;
use super::super::method::{Case, Marks};
use super::super::sample::Sample;
use super::super::source::{Choice, Place, Questions, load};
use super::super::task::Task;
use super::entry::row;
use super::messages::{kept, kept_tool, sent, sent_tool};
use super::*;
use crate::error::Failure;

const GOLDEN: &str = include_str!("../../../tests/golden/mixtures.jsonl");

fn catalog() -> Catalog {
    Catalog::open(None).unwrap_or_else(|failure| panic!("{failure}"))
}

fn read(value: &Value) -> Collection {
    Collection::of(value, "mix.yaml", &catalog()).unwrap_or_else(|failure| panic!("{failure}")).0
}

fn draw(collection: &Collection, sampler: &str, count: usize, seed: u64, cache: &Path) -> Drawn {
    let task = Task { dataset_hub: Some("sample".to_owned()), seed: Some(seed), ..Task::default() };
    let drawing = Drawing { collection, sampler: Sampler::named(sampler).unwrap(), count };
    let mut no_hub = |_: &_| Err(Failure::usage("a sample needs no hub"));
    drawing.draw("mix.yaml", &task, &catalog(), cache, &mut no_hub).unwrap_or_else(|failure| panic!("{failure}"))
}

#[test]
fn weights_are_shares_of_their_level_and_paths_are_names() {
    let collection = read(&json!({"name": "all", "weight": 9, "datasets": [
        {"name": "left", "weight": 3, "datasets": [{"name": "arc", "weight": 1}, {"name": "gsm8k", "weight": 4}]},
        {"name": "ceval", "weight": 1.0, "tags": ["zh"], "task_type": "choice"},
    ]}));
    let flat = collection.flat();
    let seen: Vec<(&str, f64, String)> =
        flat.iter().map(|part| (part.dataset.name.as_str(), part.weight, part.path.join("/"))).collect();
    let expected = [("arc", 0.2 * 0.75, "all/left"), ("gsm8k", 0.8 * 0.75, "all/left"), ("ceval", 0.25, "all")];
    assert_eq!(seen, expected.map(|(name, weight, path)| (name, weight, path.to_owned())));
    assert_eq!((flat[2].dataset.tags.as_slice(), flat[0].dataset.tags.len()), (["zh".to_owned()].as_slice(), 0));
}

#[test]
fn what_is_wrong_is_said_with_the_path_of_its_key() {
    let within = |member: Value| json!({"name": "all", "datasets": [{"name": "in", "datasets": [member]}]});
    for (value, words, hint) in [
        (json!([]), "mix.yaml: must be an object", "name, weight, datasets"),
        (json!({"datasets": [{"name": "arc"}]}), "mix.yaml: name: must be a text", ""),
        (json!({"name": "a"}), "mix.yaml: datasets: must be a list of at least one", "{name: gsm8k}"),
        (json!({"name": "a", "datasets": []}), "mix.yaml: datasets: must be a list of at least one", ""),
        (json!({"name": "a", "tag": 1, "datasets": []}), "mix.yaml: tag: no such key", "name, weight, datasets"),
        (within(json!({"name": "b", "datasets": []})), "datasets[0].datasets[0].datasets: must be a list", ""),
        (within(json!({"name": "arcc"})), "datasets[0].datasets[0].name: arcc: no such benchmark", "close to it: arc"),
        (within(json!({"name": "data_collection"})), "datasets[0].datasets[0].name: data_collection: is a mixture", ""),
        (within(json!({"name": "arc", "wait": 1})), "datasets[0].datasets[0].wait: no such key", "task_type"),
        (
            within(json!({"name": "arc", "weight": 0})),
            "datasets[0].datasets[0].weight: 0 is no number above 0",
            "leave",
        ),
        (within(json!({"name": "arc", "weight": -1.5})), "weight: -1.5 is no number above 0", ""),
        (within(json!({"name": "arc", "weight": "1"})), "weight: \"1\" is no number above 0", ""),
        (within(json!({"name": "arc", "tags": "en"})), "tags: \"en\" is no list of texts", ""),
        (within(json!({"name": "arc", "tags": [1]})), "tags: [1] is no list of texts", ""),
        (within(json!({"name": "arc", "task_type": 3})), "task_type: 3 is no text", ""),
        (within(json!({"name": "arc", "args": [1]})), "args: [1] is no object", "few_shot_num"),
        (within(json!({"name": "arc", "args": {"few_shot": 1}})), "datasets[0].datasets[0].args: unknown field", ""),
        (within(json!("arc")), "datasets[0].datasets[0]: must be an object", ""),
    ] {
        let failure = Collection::of(&value, "mix.yaml", &catalog()).unwrap_err();
        assert!(failure.message.contains(words), "{value}: {failure}");
        assert!(failure.hint.as_deref().unwrap_or_default().contains(hint), "{value}: {:?}", failure.hint);
    }
}

#[test]
fn what_has_no_effect_is_told() {
    let value = json!({"name": "all", "datasets": [
        {"name": "arc", "hierarchy": ["other"], "args": {"filters": {"remove_until": "x"}}}, {"name": "gsm8k", "hierarchy": ["all"]}]});
    let (_, notices) = Collection::of(&value, "mix.yaml", &catalog()).unwrap();
    assert_eq!(notices.len(), 2, "{notices:?}");
    assert!(notices[0].contains("datasets[0].hierarchy") && notices[1].contains("datasets[0].args.filters"));
}

#[test]
fn drawn_rows_are_those_of_pythons_generator() {
    let cache = tempfile::tempdir().unwrap();
    let mut lines = GOLDEN.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let collection = read(&lines.next().unwrap());
    let mut rows = 0;
    for case in lines {
        let (count, seed) = (case["count"].as_u64().unwrap() as usize, case["seed"].as_u64().unwrap());
        let drawn = draw(&collection, case["sampler"].as_str().unwrap(), count, seed, cache.path());
        let seen = drawn.rows.iter().map(|row| {
            json!([row["dataset_name"], row["subset_name"], row["prompt"]["id"], row["weight"], row["categories"]])
        });
        assert_eq!(json!(seen.collect::<Vec<_>>()), case["rows"], "{case}");
        assert_eq!(drawn.rows.len() + drawn.missing(), count);
        assert!(drawn.rows.iter().enumerate().all(|(index, row)| row["index"] == index));
        assert!(drawn.missing() == 0 || drawn.notices.iter().any(|notice| notice.contains("are missing")));
        rows += drawn.rows.len();
    }
    assert!(rows > 400, "{rows}");
}

#[test]
fn a_drawn_row_reads_like_this() {
    let cache = tempfile::tempdir().unwrap();
    let collection = read(&json!({"name": "all", "datasets": [
        {"name": "gsm8k", "task_type": "maths", "tags": ["en"], "args": {"few_shot_num": 1}}]}));
    let drawn = draw(&collection, "uniform", 1, 42, cache.path());
    insta::assert_snapshot!(serde_json::to_string_pretty(&drawn.rows[0]).unwrap());
}

#[test]
fn messages_and_tools_come_back_as_they_went() {
    let messages = [
        json!({"role": "user", "content": "a"}),
        json!({"role": "user", "content": [
            {"type": "text", "text": "b"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
            {"type": "image_url", "image_url": {"url": "https://a/b.png", "detail": "low"}},
            {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
            {"type": "video_url", "video_url": {"url": "data:video/mp4;base64,AAAA"}}]}),
        json!({"role": "assistant", "content": "", "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{\"a\": 1}"}}]}),
        json!({"role": "tool", "content": "2", "tool_call_id": "1"}),
    ];
    for message in &messages {
        assert_eq!(sent(&kept(message)).as_ref(), Ok(message));
    }
    assert_eq!(kept(&messages[1])["content"][1], json!({"type": "image", "image": "data:image/png;base64,AAAA"}));
    assert_eq!(kept(&messages[2])["tool_calls"][0]["function"]["arguments"], json!({"a": 1}));
    let tool = json!({"type": "function", "function": {"name": "f", "parameters": {}}});
    assert_eq!((kept_tool(&tool)["name"].as_str(), sent_tool(&kept_tool(&tool))), (Some("f"), tool));
    // What EvalScope notes of messages is not for the server.
    let noted = json!({"id": "7", "role": "user", "content": [{"type": "text", "text": "x", "refusal": null}], "source": "input"});
    assert_eq!(sent(&noted), Ok(json!({"role": "user", "content": [{"type": "text", "text": "x"}]})));
    assert!(sent(&json!({"content": "x"})).is_err());
}

fn sampled(catalog: &Arc<Catalog>, name: &str, place: &Place, cache: &Path) -> (Benchmark, Questions) {
    let entry = catalog.get(name).unwrap_or_else(|failure| panic!("{failure}"));
    let benchmark = Benchmark::new(entry, DatasetArgs::default(), 42).unwrap_or_else(|failure| panic!("{failure}"));
    let benchmark = benchmark.among(catalog);
    let mut no_hub = |_: &_| Err(Failure::usage("a sample needs no hub"));
    let choice = Choice { limit: None, repeats: 1 };
    let questions = load(&benchmark, place, choice, cache, &mut no_hub);
    (benchmark, questions.unwrap_or_else(|failure| panic!("{name}: {failure}")))
}

fn marks(benchmark: &Benchmark, sample: &Sample, from: (&Benchmark, &Sample), is_right: bool) -> Option<Marks> {
    let method = from.0.method(from.1);
    let mut reply = if is_right { method.right(from.1) } else { method.wrong(from.1) }?;
    reply.turns = vec![reply.text.clone(); sample.turns.len() + 1];
    let mut marks = benchmark.method(sample).judge(&Case { sample, reply: &reply });
    marks.values.sort_by(|a, b| a.0.cmp(&b.0));
    Some(marks)
}

#[test]
fn every_sample_is_asked_and_scored_in_a_mixture_as_it_is_alone() {
    let cache = tempfile::tempdir().unwrap();
    let catalog = Arc::new(catalog());
    let (mut compared, mut faults) = (0, Vec::new());
    for entry in catalog.all().filter(|entry| !is_mixture(&entry.card)) {
        let name = entry.card.name.as_str();
        let (alone, questions) = sampled(&catalog, name, &Place::Sample, cache.path());
        let collection = read(&json!({"name": "all", "datasets": [{"name": name}]}));
        let part = collection.flat().remove(0);
        let samples: Vec<&Sample> =
            questions.subsets.iter().flat_map(|(_, samples)| samples.iter().map(|sample| &**sample)).collect();
        let lines: String =
            samples.iter().map(|sample| format!("{}\n", row(alone.card(), sample, &part, 1.0))).collect();
        let file = cache.path().join("mix.jsonl");
        std::fs::write(&file, lines).unwrap();
        let (mixed, questions) = sampled(&catalog, "data_collection", &Place::Local(file), cache.path());
        check("data_collection", &questions, &catalog).unwrap_or_else(|failure| panic!("{name}: {failure}"));
        let inside = &questions.subsets[0].1;
        assert_eq!(inside.len(), samples.len(), "{name}");
        for (sample, inside) in samples.iter().zip(inside) {
            let asked = (&sample.messages, &sample.tools, &sample.turns, &sample.target, &sample.choices);
            let again = (&inside.messages, &inside.tools, &inside.turns, &inside.target, &inside.choices);
            if asked != again {
                faults.push(format!("{name} {}: asked {asked:?}, in the mixture {again:?}", sample.index));
            }
            for is_right in [true, false] {
                let expected = marks(&alone, sample, (&alone, sample), is_right);
                let found = marks(&mixed, inside, (&alone, sample), is_right);
                compared += 1;
                if expected != found {
                    faults.push(format!("{name} {}: alone {expected:?}, in the mixture {found:?}", sample.index));
                }
            }
        }
    }
    assert!(compared > 1000, "{compared}");
    assert!(faults.is_empty(), "{} of {compared}:\n{}", faults.len(), faults.join("\n"));
}

/// A collection of so many levels over one benchmark, with weights.
fn collections() -> impl Strategy<Value = Value> {
    let leaf = (1u32..1000).prop_map(|weight| json!({"name": "arc", "weight": f64::from(weight) / 8.0}));
    let nested = leaf.prop_recursive(4, 24, 4, |inner| {
        (1u32..1000, prop::collection::vec(inner, 1..4))
            .prop_map(|(weight, datasets)| json!({"name": "in", "weight": weight, "datasets": datasets}))
    });
    prop::collection::vec(nested, 1..5).prop_map(|datasets| json!({"name": "all", "datasets": datasets}))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn weights_sum_to_one(value in collections()) {
        let collection = read(&value);
        let flat = collection.flat();
        prop_assert!((flat.iter().map(|part| part.weight).sum::<f64>() - 1.0).abs() < 1e-9);
        prop_assert!(flat.iter().all(|part| part.weight > 0.0 && part.path[0] == "all"));
    }

    #[test]
    fn shares_sum_to_the_count(
        parts in prop::collection::vec((1u32..100, 0usize..50), 1..9), count in 0usize..500,
    ) {
        let total: f64 = parts.iter().map(|(weight, _)| f64::from(*weight)).sum();
        let weights: Vec<f64> = parts.iter().map(|(weight, _)| f64::from(*weight) / total).collect();
        let sizes: Vec<usize> = parts.iter().map(|(_, size)| *size).collect();
        for (name, sampler) in Sampler::ALL {
            let shares = sampler.shares(&weights, &sizes, count);
            prop_assert_eq!(shares.iter().sum::<usize>(), count, "{}", name);
            // No share but the last, which takes what rounding left, is above what is due.
            for (share, weight) in shares.iter().zip(&weights).take(shares.len() - 1) {
                let most = match sampler { Sampler::Weighted => weight * count as f64, Sampler::Uniform => count as f64 / shares.len() as f64, Sampler::Stratified => count as f64 };
                prop_assert!(*share as f64 <= most + 1e-9, "{}", name);
            }
        }
    }
}
