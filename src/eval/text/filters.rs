//! The filters that replies go through before an answer is looked for, by their EvalScope names.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::pattern::pattern;
use super::words::is_blank;

/// One step that replies go through.
#[derive(Clone, Debug)]
pub enum Filter {
    /// `regex` and `extract`: one of the matches.
    Match(MatchFilter),
    /// `regex_pos`: the tags in pairs of a token and its tag, as Python writes the list of them.
    Tags {
        /// The list where there is no pair.
        fallback: Vec<String>,
    },
    /// `remove_whitespace`: without leading blanks.
    Leading,
    /// `remove_until`: what stands after the first delimiter, such as `</think>`; the whole without one.
    Until(String),
    /// `take_first` and `take_first_k`: the first replies.
    First(usize),
    /// `majority_vote`: the most frequent reply, of several the one that came first.
    Majority,
}

/// Which match of an expression counts.
#[derive(Clone, Debug)]
pub struct MatchFilter {
    expression: Regex,
    select: isize,
    fallback: String,
}

/// All filters by name.
const NAMES: [&str; 8] = [
    "regex",
    "extract",
    "regex_pos",
    "remove_whitespace",
    "remove_until",
    "take_first",
    "take_first_k",
    "majority_vote",
];

/// Parameters of the filters that take an expression, in order.
const OF_EXPRESSION: [&str; 3] = ["regex_pattern", "group_select", "fallback"];

/// Why a filter cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    /// There is no such filter.
    #[error("there is no filter {0}; known are {known}", known = NAMES.join(", "))]
    Unknown(String),
    /// Its parameters are wrong.
    #[error("filter {0}: {1}")]
    Parameters(String, String),
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct MatchParameters {
    regex_pattern: String,
    group_select: isize,
    fallback: String,
}

impl Default for MatchParameters {
    fn default() -> Self {
        Self { regex_pattern: r"#### (\-?[0-9\.\,]+)".to_owned(), group_select: 0, fallback: "[invalid]".to_owned() }
    }
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct TagParameters {
    #[serde(rename = "regex_pattern")]
    _regex_pattern: Value,
    #[serde(rename = "group_select")]
    _group_select: Value,
    fallback: Vec<String>,
}

impl Default for TagParameters {
    fn default() -> Self {
        Self { _regex_pattern: Value::Null, _group_select: Value::Null, fallback: vec!["invalid".to_owned()] }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Delimiter {
    delimiter: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FirstK {
    k: usize,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

static PAIR: LazyLock<Regex> = LazyLock::new(|| pattern(r"\('[^']*', '([^']*)'\)"));

impl Filter {
    /// The filter of a name with its parameters: an object, a list of values in order, or the first value alone.
    pub fn named(name: &str, parameters: &Value) -> Result<Self, FilterError> {
        match name {
            "regex" | "extract" => {
                let read: MatchParameters = read(name, &OF_EXPRESSION, parameters)?;
                let expression = Regex::new(&read.regex_pattern);
                let expression =
                    expression.map_err(|error| FilterError::Parameters(name.to_owned(), error.to_string()))?;
                Ok(Self::Match(MatchFilter { expression, select: read.group_select, fallback: read.fallback }))
            }
            "regex_pos" => {
                read(name, &OF_EXPRESSION, parameters).map(|read: TagParameters| Self::Tags { fallback: read.fallback })
            }
            "remove_whitespace" => read(name, &[], parameters).map(|_: Nothing| Self::Leading),
            "remove_until" => read(name, &["delimiter"], parameters).map(|read: Delimiter| Self::Until(read.delimiter)),
            "take_first" => read(name, &[], parameters).map(|_: Nothing| Self::First(1)),
            "take_first_k" => read(name, &["k"], parameters).map(|read: FirstK| Self::First(read.k)),
            "majority_vote" => read(name, &[], parameters).map(|_: Nothing| Self::Majority),
            _ => Err(FilterError::Unknown(name.to_owned())),
        }
    }

    /// The replies after this step.
    pub fn apply(&self, replies: Vec<String>) -> Vec<String> {
        match self {
            Self::Match(filter) => replies.iter().map(|reply| filter.matched(reply)).collect(),
            Self::Tags { fallback } => replies.iter().map(|reply| tags(reply, fallback)).collect(),
            Self::Leading => replies.iter().map(|reply| reply.trim_start_matches(is_blank).to_owned()).collect(),
            Self::Until(delimiter) => replies.iter().map(|reply| after(reply, delimiter).to_owned()).collect(),
            Self::First(count) => replies.into_iter().take(*count).collect(),
            Self::Majority => majority(&replies).into_iter().collect(),
        }
    }
}

/// One reply through all filters, in order; the first where a filter leaves several.
pub fn filtered(reply: &str, filters: &[Filter]) -> String {
    let replies = filters.iter().fold(vec![reply.to_owned()], |replies, filter| filter.apply(replies));
    replies.into_iter().next().unwrap_or_default()
}

fn read<T: DeserializeOwned>(name: &str, names: &[&str], parameters: &Value) -> Result<T, FilterError> {
    let refuse = |why: String| FilterError::Parameters(name.to_owned(), why);
    let values = match parameters {
        Value::Null => Vec::new(),
        Value::Object(_) => {
            return serde_json::from_value(parameters.clone()).map_err(|error| refuse(error.to_string()));
        }
        Value::Array(list) => list.clone(),
        one => vec![one.clone()],
    };
    if values.len() > names.len() {
        return Err(refuse(format!("takes {} parameters, and {} are given", names.len(), values.len())));
    }
    let object: Map<String, Value> = names.iter().map(|name| (*name).to_owned()).zip(values).collect();
    serde_json::from_value(Value::Object(object)).map_err(|error| refuse(error.to_string()))
}

impl MatchFilter {
    /// The selected match, counted from the end where negative: its first group that is not empty, or the whole where
    /// the expression has no group.
    fn matched(&self, reply: &str) -> String {
        let all: Vec<regex::Captures<'_>> = self.expression.captures_iter(reply).collect();
        let index = if self.select < 0 {
            all.len().checked_sub(self.select.unsigned_abs())
        } else {
            Some(self.select.unsigned_abs())
        };
        let Some(found) = index.and_then(|index| all.get(index)) else { return self.fallback.clone() };
        let groups = || found.iter().skip(1).map(|group| group.map_or("", |group| group.as_str()));
        let text = match found.len() {
            0 | 1 => found.get(0).map(|whole| whole.as_str()),
            2 => groups().next(),
            _ => groups().find(|group| !group.is_empty()),
        };
        text.unwrap_or(&self.fallback).trim_matches(is_blank).to_owned()
    }
}

fn tags(reply: &str, fallback: &[String]) -> String {
    let found: Vec<&str> = PAIR.captures_iter(reply).filter_map(|pair| pair.get(1)).map(|tag| tag.as_str()).collect();
    let list = if found.is_empty() { fallback.iter().map(String::as_str).collect() } else { found };
    let quoted: Vec<String> = list.iter().map(|tag| format!("'{tag}'")).collect();
    format!("[{}]", quoted.join(", "))
}

fn after<'a>(reply: &'a str, delimiter: &str) -> &'a str {
    if delimiter.is_empty() {
        return reply;
    }
    reply.split_once(delimiter).map_or(reply, |(_, rest)| rest)
}

fn majority(replies: &[String]) -> Option<String> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for reply in replies {
        *counts.entry(reply).or_default() += 1;
    }
    let most = counts.values().copied().max()?;
    replies.iter().find(|reply| counts.get(reply.as_str()) == Some(&most)).cloned()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]
mod tests {
    use serde_json::json;

    use super::*;

    fn through(name: &str, parameters: Value, reply: &str) -> String {
        filtered(reply, &[Filter::named(name, &parameters).unwrap()])
    }

    #[test]
    fn matches() {
        assert_eq!(through("regex", Value::Null, "so\n#### 1,200 "), "1,200");
        assert_eq!(through("regex", Value::Null, "so"), "[invalid]");
        assert_eq!(through("extract", json!({"regex_pattern": "[0-9]+", "group_select": -1}), "1 2 3"), "3");
        assert_eq!(through("regex", json!({"regex_pattern": "(a)|(b)", "fallback": "none"}), "xb"), "b");
        assert_eq!(through("regex", json!({"group_select": 5}), "#### 1"), "[invalid]");
    }

    #[test]
    fn texts() {
        assert_eq!(through("remove_until", json!("</think>"), "a</think>b</think>c"), "b</think>c");
        assert_eq!(through("remove_until", json!({"delimiter": "</think>"}), "abc"), "abc");
        assert_eq!(through("remove_whitespace", json!({}), " \n a "), "a ");
        assert_eq!(through("regex_pos", json!({}), "[('the', 'DET'), ('cat', 'NOUN')]"), "['DET', 'NOUN']");
        assert_eq!(through("regex_pos", json!({}), ""), "['invalid']");
    }

    #[test]
    fn selections() {
        let replies = || ["b", "a", "a", "b"].map(str::to_owned).to_vec();
        let apply = |name: &str, parameters: Value| Filter::named(name, &parameters).unwrap().apply(replies());
        assert_eq!(apply("take_first", Value::Null), ["b"]);
        assert_eq!(apply("take_first_k", json!({"k": 2})), ["b", "a"]);
        assert_eq!(apply("majority_vote", Value::Null), ["b"]);
        assert_eq!(Filter::Majority.apply(Vec::new()), Vec::<String>::new());
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert!(matches!(Filter::named("rot13", &Value::Null), Err(FilterError::Unknown(_))));
        for (name, parameters) in
            [("regex", json!({"regex_pattern": "("})), ("remove_until", json!({})), ("take_first", json!({"x": 1}))]
        {
            assert!(matches!(Filter::named(name, &parameters), Err(FilterError::Parameters(..))), "{name}");
        }
    }
}
