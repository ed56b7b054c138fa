//! An offline run of SwanLab: the folder that `swanlab sync` uploads.
//!
//! ```text
//! swanlab/run-<time>-<id>/
//!   run-<id>.swanlab          the log of records: start, files, columns and scalars, finish
//!   files/                    config.yaml, swanlab-metadata.json, reports
//! ```
//!
//! The messages are those of SwanLab's protocol (version 2 of its log, SwanLab 0.8 and later), as far as a run of numbers
//! needs them. Figures of the running load point stand under their own keys; those of load points that are over stand
//! below `load points/`, with the number of the load point as the step, so that a sweep is a curve.

use std::fs;
use std::path::PathBuf;

use prost::Message;
use serde_json::{Value, json};

use super::environment::Environment;
use super::framed::{Framed, LETTERS, Timestamp};
use super::tracker::{About, End, Over, State, Step, Tracker, quoted, random_id};
use crate::error::{Failure, Result};
use crate::store::write_file;

/// The header of a log: ident, magic, version.
const HEADER: ([u8; 4], u16, u8) = (*b":SWL", 0xE1D6, 2);
/// Numbers of records that there is one of. All others count up, for the uploading tool keeps one record a number.
const START: i64 = -1;
const FINISH: i64 = -2;
const CONFIG: i64 = -3;
const METADATA: i64 = -4;

#[derive(Clone, PartialEq, Message)]
struct Record {
    #[prost(int64, tag = "1")]
    num: i64,
    #[prost(message, optional, tag = "2")]
    at: Option<Timestamp>,
    #[prost(oneof = "Kind", tags = "10, 11, 13, 20")]
    kind: Option<Kind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Kind {
    #[prost(message, tag = "10")]
    Start(Start),
    #[prost(message, tag = "11")]
    Finish(Finish),
    #[prost(message, tag = "13")]
    Scalar(Scalar),
    #[prost(message, tag = "20")]
    Save(Save),
}

#[derive(Clone, PartialEq, Message)]
struct Start {
    #[prost(string, tag = "1")]
    project: String,
    #[prost(string, tag = "2")]
    workspace: String,
    #[prost(string, tag = "4")]
    name: String,
    #[prost(string, tag = "10")]
    id: String,
    #[prost(message, optional, tag = "12")]
    since: Option<Timestamp>,
}

#[derive(Clone, PartialEq, Message)]
struct Finish {
    #[prost(enumeration = "RunState", tag = "1")]
    state: i32,
    #[prost(string, tag = "2")]
    error: String,
    #[prost(message, optional, tag = "3")]
    at: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
enum RunState {
    Running = 0,
    Finished = 1,
    Crashed = 2,
    Aborted = 3,
}

#[derive(Clone, PartialEq, Message)]
struct Scalar {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(int64, tag = "2")]
    step: i64,
    /// The type of its column: 1 is a scalar.
    #[prost(int32, tag = "3")]
    kind: i32,
    #[prost(message, optional, tag = "4")]
    at: Option<Timestamp>,
    #[prost(message, optional, tag = "5")]
    value: Option<Number>,
}

#[derive(Clone, PartialEq, Message)]
struct Number {
    #[prost(double, tag = "1")]
    number: f64,
}

#[derive(Clone, PartialEq, Message)]
struct Save {
    #[prost(string, tag = "1")]
    name: String,
    /// Where it is; where that is no more, SwanLab looks for its last part, or its name, below `files/`.
    #[prost(string, tag = "2")]
    source: String,
    /// 0 a file of the user's, 1 the configuration, 2 the metadata.
    #[prost(int32, tag = "5")]
    kind: i32,
}

/// The run while it is written.
pub(super) struct Swanlab {
    log: Framed,
    numbered: i64,
    points: u64,
    folder: PathBuf,
    about: About,
    host: Option<String>,
}

impl Swanlab {
    /// Makes the folder and writes what is known before the run. `host` is a server of one's own.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn create(about: &About, environment: &Environment, host: Option<&str>) -> Result<Self> {
        let id = random_id(LETTERS, 8)?;
        let folder = about.dir.join("swanlab").join(format!("run-{}-{id}", about.stamp));
        let files = folder.join("files");
        fs::create_dir_all(&files)
            .map_err(|error| Failure::files(format!("{} cannot be made", files.display())).because(error))?;
        let (ident, magic, version) = HEADER;
        let log = Framed::create(&folder.join(format!("run-{id}.swanlab")), ident, magic, version)?;
        let host = host.map(str::to_owned);
        let mut swanlab = Swanlab { log, numbered: 0, points: 0, folder, about: about.clone(), host };
        let at = about.since_ns;
        swanlab.write(
            START,
            at,
            Kind::Start(Start {
                project: environment.swanlab_project().to_owned(),
                workspace: environment.swanlab_workspace.clone().unwrap_or_default(),
                name: about.name.clone(),
                id,
                since: Some(Timestamp::of(at)),
            }),
        )?;
        // SwanLab reads YAML here, and JSON is YAML.
        let described = about.config.iter().zip(0..);
        let described =
            described.map(|((key, value), sort)| (key.clone(), json!({"desc": "", "sort": sort, "value": value})));
        swanlab.save(CONFIG, at, "config", "config.yaml", 1, &Value::Object(described.collect()))?;
        let os = format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH);
        let metadata = json!({"_version": 2, "runtime": {"os": os, "command": "evalscope perf"}});
        swanlab.save(METADATA, at, "metadata", "swanlab-metadata.json", 2, &metadata)?;
        Ok(swanlab)
    }

    fn write(&mut self, num: i64, at_ns: u64, kind: Kind) -> Result<()> {
        self.log.append(&Record { num, at: Some(Timestamp::of(at_ns)), kind: Some(kind) })
    }

    /// Writes a file of SwanLab's own and says that it is there.
    fn save(&mut self, num: i64, at_ns: u64, name: &str, file: &str, kind: i32, value: &Value) -> Result<()> {
        let path = self.folder.join("files").join(file);
        write_file(&path, format!("{value:#}").as_bytes())?;
        self.write(num, at_ns, Kind::Save(Save { name: name.to_owned(), source: absolute(&path), kind }))
    }

    fn scalar(&mut self, key: &str, step: u64, at_ns: u64, number: f64) -> Result<()> {
        self.numbered += 1;
        let step = i64::try_from(step).unwrap_or(i64::MAX);
        let (at, value) = (Some(Timestamp::of(at_ns)), Some(Number { number }));
        self.write(self.numbered, at_ns, Kind::Scalar(Scalar { key: key.to_owned(), step, kind: 1, at, value }))
    }
}

impl Tracker for Swanlab {
    fn name(&self) -> String {
        "swanlab".to_owned()
    }

    fn running(&mut self, step: &Step) -> Result<()> {
        step.numbers().try_for_each(|(key, value)| self.scalar(key, step.number, step.at_ns, value))
    }

    fn over(&mut self, over: &Over) -> Result<()> {
        self.running(&over.step)?;
        for (key, value) in over.figures() {
            self.scalar(&format!("load points/{key}"), self.points, over.step.at_ns, value)?;
        }
        self.points += 1;
        Ok(())
    }

    fn end(&mut self, end: &End) -> Result<Option<String>> {
        for name in &end.files {
            let (from, to) = (self.about.dir.join(name), self.folder.join("files").join(name));
            fs::copy(&from, &to)
                .map_err(|error| Failure::files(format!("{} cannot be copied", from.display())).because(error))?;
            let save = Save { name: (*name).to_owned(), source: absolute(&to), kind: 0 };
            self.numbered += 1;
            self.write(self.numbered, end.at_ns, Kind::Save(save))?;
        }
        let state = match end.state {
            State::Finished => RunState::Finished,
            State::Failed => RunState::Crashed,
            State::Interrupted => RunState::Aborted,
        };
        let error = if state == RunState::Finished { String::new() } else { format!("the run {}", told(end.state)) };
        let finish = Finish { state: state.into(), error, at: Some(Timestamp::of(end.at_ns)) };
        self.write(FINISH, end.at_ns, Kind::Finish(finish))?;
        let host = self.host.as_ref().map(|host| format!("--host {} ", quoted(host))).unwrap_or_default();
        Ok(Some(format!("swanlab sync {host}{}", quoted(&self.folder.display().to_string()))))
    }

    fn folder(&self) -> Option<PathBuf> {
        Some(self.folder.clone())
    }
}

fn told(state: State) -> &'static str {
    match state {
        State::Finished => "was finished",
        State::Failed => "failed",
        State::Interrupted => "was interrupted",
    }
}

fn absolute(path: &std::path::Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::super::framed::tests::records;
    use super::super::tracker::tests::{about, end, over, step};
    use super::*;

    #[test]
    fn the_log_has_its_records_in_order() -> Result<(), Box<dyn std::error::Error>> {
        let dir = tempfile::tempdir()?;
        fs::write(dir.path().join("plan.toml"), "plan")?;
        let mut swanlab = Swanlab::create(&about(dir.path()), &Environment::default(), Some("http://h:1"))?;
        swanlab.running(&step(0))?;
        swanlab.over(&over(1))?;
        let command = swanlab.end(&end(State::Failed))?.unwrap_or_default();
        assert!(command.starts_with("swanlab sync --host http://h:1 "), "{command}");
        let folder = swanlab.folder().unwrap_or_default();
        let log = fs::read_dir(&folder)?.flatten().find(|entry| entry.path().is_file()).ok_or("a log")?;
        let (header, records) = records(&fs::read(log.path())?);
        assert_eq!(header, b":SWL\xd6\xe1\x02");
        let records = records.iter().map(|bytes| Record::decode(&bytes[..])).collect::<Result<Vec<_>, _>>()?;
        let mut numbers: Vec<i64> = records.iter().map(|record| record.num).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, [-4, -3, -2, -1, 1, 2, 3, 4, 5, 6, 7, 8], "no number comes twice");
        let kinds: Vec<Kind> = records.into_iter().filter_map(|record| record.kind).collect();
        let [
            Kind::Start(start),
            Kind::Save(config),
            Kind::Save(metadata),
            scalars @ ..,
            Kind::Save(plan),
            Kind::Finish(finish),
        ] = &kinds[..]
        else {
            return Err(format!("{kinds:?}").into());
        };
        assert_eq!((start.project.as_str(), start.name.as_str()), ("perf_benchmark", "m_20261121_031500"));
        assert_eq!([config.kind, metadata.kind, plan.kind], [1, 2, 0]);
        assert!([config, metadata, plan].iter().all(|save| std::path::Path::new(&save.source).is_file()));
        let scalars: Vec<(&str, i64, f64)> = scalars
            .iter()
            .filter_map(|kind| match kind {
                Kind::Scalar(scalar) => Some((scalar.key.as_str(), scalar.step, scalar.value.as_ref()?.number)),
                _ => None,
            })
            .collect();
        let expected = [
            ("Total Requests", 0, 1.0),
            ("Avg Latency (s)", 0, 0.5),
            ("Total Requests", 1, 2.0),
            ("Avg Latency (s)", 1, 0.5),
            ("load points/Total Requests", 0, 2.0),
            ("load points/Avg Latency (s)", 0, 0.5),
            ("load points/p50 TTFT (ms)", 0, 4.5),
        ];
        assert_eq!(scalars, expected);
        assert_eq!((finish.state, finish.error.as_str()), (2, "the run failed"));
        Ok(())
    }
}
