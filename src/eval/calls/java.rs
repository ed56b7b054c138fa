//! Values of Java from their source text, by the leaderboard's rules.

use std::sync::LazyLock;

use regex::Regex;

use super::convert::{after_exponent, after_fraction, between, digits, number_or_text, shorn, whole};
use super::literal::{Dictionary, Literal};

/// `new ArrayList<T>(Arrays.asList(items))`, its items captured.
static AS_LIST: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"new\s+ArrayList<\w*>\(Arrays\.asList\((.+?)\)\)").ok());
/// `new ArrayList<T>() {{ add(item); }}`, the body captured.
static ADDED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?s)new\s+ArrayList<\w*>\(\)\s*\{\{\s*(.+?)\s*\}\}").ok());
static ADD: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"add\((.+?)\)").ok());
static EMPTY_LIST: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"new\s+ArrayList<\w*>\(\)").ok());
/// `new T[] {items}`, its items captured.
static ARRAY: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"new\s+\w+\[\]\s*\{(.*?)\}").ok());
/// `new HashMap<K, V>() {{ put(key, value); }}`, the body captured.
static MAP: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?s)new\s+HashMap<.*?>\s*\(\)\s*\{\s*\{?\s*(.*?)\s*\}?\s*\}").ok());
static PUT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r#"put\("(.*?)",\s*(.*?)\)"#).ok());
static EMPTY_MAP: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"new\s+HashMap<.*?>\s*\(\)").ok());

/// The first thing that a pattern captures.
fn captured<'a>(pattern: &LazyLock<Option<Regex>>, text: &'a str) -> Option<&'a str> {
    Some(pattern.as_ref()?.captures(text)?.get(1)?.as_str())
}

fn matches(pattern: &LazyLock<Option<Regex>>, text: &str) -> bool {
    pattern.as_ref().is_some_and(|pattern| pattern.is_match(text))
}

/// The value of a source text of a type, the text itself where it is not of the type; none for types without a rule.
pub fn value(text: &str, described: &str, inner: Option<&str>) -> Option<Literal> {
    let same = || Literal::Text(text.to_owned());
    Some(match described {
        "byte" | "short" | "integer" => match digits(text) {
            Some((digits, "")) => whole(digits),
            _ => same(),
        },
        "long" => match digits(text) {
            Some((digits, "l" | "L")) => whole(digits),
            _ => same(),
        },
        "float" => real(text, &["f", "F"]).unwrap_or_else(same),
        "double" => real(text, &[""]).unwrap_or_else(same),
        "boolean" => match text {
            "true" => Literal::Truth(true),
            "false" => Literal::Truth(false),
            _ => same(),
        },
        "char" | "String" | "any" => same(),
        "ArrayList" => return array_list(text, inner),
        "Array" => match captured(&ARRAY, text) {
            Some(items) => {
                let items = items.split(',').map(str::trim).filter(|item| !item.is_empty());
                Literal::List(items.map(|item| item_value(item, inner)).collect::<Option<_>>()?)
            }
            None => same(),
        },
        "HashMap" => map(text),
        _ => return None,
    })
}

/// A real number that ends in one of the marks.
fn real(text: &str, marks: &[&str]) -> Option<Literal> {
    let (_, rest) = digits(text)?;
    let mark = after_exponent(after_fraction(rest));
    marks.contains(&mark).then_some(())?;
    text.strip_suffix(mark)?.parse().ok().map(Literal::Real)
}

fn item_value(item: &str, inner: Option<&str>) -> Option<Literal> {
    match inner {
        Some(inner) => value(item, inner, None),
        None => Some(untyped(item)),
    }
}

fn array_list(text: &str, inner: Option<&str>) -> Option<Literal> {
    let item = |item: &str| match inner {
        Some("char" | "String") => Some(Literal::Text(shorn(item).to_owned())),
        inner => item_value(item, inner),
    };
    if let Some(items) = captured(&AS_LIST, text) {
        return items.split(',').map(|part| item(part.trim())).collect::<Option<_>>().map(Literal::List);
    }
    if let Some(body) = captured(&ADDED, text) {
        let added = ADD.as_ref()?.captures_iter(body).filter_map(|found| found.get(1));
        return added.map(|part| item(part.as_str().trim())).collect::<Option<_>>().map(Literal::List);
    }
    let empty = matches(&EMPTY_LIST, text);
    Some(if empty { Literal::List(Vec::new()) } else { Literal::Text(text.to_owned()) })
}

fn map(text: &str) -> Literal {
    let mut entries = Dictionary::default();
    if let Some(body) = captured(&MAP, text) {
        for found in PUT.iter().flat_map(|pattern| pattern.captures_iter(body)) {
            if let (Some(key), Some(value)) = (found.get(1), found.get(2)) {
                entries.insert_text(key.as_str(), untyped(value.as_str().trim()));
            }
        }
        return Literal::Dictionary(entries);
    }
    if matches(&EMPTY_MAP, text) { Literal::Dictionary(entries) } else { Literal::Text(text.to_owned()) }
}

/// A value of a type that nothing says.
fn untyped(text: &str) -> Literal {
    match text {
        "true" => return Literal::Truth(true),
        "false" => return Literal::Truth(false),
        _ => {}
    }
    if let Some(inner) = between(text, '"') {
        return Literal::Text(inner.to_owned());
    }
    if let Some((digits, "l" | "L")) = digits(text) {
        return whole(digits);
    }
    real(text, &["f", "F"]).unwrap_or_else(|| number_or_text(text))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_by_their_type() {
        for (text, described, inner, expected) in [
            ("-128", "byte", None, "-128"),
            ("5L", "long", None, "5"),
            ("5", "long", None, "\"5\""),
            ("3e-3F", "float", None, "0.003"),
            ("3.14f", "double", None, "\"3.14f\""),
            ("3.", "double", None, "\"3.\""),
            ("'a'", "char", None, "\"'a'\""),
            ("new int[] { 1, 2 }", "Array", Some("integer"), "[1,2]"),
            ("new long[]{1L, 2}", "Array", Some("long"), "[1,\"2\"]"),
            ("new Object[]{1, \"abc\", true}", "Array", None, "[1,\"abc\",true]"),
            ("new ArrayList<>(Arrays.asList(\"a\",\"b\"))", "ArrayList", Some("String"), "[\"a\",\"b\"]"),
            ("new ArrayList<Float>() {{ add(1.0f); add(2.0f); }}", "ArrayList", Some("float"), "[1.0,2.0]"),
            ("new ArrayList<>()", "ArrayList", Some("String"), "[]"),
            ("a", "ArrayList", Some("String"), "\"a\""),
            (
                "new HashMap<String, Object>() {{ put(\"k\", 1); put(\"l\", true); }}",
                "HashMap",
                None,
                r#"{"k":1,"l":true}"#,
            ),
            ("new HashMap<>() {{ }}", "HashMap", None, "{}"),
            ("new HashMap<>()", "HashMap", None, "{}"),
        ] {
            assert_eq!(value(text, described, inner).unwrap().to_json().to_string(), expected, "{text}");
        }
        assert_eq!(value("x", "Set", None), None);
        assert_eq!(value("new int[]{1}", "Array", Some("Set")), None);
    }
}
