//! The check of calls against accepted answers, as the Berkeley function-calling leaderboard does it.
//!
//! The order of the steps and their oddities are those of its checker: types are looked into one level deep, an accepted
//! `""` makes a parameter optional, and parallel calls are matched greedily.

use serde_json::Value;

use super::convert;
use super::decode::{Call, DecodeError, Language};
use super::literal::{Kind, Literal};
use super::values::{self, Checked};

/// The most characters of a detail.
const DETAIL: usize = 400;

/// The leaderboard's name for calls that could not be looked at.
const BROKEN: &str = "ast_decoder:decoder_failed";

/// What a wrong answer is wrong in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {detail}")]
pub struct Fault {
    /// The leaderboard's name of the error, such as `value_error:string`.
    pub reason: &'static str,
    /// What was found, for people.
    pub detail: String,
}

impl Fault {
    /// A fault of that name. A long detail is cut, since values come from replies of any length.
    pub(super) fn new(reason: &'static str, detail: impl Into<String>) -> Self {
        let mut detail = detail.into();
        if let Some((end, _)) = detail.char_indices().nth(DETAIL) {
            detail.truncate(end);
            detail.push('…');
        }
        Self { reason, detail }
    }

    /// The fault of calls that could not be looked at, since they or the record lack the form that they need.
    pub(super) fn broken(detail: impl Into<String>) -> Self {
        Self::new(BROKEN, detail)
    }

    /// Whether calls could not be looked at.
    pub(super) fn is_broken(&self) -> bool {
        self.reason == BROKEN
    }
}

impl From<DecodeError> for Fault {
    fn from(error: DecodeError) -> Self {
        Self::broken(error.to_string())
    }
}

/// What a record asks for, by the name of its category.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Category {
    /// One call of the one function.
    Simple,
    /// One call of one of several functions.
    Multiple,
    /// Several calls in any order.
    Parallel,
    /// No call.
    Irrelevance,
    /// Some call, whichever.
    Relevance,
    /// Calls that are run over several turns, which this check cannot judge.
    Stateful,
}

impl Category {
    /// The category of a name of the data set, of version 3 or 4.
    pub fn of(name: &str) -> Self {
        if ["multi_turn", "memory", "web_search"].iter().any(|part| name.contains(part)) {
            Self::Stateful
        } else if name.contains("irrelevance") {
            Self::Irrelevance
        } else if name.contains("relevance") {
            Self::Relevance
        } else if name.contains("parallel") {
            Self::Parallel
        } else if name.contains("multiple") {
            Self::Multiple
        } else {
            Self::Simple
        }
    }
}

/// What calls are checked against.
#[derive(Debug, Clone, Copy)]
pub struct Task<'a> {
    /// The category of the record.
    pub category: Category,
    /// The language of the record.
    pub language: Language,
    /// The functions as the record describes them: a list of `{name, parameters: {properties, required}}`.
    pub functions: &'a Value,
    /// The accepted answers: a list of `{function: {parameter: [values]}}`.
    pub truth: &'a Value,
    /// Whether a dot in the name of a function is an underscore in the calls, since servers refuse dots.
    pub underscore_to_dot: bool,
}

/// Checks calls, or why there are none.
///
/// # Errors
///
/// What the answer is wrong in.
pub fn check(task: &Task<'_>, calls: Result<&[Call], &DecodeError>) -> Result<(), Fault> {
    match task.category {
        Category::Irrelevance if calls.is_ok_and(is_call) => {
            Err(Fault::new("irrelevance:call", "a function was called"))
        }
        Category::Irrelevance => Ok(()),
        Category::Relevance if calls.is_ok_and(is_call) => Ok(()),
        Category::Relevance => Err(Fault::new("relevance:no_call", "no function was called")),
        Category::Stateful => Err(Fault::broken("calls over several turns are not run")),
        _ => check_calls(task, calls.map_err(|error| Fault::from(error.clone()))?),
    }
}

/// Whether the list holds calls, each with its arguments by name.
fn is_call(calls: &[Call]) -> bool {
    !calls.is_empty() && calls.iter().all(|call| call.arguments.kind() == Kind::Dictionary)
}

fn check_calls(task: &Task<'_>, calls: &[Call]) -> Result<(), Fault> {
    let truths = task.truth.as_array().ok_or_else(|| Fault::broken("the accepted answers are no list"))?;
    match task.category {
        Category::Parallel => parallel(task, calls, truths),
        Category::Multiple => {
            if calls.len() != truths.len() {
                return Err(Fault::new("multiple_function_checker:wrong_count", "the number of calls is wrong"));
            }
            let (call, truth) = calls.first().zip(truths.first()).ok_or_else(|| Fault::broken("no accepted answer"))?;
            single(task, described(task, truth)?, call, truth)
        }
        _ => {
            let [call] = calls else {
                return Err(Fault::new("simple_function_checker:wrong_count", "the number of calls is wrong"));
            };
            let function = task.functions.get(0).ok_or_else(|| Fault::broken("no function"))?;
            single(task, function, call, truths.first().ok_or_else(|| Fault::broken("no accepted answer"))?)
        }
    }
}

/// The function that an accepted answer names.
fn described<'a>(task: &Task<'a>, truth: &Value) -> Result<&'a Value, Fault> {
    let name = truth.as_object().and_then(|truth| truth.keys().next());
    let name = name.ok_or_else(|| Fault::broken("an accepted answer without a function"))?;
    match task.functions {
        Value::Array(functions) => functions
            .iter()
            .find(|function| function.get("name").and_then(Value::as_str) == Some(name))
            .ok_or_else(|| Fault::broken("the function of an accepted answer is not described")),
        function => Ok(function),
    }
}

/// Calls in any order: each answer takes the first call left that fits it.
fn parallel(task: &Task<'_>, calls: &[Call], truths: &[Value]) -> Result<(), Fault> {
    if calls.len() != truths.len() {
        return Err(Fault::new("parallel_function_checker_no_order:wrong_count", "the number of calls is wrong"));
    }
    let mut left: Vec<&Call> = calls.iter().collect();
    for truth in truths {
        let function = described(task, truth)?;
        let mut fits = None;
        let mut reasons = Vec::new();
        for (index, call) in left.iter().enumerate() {
            match single(task, function, call, truth) {
                Ok(()) => {
                    fits = Some(index);
                    break;
                }
                Err(fault) if fault.is_broken() => return Err(fault),
                Err(fault) => reasons.push(fault.to_string()),
            }
        }
        let Some(index) = fits else {
            return Err(Fault::new("parallel_function_checker_no_order:cannot_find_match", reasons.join("; ")));
        };
        left.remove(index);
    }
    Ok(())
}

/// One call against one accepted answer.
fn single(task: &Task<'_>, function: &Value, call: &Call, truth: &Value) -> Result<(), Fault> {
    let accepted = truth.as_object().and_then(|truth| truth.values().next()).and_then(Value::as_object);
    let accepted = accepted.ok_or_else(|| Fault::broken("an accepted answer without parameters"))?;
    let name =
        function.get("name").and_then(Value::as_str).ok_or_else(|| Fault::broken("a function without a name"))?;
    let properties = function.pointer("/parameters/properties").and_then(Value::as_object);
    let properties = properties.ok_or_else(|| Fault::broken("a function without parameters"))?;
    let required = function.pointer("/parameters/required").and_then(Value::as_array);
    let required = required.ok_or_else(|| Fault::broken("a function that does not say what it requires"))?;
    let name = if task.underscore_to_dot { name.replace('.', "_") } else { name.to_owned() };
    if call.name != name {
        let detail = format!("{name} was expected, {} called", call.name);
        return Err(Fault::new("simple_function_checker:wrong_func_name", detail));
    }
    let Literal::Dictionary(arguments) = &call.arguments else {
        return Err(Fault::broken("the arguments are no dictionary"));
    };
    for parameter in required.iter().filter_map(Value::as_str) {
        if arguments.get_text(parameter).is_none() {
            return Err(Fault::new("simple_function_checker:missing_required", parameter));
        }
    }
    for (key, value) in arguments.iter() {
        let parameter = key.text().unwrap_or_default();
        let (Some(property), Some(answers)) = (properties.get(parameter), accepted.get(parameter)) else {
            return Err(Fault::new("simple_function_checker:unexpected_param", parameter));
        };
        argument(task.language, parameter, value, property, answers)?;
    }
    for (parameter, answers) in accepted {
        if arguments.get_text(parameter).is_none() && !has_blank(answers)? {
            return Err(Fault::new("simple_function_checker:missing_optional", parameter));
        }
    }
    Ok(())
}

/// Whether the accepted values say that the parameter may be left out.
fn has_blank(answers: &Value) -> Result<bool, Fault> {
    match answers {
        Value::Array(answers) => Ok(answers.iter().any(|answer| answer.as_str() == Some(""))),
        Value::String(_) => Ok(true),
        Value::Object(answers) => Ok(answers.contains_key("")),
        _ => Err(Fault::broken("the accepted values are no list")),
    }
}

/// The value of one parameter against its type and the values that are accepted.
fn argument(language: Language, name: &str, value: &Literal, property: &Value, answers: &Value) -> Checked {
    let described =
        property.get("type").and_then(Value::as_str).ok_or_else(|| Fault::broken("a parameter without a type"))?;
    let unknown = || Fault::broken(format!("a parameter of the unknown type {described}"));
    let expected = convert::kind(language, described).ok_or_else(unknown)?;
    let is_list = matches!(described, "array" | "Array" | "ArrayList") || described == "tuple";
    let inner =
        is_list.then(|| property.pointer("/items/type").and_then(Value::as_str).ok_or_else(unknown)).transpose()?;
    let nested = inner.map(|inner| convert::kind(language, inner).ok_or_else(unknown)).transpose()?;
    let answers: Vec<Literal> = match answers {
        Value::Array(answers) => answers.iter().map(Literal::from).collect(),
        _ => return Err(Fault::broken("the accepted values are no list")),
    };
    let value = match language {
        Language::Python => prepared(value, described),
        Language::Java | Language::JavaScript => convert::value(language, value, described, inner)?,
    };
    let is_variable = typed(name, &value, &answers, expected, nested)?;
    let is_other = || {
        let detail = format!("{name}: {} is none of the accepted values", value.to_json());
        Err(Fault::new("value_error:others", detail))
    };
    if is_variable {
        return if answers.contains(&value) { Ok(()) } else { is_other() };
    }
    match (expected, nested) {
        (Kind::Dictionary, _) => values::dictionary(name, &value, &answers),
        (Kind::List, Some(Kind::Dictionary)) => values::dictionaries(name, &value, &answers),
        (Kind::Text, _) => values::text(name, &value, &answers),
        (Kind::List, _) => values::list(name, &value, &answers),
        _ if answers.contains(&value) => Ok(()),
        _ => is_other(),
    }
}

/// A value of Python in the type that its parameter takes as well: a tuple as a list, a whole number as a real one.
fn prepared(value: &Literal, described: &str) -> Literal {
    match (described, value) {
        ("tuple", Literal::Tuple(items)) => Literal::List(items.clone()),
        ("float", Literal::Whole(whole)) => Literal::Real(*whole as f64),
        _ => value.clone(),
    }
}

/// The type of the first accepted value that is not the mark of an optional parameter.
fn accepted_kind(answers: &[Literal]) -> Option<Kind> {
    answers.iter().find(|answer| !answer.is_blank()).map(Literal::kind)
}

/// Checks the type of a value and says whether it stands for a variable, which is compared as it is.
fn typed(
    name: &str,
    value: &Literal,
    answers: &[Literal],
    expected: Kind,
    nested: Option<Kind>,
) -> Result<bool, Fault> {
    let accepted = accepted_kind(answers);
    let is_variable = accepted.is_some_and(|accepted| accepted != expected);
    if value.kind() == expected {
        let Some(nested) = nested else { return Ok(is_variable) };
        let fits = |answer: &Literal| match (answer, value) {
            (Literal::List(answers), Literal::List(items)) => {
                items.iter().all(|item| item.kind() == nested || accepted_kind(answers) == Some(item.kind()))
            }
            _ => true,
        };
        if answers.iter().any(fits) {
            return Ok(is_variable);
        }
        if accepted == Some(value.kind()) {
            return Err(Fault::new("type_error:nested", format!("{name}: an item is of the wrong type")));
        }
    } else if accepted == Some(value.kind()) {
        return Ok(true);
    }
    Err(Fault::new("type_error:simple", format!("{name}: {} is of the wrong type", value.to_json())))
}
