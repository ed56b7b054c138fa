//! A file as bytes, without reading it.

use std::fs::File;
use std::path::Path;

use bytes::Bytes;
use memmap2::Mmap;

use crate::error::{Failure, Result};

/// Maps a file into memory: its bytes come from the disk when they are first looked at, and are shared with everyone who
/// maps it.
///
/// # Errors
/// When the file cannot be opened or mapped.
#[expect(unsafe_code, reason = "a mapping is memory that others can change, which no safe interface can rule out")]
pub fn map(path: &Path) -> Result<Bytes> {
    let failed = |error: std::io::Error| Failure::files(format!("{}: cannot be read", path.display())).because(error);
    let file = File::open(path).map_err(failed)?;
    // SAFETY: the mapping is private to this process and only read. A file that somebody cuts short or writes to while
    // it is served is beyond any reader: weights are replaced by new files, as every tool that maps them relies on.
    let mapped = unsafe { Mmap::map(&file) }.map_err(failed)?;
    Ok(Bytes::from_owner(mapped))
}
