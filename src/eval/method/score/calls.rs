//! Calls of functions against those that are accepted, and steps of recorded agents.

use serde_json::{Map, Value, json};
use toml::Table;

use super::super::super::aggregate::canonical;
use super::super::super::calls::literal::Literal;
use super::super::super::calls::{Call, Category, DecodeError, Fault, Language, Task, ace, check, decode};
use super::super::super::sample::Sample;
use super::super::super::text::rouge::rouge_english;
use super::super::super::toolbench;
use super::super::case::{Case, Marks, Taken};
use super::super::params::none;
use super::{Made, NONSENSE, Score, noted, noted_text};

pub(super) const NAMES: &[&str] = &["calls", "acebench", "tool-bench"];

pub(super) fn scorer(name: &str, params: &Table) -> Made {
    none(name, params)?;
    Ok(match name {
        "calls" => Box::new(Calls),
        "acebench" => Box::new(AceBench),
        _ => Box::new(ToolBench),
    })
}

/// Whether a sample offers its functions as tools; otherwise they stand in the prompt, and calls are read from the text.
pub(in super::super) fn is_native(sample: &Sample) -> bool {
    noted(sample, "is_fc_model").and_then(Value::as_bool).unwrap_or(true)
}

/// The check of the Berkeley leaderboard. A reply to a sample with tools holds calls or none: its text is not looked at.
struct Calls;

fn language(sample: &Sample) -> Language {
    match noted_text(sample, "language").to_lowercase().as_str() {
        "java" => Language::Java,
        "javascript" => Language::JavaScript,
        _ => Language::Python,
    }
}

fn category(sample: &Sample) -> Category {
    Category::of(noted_text(sample, "test_category"))
}

fn underscore_to_dot(sample: &Sample) -> bool {
    noted(sample, "underscore_to_dot").and_then(Value::as_bool).unwrap_or(true)
}

/// The calls of a reply.
fn called(case: &Case<'_>) -> Result<Vec<Call>, DecodeError> {
    if !is_native(case.sample) {
        return decode(&case.reply.text, language(case.sample));
    }
    if case.reply.calls.is_empty() {
        return Err(DecodeError::NoCalls);
    }
    let call = |call: &crate::wire::Call| {
        // Arguments that are no JSON are no arguments, as EvalScope keeps them.
        let arguments: Value = serde_json::from_str(&call.arguments).unwrap_or_else(|_| json!({}));
        Call { name: call.name.clone(), arguments: Literal::from(&arguments) }
    };
    Ok(case.reply.calls.iter().map(call).collect())
}

impl Score for Calls {
    fn score(&self, case: &Case<'_>, _: &Taken) -> Marks {
        let empty = json!([]);
        let sample = case.sample;
        let task = Task {
            category: category(sample),
            language: language(sample),
            functions: noted(sample, "functions").unwrap_or(&empty),
            truth: &sample.target,
            underscore_to_dot: underscore_to_dot(sample),
        };
        let calls = called(case);
        verdict(check(&task, calls.as_deref()))
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        let calls = match category(sample) {
            Category::Irrelevance => return Some("None of the functions can do that.".to_owned()),
            Category::Relevance => {
                vec![json!({"name": noted(sample, "functions")?.get(0)?.get("name")?, "arguments": {}})]
            }
            // Source text of other languages depends on the type of each parameter.
            _ if language(sample) != Language::Python => return None,
            _ => {
                let functions = noted(sample, "functions")?;
                sample
                    .target
                    .as_array()?
                    .iter()
                    .map(|truth| accepted(truth, functions))
                    .collect::<Option<Vec<Value>>>()?
            }
        };
        let named = |mut call: Value| {
            if let (true, Some(name)) = (underscore_to_dot(sample), call["name"].as_str()) {
                call["name"] = json!(name.replace('.', "_"));
            }
            call
        };
        Some(Value::Array(calls.into_iter().map(named).collect()).to_string())
    }

    fn wrong(&self, sample: &Sample) -> Option<String> {
        Some(match category(sample) {
            Category::Relevance => "None of the functions can do that.".to_owned(),
            _ => json!([{"name": "no_such_function", "arguments": {"x": 1}}]).to_string(),
        })
    }
}

/// A call with the first accepted value of each parameter; those that may be left out are.
fn accepted(truth: &Value, functions: &Value) -> Option<Value> {
    let (name, parameters) = truth.as_object()?.iter().next()?;
    let function =
        functions.as_array()?.iter().find(|function| function.get("name").and_then(Value::as_str) == Some(name));
    let required = function.and_then(|function| function.pointer("/parameters/required")).and_then(Value::as_array);
    let mut arguments = Map::new();
    for (parameter, values) in parameters.as_object()? {
        let values = values.as_array()?;
        let is_blank = |value: &&Value| value.as_str() == Some("");
        let is_required = required.is_some_and(|names| names.iter().any(|name| name.as_str() == Some(parameter)));
        if is_required || !values.iter().any(|value| is_blank(&value)) {
            let value = values.iter().find(|value| !is_blank(value)).or(values.first());
            arguments.insert(parameter.clone(), first_of(value?));
        }
    }
    Some(json!({"name": name, "arguments": arguments}))
}

/// An accepted value as it is sent: of a dictionary the first accepted value of each key.
fn first_of(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let plain = |values: &Value| values.as_array().and_then(|values| values.first()).cloned();
            let needed =
                |values: &&Value| !values.as_array().is_some_and(|all| all.iter().any(|one| one.as_str() == Some("")));
            fields
                .iter()
                .filter(|(_, values)| needed(values))
                .filter_map(|(key, values)| Some((key.clone(), plain(values)?)))
                .collect()
        }
        Value::Array(items) if items.iter().any(Value::is_object) => items.iter().map(first_of).collect(),
        other => other.clone(),
    }
}

fn verdict(checked: Result<(), Fault>) -> Marks {
    match checked {
        Ok(()) => Marks::one("accuracy", 1.0),
        Err(fault) => Marks { explanation: Some(fault.to_string()), ..Marks::one("accuracy", 0.0) }
            .noting("error_type", fault.reason),
    }
}

/// ACEBench: calls as text; in the special sets, what is missing or wrong must be named.
struct AceBench;

impl Score for AceBench {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let empty = json!([]);
        let sample = case.sample;
        let category = noted_text(sample, "test_category");
        if category.contains("special") {
            return verdict(ace::check_special(&taken.text, &sample.target, category));
        }
        let functions = noted(sample, "functions").unwrap_or(&empty);
        let checked = ace::decode(&taken.text, category)
            .map_err(Fault::from)
            .and_then(|calls| ace::check(functions, &calls, &sample.target, category));
        verdict(checked)
    }

    fn right(&self, _: &Sample) -> Option<String> {
        None
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        Some("[no_such_call(x=1)]".to_owned())
    }
}

/// ToolBench: the next step against the recorded one. Scores that do not apply to a step are not there.
struct ToolBench;

impl Score for ToolBench {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let empty = json!([]);
        let tools = noted(case.sample, "tools").unwrap_or(&empty);
        let rouge_l = |answer: &str, recorded: &str| rouge_english(answer, recorded).longest.f1;
        match toolbench::score(&case.sample.target_text(), &taken.text, tools, rouge_l) {
            Some(scores) => {
                let mut values: Vec<(&str, f64)> =
                    scores.values().into_iter().map(|(name, value)| (canonical(name), value)).collect();
                // What every step has comes first.
                values.sort_by_key(|(name, _)| *name != "Plan.EM");
                Marks::of(values)
            }
            None => Marks::excluded("the recorded step calls a tool that is not offered"),
        }
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        Some(sample.target_text())
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        Some(format!("Thought: let me see.\nAction: {NONSENSE}\nAction Input: {{}}"))
    }
}
