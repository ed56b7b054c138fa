//! `progress.json`, as EvalScope writes it with `--enable-progress-tracker`.

use std::path::PathBuf;

use serde_json::json;

use super::tracker::{About, End, Over, State, Step, Tracker};
use crate::error::Result;
use crate::store::write_file;
use crate::units::round_to;

/// The file, replaced as a whole whenever it changes. Counts are conversations of the whole sweep; there are as many of
/// them as requests where each stands alone.
pub(super) struct Progress {
    path: PathBuf,
    total: u64,
}

impl Progress {
    /// Writes it for a run that begins.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn create(about: &About, total: u64) -> Result<Self> {
        let progress = Progress { path: about.dir.join("progress.json"), total };
        progress.write("running", 0)?;
        Ok(progress)
    }

    fn write(&self, status: &str, processed: u64) -> Result<()> {
        let percent = 100.0 * processed as f64 / self.total.max(1) as f64;
        let state = json!({
            "status": status,
            "pipeline": "perf",
            "total_count": self.total,
            "processed_count": processed,
            "percent": round_to(percent, 2),
            // Local time without a zone, as Python's isoformat has it.
            "updated_at": jiff::Zoned::now().strftime("%Y-%m-%dT%H:%M:%S%.6f").to_string(),
        });
        write_file(&self.path, format!("{state:#}").as_bytes())
    }
}

impl Tracker for Progress {
    fn name(&self) -> String {
        "progress.json".to_owned()
    }

    fn running(&mut self, step: &Step) -> Result<()> {
        self.write("running", step.processed)
    }

    fn over(&mut self, over: &Over) -> Result<()> {
        self.write("running", over.step.processed)
    }

    fn end(&mut self, end: &End) -> Result<Option<String>> {
        // EvalScope knows no interrupted run: the exception that ends one is an error to it.
        let status = if end.state == State::Finished { "completed" } else { "error" };
        self.write(status, end.processed)?;
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tracker::tests::{about, end, step};
    use super::*;

    #[test]
    fn the_file_has_evalscopes_keys_and_states() -> Result<(), Box<dyn std::error::Error>> {
        let dir = tempfile::tempdir()?;
        let read = || -> Result<serde_json::Value, Box<dyn std::error::Error>> {
            Ok(serde_json::from_str(&std::fs::read_to_string(dir.path().join("progress.json"))?)?)
        };
        let mut progress = Progress::create(&about(dir.path()), 3)?;
        assert_eq!((&read()?["status"], &read()?["percent"]), (&json!("running"), &json!(0.0)));
        progress.running(&step(0))?;
        let file = read()?;
        let keys: Vec<&String> = file.as_object().map(|file| file.keys().collect()).unwrap_or_default();
        assert_eq!(keys, ["status", "pipeline", "total_count", "processed_count", "percent", "updated_at"]);
        assert_eq!(
            (&file["pipeline"], &file["processed_count"], &file["percent"]),
            (&json!("perf"), &json!(1), &json!(33.33))
        );
        let updated = file["updated_at"].as_str().unwrap_or_default();
        assert!(updated.len() == 26 && updated.parse::<jiff::civil::DateTime>().is_ok(), "{updated}");
        for (state, status) in [(State::Finished, "completed"), (State::Failed, "error"), (State::Interrupted, "error")]
        {
            progress.end(&end(state))?;
            assert_eq!((&read()?["status"], &read()?["percent"]), (&json!(status), &json!(100.0)));
        }
        Ok(())
    }
}
