//! Files that a user writes: YAML, JSON or TOML, by their names.

use std::path::Path;

use serde::de::DeserializeOwned;

use crate::error::{Failure, Result};

/// Reads a file.
///
/// # Errors
/// When it cannot be read, its name has none of the endings, or it does not hold what is wanted.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::files(format!("{}: cannot be read", path.display())).because(error).hint("check the path")
    })?;
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or("").to_ascii_lowercase();
    let read: std::result::Result<T, String> = match ending.as_str() {
        "json" => serde_json::from_str(&text).map_err(|error| error.to_string()),
        "toml" => toml::from_str(&text).map_err(|error| error.to_string()),
        "yaml" | "yml" => serde_saphyr::from_str(&text).map_err(|error| error.to_string()),
        _ => Err("its name must end in .yaml, .yml, .json or .toml".to_owned()),
    };
    read.map_err(|why| Failure::usage(format!("{}: {why}", path.display())))
}
