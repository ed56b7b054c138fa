//! Readers of files that are no tables: what makes records of them.

use std::path::Path;

use serde_json::Value;

use crate::error::{Failure, Result, known};
use crate::table::Row;

/// All readers by name.
pub const NAMES: [&str; 1] = ["examples"];

/// The records of a file.
///
/// # Errors
/// When the file cannot be read, or is not what the reader takes.
pub fn read(reader: &str, path: &Path, _config: &str) -> Result<Vec<Row>> {
    match reader {
        "examples" => list_under(path, "examples"),
        _ => Err(Failure::bug(format!("source.reader {reader:?}: known are {}", known(NAMES)))),
    }
}

/// Records that stand in a list below a key of one JSON document.
fn list_under(path: &Path, key: &str) -> Result<Vec<Row>> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::files(format!("{}: cannot be read", path.display())).because(error))?;
    let wrong = |why: String| Failure::usage(format!("{}: {why}", path.display()));
    let document: Value = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    let list = document[key].as_array().ok_or_else(|| wrong(format!("has no list {key:?}")))?;
    Ok(list.iter().filter_map(|item| item.as_object().cloned()).collect())
}
