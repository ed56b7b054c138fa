//! Answers of an earlier run, so that no question is asked twice.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde_json::Value;

use super::method::Reply;
use super::rows;
use super::sample::Sample;
use crate::error::{Failure, Result};

/// An answer that was kept: its row, and what of it is scored.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The row of the file.
    pub row: Value,
    /// The reply in it.
    pub reply: Reply,
}

/// The answers in the file of a subset.
#[derive(Debug, Default)]
pub struct Cache {
    by_question: HashMap<(String, usize), Kept>,
    by_place: HashMap<usize, Kept>,
    /// Lines that are no rows, such as the last one of a run that was killed.
    pub broken: u64,
    /// Rows of samples that failed; they are asked again.
    pub failed: u64,
}

impl Cache {
    /// Reads the file of a subset; an empty cache where there is none. Of rows that answer the same question the last counts.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn read(path: &Path) -> Result<Self> {
        let file = match std::fs::File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Cache::default()),
            Err(error) => return Err(unreadable(path, error)),
        };
        let mut cache = Cache::default();
        for line in BufReader::new(file).split(b'\n') {
            let line = line.map_err(|error| unreadable(path, error))?;
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let Ok(row) = serde_json::from_slice::<Value>(&line) else {
                cache.broken += 1;
                continue;
            };
            let Some((digest, repeat, reply)) = rows::read(&row) else {
                cache.failed += 1;
                continue;
            };
            match digest {
                Some(digest) => drop(cache.by_question.insert((digest, repeat), Kept { row, reply })),
                // A row of EvalScope's own does not tell its question; its place does, and the text must be the same.
                None => {
                    let place = row["index"].as_u64().and_then(|index| usize::try_from(index).ok());
                    if let Some(place) = place {
                        cache.by_place.insert(place, Kept { row, reply });
                    }
                }
            }
        }
        Ok(cache)
    }

    /// The answer to a sample, whose question has this digest.
    pub fn get(&self, digest: &str, sample: &Sample) -> Option<Kept> {
        if let Some(kept) = self.by_question.get(&(digest.to_owned(), sample.repeat)) {
            let mut kept = kept.clone();
            // With another limit or order it may stand elsewhere.
            kept.row["index"] = sample.index.into();
            return Some(kept);
        }
        let kept = self.by_place.get(&sample.index)?;
        let same =
            |message: &Value, given: &Value| message["role"] == given["role"] && message["content"] == given["content"];
        let asked = kept.row["messages"].as_array()?;
        sample.messages.iter().zip(asked).all(|(given, message)| same(message, given)).then(|| kept.clone())
    }

    /// How many answers there are.
    pub fn len(&self) -> usize {
        self.by_question.len() + self.by_place.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn unreadable(path: &Path, error: std::io::Error) -> Failure {
    Failure::files(format!("{}: cannot be read", path.display())).because(error).hint("check the permission to read it")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn row(index: usize, digest: Option<&str>, text: &str) -> Value {
        let own = digest.map(|digest| json!({"evalscope": {"question_sha256": digest, "generation_index": 0}}));
        json!({"index": index, "model_output": {"choices": [{"message": {"content": text}, "stop_reason": "stop"}],
            "metadata": own, "error": null}, "messages": [{"role": "user", "content": "q"}]})
    }

    #[test]
    fn answers_are_found_by_question_and_torn_lines_are_counted() {
        let folder = std::env::temp_dir().join(format!("evalscope-cache-{}", std::process::id()));
        let text = format!(
            "{}\n{}\n{}\n{{\"index\": 3, \"mo",
            row(0, Some("d1"), "old"),
            row(5, Some("d1"), "new"),
            row(7, None, "theirs")
        );
        assert!(std::fs::write(&folder, text).is_ok());
        let cache = Cache::read(&folder).unwrap_or_default();
        let sample = Sample { index: 2, messages: vec![json!({"role": "user", "content": "q"})], ..Sample::default() };
        let kept = cache.get("d1", &sample).map(|kept| (kept.reply.text, kept.row["index"].clone()));
        assert_eq!(kept, Some(("new".to_owned(), json!(2))));
        assert!(cache.get("d2", &sample).is_none());
        let theirs = Sample { index: 7, ..sample };
        assert_eq!(cache.get("d2", &theirs).map(|kept| kept.reply.text).as_deref(), Some("theirs"));
        assert_eq!((cache.broken, cache.len()), (1, 2));
        let _ = std::fs::remove_file(folder);
    }
}
