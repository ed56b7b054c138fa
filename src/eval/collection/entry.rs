//! One row of a mixture: a sample, with its benchmark, tags, path and weight. EvalScope's `DatasetEntry`.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::super::card::{Card, Catalog, SubsetBy};
use super::super::sample::Sample;
use super::super::source::Questions;
use super::messages::{kept, kept_tool, sent, sent_tool};
use super::schema::Part;
use super::{ROWS, is_mixture};
use crate::error::{Failure, Result};
use crate::table::{Row, Rows};

/// Where a prompt has what EvalScope's form has no place for. EvalScope passes it over.
const OWN: &str = "evalscope";
/// The version of what stands there.
const VERSION: u64 = 1;

/// The row of a sample; it is numbered later, and `weight` is its own.
pub(super) fn row(card: &Card, sample: &Sample, part: &Part<'_>, weight: f64) -> Value {
    let mut prompt = Map::new();
    let mut put = |name: &str, value: Value| drop(prompt.insert(name.to_owned(), value));
    put("input", sample.messages.iter().map(kept).collect());
    if !sample.choices.is_empty() {
        put("choices", json!(sample.choices));
    }
    let (target, exact) = target(sample);
    put("target", target);
    put("id", json!(sample.index));
    put("group_id", json!(sample.group));
    if let Some(tools) = &sample.tools {
        put("tools", tools.as_array().into_iter().flatten().map(kept_tool).collect());
    }
    if card.source.subset_by == SubsetBy::Field {
        put("subset_key", json!(sample.subset));
    }
    put("metadata", json!(sample.meta));
    let mut own = Map::new();
    let mut note = |name: &str, value: Value, told: bool| {
        if told {
            own.insert(name.to_owned(), value);
        }
    };
    let again: Result<Vec<Value>, String> = sample.messages.iter().map(kept).map(|message| sent(&message)).collect();
    // What EvalScope's form cannot say exactly, such as the blanks in the arguments of a call, is kept as it was beside it.
    note("messages", json!(sample.messages), again.as_ref() != Ok(&sample.messages));
    let tools = sample.tools.as_ref().and_then(Value::as_array);
    let is_other = tools.is_some_and(|tools| tools.iter().any(|tool| sent_tool(&kept_tool(tool)) != *tool));
    note("tools", json!(tools), is_other);
    note("target", sample.target.clone(), exact);
    note("question", json!(sample.question), !sample.question.is_empty() && sample.question != sample.asked());
    note("turns", json!(sample.turns), !sample.turns.is_empty());
    note("shots", json!(sample.shots), sample.shots > 0);
    note("way", json!(sample.way), sample.way > 0);
    if !own.is_empty() {
        own.insert("version".to_owned(), json!(VERSION));
        put(OWN, Value::Object(own));
    }
    json!({
        "index": 0, "prompt": prompt, "tags": part.dataset.tags, "categories": part.path, "task_type": part.dataset.task_type,
        "weight": weight, "dataset_name": part.dataset.name, "subset_name": sample.subset,
    })
}

/// What is right as EvalScope's form takes it, a text or a list of texts, and whether that is not what it was.
fn target(sample: &Sample) -> (Value, bool) {
    match &sample.target {
        text @ Value::String(_) => (text.clone(), false),
        Value::Array(list) if list.iter().all(Value::is_string) => (json!(list), false),
        _ => match sample.target_list().unwrap_or_default().as_slice() {
            [] => (json!(""), true),
            [one] => (json!(one), true),
            several => (json!(several), true),
        },
    }
}

/// The rows of a mixture's file as the card of mixtures takes them: messages as they are sent, and what is known of the row
/// under the names that EvalScope's rows of predictions have for it.
///
/// # Errors
/// When the file cannot be read, or a row is not as it should be; the message has the row and the key.
pub fn opened(path: &Path) -> Result<Vec<Row>> {
    let mut records = Vec::new();
    for (place, row) in Rows::open(path)?.enumerate() {
        let record = record(&row?).map_err(|why| {
            Failure::usage(format!("{}: row {}: {why}", path.display(), place + 1))
                .hint("`evalscope collect` draws such rows; EvalScope's samplers do, too")
        })?;
        records.push(record);
    }
    Ok(records)
}

fn record(row: &Row) -> Result<Row, String> {
    let prompt = row.get("prompt").and_then(Value::as_object).ok_or("prompt: must be an object")?;
    let at = |name: &str| prompt.get(name).filter(|value| !value.is_null());
    let own = at(OWN);
    if let Some(version) = own.map(|own| &own["version"]).filter(|version| **version != VERSION) {
        return Err(format!("prompt.{OWN}.version: {version} is not known here, {VERSION} is; draw the rows again"));
    }
    let noted = |name: &str| own.and_then(|own| own.get(name)).cloned();
    let messages = match at("input") {
        Some(Value::String(text)) => vec![json!({"role": "user", "content": text})],
        Some(Value::Array(list)) if !list.is_empty() => {
            list.iter().map(sent).collect::<Result<_, _>>().map_err(|why| format!("prompt.input: {why}"))?
        }
        _ => return Err("prompt.input: must be a text or a list of messages".to_owned()),
    };
    let messages = match noted("messages") {
        Some(Value::Array(exact)) => exact,
        _ => messages,
    };
    let words = |name: &str| match row.get(name) {
        Some(Value::String(text)) if !text.is_empty() => Ok(json!(text)),
        _ => Err(format!("{name}: must be a text that is not empty")),
    };
    let list = |name: &str| match row.get(name) {
        None | Some(Value::Null) => Ok(json!([])),
        Some(list @ Value::Array(all)) if all.iter().all(Value::is_string) => Ok(list.clone()),
        Some(_) => Err(format!("{name}: must be a list of texts")),
    };
    let weight = match row.get("weight") {
        None => json!(1.0),
        Some(value) if value.as_f64().is_some_and(|weight| weight >= 0.0 && weight.is_finite()) => value.clone(),
        Some(value) => return Err(format!("weight: {value} is no number of at least 0")),
    };
    let task = match row.get("task_type") {
        None | Some(Value::Null) => json!(""),
        Some(task @ Value::String(_)) => task.clone(),
        Some(_) => return Err("task_type: must be a text".to_owned()),
    };
    let info = json!({
        "index": row.get("index"), "tags": list("tags")?, "categories": list("categories")?, "task_type": task, "weight": weight,
        "dataset_name": words("dataset_name")?, "subset_name": words("subset_name")?,
    });
    let tools = noted("tools")
        .or_else(|| at("tools").map(|tools| tools.as_array().into_iter().flatten().map(sent_tool).collect::<Value>()));
    let sample = Sample { messages: messages.clone(), ..Sample::default() };
    let record = json!({
        "question": noted("question").unwrap_or_else(|| json!(sample.asked())), "messages": messages,
        "choices": at("choices"), "tools": tools, "turns": noted("turns").unwrap_or_else(|| json!([])),
        "target": noted("target").unwrap_or_else(|| at("target").cloned().unwrap_or_default()),
        "metadata": at("metadata").cloned().unwrap_or_else(|| json!({})), "collection_info": info,
        "shots": noted("shots").unwrap_or_else(|| json!(0)), "way": noted("way").unwrap_or_else(|| json!(0)),
    });
    match record {
        Value::Object(record) => Ok(record),
        _ => Err("is no object".to_owned()),
    }
}

/// Whether every row of a mixture has a card that scores it.
///
/// # Errors
/// When a row is of a benchmark that has no card, or whose card asks in fewer ways than the row says.
pub fn check(mixture: &str, questions: &Questions, catalog: &Catalog) -> Result<()> {
    for (_, sample) in questions.subsets.iter().flat_map(|(subset, samples)| samples.iter().map(move |s| (subset, s))) {
        let info = &sample.meta.get("collection_info").cloned().unwrap_or_default();
        let name = info["dataset_name"].as_str().unwrap_or_default();
        let at = format!("{mixture}: the row of index {}", info["index"]);
        let card = catalog.all().find(|entry| entry.card.name == name).map(|entry| &entry.card);
        let card = card.ok_or_else(|| {
            Failure::usage(format!("{at}: dataset_name {name}: no such benchmark"))
                .hint(format!("{}; --cards adds cards of your own", catalog.close_to(name)))
        })?;
        if is_mixture(card) {
            return Err(Failure::usage(format!("{at}: dataset_name {name}: is a mixture itself"))
                .hint(format!("its rows are scored by benchmarks whose reports are not made by rows = \"{ROWS}\"")));
        }
        let ways = card.variants.len() as u64;
        if let Some(way) = sample.meta.get("way").and_then(Value::as_u64).filter(|way| *way > ways) {
            return Err(Failure::usage(format!("{at}: asks for variant {way} of {name}, whose card has {ways}"))
                .hint("the card has changed since the row was drawn: draw it again"));
        }
    }
    Ok(())
}
