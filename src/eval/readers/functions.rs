//! Requests with functions, joined with the calls that are accepted: they lie in another folder under the same name.

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;

use super::objects;
use crate::error::Result;
use crate::table::Row;

/// The folder of the accepted calls, beside the requests.
const ANSWERS: &str = "possible_answer";

/// The requests with `ground_truth`; those for which nothing is accepted have none.
pub fn read(path: &Path) -> Result<Vec<Row>> {
    let mut rows = objects(path)?;
    let answers = path.parent().zip(path.file_name()).map(|(folder, name)| folder.join(ANSWERS).join(name));
    let Some(answers) = answers.filter(|answers| answers.is_file()) else { return Ok(rows) };
    let id = |row: &Row| row.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut accepted: HashMap<String, Value> = objects(&answers)?
        .into_iter()
        .filter_map(|mut row| Some((id(&row), row.shift_remove("ground_truth")?)))
        .collect();
    for row in &mut rows {
        if let Some(truth) = accepted.remove(&id(row)) {
            row.insert("ground_truth".to_owned(), truth);
        }
    }
    Ok(rows)
}
