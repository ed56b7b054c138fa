//! What stands in for the embedded model where the program was built without it.

use std::sync::Arc;

use crate::error::{Failure, Result};
use crate::local::backend::Backend;
use crate::plan::EmbeddedSpec;

/// Refuses.
///
/// # Errors
/// Always: the program has no embedded model.
pub fn load(spec: &EmbeddedSpec) -> Result<Arc<dyn Backend>> {
    Err(refusal(spec))
}

/// Refuses.
///
/// # Errors
/// Always: the program has no embedded model.
pub fn check(spec: &EmbeddedSpec) -> Result<()> {
    Err(refusal(spec))
}

fn refusal(spec: &EmbeddedSpec) -> Failure {
    let message = format!("--model {}: this program was built without the feature `local`", spec.model);
    Failure::usage(message).hint("give the address of a server with --url, or build with --features local")
}
