//! Whether a text is JSON as Python's `json.loads` reads it: NaN and infinities are numbers, half surrogates are letters
//! and keys may come twice.

/// Digits that CPython converts to an integer, at most.
const DIGITS: usize = 4300;

/// What may come next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Value,
    /// A value or the end of an empty list.
    FirstItem,
    /// A key or the end of an empty object.
    FirstKey,
    Key,
    /// A comma or an end.
    After,
}

/// Whether the whole text is one JSON value. Depth is not limited: what is open is kept in a list.
pub(super) fn is_json(text: &str) -> bool {
    let mut rest = text.as_bytes();
    // One byte for each list or object that is open.
    let mut open: Vec<u8> = Vec::new();
    let mut next = Next::Value;
    loop {
        rest = spaces(rest);
        if next == Next::After && open.is_empty() {
            return rest.is_empty();
        }
        let Some((&first, after)) = rest.split_first() else { return false };
        match (next, first) {
            (Next::Value | Next::FirstItem, b'[') => {
                open.push(b']');
                (next, rest) = (Next::FirstItem, after);
            }
            (Next::Value | Next::FirstItem, b'{') => {
                open.push(b'}');
                (next, rest) = (Next::FirstKey, after);
            }
            (Next::FirstItem, b']') | (Next::FirstKey, b'}') => {
                open.pop();
                (next, rest) = (Next::After, after);
            }
            (Next::FirstKey | Next::Key, b'"') => match string(after).map(spaces).and_then(|left| left.split_first()) {
                Some((b':', left)) => (next, rest) = (Next::Value, left),
                _ => return false,
            },
            (Next::Value | Next::FirstItem, _) => match scalar(rest) {
                Some(left) => (next, rest) = (Next::After, left),
                None => return false,
            },
            (Next::After, b',') => {
                next = if open.last() == Some(&b'}') { Next::Key } else { Next::Value };
                rest = after;
            }
            (Next::After, end) if open.last() == Some(&end) => {
                open.pop();
                rest = after;
            }
            _ => return false,
        }
    }
}

fn spaces(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| !b" \t\n\r".contains(byte)).unwrap_or(text.len());
    text.get(end..).unwrap_or_default()
}

/// What follows a string whose opening quote is gone.
fn string(mut text: &[u8]) -> Option<&[u8]> {
    loop {
        let (&first, after) = text.split_first()?;
        text = match first {
            b'"' => return Some(after),
            0..=0x1f => return None,
            b'\\' => match after.split_first()? {
                (b'u', after) => {
                    let (digits, after) = after.split_at_checked(4)?;
                    digits.iter().all(u8::is_ascii_hexdigit).then_some(after)?
                }
                (b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', after) => after,
                _ => return None,
            },
            _ => after,
        };
    }
}

/// What follows a string, a number or a constant.
fn scalar(text: &[u8]) -> Option<&[u8]> {
    if let Some((b'"', after)) = text.split_first() {
        return string(after);
    }
    for constant in ["null", "true", "false", "NaN", "Infinity", "-Infinity"] {
        if let Some(after) = text.strip_prefix(constant.as_bytes()) {
            return Some(after);
        }
    }
    number(text)
}

fn digits(text: &[u8]) -> Option<(usize, &[u8])> {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    (end > 0).then(|| (end, text.get(end..).unwrap_or_default()))
}

fn number(text: &[u8]) -> Option<&[u8]> {
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let (whole, mut rest) = match text.strip_prefix(b"0") {
        Some(rest) => (1, rest),
        None => digits(text)?,
    };
    let mut is_float = false;
    if let Some((_, after)) = rest.strip_prefix(b".").and_then(digits) {
        (is_float, rest) = (true, after);
    }
    if let Some((b'e' | b'E', after)) = rest.split_first() {
        let after = after.strip_prefix(b"+").or_else(|| after.strip_prefix(b"-")).unwrap_or(after);
        if let Some((_, after)) = digits(after) {
            (is_float, rest) = (true, after);
        }
    }
    (is_float || whole <= DIGITS).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_python_reads() {
        for good in [
            "{}",
            "[]",
            "[1, -0.5e+3, NaN, -Infinity]",
            r#"{"a": {"a": []}, "a": null}"#,
            "1e999",
            r#""\ud800""#,
            " 1 ",
            r#"{"k" : [ ] , "l":[[]]}"#,
            "-0",
        ] {
            assert!(is_json(good), "{good}");
        }
        for bad in [
            "",
            "{",
            "[1,]",
            "{'a': 1}",
            r#"{"a" 1}"#,
            "01",
            "1.",
            ".5",
            "+1",
            "\"\n\"",
            r#""\x""#,
            "[1] 2",
            "\u{feff}1",
            r#"{"a":1,}"#,
            "{1: 2}",
            "nan",
            "]",
            "[}",
            r#""\u12g4""#,
            "[,1]",
            "1e",
            "--1",
        ] {
            assert!(!is_json(bad), "{bad}");
        }
        assert!(is_json(&format!("{}{}", "[".repeat(100_000), "]".repeat(100_000))));
        assert!(!is_json(&"9".repeat(5000)));
    }

    proptest! {
        #[test]
        fn no_text_is_too_much(text in "[\\[\\]{}\",:0-9a-z\\\\ ]{0,40}") {
            // What a strict reader takes is JSON here as well.
            let strict = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
            prop_assert!(!strict || is_json(&text));
        }
    }
}
