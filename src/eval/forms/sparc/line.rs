//! The line in a reply, and whether it is one.

use std::collections::HashSet;

use serde::Serialize;

use super::{Place, Puzzle};
use crate::eval::forms::pattern::{Pattern, group};

static PLACE: Pattern = Pattern::new(r"\(([0-9]+),\s*([0-9]+)\)");
/// Stands before the line.
const MARKER: &str = "####";

/// Every `(x, y)` behind the last `####`, or in the whole reply without one, up to the first that is the end of the
/// puzzle. `None` where there is none.
pub fn extract(reply: &str, puzzle: &Puzzle) -> Option<Vec<Place>> {
    let answer = reply.rsplit(MARKER).next().unwrap_or(reply);
    let end = puzzle.places().find(|(_, symbol)| *symbol == "E").map(|(place, _)| place);
    let mut path = Vec::new();
    for found in PLACE.all(answer) {
        // A number that is too large is a place outside any grid.
        let number = |which| group(&found, which).parse().unwrap_or(usize::MAX);
        let place = (number(1), number(2));
        path.push(place);
        if Some(place) == end {
            break;
        }
    }
    (!path.is_empty()).then_some(path)
}

/// A line as text, `(x,y), (x,y)`.
pub fn written(path: &[Place]) -> String {
    path.iter().map(|(x, y)| format!("({x},{y})")).collect::<Vec<_>>().join(", ")
}

/// What is right about a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Structure {
    /// It begins at the start and ends at the end.
    #[serde(rename = "starts_at_start_ends_at_exit")]
    pub ends: bool,
    /// Each place lies beside the one before.
    #[serde(rename = "connected_line")]
    pub connected: bool,
    /// No place comes twice.
    #[serde(rename = "non_intersecting_line")]
    pub simple: bool,
    /// It enters no cell with a rule.
    #[serde(rename = "no_rule_crossing")]
    pub outside_rules: bool,
    /// All of these.
    #[serde(rename = "fully_valid_path")]
    pub valid: bool,
}

/// Looks at a line; nothing is right about an empty one, or where the puzzle lacks a start or an end.
pub fn structure(path: &[Place], puzzle: &Puzzle) -> Structure {
    let (Some(start), Some(end)) = (puzzle.start(), puzzle.end()) else { return Structure::default() };
    let (Some(first), Some(last)) = (path.first(), path.last()) else { return Structure::default() };
    let beside = |(one, other): (&Place, &Place)| one.0.abs_diff(other.0).saturating_add(one.1.abs_diff(other.1)) == 1;
    let width = puzzle.puzzle_array.first().map_or(0, Vec::len);
    let of_rule = |(x, y): &Place| x % 2 == 1 && y % 2 == 1 && *x < width && *y < puzzle.puzzle_array.len();
    let inner = path.get(1..path.len() - 1).unwrap_or_default();
    let ends = *first == start && *last == end;
    let connected = path.iter().zip(path.iter().skip(1)).all(beside);
    let simple = path.iter().collect::<HashSet<_>>().len() == path.len();
    let outside_rules = !inner.iter().any(of_rule);
    Structure { ends, connected, simple, outside_rules, valid: ends && connected && simple && outside_rules }
}
