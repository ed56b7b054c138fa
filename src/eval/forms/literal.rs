//! Values written as Python literals: what records hold that were saved by `str` of a dictionary.

use serde_json::{Map, Number, Value};

/// Deepest nesting that is read.
const DEPTH: usize = 32;

/// The value of a Python literal (dictionary, list, tuple, text, number, `True`, `False`, `None`) or of JSON; `None`
/// for anything else, bytes, sets and expressions among it. A tuple becomes an array. Keys that are no text become
/// the text of their value.
pub fn literal(text: &str) -> Option<Value> {
    if let Ok(value) = serde_json::from_str(text) {
        return Some(value);
    }
    let mut reader = Reader { rest: text };
    let value = reader.value(DEPTH)?;
    reader.rest.trim().is_empty().then_some(value)
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn takes(&mut self, token: &str) -> bool {
        self.skip();
        let Some(rest) = self.rest.strip_prefix(token) else { return false };
        self.rest = rest;
        true
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        let depth = depth.checked_sub(1)?;
        self.skip();
        match self.rest.chars().next()? {
            '{' => self.dictionary(depth),
            '[' => self.sequence(depth, "[", "]").map(|(items, _)| Value::Array(items)),
            '(' => {
                let (mut items, comma) = self.sequence(depth, "(", ")")?;
                // Without a comma these are brackets around one value.
                if items.len() == 1 && !comma { items.pop() } else { Some(Value::Array(items)) }
            }
            '\'' | '"' => self.texts().map(Value::String),
            _ => self.atom(),
        }
    }

    fn dictionary(&mut self, depth: usize) -> Option<Value> {
        self.takes("{");
        let mut map = Map::new();
        while !self.takes("}") {
            let key = match self.value(depth)? {
                Value::String(key) => key,
                other => other.to_string(),
            };
            if !self.takes(":") {
                return None;
            }
            let value = self.value(depth)?;
            map.insert(key, value);
            if !self.takes(",") && !self.rest.starts_with('}') {
                return None;
            }
        }
        Some(Value::Object(map))
    }

    /// The members, and whether a comma follows the last one.
    fn sequence(&mut self, depth: usize, open: &str, close: &str) -> Option<(Vec<Value>, bool)> {
        self.takes(open);
        let (mut items, mut comma) = (Vec::new(), false);
        while !self.takes(close) {
            items.push(self.value(depth)?);
            comma = self.takes(",");
            if !comma && !self.rest.starts_with(close) {
                return None;
            }
        }
        Some((items, comma))
    }

    /// One text, or several that follow each other and count as one.
    fn texts(&mut self) -> Option<String> {
        let mut all = String::new();
        while self.rest.starts_with(['\'', '"']) {
            self.text(&mut all)?;
            self.skip();
        }
        Some(all)
    }

    fn text(&mut self, into: &mut String) -> Option<()> {
        let quote = self.rest.chars().next()?;
        let mut characters = self.rest.char_indices().skip(1);
        loop {
            match characters.next()? {
                (at, c) if c == quote => {
                    self.rest = self.rest.get(at + 1..)?;
                    return Some(());
                }
                (_, '\n') => return None,
                (_, '\\') => {
                    let (_, escaped) = characters.next()?;
                    match escaped {
                        'n' => into.push('\n'),
                        't' => into.push('\t'),
                        'r' => into.push('\r'),
                        '\\' | '\'' | '"' => into.push(escaped),
                        '\n' => {}
                        'x' | 'u' | 'U' => {
                            let length = match escaped {
                                'x' => 2,
                                'u' => 4,
                                _ => 8,
                            };
                            let mut code = 0;
                            for _ in 0..length {
                                code = code * 16 + characters.next()?.1.to_digit(16)?;
                            }
                            into.push(char::from_u32(code)?);
                        }
                        other => into.extend(['\\', other]),
                    }
                }
                (_, c) => into.push(c),
            }
        }
    }

    fn atom(&mut self) -> Option<Value> {
        let end = self.rest.find([',', ':', '}', ']', ')']).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        match word.trim() {
            "True" => Some(Value::Bool(true)),
            "False" => Some(Value::Bool(false)),
            "None" => Some(Value::Null),
            number => {
                let digits = number.strip_prefix('+').unwrap_or(number);
                match digits.parse::<i64>() {
                    Ok(whole) => Some(whole.into()),
                    Err(_) => Number::from_f64(digits.parse().ok()?).map(Value::Number),
                }
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
    fn python_literals_are_read() {
        let text =
            r#"{'a': 'it\'s "so"', "b": [1, -2.5, (True, None,), ()], 'c': {1: 'x' "y"}, 'd': (3), 'e': '\u00e9\q',}"#;
        let value =
            json!({"a": "it's \"so\"", "b": [1, -2.5, [true, null], []], "c": {"1": "xy"}, "d": 3, "e": "é\\q"});
        assert_eq!(literal(text), Some(value));
        assert_eq!(literal(r#"{"a": true}"#), Some(json!({"a": true})));
        for wrong in ["", "{'a'}", "{'a': 1", "[1, 2", "f(1)", "[1 2]", "'a' + 'b'", "'", "{1, 2}", "[,]"] {
            assert_eq!(literal(wrong), None, "{wrong}");
        }
        assert_eq!(literal(&"[".repeat(100_000)), None);
    }

    proptest! {
        #[test]
        fn no_text_is_refused(text in "[\\[\\](){},:'\"\\\\a1 \n]{0,40}") {
            let _ = literal(&text);
        }
    }
}
