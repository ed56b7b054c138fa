//! The folder that the files of records are below: pictures, sound, video and texts, as files or as members of zip archives.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use zip::ZipArchive;

use crate::table::file_below;

/// Largest file that is sent, and largest member that is unpacked whatever its archive says of it.
const LARGEST: u64 = 256 << 20;
/// What the name of an archive ends in.
const ENDING: &str = ".zip";

/// The folder that files of records are below. Archives in it are opened once, and copies share them.
#[derive(Debug, Clone)]
pub struct DataFolder(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    archives: Mutex<BTreeMap<PathBuf, Arc<Archive>>>,
}

/// A zip archive, and where its members are by the last part of their names.
struct Archive {
    members: BTreeMap<String, Vec<String>>,
    reader: Mutex<ZipArchive<BufReader<File>>>,
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Archive")
    }
}

impl DataFolder {
    /// The folder of this path.
    pub fn new(path: &Path) -> Self {
        DataFolder(Arc::new(Inner { path: path.to_owned(), archives: Mutex::new(BTreeMap::new()) }))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Where a file is: at its path, in the folder that an archive was unpacked to, by its name alone, or in the archive,
    /// which stands before the name of its member then: `imgs.zip/imgs/a.png`.
    pub fn place(&self, path: &str, archive: Option<&str>) -> String {
        let unpacked = archive.map(|archive| format!("{}/{path}", archive.trim_end_matches(ENDING)));
        let name = path.rsplit('/').next().unwrap_or(path).to_owned();
        let places = [Some(path.to_owned()), unpacked, Some(name)];
        let found = places.into_iter().flatten().find(|place| self.path().join(place).is_file());
        let packed = || archive.filter(|archive| self.path().join(archive).is_file());
        found.or_else(|| packed().map(|archive| format!("{archive}/{path}"))).unwrap_or_else(|| path.to_owned())
    }

    /// The bytes of a file, or of a member of an archive whose path stands before its name.
    ///
    /// # Errors
    /// In words, when it cannot be read, is too large or leads out of the folder.
    pub fn file(&self, path: &str) -> Result<Vec<u8>, String> {
        if !self.path().join(path).is_file()
            && let Some((archive, member)) = self.packed(path)
        {
            // The archive is held to the rules of a file; its members are looked up, never written.
            let outside = || format!("{path}: leads out of the folder of the data");
            let plain =
                Path::new(path).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
            if !plain || !self.holds(&self.path().join(archive)) {
                return Err(outside());
            }
            return self.archive(archive)?.member(member).map_err(|why| format!("{archive}: {why}"));
        }
        file_below(self.path(), path, LARGEST)
    }

    /// Whether what is there lies below the folder, links followed.
    fn holds(&self, full: &Path) -> bool {
        let real = |path: &Path| path.canonicalize().ok();
        matches!((real(full), real(self.path())), (Some(full), Some(folder)) if full.starts_with(&folder))
    }

    /// A path through an archive of the folder, parted into the archive and the name of its member.
    fn packed<'p>(&self, path: &'p str) -> Option<(&'p str, &'p str)> {
        let cuts = path.match_indices(".zip/").map(|(at, _)| at + ENDING.len());
        let parts = cuts.filter_map(|at| Some((path.get(..at)?, path.get(at + 1..)?)));
        parts.into_iter().find(|(archive, _)| self.path().join(archive).is_file())
    }

    fn archive(&self, path: &str) -> Result<Arc<Archive>, String> {
        let full = self.path().join(path);
        let mut archives = self.0.archives.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(archive) = archives.get(&full) {
            return Ok(Arc::clone(archive));
        }
        let archive = Arc::new(Archive::open(&full).map_err(|why| format!("{path}: {why}"))?);
        archives.insert(full, Arc::clone(&archive));
        Ok(archive)
    }
}

impl Archive {
    fn open(path: &Path) -> Result<Self, String> {
        let file = File::open(path).map_err(|error| format!("cannot be read: {error}"))?;
        let reader = ZipArchive::new(BufReader::new(file)).map_err(|error| format!("is no zip archive: {error}"))?;
        let mut members: BTreeMap<String, Vec<String>> = BTreeMap::new();
        // Names that are no text cannot be in a record either.
        for name in reader.file_names().filter_map(Result::ok).filter(|name| !name.ends_with('/')) {
            let last = name.rsplit('/').next().unwrap_or(&name).to_owned();
            members.entry(last).or_default().push(name.into_owned());
        }
        Ok(Archive { members, reader: Mutex::new(reader) })
    }

    /// The member of a name: the one called so, else the only one that lies under that name in some folder of the archive,
    /// else the only one with the last part of it.
    fn named(&self, name: &str) -> Result<&str, String> {
        let last = name.rsplit('/').next().unwrap_or(name);
        let alike = self.members.get(last).map_or(&[][..], Vec::as_slice);
        let under = format!("/{name}");
        let below: Vec<&String> = alike.iter().filter(|member| member.ends_with(&under)).collect();
        let own = alike.iter().find(|member| *member == name);
        match (own, below.as_slice(), alike) {
            (Some(member), ..) | (None, [], [member]) => Ok(member),
            (None, [member], _) => Ok(member),
            (None, [], []) => Err(format!("has no member {name}")),
            (None, ..) => Err(format!("has several members {name}: {}", alike.join(", "))),
        }
    }

    /// The contents of a member, no more of them than are sent.
    fn member(&self, name: &str) -> Result<Vec<u8>, String> {
        let name = self.named(name)?;
        let broken = |error: &dyn std::fmt::Display| format!("{name}: cannot be unpacked: {error}");
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let mut member = reader.by_name(name).map_err(|error| broken(&error))?;
        let mut contents = Vec::new();
        // What an archive says of the size may be wrong, and its sum is checked at the end of the member.
        Read::by_ref(&mut member).take(LARGEST + 1).read_to_end(&mut contents).map_err(|error| broken(&error))?;
        if contents.len() as u64 > LARGEST {
            return Err(format!("{name}: more than {LARGEST} bytes"));
        }
        Ok(contents)
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "tests say what they need and stop there")]
mod tests {
    use std::io::Write;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn packed(path: &Path, members: &[(&str, &[u8])]) {
        let mut archive = ZipWriter::new(File::create(path).expect("a file"));
        for (name, contents) in members {
            let way =
                if contents.len() > 8 { zip::CompressionMethod::Deflated } else { zip::CompressionMethod::Stored };
            archive.start_file(*name, SimpleFileOptions::default().compression_method(way)).expect("a member");
            archive.write_all(contents).expect("its contents");
        }
        archive.finish().expect("an archive");
    }

    fn folder() -> (tempfile::TempDir, DataFolder) {
        let folder = tempfile::tempdir().expect("a folder");
        let data = DataFolder::new(folder.path());
        let long = "a long text ".repeat(50);
        let members: [(&str, &[u8]); 5] = [
            ("imgs/x1/source.jpg", b"one"),
            ("imgs/x2/source.jpg", b"two"),
            ("imgs/deep/only.txt", long.as_bytes()),
            ("../out.txt", b"out"),
            ("imgs/", b""),
        ];
        packed(&folder.path().join("imgs.zip"), &members);
        (folder, data)
    }

    #[test]
    fn members_are_found_by_their_names() {
        let (_folder, data) = folder();
        let read = |path: &str| data.file(&data.place(path, Some("imgs.zip")));
        assert_eq!(data.place("imgs/x1/source.jpg", Some("imgs.zip")), "imgs.zip/imgs/x1/source.jpg");
        assert_eq!(read("imgs/x1/source.jpg"), Ok(b"one".to_vec()));
        assert_eq!(read("x2/source.jpg"), Ok(b"two".to_vec()));
        assert_eq!(read("only.txt").map(|text| text.len()), Ok(600));
        assert_eq!(read("elsewhere/only.txt").map(|text| text.len()), Ok(600));
        assert!(read("source.jpg").is_err_and(|why| why.contains("several") && why.contains("imgs/x2/source.jpg")));
        assert_eq!(read("imgs/x3.jpg"), Err("imgs.zip: has no member imgs/x3.jpg".to_owned()));
        assert_eq!(data.place("a.png", Some("none.zip")), "a.png");
    }

    #[test]
    fn what_is_unpacked_wins_over_the_archive() {
        let (folder, data) = folder();
        std::fs::create_dir_all(folder.path().join("imgs/x1")).expect("a folder");
        std::fs::write(folder.path().join("imgs/x1/source.jpg"), "unpacked").expect("a file");
        assert_eq!(data.place("x1/source.jpg", Some("imgs.zip")), "imgs/x1/source.jpg");
        assert_eq!(data.file("imgs/x1/source.jpg"), Ok(b"unpacked".to_vec()));
    }

    #[test]
    fn nothing_outside_of_the_folder_is_read() {
        let (folder, data) = folder();
        for path in ["../out.txt", "imgs.zip/../out.txt", "/etc/hostname"] {
            assert!(data.file(path).is_err(), "{path}");
        }
        // A member is looked up, never written, so the name that it has leads nowhere.
        assert_eq!(data.file("imgs.zip/out.txt"), Ok(b"out".to_vec()));
        let below = folder.path().join("below");
        std::fs::create_dir(&below).expect("a folder");
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(folder.path().join("imgs.zip"), below.join("linked.zip")).expect("a link");
            assert!(DataFolder::new(&below).file("linked.zip/only.txt").is_err_and(|why| why.contains("leads out")));
        }
    }

    #[test]
    fn damage_and_bombs_are_named() {
        let (folder, data) = folder();
        let bytes = std::fs::read(folder.path().join("imgs.zip")).expect("an archive");
        std::fs::write(folder.path().join("cut.zip"), &bytes[..bytes.len() / 2]).expect("a file");
        assert!(data.file("cut.zip/only.txt").is_err_and(|why| why.contains("is no zip archive")));
        let mut bent = bytes;
        let at = bent.windows(3).position(|three| three == b"one").expect("the contents of the first member");
        bent[at] ^= 1;
        std::fs::write(folder.path().join("bent.zip"), &bent).expect("a file");
        assert!(data.file("bent.zip/x1/source.jpg").is_err_and(|why| why.contains("cannot be unpacked")));
        let bomb = vec![0; usize::try_from(LARGEST + 1).expect("a size")];
        packed(&folder.path().join("bomb.zip"), &[("zeros", &bomb)]);
        assert!(std::fs::metadata(folder.path().join("bomb.zip")).is_ok_and(|data| data.len() < LARGEST / 500));
        assert!(data.file("bomb.zip/zeros").is_err_and(|why| why.contains("more than")));
    }
}
