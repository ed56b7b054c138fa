//! One question, ready to be asked.

use serde_json::{Map, Value};

use crate::wire::Question;

/// One question, ready to be asked, with what is right.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sample {
    /// Its place within the subset, repeats included.
    pub index: usize,
    /// Its place without repeats: the same for all tries of one question.
    pub group: usize,
    /// Which of the tries of its question it is.
    pub repeat: usize,
    /// The subset it belongs to.
    pub subset: String,
    /// Text of the question alone.
    pub question: String,
    /// Texts of the options.
    pub choices: Vec<String>,
    /// What is right, as the scorer of its card takes it.
    pub target: Value,
    /// What a scorer or a reader of the results needs beside.
    pub meta: Map<String, Value>,
    /// The chat that is sent first.
    pub messages: Vec<Value>,
    /// What the user says after the answers before.
    pub turns: Vec<String>,
    /// Tools that may be called.
    pub tools: Option<Value>,
    /// Fields of the body of its request beside the chat.
    pub body: Map<String, Value>,
    /// What a decision server is asked in place of the chat.
    pub decision: Option<Question>,
    /// How many examples stand before the question.
    pub shots: usize,
    /// Which of the card's ways to take and score an answer is meant: 0 is the card's own, else the number of a variant.
    pub way: usize,
    /// A reply that scores 1 and one that scores 0, where the card says them.
    pub rehearsal: (Option<Value>, Option<Value>),
}

impl Sample {
    /// The labels of its options: A to Z, then 1, 2 and so on.
    pub fn labels(&self) -> Vec<String> {
        (0..self.choices.len()).map(super::card::label).collect()
    }

    /// What is right as a list of texts.
    pub fn targets(&self) -> Vec<String> {
        match &self.target {
            Value::Array(list) => list.iter().map(spelled).collect(),
            Value::Null => Vec::new(),
            other => vec![spelled(other)],
        }
    }

    /// What is right as one text: the first of several.
    pub fn target_text(&self) -> String {
        self.targets().into_iter().next().unwrap_or_default()
    }

    /// What EvalScope's files hold as `target`: texts, or nothing.
    pub fn target_list(&self) -> Option<Vec<String>> {
        let list = match &self.target {
            Value::Object(map) => vec![Value::Object(map.clone()).to_string()],
            _ => self.targets(),
        };
        (!list.is_empty()).then_some(list)
    }

    /// The text of the last thing that the user says first.
    pub fn asked(&self) -> String {
        let last = self.messages.iter().rev().find(|message| message["role"] == "user");
        match last.map(|message| &message["content"]) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(parts)) => {
                parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n")
            }
            _ => String::new(),
        }
    }
}

/// A value as text: what is text stays as it is, the rest is spelled as Python spells it.
pub fn spelled(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        other => other.to_string(),
    }
}
