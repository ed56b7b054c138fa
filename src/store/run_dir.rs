//! The folder of a run.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::error::{Failure, Result};
use crate::plan::Point;

/// What to do about a folder that is in use.
const TAKEN: &str = "give another --name or --outputs-dir, leave out --no-timestamp, or move the folder away";

/// The folder all files of a run live in: `<outputs>/[<time>/]<model or name>`.
#[derive(Debug, Clone)]
pub struct RunDir {
    path: PathBuf,
}

impl RunDir {
    /// Makes the folder of a new run with those of its load points. A time folder that already holds such a run, because
    /// another one began in the same second, is left alone and gets a numbered neighbour.
    ///
    /// # Errors
    /// When a folder cannot be made, or, without a time, a load point already has results there.
    pub fn create(outputs: &Path, time: Option<&str>, leaf: &str, points: &[Point]) -> Result<Self> {
        let cannot = |path: &Path, error: std::io::Error| {
            Failure::files(format!("{} cannot be made", path.display()))
                .because(error)
                .hint("check --outputs-dir and its permissions")
        };
        let path = match time {
            None => outputs.join(leaf),
            Some(time) => {
                let mut attempt = 1;
                loop {
                    let folder = if attempt == 1 { time.to_owned() } else { format!("{time}_{attempt}") };
                    let folder = outputs.join(folder);
                    fs::create_dir_all(&folder).map_err(|error| cannot(&folder, error))?;
                    let path = folder.join(leaf);
                    match fs::create_dir(&path) {
                        Ok(()) => break path,
                        Err(error) if error.kind() == ErrorKind::AlreadyExists => attempt += 1,
                        Err(error) => return Err(cannot(&path, error)),
                    }
                }
            }
        };
        let dir = RunDir { path };
        for point in points {
            let folder = dir.point(&point.folder());
            let taken = fs::read_dir(&folder).is_ok_and(|mut entries| entries.next().is_some());
            if taken {
                return Err(Failure::files(format!("{} holds results already", folder.display())).hint(TAKEN));
            }
            fs::create_dir_all(&folder).map_err(|error| cannot(&folder, error))?;
        }
        Ok(dir)
    }

    /// The folder of a run that exists.
    pub fn open(path: impl Into<PathBuf>) -> Self {
        RunDir { path: path.into() }
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of a load point.
    pub fn point(&self, folder: &str) -> PathBuf {
        self.path.join(folder)
    }

    /// Makes a folder below the run's, and those between.
    ///
    /// # Errors
    /// When it cannot be made, or has something in it already.
    pub fn make(&self, folder: &str) -> Result<()> {
        let path = self.path.join(folder);
        if fs::read_dir(&path).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(Failure::files(format!("{} holds results already", path.display())).hint(TAKEN));
        }
        fs::create_dir_all(&path)
            .map_err(|error| Failure::files(format!("{} cannot be made", path.display())).because(error))
    }

    /// Takes back what [`RunDir::create`] made when no row was written: empty folders and the log in them.
    pub fn discard_if_nothing_measured(&self) {
        if self.path.join("sla_tuning").is_dir() {
            return;
        }
        let points = self.points().unwrap_or_default();
        // Only empty folders can be removed this way, so nothing that was measured is lost.
        if points.iter().all(|folder| fs::remove_dir(self.point(folder)).is_ok()) {
            for file in ["benchmark.log", "plan.toml", "summary.json"] {
                let _ = fs::remove_file(self.path.join(file));
            }
            let _ = fs::remove_dir(&self.path);
            let _ = self.path.parent().map(fs::remove_dir);
        }
    }

    /// Names of the folders below that look like load points, in order of repeat and load.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn points(&self) -> Result<Vec<String>> {
        let entries = fs::read_dir(&self.path)
            .map_err(|error| Failure::files(format!("{} cannot be read", self.path.display())).because(error))?;
        let mut found: Vec<((String, f64, u64, u32), String)> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter_map(|name| Some((Point::parse_folder(&name)?, name)))
            .collect();
        let by_load = |a: &(String, f64, u64, u32), b: &(String, f64, u64, u32)| {
            (a.3, &a.0).cmp(&(b.3, &b.0)).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2))
        };
        found.sort_by(|(a, _), (b, _)| by_load(a, b));
        Ok(found.into_iter().map(|(_, name)| name).collect())
    }

    /// Writes a file into the run's folder.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, name: &str, contents: &[u8]) -> Result<()> {
        write_file(&self.path.join(name), contents)
    }
}

/// Writes a file so that readers see the old contents or the new, never a part.
///
/// # Errors
/// When it cannot be written.
pub fn write_file(path: &Path, contents: &[u8]) -> Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".part");
    let temporary = PathBuf::from(temporary);
    let write = || -> std::io::Result<()> {
        let mut file = fs::File::create(&temporary)?;
        file.write_all(contents)?;
        drop(file);
        fs::rename(&temporary, path)
    };
    write().map_err(|error| Failure::unwritten(path.display(), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_found_in_order_and_never_overwritten() -> Result<(), Box<dyn std::error::Error>> {
        let outputs = tempfile::tempdir()?;
        let points = [32, 8].map(|parallel| Point::closed(parallel, 9, 0));
        let dir = RunDir::create(outputs.path(), None, "m", &points)?;
        assert_eq!(dir.points()?, ["parallel_8_number_9", "parallel_32_number_9"]);
        write_file(&dir.point("parallel_8_number_9").join("x"), b"1")?;
        let again = RunDir::create(outputs.path(), None, "m", &points).err();
        assert!(again.is_some_and(|failure| failure.message.contains("parallel_8_number_9")));
        Ok(())
    }

    #[test]
    fn runs_of_the_same_second_get_folders_of_their_own() -> Result<(), Box<dyn std::error::Error>> {
        let outputs = tempfile::tempdir()?;
        let first = RunDir::create(outputs.path(), Some("t"), "m", &[])?;
        let second = RunDir::create(outputs.path(), Some("t"), "m", &[])?;
        assert_eq!(first.path(), outputs.path().join("t/m"));
        assert_eq!(second.path(), outputs.path().join("t_2/m"));
        Ok(())
    }
}
