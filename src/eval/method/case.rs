//! A sample with the reply to it, what was taken of it, and the marks it got.

use serde_json::{Map, Value};

use super::super::sample::{Sample, spelled};
use crate::wire::{Call, Ended};

/// A reply as scorers see it: reasoning is apart, filters have been applied.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reply {
    /// The text of the last turn.
    pub text: String,
    /// The texts of all turns.
    pub turns: Vec<String>,
    /// Whether there was reasoning beside the text.
    pub reasoned: bool,
    /// Calls of tools.
    pub calls: Vec<Call>,
    /// Why it ended.
    pub ended: Ended,
    /// Log-probabilities, or a decision, as the server gave them.
    pub raw: Option<Value>,
}

impl Reply {
    /// A reply of one turn that is nothing but text.
    pub fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        Reply { turns: vec![text.clone()], text, ended: Ended::Stop, ..Reply::default() }
    }

    /// A reply as a card writes it for a rehearsal: a text, or an object with `text`, with `tool_calls` (each with `name`
    /// and `arguments`), or with what a server of another kind replies (`probabilities`, `status`).
    pub fn of(value: &Value) -> Self {
        let Value::Object(told) = value else { return Reply::text(spelled(value)) };
        let mut reply = Reply::text(told.get("text").map(spelled).unwrap_or_default());
        if let Some(calls) = told.get("tool_calls").and_then(Value::as_array) {
            reply.calls = calls.iter().enumerate().map(|(place, call)| called(place, call)).collect();
            reply.ended = if reply.calls.is_empty() { Ended::Stop } else { Ended::Calls };
        }
        if told.keys().any(|key| key != "text" && key != "tool_calls") {
            reply.raw = Some(value.clone());
        }
        reply
    }
}

/// A call as a card writes it.
fn called(place: usize, call: &Value) -> Call {
    let arguments = match &call["arguments"] {
        Value::Null => "{}".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    Call { id: format!("call_{place}"), name: spelled(&call["name"]), arguments }
}

/// A sample with the reply to it.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// What was asked.
    pub sample: &'a Sample,
    /// What came.
    pub reply: &'a Reply,
}

/// What was taken from a reply.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Taken {
    /// The answer as text; empty where there is none.
    pub text: String,
    /// How it was found, where that is counted: `marker`, `fallback` or `none`.
    pub via: Option<&'static str>,
}

impl Taken {
    /// A text, however it was found.
    pub fn text(text: impl Into<String>) -> Self {
        Taken { text: text.into(), via: None }
    }
}

/// Whether marks enter the figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Standing {
    /// They do.
    #[default]
    Scored,
    /// They do not, and the reason stands in the explanation: the reference cannot be read, or the answer is not such that
    /// the rules of the benchmark give it a value.
    Excluded,
}

impl Standing {
    /// EvalScope's word.
    pub fn name(self) -> &'static str {
        match self {
            Standing::Scored => "success",
            Standing::Excluded => "excluded",
        }
    }
}

/// The marks of a reply.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Marks {
    /// Values by metric, in order.
    pub values: Vec<(String, f64)>,
    /// Whether they count.
    pub standing: Standing,
    /// The answer as it was understood, where that is not what was taken.
    pub extracted: Option<String>,
    /// How it was found.
    pub via: Option<&'static str>,
    /// Why these marks.
    pub explanation: Option<String>,
    /// What aggregations need, and what a reader may want to know.
    pub meta: Map<String, Value>,
}

impl Marks {
    /// One value.
    pub fn one(metric: &str, value: f64) -> Self {
        Marks { values: vec![(metric.to_owned(), value)], ..Marks::default() }
    }

    /// Several values.
    pub fn of<'a>(values: impl IntoIterator<Item = (&'a str, f64)>) -> Self {
        Marks {
            values: values.into_iter().map(|(metric, value)| (metric.to_owned(), value)).collect(),
            ..Marks::default()
        }
    }

    /// Marks that do not count, and why.
    pub fn excluded(why: impl Into<String>) -> Self {
        Marks { standing: Standing::Excluded, explanation: Some(why.into()), ..Marks::default() }
    }

    /// The same with a note for aggregations.
    #[must_use]
    pub fn noting(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.meta.insert(name.to_owned(), value.into());
        self
    }

    /// The same with the answer as it was understood.
    #[must_use]
    pub fn taking(mut self, extracted: impl Into<String>) -> Self {
        self.extracted = Some(extracted.into());
        self
    }

    /// The value of a metric.
    pub fn get(&self, metric: &str) -> Option<f64> {
        self.values.iter().find(|(name, _)| name == metric).map(|(_, value)| *value)
    }
}
