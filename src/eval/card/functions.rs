//! What expressions of a card know of single benchmarks: entities between tags, tools, messages, paths.

use minijinja::{Environment, Error, ErrorKind, Value};
use serde_json::Value as Json;

use super::super::calls::{self, Language};
use super::super::tags::{EntityType, annotated};
use super::super::toolbench;
use super::expression::seen;

fn json<T: serde::de::DeserializeOwned>(what: &str, value: &Value) -> Result<T, Error> {
    let read = serde_json::to_value(value).and_then(serde_json::from_value);
    read.map_err(|error| Error::new(ErrorKind::InvalidOperation, format!("{what}: {error}")))
}

/// Adds them.
pub fn add(environment: &mut Environment<'static>) {
    environment.add_function(
        "tagged",
        |tokens: Vec<String>, tags: Vec<String>, types: Value| -> Result<String, Error> {
            Ok(annotated(&tokens, &tags, &json::<Vec<EntityType>>("types", &types)?))
        },
    );
    environment.add_filter("toolbench_messages", |messages: Value| -> Result<Value, Error> {
        let messages = toolbench::messages(&json::<Vec<Json>>("messages", &messages)?);
        Ok(seen(&Json::Array(messages)))
    });
    environment.add_filter(
        "bfcl_tools",
        |functions: Value, language: Value, underscores: Option<bool>| -> Result<Value, Error> {
            let (functions, language) =
                (json::<Json>("functions", &functions)?, json::<Language>("language", &language)?);
            Ok(seen(&Json::Array(calls::tools(&functions, language, underscores.unwrap_or(true)))))
        },
    );
    environment.add_function("path_text", |path: Value| -> Result<String, Error> {
        let place = |place: &Json| format!("({},{})", place["x"], place["y"]);
        Ok(json::<Vec<Json>>("path", &path)?.iter().map(place).collect::<Vec<_>>().join(", "))
    });
}
