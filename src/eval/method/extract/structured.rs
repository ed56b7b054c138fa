//! Answers with a form of their own: calls, JSON, programs, grids, boxes and points.

use serde_json::{Value, json};
use toml::Table;

use super::super::super::forms::{arc_agi, finqa, json as texts, surds, tir_bench, visfactor, zebra_logic};
use super::super::super::grounding::{Region, ref_adv, refcoco, screenspot};
use super::super::super::sample::Sample;
use super::super::case::{Case, Reply, Taken};
use super::super::params::{none, read};
use super::super::score::{is_native, noted_as, noted_text, tir_task, writing};
use super::{Extract, Made};

pub(super) const NAMES: &[&str] = &[
    "calls",
    "json",
    "finqa",
    "arc-agi-2",
    "surds",
    "tir-bench",
    "visfactor",
    "tool-bench",
    "refcoco",
    "ref-adv-s",
    "screenspot-pro",
];

pub(super) fn extractor(name: &str, params: &Table) -> Made {
    if name == "arc-agi-2" {
        return Ok(Box::new(Grid(read(name, params)?)));
    }
    none(name, params)?;
    let form = |take: fn(&Case<'_>) -> Option<String>, give: fn(&str, &Sample) -> String| Box::new(Form { take, give });
    let same = |answer: &str, _: &Sample| answer.to_owned();
    Ok(match name {
        "calls" => Box::new(Calls),
        "json" => form(|case| zebra_logic::extract(&case.reply.text).map(|value| value.to_string()), same),
        "finqa" => form(|case| finqa::extract(&case.reply.text), |answer, _| format!("Program: {answer}")),
        "surds" => {
            form(|case| Some(surds::extract(&case.reply.text)), |answer, _| format!("<answer>{answer}</answer>"))
        }
        "tir-bench" => form(tir, |answer, _| format!("ANSWER: {answer}")),
        "visfactor" => form(visual_factor, |answer, _| json!({"answer": answer}).to_string()),
        "tool-bench" => form(|case| Some(case.reply.text.clone()), same),
        "refcoco" => form(box_of_phrase, same),
        "ref-adv-s" => form(box_among_others, boxes),
        _ => form(point, |answer, _| format!("Answer: {answer}")),
    })
}

/// An answer that one function takes and another gives.
struct Form {
    take: fn(&Case<'_>) -> Option<String>,
    give: fn(&str, &Sample) -> String,
}

impl Extract for Form {
    fn take(&self, case: &Case<'_>) -> Taken {
        let found = (self.take)(case);
        let via = Some(if found.as_ref().is_some_and(|text| !text.is_empty()) { "marker" } else { "none" });
        Taken { text: found.unwrap_or_default(), via }
    }

    fn give(&self, answer: &str, sample: &Sample) -> String {
        (self.give)(answer, sample)
    }
}

fn tir(case: &Case<'_>) -> Option<String> {
    Some(tir_bench::extract(&case.reply.text, &case.sample.target_text(), tir_task(case.sample)))
}

fn visual_factor(case: &Case<'_>) -> Option<String> {
    let (category, additional) = (noted_text(case.sample, "category_id"), noted_text(case.sample, "additional"));
    Some(visfactor::extract(category, &case.reply.text, additional))
}

fn box_of_phrase(case: &Case<'_>) -> Option<String> {
    let size = noted_as(case.sample, "image_size").unwrap_or((0.0, 0.0));
    refcoco::extract(&case.reply.text, size).map(|region| json!(region).to_string())
}

/// The first box of the last turn that has any: where a reply has none, the benchmark asks once more.
fn box_among_others(case: &Case<'_>) -> Option<String> {
    let (options, size) = writing(case.sample);
    ref_adv::extract(&case.reply.text, size, options).map(|region| json!(region).to_string())
}

/// A box in parts of the sides as the model is asked to write it.
fn boxes(answer: &str, sample: &Sample) -> String {
    let (options, (width, height)) = writing(sample);
    let numbers = serde_json::from_str::<Region>(answer).map_or([0.0; 4], |region| region.0);
    let [left, upper, right, lower] = numbers;
    let written = match noted_text(sample, "pred_box_format") {
        "abs_xyxy" => [left * width, upper * height, right * width, lower * height],
        "norm_1_xyxy" => numbers,
        _ if options == ref_adv::Options::default() => numbers.map(|number| number * 1000.0),
        _ => numbers,
    };
    json!({"bboxes": [written]}).to_string()
}

fn point(case: &Case<'_>) -> Option<String> {
    let size = noted_as(case.sample, "sent_size").unwrap_or((1.0, 1.0));
    screenspot::extract(&case.reply.text, size).map(|point| json!(point).to_string())
}

/// The grid of a reply.
struct Grid(arc_agi::Options);

impl Extract for Grid {
    fn take(&self, case: &Case<'_>) -> Taken {
        let found = arc_agi::extract(&case.reply.text, self.0);
        let via = Some(if found.is_some() { "marker" } else { "none" });
        Taken { text: found.map(|grid| texts::spaced(&grid)).unwrap_or_default(), via }
    }

    fn give(&self, answer: &str, _: &Sample) -> String {
        answer.to_owned()
    }
}

/// Calls of tools, or those that the text writes where the functions stand in the prompt.
struct Calls;

impl Extract for Calls {
    fn take(&self, case: &Case<'_>) -> Taken {
        if case.reply.calls.is_empty() {
            return Taken::text(case.reply.text.as_str());
        }
        let call = |call: &crate::wire::Call| {
            let arguments = serde_json::from_str(&call.arguments).unwrap_or_else(|_| json!(call.arguments));
            json!({"name": call.name, "arguments": arguments})
        };
        Taken::text(case.reply.calls.iter().map(call).collect::<Value>().to_string())
    }

    fn give(&self, answer: &str, _: &Sample) -> String {
        let Some(calls) = listed(answer) else { return answer.to_owned() };
        let call = |call: &Value| {
            let arguments = call["arguments"].as_object().into_iter().flatten();
            let arguments: Vec<String> = arguments.map(|(name, value)| format!("{name}={}", python(value))).collect();
            format!("{}({})", call["name"].as_str().unwrap_or_default(), arguments.join(", "))
        };
        format!("[{}]", calls.iter().map(call).collect::<Vec<_>>().join(", "))
    }

    fn reply(&self, answer: &str, sample: &Sample) -> Reply {
        match listed(answer).filter(|_| is_native(sample)) {
            Some(calls) => Reply::of(&json!({"tool_calls": calls})),
            None => Reply::text(self.give(answer, sample)),
        }
    }
}

/// Calls as `[{"name": ..., "arguments": ...}]`.
fn listed(answer: &str) -> Option<Vec<Value>> {
    serde_json::from_str::<Vec<Value>>(answer).ok().filter(|calls| calls.iter().all(|call| call["name"].is_string()))
}

/// A value as Python writes it. Values from a parser are nested 128 levels at most.
fn python(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Array(items) => format!("[{}]", items.iter().map(python).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| format!("{}: {}", json!(name), python(value));
            format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}
