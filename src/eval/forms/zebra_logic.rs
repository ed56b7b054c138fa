//! ZebraLogicBench: a table of houses as JSON, compared cell by cell.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::json;

/// What the search for a solution takes, by the number of tables that clues choose from, `(houses!)^attributes`
/// (Lin et al. 2025, "ZebraLogic").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Size {
    /// Below 10^3.
    Small,
    /// Below 10^6.
    Medium,
    /// Below 10^10.
    Large,
    /// The rest.
    Xl,
}

/// The two groups of the data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Difficulty {
    /// Two houses, or three of at most three attributes.
    Easy,
    /// The rest.
    Hard,
}

/// What came out for one puzzle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Whether every cell is right.
    pub solved: bool,
    /// Cells that are right.
    pub right_cells: usize,
    /// Cells of the puzzle.
    pub cells: usize,
    /// Whether a solution was found in the reply.
    pub answered: bool,
    /// Length of the reasoning in characters.
    pub reasoning: usize,
    /// Group by size; `None` outside two to six houses of two to six attributes.
    pub size: Option<Size>,
    /// Group by difficulty; `None` as above.
    pub difficulty: Option<Difficulty>,
}

/// Names of the attributes, and the rows without their first column.
struct Table<'a> {
    attributes: Vec<&'a str>,
    rows: Vec<&'a [Value]>,
}

impl<'a> Table<'a> {
    fn of(solution: &'a Value) -> Option<Self> {
        let header = solution.get("header")?.as_array()?;
        let attributes: Vec<&str> = header.iter().skip(1).map(Value::as_str).collect::<Option<_>>()?;
        let row = |row: &'a Value| row.as_array().and_then(|row| row.get(1..));
        let rows: Vec<&[Value]> = solution.get("rows")?.as_array()?.iter().map(row).collect::<Option<_>>()?;
        Some(Self { attributes, rows })
    }
}

/// The shape of the wanted reply, for the prompt: the JSON of the table with blanks, four spaces a level.
/// `None` where `solution` has no `header` and `rows`.
pub fn skeleton(solution: &Value) -> Option<String> {
    let table = Table::of(solution)?;
    let blanks: Map<String, Value> = table.attributes.iter().map(|name| ((*name).to_owned(), json!("___"))).collect();
    let houses: Map<String, Value> =
        (1..=table.rows.len()).map(|house| (format!("House {house}"), Value::Object(blanks.clone()))).collect();
    let mut bytes = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let shape = json!({"reasoning": "___", "solution": houses});
    shape.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, formatter)).ok()?;
    String::from_utf8(bytes).ok()
}

/// The last complete object of the reply.
pub fn extract(reply: &str) -> Option<Value> {
    json::last_object(reply)
}

/// Compares an answer with the solution of the record, which has `header` and `rows`; `None` where it has not.
///
/// A cell is right where its text is equal without case and outer space; of a list the first member counts, and a
/// number counts as its digits.
pub fn score(answer: Option<&Value>, solution: &Value) -> Option<Verdict> {
    let table = Table::of(solution)?;
    let given = answer.and_then(|answer| answer.get("solution")).filter(|given| !is_empty(given));
    let mut right_cells = 0;
    for (index, row) in table.rows.iter().enumerate() {
        let house = given.and_then(|given| given.get(format!("House {}", index + 1)));
        for (attribute, truth) in table.attributes.iter().zip(*row) {
            let cell = house.and_then(|house| house.get(*attribute)).and_then(written);
            right_cells += usize::from(cell.is_some() && cell == written(truth));
        }
    }
    let cells = table.attributes.len() * table.rows.len();
    let reasoning = given.and(answer).and_then(|answer| answer.get("reasoning")).map_or(0, length);
    let (size, difficulty) = groups(table.rows.len(), table.attributes.len());
    Some(Verdict {
        solved: given.is_some() && right_cells == cells,
        right_cells,
        cells,
        answered: given.is_some(),
        reasoning,
        size,
        difficulty,
    })
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Bool(true) => false,
    }
}

fn written(cell: &Value) -> Option<String> {
    let cell = match cell {
        Value::Array(items) => items.first()?,
        other => other,
    };
    match cell {
        Value::String(text) => Some(text.to_lowercase().trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn length(reasoning: &Value) -> usize {
    match reasoning {
        Value::String(text) => text.chars().count(),
        Value::Array(items) => items.len(),
        Value::Object(members) => members.len(),
        _ => 0,
    }
}

fn groups(houses: usize, attributes: usize) -> (Option<Size>, Option<Difficulty>) {
    if !(2..=6).contains(&houses) || !(2..=6).contains(&attributes) {
        return (None, None);
    }
    let orders: u64 = (1..=houses as u64).product();
    let size = match orders.pow(attributes as u32) {
        0..1_000 => Size::Small,
        1_000..1_000_000 => Size::Medium,
        1_000_000..10_000_000_000 => Size::Large,
        _ => Size::Xl,
    };
    let easy = houses == 2 || (houses == 3 && attributes <= 3);
    (Some(size), Some(if easy { Difficulty::Easy } else { Difficulty::Hard }))
}

/// One figure of the report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// `puzzle_acc`, `cell_acc`, `easy_puzzle_acc` and so on.
    pub name: &'static str,
    /// A share, a mean length in characters, or a count.
    pub value: f64,
    /// Of how many puzzles or cells.
    pub count: usize,
}

/// The ten figures of the benchmark; a share of nothing is 0, as EvalScope writes it.
pub fn figures(verdicts: &[Verdict]) -> Vec<Figure> {
    let share = |name, part: usize, count: usize| {
        let value = if count == 0 { 0.0 } else { part as f64 / count as f64 };
        Figure { name, value, count }
    };
    let of = |name, keep: &dyn Fn(&Verdict) -> bool| {
        let kept = || verdicts.iter().filter(|verdict| keep(verdict));
        share(name, kept().filter(|verdict| verdict.solved).count(), kept().count())
    };
    let sum = |number: &dyn Fn(&Verdict) -> usize| verdicts.iter().map(number).sum::<usize>();
    let unanswered = sum(&|verdict| usize::from(!verdict.answered));
    vec![
        of("puzzle_acc", &|_| true),
        share("cell_acc", sum(&|verdict| verdict.right_cells), sum(&|verdict| verdict.cells)),
        of("easy_puzzle_acc", &|verdict| verdict.difficulty == Some(Difficulty::Easy)),
        of("hard_puzzle_acc", &|verdict| verdict.difficulty == Some(Difficulty::Hard)),
        of("small_puzzle_acc", &|verdict| verdict.size == Some(Size::Small)),
        of("medium_puzzle_acc", &|verdict| verdict.size == Some(Size::Medium)),
        of("large_puzzle_acc", &|verdict| verdict.size == Some(Size::Large)),
        of("xl_puzzle_acc", &|verdict| verdict.size == Some(Size::Xl)),
        share("avg_reason_lens", sum(&|verdict| verdict.reasoning), verdicts.len()),
        Figure { name: "no_answer_num", value: unanswered as f64, count: unanswered },
    ]
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn solution() -> Value {
        json!({"header": ["House", "Name", "Pet"], "rows": [["1", "Ann", "cat"], ["2", "Bob", "7"]]})
    }

    #[test]
    fn the_prompt_shows_an_empty_table() {
        let shape: Value = serde_json::from_str(&skeleton(&solution()).unwrap()).unwrap();
        let house = json!({"Name": "___", "Pet": "___"});
        assert_eq!(shape, json!({"reasoning": "___", "solution": {"House 1": house.clone(), "House 2": house}}));
        assert!(skeleton(&solution()).unwrap().starts_with("{\n    \"reasoning\": \"___\",\n    \"solution\": {\n"));
        assert_eq!(skeleton(&json!({"header": 1})), None);
    }

    #[test]
    fn cells_are_compared_one_by_one() {
        let reply =
            r#"{"reasoning": "so", "solution": {"House 1": {"Name": "ANN ", "Pet": ["cat"]}, "House 2": {"Pet": 7}}}"#;
        let verdict = score(extract(reply).as_ref(), &solution()).unwrap();
        assert_eq!((verdict.solved, verdict.right_cells, verdict.cells, verdict.reasoning), (false, 3, 4, 2));
        let figures = figures(&[verdict]);
        let shares: Vec<(&str, f64, usize)> = figures.iter().map(|f| (f.name, f.value, f.count)).collect();
        assert_eq!(shares[..2], [("puzzle_acc", 0.0, 1), ("cell_acc", 0.75, 4)]);
        assert_eq!((shares[2], shares[3]), (("easy_puzzle_acc", 0.0, 1), ("hard_puzzle_acc", 0.0, 0)));
        assert_eq!(score(None, &json!(null)), None);
    }

    proptest! {
        #[test]
        fn no_more_cells_are_right_than_there_are(reply in "[{}\\[\\]\":, a-zA-Z0-9]{0,60}") {
            let verdict = score(extract(&reply).as_ref(), &solution()).unwrap();
            prop_assert!(verdict.right_cells <= verdict.cells);
        }
    }
}
