//! Runs a program on the table of its question.

use std::collections::HashMap;

use serde_json::Value;

use super::program::{Operation, Program, Step};

/// What a program comes to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outcome {
    /// A number, rounded to five decimals.
    Number(f64),
    /// Whether one number is greater than another.
    Greater(bool),
}

impl Outcome {
    /// Whether this is the gold answer: a number, or `yes` or `no`. Numbers must be equal after the rounding.
    pub fn is(self, gold: &Value) -> bool {
        match self {
            Outcome::Number(number) => gold.as_f64().is_some_and(|gold| number == rounded(gold)),
            Outcome::Greater(greater) => gold.as_str() == Some(if greater { "yes" } else { "no" }),
        }
    }
}

/// To five decimals, from the exact binary value and half to even, as Python rounds.
fn rounded(number: f64) -> f64 {
    format!("{number:.5}").parse().unwrap_or(number)
}

/// The last step's outcome; `None` where the program is not one, is empty, names what is not there, or divides by zero
/// and the like.
pub fn execute(program: &Program, table: &[Vec<String>]) -> Option<Outcome> {
    let rows: HashMap<&str, &[String]> =
        table.iter().filter_map(|row| row.split_first()).map(|(name, cells)| (name.as_str(), cells)).collect();
    let mut results: Vec<Outcome> = Vec::new();
    for step in program.0.as_ref()? {
        let result = if step.operation.is_of_row() {
            Outcome::Number(of_row(step.operation, &numbers(rows.get(step.arguments[0].as_str())?)?)?)
        } else {
            of_numbers(step, &results)?
        };
        results.push(result);
    }
    match *results.last()? {
        Outcome::Number(number) => Some(Outcome::Number(rounded(number))),
        greater => Some(greater),
    }
}

fn of_numbers(step: &Step, results: &[Outcome]) -> Option<Outcome> {
    let [one, other] = &step.arguments;
    let (one, other) = (argument(one, results)?, argument(other, results)?);
    let number = match step.operation {
        Operation::Add => one + other,
        Operation::Subtract => one - other,
        Operation::Multiply => one * other,
        Operation::Divide if other == 0.0 => return None,
        Operation::Divide => one / other,
        Operation::Power => power(one, other)?,
        _ => return Some(Outcome::Greater(one > other)),
    };
    Some(Outcome::Number(number))
}

/// `None` where Python refuses or the result is no real number: beyond the range, a root of a negative number, zero to
/// a negative power.
fn power(base: f64, exponent: f64) -> Option<f64> {
    let result = base.powf(exponent);
    let lost = result.is_infinite() && base.is_finite() && exponent.is_finite();
    let complex = result.is_nan() && !base.is_nan() && !exponent.is_nan();
    (!lost && !complex).then_some(result)
}

fn argument(text: &str, results: &[Outcome]) -> Option<f64> {
    if !text.contains('#') {
        return number(text);
    }
    match results.get(text.replace('#', "").trim().parse::<usize>().ok()?)? {
        Outcome::Number(number) => Some(*number),
        Outcome::Greater(_) => None,
    }
}

/// A number as programs and tables write it: thousands by commas, `%` as a hundredth, `const_100`, `const_m1` for -1.
fn number(text: &str) -> Option<f64> {
    let text = text.replace(',', "");
    if let Some(number) = plain(&text) {
        Some(number)
    } else if text.contains('%') {
        plain(&text.replace('%', "")).map(|number| number / 100.0)
    } else if text.contains("const") {
        let name = text.replace("const_", "");
        if name == "m1" { Some(-1.0) } else { plain(&name) }
    } else {
        None
    }
}

fn plain(text: &str) -> Option<f64> {
    text.trim().parse().ok()
}

/// The numbers of a row: without `$`, and without what a bracket begins. `None` where one cell holds none.
fn numbers(cells: &[String]) -> Option<Vec<f64>> {
    let cell = |cell: &String| {
        let cell = cell.replace('$', "");
        number(cell.split('(').next().unwrap_or_default().trim())
    };
    cells.iter().map(cell).collect()
}

fn of_row(operation: Operation, numbers: &[f64]) -> Option<f64> {
    let sum: f64 = numbers.iter().sum();
    match operation {
        Operation::RowSum => Some(sum),
        _ if numbers.is_empty() => None,
        Operation::RowAverage => Some(sum / numbers.len() as f64),
        Operation::RowMax => numbers.iter().copied().reduce(f64::max),
        _ => numbers.iter().copied().reduce(f64::min),
    }
}
