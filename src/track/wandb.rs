//! An offline run of Weights & Biases: the folder that `wandb sync` uploads.
//!
//! ```text
//! wandb/offline-run-<time>-<id>/
//!   run-<id>.wandb            the log of records: header, run, environment, history and summary, files, exit
//!   files/                    what is uploaded beside them: config.yaml, wandb-metadata.json, wandb-summary.json, reports
//! ```
//!
//! The messages are those of wandb's `wandb_internal.proto`, as far as a run of numbers needs them. A run without an exit
//! record, because the program was killed, counts as failed there.

use std::fs;
use std::path::PathBuf;

use prost::Message;
use serde_json::{Map, Value, json};

use super::environment::Environment;
use super::framed::{Framed, LETTERS, Timestamp};
use super::tracker::{About, End, Over, State, Step, Tracker, quoted, random_id};
use crate::error::{Failure, Result};
use crate::store::write_file;
use crate::units::{NS_PER_S, seconds};

/// The header of a log: ident, magic, version.
const HEADER: ([u8; 4], u16, u8) = (*b":W&B", 0xBEE1, 0);
/// Least version of wandb that reads the log, as wandb itself writes it.
const MIN_CONSUMER: &str = "0.70.0";

#[derive(Clone, PartialEq, Message)]
struct Record {
    #[prost(int64, tag = "1")]
    num: i64,
    #[prost(oneof = "Kind", tags = "2, 3, 6, 17, 18, 21, 26")]
    kind: Option<Kind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Kind {
    #[prost(message, tag = "2")]
    History(History),
    #[prost(message, tag = "3")]
    Summary(Items),
    #[prost(message, tag = "6")]
    Files(Files),
    #[prost(message, tag = "17")]
    Run(Box<Run>),
    #[prost(message, tag = "18")]
    Exit(Exit),
    #[prost(message, tag = "21")]
    Header(Header),
    #[prost(message, tag = "26")]
    Machine(Machine),
}

#[derive(Clone, PartialEq, Message)]
struct Header {
    #[prost(message, optional, tag = "1")]
    version: Option<Version>,
}

#[derive(Clone, PartialEq, Message)]
struct Version {
    #[prost(string, tag = "1")]
    producer: String,
    #[prost(string, tag = "2")]
    min_consumer: String,
}

#[derive(Clone, PartialEq, Message)]
struct Run {
    #[prost(string, tag = "1")]
    id: String,
    #[prost(string, tag = "2")]
    entity: String,
    #[prost(string, tag = "3")]
    project: String,
    #[prost(message, optional, tag = "4")]
    config: Option<Items>,
    #[prost(string, tag = "6")]
    group: String,
    #[prost(string, tag = "8")]
    name: String,
    #[prost(string, repeated, tag = "10")]
    tags: Vec<String>,
    #[prost(message, optional, tag = "17")]
    since: Option<Timestamp>,
}

/// The items of a configuration or of a summary.
#[derive(Clone, PartialEq, Message)]
struct Items {
    #[prost(message, repeated, tag = "1")]
    update: Vec<Item>,
}

#[derive(Clone, PartialEq, Message)]
struct Item {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "16")]
    value_json: String,
}

#[derive(Clone, PartialEq, Message)]
struct History {
    #[prost(message, repeated, tag = "1")]
    item: Vec<Item>,
    #[prost(message, optional, tag = "2")]
    step: Option<Number>,
}

#[derive(Clone, PartialEq, Message)]
struct Number {
    #[prost(int64, tag = "1")]
    num: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Machine {
    #[prost(string, tag = "1")]
    os: String,
    #[prost(message, optional, tag = "3")]
    since: Option<Timestamp>,
    #[prost(string, tag = "6")]
    program: String,
    #[prost(string, tag = "199")]
    writer: String,
}

#[derive(Clone, PartialEq, Message)]
struct Files {
    #[prost(message, repeated, tag = "1")]
    files: Vec<FileItem>,
}

/// A file below `files/`; its policy is the default, to upload it now.
#[derive(Clone, PartialEq, Message)]
struct FileItem {
    #[prost(string, tag = "1")]
    path: String,
}

#[derive(Clone, PartialEq, Message)]
struct Exit {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(int32, tag = "2")]
    runtime: i32,
}

/// The run while it is written.
pub(super) struct Wandb {
    log: Framed,
    records: i64,
    folder: PathBuf,
    about: About,
    summary: Map<String, Value>,
}

impl Wandb {
    /// Makes the folder and writes what is known before the run.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn create(about: &About, environment: &Environment) -> Result<Self> {
        let id = random_id(LETTERS, 8)?;
        let folder = about.dir.join("wandb").join(format!("offline-run-{}-{id}", about.stamp));
        let files = folder.join("files");
        fs::create_dir_all(&files)
            .map_err(|error| Failure::files(format!("{} cannot be made", files.display())).because(error))?;
        let (ident, magic, version) = HEADER;
        let log = Framed::create(&folder.join(format!("run-{id}.wandb")), ident, magic, version)?;
        let mut wandb = Wandb { log, records: 0, folder, about: about.clone(), summary: Map::new() };
        let producer = concat!("evalscope ", env!("CARGO_PKG_VERSION")).to_owned();
        let version = Version { producer, min_consumer: MIN_CONSUMER.to_owned() };
        wandb.write(Kind::Header(Header { version: Some(version) }))?;
        let since = Timestamp::of(about.since_ns);
        // wandb's own clients put what they know of themselves under `_wandb`.
        let own = Item { key: "_wandb".to_owned(), value_json: "{}".to_owned() };
        let config = Items { update: [own].into_iter().chain(items(&about.config)).collect() };
        wandb.write(Kind::Run(Box::new(Run {
            id: id.clone(),
            entity: environment.wandb_entity.clone().unwrap_or_default(),
            project: environment.wandb_project().to_owned(),
            config: Some(config),
            group: environment.wandb_group.clone().unwrap_or_default(),
            name: about.name.clone(),
            tags: environment.wandb_tags.clone(),
            since: Some(since.clone()),
        })))?;
        let os = format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH);
        let program = "evalscope perf".to_owned();
        wandb.write(Kind::Machine(Machine {
            os: os.clone(),
            since: Some(since),
            program: program.clone(),
            writer: id,
        }))?;
        // JSON is YAML.
        let described = about.config.iter().map(|(key, value)| (key.clone(), json!({"value": value}))).collect();
        wandb.keep("config.yaml", &Value::Object(described))?;
        wandb.keep(
            "wandb-metadata.json",
            &json!({"os": os, "program": program, "startedAt": rfc3339(about.since_ns)}),
        )?;
        Ok(wandb)
    }

    fn write(&mut self, kind: Kind) -> Result<()> {
        self.records += 1;
        self.log.append(&Record { num: self.records, kind: Some(kind) })
    }

    fn keep(&self, name: &str, value: &Value) -> Result<()> {
        write_file(&self.folder.join("files").join(name), format!("{value:#}").as_bytes())
    }

    /// Seconds since the run began.
    fn runtime(&self, at_ns: u64) -> f64 {
        seconds(at_ns.saturating_sub(self.about.since_ns))
    }

    /// A row of the history, and further entries of the summary beside its own.
    fn row(&mut self, step: &Step, more: Map<String, Value>) -> Result<()> {
        let mut row = step.figures.clone();
        row.insert("_step".to_owned(), json!(step.number));
        row.insert("_runtime".to_owned(), json!(self.runtime(step.at_ns)));
        row.insert("_timestamp".to_owned(), json!(step.at_ns as f64 / NS_PER_S));
        let num = i64::try_from(step.number).unwrap_or(i64::MAX);
        self.write(Kind::History(History { item: items(&row).collect(), step: Some(Number { num }) }))?;
        row.extend(more);
        self.write(Kind::Summary(Items { update: items(&row).collect() }))?;
        self.summary.extend(row);
        Ok(())
    }
}

impl Tracker for Wandb {
    fn name(&self) -> String {
        "wandb".to_owned()
    }

    fn running(&mut self, step: &Step) -> Result<()> {
        self.row(step, Map::new())
    }

    fn over(&mut self, over: &Over) -> Result<()> {
        let of_point = |(key, value)| (format!("{}/{key}", over.folder), json!(value));
        self.row(&over.step, over.figures().into_iter().map(of_point).collect())
    }

    fn end(&mut self, end: &End) -> Result<Option<String>> {
        let runtime = self.runtime(end.at_ns) as i32;
        self.summary.insert("_wandb".to_owned(), json!({"runtime": runtime}));
        self.keep("wandb-summary.json", &Value::Object(self.summary.clone()))?;
        for name in &end.files {
            let (from, to) = (self.about.dir.join(name), self.folder.join("files").join(name));
            fs::copy(&from, &to)
                .map_err(|error| Failure::files(format!("{} cannot be copied", from.display())).because(error))?;
        }
        // Files of its own are made again by whoever uploads the run.
        let files = end.files.iter().map(|name| FileItem { path: (*name).to_owned() }).collect();
        self.write(Kind::Files(Files { files }))?;
        let code = match end.state {
            State::Finished => 0,
            State::Failed => 1,
            // As wandb has it for a run that Ctrl-C ended.
            State::Interrupted => 255,
        };
        self.write(Kind::Exit(Exit { code, runtime }))?;
        Ok(Some(format!("wandb sync {}", quoted(&self.folder.display().to_string()))))
    }

    fn folder(&self) -> Option<PathBuf> {
        Some(self.folder.clone())
    }
}

fn items(of: &Map<String, Value>) -> impl Iterator<Item = Item> {
    of.iter().map(|(key, value)| Item { key: key.clone(), value_json: value.to_string() })
}

/// An instant as trackers write it in JSON, in UTC.
fn rfc3339(ns: u64) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(ns)).map(|at| format!("{at:.6}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::framed::tests::records;
    use super::super::tracker::tests::{about, end, over, step};
    use super::*;

    type Tried<T> = Result<T, Box<dyn std::error::Error>>;

    fn written(state: Option<State>) -> Tried<(tempfile::TempDir, Vec<Vec<u8>>)> {
        let dir = tempfile::tempdir()?;
        fs::write(dir.path().join("plan.toml"), "plan")?;
        let environment = Environment { wandb_entity: Some("team".to_owned()), ..Environment::default() };
        let mut wandb = Wandb::create(&about(dir.path()), &environment)?;
        wandb.running(&step(0))?;
        wandb.over(&over(1))?;
        if let Some(state) = state {
            let command = wandb.end(&end(state))?.unwrap_or_default();
            assert!(
                command.starts_with("wandb sync ") && command.contains("offline-run-20261121_031500-"),
                "{command}"
            );
        }
        let folder = wandb.folder().unwrap_or_default();
        let log = fs::read_dir(&folder)?.flatten().find(|entry| entry.path().is_file()).ok_or("a log")?;
        let name = log.file_name().into_string().unwrap_or_default();
        let id = folder.display().to_string().rsplit('-').next().map(str::to_owned).unwrap_or_default();
        assert_eq!(name, format!("run-{id}.wandb"));
        let (header, records) = records(&fs::read(log.path())?);
        assert_eq!(header, b":W&B\xe1\xbe\x00");
        Ok((dir, records))
    }

    #[test]
    fn the_log_has_its_records_in_order() -> Tried<()> {
        let (dir, records) = written(Some(State::Interrupted))?;
        let records = records.iter().map(|bytes| Record::decode(&bytes[..])).collect::<Result<Vec<_>, _>>()?;
        assert!(records.iter().zip(1..).all(|(record, num)| record.num == num));
        let kinds: Vec<Kind> = records.into_iter().filter_map(|record| record.kind).collect();
        let [Kind::Header(_), Kind::Run(run), Kind::Machine(_), Kind::History(first), Kind::Summary(_), rest @ ..] =
            &kinds[..]
        else {
            return Err(format!("{kinds:?}").into());
        };
        assert_eq!(
            (run.project.as_str(), run.entity.as_str(), run.name.as_str()),
            ("perf_benchmark", "team", "m_20261121_031500")
        );
        let config: Vec<(&str, &str)> = run.config.iter().flat_map(|config| &config.update).map(pair).collect();
        assert_eq!(config, [("_wandb", "{}"), ("model", "\"m\""), ("parallel", "[1,8]"), ("stop", "null")]);
        let row: Vec<(&str, &str)> = first.item.iter().map(pair).collect();
        let expected = [
            ("Total Requests", "1"),
            ("Avg Latency (s)", "0.5"),
            ("_step", "0"),
            ("_runtime", "2.0"),
            ("_timestamp", "1000000002.5"),
        ];
        assert_eq!(row, expected);
        let [Kind::History(second), Kind::Summary(summary), Kind::Files(files), Kind::Exit(exit)] = rest else {
            return Err(format!("{rest:?}").into());
        };
        assert_eq!(second.step, Some(Number { num: 1 }));
        assert!(summary.update.iter().any(|item| pair(item) == ("parallel_1_number_2/p50 TTFT (ms)", "4.5")));
        let names: Vec<&str> = files.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(names, ["plan.toml"]);
        let folder = fs::read_dir(dir.path().join("wandb"))?.flatten().next().ok_or("a folder")?.path();
        let all = ["config.yaml", "wandb-metadata.json", "wandb-summary.json", "plan.toml"];
        assert!(all.iter().all(|name| folder.join("files").join(name).is_file()));
        assert_eq!((exit.code, exit.runtime), (255, 8));
        Ok(())
    }

    #[test]
    fn a_run_that_was_killed_can_be_read_to_where_it_came() -> Tried<()> {
        let (_dir, records) = written(None)?;
        assert_eq!(records.len(), 7);
        Ok(())
    }

    fn pair(item: &Item) -> (&str, &str) {
        (&item.key, &item.value_json)
    }
}
