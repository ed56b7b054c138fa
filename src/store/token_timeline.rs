//! `workload_timeline.json`, in EvalScope's form: what had been read and written whenever a request ended.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::error::{Failure, Result};
use crate::units::round_to;

/// The file being written, a point at a time, so that memory stays flat whatever the number of requests. Without any
/// point there is no file.
pub struct TokenTimeline {
    path: PathBuf,
    file: Option<BufWriter<File>>,
}

impl TokenTimeline {
    /// For the folder of a load point. The file is begun with the first point.
    pub fn new(folder: &Path) -> Self {
        TokenTimeline { path: folder.join("workload_timeline.json"), file: None }
    }

    /// Adds a point: seconds since `start_s`, which is in seconds since the epoch; completion tokens, prompt tokens that
    /// were new, and prompt tokens from a cache, all up to then.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn push(&mut self, start_s: f64, at_s: f64, [completion, new_prompt, cached_prompt]: [u64; 3]) -> Result<()> {
        let first = self.file.is_none();
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                none.insert(BufWriter::new(File::create(part(&self.path)).map_err(|error| failed(&self.path, error))?))
            }
        };
        let mut write = || {
            if first {
                write!(file, "{{\n    \"wall_start\": {},\n    \"points\": [", json!(start_s))?;
            }
            let comma = if first { "" } else { "," };
            write!(
                file,
                "{comma}\n        {{\n            \"t\": {},\n            \"cum_completion\": {completion},\n            \
                 \"cum_new_prompt\": {new_prompt},\n            \"cum_cached_prompt\": {cached_prompt}\n        }}",
                json!(round_to(at_s, 6))
            )
        };
        write().map_err(|error| failed(&self.path, error))
    }

    /// Ends the file and gives it its name.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(self) -> Result<()> {
        let Some(mut file) = self.file else { return Ok(()) };
        file.write_all(b"\n    ]\n}")
            .and_then(|()| file.flush())
            .and_then(|()| std::fs::rename(part(&self.path), &self.path))
            .map_err(|error| failed(&self.path, error))
    }
}

fn part(path: &Path) -> PathBuf {
    path.with_extension("json.part")
}

fn failed(path: &Path, error: std::io::Error) -> Failure {
    Failure::unwritten(path.display(), error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_that_of_evalscope() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        TokenTimeline::new(folder.path()).finish()?;
        assert_eq!(std::fs::read_dir(folder.path())?.count(), 0);
        let mut timeline = TokenTimeline::new(folder.path());
        timeline.push(1.25, 0.107_248_4, [8, 4, 3])?;
        timeline.push(1.25, 2.0, [16, 8, 6])?;
        timeline.finish()?;
        let text = std::fs::read_to_string(folder.path().join("workload_timeline.json"))?;
        let same: serde_json::Value = serde_json::from_str(&text)?;
        let point = |t: f64, n: u64| json!({"t": t, "cum_completion": 8 * n, "cum_new_prompt": 4 * n, "cum_cached_prompt": 3 * n});
        assert_eq!(same, json!({"wall_start": 1.25, "points": [point(0.107248, 1), point(2.0, 2)]}));
        let mut bytes = Vec::new();
        let four = serde_json::ser::PrettyFormatter::with_indent(b"    ");
        serde::Serialize::serialize(&same, &mut serde_json::Serializer::with_formatter(&mut bytes, four))?;
        assert_eq!(text.as_bytes(), bytes);
        Ok(())
    }
}
