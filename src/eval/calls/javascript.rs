//! Values of JavaScript from their source text, by the leaderboard's rules.

use std::sync::LazyLock;

use regex::Regex;

use super::convert::{after_fraction, between, digits, number_or_text, whole};
use super::literal::{Dictionary, Literal};

/// An array of arrays at the beginning of the text.
static LISTS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let inner = r"\s*\[.*?\]\s*(?:,\s*\[.*?\]\s*)*";
    Regex::new(&format!(r"^(?:\[{inner}\]|\bnew\s+Array\({inner}\))")).ok()
});
/// The shortest text between square brackets.
static INNER: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\[(.*?)\]").ok());
/// An array at the beginning of the text, its items captured.
static LIST: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^(?:\[(.*?)\]|\bnew\s+Array\((.*?)\))").ok());
/// An object at the beginning of the text, its entries captured.
static OBJECT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^\{(.*?)\}").ok());

/// The value of a source text of a type, the text itself where it is not of the type; none for types without a rule.
pub fn value(text: &str, described: &str, inner: Option<&str>) -> Option<Literal> {
    let same = || Literal::Text(text.to_owned());
    Some(match described {
        "String" => match between(text, '"').or_else(|| between(text, '\'')) {
            Some(inner) => Literal::Text(inner.to_owned()),
            None => same(),
        },
        "integer" => match digits(text) {
            Some((digits, "")) => whole(digits),
            _ => same(),
        },
        "float" => match digits(text).map(|(_, rest)| after_fraction(rest)) {
            Some("") => text.parse().map_or_else(|_| same(), Literal::Real),
            _ => same(),
        },
        "Bigint" => match digits(text) {
            Some((digits, "n")) => whole(digits),
            _ => same(),
        },
        "Boolean" => match text {
            "true" => Literal::Truth(true),
            "false" => Literal::Truth(false),
            _ => same(),
        },
        "dict" => object(text.trim()),
        "array" => array(text.trim(), inner),
        "any" => same(),
        _ => return None,
    })
}

fn array(text: &str, inner: Option<&str>) -> Literal {
    if let Some(lists) = LISTS.as_ref().and_then(|pattern| pattern.find(text)) {
        let found =
            INNER.iter().flat_map(|pattern| pattern.captures_iter(lists.as_str())).filter_map(|found| found.get(1));
        let lists = found.enumerate().map(|(index, found)| {
            let items = found.as_str().trim();
            let items = if index == 0 { items.strip_prefix('[').unwrap_or(items) } else { items };
            Literal::List(items.split(',').map(|item| untyped(item.trim())).collect())
        });
        return Literal::List(lists.collect());
    }
    let same = || Literal::Text(text.to_owned());
    let Some(found) = LIST.as_ref().and_then(|pattern| pattern.captures(text)) else { return same() };
    let items = found.get(1).or_else(|| found.get(2)).map_or("", |items| items.as_str().trim());
    if items.is_empty() {
        return Literal::List(Vec::new());
    }
    let items = items.split(',').map(|item| typed(item.trim(), inner));
    // An item of a type without a rule leaves the whole text as it is.
    items.collect::<Option<_>>().map_or_else(same, Literal::List)
}

fn typed(item: &str, inner: Option<&str>) -> Option<Literal> {
    match inner {
        Some(inner) if item.starts_with(['\'', '"']) => value(item, inner, Some("String")),
        Some(inner) => value(item, inner, None),
        None => Some(untyped(item)),
    }
}

fn object(text: &str) -> Literal {
    if text == "{}" {
        return Literal::Dictionary(Dictionary::default());
    }
    let entries = OBJECT.as_ref().and_then(|pattern| pattern.captures(text)).and_then(|found| found.get(1));
    let Some(entries) = entries else { return Literal::Text(text.to_owned()) };
    let mut object = Dictionary::default();
    for (key, item) in pairs(entries.as_str()) {
        let key = key.trim().trim_matches(['\'', '"']);
        let item = item.trim();
        let item = if item.starts_with('[') && item.ends_with(']') {
            array(item, None)
        } else {
            untyped(item.trim_matches(['\'', '"']))
        };
        object.insert_text(key, item);
    }
    Literal::Dictionary(object)
}

/// Keys and values of an object. A comma ends a value only where a colon follows before the next comma.
fn pairs(text: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(colon) = rest.find(':') {
        let key = &rest[..colon];
        rest = &rest[colon + 1..];
        // A colon without a key in front is passed over.
        if key.is_empty() {
            continue;
        }
        let comma = rest.match_indices(',').map(|(place, _)| place).find(|place| ends_value(&rest[place + 1..]));
        let end = comma.unwrap_or(rest.len());
        found.push((key, &rest[..end]));
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    found
}

/// Whether what follows a comma is another key.
fn ends_value(behind: &str) -> bool {
    let part = behind.split(',').next().unwrap_or_default();
    part.char_indices().nth(1).is_some_and(|(second, _)| part[second..].contains(':'))
}

/// A value of a type that nothing says.
fn untyped(text: &str) -> Literal {
    let text = text.trim();
    match text {
        "true" => Literal::Truth(true),
        "false" => Literal::Truth(false),
        _ => match between(text, '"').or_else(|| between(text, '\'')) {
            Some(inner) => Literal::Text(inner.to_owned()),
            None => number_or_text(text),
        },
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_by_their_type() {
        for (text, described, inner, expected) in [
            ("'x\"", "String", None, "\"'x\\\"\""),
            ("1e3", "float", None, "\"1e3\""),
            ("-3.5", "float", None, "-3.5"),
            ("5n", "Bigint", None, "5"),
            ("[1, 'two', true]", "array", None, "[1,\"two\",true]"),
            ("new Array(4.4, 5.5)", "array", Some("float"), "[4.4,5.5]"),
            ("[1,\"2\"]", "array", Some("integer"), "[1,\"\\\"2\\\"\"]"),
            (" [ [ 1, 2 ], [ 3,   4], [5, 6]]", "array", Some("array"), "[[1,2],[3,4],[5,6]]"),
            ("new Array([1, 2], [3])", "array", Some("array"), "[[1,2],[3]]"),
            ("[{\"a\": 1}, {\"b\": 2}]", "array", Some("dict"), "[{\"a\":1},{\"b\":2}]"),
            ("[]", "array", Some("String"), "[]"),
            ("[x]", "array", Some("Date"), "\"[x]\""),
            ("{}", "dict", None, "{}"),
            ("{a: 1, 'b': 'x', c: [1, 2], d: y}", "dict", None, r#"{"a":1,"b":"x","c":[1,2],"d":"y"}"#),
            ("{a:\n1}", "dict", None, "\"{a:\\n1}\""),
        ] {
            assert_eq!(value(text, described, inner).unwrap().to_json().to_string(), expected, "{text}");
        }
        assert_eq!(value("x", "Date", None), None);
    }
}
