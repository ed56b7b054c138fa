//! The files of a folder that hold the rows of a subset and a split.

use std::path::{Path, PathBuf};

use super::card::Card;
use crate::error::{Failure, Result, known};
use crate::table::layout;

/// Files with the rows of one configuration and split, and the folder that paths in them are below.
#[derive(Debug)]
pub struct Files {
    /// The folder.
    pub folder: PathBuf,
    /// The files.
    pub paths: Vec<PathBuf>,
    /// What a reader of the results should know.
    pub notice: Option<String>,
}

impl Files {
    /// One file, or a folder that is one table, with what lies beside it.
    pub fn one(path: &Path) -> Self {
        let beside = if path.is_dir() { path } else { path.parent().unwrap_or(Path::new(".")) };
        let folder = beside.to_owned();
        Files { folder, paths: vec![path.to_owned()], notice: None }
    }

    /// Those below a folder. One that is named after the configuration holds nothing else.
    ///
    /// # Errors
    /// When there are none; the message says what the folder has.
    pub fn below(folder: &Path, wanted: layout::Rows<'_>, card: &Card) -> Result<Self> {
        let mut names = Vec::new();
        list(folder, "", &mut names, 0)?;
        let paths: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut ways = vec![wanted];
        if wanted.pattern.is_some() {
            ways.push(layout::Rows { pattern: None, ..wanted });
        }
        for edition in &card.source.editions {
            // A file that names no split has the questions, not the examples.
            let of_examples = card.source.train.as_deref() == Some(wanted.split);
            let pattern = edition.files.as_deref().filter(|files| files.contains("{split}") || !of_examples);
            ways.extend(pattern.map(|pattern| layout::Rows { pattern: Some(pattern), ..wanted }));
        }
        if folder.file_name().is_some_and(|name| name == wanted.config) {
            ways.push(layout::Rows { config: "default", pattern: None, ..wanted });
        }
        let Some((way, picked)) = ways.iter().map(|way| (way, way.pick(&paths))).find(|(_, found)| !found.is_empty())
        else {
            return Err(missing(folder, &names, wanted, card));
        };
        let over = way.passed_over(&paths);
        let notice = (!over.is_empty()).then(|| {
            let (read, over) = (picked.first().copied().unwrap_or_default(), over.first().copied().unwrap_or_default());
            format!("{}: {}: {read} is read, and {over} is taken to hold the same", card.name, folder.display())
        });
        let own = picked.first().and_then(|path| folder.join(path).parent().map(Path::to_owned));
        // What records name is counted from where an archive with it lies.
        let packed = card.source.archives.iter().any(|archive| folder.join(archive).is_file());
        let own = own.filter(|own| !packed && own != folder && own.starts_with(folder));
        Ok(Files {
            // Paths inside rows are below the folder of the file, or of the data where they reach that far.
            folder: own.unwrap_or_else(|| folder.to_owned()),
            paths: picked.into_iter().map(|path| folder.join(path)).collect(),
            notice,
        })
    }
}

/// Whether a path is one table, not a folder of several: a file, or a folder that Hugging Face's `save_to_disk` left.
pub fn is_one_table(path: &Path) -> bool {
    path.is_file() || path.join("state.json").is_file()
}

fn missing(folder: &Path, names: &[String], wanted: layout::Rows<'_>, card: &Card) -> Failure {
    const SHOWN: usize = 12;
    let layout::Rows { config, split, .. } = wanted;
    let there = if names.is_empty() { "nothing".to_owned() } else { known(names.iter().take(SHOWN)) };
    let more = names.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Failure::usage(format!("{}: {}: no file for subset {config:?} and split {split:?}", card.name, folder.display()))
        .hint(format!(
            "name it {config}_{split}.jsonl, {}{config}/{split}.parquet; the folder has {there}{more}",
            if wanted.others.is_empty() { format!("{config}.jsonl or ") } else { "or ".to_owned() }
        ))
}

/// Paths of the files below a folder, `/` between their parts.
fn list(folder: &Path, prefix: &str, names: &mut Vec<String>, depth: usize) -> Result<()> {
    let unreadable = |error: std::io::Error| {
        Failure::files(format!("{}: cannot be read", folder.display()))
            .because(error)
            .hint("check local_path or --dataset-dir")
    };
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let path = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        // A link to a file is a file, one to a folder a folder.
        if entry.path().is_dir() {
            if depth < 8 {
                list(&entry.path(), &path, names, depth + 1)?;
            }
        } else {
            names.push(path);
        }
    }
    Ok(())
}
