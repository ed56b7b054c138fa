//! ToolBench, static: the next step of a recorded ReAct conversation, as `Action:` and `Action Input:`.

use serde_json::{Map, Value};

use super::calls::literal::Literal;
use super::calls::python;

/// The name that the recordings give to a tool that was made up.
const INVALID: &str = "invalid_hallucination_function_name";
/// The tool that ends a conversation.
const FINISH: &str = "Finish";

/// What a step does.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// It calls a tool. Without an `Action:` the tool is `none`.
    Call {
        /// The tool.
        action: String,
        /// The arguments as text.
        input: String,
    },
    /// It gives the final answer.
    Finish {
        /// The answer; `None` as text where there is none.
        answer: String,
    },
    /// It gives up, or its end cannot be read.
    GiveUp,
}

impl Step {
    /// Reads a step: what stands behind the last `Action:` and the last `Action Input:`.
    pub fn read(text: &str) -> Self {
        let input = text.rsplit_once("Action Input:").map_or("{}", |(_, input)| input.trim());
        let action = match text.rsplit_once("Action:") {
            Some((_, action)) => action.split("Action Input:").next().unwrap_or_default().trim(),
            None => "none",
        };
        if action != FINISH {
            return Self::Call { action: action.to_owned(), input: input.to_owned() };
        }
        let Ok(Value::Object(ending)) = serde_json::from_str(input) else { return Self::GiveUp };
        match ending.get("return_type").and_then(Value::as_str) {
            Some("give_answer") => Self::Finish { answer: answer(&ending) },
            _ => Self::GiveUp,
        }
    }

    /// The tool that the step names, `Finish` included; none where it gives up.
    fn action(&self) -> Option<&str> {
        match self {
            Self::Call { action, .. } => Some(action),
            Self::Finish { .. } => Some(FINISH),
            Self::GiveUp => None,
        }
    }

    /// Whether two steps do the same: call, finish or give up.
    fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

fn answer(ending: &Map<String, Value>) -> String {
    let answer = match ending.get("final_answer") {
        Some(Value::String(text)) => text.clone(),
        Some(value) => python::repr(value),
        None => return "None".to_owned(),
    };
    if matches!(answer.trim(), "" | "." | ",") { "None".to_owned() } else { answer }
}

/// The scores of one step. A score that does not apply to the step is none.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Scores {
    /// `Plan.EM`: 1 where the step does what the recorded one does.
    pub plan_em: f64,
    /// `Act.EM`: 1 where the same tool is called.
    pub act_em: Option<f64>,
    /// F1 of the arguments.
    pub f1: Option<f64>,
    /// F1 where the recorded call has no arguments.
    pub easy_f1: Option<f64>,
    /// F1 where it has some.
    pub hard_f1: Option<f64>,
    /// `HalluRate`: 1 where the tool is none of those on offer.
    pub hallu_rate: f64,
    /// ROUGE-L of the final answer.
    pub rouge_l: Option<f64>,
}

impl Scores {
    /// The scores that apply, by the names of the values of a sample.
    pub fn values(&self) -> Vec<(&'static str, f64)> {
        let scores = [
            ("Act.EM", self.act_em),
            ("F1", self.f1),
            ("HalluRate", Some(self.hallu_rate)),
            ("plan_em", Some(self.plan_em)),
            ("Easy_F1", self.easy_f1),
            ("Hard_F1", self.hard_f1),
            ("Rouge-L", self.rouge_l),
        ];
        scores.into_iter().filter_map(|(name, score)| Some((name, score?))).collect()
    }
}

/// Scores a reply against the recorded step; `rouge_l` compares an answer with the recorded one.
///
/// None where the record does not count: its tool was made up or is not on offer. A recorded step that gives up counts
/// only where the reply gives up too, as its step names no tool.
pub fn score(target: &str, reply: &str, tools: &Value, rouge_l: impl Fn(&str, &str) -> f64) -> Option<Scores> {
    let (gold, step) = (Step::read(target), Step::read(reply));
    let offered = |name: &str| {
        let mut tools = tools.as_array().into_iter().flatten();
        tools.any(|tool| tool.get("name").and_then(Value::as_str) == Some(name))
    };
    let fits = gold.action().is_some_and(|action| action == "none" || offered(action));
    if gold.action() == Some(INVALID) || (step.action().is_some() && !fits) {
        return None;
    }
    let made_up = step.action().is_some_and(|action| action != "none" && !offered(action));
    let mut scores = Scores { plan_em: one(gold.is_like(&step)), hallu_rate: one(made_up), ..Scores::default() };
    match &gold {
        Step::GiveUp => {}
        Step::Finish { answer } => {
            let ours = match &step {
                Step::Finish { answer } => answer,
                _ => "none",
            };
            scores.rouge_l = Some(rouge_l(ours, answer));
        }
        Step::Call { action, input } => {
            let same = step.action().unwrap_or("none") == action;
            scores.act_em = Some(one(same));
            let ours = match &step {
                Step::Call { input, .. } => input,
                _ => "{}",
            };
            compare(&mut scores, same, input, ours);
        }
    }
    Some(scores)
}

fn one(is: bool) -> f64 {
    if is { 1.0 } else { 0.0 }
}

/// Sets the scores of the arguments: none where the recorded ones cannot be read.
fn compare(scores: &mut Scores, same: bool, gold: &str, ours: &str) {
    if !same {
        (scores.f1, scores.easy_f1, scores.hard_f1) = (Some(0.0), Some(0.0), Some(0.0));
        return;
    }
    let Ok(gold) = serde_json::from_str::<Value>(gold) else { return };
    let ours: Option<Value> = serde_json::from_str(ours).ok();
    if gold.as_object().is_some_and(Map::is_empty) {
        let score = one(ours.as_ref().and_then(Value::as_object).is_some_and(Map::is_empty));
        (scores.f1, scores.easy_f1) = (Some(score), Some(score));
    } else {
        let score =
            gold.as_object().zip(ours.as_ref().and_then(Value::as_object)).map_or(0.0, |(gold, ours)| f1(gold, ours));
        (scores.f1, scores.hard_f1) = (Some(score), Some(score));
    }
}

/// F1 of arguments: 1 for an equal value, 0.5 for another one under the same name.
fn f1(gold: &Map<String, Value>, ours: &Map<String, Value>) -> f64 {
    let matched: f64 = gold
        .iter()
        .filter_map(|(name, value)| Some((value, ours.get(name)?)))
        .map(|(one, two)| if Literal::from(one) == Literal::from(two) { 1.0 } else { 0.5 })
        .sum();
    if matched == 0.0 {
        return 0.0;
    }
    let (recall, precision) = (matched / gold.len() as f64, matched / ours.len() as f64);
    2.0 * recall * precision / (recall + precision)
}

/// The messages of a record as a chat endpoint takes them: names are dropped, and what a function returned is a message
/// of the user that holds the JSON of the recorded one.
pub fn messages(recorded: &[Value]) -> Vec<Value> {
    recorded.iter().map(message).collect()
}

fn message(recorded: &Value) -> Value {
    let mut message = recorded.clone();
    let Some(fields) = message.as_object_mut() else { return message };
    fields.shift_remove("name");
    if fields.get("role").and_then(Value::as_str) == Some("function") {
        let content = python::dumps(&Value::Object(fields.clone()));
        fields.insert("role".to_owned(), Value::from("user"));
        fields.insert("content".to_owned(), Value::from(content));
    }
    message
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn scored(target: &str, reply: &str) -> Option<Vec<(&'static str, f64)>> {
        let tools = json!([{"name": "find"}, {"name": "Finish"}]);
        let same = |one: &str, two: &str| if one == two { 1.0 } else { 0.0 };
        score(target, reply, &tools, same).map(|scores| scores.values())
    }

    const FIND: &str = "Thought: x\nAction: find\nAction Input: {\"a\": 1, \"b\": \"x\"}";
    const DONE: &str = "Action: Finish\nAction Input: {\"return_type\": \"give_answer\", \"final_answer\": \"42\"}";
    const GIVE_UP: &str = "Action: Finish\nAction Input: {\"return_type\": \"give_up\"}";

    #[test]
    fn the_last_action_counts() {
        let text = "Action: a\nAction Input: {}\nObservation\nAction: b\nAction Input: {\"c\": 1}";
        assert_eq!(Step::read(text), Step::Call { action: "b".to_owned(), input: "{\"c\": 1}".to_owned() });
        assert_eq!(Step::read("I do not know"), Step::Call { action: "none".to_owned(), input: "{}".to_owned() });
        assert_eq!(Step::read("Action: Finish"), Step::GiveUp);
        assert_eq!(Step::read(&DONE.replace("\"42\"", "[1, true]")), Step::Finish { answer: "[1, True]".to_owned() });
        assert_eq!(Step::read(&DONE.replace("42", ".")), Step::Finish { answer: "None".to_owned() });
    }

    #[test]
    fn calls_are_scored_by_their_arguments() {
        let scores =
            |f1, hard| Some(vec![("Act.EM", 1.0), ("F1", f1), ("HalluRate", 0.0), ("plan_em", 1.0), ("Hard_F1", hard)]);
        assert_eq!(scored(FIND, FIND), scores(1.0, 1.0));
        assert_eq!(scored(FIND, "Action: find\nAction Input: {\"a\": 1.0, \"b\": \"y\"}"), scores(0.75, 0.75));
        assert_eq!(scored(FIND, "Action: find\nAction Input: {\"c\": 1}"), scores(0.0, 0.0));
        assert_eq!(scored(FIND, "Action: find\nAction Input: nothing"), scores(0.0, 0.0));
        let easy = scored("Action: find\nAction Input: {}", "Action: find").unwrap();
        assert!(
            easy.contains(&("Easy_F1", 1.0))
                && easy.contains(&("F1", 1.0))
                && !easy.iter().any(|(name, _)| *name == "Hard_F1")
        );
        let unread = scored("Action: find\nAction Input: x", "Action: find").unwrap();
        assert_eq!(unread, [("Act.EM", 1.0), ("HalluRate", 0.0), ("plan_em", 1.0)]);
    }

    #[test]
    fn other_steps_are_scored_by_what_they_do() {
        assert_eq!(scored(DONE, DONE), Some(vec![("HalluRate", 0.0), ("plan_em", 1.0), ("Rouge-L", 1.0)]));
        assert_eq!(scored(DONE, FIND), Some(vec![("HalluRate", 0.0), ("plan_em", 0.0), ("Rouge-L", 0.0)]));
        assert_eq!(scored(GIVE_UP, GIVE_UP), Some(vec![("HalluRate", 0.0), ("plan_em", 1.0)]));
        assert_eq!(scored(GIVE_UP, FIND), None);
        let made_up = scored(FIND, "Action: search\nAction Input: {}").unwrap();
        assert!(made_up.contains(&("HalluRate", 1.0)) && made_up.contains(&("F1", 0.0)));
        assert_eq!(scored("Action: lost\nAction Input: {}", FIND), None);
        assert_eq!(scored("Action: invalid_hallucination_function_name", GIVE_UP), None);
    }

    #[test]
    fn what_a_function_returned_is_said_by_the_user() {
        let recorded = [
            json!({"role": "function", "name": "f", "content": "{\"a\": 1}"}),
            json!({"role": "user", "content": "x"}),
        ];
        let converted = messages(&recorded);
        assert_eq!(converted[0]["role"], "user");
        assert_eq!(converted[0]["content"], r#"{"role": "function", "content": "{\"a\": 1}"}"#);
        assert_eq!(converted[1], recorded[1]);
    }

    proptest! {
        #[test]
        fn any_text_is_a_step(target in "(Action:|Action Input:|Finish|\\{\\}|find|\\PC){0,9}", reply in "(Action:|Action Input:|Finish|\\{\\}|find|\\PC){0,9}") {
            if let Some(scores) = scored(&target, &reply) {
                prop_assert!(scores.iter().all(|(_, score)| (0.0..=1.0).contains(score)));
            }
        }
    }
}
