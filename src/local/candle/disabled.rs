//! What stands in for the embedded model where the program was built without it.

use crate::error::{Failure, Result};
use crate::local::backend::{Backend, Generation, GenerationRequest, Refusal};
use crate::plan::EmbeddedSpec;

/// A model that cannot exist.
#[derive(Debug)]
pub enum Model {}

/// Refuses.
///
/// # Errors
/// Always: the program has no embedded model.
pub fn load(spec: &EmbeddedSpec) -> Result<Model> {
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

impl Backend for Model {
    fn models(&self) -> Vec<String> {
        match *self {}
    }

    fn submit(&self, _: GenerationRequest) -> Result<Generation, Refusal> {
        match *self {}
    }
}
