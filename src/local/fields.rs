//! The fields of a request body, each complaint about one naming it.

use serde_json::{Map, Value};

use super::backend::{Input, Refusal};

/// A refusal that names its field.
pub fn invalid(field: &'static str, message: impl Into<String>) -> Refusal {
    Refusal::Invalid { field, message: message.into() }
}

/// Reads a body that must be a JSON object.
///
/// # Errors
/// When it is not.
pub fn object(bytes: &[u8]) -> Result<Map<String, Value>, Refusal> {
    let value: Value =
        serde_json::from_slice(bytes).map_err(|error| invalid("body", format!("not valid JSON: {error}")))?;
    match value {
        Value::Object(map) => Ok(map),
        _ => Err(invalid("body", "must be a JSON object")),
    }
}

/// The fields of an object; a field that is null counts as left out.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a>(pub &'a Map<String, Value>);

impl<'a> Fields<'a> {
    /// A value, whatever it is.
    pub fn get(&self, field: &str) -> Option<&'a Value> {
        self.0.get(field).filter(|value| !value.is_null())
    }

    /// A text.
    ///
    /// # Errors
    /// When it is something else.
    pub fn text(&self, field: &'static str) -> Result<Option<&'a str>, Refusal> {
        self.get(field).map(|value| value.as_str().ok_or_else(|| invalid(field, "must be a text"))).transpose()
    }

    /// A text that must be there.
    ///
    /// # Errors
    /// When it is not, or is something else.
    pub fn required(&self, field: &'static str) -> Result<&'a str, Refusal> {
        self.text(field)?.ok_or_else(|| invalid(field, "is required"))
    }

    /// True or false.
    ///
    /// # Errors
    /// When it is something else.
    pub fn flag_or(&self, field: &'static str, or: bool) -> Result<bool, Refusal> {
        match self.get(field) {
            None => Ok(or),
            Some(value) => value.as_bool().ok_or_else(|| invalid(field, "must be true or false")),
        }
    }

    /// True or false; false when left out.
    ///
    /// # Errors
    /// When it is something else.
    pub fn flag(&self, field: &'static str) -> Result<bool, Refusal> {
        self.flag_or(field, false)
    }

    /// An integer of at least `least`.
    ///
    /// # Errors
    /// When it is something else.
    pub fn integer(&self, field: &'static str, least: usize) -> Result<Option<usize>, Refusal> {
        let wrong = || invalid(field, format!("must be an integer of at least {least}"));
        self.get(field)
            .map(|value| {
                let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
                number.filter(|number| *number >= least).ok_or_else(wrong)
            })
            .transpose()
    }

    /// A number between two others, both included.
    ///
    /// # Errors
    /// When it is something else.
    pub fn number(&self, field: &'static str, least: f64, most: f64) -> Result<Option<f32>, Refusal> {
        self.get(field)
            .map(|value| {
                let number = value.as_f64().filter(|number| (least..=most).contains(number));
                number
                    .map(|number| number as f32)
                    .ok_or_else(|| invalid(field, format!("must be a number between {least} and {most}")))
            })
            .transpose()
    }

    /// An object.
    ///
    /// # Errors
    /// When it is something else.
    pub fn object(&self, field: &'static str) -> Result<Option<&'a Map<String, Value>>, Refusal> {
        self.get(field).map(|value| value.as_object().ok_or_else(|| invalid(field, "must be an object"))).transpose()
    }

    /// Token ids; none when left out.
    ///
    /// # Errors
    /// When it is something else.
    pub fn tokens(&self, field: &'static str) -> Result<Vec<u32>, Refusal> {
        let ids = match self.get(field) {
            None => Some(Vec::new()),
            Some(Value::Array(items)) => token_ids(items),
            Some(_) => None,
        };
        ids.ok_or_else(|| invalid(field, "must be a list of token ids"))
    }

    /// Texts or lists of token ids: one of them, or a list that is not empty.
    ///
    /// # Errors
    /// When it is left out or something else.
    pub fn inputs(&self, field: &'static str) -> Result<Vec<Input>, Refusal> {
        let one = |item: &Value| match item {
            Value::String(text) => Some(Input::Text(text.clone())),
            Value::Array(ids) if !ids.is_empty() => token_ids(ids).map(Input::Tokens),
            _ => None,
        };
        let value = self.get(field).ok_or_else(|| invalid(field, "is required"))?;
        let inputs = match value {
            Value::Array(items) if items.first().is_some_and(Value::is_number) => one(value).map(|ids| vec![ids]),
            Value::Array(items) if !items.is_empty() => items.iter().map(one).collect(),
            value => one(value).map(|input| vec![input]),
        };
        inputs.ok_or_else(|| invalid(field, "must be a text, a list of texts, a list of token ids or a list of those"))
    }
}

fn token_ids(items: &[Value]) -> Option<Vec<u32>> {
    items.iter().map(|item| u32::try_from(item.as_u64()?).ok()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn inputs_come_in_four_shapes() {
        let text = |text: &str| Input::Text(text.to_owned());
        for (given, expected) in [
            (json!("a"), Some(vec![text("a")])),
            (json!(["a"]), Some(vec![text("a")])),
            (json!(["a", "b"]), Some(vec![text("a"), text("b")])),
            (json!([1, 2]), Some(vec![Input::Tokens(vec![1, 2])])),
            (json!([[1, 2], [3]]), Some(vec![Input::Tokens(vec![1, 2]), Input::Tokens(vec![3])])),
            (json!([]), None),
            (json!([[]]), None),
            (json!([-1]), None),
            (json!([1, "a"]), None),
            (json!({}), None),
            (json!(null), None),
        ] {
            let map = Map::from_iter([("input".to_owned(), given.clone())]);
            assert_eq!(Fields(&map).inputs("input").ok(), expected, "{given}");
        }
    }
}
