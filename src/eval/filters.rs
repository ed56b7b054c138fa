//! Filters of replies, as the user orders them.

use serde_json::Value;

use super::method::Reply;

/// Filters in order.
#[derive(Debug, Default)]
pub struct Filters;

impl Filters {
    /// Those of a table of names and parameters.
    ///
    /// # Errors
    /// In words, when one is not known.
    pub fn of(_given: Option<&Value>) -> Result<Self, String> {
        Ok(Filters)
    }

    /// A reply, filtered.
    pub fn apply(&self, reply: &Reply) -> Reply {
        reply.clone()
    }
}
