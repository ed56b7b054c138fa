//! Every card against a server that knows its sample: right answers give 1, wrong ones 0, half of them half.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use evalscope::error::Failure;
use evalscope::eval::conduct::Evaluation;
use evalscope::eval::method::Reply as Said;
use evalscope::eval::sample::Sample;
use evalscope::eval::subject;
use evalscope::eval::task::Task;
use evalscope::target::Dialect;
use serde_json::{Map, Value, json};

use crate::support::{Reply, Seen, Server, eval};

/// A chat completion that says this.
fn whole(message: Value, reason: &str) -> Reply {
    let body = json!({"id": "c", "object": "chat.completion", "model": "test-model",
        "choices": [{"index": 0, "message": message, "finish_reason": reason}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}});
    Reply::json(200, &body)
}

/// What is asked, as a server sees it: the texts of all messages.
pub fn words(messages: &Value) -> String {
    let text = |message: &Value| match &message["content"] {
        Value::Array(parts) => parts.iter().map(|part| part.to_string()).collect::<String>(),
        other => other.as_str().unwrap_or_default().to_owned(),
    };
    messages.as_array().into_iter().flatten().map(text).collect::<Vec<_>>().join("\u{1}")
}

/// Fields of a chat's body that say nothing of its question.
const COMMON: [&str; 4] = ["messages", "model", "stream", "tools"];

/// What tells a chat from others: its words, and the fields of its body that are its own.
fn key_of_chat(messages: &Value, body: &Map<String, Value>) -> String {
    let is_own = |(name, value): &(&String, &Value)| {
        // The one setting that every request has where the user asks for none.
        !COMMON.contains(&name.as_str()) && (name.as_str() != "temperature" || **value != json!(0.0))
    };
    let own: BTreeMap<&String, &Value> = body.iter().filter(is_own).collect();
    format!("{}\u{2}{}", words(messages), json!(own))
}

fn key_of_decision(body: &Value) -> String {
    json!([body["state"], body["questions"]]).to_string()
}

fn key(sample: &Sample) -> String {
    match &sample.decision {
        Some(question) => key_of_decision(&Value::Object(question.body(&Dialect::SystemOne, "").unwrap())),
        None => key_of_chat(&json!(sample.messages), &sample.body),
    }
}

/// A perfect and a hopeless reply, and the place of the sample, by what is asked.
type Replies = HashMap<String, (Said, Said, usize)>;

/// The cards of one kind of server.
#[derive(Default)]
struct Cards {
    names: Vec<String>,
    /// Those that are plain means over an even number of samples, so that half of the answers is half of the score.
    means: BTreeSet<String>,
    replies: Replies,
}

/// The samples of every card with a perfect and a hopeless reply to each: of those that ask for chats, and of those that ask
/// for decisions.
fn rehearsed(cache: &Path) -> (Cards, Cards) {
    let task = Task { dataset_hub: Some("sample".to_owned()), ..Task::default() };
    let (mut chats, mut decisions) = (Cards::default(), Cards::default());
    for entry in evalscope::eval::conduct::catalog(&task).unwrap().all() {
        let name = entry.card.name.clone();
        let task = Task { datasets: Some(vec![name.clone()]), ..task.clone() };
        let plan = subject::plan(&task, &task.generation()).unwrap();
        let mut fetch = |_: &evalscope::plan::Wanted| Err(Failure::usage("nothing is fetched"));
        // A mixture has no questions of its own, and a haystack is made with a tokenizer of the user's.
        let evaluation = match Evaluation::prepare(&task, plan, cache, &mut fetch) {
            Err(_) if MADE.contains(&name.as_str()) => continue,
            evaluation => evaluation.unwrap_or_else(|failure| panic!("{name}: {failure}")),
        };
        let cards = if entry.card.record.fields.decision.is_some() { &mut decisions } else { &mut chats };
        let even = evaluation.counts().iter().flat_map(|(_, subsets)| subsets).all(|(_, samples)| samples % 2 == 0);
        let report = &entry.card.report;
        // ToolBench's F1 is of the steps that call something, not of all.
        if even
            && name != "tool_bench"
            && report.rows.is_none()
            && report.aggregate.as_deref().is_none_or(|aggregate| aggregate == "mean")
        {
            cards.means.insert(name.clone());
        }
        cards.names.push(name);
        for (benchmark, sample) in evaluation.samples() {
            let method = benchmark.method(sample);
            let (Some(right), Some(wrong)) = (method.right(sample), method.wrong(sample)) else { continue };
            cards.replies.insert(key(sample), (right, wrong, sample.index));
        }
    }
    (chats, decisions)
}

/// A reply to a chat.
pub fn chatted(said: &Said, turn: usize) -> Reply {
    if let Some(status) = said.raw.as_ref().and_then(|raw| raw["status"].as_u64()) {
        return Reply::error(u16::try_from(status).unwrap(), "no");
    }
    let calls: Vec<Value> = said.calls.iter().map(|call| json!({"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}})).collect();
    if calls.is_empty() {
        let text = said.turns.get(turn).unwrap_or(&said.text);
        return whole(json!({"role": "assistant", "content": text}), "stop");
    }
    whole(json!({"role": "assistant", "content": said.text, "tool_calls": calls}), "tool_calls")
}

/// A reply to a decision: the probabilities that are told, and none for the other options.
fn decided(asked: &Value, said: &Said) -> Reply {
    let told = &said.raw.as_ref().unwrap()["probabilities"];
    let chance = |label: &str| told[label].as_f64().unwrap_or(0.0);
    let answer = match (asked["type"].as_str().unwrap(), &asked["criteria"]) {
        ("noul", _) => json!({"type": "noul", "noul": chance("yes")}),
        (_, Value::Array(levels)) => {
            let all = (0..levels.len()).map(|level| (level.to_string(), json!(chance(&level.to_string()))));
            let mean: f64 = (0..levels.len()).map(|level| level as f64 * chance(&level.to_string())).sum();
            json!({"type": "score", "probabilities": all.collect::<Map<_, _>>(), "score": mean})
        }
        (_, criteria) => {
            let labels: Vec<&String> = criteria.as_object().unwrap().keys().collect();
            let all: Map<String, Value> = labels.iter().map(|label| ((*label).clone(), json!(chance(label)))).collect();
            let likeliest = labels.iter().max_by(|a, b| chance(a).total_cmp(&chance(b)));
            json!({"type": "choice", "probabilities": all, "choice": likeliest})
        }
    };
    Reply::json(200, &json!({"model": "test-model", "answers": {"answer": answer}}))
}

/// What a server says that answers all samples rightly (0), none (1), or those at even places (2).
fn script(seen: &Seen, known: &Replies, mode: usize) -> Reply {
    let body = seen.json();
    let pick = |(right, wrong, index): &(Said, Said, usize)| {
        if mode == 0 || (mode == 2 && index % 2 == 0) { right.clone() } else { wrong.clone() }
    };
    if let Some(asked) = body.pointer("/questions/answer") {
        return decided(asked, &pick(&known[&key_of_decision(&body)]));
    }
    let asked = body["messages"].as_array().cloned().unwrap_or_default();
    // A later turn begins with what was asked first.
    let of = |count: usize| known.get(&key_of_chat(&json!(asked[..count]), body.as_object().unwrap()));
    let first = (1..=asked.len()).rev().find_map(|count| Some((count, of(count)?)));
    let Some((count, found)) = first else { return whole(json!({"role": "assistant", "content": "?"}), "stop") };
    let turn = asked[count..].iter().filter(|message| message["role"] == "assistant").count();
    chatted(&pick(found), turn)
}

/// Benchmarks whose questions are made of something of the user's.
const MADE: [&str; 2] = ["data_collection", "needle_haystack"];

/// Benchmarks whose scale is another one by the rules of their authors: what right answers give, and what the wrong ones of the
/// card's sample do.
const SCALES: [(&str, f64, f64); 2] = [
    // A scale that begins below 0: three samples whose distances add up to 35 and one with 32.
    ("eq_bench", 1.0, -1.5609),
    // A mean error in levels; the wrong ones are at the end that is farther from the rating.
    ("stsb", 0.0, 4.1),
];

#[test]
fn every_card_gives_1_for_right_0_for_wrong_and_half_for_half() {
    let cache = tempfile::tempdir().unwrap();
    let (chats, decisions) = rehearsed(cache.path());
    let (all, means) = (chats.names.len(), chats.means.len());
    assert!(all > 120 && means > 90 && decisions.names.len() >= 4, "{all} cards, {means} means");
    let mut scores: BTreeMap<String, Vec<Option<f64>>> = BTreeMap::new();
    let mut of_means = BTreeSet::new();
    for (cards, spoken) in [(chats, "openai_api"), (decisions, "systemone_api")] {
        let replies = Arc::new(cards.replies);
        for mode in 0..3 {
            let known = Arc::clone(&replies);
            let server = Server::start(move |seen| script(seen, &known, mode));
            let run = eval()
                .args(
                    "--model test-model --dataset-hub sample --no-timestamp --work-dir out --ignore-errors --eval-type",
                )
                .args(spoken)
                .arg("--api-url")
                .arg(server.at("/v1"))
                .arg("--datasets")
                .arg(cards.names.join(","))
                .run();
            for name in &cards.names {
                let path = run.home().join(format!("out/reports/test-model/{name}.json"));
                let report: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
                let primary = &report["primary_metric_identity"];
                let metric = report["metrics"].as_array().unwrap().iter().find(|metric| &metric["identity"] == primary);
                scores.entry(name.clone()).or_default().push(metric.and_then(|metric| metric["score"].as_f64()));
            }
        }
        of_means.extend(cards.means);
    }
    let mut wrong = Vec::new();
    for (name, found) in &scores {
        let scale = SCALES.iter().find(|(other, ..)| other == name);
        let (best, worst) = scale.map_or((1.0, 0.0), |(_, best, worst)| (*best, *worst));
        let near = |at: usize, value: f64| found[at].is_some_and(|score| (score - value).abs() < 1e-6);
        let halves = !of_means.contains(name) || scale.is_some() || near(2, 0.5);
        if !(near(0, best) && near(1, worst) && halves) {
            wrong.push(format!("{name}: {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), scores.len(), wrong.join("\n"));
}
