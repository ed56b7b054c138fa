//! What is known of the things in pictures of streets, made into questions.

use std::path::Path;

use serde_json::{Value, json};

use super::super::forms::surds::{Record, Unit, questions};
use super::{objects, wrong};
use crate::error::Result;
use crate::table::Row;

/// A row for each question, with its variants.
pub fn read(path: &Path) -> Result<Vec<Row>> {
    let read = |(place, row): (usize, Row)| -> Result<Record> {
        serde_json::from_value(Value::Object(row))
            .map_err(|error| wrong(path, format!("record {}: {error}", place + 1)))
    };
    let records: Vec<Record> = objects(path)?.into_iter().enumerate().map(read).collect::<Result<_>>()?;
    let units = questions(&records).ok_or_else(|| {
        wrong(path, "a record lacks something, or too few pictures show one thing only")
            .hint("use the file as the hub has it")
    })?;
    Ok(units.iter().map(row).collect())
}

fn row(unit: &Unit) -> Row {
    let words: Vec<&str> = unit.variants.iter().map(|variant| variant.relation).collect();
    let answers: Vec<&str> = unit.variants.iter().map(|variant| variant.answer.as_str()).collect();
    let row = json!({
        "task": unit.subject.name(), "pair_id": unit.pair_id, "image_path": unit.file_name, "objects": unit.things,
        "words": words, "options": unit.options, "answers": answers, "bbox": unit.bbox,
    });
    row.as_object().cloned().unwrap_or_default()
}
