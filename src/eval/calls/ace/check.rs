//! The check of calls, and of what a reply says about a request that cannot be met.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::super::check::Fault;
use super::super::decode::Call;
use super::super::literal::{Kind, Literal};
use super::super::values::Checked;
use super::values;

/// Checks calls against the answer of a record of the family `normal`: an object of function to arguments, or a list of
/// such objects, of which one must fit. A function that is called more than once has `_1`, `_2` and so on behind its name.
///
/// # Errors
///
/// What the first answer differs in.
pub fn check(functions: &Value, calls: &[Call], truth: &Value, category: &str) -> Result<(), Fault> {
    let answers = match truth {
        Value::Array(answers) => answers.as_slice(),
        answer => std::slice::from_ref(answer),
    };
    let mut first = None;
    for answer in answers {
        match one_of(functions, calls, answer, category) {
            Ok(()) => return Ok(()),
            Err(fault) if fault.is_broken() => return Err(fault),
            Err(fault) => first = first.or(Some(fault)),
        }
    }
    Err(first.unwrap_or_else(|| Fault::new("missing_answer", "there is no answer")))
}

/// A name without the number behind it that tells calls of one function apart.
fn unnumbered(name: &str) -> &str {
    let bare = name.trim_end_matches(|c: char| c.is_ascii_digit());
    bare.strip_suffix('_').filter(|_| bare.len() < name.len()).unwrap_or(name)
}

fn counted<'a>(names: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, usize> {
    let mut counts = BTreeMap::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    counts
}

fn one_of(functions: &Value, calls: &[Call], answer: &Value, category: &str) -> Checked {
    let answer = answer.as_object().ok_or_else(|| Fault::broken("the answer is no object"))?;
    if calls.len() != answer.len() {
        return Err(Fault::new("wrong functions number", format!("{} calls instead of {}", calls.len(), answer.len())));
    }
    let ours = counted(calls.iter().map(|call| call.name.as_str()));
    let theirs = counted(answer.keys().map(|name| unnumbered(name)));
    if ours != theirs {
        return Err(Fault::new("function_mismatch", format!("{ours:?} were called instead of {theirs:?}")));
    }
    for (numbered, arguments) in answer {
        let function = described(functions, numbered)?;
        let mut last = Fault::new("simple_function_checker:unclear", format!("{numbered} was not called"));
        let mut found = false;
        for call in calls.iter().filter(|call| call.name == unnumbered(numbered)) {
            match single(function, call, arguments, category) {
                Ok(()) => {
                    found = true;
                    break;
                }
                Err(fault) if fault.is_broken() => return Err(fault),
                Err(fault) => last = fault,
            }
        }
        if !found {
            return Err(last);
        }
    }
    Ok(())
}

/// The first function whose name stands in a name.
fn described<'a>(functions: &'a Value, name: &str) -> Result<&'a Value, Fault> {
    let Value::Array(functions) = functions else { return Ok(functions) };
    let is = |function: &&Value| function.get("name").and_then(Value::as_str).is_some_and(|part| name.contains(part));
    functions.iter().find(is).ok_or_else(|| Fault::broken(format!("{name} is not described")))
}

fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(Map::is_empty)
}

fn single(function: &Value, call: &Call, answer: &Value, category: &str) -> Checked {
    let broken = |what: &str| Fault::broken(format!("{}: {what}", call.name));
    let parameters = function.get("parameters").ok_or_else(|| broken("the function has no parameters"))?;
    let Literal::Dictionary(arguments) = &call.arguments else { return Err(broken("the arguments are no dictionary")) };
    match (arguments.is_empty(), is_empty(parameters)) {
        (true, true) => return Ok(()),
        (false, false) => {}
        _ => return Err(Fault::new("wrong_param", "the function has no parameters, or the call no arguments")),
    }
    let properties = parameters.get("properties").ok_or_else(|| broken("the function has no properties"))?;
    if Literal::from(answer) == Literal::from(properties) {
        return Ok(());
    }
    if is_empty(answer) {
        return Err(Fault::new("wrong_param", "no arguments are expected"));
    }
    if function.get("name").and_then(Value::as_str) != Some(&call.name) {
        return Err(Fault::new("wrong_function_name", call.name.as_str()));
    }
    let required =
        parameters.get("required").and_then(Value::as_array).ok_or_else(|| broken("nothing says what is required"))?;
    for name in required.iter().filter_map(Value::as_str) {
        if arguments.get_text(name).is_none() {
            return Err(Fault::new("lack_args", name));
        }
    }
    for (key, value) in arguments.iter() {
        let name = key.text().unwrap_or_default();
        let (Some(property), Some(expected)) = (properties.get(name), answer.get(name)) else {
            return Err(Fault::new("addition_args", name));
        };
        argument(name, value, property, &Literal::from(expected), category)?;
    }
    Ok(())
}

/// The value of one parameter. Numbers and truth values are compared by their type alone, as the reference does.
fn argument(name: &str, value: &Literal, property: &Value, answer: &Literal, category: &str) -> Checked {
    let described = property.get("type").and_then(Value::as_str).unwrap_or_default();
    let unknown = |kind: &str| Fault::broken(format!("{name} is of the unknown type {kind}"));
    let expected = values::kind(described).ok_or_else(|| unknown(described))?;
    let inner = if values::has_items(described) {
        let inner = inner(described, property);
        Some(values::kind(inner).ok_or_else(|| unknown(inner))?)
    } else {
        None
    };
    let value = match (described, value) {
        ("tuple", Literal::Tuple(items)) => Literal::List(items.clone()),
        ("float", Literal::Whole(whole)) => Literal::Real(*whole as f64),
        _ => value.clone(),
    };
    if values::typed(name, &value, answer, expected, inner)? {
        return Ok(());
    }
    match (expected, inner) {
        (Kind::Dictionary, _) => values::dictionary(name, &value, answer),
        (Kind::List, Some(Kind::Dictionary)) => values::dictionaries(name, &value, answer),
        (Kind::Text, _) => values::text(name, &value, answer, category),
        (Kind::List, _) => values::list(name, &value, answer),
        _ => Ok(()),
    }
}

/// The type of the items of a parameter.
fn inner<'a>(described: &str, property: &'a Value) -> &'a str {
    let given = property.pointer("/items/type").and_then(Value::as_str);
    given.unwrap_or(match described {
        described if described.contains("string") => "string",
        described if described.contains("enum") => "enum",
        _ => "dict",
    })
}

/// Checks what a reply says about a request of the family `special`: that parameters are missing and which, that values
/// are wrong and which, or that the functions cannot do it.
///
/// # Errors
///
/// `error_detection` where the reply does not see what is wrong, `error_correction` where it does not name it.
pub fn check_special(reply: &str, truth: &Value, category: &str) -> Result<(), Fault> {
    let (marker, names_function) = match category {
        _ if category.contains("incomplete") => ("Missing necessary parameters", true),
        _ if category.contains("error") => ("There is incorrect value", false),
        _ if category.contains("irrelevant") => ("the limitations of the function", false),
        _ => return Err(Fault::new("unknown_category", category)),
    };
    let detected = || {
        let fault = Fault::new("error_detection", format!("the reply does not say: {marker}"));
        if reply.contains(marker) { Ok(()) } else { Err(fault) }
    };
    if category.contains("irrelevant") {
        return detected();
    }
    let lone = Map::from_iter([(String::new(), Value::Array(vec![truth.clone()]))]);
    for (name, expected) in truth.as_object().unwrap_or(&lone) {
        detected()?;
        let missing = |what: &str| Fault::new("error_correction", format!("the reply does not name {what}"));
        if names_function && !reply.contains(name) {
            return Err(missing(name));
        }
        for part in parts(expected) {
            if !reply.contains(&part) {
                return Err(missing(&part));
            }
        }
    }
    Ok(())
}

/// The texts that must be named: the items of a list, the keys of an object, the letters of a text.
fn parts(expected: &Value) -> Vec<String> {
    match expected {
        Value::Array(items) => items.iter().map(|item| Literal::from(item).shown()).collect(),
        Value::Object(entries) => entries.keys().cloned().collect(),
        Value::String(text) => text.chars().map(String::from).collect(),
        _ => Vec::new(),
    }
}

/// The scores of a conversation by its steps: 1 where each was right, and the share of right ones to three digits. None
/// without steps.
pub fn dialogue(steps: &[bool]) -> Option<(f64, f64)> {
    let right = steps.iter().filter(|right| **right).count();
    let share = (right as f64 / steps.len() as f64 * 1000.0).round_ties_even() / 1000.0;
    (!steps.is_empty()).then_some((if right == steps.len() { 1.0 } else { 0.0 }, share))
}
