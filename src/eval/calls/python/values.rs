//! Values of JSON as Python writes them, by `repr` and by `json.dumps`.

use serde_json::Value;

use super::super::literal::Literal;
use super::spelling::real;

/// A value as Python's `repr` writes it.
pub fn repr(value: &Value) -> String {
    Literal::from(value).repr()
}

/// A value as Python's `json.dumps` writes it, with blanks behind commas and colons and letters beyond ASCII kept.
pub fn dumps(value: &Value) -> String {
    match value {
        Value::Number(number) if number.is_f64() => real(number.as_f64().unwrap_or(f64::NAN)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(dumps).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(entries) => {
            let entry = |(key, item): (&String, &Value)| format!("{}: {}", Value::from(key.as_str()), dumps(item));
            let entries: Vec<String> = entries.iter().map(entry).collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_written_as_python_does() {
        let value = json!({"a": [1, 1e16, true, null, "it's"], "é": {}});
        assert_eq!(repr(&value), r#"{'a': [1, 1e+16, True, None, "it's"], 'é': {}}"#);
        assert_eq!(dumps(&value), r#"{"a": [1, 1e+16, true, null, "it's"], "é": {}}"#);
    }
}
