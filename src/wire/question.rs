//! One question whose answer is a probability for each of its options: how it is put to decision servers, and whether a reply
//! is an answer to it. Facts of both protocols are EvalScope 1.14.1's.

use serde_json::{Map, Value, json};

use crate::target::Dialect;

/// How many options a choice may have, and how many levels a score.
const MOST_OPTIONS: usize = 255;
const MOST_LEVELS: usize = 10;
/// Levels that AutoTrust scores on; it knows no other scale.
const ITS_LEVELS: usize = 6;

/// What may be answered.
#[derive(Debug, Clone, PartialEq)]
enum Options {
    /// One of several, each with what it means.
    Choice(Map<String, Value>),
    /// No or yes, and what they mean where that is said.
    Noul(Option<Map<String, Value>>),
    /// A level of a scale, the lowest first.
    Score(Vec<Value>),
}

/// One question on a state of affairs.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    state: Value,
    instructions: String,
    options: Options,
}

fn is_said(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.trim().is_empty())
}

impl Question {
    /// Reads an object with `state` and `question`, which has `type`, `instructions` and `criteria`.
    ///
    /// # Errors
    /// In words, when it is no question.
    pub fn read(value: &Value) -> Result<Self, String> {
        let asked = &value["question"];
        if value["state"].is_null() {
            return Err("`state` is missing".to_owned());
        }
        let Some(instructions) = asked["instructions"].as_str().filter(|text| !text.is_empty()) else {
            return Err("`question.instructions` must say what is asked".to_owned());
        };
        let criteria = &asked["criteria"];
        let options = match (asked["type"].as_str().unwrap_or_default(), criteria) {
            ("choice", Value::Object(all))
                if (2..=MOST_OPTIONS).contains(&all.len())
                    && all.iter().all(|(name, what)| !name.trim().is_empty() && is_said(what)) =>
            {
                Options::Choice(all.clone())
            }
            ("choice", _) => {
                return Err(format!("`criteria` of a choice must be an object of 2 to {MOST_OPTIONS} named options"));
            }
            ("noul", Value::Null) => Options::Noul(None),
            ("noul", Value::Object(all)) if all.keys().all(|name| name == "true" || name == "false") => {
                Options::Noul(Some(all.clone()))
            }
            ("noul", _) => return Err("`criteria` of yes or no may say what `true` and `false` mean".to_owned()),
            ("score", Value::Array(levels))
                if (2..=MOST_LEVELS).contains(&levels.len()) && levels.iter().all(is_said) =>
            {
                Options::Score(levels.clone())
            }
            ("score", _) => {
                return Err(format!("`criteria` of a score must be a list of 2 to {MOST_LEVELS} levels"));
            }
            (other, _) => return Err(format!("{other:?} is no kind of question; there are choice, noul, score")),
        };
        Ok(Question { state: value["state"].clone(), instructions: instructions.to_owned(), options })
    }

    /// The kind of question: `choice`, `noul` or `score`.
    fn kind(&self) -> &'static str {
        match self.options {
            Options::Choice(_) => "choice",
            Options::Noul(_) => "noul",
            Options::Score(_) => "score",
        }
    }

    /// The names of its options, in order.
    pub fn labels(&self) -> Vec<String> {
        match &self.options {
            Options::Choice(all) => all.keys().cloned().collect(),
            Options::Noul(_) => vec!["no".to_owned(), "yes".to_owned()],
            Options::Score(levels) => (0..levels.len()).map(|level| level.to_string()).collect(),
        }
    }

    /// Whether this can be right: the name of an option, or with `between` any place of a scale.
    pub fn admits(&self, answer: &str, between: bool) -> bool {
        if !between {
            return self.labels().iter().any(|label| label == answer);
        }
        let Options::Score(levels) = &self.options else { return false };
        answer.trim().parse().is_ok_and(|at: f64| (0.0..=(levels.len() - 1) as f64).contains(&at))
    }

    /// The body that asks it, without the model. `system` is said before the instructions.
    ///
    /// # Errors
    /// In words, when the protocol has no place for it.
    pub fn body(&self, dialect: &Dialect, system: &str) -> Result<Map<String, Value>, String> {
        let mut instructions = self.instructions.clone();
        if !system.is_empty() {
            instructions = format!("{system}\n\n{instructions}");
        }
        let body = if *dialect == Dialect::AutoTrust {
            self.auto_trust(instructions)?
        } else {
            let mut asked = json!({"type": self.kind(), "instructions": instructions});
            let criteria = match &self.options {
                Options::Choice(all) | Options::Noul(Some(all)) => json!(all),
                Options::Noul(None) => Value::Null,
                Options::Score(levels) => json!(levels),
            };
            if !criteria.is_null() {
                asked["criteria"] = criteria;
            }
            json!({"state": self.state, "questions": {"answer": asked}})
        };
        Ok(body.as_object().cloned().unwrap_or_default())
    }

    /// AutoTrust has no place for what levels, no and yes mean, so the instructions say it.
    fn auto_trust(&self, mut instructions: String) -> Result<Value, String> {
        let mut add = |name: &str, what: &Value| {
            instructions.push_str(&format!("\n{name}: {}", what.as_str().unwrap_or_default()));
        };
        let mut body = json!({"kind": self.kind(), "state": self.state, "question": null, "thinking": "off"});
        match &self.options {
            Options::Choice(all) => body["options"] = all.values().cloned().collect(),
            Options::Noul(all) => all.iter().flatten().for_each(|(name, what)| add(name, what)),
            Options::Score(levels) if levels.len() == ITS_LEVELS => {
                instructions.push_str("\nLevels:");
                for (level, what) in levels.iter().enumerate() {
                    instructions.push_str(&format!("\n{level}: {}", what.as_str().unwrap_or_default()));
                }
            }
            Options::Score(levels) => {
                return Err(format!(
                    "autotrust scores on {ITS_LEVELS} levels, and the question has {}; systemone takes it",
                    levels.len()
                ));
            }
        }
        body["question"] = json!(instructions);
        Ok(body)
    }

    /// Whether the reply of a decision server is an answer to this question, for one to another question is no answer. What
    /// is no such reply is passed over.
    ///
    /// # Errors
    /// In words, when it is not.
    pub fn is_answered_by(&self, reply: &Value) -> Result<(), String> {
        let differs = |what: &str| Err(format!("the reply is to another question: {what} differs"));
        if let Some(answer) = reply.pointer("/answers/answer") {
            if answer["type"].as_str() != Some(self.kind()) {
                return differs("its kind");
            }
            if let Some(given) = answer["probabilities"].as_object() {
                let labels = self.labels();
                if given.len() != labels.len() || labels.iter().any(|label| !given.contains_key(label)) {
                    return differs("the list of options");
                }
            }
            if let (Options::Score(levels), Value::Object(legend)) = (&self.options, &answer["legend"]) {
                let same = |(place, level): (usize, &Value)| legend.get(&place.to_string()) == Some(level);
                if legend.len() != levels.len() || !levels.iter().enumerate().all(same) {
                    return differs("what the levels mean");
                }
            }
        } else if let Some(options) = reply.get("options") {
            if reply["kind"].as_str() != Some(self.kind()) {
                return differs("its kind");
            }
            let asked: Value = match &self.options {
                Options::Choice(all) => all.values().cloned().collect(),
                Options::Noul(_) => json!(["false", "true"]),
                Options::Score(_) => json!(self.labels()),
            };
            if *options != asked {
                return differs("the list of options");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(asked: Value) -> Result<Question, String> {
        Question::read(&json!({"state": {"s": 1}, "question": asked}))
    }

    fn levels(count: usize) -> Value {
        (0..count).map(|level| json!(format!("level {level}"))).collect()
    }

    #[test]
    fn a_question_is_asked_in_both_protocols() -> Result<(), String> {
        let choice = question(json!({"type": "choice", "instructions": "which?", "criteria": {"a": "x", "b": "y"}}))?;
        assert_eq!(choice.labels(), ["a", "b"]);
        let body = Value::Object(choice.body(&Dialect::SystemOne, "")?).to_string();
        insta::assert_snapshot!(body, @r#"{"state":{"s":1},"questions":{"answer":{"type":"choice","instructions":"which?","criteria":{"a":"x","b":"y"}}}}"#);
        let body = Value::Object(choice.body(&Dialect::AutoTrust, "Be fair.")?).to_string();
        insta::assert_snapshot!(body, @r#"{"kind":"choice","state":{"s":1},"question":"Be fair.\n\nwhich?","thinking":"off","options":["x","y"]}"#);
        let noul = question(json!({"type": "noul", "instructions": "is it?", "criteria": {"true": "it is"}}))?;
        let body = Value::Object(noul.body(&Dialect::AutoTrust, "")?).to_string();
        insta::assert_snapshot!(body, @r#"{"kind":"noul","state":{"s":1},"question":"is it?\ntrue: it is","thinking":"off"}"#);
        let score = question(json!({"type": "score", "instructions": "how much?", "criteria": levels(6)}))?;
        let body = Value::Object(score.body(&Dialect::AutoTrust, "")?).to_string();
        assert!(body.contains(r"how much?\nLevels:\n0: level 0\n1: level 1"), "{body}");
        let four = question(json!({"type": "score", "instructions": "how much?", "criteria": levels(4)}))?;
        assert!(four.body(&Dialect::AutoTrust, "").is_err_and(|why| why.contains("6 levels")));
        assert!(four.body(&Dialect::SystemOne, "").is_ok());
        assert!(four.admits("3", false) && !four.admits("4", false) && !four.admits("2.5", false));
        assert!(four.admits("2.5", true) && !four.admits("3.1", true) && !noul.admits("0.5", true));
        Ok(())
    }

    #[test]
    fn what_is_no_question_is_said() {
        for (asked, why) in [
            (json!({"type": "choice", "instructions": "which?", "criteria": {"a": "x"}}), "2 to 255"),
            (json!({"type": "score", "instructions": "which?", "criteria": levels(11)}), "2 to 10"),
            (json!({"type": "noul", "instructions": "is it?", "criteria": {"maybe": "x"}}), "`true` and `false`"),
            (json!({"type": "guess", "instructions": "is it?"}), "no kind"),
            (json!({"type": "noul"}), "instructions"),
        ] {
            let said = question(asked.clone()).err().unwrap_or_default();
            assert!(said.contains(why), "{asked}: {said}");
        }
        assert!(Question::read(&json!({"question": {"type": "noul", "instructions": "x"}})).is_err());
    }

    #[test]
    fn an_answer_to_another_question_is_none() -> Result<(), String> {
        let choice = question(json!({"type": "choice", "instructions": "which?", "criteria": {"a": "x", "b": "y"}}))?;
        let one = |answer: Value| choice.is_answered_by(&json!({"model": "m", "answers": {"answer": answer}}));
        assert_eq!(one(json!({"type": "choice", "probabilities": {"b": 0.5, "a": 0.5}, "choice": "a"})), Ok(()));
        assert!(one(json!({"type": "choice", "probabilities": {"a": 0.5, "c": 0.5}})).is_err());
        assert!(one(json!({"type": "noul", "noul": 0.5})).is_err());
        let native = |options: Value| {
            choice.is_answered_by(&json!({"kind": "choice", "options": options, "probabilities": [0.5, 0.5]}))
        };
        assert_eq!(native(json!(["x", "y"])), Ok(()));
        assert!(native(json!(["y", "x"])).is_err_and(|why| why.contains("options")));
        let score = question(json!({"type": "score", "instructions": "how much?", "criteria": ["low", "high"]}))?;
        let two = |legend: Value| {
            let answer =
                json!({"type": "score", "probabilities": {"0": 0.5, "1": 0.5}, "score": 0.5, "legend": legend});
            score.is_answered_by(&json!({"answers": {"answer": answer}}))
        };
        assert_eq!(two(json!({"0": "low", "1": "high"})), Ok(()));
        assert!(two(json!({"0": "high", "1": "low"})).is_err_and(|why| why.contains("levels")));
        assert_eq!(score.is_answered_by(&json!({"probabilities": {"0": 1.0}})), Ok(()));
        Ok(())
    }
}
