//! What a call of the program left behind.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use polars::prelude::{DataFrame, ParquetReader, SerReader};
use serde_json::Value;
use tempfile::TempDir;

/// A finished call of the program.
pub struct Run {
    /// Everything on stdout.
    pub stdout: String,
    /// Everything on stderr.
    pub stderr: String,
    pub(super) folder: Arc<TempDir>,
}

impl Run {
    /// The folder it ran in.
    pub fn home(&self) -> &Path {
        self.folder.path()
    }

    /// The folder of the run: the one with `plan.toml`.
    pub fn dir(&self) -> PathBuf {
        let plan = find(&self.home().join("outputs"), "plan.toml").expect("a run with plan.toml");
        plan.parent().unwrap().to_owned()
    }

    /// Whether anything was left in the folder of outputs.
    pub fn left_nothing(&self) -> bool {
        !self.home().join("outputs").exists() || files(&self.home().join("outputs")).is_empty()
    }

    /// `summary.json` of the run.
    pub fn summary(&self) -> Value {
        json(&self.dir().join("summary.json"))
    }

    /// The load point with this folder.
    pub fn point(&self, folder: &str) -> Point {
        Point { path: self.dir().join(folder), _folder: Arc::clone(&self.folder) }
    }

    /// The load point with this many requests in flight, the only one of its kind.
    pub fn only_point(&self) -> Point {
        let summary = self.summary();
        let points = summary["points"].as_array().unwrap();
        assert_eq!(points.len(), 1, "the run has one load point");
        self.point(points[0]["folder"].as_str().unwrap())
    }

    /// The notices of the run, joined.
    pub fn notices(&self) -> String {
        self.summary()["notices"].as_array().unwrap().iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
    }

    /// Every file below the folder of outputs.
    pub fn files(&self) -> Vec<PathBuf> {
        files(&self.home().join("outputs"))
    }
}

/// The files of one load point.
pub struct Point {
    /// Its folder.
    pub path: PathBuf,
    /// Keeps it on disk.
    _folder: Arc<TempDir>,
}

impl Point {
    /// One of its JSON files.
    pub fn json(&self, name: &str) -> Value {
        json(&self.path.join(name))
    }

    /// `summary.json`.
    pub fn summary(&self) -> Value {
        self.json("summary.json")
    }

    /// The counts in `summary.json`.
    pub fn count(&self, name: &str) -> u64 {
        let summary = self.summary();
        summary["figures"]["counts"][name].as_u64().unwrap_or_else(|| panic!("no count {name}"))
    }

    /// The rows of `requests.jsonl` in the order of their requests, warm-up included.
    pub fn rows(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.path.join("requests.jsonl")).unwrap();
        let mut rows: Vec<Value> = text.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect();
        rows.sort_by_key(|row| row["conversation"].as_u64());
        rows
    }

    /// The only row.
    pub fn row(&self) -> Value {
        let mut rows = self.rows();
        assert_eq!(rows.len(), 1, "the load point has one row");
        rows.remove(0)
    }

    /// `requests.parquet`.
    pub fn parquet(&self) -> DataFrame {
        ParquetReader::new(std::fs::File::open(self.path.join("requests.parquet")).unwrap()).finish().unwrap()
    }
}

/// How the request of a row ended: `ok`, `cancelled` or the kind of failure.
pub fn outcome(row: &Value) -> &str {
    let outcome = &row["outcome"];
    outcome.as_str().or_else(|| outcome["failed"].as_str()).expect("a row with an outcome")
}

/// Asserts that an object has exactly these keys in this order; those in brackets may be absent.
#[track_caller]
pub fn same_keys(object: &Value, expected: &str) {
    let found: Vec<&String> = object.as_object().unwrap().keys().collect();
    let expected: Vec<&str> = expected.split(',').map(str::trim).collect();
    let bare = |name: &str| name.trim_matches(|c| c == '[' || c == ']').to_owned();
    let present: Vec<String> = expected
        .iter()
        .filter(|name| !name.starts_with('[') || found.iter().any(|key| **key == bare(name)))
        .map(|name| bare(name))
        .collect();
    assert!(found.iter().copied().eq(present.iter()), "\nfound    {found:?}\nexpected {present:?}");
}

fn json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The first file or folder of this name below a folder.
pub(super) fn find(below: &Path, name: &str) -> Option<PathBuf> {
    let entries: Vec<PathBuf> = std::fs::read_dir(below).ok()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    let here = entries.iter().find(|path| path.file_name().is_some_and(|found| found == name)).cloned();
    here.or_else(|| entries.iter().find_map(|path| find(path, name)))
}

fn files(below: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(below).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}
