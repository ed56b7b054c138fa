//! Values of JSON as Python writes them, by `repr` and by `json.dumps`.

use serde_json::Value;

use super::spelling::{quoted, real};

/// A value as Python's `repr` writes it.
pub fn repr(value: &Value) -> String {
    written(value, Style { nothing: "None", truths: ["False", "True"], text: quoted })
}

/// A value as Python's `json.dumps` writes it, with blanks behind commas and colons and letters beyond ASCII kept.
pub fn dumps(value: &Value) -> String {
    let text = |text: &str| Value::from(text).to_string();
    written(value, Style { nothing: "null", truths: ["false", "true"], text })
}

/// What the two spellings differ in.
#[derive(Clone, Copy)]
struct Style {
    nothing: &'static str,
    truths: [&'static str; 2],
    text: fn(&str) -> String,
}

fn written(value: &Value, style: Style) -> String {
    match value {
        Value::Null => style.nothing.to_owned(),
        Value::Bool(truth) => style.truths[usize::from(*truth)].to_owned(),
        Value::Number(number) if number.is_f64() => real(number.as_f64().unwrap_or(f64::NAN)),
        Value::Number(number) => number.to_string(),
        Value::String(text) => (style.text)(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| written(item, style)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(entries) => {
            let entry = |(key, item): (&String, &Value)| format!("{}: {}", (style.text)(key), written(item, style));
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
