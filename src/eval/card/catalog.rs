//! The cards that are built in, and those of the user's own folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};
use serde::Deserialize;

use super::check::check;
use super::fields::Card;
use crate::error::{Failure, Result, known};

/// Cards and samples as they were when the program was built.
static BUILT_IN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/datasets");
/// The file of a card.
const FILE: &str = "card.toml";

/// Where a card and its sample are.
#[derive(Debug, Clone)]
enum Place {
    /// In the program, in this folder.
    BuiltIn(&'static Dir<'static>),
    /// On disk.
    Folder(PathBuf),
}

/// A card and what lies beside it.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The card.
    pub card: Card,
    place: Place,
}

impl Entry {
    /// A file beside the card.
    ///
    /// # Errors
    /// When it is not there.
    pub fn text(&self, name: &str) -> Result<String> {
        let missing =
            || Failure::usage(format!("{}: the card of {} names it, and it is not there", name, self.card.name));
        match &self.place {
            Place::BuiltIn(dir) => {
                let file = dir.get_file(dir.path().join(name)).ok_or_else(missing)?;
                Ok(file.contents_utf8().unwrap_or_default().to_owned())
            }
            Place::Folder(folder) => {
                std::fs::read_to_string(folder.join(name)).map_err(|error| missing().because(error))
            }
        }
    }

    /// The folder of the card's sample. A built-in one is written below `cache` first.
    ///
    /// # Errors
    /// When the card has no sample, or it cannot be written.
    pub fn sample(&self, cache: &Path) -> Result<PathBuf> {
        let name = &self.card.name;
        let missing = || Failure::usage(format!("{name}: the card has no sample"));
        match &self.place {
            Place::Folder(folder) => Some(folder.join("sample")).filter(|sample| sample.is_dir()).ok_or_else(missing),
            Place::BuiltIn(dir) => {
                let sample = dir.get_dir(dir.path().join("sample")).ok_or_else(missing)?;
                let own = cache.join("samples").join(env!("CARGO_PKG_VERSION")).join(name);
                for file in sample.files() {
                    let path = own.join(file.path().file_name().unwrap_or_default());
                    // Written anew each time, whole or not at all: an older build may have left another.
                    if std::fs::read(&path).ok().as_deref() != Some(file.contents()) {
                        std::fs::create_dir_all(&own).map_err(|error| {
                            Failure::files(format!("{}: cannot be made", own.display())).because(error)
                        })?;
                        crate::store::write_file(&path, file.contents())?;
                    }
                }
                Ok(own)
            }
        }
    }
}

/// All cards by name.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    entries: BTreeMap<String, Entry>,
}

impl Catalog {
    /// The built-in cards, and those of a folder of the user's, which win over built-in ones of the same name.
    ///
    /// # Errors
    /// When a card is wrong: the message names its file, the key and the remedy.
    pub fn open(own: Option<&Path>) -> Result<Self> {
        let mut catalog = Catalog::default();
        for dir in BUILT_IN.dirs() {
            let Some(file) = dir.get_file(dir.path().join(FILE)) else { continue };
            let text = file.contents_utf8().unwrap_or_default();
            let name = format!("datasets/{}", file.path().display());
            if is_benchmark(text) {
                catalog.add(&name, text, Place::BuiltIn(dir))?;
            }
        }
        if let Some(folder) = own {
            catalog.open_folder(folder)?;
        }
        Ok(catalog)
    }

    /// Cards of the folders inside a folder, or of the folder itself.
    fn open_folder(&mut self, folder: &Path) -> Result<()> {
        let unreadable = |error: std::io::Error| {
            Failure::files(format!("{}: cannot be read", folder.display()))
                .because(error)
                .hint("name a folder of folders, each with a card.toml")
        };
        let mut folders = vec![folder.to_owned()];
        for entry in std::fs::read_dir(folder).map_err(unreadable)? {
            folders.push(entry.map_err(unreadable)?.path());
        }
        folders.sort();
        for folder in folders {
            let path = folder.join(FILE);
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            self.add(&path.display().to_string(), &text, Place::Folder(folder))?;
        }
        Ok(())
    }

    fn add(&mut self, file: &str, text: &str, place: Place) -> Result<()> {
        let card: Card = toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| text.get(..span.start).unwrap_or_default().matches('\n').count() + 1);
            let at = line.map(|line| format!("line {line}: ")).unwrap_or_default();
            Failure::usage(format!("{file}: {at}{}", error.message())).hint("datasets/CARDS.md explains all keys")
        })?;
        // The built-in ones are checked when the program is tested.
        if let Place::Folder(_) = place {
            check(&card).map_err(|why| Failure::usage(format!("{file}: {why}")))?;
        }
        self.entries.insert(card.name.clone(), Entry { card, place });
        Ok(())
    }

    /// The card of a benchmark.
    ///
    /// # Errors
    /// When there is none of this name; the message has those that are close.
    pub fn get(&self, name: &str) -> Result<&Entry> {
        self.entries
            .get(name)
            .ok_or_else(|| Failure::usage(format!("--datasets {name}: no such benchmark")).hint(self.close_to(name)))
    }

    /// The benchmarks whose names are close to one that is not there, in words.
    pub fn close_to(&self, name: &str) -> String {
        let mut near: Vec<(usize, &str)> =
            self.entries.keys().map(|other| (strsim::damerau_levenshtein(name, other), other.as_str())).collect();
        near.sort_unstable();
        let near = known(near.iter().take(5).map(|(_, name)| name));
        format!("close to it: {near}; `evalscope benchmarks` lists all {}", self.entries.len())
    }

    /// All of them by name.
    pub fn all(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }
}

/// Whether a card is one of a benchmark; those of workloads lie beside them.
fn is_benchmark(text: &str) -> bool {
    text.lines().map(str::trim).any(|line| line.starts_with("kind") && line.ends_with("\"benchmark\""))
}

/// Templates that cards share, by section and name.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shared {
    /// How a question is asked.
    pub prompt: BTreeMap<String, String>,
    /// How an example reads.
    pub example: BTreeMap<String, String>,
    /// What stands around examples.
    pub intro: BTreeMap<String, String>,
}

/// The templates of `datasets/prompts.toml`.
///
/// # Errors
/// Never, unless the file is wrong.
pub fn shared_templates() -> Result<Shared> {
    toml::from_str(include_str!("../../../datasets/prompts.toml"))
        .map_err(|error| Failure::bug("datasets/prompts.toml is wrong").because(error))
}
