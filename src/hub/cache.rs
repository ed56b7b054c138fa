//! The folder of a repository in our cache.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::digest::Digest;
use super::listing::{Entry, Listing};
use super::model_scope::encode;
use super::name::{make_parents, safe};
use crate::error::{Failure, Result};
use crate::plan::{Kind, Repo};

/// The folder of a repository.
#[derive(Debug, Clone)]
pub(super) struct Cache {
    root: PathBuf,
}

/// Held while files are brought into a folder; another process waits.
pub(super) struct Lock(#[expect(dead_code, reason = "the lock ends with the file")] Option<File>);

impl Cache {
    pub(super) fn of(cache: &Path, repo: &Repo) -> Self {
        let kind = match repo.kind {
            Kind::Dataset => "datasets",
            Kind::Model => "models",
        };
        Cache { root: cache.join("hub").join(repo.hub.name()).join(kind).join(repo.id.replace('/', "--")) }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Makes the folder.
    pub(super) fn make(&self) -> Result<()> {
        std::fs::create_dir_all(&self.root).map_err(|error| self.failed(&self.root, "cannot be made", error))
    }

    pub(super) fn failed(&self, path: &Path, what: &str, error: io::Error) -> Failure {
        let failure = Failure::files(format!("{} {what}", path.display())).because(error);
        failure.hint("check the disk and the permissions of EVALSCOPE_CACHE, or set it to another folder")
    }

    /// Takes the lock; `None` where another process holds it.
    pub(super) fn try_lock(&self) -> Result<Option<Lock>> {
        let path = self.root.join("lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(|error| self.failed(&path, "cannot be opened", error))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock(Some(file)))),
            Err(TryLockError::WouldBlock) => Ok(None),
            // Some network file systems have no locks; there the names of files that appear whole must do.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(Some(Lock(None))),
            Err(TryLockError::Error(error)) => Err(self.failed(&path, "cannot be locked", error)),
        }
    }

    /// The listing that a revision stood for when it was last asked for, or that of a snapshot of this name.
    pub(super) fn listing_at(&self, revision: &str) -> Option<Listing> {
        let snapshot = std::fs::read_to_string(self.reference(revision)).unwrap_or_else(|_| revision.to_owned());
        self.listing(snapshot.trim())
    }

    fn listing(&self, snapshot: &str) -> Option<Listing> {
        safe(snapshot).filter(|name| name.components().count() == 1)?;
        let bytes = std::fs::read(self.root.join("listings").join(format!("{snapshot}.json"))).ok()?;
        Listing::parse(&bytes).filter(|listing| listing.snapshot == snapshot)
    }

    fn reference(&self, revision: &str) -> PathBuf {
        self.root.join("refs").join(encode(revision, false))
    }

    /// Keeps a listing, and what the revision stands for.
    pub(super) fn keep(&self, revision: &str, listing: &Listing) -> Result<()> {
        let path = self.root.join("listings").join(format!("{}.json", listing.snapshot));
        let bytes = serde_json::to_vec_pretty(listing)
            .map_err(|error| Failure::bug("a listing cannot be written").because(error))?;
        self.put(&path, &bytes)?;
        self.put(&self.reference(revision), listing.snapshot.as_bytes())
    }

    /// Writes a file so that readers see the old contents or the new, never a part.
    fn put(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let inside = path.strip_prefix(&self.root).unwrap_or(path);
        make_parents(&self.root, inside).map_err(|error| self.failed(path, "cannot be made", error))?;
        crate::store::write_file(path, bytes)
    }

    /// Where a file of a snapshot stands, once it is there.
    pub(super) fn file(&self, snapshot: &str, path: &str) -> Result<PathBuf> {
        let inside = safe(path).ok_or_else(|| Failure::bug(format!("{path:?} is no path of a file")))?;
        Ok(self.snapshot(snapshot).join(inside))
    }

    /// The folder of a snapshot.
    pub(super) fn snapshot(&self, snapshot: &str) -> PathBuf {
        self.root.join("snapshots").join(snapshot)
    }

    /// The same file where it is there already: whole, because files appear under their names when they are verified.
    pub(super) fn have(&self, snapshot: &str, entry: &Entry) -> Option<PathBuf> {
        let path = self.file(snapshot, &entry.path).ok()?;
        let found = std::fs::symlink_metadata(&path).ok()?;
        (found.is_file() && found.len() == entry.size).then_some(path)
    }

    /// A file with the same digest in another snapshot.
    pub(super) fn elsewhere(&self, snapshot: &str, entry: &Entry) -> Option<PathBuf> {
        entry.digest.as_ref()?;
        let listed = std::fs::read_dir(self.root.join("listings")).ok()?;
        let names = listed.filter_map(|file| file.ok()?.file_name().into_string().ok());
        let others = names.filter_map(|name| Some(name.strip_suffix(".json")?.to_owned()));
        others.filter(|other| other != snapshot).find_map(|other| {
            let listing = self.listing(&other)?;
            let same = |file: &&Entry| file.digest == entry.digest && file.size == entry.size;
            listing.files.iter().filter(same).find_map(|file| self.have(&other, file))
        })
    }

    /// What a download of a file leaves until it is whole.
    pub(super) fn part(&self, snapshot: &str, entry: &Entry) -> Result<PathBuf> {
        let name = match &entry.digest {
            Some(digest) => digest.hex().to_owned(),
            None => format!("{snapshot}-{}", encode(&entry.path, false)),
        };
        // A long path, encoded, would be no name of a file.
        let name = safe(&name).unwrap_or_else(|| hashed(&name).into());
        let path = self.root.join("parts").join(name);
        let inside = path.strip_prefix(&self.root).unwrap_or(&path);
        make_parents(&self.root, inside).map_err(|error| self.failed(&path, "cannot be made", error))?;
        Ok(path)
    }

    /// Gives a whole file its name.
    pub(super) fn place(&self, part: &Path, snapshot: &str, path: &str) -> Result<PathBuf> {
        let target = self.file(snapshot, path)?;
        self.ready(&target)?;
        std::fs::rename(part, &target).map_err(|error| self.failed(&target, "cannot be put in its place", error))?;
        Ok(target)
    }

    /// Puts a file that is elsewhere under a name of ours: as another name of the same file where the file system can
    /// do that, else as a copy.
    pub(super) fn link(&self, from: &Path, target: &Path) -> Result<()> {
        self.ready(target)?;
        let failed = |error| self.failed(target, "cannot be put in its place", error);
        let from = std::fs::canonicalize(from).map_err(failed)?;
        if std::fs::hard_link(&from, target).is_ok() {
            return Ok(());
        }
        let part = self.root.join("parts").join(format!("{}.copy", std::process::id()));
        let inside = part.strip_prefix(&self.root).unwrap_or(&part);
        make_parents(&self.root, inside).map_err(failed)?;
        std::fs::copy(&from, &part).map_err(failed)?;
        std::fs::rename(&part, target).map_err(failed)
    }

    /// Makes the folder that a file goes into and takes away what stands in its place.
    fn ready(&self, target: &Path) -> Result<()> {
        let inside = target.strip_prefix(&self.root).unwrap_or(target);
        make_parents(&self.root, inside).map_err(|error| self.failed(target, "cannot be made", error))?;
        if std::fs::symlink_metadata(target).is_ok() {
            std::fs::remove_file(target).map_err(|error| self.failed(target, "cannot be replaced", error))?;
        }
        Ok(())
    }

    /// A folder with these files of a snapshot and no others.
    pub(super) fn set(&self, pick: &str, snapshot: &str, files: &[(&str, PathBuf)]) -> Result<PathBuf> {
        let folder = self.root.join("sets").join(encode(pick, false)).join(snapshot);
        for (path, file) in files {
            let inside = safe(path).ok_or_else(|| Failure::bug(format!("{path:?} is no path of a file")))?;
            let target = folder.join(inside);
            let same = |found: std::fs::Metadata| std::fs::metadata(file).is_ok_and(|own| own.len() == found.len());
            if !std::fs::symlink_metadata(&target).is_ok_and(|found| found.is_file() && same(found)) {
                self.link(file, &target)?;
            }
        }
        Ok(folder)
    }
}

fn hashed(name: &str) -> String {
    let wanted = Digest::Sha256(String::new());
    let mut hasher = super::digest::Hasher::new(&wanted, 0);
    hasher.update(name.as_bytes());
    hasher.finish().hex().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Hub;

    fn cache(root: &Path) -> Cache {
        let repo = Repo { hub: Hub::HuggingFace, kind: Kind::Dataset, id: "o/n".into(), revision: "main".into() };
        Cache::of(root, &repo)
    }

    #[test]
    fn listings_are_found_by_revision_and_by_snapshot() -> Result<()> {
        let root = tempfile::tempdir().map_err(|error| Failure::bug("no folder").because(error))?;
        let cache = cache(root.path());
        cache.make()?;
        let listing = Listing::new(Some("c".repeat(40)), Vec::new());
        cache.keep("refs/convert/parquet", &listing)?;
        assert_eq!(cache.listing_at("refs/convert/parquet"), Some(listing.clone()));
        assert_eq!(cache.listing_at(&"c".repeat(40)), Some(listing));
        for other in ["main", "../listings/x", ""] {
            assert_eq!(cache.listing_at(other), None, "{other}");
        }
        Ok(())
    }

    #[test]
    fn one_process_fetches_at_a_time() -> Result<()> {
        let root = tempfile::tempdir().map_err(|error| Failure::bug("no folder").because(error))?;
        let cache = cache(root.path());
        cache.make()?;
        let held = cache.try_lock()?;
        assert!(held.is_some() && cache.try_lock()?.is_none());
        drop(held);
        assert!(cache.try_lock()?.is_some());
        Ok(())
    }

    #[test]
    fn a_file_appears_whole_and_serves_other_snapshots() -> std::result::Result<(), Box<dyn std::error::Error>> {
        let root = tempfile::tempdir()?;
        let cache = cache(root.path());
        cache.make()?;
        let entry = Entry { path: "a/b.txt".into(), size: 2, digest: Digest::sha256(&"1".repeat(64)) };
        let part = cache.part("s1", &entry)?;
        std::fs::write(&part, "hi")?;
        assert_eq!(cache.have("s1", &entry), None);
        let listing = Listing::new(None, vec![entry.clone()]);
        cache.place(&part, &listing.snapshot, &entry.path)?;
        cache.keep("main", &listing)?;
        assert!(cache.have(&listing.snapshot, &entry).is_some() && !part.exists());
        let moved = Entry { path: "c.txt".into(), ..entry };
        let found = cache.elsewhere("other", &moved).ok_or("not found")?;
        cache.link(&found, &cache.file("other", "c.txt")?)?;
        let have = cache.have("other", &moved).ok_or("not linked")?;
        let set = cache.set("split-test", "other", &[("c.txt", have)])?;
        assert_eq!(std::fs::read_to_string(set.join("c.txt"))?, "hi");
        Ok(())
    }
}
