//! Lines against EvalScope 1.14.1, and rules against puzzles of our own.
#![expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::eval::agreement::{Agreement, cases};

#[test]
fn lines_are_read_and_judged_alike() {
    let mut agreement = Agreement::new("forms", "sparc");
    for case in cases("forms").into_iter().filter(|case| case["kind"] == "sparc") {
        let puzzle: Puzzle = serde_json::from_value(case["puzzle"].clone()).unwrap();
        let reply = case["reply"].as_str().unwrap();
        let verdict = score(reply, &puzzle);
        let path = written(&extract(reply, &puzzle).unwrap_or_default());
        let ours = json!([path, verdict.accuracy == 1.0, verdict.structure]);
        agreement.row(case["id"].as_str().unwrap(), &ours, &case["expected"]);
    }
    agreement.check(1.0);
}

fn puzzle(rows: &[&str], shapes: Value) -> Puzzle {
    let row = |row: &&str| row.split(' ').map(str::to_owned).collect();
    Puzzle { puzzle_array: rows.iter().map(row).collect(), polyshapes: Some(shapes.to_string()), solutions: Vec::new() }
}

/// A line from its corners.
fn line(corners: &[Place]) -> Vec<Place> {
    let mut path = vec![corners[0]];
    for &(x, y) in &corners[1..] {
        while let Some(&(at_x, at_y)) = path.last().filter(|at| **at != (x, y)) {
            let step = |at: usize, to: usize| {
                if at < to {
                    at + 1
                } else if at > to {
                    at - 1
                } else {
                    at
                }
            };
            path.push((step(at_x, x), step(at_y, y)));
        }
    }
    path
}

fn breaks(puzzle: &Puzzle, corners: &[Place]) -> Vec<Broken> {
    let path = line(corners);
    assert!(structure(&path, puzzle).valid, "{path:?}");
    broken(&path, puzzle).unwrap()
}

#[test]
fn dots_gaps_squares_and_triangles() {
    let grid = puzzle(&["+ + E + +", "+ o-R + o-B +", "+ . + G +", "+ A-R + o-B +", "+ + S + +"], json!({}));
    assert_eq!(breaks(&grid, &[(2, 4), (2, 0)]), [Broken::Dot]);
    assert_eq!(breaks(&grid, &[(2, 4), (0, 4), (0, 2), (2, 2), (2, 0)]), [Broken::Triangle]);
    assert_eq!(
        breaks(&grid, &[(2, 4), (4, 4), (4, 2), (2, 2), (2, 0)]),
        [Broken::Gap, Broken::Dot, Broken::Square, Broken::Triangle]
    );
    let verdict = score("####(2,4),(2,3),(2,2),(2,1),(2,0)", &grid);
    assert_eq!((verdict.accuracy, verdict.invalid_path_rate, verdict.obeys_rules), (0.0, 0.0, Some(false)));
    assert_eq!(score("I give up.", &grid).obeys_rules, Some(false));
}

#[test]
fn stars_want_exactly_one_partner() {
    let grid = puzzle(&["+ + E + +", "+ *-R + *-R +", "+ + + + +", "+ o-R + *-R +", "+ + S + +"], json!({}));
    assert_eq!(breaks(&grid, &[(2, 4), (2, 0)]), []);
    assert_eq!(breaks(&grid, &[(2, 4), (4, 4), (4, 0), (2, 0)]), [Broken::Star]);
}

#[test]
fn shapes_fill_their_region() {
    let shapes = json!({"1": [[0, 1], [0, 1]], "2": [[1, 1], [0, 0]], "3": [[1]]});
    let upright = puzzle(&["+ + E + +", "+ P-R-1 + N +", "+ + + + +", "+ N + N +", "+ + S + +"], shapes.clone());
    assert_eq!(breaks(&upright, &[(2, 4), (2, 0)]), []);
    let flat = puzzle(&["+ + E + +", "+ P-R-2 + N +", "+ + + + +", "+ N + N +", "+ + S + +"], shapes.clone());
    assert_eq!(breaks(&flat, &[(2, 4), (2, 0)]), [Broken::Shape]);
    let two = puzzle(&["+ + E + +", "+ P-R-3 + N +", "+ + + + +", "+ P-B-3 + N +", "+ + S + +"], shapes.clone());
    assert_eq!(breaks(&two, &[(2, 4), (2, 0)]), []);
    // Two upright ones beside each other, less a flat one at the foot, are the flat one at the head.
    let less = puzzle(&["+ + + + +", "+ P-R-1 + P-R-1 +", "S + + + E", "+ Y-R-2 + N +", "+ + + + +"], shapes.clone());
    assert_eq!(breaks(&less, &[(0, 2), (4, 2)]), [Broken::Shape], "the negative lies in the other region");
    let less = puzzle(&["+ + + + +", "+ P-R-2 + Y-R-3 +", "S + + + E", "+ P-R-3 + N +", "+ + + + +"], shapes.clone());
    assert_eq!(breaks(&less, &[(0, 2), (0, 4), (4, 4), (4, 2)]), [Broken::Shape], "two cells are left for four");
    let even = puzzle(&["+ + + + +", "+ P-R-2 + Y-R-2 +", "S + + + E", "+ N + N +", "+ + + + +"], shapes);
    assert_eq!(breaks(&even, &[(0, 2), (4, 2)]), [], "they cancel each other");
    let unknown = puzzle(&["+ + E", "+ P-R-9 +", "S + +"], json!({}));
    assert_eq!(broken(&line(&[(0, 2), (0, 0), (2, 0)]), &unknown), None);
}

#[test]
fn a_negative_shape_is_taken_off() {
    let shapes = json!({"4": [[1, 1], [1, 0]], "3": [[1]]});
    let grid = puzzle(&["+ + + + +", "+ P-R-4 + Y-R-3 +", "S + + + E", "+ N + N +", "+ + + + +"], shapes);
    assert_eq!(breaks(&grid, &[(0, 2), (4, 2)]), [], "three cells less one are the upper two");
}

#[test]
fn a_puzzle_is_put_into_words() {
    let grid = puzzle(&["+ + E", "+ P-R-7 +", "S + +"], json!({"7": [[1, 0], [1, 1]]}));
    let shown = shown(&grid);
    assert_eq!((shown.columns, shown.rows, shown.start.as_str(), shown.end.as_str()), (1, 1, "(0, 2)", "(2, 0)"));
    assert_eq!(shown.grid.lines().nth(1), Some(r#"["+", "P-R-7", "+"]"#));
    assert_eq!(shown.shapes, "Shape 7:\n[1, 0]\n[1, 1]");
}

proptest! {
    #[test]
    fn no_reply_is_refused(reply in "(####|[(), 0-9]){0,60}") {
        let grid = puzzle(&["+ + E + +", "+ P-R-1 + Y-B-1 +", "+ . + G +", "+ A-R + *-B +", "+ + S + +"], json!({"1": [[1]]}));
        let verdict = score(&reply, &grid);
        prop_assert!(verdict.structure.valid == (verdict.invalid_path_rate == 0.0));
        let path = extract(&reply, &grid).unwrap_or_default();
        let _ = broken(&path, &grid);
    }
}
