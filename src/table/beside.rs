//! Files that rows name: they lie below one folder, and nothing outside of it is read.

use std::path::{Component, Path};

/// The bytes of a file below a folder, which are no more than `most`.
///
/// # Errors
/// In words that begin with the path, when it leads out of the folder, cannot be read, or is larger.
pub fn file_below(folder: &Path, path: &str, most: u64) -> Result<Vec<u8>, String> {
    let plain = Path::new(path).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    let full = folder.join(path);
    // A link may lead out as well.
    let inside = || Some(full.canonicalize().ok()?.starts_with(folder.canonicalize().ok()?));
    if !plain || inside() == Some(false) {
        return Err(format!("{path}: leads out of the folder of the data"));
    }
    read_at_most(&full, most).map_err(|error| format!("{path}: cannot be read: {error}"))
}

/// The bytes of a file, which are no more than `most`.
///
/// # Errors
/// When it cannot be read, or is larger.
pub fn read_at_most(path: &Path, most: u64) -> std::io::Result<Vec<u8>> {
    let size = std::fs::metadata(path)?.len();
    if size > most {
        return Err(std::io::Error::other(format!("{size} bytes are more than the {most} that are taken")));
    }
    std::fs::read(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outside_is_read() -> std::io::Result<()> {
        let outside = tempfile::tempdir()?;
        let folder = outside.path().join("data");
        std::fs::create_dir(&folder)?;
        std::fs::write(folder.join("a"), b"inside")?;
        std::fs::write(outside.path().join("b"), b"outside")?;
        assert_eq!(file_below(&folder, "./a", 6), Ok(b"inside".to_vec()));
        let why = |path: &str, most| file_below(&folder, path, most).err().unwrap_or_default();
        assert!(why("a", 5).contains("6 bytes"), "{}", why("a", 5));
        assert!(why("c", 5).contains("cannot be read"));
        for path in ["../b", "/etc/hostname", "x/../../b"] {
            assert!(why(path, 100).contains("leads out"), "{path}");
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(outside.path().join("b"), folder.join("link"))?;
            assert!(why("link", 100).contains("leads out"));
        }
        Ok(())
    }
}
