//! Golden vectors of other implementations: how many rows agree with ours, and why the others do not.

#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests say what they need and stop there")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The rows of a golden file that were looked at, and those that came out otherwise.
///
/// Beside `tests/golden/oracle/NAME.jsonl` may stand `NAME.differences.toml`, which says why rows differ on purpose:
///
/// ```toml
/// [[difference]]
/// rows = ["math_equal-0017"]
/// reason = "a square root sign is read as a root"
/// ```
pub struct Agreement {
    name: String,
    rows: usize,
    agreed: usize,
    differ: Vec<(String, String)>,
    reasons: BTreeMap<String, String>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/oracle")
}

/// The cases of a golden file, in order.
pub fn cases(name: &str) -> Vec<Value> {
    let path = folder().join(format!("{name}.jsonl"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.split('\n').filter(|line| !line.is_empty()).map(|line| serde_json::from_str(line).unwrap()).collect()
}

impl Agreement {
    /// Begins a comparison with the golden file of that name; `part` names which of its columns, and may be empty.
    pub fn new(name: &str, part: &str) -> Self {
        let path = folder().join(format!("{name}.differences.toml"));
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let table: toml::Table = text.parse().unwrap();
        let mut reasons = BTreeMap::new();
        for difference in table.get("difference").and_then(toml::Value::as_array).into_iter().flatten() {
            let reason = difference["reason"].as_str().unwrap();
            for row in difference["rows"].as_array().unwrap() {
                reasons.insert(row.as_str().unwrap().to_owned(), reason.to_owned());
            }
        }
        let name = if part.is_empty() { name.to_owned() } else { format!("{name}.{part}") };
        Self { name, rows: 0, agreed: 0, differ: Vec::new(), reasons }
    }

    /// Counts a row; where the two differ it is kept by `id` with both values.
    pub fn row<T: PartialEq + std::fmt::Debug>(&mut self, id: &str, ours: &T, theirs: &T) {
        self.judged(id, ours == theirs, || format!("ours {ours:?}, theirs {theirs:?}"));
    }

    /// Counts a row of numbers, equal within `tolerance` of the larger of 1 and the number.
    pub fn near(&mut self, id: &str, ours: f64, theirs: f64, tolerance: f64) {
        let equal = (ours - theirs).abs() <= tolerance * theirs.abs().max(1.0);
        self.judged(id, equal, || format!("ours {ours}, theirs {theirs}"));
    }

    /// Counts a row that was compared elsewhere.
    pub fn judged(&mut self, id: &str, equal: bool, what: impl FnOnce() -> String) {
        self.rows += 1;
        if equal {
            self.agreed += 1;
        } else {
            self.differ.push((id.to_owned(), what()));
        }
    }

    /// Prints the agreement and every difference with its reason.
    ///
    /// # Panics
    ///
    /// Where a row differs without a reason, or less than `least` of the rows agree.
    pub fn check(self, least: f64) {
        let share = if self.rows == 0 { 1.0 } else { self.agreed as f64 / self.rows as f64 };
        println!("{}: {} of {} rows agree ({:.2} %)", self.name, self.agreed, self.rows, share * 100.0);
        let mut unexplained = BTreeSet::new();
        for (id, what) in &self.differ {
            match self.reasons.get(id) {
                Some(reason) => println!("  {id}: {what}: {reason}"),
                None => {
                    println!("  {id}: {what}: NO REASON GIVEN");
                    unexplained.insert(id.clone());
                }
            }
        }
        assert!(self.rows > 0, "{}: no row was compared", self.name);
        assert!(unexplained.is_empty(), "{}: differences without a reason: {unexplained:?}", self.name);
        assert!(share >= least, "{}: {share} of the rows agree, less than {least}", self.name);
    }
}
