//! Caches of the hubs' own clients, which are read and never written.
//!
//! Hugging Face's has `<datasets|models>--<owner>--<name>/{refs/<revision>, snapshots/<commit>/<path>}`. ModelScope's has
//! `<datasets|models>/<owner>/<name>/<path>`, older ones without the first part, and knows no revisions.

use std::path::{Path, PathBuf};

use super::config::Config;
use super::digest::{is_hex, of_file};
use super::listing::{Entry, Listing};
use super::name::safe;
use crate::plan::{Hub, Kind, Repo};

/// Files and folders of a foreign cache that are looked at.
const MOST: usize = 100_000;

/// Where files of the repository may be, at a commit where the hub has such.
fn folders(config: &Config, repo: &Repo, commit: Option<&str>) -> Vec<PathBuf> {
    let kinds = match repo.kind {
        Kind::Dataset => "datasets",
        Kind::Model => "models",
    };
    let roots = config.foreign(repo.hub).iter();
    match repo.hub {
        Hub::HuggingFace => {
            let name = format!("{kinds}--{}", repo.id.replace('/', "--"));
            let commit = commit.filter(|commit| is_hex(commit, 40) || is_hex(commit, 64));
            commit.map_or_else(Vec::new, |commit| {
                roots.map(|root| root.join(&name).join("snapshots").join(commit)).collect()
            })
        }
        // Its client writes three underlines for a dot in a name.
        Hub::ModelScope => roots
            .flat_map(|root| {
                let names = [repo.id.clone(), repo.id.replace('.', "___")];
                names.into_iter().flat_map(move |name| [root.join(kinds).join(&name), root.join(name)])
            })
            .collect(),
    }
}

/// The file of a snapshot where a foreign cache has it, with its size and, where the hub tells one, its digest.
pub(super) fn have(config: &Config, repo: &Repo, listing: &Listing, entry: &Entry) -> Option<PathBuf> {
    let commit = listing.commit.then_some(listing.snapshot.as_str());
    let inside = safe(&entry.path)?;
    folders(config, repo, commit).into_iter().map(|folder| folder.join(&inside)).find(|path| {
        let sized = std::fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() == entry.size);
        let same = |wanted| of_file(path, wanted).is_ok_and(|found| found == *wanted);
        match &entry.digest {
            Some(wanted) => sized && same(wanted),
            // Without a digest only the commit says that it is the same file.
            None => sized && listing.commit,
        }
    })
}

/// What a foreign cache has of a repository, for when the hub cannot be asked. Nothing vouches for the files but the
/// client that fetched them.
pub(super) fn listing(config: &Config, repo: &Repo) -> Option<(Listing, PathBuf)> {
    let commit = match repo.hub {
        Hub::ModelScope => None,
        Hub::HuggingFace => Some(commit(config, repo)?),
    };
    folders(config, repo, commit.as_deref()).into_iter().find_map(|folder| {
        let mut files = Vec::new();
        walk(&folder, "", &mut files);
        (!files.is_empty()).then(|| (Listing::new(commit.clone(), files), folder))
    })
}

/// The commit that a revision stands for in Hugging Face's cache.
fn commit(config: &Config, repo: &Repo) -> Option<String> {
    if is_hex(&repo.revision, 40) {
        return Some(repo.revision.clone());
    }
    let kinds = match repo.kind {
        Kind::Dataset => "datasets",
        Kind::Model => "models",
    };
    let revision = safe(&repo.revision)?;
    let name = format!("{kinds}--{}", repo.id.replace('/', "--"));
    let read = |root: &PathBuf| std::fs::read_to_string(root.join(&name).join("refs").join(&revision)).ok();
    let found = config.foreign(repo.hub).iter().find_map(read)?;
    Some(found.trim().to_owned()).filter(|found| is_hex(found, 40))
}

fn walk(folder: &Path, below: &str, files: &mut Vec<Entry>) {
    for found in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(name) = found.file_name().into_string() else { continue };
        if files.len() >= MOST || name.starts_with("._") {
            continue;
        }
        let path = if below.is_empty() { name } else { format!("{below}/{name}") };
        // Files there are links to their contents; folders are not followed through links.
        match found.file_type() {
            Ok(kind) if kind.is_dir() => walk(&found.path(), &path, files),
            Ok(_) => {
                if let Ok(data) = std::fs::metadata(found.path())
                    && data.is_file()
                {
                    files.push(Entry { path, size: data.len(), digest: None });
                }
            }
            Err(_) => {}
        }
    }
}

/// How a message calls the cache that a hub's own client keeps.
pub(super) fn name(hub: Hub) -> &'static str {
    match hub {
        Hub::HuggingFace => "the cache of Hugging Face's client",
        Hub::ModelScope => "the cache of ModelScope's client",
    }
}
