//! Filters of replies, as the user orders them: `{"remove_until": "</think>", "regex": {"group_select": -1}}`.

use serde_json::Value;

use super::method::Reply;
use super::text::filters::{Filter, filtered};

/// Filters in order.
#[derive(Debug, Default)]
pub struct Filters(Vec<Filter>);

impl Filters {
    /// Those of a table of names and parameters; parameters are an object, a list in EvalScope's order, or the first alone.
    ///
    /// # Errors
    /// In words, when one is not known or does not take its parameters.
    pub fn of(given: Option<&Value>) -> Result<Self, String> {
        let table = match given {
            None | Some(Value::Null) => return Ok(Filters::default()),
            Some(Value::Object(table)) => table,
            Some(_) => return Err("must be an object of names and parameters".to_owned()),
        };
        let made = table.iter().map(|(name, params)| Filter::named(name, params).map_err(|error| error.to_string()));
        made.collect::<Result<_, _>>().map(Filters)
    }

    /// A reply whose text is filtered; its turns stay as they are.
    pub fn apply(&self, reply: &Reply) -> Reply {
        if self.0.is_empty() {
            return reply.clone();
        }
        Reply { text: filtered(&reply.text, &self.0), ..reply.clone() }
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "tests say what they need and stop there")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn filters_come_in_order() {
        let through = |filters: Value, text: &str| {
            Filters::of(Some(&filters)).expect("known filters").apply(&Reply::text(text)).text
        };
        let cleared = json!({"remove_until": "</think>", "remove_whitespace": {}});
        assert_eq!(through(cleared, "a</think>\n b</think>c"), "b</think>c");
        assert_eq!(through(json!({"extract": ["([0-9]+)", -1, "none"]}), "3 or 4"), "4");
        assert_eq!(through(json!({"extract": ["([0-9]+)", 0, "none"]}), "no number"), "none");
        assert_eq!(through(json!({}), "same"), "same");
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (filters, word) in [
            (json!({"remove": "x"}), "remove_until"),
            (json!({"remove_until": 3}), "remove_until"),
            (json!({"regex": {"pattern": "x"}}), "regex_pattern"),
            (json!({"take_first": [1]}), "take_first"),
            (json!(["regex"]), "object"),
        ] {
            let told = Filters::of(Some(&filters)).map(drop).expect_err("wrong");
            assert!(told.contains(word), "{filters}: {told}");
        }
    }
}
