//! What a request says its reply must look like, in the spellings of OpenAI and of vLLM, to a [`Constraint`].

use serde_json::Value;

use super::backend::{Constraint, Refusal};
use super::fields::{Fields, invalid};

/// vLLM's older fields, one for each kind.
const GUIDED: [(&str, &str); 5] = [
    ("guided_json", "json"),
    ("guided_regex", "regex"),
    ("guided_choice", "choice"),
    ("guided_grammar", "grammar"),
    ("guided_json_object", "json_object"),
];

/// The kinds of vLLM's `structured_outputs`.
const KINDS: [&str; 5] = ["json", "regex", "choice", "grammar", "json_object"];

/// Reads `response_format`, `structured_outputs` and `guided_*`, of which one at most may say something.
///
/// # Errors
/// When several do, or one has a value that cannot be served.
pub fn read(fields: &Fields<'_>) -> Result<Option<Constraint>, Refusal> {
    let mut found = Vec::new();
    if let Some(constraint) = format(fields)? {
        found.push(("response_format", constraint));
    }
    if let Some(outputs) = fields.object("structured_outputs")? {
        let outputs = Fields(outputs);
        if outputs.get("structural_tag").is_some() {
            return Err(invalid("structured_outputs", "structural_tag is not served"));
        }
        for kind in KINDS {
            let constraint = outputs.get(kind).map(|value| of_kind("structured_outputs", kind, value)).transpose()?;
            found.extend(constraint.flatten().map(|constraint| ("structured_outputs", constraint)));
        }
        if found.is_empty() {
            return Err(invalid("structured_outputs", "must hold json, regex, choice, grammar or json_object"));
        }
    }
    for (field, kind) in GUIDED {
        let constraint = fields.get(field).map(|value| of_kind(field, kind, value)).transpose()?;
        found.extend(constraint.flatten().map(|constraint| (field, constraint)));
    }
    match found.as_slice() {
        [] | [_] => Ok(found.pop().map(|(_, constraint)| constraint)),
        [(first, _), (second, _), ..] => {
            Err(invalid(second, format!("{first} already says what the reply must look like; give one constraint")))
        }
    }
}

fn format(fields: &Fields<'_>) -> Result<Option<Constraint>, Refusal> {
    let wrong = |message: &str| invalid("response_format", message);
    let Some(format) = fields.object("response_format")? else { return Ok(None) };
    match format.get("type").and_then(Value::as_str) {
        Some("text") => Ok(None),
        Some("json_object") => Ok(Some(Constraint::JsonObject)),
        Some("json_schema") => {
            let schema = format.get("json_schema").and_then(|named| named.get("schema"));
            match schema {
                Some(schema @ Value::Object(_)) => Ok(Some(Constraint::JsonSchema(schema.clone()))),
                _ => Err(wrong("json_schema.schema must be an object")),
            }
        }
        _ => Err(wrong("type must be text, json_object or json_schema")),
    }
}

/// The constraint of a kind; `None` where the value says that there is none.
fn of_kind(field: &'static str, kind: &str, value: &Value) -> Result<Option<Constraint>, Refusal> {
    let wrong = |message: &str| invalid(field, message);
    let text = || value.as_str().map(str::to_owned);
    Ok(Some(match kind {
        "json" => Constraint::JsonSchema(schema(value).ok_or_else(|| wrong("json must be a schema, or one as text"))?),
        "regex" => Constraint::Regex(text().ok_or_else(|| wrong("regex must be a text"))?),
        "grammar" => Constraint::Grammar(text().ok_or_else(|| wrong("grammar must be a text"))?),
        "choice" => {
            let texts = value.as_array().into_iter().flatten().map(|item| item.as_str().map(str::to_owned));
            let texts: Option<Vec<String>> = texts.collect();
            let texts = texts.filter(|texts| !texts.is_empty());
            Constraint::Choice(texts.ok_or_else(|| wrong("choice must be a list of texts, at least one"))?)
        }
        _ => match value.as_bool() {
            Some(true) => Constraint::JsonObject,
            Some(false) => return Ok(None),
            None => return Err(wrong("json_object must be true or false")),
        },
    }))
}

/// A JSON Schema as an object, or as text that holds one.
fn schema(value: &Value) -> Option<Value> {
    match value {
        Value::Object(_) => Some(value.clone()),
        Value::String(text) => serde_json::from_str(text).ok().filter(Value::is_object),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn constraint(body: &Value) -> Result<Option<Constraint>, String> {
        let map = body.as_object().cloned().unwrap_or_default();
        read(&Fields(&map)).map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn each_spelling_means_its_constraint() {
        let schema = json!({"type": "object"});
        let by_schema = Some(Constraint::JsonSchema(schema.clone()));
        let regex = Some(Constraint::Regex("a+".to_owned()));
        let choice = Some(Constraint::Choice(vec!["a".to_owned(), "b".to_owned()]));
        let grammar = Some(Constraint::Grammar("root ::= \"a\"".to_owned()));
        for (body, expected) in [
            (json!({}), None),
            (json!({"response_format": {"type": "text"}, "guided_regex": null}), None),
            (json!({"response_format": {"type": "json_object"}}), Some(Constraint::JsonObject)),
            (
                json!({"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}}),
                by_schema.clone(),
            ),
            (json!({"guided_json": schema}), by_schema.clone()),
            (json!({"guided_json": "{\"type\": \"object\"}"}), by_schema.clone()),
            (json!({"guided_regex": "a+"}), regex.clone()),
            (json!({"guided_choice": ["a", "b"]}), choice.clone()),
            (json!({"guided_grammar": "root ::= \"a\""}), grammar.clone()),
            (json!({"guided_json_object": false}), None),
            (json!({"structured_outputs": {"json": schema}}), by_schema),
            (json!({"structured_outputs": {"regex": "a+", "disable_any_whitespace": true}}), regex),
            (json!({"structured_outputs": {"choice": ["a", "b"]}}), choice),
            (json!({"structured_outputs": {"grammar": "root ::= \"a\""}}), grammar),
            (json!({"structured_outputs": {"json_object": true}}), Some(Constraint::JsonObject)),
        ] {
            assert_eq!(constraint(&body), Ok(expected), "{body}");
        }
    }

    #[test]
    fn what_cannot_be_served_is_named() {
        for (body, words) in [
            (json!({"response_format": "json"}), "response_format: must be an object"),
            (json!({"response_format": {"type": "yaml"}}), "response_format: type must be"),
            (json!({"response_format": {"type": "json_schema"}}), "response_format: json_schema.schema"),
            (json!({"guided_json": "{"}), "guided_json: json must be a schema"),
            (json!({"guided_choice": []}), "guided_choice: choice must be"),
            (json!({"guided_choice": [1]}), "guided_choice: choice must be"),
            (json!({"guided_regex": 1}), "guided_regex: regex must be"),
            (json!({"structured_outputs": {}}), "structured_outputs: must hold"),
            (json!({"structured_outputs": {"structural_tag": "x"}}), "structured_outputs: structural_tag"),
            (
                json!({"response_format": {"type": "json_object"}, "guided_regex": "a"}),
                "guided_regex: response_format already says",
            ),
            (
                json!({"structured_outputs": {"regex": "a", "choice": ["a"]}}),
                "structured_outputs: structured_outputs already says",
            ),
        ] {
            let refused = constraint(&body).err().unwrap_or_default();
            assert!(refused.starts_with(words), "{body}: {refused}");
        }
    }
}
