//! Tools and calls of them as a chat endpoint has them.

use serde_json::Value;

/// A call of a tool: a name, and arguments as the model wrote them.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
pub struct ToolCall {
    /// The name of the tool.
    pub name: String,
    /// The arguments: JSON text, or the value that it stands for.
    pub arguments: Value,
}

impl ToolCall {
    /// The calls in the message of a reply, as `{id, type, function: {name, arguments}}`. Entries of another form are
    /// calls of a tool without a name.
    pub fn of_message(message: &Value) -> Vec<Self> {
        let calls = message.get("tool_calls").and_then(Value::as_array);
        calls.into_iter().flatten().map(Self::of_entry).collect()
    }

    fn of_entry(entry: &Value) -> Self {
        let function = entry.get("function").unwrap_or(entry);
        let name = function.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        Self { name, arguments: function.get("arguments").cloned().unwrap_or_default() }
    }

    /// The arguments as a value; none where their text is no JSON. Like Python, which reads them, this takes `NaN` and
    /// infinities for numbers.
    pub fn value(&self) -> Option<Value> {
        match &self.arguments {
            Value::String(text) => serde_json::from_str(text).or_else(|_| serde_json::from_str(&finite(text))).ok(),
            value => Some(value.clone()),
        }
    }
}

/// JSON text whose numbers that JSON lacks are replaced: `NaN` by a number that is not whole, infinities by large ones.
fn finite(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut quoted = false;
    while let Some(c) = rest.chars().next() {
        let replaced = [("NaN", "0.5"), ("Infinity", "1e308")].into_iter().find(|(name, _)| rest.starts_with(name));
        let length = match (quoted, c, replaced) {
            (false, _, Some((name, number))) => {
                out.push_str(number);
                rest = &rest[name.len()..];
                continue;
            }
            // What follows a backslash never ends a text.
            (true, '\\', _) => 1 + rest.chars().nth(1).map_or(0, char::len_utf8),
            _ => c.len_utf8(),
        };
        quoted ^= c == '"';
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    out
}

/// What a reply of a chat endpoint is, as far as the checks of calls look at it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reply {
    /// The visible text.
    pub content: String,
    /// Whether there was reasoning beside it.
    pub reasoned: bool,
    /// The calls of tools.
    pub calls: Vec<ToolCall>,
    /// Whether the model stopped to call tools: the reason it gave is `tool_calls`.
    pub stopped_to_call: bool,
}

/// The value of a field that may be stored as JSON text; none where it is missing, blank or no JSON.
pub fn decoded(value: Option<&Value>) -> Option<Value> {
    match value? {
        Value::Null => None,
        Value::String(text) => serde_json::from_str(text).ok(),
        value => Some(value.clone()),
    }
}
