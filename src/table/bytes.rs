//! Binary cells. JSON has no bytes, so they stand as `{"$bytes": "<base64>"}`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

/// The one key of an object that stands for bytes.
pub const BYTES: &str = "$bytes";

/// Bytes as a JSON value.
pub(super) fn value_of(bytes: &[u8]) -> Value {
    Value::Object(Map::from_iter([(BYTES.to_owned(), Value::String(STANDARD.encode(bytes)))]))
}

/// The bytes of a binary cell, or of a cell as Hugging Face stores images and sound: a structure with `bytes`. `None`
/// where the value is neither.
pub fn bytes_of(value: &Value) -> Option<Vec<u8>> {
    let object = value.as_object()?;
    match object.get(BYTES) {
        Some(text) => STANDARD.decode(text.as_str()?).ok(),
        None => object.get("bytes").filter(|inner| inner.get(BYTES).is_some()).and_then(bytes_of),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back() {
        for bytes in [&b""[..], b"\x89PNG\r\n\x1a\n\0", &[255; 100]] {
            let value = value_of(bytes);
            assert_eq!(bytes_of(&value).as_deref(), Some(bytes));
            let image = serde_json::json!({"bytes": value, "path": "a.png"});
            assert_eq!(bytes_of(&image).as_deref(), Some(bytes));
        }
    }

    #[test]
    fn nothing_else_is_bytes() {
        let values = serde_json::json!(["text", 1, null, {"a": 1}, {"bytes": "text"}, {"$bytes": 1}, {"$bytes": "%"}]);
        assert!(values.as_array().is_some_and(|list| list.iter().all(|value| bytes_of(value).is_none())));
    }
}
