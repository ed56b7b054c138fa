//! JSON inside prose: complete objects and arrays, wherever they stand.
//!
//! Every function reads the text once and keeps at most a place for each open bracket. Values nested deeper than 128
//! levels are not read (`serde_json`'s own limit).

use serde_json::Value;

/// Which brackets are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `{…}`
    Object,
    /// `[…]`
    Array,
}

impl Kind {
    fn brackets(self) -> (u8, u8) {
        match self {
            Kind::Object => (b'{', b'}'),
            Kind::Array => (b'[', b']'),
        }
    }
}

/// Pairs of brackets that stand in no other pair, in order. A bracket that is never closed does not hide the pairs
/// after it. `quoted` says whether brackets within double quotes, inside a pair, are passed over.
fn pairs(text: &str, kind: Kind, quoted: bool) -> Vec<(usize, usize)> {
    let (open, close) = kind.brackets();
    let (mut opened, mut found) = (Vec::new(), Vec::<(usize, usize)>::new());
    let (mut inside, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        if inside {
            inside = byte != b'"' || escaped;
            escaped = byte == b'\\' && !escaped;
        } else if byte == b'"' && quoted && !opened.is_empty() {
            inside = true;
        } else if byte == open {
            opened.push(at);
        } else if byte == close
            && let Some(start) = opened.pop()
        {
            while found.last().is_some_and(|(inner, _)| *inner > start) {
                found.pop();
            }
            found.push((start, at + 1));
        }
    }
    found
}

/// All complete pieces of that kind that stand in no other of it, in order, whether they are valid JSON or not.
/// Brackets within strings count as brackets.
pub fn pieces(text: &str, kind: Kind) -> Vec<&str> {
    pairs(text, kind, false).into_iter().filter_map(|(start, end)| text.get(start..end)).collect()
}

/// The value of a text that is JSON as models write it: line breaks are dropped first, which allows a string to go
/// over several lines.
pub fn without_breaks(text: &str) -> Option<Value> {
    serde_json::from_str(text).or_else(|_| serde_json::from_str(&text.replace('\n', ""))).ok()
}

/// The last complete object of the text that stands in no other, where it is valid JSON.
///
/// Brackets within strings are passed over; where that leads to no valid object, all brackets count alike.
pub fn last_object(text: &str) -> Option<Value> {
    last(text, Kind::Object)
}

/// The last complete array of the text that stands in no other, where it is valid JSON; as [`last_object`].
pub fn last_array(text: &str) -> Option<Value> {
    last(text, Kind::Array)
}

fn last(text: &str, kind: Kind) -> Option<Value> {
    [true, false].into_iter().find_map(|quoted| {
        let (start, end) = *pairs(text, kind, quoted).last()?;
        without_breaks(text.get(start..end)?)
    })
}

/// How Python's `json.dumps` writes a value: `, ` and `: ` between members. Beyond ASCII it stays as it is.
pub fn spaced(value: &Value) -> String {
    use serde::Serialize;
    let mut bytes = Vec::new();
    match value.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, Spaced)) {
        Ok(()) => String::from_utf8(bytes).unwrap_or_default(),
        Err(_) => String::new(),
    }
}

struct Spaced;

impl serde_json::ser::Formatter for Spaced {
    fn begin_array_value<W: ?Sized + std::io::Write>(&mut self, writer: &mut W, first: bool) -> std::io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + std::io::Write>(&mut self, writer: &mut W, first: bool) -> std::io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + std::io::Write>(&mut self, writer: &mut W) -> std::io::Result<()> {
        writer.write_all(b": ")
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn the_last_complete_object_is_read() {
        assert_eq!(last_object(r#"First {"a": 1}, then {"a": {"b": 2}} and {"a": "#), Some(json!({"a": {"b": 2}})));
        assert_eq!(last_object("a set {1, 2 is open; {\"a\":\n\"two\nlines\"}"), Some(json!({"a": "twolines"})));
        assert_eq!(
            last_object(r#"{"text": "a } and \" { stay", "x": 1}"#),
            Some(json!({"text": "a } and \" { stay", "x": 1}))
        );
        assert_eq!(last_object(r#"say "{" or {"a": 1}"#), Some(json!({"a": 1})));
        assert_eq!(last_object("{not json}"), None);
        assert_eq!(last_object(""), None);
        assert_eq!(last_array("[1] then [[2], [3]]"), Some(json!([[2], [3]])));
        assert_eq!(pieces("{a}{b{c}}}{", Kind::Object), ["{a}", "{b{c}}"]);
    }

    #[test]
    fn deep_nesting_and_long_texts_end() {
        let deep = "[".repeat(200_000) + &"]".repeat(200_000);
        assert_eq!(last_array(&deep), None);
        assert_eq!(last_array(&"[".repeat(1_000_000)), None);
        assert_eq!(last_array(&"[]".repeat(300_000)), Some(json!([])));
    }

    #[test]
    fn a_value_is_written_as_python_writes_it() {
        let value = json!({"a": [1, 2.5, "x, y"], "b": {}, "c": []});
        assert_eq!(spaced(&value), r#"{"a": [1, 2.5, "x, y"], "b": {}, "c": []}"#);
    }

    proptest! {
        #[test]
        fn no_text_is_refused(text in "[\\PC{}\\[\\]\"\\\\\n]{0,80}") {
            let (object, array) = (last_object(&text), last_array(&text));
            prop_assert!(object.is_none_or(|value| value.is_object()));
            prop_assert!(array.is_none_or(|value| value.is_array()));
        }

        #[test]
        fn an_object_at_the_end_is_found(prose in "[a-z \n.,]{0,40}", key in "[a-z{}\"\\\\]{0,6}", number: i32) {
            let value = json!({key: [number]});
            let text = format!("{prose}{value}{prose}");
            prop_assert_eq!(last_object(&text).unwrap(), value);
        }
    }
}
