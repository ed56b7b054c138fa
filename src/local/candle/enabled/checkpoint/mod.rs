//! Weights as they lie in files.
//!
//! | file | what it holds |
//! |---|---|
//! | [`safetensors`] | a folder as on Hugging Face: one file, or shards and their index |
//! | [`gguf`] | one file as llama.cpp reads it, with its description and tokenizer inside |
//! | `mapping` | a file as bytes |

pub mod gguf;
mod mapping;
pub mod safetensors;

use std::collections::BTreeMap;

use bytes::Bytes;

pub use gguf::Gguf;
pub use mapping::map;

use super::kernel::Kind;
use crate::error::{Failure, Result};

/// A tensor in a file.
#[derive(Debug, Clone)]
pub struct Stored {
    /// How its numbers are written.
    pub kind: Kind,
    /// Its sizes, the outermost first.
    pub dims: Vec<usize>,
    /// Its bytes.
    pub bytes: Bytes,
}

/// The tensors of a model by name.
#[derive(Debug)]
pub struct Checkpoint {
    /// Folder or file.
    place: String,
    tensors: BTreeMap<String, Stored>,
}

impl Checkpoint {
    /// Tensors of a folder or file.
    pub fn new(place: String, tensors: BTreeMap<String, Stored>) -> Self {
        Checkpoint { place, tensors }
    }

    /// Whether there is a tensor of this name.
    pub fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// The sizes of a tensor, where there is one of this name.
    pub fn dims(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|stored| stored.dims.as_slice())
    }

    /// The tensor of this name and these sizes.
    ///
    /// # Errors
    /// When it is missing or has other sizes.
    pub fn take(&self, name: &str, dims: &[usize]) -> Result<Stored> {
        let Some(stored) = self.tensors.get(name) else {
            return Err(Failure::files(format!("{}: the tensor {name} is missing", self.place)).hint(
                "fetch the model again; its files do not belong to its description, or one of them is not there",
            ));
        };
        if stored.dims != dims {
            return Err(Failure::files(format!(
                "{}: the tensor {name} has the shape {:?}, but the model's description asks for {dims:?}",
                self.place, stored.dims
            ))
            .hint("the weights belong to another model; fetch the model again"));
        }
        Ok(stored.clone())
    }

    /// Where it lies.
    pub fn place(&self) -> &str {
        &self.place
    }
}
