//! Whether a line obeys the rules of a puzzle.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde::Serialize;

use super::tiling::{Shape, fills};
use super::{Place, Puzzle};

/// A rule that a line breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Broken {
    /// The line leaves the grid.
    Outside,
    /// It crosses a gap.
    Gap,
    /// It misses a dot.
    Dot,
    /// A region has squares of two colours.
    Square,
    /// A star is not one of exactly two symbols of its colour in its region.
    Star,
    /// The line touches another number of a cell's sides than its triangles say.
    Triangle,
    /// The shapes of a region do not fill it.
    Shape,
}

/// A rule of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Symbol<'a> {
    Square,
    Star,
    Triangles(usize),
    Shape(&'a str),
    Negative(&'a str),
}

/// What `o-R`, `*-R`, `A-R`, `P-R-112` and `Y-R-112` say: the rule and its colour.
fn symbol(cell: &str) -> Option<(Symbol<'_>, &str)> {
    let (kind, rest) = cell.split_once('-')?;
    let shaped = rest.split_once('-');
    Some(match (kind, shaped) {
        ("P", Some((color, shape))) => (Symbol::Shape(shape), color),
        ("Y", Some((color, shape))) => (Symbol::Negative(shape), color),
        ("o", _) => (Symbol::Square, rest),
        ("*", _) => (Symbol::Star, rest),
        ("A", _) => (Symbol::Triangles(1), rest),
        ("B", _) => (Symbol::Triangles(2), rest),
        ("C", _) => (Symbol::Triangles(3), rest),
        ("D", _) => (Symbol::Triangles(4), rest),
        _ => return None,
    })
}

/// The rules that a valid line breaks, none of them twice; `None` where shapes are not defined, or so many that it was
/// not found out whether they fill their region.
pub fn broken(path: &[Place], puzzle: &Puzzle) -> Option<Vec<Broken>> {
    let line: HashSet<Place> = path.iter().copied().collect();
    let mut found = BTreeSet::new();
    for place in path {
        match puzzle.at(*place) {
            None => _ = found.insert(Broken::Outside),
            Some("G") => _ = found.insert(Broken::Gap),
            Some(_) => {}
        }
    }
    if puzzle.places().any(|(place, symbol)| symbol == "." && !line.contains(&place)) {
        found.insert(Broken::Dot);
    }
    let cells = puzzle.places().filter(|((x, y), _)| x % 2 == 1 && y % 2 == 1);
    for (place, cell) in cells {
        if let Some((Symbol::Triangles(count), _)) = symbol(cell)
            && sides(place).iter().filter(|side| line.contains(side)).count() != count
        {
            found.insert(Broken::Triangle);
        }
    }
    let shapes = shapes(puzzle)?;
    for region in regions(puzzle, &line) {
        of_region(&region, puzzle, &shapes, &mut found)?;
    }
    Some(found.into_iter().collect())
}

/// The places on the four sides of a cell, whose coordinates are odd.
fn sides((x, y): Place) -> [Place; 4] {
    [(x - 1, y), (x + 1, y), (x, y - 1), (x, y + 1)]
}

/// Cells that the line does not part.
fn regions(puzzle: &Puzzle, line: &HashSet<Place>) -> Vec<Vec<Place>> {
    let is_cell = |place: &Place| place.0 % 2 == 1 && place.1 % 2 == 1 && puzzle.at(*place).is_some();
    let mut seen = HashSet::new();
    let mut regions = Vec::new();
    for (first, _) in puzzle.places().filter(|(place, _)| is_cell(place)) {
        if !seen.insert(first) {
            continue;
        }
        let (mut region, mut next) = (vec![first], 0);
        while let Some(&(x, y)) = region.get(next) {
            next += 1;
            let beyond = [(x.wrapping_sub(2), y), (x + 2, y), (x, y.wrapping_sub(2)), (x, y + 2)];
            for (side, cell) in sides((x, y)).into_iter().zip(beyond) {
                if !line.contains(&side) && is_cell(&cell) && seen.insert(cell) {
                    region.push(cell);
                }
            }
        }
        regions.push(region);
    }
    regions
}

fn shapes(puzzle: &Puzzle) -> Option<HashMap<String, Shape>> {
    let text = puzzle.polyshapes.as_deref().unwrap_or_default();
    if text.trim().is_empty() {
        return Some(HashMap::new());
    }
    let matrices: HashMap<String, Vec<Vec<u8>>> = serde_json::from_str(text).ok()?;
    matrices.into_iter().map(|(name, matrix)| Some((name, Shape::of(&matrix)?))).collect()
}

fn of_region(
    region: &[Place],
    puzzle: &Puzzle,
    shapes: &HashMap<String, Shape>,
    found: &mut BTreeSet<Broken>,
) -> Option<()> {
    let symbols: Vec<(Symbol, &str)> = region.iter().filter_map(|place| symbol(puzzle.at(*place)?)).collect();
    let squares: BTreeSet<&str> =
        symbols.iter().filter(|(symbol, _)| *symbol == Symbol::Square).map(|(_, color)| *color).collect();
    if squares.len() > 1 {
        found.insert(Broken::Square);
    }
    let mut colors = BTreeMap::<&str, usize>::new();
    symbols.iter().for_each(|(_, color)| *colors.entry(color).or_default() += 1);
    if symbols.iter().any(|(symbol, color)| *symbol == Symbol::Star && colors.get(color) != Some(&2)) {
        found.insert(Broken::Star);
    }
    let (mut positive, mut negative) = (Vec::new(), Vec::new());
    for (symbol, _) in &symbols {
        match symbol {
            Symbol::Shape(name) => positive.push(shapes.get(*name)?),
            Symbol::Negative(name) => negative.push(shapes.get(*name)?),
            _ => {}
        }
    }
    if !positive.is_empty() || !negative.is_empty() {
        let cells: Vec<Place> = region.iter().map(|(x, y)| (x / 2, y / 2)).collect();
        let width = puzzle.puzzle_array.first().map_or(0, Vec::len) / 2;
        let board = (width, puzzle.puzzle_array.len() / 2);
        if !fills(&cells, board, &positive, &negative)? {
            found.insert(Broken::Shape);
        }
    }
    Some(())
}
