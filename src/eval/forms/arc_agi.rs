//! ARC-AGI-2: a grid of colours as JSON, right only where every cell is.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{fences, json};
use crate::eval::forms::json::Kind;

/// Which grid of a reply that shows several is its answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Pick {
    /// The first one, as EvalScope 1.14.1 has it.
    #[default]
    First,
    /// The last one, where models that think aloud end.
    Last,
}

/// How a reply is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Which grid counts.
    pub pick: Pick,
}

/// A question about one test input of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Question {
    /// The pairs of the task, each under a number, and the test input, all as JSON.
    pub text: String,
    /// The wanted grid as JSON.
    pub target: String,
    /// Names the task, so that its test inputs can be put together again: the first 16 hexadecimal digits of the SHA-1
    /// of the test pairs as Python's `json.dumps` writes them.
    pub task_id: String,
    /// Which test input this is, from 0.
    pub pair_index: usize,
}

/// The questions of a record, one a test input; `None` where `fewshots` or `question` is no list of pairs.
pub fn questions(record: &Value) -> Option<Vec<Question>> {
    let (shown, asked) = (record.get("fewshots")?.as_array()?, record.get("question")?);
    let grid = |pair: &Value, side| pair.get(side).map(json::spaced);
    let mut examples = String::new();
    for (number, pair) in shown.iter().enumerate() {
        let (input, output) = (grid(pair, "input")?, grid(pair, "output")?);
        examples.push_str(&format!("Example {}:\nInput: {input}\nOutput: {output}\n\n", number + 1));
    }
    let hash = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, json::spaced(asked).as_bytes());
    let task_id: String = hash.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let question = |(pair_index, pair): (usize, &Value)| {
        let text = format!("{examples}Test Input: {}", grid(pair, "input")?);
        Some(Question { text, target: grid(pair, "output")?, task_id: task_id.clone(), pair_index })
    };
    asked.as_array()?.iter().enumerate().map(question).collect()
}

/// The grid of a reply: the whole reply where it is one, else one in a fenced block, else one anywhere. A grid is a
/// list of lists that is not empty.
pub fn extract(reply: &str, options: Options) -> Option<Value> {
    let fenced = || fences::blocks(reply).into_iter().filter_map(|block| grid(block.body)).collect();
    let loose = || json::pieces(reply, Kind::Array).into_iter().flat_map(grids).collect();
    let pick = |mut grids: Vec<Value>| match options.pick {
        Pick::First if !grids.is_empty() => Some(grids.swap_remove(0)),
        Pick::First => None,
        Pick::Last => grids.pop(),
    };
    grid(reply.trim()).or_else(|| pick(fenced())).or_else(|| pick(loose()))
}

fn grid(text: &str) -> Option<Value> {
    let value: Value = serde_json::from_str(text).ok()?;
    let rows = value.as_array()?;
    (!rows.is_empty() && rows.iter().all(Value::is_array)).then_some(value)
}

/// The grid that a piece between brackets is, or those that a list of grids or a bracket in prose holds.
fn grids(piece: &str) -> Vec<Value> {
    if let Some(grid) = grid(piece)
        && !grid.as_array().is_some_and(|rows| rows.iter().flat_map(Value::as_array).flatten().any(Value::is_array))
    {
        return vec![grid];
    }
    let inner = piece.get(1..piece.len().saturating_sub(1)).unwrap_or_default();
    json::pieces(inner, Kind::Array).into_iter().filter_map(grid).collect()
}

/// 1 where both grids have the same shape and cells, else 0.
pub fn score(answer: Option<&Value>, target: &str) -> f64 {
    let target: Option<Value> = serde_json::from_str(target).ok();
    f64::from(u8::from(answer.zip(target.as_ref()).is_some_and(|(answer, target)| alike(answer, target))))
}

/// Equality of numbers by value, so that 1 is 1.0. Values from a parser are nested 128 levels at most.
fn alike(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| alike(one, other))
        }
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        _ => one == other,
    }
}

/// Mean over tasks of the mean over the test inputs of each. What is given for a test input is its score, or its
/// pass^k over repeated attempts. `None` where there is nothing.
pub fn task_mean<'a>(scores: impl IntoIterator<Item = (&'a str, f64)>) -> Option<f64> {
    let mut tasks = std::collections::BTreeMap::<&str, (f64, usize)>::new();
    for (task, score) in scores {
        let entry = tasks.entry(task).or_default();
        *entry = (entry.0 + score, entry.1 + 1);
    }
    let sum: f64 = tasks.values().map(|(sum, count)| sum / *count as f64).sum();
    (!tasks.is_empty()).then(|| sum / tasks.len() as f64)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_record_gives_a_question_for_each_test_input() {
        let record = json!({
            "fewshots": [{"input": [[1, 0]], "output": [[0, 1]]}],
            "question": [{"input": [[2]], "output": [[3]]}, {"input": [[4]], "output": [[5]]}],
        });
        let questions = questions(&record).unwrap();
        assert_eq!(questions.len(), 2);
        assert_eq!(questions[1].text, "Example 1:\nInput: [[1, 0]]\nOutput: [[0, 1]]\n\nTest Input: [[4]]");
        assert_eq!((questions[1].target.as_str(), questions[1].pair_index), ("[[5]]", 1));
        // hashlib.sha1(json.dumps(record["question"]).encode()).hexdigest()[:16]
        assert_eq!(questions[0].task_id, "c04e4c06178945ad");
        assert_eq!(super::questions(&json!({"fewshots": 3})), None);
    }

    #[test]
    fn grids_are_found_whole_fenced_or_loose() {
        let last = Options { pick: Pick::Last };
        let first = Options::default();
        assert_eq!(extract(" [[1, 2], [3, 4]] ", first), Some(json!([[1, 2], [3, 4]])));
        let fenced = "[[9]] ```json\n[[1]]\n``` then ```\n[[2]]\n```";
        assert_eq!(extract(fenced, first), Some(json!([[1]])));
        assert_eq!(extract(fenced, last), Some(json!([[2]])));
        let loose = "From [[1, 1]] follows\n[\n [2, 2],\n [3]\n]. Row [4] is none. [see [[5]] and [[6]]]";
        assert_eq!(extract(loose, first), Some(json!([[1, 1]])));
        assert_eq!(extract(loose, last), Some(json!([[6]])));
        assert_eq!(extract("[[[7]], [[8]]]", last), Some(json!([[[7]], [[8]]])));
        for none in ["", "[]", "[1, 2]", "no grid", "[[1, 2], 3]", "[[1, x]]", "]]["] {
            assert_eq!(extract(none, first), None, "{none}");
        }
    }

    #[test]
    fn every_cell_counts() {
        assert_eq!(score(Some(&json!([[1.0, 2]])), "[[1, 2]]"), 1.0);
        assert_eq!(score(Some(&json!([[1, 2], []])), "[[1, 2]]"), 0.0);
        assert_eq!(score(None, "[[1, 2]]"), 0.0);
    }

    #[test]
    fn tasks_weigh_alike() {
        assert_eq!(task_mean([("a", 1.0), ("a", 0.0), ("b", 1.0)]), Some(0.75));
        assert_eq!(task_mean([]), None);
    }
}
