//! What was drawn of a collection, a row a data set.

use serde_json::{Value, json};

use super::boxed::boxed;
use super::terminal::Style;
use crate::eval::collection::{Drawn, Taken};
use crate::units::{clean, count};

/// What each data set gave, as a table.
pub fn drawn_table(drawn: &Drawn, style: Style) -> String {
    let row = |taken: &Taken| {
        vec![
            clean(&taken.path.join(" / "), 60),
            clean(&taken.name, 60),
            format!("{:.4}", taken.weight),
            count(taken.there as u64),
            count(taken.wanted as u64),
            count(taken.given as u64),
        ]
    };
    let header = ["Collection", "Dataset", "Weight", "Samples", "Wanted", "Drawn"];
    style.plain(&boxed("", &header, drawn.taken.iter().map(row).collect(), 2))
}

/// The same as JSON.
pub fn drawn_json(drawn: &Drawn) -> Value {
    let row = |taken: &Taken| {
        json!({"dataset_name": taken.name, "categories": taken.path, "weight": taken.weight, "samples": taken.there,
            "wanted": taken.wanted, "drawn": taken.given})
    };
    json!({"rows": drawn.rows.len(), "missing": drawn.missing(), "datasets": drawn.taken.iter().map(row).collect::<Value>(),
        "notices": drawn.notices})
}
