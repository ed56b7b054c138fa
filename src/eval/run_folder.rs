//! The folder of a run, with EvalScope's names.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::error::{Failure, Result};
use crate::store::write_file;

/// The folder of a run.
#[derive(Debug, Clone)]
pub struct RunFolder {
    root: PathBuf,
    model: String,
}

impl RunFolder {
    /// Makes the folder; one that is there is gone on with.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(root: &Path, model: &str) -> Result<Self> {
        let folder = RunFolder { root: root.to_owned(), model: model.to_owned() };
        for name in ["configs", "logs", "reports", "predictions", "reviews"] {
            let path = if matches!(name, "configs" | "logs") { root.join(name) } else { root.join(name).join(model) };
            std::fs::create_dir_all(&path).map_err(|error| {
                Failure::files(format!("{}: cannot be made", path.display()))
                    .because(error)
                    .hint("check --work-dir and its permissions")
            })?;
        }
        Ok(folder)
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// The file of the answers to a subset.
    pub fn predictions(&self, benchmark: &str, subset: &str) -> PathBuf {
        self.root.join("predictions").join(&self.model).join(format!("{benchmark}_{}.jsonl", plain(subset)))
    }

    /// The file of the reviews of a subset.
    pub fn reviews(&self, benchmark: &str, subset: &str) -> PathBuf {
        self.root.join("reviews").join(&self.model).join(format!("{benchmark}_{}.jsonl", plain(subset)))
    }

    /// The report of a benchmark.
    pub fn report(&self, benchmark: &str) -> PathBuf {
        self.root.join("reports").join(&self.model).join(format!("{benchmark}.json"))
    }

    /// The levels of a mixture.
    pub fn levels(&self, benchmark: &str) -> PathBuf {
        // EvalScope knows one benchmark that is a mixture; a card of the user's may be another.
        let before = if benchmark == "data_collection" { String::new() } else { format!("{benchmark}_") };
        self.root.join("reports").join(&self.model).join(format!("{before}collection_detailed_report.json"))
    }

    /// Our own figures of a benchmark.
    pub fn figures(&self, benchmark: &str) -> PathBuf {
        self.root.join("figures").join(&self.model).join(format!("{benchmark}.json"))
    }

    /// Writes JSON as EvalScope does: four spaces.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, path: &Path, value: &Value) -> Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)
                .map_err(|error| Failure::files(format!("{}: cannot be made", folder.display())).because(error))?;
        }
        let mut bytes = Vec::new();
        let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
        let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
        serde::Serialize::serialize(value, &mut serializer)
            .map_err(|error| Failure::bug(format!("{} cannot be spelled", path.display())).because(error))?;
        write_file(path, &bytes)
    }
}

/// What stands before the configuration.
const HEAD: &str = "# The task as it was asked; `evalscope eval --config` reads it again.\n";

impl RunFolder {
    /// Writes `configs/task_config.yaml`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save_config(&self, config: &Value) -> Result<()> {
        let path = self.root.join("configs").join("task_config.yaml");
        let text = serde_saphyr::to_string(config)
            .map_err(|error| Failure::bug("a configuration cannot be spelled as YAML").because(error.to_string()))?;
        write_file(&path, format!("{HEAD}{text}").as_bytes())
    }
}

/// A subset as part of a file's name: it cannot lead out of its folder.
fn plain(subset: &str) -> String {
    subset.chars().map(|c| if matches!(c, '/' | '\\' | '\0') || c.is_control() { '_' } else { c }).collect()
}

/// A file that rows are appended to, a line each. A line is written at once, so that a run that is killed leaves whole rows and
/// at most one that is cut short.
#[derive(Debug)]
pub struct RowFile {
    file: File,
    path: PathBuf,
}

impl RowFile {
    /// Opens a file to go on with; a last line that was cut short is ended first.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn append(path: &Path) -> Result<Self> {
        let wrong = |error: std::io::Error| Failure::unwritten(path.display(), error);
        let mut file = OpenOptions::new().create(true).append(true).read(true).open(path).map_err(wrong)?;
        let length = file.metadata().map_err(wrong)?.len();
        if length > 0 {
            let mut last = [0];
            file.seek(SeekFrom::Start(length - 1)).map_err(wrong)?;
            file.read_exact(&mut last).map_err(wrong)?;
            if last != *b"\n" {
                file.write_all(b"\n").map_err(wrong)?;
            }
        }
        Ok(RowFile { file, path: path.to_owned() })
    }

    /// Begins a file anew.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).map_err(|error| Failure::unwritten(path.display(), error))?;
        Ok(RowFile { file, path: path.to_owned() })
    }

    /// Writes a row.
    ///
    /// # Errors
    /// When it cannot be written: the disk is full, or the file is gone.
    pub fn write(&mut self, row: &Value) -> Result<()> {
        let mut line = serde_json::to_vec(row).map_err(|error| {
            Failure::bug(format!("{}: a row cannot be spelled", self.path.display())).because(error)
        })?;
        line.push(b'\n');
        self.file.write_all(&line).map_err(|error| Failure::unwritten(self.path.display(), error))
    }
}
