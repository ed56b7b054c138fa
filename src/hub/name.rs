//! Names of files that came from elsewhere: they are data, and must not lead out of the folder that they are put into.

use std::path::{Path, PathBuf};

/// Names that stand for devices on Windows, whatever ending they bear.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];
/// Longest name of a file, and longest path, in bytes.
const LONGEST: (usize, usize) = (200, 800);

/// A path below a folder for a name from a listing, with `/` between its parts. `None` where the name is absolute, has a
/// part such as `..`, or a character or a name that some system reads as anything but a plain file.
pub fn safe(name: &str) -> Option<PathBuf> {
    if name.is_empty() || name.len() > LONGEST.1 {
        return None;
    }
    name.split('/').map(|part| plain(part).then_some(part)).collect()
}

fn plain(part: &str) -> bool {
    let odd = |c: char| c.is_control() || "\\:*?\"<>|".contains(c);
    let stem = part.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    let port = (stem.starts_with("com") || stem.starts_with("lpt"))
        && stem.chars().count() == 4
        && stem.ends_with(|c: char| c.is_ascii_digit() || "¹²³".contains(c));
    !part.is_empty()
        && part.len() <= LONGEST.0
        && !part.contains(odd)
        && !part.starts_with(' ')
        && !part.ends_with(['.', ' '])
        && !port
        && !DEVICES.contains(&stem.as_str())
}

/// The folder that a file goes into, made where it is missing. Whatever stands in the way and is no folder, a link to
/// one too, is refused.
///
/// # Errors
/// When a folder cannot be made, or a part of the path is a link or a file.
pub(super) fn make_parents(root: &Path, file: &Path) -> std::io::Result<()> {
    let mut folder = root.to_owned();
    for part in file.parent().into_iter().flat_map(Path::components) {
        folder.push(part);
        match std::fs::symlink_metadata(&folder) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return Err(std::io::Error::other(format!("{} is no folder", folder.display()))),
            Err(_) => std::fs::create_dir(&folder)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_are_paths() {
        for name in
            ["a", "a/b.c", "data/train-00000-of-00001.parquet", ".gitattributes", "é/中文.json", "a b", "console"]
        {
            assert_eq!(safe(name).as_deref(), Some(Path::new(name)), "{name}");
        }
    }

    #[test]
    fn names_that_lead_elsewhere_are_none() {
        for name in [
            "",
            "/",
            "/etc/passwd",
            "..",
            "../a",
            "a/../b",
            "a/..",
            "./a",
            "a/.",
            "a//b",
            "a/",
            "\0",
            "a\0b",
            "a\nb",
            "C:/a",
            "C:a",
            "a:b",
            "..\\a",
            "a\\b",
            "\\\\host\\share",
            "nul",
            "NUL.txt",
            "a/con",
            "Aux.tar.gz",
            "com1",
            "LPT9.x",
            "com¹",
            "nul .txt",
            "a.",
            "a ",
            " a",
            "a/b. ",
            "a?",
            "a*",
            "\u{7f}",
        ] {
            assert_eq!(safe(name), None, "{name:?}");
        }
        assert_eq!(safe(&"a".repeat(201)), None);
        assert_eq!(safe(&"a/".repeat(401)), None);
    }

    proptest::proptest! {
        #[test]
        fn whatever_a_name_is_it_stays_below(name in "[./\\\\a-c:\\PC\0]{0,24}") {
            if let Some(path) = safe(&name) {
                let plain = path.components().all(|part| matches!(part, std::path::Component::Normal(_)));
                proptest::prop_assert!(plain && !path.as_os_str().is_empty());
            }
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_the_way_is_refused() -> std::io::Result<()> {
        let (root, outside) = (tempfile::tempdir()?, tempfile::tempdir()?);
        make_parents(root.path(), Path::new("a/b/c.txt"))?;
        assert!(root.path().join("a/b").is_dir());
        std::os::unix::fs::symlink(outside.path(), root.path().join("a/link"))?;
        assert!(make_parents(root.path(), Path::new("a/link/c.txt")).is_err());
        assert!(make_parents(root.path(), Path::new("a/link/d/c.txt")).is_err());
        assert_eq!(std::fs::read_dir(outside.path())?.count(), 0);
        Ok(())
    }
}
