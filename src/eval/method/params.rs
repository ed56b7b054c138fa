//! Parameters of extractors and scorers, as a card writes them.

use serde::de::DeserializeOwned;
use toml::Table;

/// Reads parameters into their structure, which refuses unknown keys with the known ones.
///
/// # Errors
/// In words, when one is not known or of another type.
pub fn read<T: DeserializeOwned>(name: &str, params: &Table) -> Result<T, String> {
    toml::Value::Table(params.clone())
        .try_into()
        .map_err(|error: toml::de::Error| format!("{name}: {}", error.message()))
}

/// That there are none.
///
/// # Errors
/// In words, when there are.
pub fn none(name: &str, params: &Table) -> Result<(), String> {
    match params.keys().next() {
        None => Ok(()),
        Some(key) => Err(format!("{name}: takes no parameters, and {key} is given")),
    }
}
