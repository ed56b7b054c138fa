//! Filters of replies, as the user orders them: `{"remove_until": "</think>", "regex": {"group_select": -1}}`.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value, json};

use super::maths::patterns;
use super::method::Reply;
use super::text::pattern::pattern;
use super::text::words::is_blank;
use crate::error::known;

/// What may be done to a reply before an answer is taken from it, by EvalScope's names. Those that choose among several
/// replies leave the one that is there as it is.
const NAMES: [&str; 8] =
    ["regex", "extract", "regex_pos", "remove_whitespace", "remove_until", "take_first", "take_first_k", "majority_vote"];

/// Filters in order.
#[derive(Debug, Default)]
pub struct Filters(Vec<Filter>);

#[derive(Debug)]
enum Filter {
    /// Keeps what an expression finds.
    Pattern(patterns::Filter),
    /// Keeps the tags of tagged words.
    Tags(Value),
    /// Drops blanks at the start.
    Blanks,
    /// Drops all up to the first of a mark, and the mark.
    Until(String),
    /// Leaves the text as it is.
    Same,
}

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
        let made = table.iter().map(|(name, params)| Filter::of(name, params).map_err(|why| format!("{name}: {why}")));
        made.collect::<Result<_, _>>().map(Filters)
    }

    /// A reply whose text is filtered; its turns stay as they are.
    pub fn apply(&self, reply: &Reply) -> Reply {
        Reply { text: self.0.iter().fold(reply.text.clone(), |text, filter| filter.apply(&text)), ..reply.clone() }
    }
}

/// Parameters by name, from whichever form they are given in.
fn named(params: &Value, names: &[&str]) -> Result<Map<String, Value>, String> {
    let list = match params {
        Value::Object(table) => {
            return match table.keys().find(|key| !names.contains(&key.as_str())) {
                None => Ok(table.clone()),
                Some(key) if names.is_empty() => Err(format!("takes no parameters, and {key} is given")),
                Some(key) => Err(format!("{key}: no such parameter; known are {}", known(names))),
            };
        }
        Value::Array(list) => list.clone(),
        Value::Null => Vec::new(),
        // A filter without parameters is switched on with a value of any kind.
        _ if names.is_empty() => Vec::new(),
        one => vec![one.clone()],
    };
    if list.len() > names.len() {
        return Err(format!("{} parameters are given, and it takes {}", list.len(), names.len()));
    }
    Ok(names.iter().map(|name| (*name).to_owned()).zip(list).collect())
}

impl Filter {
    fn of(name: &str, params: &Value) -> Result<Self, String> {
        match name {
            "regex" | "extract" => {
                let table = named(params, &["regex_pattern", "group_select", "fallback"])?;
                let rule: patterns::Pattern = serde_json::from_value(Value::Object(table)).map_err(|error| error.to_string())?;
                rule.compiled().map(Filter::Pattern).map_err(|error| format!("regex_pattern: {error}"))
            }
            "regex_pos" => {
                let table = named(params, &["regex_pattern", "group_select", "fallback"])?;
                Ok(Filter::Tags(table.get("fallback").filter(|value| !value.is_null()).cloned().unwrap_or(json!(["invalid"]))))
            }
            "remove_whitespace" => named(params, &[]).map(|_| Filter::Blanks),
            "remove_until" => match named(params, &["delimiter"])?.get("delimiter").and_then(Value::as_str) {
                Some(mark) if !mark.is_empty() => Ok(Filter::Until(mark.to_owned())),
                _ => Err("delimiter: name the text up to which is removed".to_owned()),
            },
            "take_first" | "majority_vote" => named(params, &[]).map(|_| Filter::Same),
            "take_first_k" => match named(params, &["k"])?.get("k").and_then(Value::as_u64) {
                Some(1) => Ok(Filter::Same),
                _ => Err("k: a reply is filtered alone, so that only 1 can be taken".to_owned()),
            },
            _ => Err(format!("no such filter; known are {}", known(NAMES))),
        }
    }

    fn apply(&self, text: &str) -> String {
        match self {
            Filter::Pattern(filter) => filter.extract(text),
            Filter::Tags(fallback) => tags(text, fallback),
            Filter::Blanks => text.trim_start_matches(is_blank).to_owned(),
            Filter::Until(mark) => text.split_once(mark.as_str()).map_or(text, |(_, after)| after).to_owned(),
            Filter::Same => text.to_owned(),
        }
    }
}

static TAGGED: LazyLock<Regex> = LazyLock::new(|| pattern(r"\('[^']*', '([^']*)'\)"));

/// The tags of pairs such as `('word', 'NOUN')`, as Python spells their list.
fn tags(text: &str, fallback: &Value) -> String {
    let found: Vec<String> =
        TAGGED.captures_iter(text).filter_map(|pair| Some(format!("'{}'", pair.get(1)?.as_str()))).collect();
    if !found.is_empty() {
        return format!("[{}]", found.join(", "));
    }
    match fallback {
        Value::Array(list) => {
            let items = list.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), |text| format!("'{text}'")));
            format!("[{}]", items.collect::<Vec<_>>().join(", "))
        }
        other => super::sample::spelled(other),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filtered(filters: Value, text: &str) -> String {
        Filters::of(Some(&filters)).expect("known filters").apply(&Reply::text(text)).text
    }

    #[test]
    fn filters_come_in_order() {
        assert_eq!(filtered(json!({"remove_until": "</think>", "remove_whitespace": {}}), "a</think>\n b</think>c"), "b</think>c");
        assert_eq!(filtered(json!({"remove_until": {"delimiter": "X"}}), "no mark"), "no mark");
        assert_eq!(filtered(json!({"regex": {}}), "so #### 1,234."), "1,234.");
        assert_eq!(filtered(json!({"regex": {"regex_pattern": "(\\d+)", "group_select": -1}}), "3 or 4"), "4");
        assert_eq!(filtered(json!({"extract": ["(\\d+)", 0, "none"]}), "no number"), "none");
        assert_eq!(filtered(json!({"regex_pos": {}}), "('a', 'DET') ('cat', 'NOUN')"), "['DET', 'NOUN']");
        assert_eq!(filtered(json!({"regex_pos": {}}), "cat"), "['invalid']");
        assert_eq!(filtered(json!({"take_first": {}}), "same"), "same");
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (filters, word) in [
            (json!({"remove": "x"}), "remove_until"),
            (json!({"remove_until": ""}), "delimiter"),
            (json!({"regex": {"pattern": "x"}}), "regex_pattern"),
            (json!({"regex": "("}), "regex_pattern"),
            (json!({"take_first_k": {"k": 2}}), "alone"),
            (json!(["regex"]), "object"),
        ] {
            let told = Filters::of(Some(&filters)).map(drop).expect_err("wrong");
            assert!(told.contains(word), "{filters}: {told}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_filtered(text in "(#### |\\('|', '|'\\)|[0-9]|\\PC){0,40}") {
            let all = json!({"remove_whitespace": {}, "remove_until": "#", "regex_pos": {}, "regex": {}});
            let _ = filtered(all, &text);
        }
    }
}
