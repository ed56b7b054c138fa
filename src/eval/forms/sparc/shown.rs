//! A puzzle as words for the prompt.

use std::fmt::Write;

use serde::Serialize;
use serde_json::{Map, Value};

use super::Puzzle;
use crate::eval::forms::json;

/// What a prompt says of a puzzle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// Columns of cells with rules, which is half the width of the array.
    pub columns: usize,
    /// Rows of such cells.
    pub rows: usize,
    /// Where the line begins, `(x, y)`; empty where the puzzle has no start.
    pub start: String,
    /// Where it ends.
    pub end: String,
    /// The array, a row a line, each as a JSON list.
    pub grid: String,
    /// The shapes, each under its number, a row of its matrix a line; empty where there are none.
    pub shapes: String,
}

/// Puts a puzzle into words.
pub fn shown(puzzle: &Puzzle) -> Shown {
    let place = |place: Option<(usize, usize)>| place.map(|(x, y)| format!("({x}, {y})")).unwrap_or_default();
    let line = |row: &Vec<String>| json::spaced(&Value::from(row.clone()));
    let grid: Vec<String> = puzzle.puzzle_array.iter().map(line).collect();
    let defined: Map<String, Value> =
        puzzle.polyshapes.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let mut shapes = String::new();
    for (number, matrix) in &defined {
        let rows: Vec<String> = matrix.as_array().into_iter().flatten().map(json::spaced).collect();
        let _ = write!(shapes, "Shape {number}:\n{}\n\n", rows.join("\n"));
    }
    Shown {
        columns: puzzle.puzzle_array.first().map_or(0, Vec::len) / 2,
        rows: puzzle.puzzle_array.len() / 2,
        start: place(puzzle.start()),
        end: place(puzzle.end()),
        grid: grid.join("\n"),
        shapes: shapes.trim_end().to_owned(),
    }
}
