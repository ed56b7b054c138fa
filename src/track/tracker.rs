//! What each tracker is told of a run.

use std::path::PathBuf;
use std::sync::Arc;

use ring::rand::{SecureRandom, SystemRandom};
use serde_json::{Map, Value};

use super::totals::Totals;
use crate::error::{Failure, Result};

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It was carried out.
    Finished,
    /// It could not be carried out, or its target was lost.
    Failed,
    /// The user stopped it.
    Interrupted,
}

impl State {
    /// The state in a word.
    pub(super) fn name(self) -> &'static str {
        match self {
            State::Finished => "finished",
            State::Failed => "failed",
            State::Interrupted => "interrupted",
        }
    }
}

/// What is known before the run.
#[derive(Debug, Clone)]
pub(super) struct About {
    /// Name of the run.
    pub(super) name: String,
    /// EvalScope's arguments of the run, without keys.
    pub(super) config: Map<String, Value>,
    /// When it began, ns since 1970.
    pub(super) since_ns: u64,
    /// The same as trackers write it into names of folders, in local time.
    pub(super) stamp: String,
    /// The run's own folder.
    pub(super) dir: PathBuf,
}

/// The figures of the running load point.
#[derive(Debug, Clone)]
pub(super) struct Step {
    /// When they were so, ns since 1970.
    pub(super) at_ns: u64,
    /// Its number within the run, from 0.
    pub(super) number: u64,
    /// Under the keys of `benchmark_summary.json`.
    pub(super) figures: Map<String, Value>,
    /// Conversations of the whole run that are over.
    pub(super) processed: u64,
    /// Every load point so far.
    pub(super) totals: Arc<Vec<Totals>>,
}

impl Step {
    /// The figures that are numbers.
    pub(super) fn numbers(&self) -> impl Iterator<Item = (&str, f64)> {
        self.figures.iter().filter_map(|(key, value)| Some((key.as_str(), value.as_f64()?)))
    }
}

/// A load point that is over. Its step has the figures of `benchmark_summary.json` itself.
#[derive(Debug, Clone)]
pub(super) struct Over {
    pub(super) step: Step,
    /// Name of its folder.
    pub(super) folder: String,
    /// The rows of `benchmark_percentile.json`.
    pub(super) percentiles: Vec<Map<String, Value>>,
}

/// Percentiles that trackers get of each load point.
const SHOWN: [(&str, &str); 3] = [("50%", "p50"), ("90%", "p90"), ("99%", "p99")];

impl Over {
    /// Every figure of the load point: averages and counts under their own names, percentiles as in `p99 TTFT (ms)`.
    pub(super) fn figures(&self) -> Vec<(String, f64)> {
        let mut all: Vec<(String, f64)> = self.step.numbers().map(|(key, value)| (key.to_owned(), value)).collect();
        for row in &self.percentiles {
            let label = row.get("Percentiles").and_then(Value::as_str).unwrap_or_default();
            let Some((_, short)) = SHOWN.iter().find(|(long, _)| *long == label) else { continue };
            let numbers = row.iter().filter_map(|(key, value)| Some((key, value.as_f64()?)));
            all.extend(numbers.map(|(key, value)| (format!("{short} {key}"), value)));
        }
        all
    }
}

/// The end of a run.
#[derive(Debug, Clone)]
pub(super) struct End {
    pub(super) at_ns: u64,
    pub(super) state: State,
    /// Conversations that are over.
    pub(super) processed: u64,
    pub(super) totals: Arc<Vec<Totals>>,
    /// Files in the run's folder that are worth to be kept with it, by their names.
    pub(super) files: Vec<&'static str>,
}

/// One place that a run is told to.
pub(super) trait Tracker: Send {
    /// What it is, for messages.
    fn name(&self) -> String;

    /// Figures of the running load point, about once a second.
    ///
    /// # Errors
    /// When they could not be told; the run goes on.
    fn running(&mut self, step: &Step) -> Result<()>;

    /// A load point is over.
    ///
    /// # Errors
    /// When it could not be told.
    fn over(&mut self, over: &Over) -> Result<()>;

    /// The run is over. Returns the command that uploads what was written, where there is one.
    ///
    /// # Errors
    /// When it could not be told.
    fn end(&mut self, end: &End) -> Result<Option<String>>;

    /// Folder that holds nothing but what this tracker wrote, where it has one.
    fn folder(&self) -> Option<PathBuf> {
        None
    }
}

/// Random letters of an alphabet of at most 256, for the ids of runs.
pub(super) fn random_id(alphabet: &[u8], length: usize) -> Result<String> {
    let mut bytes = vec![0; length];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Failure::bug("the system gives no random numbers"))?;
    Ok(bytes.iter().map(|byte| char::from(alphabet[usize::from(*byte) % alphabet.len()])).collect())
}

/// A word of a shell: quoted where it has other than plain characters.
pub(super) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    /// A run in a folder.
    pub(crate) fn about(dir: &std::path::Path) -> About {
        About {
            name: "m_20261121_031500".to_owned(),
            config: json!({"model": "m", "parallel": [1, 8], "stop": null}).as_object().cloned().unwrap_or_default(),
            since_ns: 1_000_000_000_500_000_000,
            stamp: "20261121_031500".to_owned(),
            dir: dir.to_owned(),
        }
    }

    /// Figures of a running load point.
    pub(crate) fn step(number: u64) -> Step {
        let figures = json!({"Total Requests": number + 1, "Avg Latency (s)": 0.5});
        Step {
            at_ns: 1_000_000_002_500_000_000 + number * 1_000_000_000,
            number,
            figures: figures.as_object().cloned().unwrap_or_default(),
            processed: number + 1,
            totals: Arc::new(vec![super::super::totals::tests::two_requests()]),
        }
    }

    /// A load point that is over.
    pub(crate) fn over(number: u64) -> Over {
        let row = |label: &str, value: f64| {
            json!({"Percentiles": label, "TTFT (ms)": value, "ITL (ms)": null}).as_object().cloned().unwrap_or_default()
        };
        Over {
            step: step(number),
            folder: "parallel_1_number_2".to_owned(),
            percentiles: vec![row("50%", 4.5), row("75%", 6.0)],
        }
    }

    /// The end of a run.
    pub(crate) fn end(state: State) -> End {
        End { at_ns: 1_000_000_009_000_000_000, state, processed: 3, totals: step(0).totals, files: vec!["plan.toml"] }
    }

    #[test]
    fn percentiles_get_short_names() {
        let figures = over(1).figures();
        let names: Vec<&str> = figures.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["Total Requests", "Avg Latency (s)", "p50 TTFT (ms)"]);
    }

    #[test]
    fn words_are_quoted_where_a_shell_would_split_them() {
        assert_eq!(quoted("outputs/a_1"), "outputs/a_1");
        assert_eq!(quoted("a b'c"), "'a b'\\''c'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn ids_are_of_their_alphabet() -> Result<()> {
        let id = random_id(b"ab", 64)?;
        assert!(id.len() == 64 && id.contains('a') && id.contains('b'), "{id}");
        Ok(())
    }
}
