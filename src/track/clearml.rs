//! An offline session of ClearML: the folder that `clearml-task --import-offline-session` uploads.
//!
//! ```text
//! clearml/offline-<id>/
//!   task.json                 name, project, type and parameters of the task
//!   metrics.jsonl             scalars, a list of events a line
//!   log.jsonl                 console lines likewise
//! ```
//!
//! As in EvalScope the scalars are series of `Performance Metrics`. Figures of load points that are over are single
//! values of the task. ClearML takes every imported session for completed; how the run ended stands in its comment and
//! its tags.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::environment::Environment;
use super::tracker::{About, End, Over, State, Step, Tracker, quoted, random_id};
use crate::error::{Failure, Result};
use crate::store::write_file;

/// The title that all scalars stand under.
const TITLE: &str = "Performance Metrics";
/// Title and iteration of single values.
const SINGLE: (&str, i64) = ("Summary", -(1 << 31));

/// The session while it is written.
pub(super) struct Clearml {
    id: String,
    metrics: File,
    folder: PathBuf,
    about: About,
    project: String,
}

impl Clearml {
    /// Makes the folder and writes what is known before the run.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn create(about: &About, environment: &Environment) -> Result<Self> {
        let id = format!("offline-{}", random_id(b"0123456789abcdef", 32)?);
        let folder = about.dir.join("clearml").join(&id);
        let cannot = |error| Failure::files(format!("{} cannot be made", folder.display())).because(error);
        fs::create_dir_all(&folder).map_err(cannot)?;
        let metrics = File::create_new(folder.join("metrics.jsonl")).map_err(cannot)?;
        let project = environment.clearml_project().to_owned();
        let clearml = Clearml { id, metrics, folder, about: about.clone(), project };
        // A run that is killed leaves it at that.
        clearml.describe("unfinished")?;
        Ok(clearml)
    }

    /// Writes `task.json`.
    fn describe(&self, state: &str) -> Result<()> {
        let parameter = |(key, value): (&String, &Value)| {
            let shown = match value {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let kind = match value {
                Value::Null => "NoneType",
                Value::Bool(_) => "bool",
                Value::Number(number) if number.is_f64() => "float",
                Value::Number(_) => "int",
                Value::String(_) => "str",
                Value::Array(_) => "list",
                Value::Object(_) => "dict",
            };
            let entry = json!({"section": "General", "name": key, "value": shown, "type": kind, "description": ""});
            (key.clone(), entry)
        };
        let parameters: Map<String, Value> = self.about.config.iter().map(parameter).collect();
        let task = json!({
            "id": self.id,
            "name": self.about.name,
            "project_name": self.project,
            "type": "testing",
            "comment": format!("evalscope perf: {state}"),
            "tags": [state],
            "hyperparams": {"General": parameters},
            "execution": {"artifacts": [], "parameters": {}},
            "script": {"repository": "", "entry_point": "evalscope perf", "working_dir": ".", "diff": ""},
            "output": {},
            "offline_folder": self.folder.display().to_string(),
            "offline_output_models": [],
        });
        write_file(&self.folder.join("task.json"), format!("{task:#}").as_bytes())
    }

    fn event(&self, at_ns: u64, iteration: i64, title: &str, series: &str, value: f64) -> Value {
        json!({
            "timestamp": at_ns / 1_000_000,
            "type": "training_stats_scalar",
            "task": self.id,
            "iter": iteration,
            "metric": title,
            "variant": series,
            "value": value,
            "method": "get",
        })
    }

    fn scalars(&self, step: &Step) -> Vec<Value> {
        let iteration = i64::try_from(step.number).unwrap_or(i64::MAX);
        step.numbers().map(|(key, value)| self.event(step.at_ns, iteration, TITLE, key, value)).collect()
    }

    fn write(&mut self, events: Vec<Value>) -> Result<()> {
        let line = format!("{}\n", Value::Array(events));
        self.metrics
            .write_all(line.as_bytes())
            .map_err(|error| Failure::unwritten(self.folder.join("metrics.jsonl").display(), error))
    }
}

impl Tracker for Clearml {
    fn name(&self) -> String {
        "clearml".to_owned()
    }

    fn running(&mut self, step: &Step) -> Result<()> {
        self.write(self.scalars(step))
    }

    fn over(&mut self, over: &Over) -> Result<()> {
        let mut events = self.scalars(&over.step);
        for (key, value) in over.figures() {
            let series = format!("{}/{key}", over.folder);
            events.push(self.event(over.step.at_ns, SINGLE.1, SINGLE.0, &series, value));
        }
        self.write(events)
    }

    fn end(&mut self, end: &End) -> Result<Option<String>> {
        self.describe(end.state.name())?;
        let level = if end.state == State::Finished { "info" } else { "error" };
        let message = format!("evalscope perf: {}; its files are in {}", end.state.name(), self.about.dir.display());
        let line = json!([{
            "timestamp": end.at_ns / 1_000_000,
            "type": "log",
            "task": self.id,
            "level": level,
            "worker": "evalscope",
            "msg": message,
            "method": "get",
        }]);
        write_file(&self.folder.join("log.jsonl"), format!("{line}\n").as_bytes())?;
        let folder = quoted(&self.folder.display().to_string());
        Ok(Some(format!("clearml-task --import-offline-session {folder}")))
    }

    fn folder(&self) -> Option<PathBuf> {
        Some(self.folder.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tracker::tests::{about, end, over, step};
    use super::*;

    #[test]
    fn the_session_has_its_parameters_and_scalars() -> Result<(), Box<dyn std::error::Error>> {
        let dir = tempfile::tempdir()?;
        let environment = Environment { clearml_project: Some("ours".to_owned()), ..Environment::default() };
        let mut clearml = Clearml::create(&about(dir.path()), &environment)?;
        clearml.running(&step(0))?;
        clearml.over(&over(1))?;
        let folder = clearml.folder().unwrap_or_default();
        let task = |folder: &PathBuf| -> Result<Value, Box<dyn std::error::Error>> {
            Ok(serde_json::from_str(&fs::read_to_string(folder.join("task.json"))?)?)
        };
        assert_eq!(task(&folder)?["tags"], json!(["unfinished"]));
        clearml.end(&end(State::Finished))?;
        let task = task(&folder)?;
        assert_eq!(
            (&task["project_name"], &task["type"], &task["tags"]),
            (&json!("ours"), &json!("testing"), &json!(["finished"]))
        );
        let parallel = &task["hyperparams"]["General"]["parallel"];
        assert_eq!((&parallel["value"], &parallel["type"]), (&json!("[1,8]"), &json!("list")));
        let text = fs::read_to_string(folder.join("metrics.jsonl"))?;
        let lines = text.lines().map(serde_json::from_str).collect::<Result<Vec<Vec<Value>>, _>>()?;
        let told =
            |event: &Value| format!("{}/{} {} {}", event["metric"], event["variant"], event["iter"], event["value"]);
        let told: Vec<Vec<String>> = lines.iter().map(|events| events.iter().map(told).collect()).collect();
        assert_eq!(
            told[0],
            ["\"Performance Metrics\"/\"Total Requests\" 0 1.0", "\"Performance Metrics\"/\"Avg Latency (s)\" 0 0.5"]
        );
        assert_eq!(told[1][4], "\"Summary\"/\"parallel_1_number_2/p50 TTFT (ms)\" -2147483648 4.5");
        Ok(())
    }
}
