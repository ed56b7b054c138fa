//! What a user sets of a benchmark's own: its settings and the number of examples.

use serde_json::{Map, Value};

use super::args::DatasetArgs;
use super::card::{Card, Examples, Mode, Param};
use super::sample::spelled;
use crate::error::known;

/// The settings of a benchmark's own, with what the user set.
pub(super) fn params(card: &Card, args: &DatasetArgs) -> Result<Map<String, Value>, String> {
    let mut params = Map::new();
    for (name, value) in &card.params {
        let Ok(Param { value, .. }) = value.clone().try_into::<Param>() else { continue };
        params.insert(name.clone(), serde_json::to_value(value).unwrap_or(Value::Null));
    }
    for (name, value) in &args.extra_params {
        let Some(declared) = card.params.get(name) else {
            let all = if card.params.is_empty() { "it has none".to_owned() } else { known(card.params.keys()) };
            return Err(format!("extra_params.{name}: no such setting; {all}"));
        };
        let Ok(param) = declared.clone().try_into::<Param>() else { continue };
        let fits = match param.kind.as_str() {
            "bool" => value.is_boolean(),
            "int" => value.is_i64() || value.is_u64(),
            "float" => value.is_number(),
            "str" => value.is_string(),
            _ => value.is_array(),
        };
        if !fits && !value.is_null() {
            return Err(format!("extra_params.{name} {value}: must be of type {}", param.kind));
        }
        let choices: Vec<Value> = param.choices.iter().filter_map(|choice| serde_json::to_value(choice).ok()).collect();
        if !choices.is_empty() && !choices.contains(value) {
            return Err(format!("extra_params.{name} {value}: known are {}", known(choices.iter().map(spelled))));
        }
        params.insert(name.clone(), value.clone());
    }
    Ok(params)
}

/// How many examples there are.
pub(super) fn shots(card: &Card, args: &DatasetArgs) -> Result<usize, String> {
    let none = Examples::default();
    let examples = card.prompt.examples.as_ref().unwrap_or(&none);
    let Some(asked) = args.few_shot_num else {
        return Ok(if examples.mode == Mode::None { 0 } else { examples.count });
    };
    if asked == 0 {
        return Ok(0);
    }
    match examples.mode {
        Mode::None => Err(format!("few_shot_num {asked}: it is asked without examples; only 0 is allowed")),
        _ if !examples.allowed.is_empty() && !examples.allowed.contains(&asked) => {
            let allowed = known(examples.allowed.iter().map(ToString::to_string));
            Err(format!("few_shot_num {asked}: allowed are {allowed}"))
        }
        _ => Ok(asked),
    }
}
