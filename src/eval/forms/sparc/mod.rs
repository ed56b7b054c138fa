//! SPaRC: a line through a grid of the kind that "The Witness" has (Kaesberg et al. 2025, "SPaRC").
//!
//! Places are `(x, y)`, counted from the upper left. Those with an even coordinate may lie on the line; those with two
//! odd ones are cells with a rule.
//!
//! | file | what |
//! |---|---|
//! | `line` | the line in a reply, and whether it is one |
//! | `rules` | whether it obeys the rules of the cells |
//! | `tiling` | whether shapes fill a region |
//! | `shown` | a puzzle as words for the prompt |

mod line;
mod rules;
mod shown;
#[cfg(test)]
mod tests;
mod tiling;

use serde::{Deserialize, Serialize};

pub use line::{Structure, extract, structure, written};
pub use rules::{Broken, broken};
pub use shown::{Shown, shown};

/// A place of the grid.
pub type Place = (usize, usize);

/// What the record says of a puzzle. Other fields are ignored.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Puzzle {
    /// The grid, row by row: `S` start, `E` end, `+` free, `.` a dot, `G` a gap, `N` no rule, and rules such as `o-R`.
    pub puzzle_array: Vec<Vec<String>>,
    /// The shapes by their number, as the text of a JSON object of matrices.
    #[serde(default)]
    pub polyshapes: Option<String>,
    /// All known solutions.
    #[serde(default)]
    pub solutions: Vec<Solution>,
}

/// A known solution.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Solution {
    /// Every place of the line.
    pub path: Vec<Step>,
}

/// A place of a known solution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Step {
    /// Column.
    pub x: usize,
    /// Row.
    pub y: usize,
}

impl Puzzle {
    /// What stands at a place; `None` outside the grid.
    fn at(&self, (x, y): Place) -> Option<&str> {
        self.puzzle_array.get(y)?.get(x).map(String::as_str)
    }

    /// All places with what stands there.
    fn places(&self) -> impl Iterator<Item = (Place, &str)> {
        let row = |(y, row): (usize, &'_ Vec<String>)| (y, row.len());
        let rows: Vec<(usize, usize)> = self.puzzle_array.iter().enumerate().map(row).collect();
        let all = rows.into_iter().flat_map(|(y, width)| (0..width).map(move |x| (x, y)));
        all.filter_map(|place| Some((place, self.at(place)?)))
    }

    /// Where the line begins.
    pub fn start(&self) -> Option<Place> {
        self.places().filter(|(_, symbol)| *symbol == "S").last().map(|(place, _)| place)
    }

    /// Where it ends.
    pub fn end(&self) -> Option<Place> {
        self.places().filter(|(_, symbol)| *symbol == "E").last().map(|(place, _)| place)
    }
}

/// What came out for one puzzle.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// 1 where the line is one of the known solutions.
    pub accuracy: f64,
    /// 1 where it is no line from start to end, 0 where it is: the lower the better.
    pub invalid_path_rate: f64,
    /// What is right about the line.
    pub structure: Structure,
    /// Our own figure: whether the line obeys all rules, known or not; `None` where that could not be found out.
    pub obeys_rules: Option<bool>,
}

/// Scores a reply.
pub fn score(reply: &str, puzzle: &Puzzle) -> Verdict {
    let path = extract(reply, puzzle).unwrap_or_default();
    let known = |solution: &Solution| {
        solution.path.len() == path.len()
            && solution.path.iter().zip(&path).all(|(step, place)| (step.x, step.y) == *place)
    };
    let solved = path.len() >= 2 && puzzle.solutions.iter().any(known);
    let structure = structure(&path, puzzle);
    let obeys_rules = if structure.valid { broken(&path, puzzle).map(|broken| broken.is_empty()) } else { Some(false) };
    let share = |is: bool| f64::from(u8::from(is));
    Verdict { accuracy: share(solved), invalid_path_rate: share(!structure.valid), structure, obeys_rules }
}
