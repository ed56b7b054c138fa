//! Rows of a file of data, whatever its format: one JSON object a row, one batch in memory.
//!
//! | file | noun |
//! |---|---|
//! | `rows` | the reader that picks the format and goes from file to file of a folder |
//! | `format` | the format of a file, told by its name and first bytes |
//! | `lines`, `json`, `separated` | text: a row a line; JSON documents; cells with a separator |
//! | `arrow`, `parquet` | batches of columns |
//! | `layout` | which files of a folder hold the rows of a split |
//! | `tar` | an archive whose files make rows |
//! | `cell` | a cell of a column to a JSON value |
//! | `beside` | files that rows name |
//! | `bytes` | binary cells, and where a row holds an image |

mod arrow;
mod beside;
mod bytes;
mod cell;
mod format;
mod json;
pub mod layout;
mod lines;
mod parquet;
mod rows;
mod separated;
mod tar;

#[cfg(test)]
mod tests;

pub use beside::{file_below, read_at_most};
pub use bytes::{BYTES, bytes_of};
pub use format::Format;
pub(crate) use rows::is_data;
pub use rows::{Row, Rows};
