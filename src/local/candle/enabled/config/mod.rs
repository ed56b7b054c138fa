//! What a model's description says of its network.
//!
//! | file | where the description stands |
//! |---|---|
//! | `folder` | `config.json`, as Hugging Face has it |
//! | `file` | the settings of a GGUF file |
//! | `shape` | the same for both: sizes and rules |
//! | `rotation` | how positions turn queries and keys |

mod file;
mod folder;
mod rotation;
mod shape;

pub use file::of_file;
pub use folder::{Config, Fields, of_folder, read};
pub use rotation::{Angles, Rotation, Scaling};
pub use shape::{Biases, Shape};
