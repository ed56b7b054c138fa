//! What the tests of this folder share.

use std::path::PathBuf;

use super::Item;
use crate::plan::{Lengths, Source, WorkloadSpec};
use crate::prompt::Content;

pub(super) type TestResult<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// A file in a folder that lives as long as the handle.
pub(super) fn file(name: &str, bytes: &[u8]) -> TestResult<(tempfile::TempDir, PathBuf)> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join(name);
    std::fs::write(&path, bytes)?;
    Ok((folder, path))
}

/// A plain workload of the source.
pub(super) fn spec(source: Source) -> WorkloadSpec {
    WorkloadSpec {
        source,
        offset: 0,
        lengths: Lengths { min: 0, max: 131_072 },
        chat: false,
        tokenizer: None,
        seed: 1,
        max_tokens: (16, 16),
        threads: 1,
        template: None,
    }
}

/// The texts of items that are text.
pub(super) fn texts(items: &[Item]) -> Vec<String> {
    let text = |item: &Item| match &item.content {
        Content::Text(text) => text.clone(),
        other => format!("{other:?}"),
    };
    items.iter().map(text).collect()
}
