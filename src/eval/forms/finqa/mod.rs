//! FinQA: a program of arithmetic over a financial report, run and compared with the gold program
//! (Chen et al. 2021, "FinQA").
//!
//! | file | what |
//! |---|---|
//! | `program` | the language: text to steps |
//! | `execution` | steps to a number or a yes |
//! | `equality` | whether two programs are the same formula |

mod equality;
mod execution;
mod program;
#[cfg(test)]
mod tests;

use serde::Serialize;
use serde_json::Value;

pub use equality::equal;
pub use execution::{Outcome, execute};
pub use program::{Program, extract};

/// What came out for one question.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Verdict {
    /// 1 where the program runs and its result is the gold answer.
    pub execution_accuracy: f64,
    /// 1 where the program is the same formula as the gold program.
    pub program_accuracy: f64,
}

/// Scores the text that [`extract`] found.
///
/// `gold_answer` is the record's `qa.exe_ans`, a number or `yes` or `no`; `table` its `table`, rows of cells of which
/// the first is the name of the row.
pub fn score(program: Option<&str>, gold_program: &str, gold_answer: &Value, table: &[Vec<String>]) -> Verdict {
    let Some(predicted) = program.filter(|text| !text.is_empty()).map(Program::read) else {
        return Verdict { execution_accuracy: 0.0, program_accuracy: 0.0 };
    };
    let right = execute(&predicted, table).is_some_and(|outcome| outcome.is(gold_answer));
    let same = equal(&Program::read(gold_program), &predicted);
    Verdict { execution_accuracy: f64::from(u8::from(right)), program_accuracy: f64::from(u8::from(same)) }
}

/// The page of a record for the prompt: the text before the table, the table with ` | ` between cells, and the text
/// after it, each under its name.
pub fn page(pre_text: &[String], table: &[Vec<String>], post_text: &[String]) -> String {
    let line = |row: &Vec<String>| row.iter().map(|cell| cell.trim()).collect::<Vec<_>>().join(" | ");
    let rows: Vec<String> = table.iter().map(line).collect();
    format!("Text:\n{}\n\nTable:\n{}\n\nText:\n{}", pre_text.join("\n"), rows.join("\n"), post_text.join("\n"))
}
