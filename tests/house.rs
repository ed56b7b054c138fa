//! The rules of the house, held against the code.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The longest a source file may be.
const LINES: usize = 500;

/// The files that call what the compiler cannot vouch for: instructions that the machine was asked for, some of them as
/// assembly, and a mapped file.
const UNSAFE: [&str; 3] = [
    "local/candle/enabled/checkpoint/mapping.rs",
    "local/candle/enabled/kernel/dispatch.rs",
    "local/candle/enabled/kernel/tile.rs",
];

fn sources(below: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(below).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The level of each module, as the table in `src/lib.rs` has it.
fn table() -> BTreeMap<String, u8> {
    let text = std::fs::read_to_string(src().join("lib.rs")).unwrap();
    let mut levels = BTreeMap::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("//! | ")) {
        let mut cells = line.split(" | ");
        let Some(Ok(level)) = cells.next().map(str::parse::<u8>) else { continue };
        for name in cells.next().unwrap().split("[`").skip(1) {
            levels.insert(name.split('`').next().unwrap().to_owned(), level);
        }
    }
    levels
}

/// Modules of this crate that a line of code names: `crate::x` and `crate::{x, y::z}`.
fn named(code: &str) -> BTreeSet<String> {
    let word = |text: &str| -> String { text.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect() };
    let mut found = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        if let Some(list) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut at_item = true;
            for (index, c) in list.char_indices() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => at_item = true,
                    _ if c.is_whitespace() => {}
                    _ if at_item => {
                        at_item = false;
                        found.insert(word(&list[index..]));
                    }
                    _ => {}
                }
            }
        } else {
            found.insert(word(rest));
        }
    }
    found
}

#[test]
fn names_are_found_in_every_form_of_an_import() {
    let code = "use crate::a::B; fn f() -> crate::c::D {} use crate::{\n e, f::{g, h},\n i_j::K };";
    assert_eq!(named(code).into_iter().collect::<Vec<_>>(), ["a", "c", "e", "f", "i_j"]);
}

#[test]
fn levels() {
    let table = table();
    let lib = std::fs::read_to_string(src().join("lib.rs")).unwrap();
    let modules: BTreeSet<String> =
        lib.lines().filter_map(|line| Some(line.strip_prefix("pub mod ")?.trim_end_matches(';').to_owned())).collect();
    assert_eq!(table.keys().cloned().collect::<BTreeSet<_>>(), modules, "the table has every module and no other");
    let mut wrong = Vec::new();
    for path in sources(&src()) {
        let inside = path.strip_prefix(src()).unwrap();
        let name = inside.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs");
        let Some(own) = table.get(name) else { continue };
        let text = std::fs::read_to_string(&path).unwrap();
        let code: String =
            text.lines().filter(|line| !line.trim_start().starts_with("//")).flat_map(|line| [line, "\n"]).collect();
        for other in named(&code).iter().filter(|other| *other != name) {
            match table.get(other) {
                Some(level) if level > own => wrong.push(format!("{}: {other} is above {name}", inside.display())),
                Some(3) if *own == 3 => wrong.push(format!("{}: {other} is beside {name}", inside.display())),
                Some(_) => {}
                None => wrong.push(format!("{}: {other} has no level", inside.display())),
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_file_says_what_it_is_and_none_is_long() {
    for path in sources(&src()) {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//! "), "{}: begins with what it is", path.display());
        let lines = text.lines().count();
        assert!(lines <= LINES, "{}: {lines} lines", path.display());
    }
}

#[test]
fn every_test_file_says_what_it_holds() {
    for path in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")) {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//! "), "{}", path.display());
        assert!(text.lines().count() <= LINES, "{}", path.display());
    }
}

#[test]
fn three_files_are_unsafe_and_no_other() {
    let has = |path: &PathBuf| std::fs::read_to_string(path).unwrap().contains("unsafe_code");
    let mut found: Vec<PathBuf> = sources(&src()).into_iter().filter(has).collect();
    found.sort();
    assert_eq!(found, UNSAFE.map(|path| src().join(path)));
}
