//! Calls of tools against the schemas of these tools, and how often a model calls when it should.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::tool::{Reply, ToolCall};

/// Why calls do not fit their tools.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// No tool of that name has a schema. The empty schema is none.
    #[error("No schema found for tool '{0}'")]
    NoSchema(String),
    /// The arguments are no JSON.
    #[error("JSON parse failed for tool '{0}' arguments")]
    NoJson(String),
    /// The arguments do not fit.
    #[error("Schema validation failed for tool '{0}': {1}")]
    Misfit(String, String),
    /// A tool before the one that was called lacks its name, or that one its parameters.
    #[error("Tool call format error, missing field: {0}")]
    NoField(&'static str),
    /// The schema of the tool is none.
    #[error("Unexpected error during validation: {0}")]
    BadSchema(String),
}

/// Checks every call against the schema of its tool, by the draft of JSON Schema that the schema names, else 2020-12.
/// `format` says nothing about validity. No reference is followed out of the schema, and one that leads nowhere is an error
/// even where no value reaches it, which Python's `jsonschema` would find only then.
///
/// # Errors
///
/// What the first call that does not fit is wrong in.
pub fn validate(calls: &[ToolCall], tools: &Value) -> Result<(), SchemaError> {
    calls.iter().try_for_each(|call| validate_one(call, tools).map(|_| ()))
}

/// Checks one call and gives its arguments and the schema of its tool.
pub(super) fn validate_one<'a>(call: &ToolCall, tools: &'a Value) -> Result<(Value, &'a Value), SchemaError> {
    let schema = schema(&call.name, tools)?;
    let arguments = call.value().ok_or_else(|| SchemaError::NoJson(call.name.clone()))?;
    let validator = jsonschema::options().with_retriever(Closed).build(&known(schema));
    let validator = validator.map_err(|error| SchemaError::BadSchema(error.to_string()))?;
    match validator.validate(&arguments) {
        Ok(()) => Ok((arguments, schema)),
        Err(error) => Err(SchemaError::Misfit(call.name.clone(), error.to_string())),
    }
}

/// The schema without the name of a draft that nobody knows, so that it is read as the newest one.
fn known(schema: &Value) -> Cow<'_, Value> {
    let draft = schema.get("$schema").and_then(Value::as_str);
    match (draft, schema) {
        (Some(draft), Value::Object(fields)) if !draft.contains("//json-schema.org/") => {
            let mut fields = fields.clone();
            fields.shift_remove("$schema");
            Cow::Owned(Value::Object(fields))
        }
        _ => Cow::Borrowed(schema),
    }
}

/// Refuses every document outside of the schema.
struct Closed;

impl jsonschema::Retrieve for Closed {
    fn retrieve(&self, uri: &jsonschema::Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        Err(format!("{uri} is outside of the schema").into())
    }
}

/// The schema of the first tool of a name.
fn schema<'a>(name: &str, tools: &'a Value) -> Result<&'a Value, SchemaError> {
    for tool in tools.as_array().into_iter().flatten() {
        let function = tool.get("function").ok_or(SchemaError::NoField("function"))?;
        let named = function.get("name").ok_or(SchemaError::NoField("name"))?;
        if named.as_str() == Some(name) {
            let schema = function.get("parameters").ok_or(SchemaError::NoField("parameters"))?;
            return if says_something(schema) { Ok(schema) } else { Err(SchemaError::NoSchema(name.to_owned())) };
        }
    }
    Err(SchemaError::NoSchema(name.to_owned()))
}

fn says_something(schema: &Value) -> bool {
    match schema {
        Value::Null | Value::Bool(false) => false,
        Value::Object(schema) => !schema.is_empty(),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::Bool(true) => true,
    }
}

/// What one reply says about calling: the values of its sample, 0 or 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Whether the model stopped to call a tool.
    pub finish_reason_tool_call: u8,
    /// Whether it did, and its calls fit the schemas.
    pub successful_tool_call: u8,
    /// Whether it should have called.
    pub should_call_tool: u8,
    /// Whether it called well where it should, or not at all where it should not.
    #[serde(default)]
    pub passed: u8,
}

impl Attempt {
    /// Judges a reply. Calls are checked even where the model did not stop to make them, and are then no success.
    pub fn judge(reply: &Reply, tools: &Value, should_call: bool) -> (Self, Result<(), SchemaError>) {
        let fits = validate(&reply.calls, tools);
        let success = reply.stopped_to_call && fits.is_ok();
        let attempt = Self {
            finish_reason_tool_call: u8::from(reply.stopped_to_call),
            successful_tool_call: u8::from(success),
            should_call_tool: u8::from(should_call),
            passed: u8::from(if should_call { success } else { !reply.stopped_to_call }),
        };
        (attempt, fits)
    }

    /// The values of a request that failed: nothing was called, and nothing passed.
    pub fn failed(should_call: bool) -> Self {
        Self { should_call_tool: u8::from(should_call), ..Self::default() }
    }
}

/// What the attempts of a subset add up to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Calling {
    /// F1 of calling against having to call, `2pr / (p + r)`; 0 where neither precision nor recall is above it.
    pub tool_call_f1: f64,
    /// Attempts that fit their schemas over all attempts; 0 without any.
    pub schema_accuracy: f64,
    /// How often the model stopped to call.
    pub count_finish_reason_tool_call: u64,
    /// How often it did and its calls fit.
    pub count_successful_tool_call: u64,
    /// How many attempts there were.
    pub num: u64,
}

impl Calling {
    /// Adds up attempts.
    pub fn of(attempts: &[Attempt]) -> Self {
        let count = |is: &dyn Fn(&Attempt) -> bool| attempts.iter().filter(|attempt| is(attempt)).count() as u64;
        let called = count(&|attempt| attempt.finish_reason_tool_call == 1);
        let rightly = count(&|attempt| attempt.finish_reason_tool_call == 1 && attempt.should_call_tool == 1);
        let needed = count(&|attempt| attempt.should_call_tool == 1);
        let successful = count(&|attempt| attempt.successful_tool_call == 1);
        let valid = count(&|attempt| attempt.finish_reason_tool_call == 1 && attempt.successful_tool_call == 1);
        let precision = share(rightly, called);
        let recall = share(rightly, needed);
        let both = precision + recall;
        Self {
            tool_call_f1: if both > 0.0 { 2.0 * precision * recall / both } else { 0.0 },
            schema_accuracy: share(valid, called),
            count_finish_reason_tool_call: called,
            count_successful_tool_call: successful,
            num: attempts.len() as u64,
        }
    }
}

/// A part of a whole; 0 where the whole is nothing.
pub(super) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]
mod tests {
    use serde_json::json;

    use super::super::super::agreement::{Agreement, cases};
    use super::*;

    fn reply(case: &Value) -> Reply {
        Reply {
            calls: serde_json::from_value(case["tool_calls"].clone()).unwrap(),
            stopped_to_call: case["finish_reason"] == "tool_calls",
            ..Reply::default()
        }
    }

    #[test]
    fn validation_agrees_with_python() {
        let mut validity = Agreement::new("bfcl_ast", "general_fc.valid");
        let mut values = Agreement::new("bfcl_ast", "general_fc.value");
        let mut reasons = Agreement::new("bfcl_ast", "general_fc.reason");
        for case in cases("bfcl_ast").iter().filter(|case| case["kind"] == "general_fc") {
            let id = case["id"].as_str().unwrap();
            let (attempt, fits) = Attempt::judge(&reply(case), &case["tools"], case["should_call_tool"] == true);
            let expected = &case["expected"];
            validity.row(id, &fits.is_ok(), &expected["valid"].as_bool().unwrap());
            values.row(id, &attempt, &serde_json::from_value(expected["value"].clone()).unwrap());
            let reason = fits.map_or_else(|error| error.to_string(), |()| String::new());
            let theirs = expected["reason_class"].as_str().unwrap();
            reasons.judged(id, reason.starts_with(theirs) && reason.is_empty() == theirs.is_empty(), || reason.clone());
        }
        validity.check(1.0);
        values.check(1.0);
        reasons.check(1.0);
    }

    #[test]
    fn sums_agree_with_evalscope() {
        let mut agreement = Agreement::new("bfcl_ast", "general_fc_aggregate");
        for case in cases("bfcl_ast").iter().filter(|case| case["kind"] == "general_fc_aggregate") {
            let attempts: Vec<Attempt> = serde_json::from_value(case["rows"].clone()).unwrap();
            let ours = serde_json::to_value(Calling::of(&attempts)).unwrap();
            for (name, theirs) in case["expected"].as_object().unwrap() {
                agreement.near(
                    case["id"].as_str().unwrap(),
                    ours[name].as_f64().unwrap(),
                    theirs.as_f64().unwrap(),
                    1e-15,
                );
            }
        }
        agreement.check(1.0);
    }

    #[test]
    fn tools_and_schemas_of_a_wrong_form_are_errors() {
        let call = [ToolCall { name: "f".to_owned(), arguments: json!("{}") }];
        for (tools, error) in [
            (json!(null), "No schema"),
            (json!([{}]), "Tool call format"),
            (json!([{"function": {"name": "f"}}]), "Tool call format"),
            (json!([{"function": {"name": "f", "parameters": {}}}]), "No schema"),
            (json!([{"function": {"name": "f", "parameters": {"type": "dict"}}}]), "Unexpected error"),
            (json!([{"function": {"name": "f", "parameters": {"$ref": "http://127.0.0.1/x"}}}]), "Unexpected error"),
            (json!([{"function": {"name": "f", "parameters": {"pattern": "("}}}]), "Unexpected error"),
        ] {
            let found = validate(&call, &tools).unwrap_err().to_string();
            assert!(found.starts_with(error), "{tools}: {found}");
        }
        let tools = json!([{"function": {"name": "f", "parameters": {"$schema": "https://a.b/c", "type": "object"}}}]);
        assert_eq!(validate(&call, &tools), Ok(()));
        for arguments in ["{\"a\": ", "", "[".repeat(100_000).as_str()] {
            let call = [ToolCall { name: "f".to_owned(), arguments: json!(arguments) }];
            assert!(matches!(validate(&call, &tools), Err(SchemaError::NoJson(_))));
        }
    }

    #[test]
    fn calls_are_read_from_a_message() {
        let message = json!({"tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{\"a\": 1}"}}, 3,
        ]});
        let calls = ToolCall::of_message(&message);
        assert_eq!(calls[0].value(), Some(json!({"a": 1})));
        assert_eq!(calls[1].name, "");
        let odd = ToolCall { name: String::new(), arguments: json!(r#"{"NaN \"": [NaN, -Infinity]}"#) };
        assert_eq!(odd.value(), Some(json!({"NaN \"": [0.5, -1e308]})));
        assert!(ToolCall::of_message(&json!(null)).is_empty());
    }
}
