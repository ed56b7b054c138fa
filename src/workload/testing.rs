//! What the tests of this folder share.

use std::path::PathBuf;

use crate::plan::dataset::{Args, Set};
use crate::plan::{Images, Lengths, Pixel, Prefix, Source, Turns, WorkloadSpec};
use crate::prompt::{Content, Conversation};

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
        path: None,
        args: Args::None,
        prefix: Prefix { length: 0, count: 1 },
        images: Images { width: 8, height: 8, count: 1, pixel: Pixel::Rgb },
        turns: Turns { min: 1, max: None },
        cache_bust: false,
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

/// A workload of a dataset, its options as JSON.
pub(super) fn set(set: Set, path: Option<PathBuf>, args: serde_json::Value) -> TestResult<WorkloadSpec> {
    let args = Args::of(set, args.as_object().unwrap_or(&serde_json::Map::new()))?;
    Ok(WorkloadSpec { path, args, ..spec(Source::Set(set)) })
}

/// The texts of the first turns of items that are text.
pub(super) fn texts(items: &[Conversation]) -> Vec<String> {
    let text = |item: &Conversation| match item.turns.first().map(|turn| &turn.content) {
        Some(Content::Text(text)) => text.clone(),
        other => format!("{other:?}"),
    };
    items.iter().map(text).collect()
}
