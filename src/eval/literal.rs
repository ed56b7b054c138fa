//! Literals of Python as data sets hold them: lists, tuples, dictionaries, strings, numbers, `True`, `None`.

use serde_json::{Map, Number, Value};

/// How deep lists may lie in lists.
const DEPTH: usize = 64;

/// Reads a literal; JSON is read as well. Tuples and sets become lists, keys of dictionaries become text.
///
/// # Errors
/// In words, with the byte, where it is none.
pub fn parse(text: &str) -> Result<Value, String> {
    let mut reader = Reader { bytes: text.as_bytes(), text, at: 0 };
    let value = reader.value(0)?;
    reader.blanks();
    if reader.at == text.len() { Ok(value) } else { Err(reader.refuse("nothing more")) }
}

struct Reader<'a> {
    bytes: &'a [u8],
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn refuse(&self, wanted: &str) -> String {
        format!("not a Python literal: expected {wanted} at byte {}", self.at)
    }

    fn blanks(&mut self) {
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }

    fn next_is(&mut self, byte: u8) -> bool {
        self.blanks();
        let is = self.bytes.get(self.at) == Some(&byte);
        self.at += usize::from(is);
        is
    }

    fn value(&mut self, depth: usize) -> Result<Value, String> {
        if depth > DEPTH {
            return Err(self.refuse("fewer brackets inside each other"));
        }
        self.blanks();
        match self.bytes.get(self.at) {
            Some(b'[') => self.list(b']', depth),
            Some(b'(') => self.list(b')', depth),
            Some(b'{') => self.dict(depth),
            Some(b'\'' | b'"') => self.strings(),
            Some(b'-' | b'+' | b'.' | b'0'..=b'9') => self.number(),
            Some(byte) if byte.is_ascii_alphabetic() => self.word(),
            _ => Err(self.refuse("a value")),
        }
    }

    fn list(&mut self, end: u8, depth: usize) -> Result<Value, String> {
        self.at += 1;
        let (mut list, mut commas) = (Vec::new(), 0);
        while !self.next_is(end) {
            if commas < list.len() {
                return Err(self.refuse("a comma"));
            }
            list.push(self.value(depth + 1)?);
            commas += usize::from(self.next_is(b','));
        }
        match (end, commas, list.len()) {
            // A value in brackets is no tuple.
            (b')', 0, 1) => Ok(list.remove(0)),
            _ => Ok(Value::Array(list)),
        }
    }

    fn dict(&mut self, depth: usize) -> Result<Value, String> {
        self.at += 1;
        let (mut map, mut set, mut comma) = (Map::new(), Vec::new(), true);
        while !self.next_is(b'}') {
            if !comma {
                return Err(self.refuse("a comma"));
            }
            let key = self.value(depth + 1)?;
            if self.next_is(b':') {
                let name = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
                map.insert(name, self.value(depth + 1)?);
            } else {
                set.push(key);
            }
            comma = self.next_is(b',');
        }
        Ok(if set.is_empty() { Value::Object(map) } else { Value::Array(set) })
    }

    /// Strings behind each other are one.
    fn strings(&mut self) -> Result<Value, String> {
        let mut whole = String::new();
        while let Some(quote @ (b'\'' | b'"')) = self.bytes.get(self.at).copied() {
            self.string(quote, &mut whole)?;
            self.blanks();
        }
        Ok(Value::String(whole))
    }

    fn string(&mut self, quote: u8, whole: &mut String) -> Result<(), String> {
        self.at += 1;
        let mut rest = self.text.get(self.at..).unwrap_or_default().char_indices();
        let begun = self.at;
        while let Some((at, c)) = rest.next() {
            match c {
                c if c == char::from(quote) => {
                    self.at = begun + at + 1;
                    return Ok(());
                }
                '\\' => {
                    let Some((_, escape)) = rest.next() else { break };
                    let digits = |count: usize, rest: &mut std::str::CharIndices<'_>| {
                        let hex: String = rest.by_ref().take(count).map(|(_, c)| c).collect();
                        u32::from_str_radix(&hex, 16).ok().and_then(char::from_u32).unwrap_or('\u{fffd}')
                    };
                    match escape {
                        'n' => whole.push('\n'),
                        't' => whole.push('\t'),
                        'r' => whole.push('\r'),
                        '\n' => {}
                        'x' => whole.push(digits(2, &mut rest)),
                        'u' => whole.push(digits(4, &mut rest)),
                        'U' => whole.push(digits(8, &mut rest)),
                        c @ ('\\' | '\'' | '"' | '/') => whole.push(c),
                        other => whole.extend(['\\', other]),
                    }
                }
                c => whole.push(c),
            }
        }
        Err(self.refuse("the end of a string"))
    }

    fn number(&mut self) -> Result<Value, String> {
        let begun = self.at;
        while self.bytes.get(self.at).is_some_and(|byte| byte.is_ascii_alphanumeric() || b"+-._".contains(byte)) {
            self.at += 1;
        }
        let text: String = self.text.get(begun..self.at).unwrap_or_default().chars().filter(|c| *c != '_').collect();
        let text = text.strip_prefix('+').unwrap_or(&text);
        if let Ok(whole) = text.parse::<i64>() {
            return Ok(Value::Number(whole.into()));
        }
        let number = text.parse::<f64>().ok().and_then(Number::from_f64);
        number.map(Value::Number).ok_or_else(|| self.refuse("a number"))
    }

    fn word(&mut self) -> Result<Value, String> {
        let begun = self.at;
        while self.bytes.get(self.at).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') {
            self.at += 1;
        }
        match self.text.get(begun..self.at).unwrap_or_default() {
            "True" | "true" => Ok(Value::Bool(true)),
            "False" | "false" => Ok(Value::Bool(false)),
            "None" | "null" | "nan" | "NaN" => Ok(Value::Null),
            "array" => {
                // What numpy prints of a list.
                if !self.next_is(b'(') {
                    return Err(self.refuse("a value"));
                }
                let value = self.value(1)?;
                while self.bytes.get(self.at).is_some_and(|byte| *byte != b')') {
                    self.at += 1;
                }
                self.at = (self.at + 1).min(self.text.len());
                Ok(value)
            }
            _ => {
                self.at = begun;
                Err(self.refuse("a value"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn literals_are_read() {
        for (text, value) in [
            ("['a', \"b's\", 'c\\'d']", json!(["a", "b's", "c'd"])),
            ("(1, 2.5, -3)", json!([1, 2.5, -3])),
            ("(1)", json!(1)),
            ("(1,)", json!([1])),
            ("{'a': True, 2: None}", json!({"a": true, "2": null})),
            ("{1, 2}", json!([1, 2])),
            ("array(['x', 'y'], dtype=object)", json!(["x", "y"])),
            ("'a' 'b'", json!("ab")),
            ("[[], {}]", json!([[], {}])),
            ("'caf\\u00e9\\n'", json!("café\n")),
            (r#"{"a": [true, null]}"#, json!({"a": [true, null]})),
        ] {
            assert_eq!(parse(text), Ok(value), "{text}");
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in ["", "[", "[1 2]", "f(1)", "'a", "{1: }", "[1]]", "1 2"] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse(&"[".repeat(100_000)).is_err());
    }

    proptest! {
        #[test]
        fn any_text_gives_a_value_or_an_error(text in ".{0,60}") {
            let _ = parse(&text);
        }
    }
}
