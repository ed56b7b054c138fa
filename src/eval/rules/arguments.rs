//! What an instruction was given beside its name: keywords, numbers, relations.

use serde_json::Value;

/// The arguments of one instruction. Absent, null, zero, empty and false ones count as absent: tables fill each row with
/// the columns of all rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arguments<'a>(pub(super) &'a Value);

fn is_given(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
    }
}

fn whole(value: &Value) -> Option<i64> {
    let cut = |float: f64| (float.is_finite() && float.abs() < 1e15).then_some(float as i64);
    value
        .as_i64()
        .or_else(|| value.as_f64().and_then(cut))
        .or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()))
}

impl<'a> Arguments<'a> {
    fn value(self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| is_given(value))
    }

    /// A text as it stands.
    pub(super) fn text(self, name: &str) -> Option<&'a str> {
        self.value(name)?.as_str()
    }

    /// A whole number that is not zero; tables may hold it as a float or a text.
    pub(super) fn number(self, name: &str) -> Option<i64> {
        whole(self.value(name)?)
    }

    /// A whole number that may be zero.
    pub(super) fn count(self, name: &str) -> Option<usize> {
        usize::try_from(whole(self.0.get(name)?)?).ok()
    }

    /// A list of texts; a lone text is a list of one.
    pub(super) fn texts(self, name: &str) -> Option<Vec<&'a str>> {
        match self.value(name)? {
            Value::Array(list) => Some(list.iter().filter_map(Value::as_str).collect()),
            Value::String(text) => Some(vec![text]),
            _ => None,
        }
    }
}

/// How a count is held against a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    LessThan,
    AtLeast,
}

impl Relation {
    /// `less than` or `at least`.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name.trim() {
            "less than" => Some(Relation::LessThan),
            "at least" => Some(Relation::AtLeast),
            _ => None,
        }
    }

    pub(super) fn holds(self, count: usize, threshold: i64) -> bool {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        match self {
            Relation::LessThan => count < threshold,
            Relation::AtLeast => count >= threshold,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_null_or_empty_is_absent() {
        let value = json!({"a": null, "b": 0, "c": "", "d": [], "e": 3.0, "f": "x", "g": ["y", 1]});
        let arguments = Arguments(&value);
        for name in ["a", "b", "c", "d", "none"] {
            assert!(arguments.text(name).is_none() && arguments.number(name).is_none(), "{name}");
            assert!(arguments.texts(name).is_none(), "{name}");
        }
        assert_eq!(arguments.number("e"), Some(3));
        assert_eq!(arguments.texts("f"), Some(vec!["x"]));
        assert_eq!(arguments.texts("g"), Some(vec!["y"]));
    }
}
