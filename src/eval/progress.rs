//! How far an evaluation is, as EvalScope's `progress.json`.

use std::path::PathBuf;

use serde_json::json;

use crate::error::{Failure, Result};
use crate::store::write_file;

/// The file of progress, where one is wanted.
#[derive(Debug)]
pub struct Progress {
    path: Option<PathBuf>,
    total: usize,
    done: usize,
    status: &'static str,
}

impl Progress {
    /// Begins it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn begin(path: Option<PathBuf>, total: usize) -> Result<Self> {
        let progress = Progress { path, total, done: 0, status: "running" };
        progress.save()?;
        Ok(progress)
    }

    /// Counts samples.
    pub fn count(&mut self, samples: usize) {
        self.done += samples;
    }

    /// Counts samples and writes the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(&mut self, samples: usize) -> Result<()> {
        self.count(samples);
        self.save()
    }

    /// Writes the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self) -> Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let percent = if self.total == 0 { 100.0 } else { 100.0 * self.done as f64 / self.total as f64 };
        let file = json!({
            "status": self.status, "pipeline": "eval", "total_count": self.total, "processed_count": self.done,
            "percent": (percent * 100.0).round() / 100.0,
            "updated_at": jiff::Zoned::now().strftime("%Y-%m-%dT%H:%M:%S%.6f").to_string(),
        });
        let bytes = serde_json::to_vec_pretty(&file)
            .map_err(|error| Failure::bug("progress cannot be spelled").because(error))?;
        write_file(path, &bytes)
    }

    /// Ends it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn end(&mut self, status: &'static str) -> Result<()> {
        self.status = status;
        self.save()
    }
}
