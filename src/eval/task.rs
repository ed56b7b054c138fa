//! One evaluation as the user asks for it: the keys of EvalScope's task configuration, from flags or a file.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::args::{DatasetArgs, Limit};
use super::config_file;
use crate::error::{Failure, Result, known};

/// EvalScope's number of tries after a failed request, and its pause in seconds.
const RETRIES: u32 = 5;
const RETRY_INTERVAL: f64 = 10.0;
/// Requests in flight where the user does not say: EvalScope's number for a server, and what the model in this program works
/// on at once.
const IN_FLIGHT: usize = 8;

/// What a user asks for, by EvalScope's keys. What is not set is `None`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// Name, folder or id of the model; sent as `model`.
    pub model: Option<String>,
    /// Name of the model in files.
    pub model_id: Option<String>,
    /// Arguments of a local model.
    pub model_args: Option<Map<String, Value>>,
    /// What the model does.
    pub model_task: Option<String>,
    /// Chat template of a local model.
    pub chat_template: Option<String>,
    /// Names of benchmarks.
    pub datasets: Option<Vec<String>>,
    /// What is changed of each of them.
    pub dataset_args: Option<Map<String, Value>>,
    /// Folder that files of hubs are kept in.
    pub dataset_dir: Option<String>,
    /// Where data comes from: `modelscope`, `huggingface`, `local`, or `sample` for the samples of the cards.
    pub dataset_hub: Option<String>,
    /// How the model generates.
    pub generation_config: Option<Map<String, Value>>,
    /// What is spoken.
    pub eval_type: Option<String>,
    /// Which harness evaluates.
    pub eval_backend: Option<String>,
    /// Settings of another harness.
    pub eval_config: Option<Value>,
    /// Requests in flight.
    pub eval_batch_size: Option<usize>,
    /// Most samples of each subset.
    pub limit: Option<Limit>,
    /// How often each sample is asked.
    pub repeats: Option<usize>,
    /// Folder of an earlier run that is gone on with.
    pub use_cache: Option<String>,
    /// Score earlier answers again.
    pub rerun_review: Option<bool>,
    /// Folder of all runs.
    pub work_dir: Option<String>,
    /// Leave the time out of the folder's name.
    pub no_timestamp: Option<bool>,
    /// Write `progress.json`.
    pub enable_progress_tracker: Option<bool>,
    /// A failed sample is no reason for exit 1.
    pub ignore_errors: Option<bool>,
    /// Log in detail.
    pub debug: Option<bool>,
    /// Resolve and print, ask nothing.
    pub dry_run: Option<bool>,
    /// Seed of shuffles and draws.
    pub seed: Option<u64>,
    /// Address of the server.
    pub api_url: Option<String>,
    /// Its key; never saved.
    #[serde(skip_serializing)]
    pub api_key: Option<String>,
    /// The judge.
    pub judge: Option<Value>,
    /// Deprecated: part of `judge`.
    pub judge_strategy: Option<String>,
    /// Deprecated: part of `judge`.
    pub judge_model_args: Option<Value>,
    /// Let a model write about the report.
    pub analysis_report: Option<bool>,
    /// Figures of speed.
    pub collect_perf: Option<bool>,
    /// Agents.
    pub agent_config: Option<Value>,
    /// Where generated code runs.
    pub sandbox: Option<Value>,
    /// Deprecated: part of `generation_config`.
    pub timeout: Option<f64>,
    /// Deprecated: part of `generation_config`.
    pub stream: Option<bool>,
    /// A folder of the user's own cards.
    pub cards: Option<String>,
}

/// Words for what is spoken, and the protocol of the load engine that it is.
const TYPES: [(&str, &str); 10] = [
    ("openai_api", "openai"),
    ("server", "openai"),
    ("service", "openai"),
    ("openai_responses_api", "responses"),
    ("anthropic_api", "anthropic"),
    ("llm_ckpt", "local"),
    ("checkpoint", "local"),
    ("systemone_api", "systemone"),
    ("autotrust_api", "autotrust"),
    ("mock_llm", "mock"),
];

impl Task {
    /// Reads a configuration file: YAML, JSON or TOML, by its name.
    ///
    /// # Errors
    /// When it cannot be read, or holds a key that is not known; the message lists the known ones.
    pub fn read(path: &Path) -> Result<Self> {
        config_file::read(path)
    }

    /// The same with what another one says in place of its own.
    #[must_use]
    pub fn with(self, other: Task) -> Task {
        let mut own = serde_json::to_value(&self).unwrap_or_default();
        let key = other.api_key.clone().or(self.api_key);
        let given = serde_json::to_value(&other).unwrap_or_default();
        if let (Some(own), Some(given)) = (own.as_object_mut(), given.as_object()) {
            own.extend(
                given.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.clone(), value.clone())),
            );
        }
        let merged: Task = serde_json::from_value(own).unwrap_or_default();
        Task { api_key: key, ..merged }
    }

    /// The benchmarks by name, at least one.
    ///
    /// # Errors
    /// When there are none.
    pub fn names(&self) -> Result<Vec<String>> {
        let mut names: Vec<String> = Vec::new();
        for name in self
            .datasets
            .iter()
            .flatten()
            .flat_map(|name| name.split(','))
            .map(str::trim)
            .filter(|name| !name.is_empty())
        {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        if names.is_empty() {
            return Err(Failure::usage("--datasets: name at least one benchmark")
                .hint("`evalscope benchmarks` lists them; `evalscope eval --datasets gsm8k --dataset-hub sample` runs without network"));
        }
        Ok(names)
    }

    /// What is changed of a benchmark.
    ///
    /// # Errors
    /// When a key is not known; the message lists the known ones.
    pub fn args(&self, name: &str) -> Result<DatasetArgs> {
        let Some(args) = self.dataset_args.as_ref().and_then(|all| all.get(name)) else {
            return Ok(DatasetArgs::default());
        };
        serde_json::from_value(args.clone()).map_err(|error| Failure::usage(format!("--dataset-args: {name}: {error}")))
    }

    /// What is spoken: by `eval_type`, else by whether there is an address.
    ///
    /// # Errors
    /// When the word is not known, or stands for what is not evaluated here.
    pub fn api(&self) -> Result<&'static str> {
        let Some(word) = &self.eval_type else { return Ok(if self.api_url.is_some() { "openai" } else { "local" }) };
        let found = TYPES.iter().find(|(name, _)| name == word).map(|(_, api)| *api);
        let api = found.ok_or_else(|| {
            Failure::usage(format!("--eval-type {word}: is not evaluated here"))
                .hint(format!("known are {}", known(TYPES.map(|(name, _)| name))))
        })?;
        match (api, &self.api_url) {
            ("local" | "mock", Some(url)) => {
                Err(Failure::usage(format!("--api-url {url}: --eval-type {word} asks no server"))
                    .hint("leave out one of the two"))
            }
            ("openai" | "responses" | "anthropic" | "systemone" | "autotrust", None) => {
                Err(Failure::usage(format!("--eval-type {word}: needs --api-url"))
                    .hint("give the address of the server"))
            }
            _ => Ok(api),
        }
    }

    /// How the model generates: what the user says, else EvalScope's defaults.
    pub fn generation(&self) -> Generation {
        let mut fields = self.generation_config.clone().unwrap_or_default();
        if let Some(timeout) = self.timeout {
            fields.entry("timeout").or_insert(json!(timeout));
        }
        if let Some(stream) = self.stream {
            fields.entry("stream").or_insert(json!(stream));
        }
        if self.generation_config.as_ref().is_none_or(Map::is_empty) {
            fields.insert("temperature".to_owned(), json!(0.0));
        }
        let mut take = |name: &str| fields.shift_remove(name).filter(|value| !value.is_null());
        Generation {
            timeout: take("timeout").and_then(|value| value.as_f64()),
            retries: take("retries")
                .and_then(|value| value.as_u64())
                .and_then(|value| u32::try_from(value).ok())
                .unwrap_or(RETRIES),
            retry_interval: take("retry_interval").and_then(|value| value.as_f64()).unwrap_or(RETRY_INTERVAL),
            stream: take("stream").and_then(|value| value.as_bool()).unwrap_or(false),
            tries: take("n").and_then(|value| value.as_u64()).and_then(|value| usize::try_from(value).ok()),
            headers: match take("extra_headers") {
                Some(Value::Object(headers)) => {
                    headers.iter().map(|(name, value)| format!("{name}={}", super::sample::spelled(value))).collect()
                }
                _ => Vec::new(),
            },
            query: match take("extra_query") {
                Some(Value::Object(query)) => query,
                _ => Map::new(),
            },
            batch_size: take("batch_size")
                .and_then(|value| value.as_u64())
                .and_then(|value| usize::try_from(value).ok()),
            fields,
        }
    }

    /// How often each sample is asked: `repeats`, else `n` of the generation.
    ///
    /// # Errors
    /// When it is 0.
    pub fn tries(&self) -> Result<usize> {
        match self.repeats.or(self.generation().tries).unwrap_or(1) {
            0 => Err(Failure::usage("--repeats 0: each sample is asked at least once")),
            tries => Ok(tries),
        }
    }

    /// Requests in flight.
    ///
    /// # Errors
    /// When it is 0.
    pub fn in_flight(&self) -> Result<usize> {
        match self.eval_batch_size.or(self.generation().batch_size).unwrap_or(IN_FLIGHT) {
            0 => Err(Failure::usage("--eval-batch-size 0: at least one request must be in flight")),
            size => Ok(size),
        }
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.seed.unwrap_or(42)
    }

    /// The name of the model in files: the last part of its name, without characters that files cannot have.
    pub fn folder(&self, model: &str) -> String {
        let name = self.model_id.clone().unwrap_or_else(|| {
            let plain = model.trim_end_matches('/');
            plain.rsplit('/').next().unwrap_or(plain).to_owned()
        });
        let safe: String =
            name.chars().map(|c| if "<>:\"|?*\\/\0".contains(c) || c.is_control() { '_' } else { c }).collect();
        if matches!(safe.as_str(), "" | "." | "..") { "model".to_owned() } else { safe }
    }

    /// Where the files of this run go.
    pub fn root(&self) -> PathBuf {
        if let Some(cache) = &self.use_cache {
            return PathBuf::from(cache);
        }
        let root = PathBuf::from(self.work_dir.as_deref().unwrap_or("./outputs"));
        if self.no_timestamp == Some(true) {
            root
        } else {
            root.join(jiff::Zoned::now().strftime("%Y%m%d_%H%M%S").to_string())
        }
    }

    /// What of it cannot be done here, and what has no effect, said before anything is asked.
    ///
    /// # Errors
    /// When something is asked for that another program must do.
    pub fn check(&self) -> Result<Vec<String>> {
        let mut notices = Vec::new();
        if let Some(backend) = self.eval_backend.as_deref().filter(|backend| *backend != "Native") {
            return Err(Failure::usage(format!("--eval-backend {backend}: only Native is evaluated here"))
                .hint("leave the flag out"));
        }
        if self.eval_config.is_some() {
            return Err(
                Failure::usage("--eval-config: it holds the settings of another harness").hint("leave the flag out")
            );
        }
        if let Some(task) = self.model_task.as_deref().filter(|task| *task != "text_generation") {
            return Err(Failure::usage(format!("--model-task {task}: only text_generation is evaluated here")));
        }
        for (flag, value) in [("--agent-config", &self.agent_config), ("--sandbox", &self.sandbox)] {
            if value.is_some() {
                return Err(Failure::usage(format!("{flag}: agents and code that runs are not evaluated here"))
                    .hint("leave the flag out"));
            }
        }
        let strategy =
            self.judge.as_ref().and_then(|judge| judge["strategy"].as_str()).or(self.judge_strategy.as_deref());
        match strategy {
            None | Some("auto" | "rule") => {}
            Some(other) => {
                return Err(Failure::usage(format!("--judge: strategy {other}: answers are scored by rules here"))
                    .hint("set the strategy to auto or rule, or leave the flag out"));
            }
        }
        if self.judge.is_some() || self.judge_model_args.is_some() {
            notices.push("--judge: every benchmark here is scored by rules; the judge is not asked".to_owned());
        }
        if self.analysis_report == Some(true) {
            notices.push("--analysis-report: no model writes about reports here; it is passed over".to_owned());
        }
        if let Some(name) = self
            .dataset_args
            .iter()
            .flatten()
            .map(|(name, _)| name)
            .find(|name| !self.names().is_ok_and(|all| all.contains(name)))
        {
            notices.push(format!("--dataset-args {name}: it is not among --datasets and is passed over"));
        }
        Ok(notices)
    }
}

/// How the model generates, taken apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Generation {
    /// Seconds that a request may take.
    pub timeout: Option<f64>,
    /// Times that a failed request is made again.
    pub retries: u32,
    /// Seconds of the longest pause before.
    pub retry_interval: f64,
    /// Whether replies are streamed.
    pub stream: bool,
    /// Tries of each sample.
    pub tries: Option<usize>,
    /// Headers, as `name=value`.
    pub headers: Vec<String>,
    /// What is added to the address.
    pub query: Map<String, Value>,
    /// Requests in flight.
    pub batch_size: Option<usize>,
    /// Everything else, by EvalScope's names.
    pub fields: Map<String, Value>,
}

/// Words as EvalScope's flags take them: JSON, or `k=v,k=v` with values as Python's literals.
///
/// # Errors
/// In words, when it is neither.
pub fn object(text: &str) -> std::result::Result<Map<String, Value>, String> {
    let trimmed = text.trim();
    if trimmed.starts_with('{') {
        return match serde_json::from_str::<Value>(trimmed)
            .or_else(|error| super::literal::parse(trimmed).map_err(|_| error))
        {
            Ok(Value::Object(map)) => Ok(map),
            Ok(_) => Err("must be an object".to_owned()),
            Err(error) => Err(format!("is no JSON: {error}")),
        };
    }
    let mut map = Map::new();
    for pair in pairs(trimmed) {
        let (name, value) = pair.split_once('=').ok_or_else(|| format!("{pair:?} is neither JSON nor key=value"))?;
        let value = value.trim();
        let read = super::literal::parse(value).unwrap_or_else(|_| json!(value));
        map.insert(name.trim().to_owned(), read);
    }
    Ok(map)
}

/// Parts between commas that stand in no bracket.
fn pairs(text: &str) -> Vec<&str> {
    let (mut depth, mut from, mut parts) = (0_i32, 0, Vec::new());
    for (at, c) in text.char_indices() {
        match c {
            '[' | '(' | '{' => depth += 1,
            ']' | ')' | '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(text.get(from..at).unwrap_or(""));
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text.get(from..).unwrap_or(""));
    parts.into_iter().filter(|part| !part.trim().is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_json_or_pairs() {
        assert_eq!(object(r#"{"a": 1}"#), Ok(json!({"a": 1}).as_object().cloned().unwrap_or_default()));
        let read = object("temperature=0.7,stop=['a, b'],do_sample=False,name=x");
        assert_eq!(
            read,
            Ok(json!({"temperature": 0.7, "stop": ["a, b"], "do_sample": false, "name": "x"})
                .as_object()
                .cloned()
                .unwrap_or_default())
        );
        assert!(object("nonsense").is_err());
    }

    #[test]
    fn flags_win_over_the_file() {
        let file = Task {
            model: Some("a".into()),
            limit: Some(Limit::Count(3)),
            api_key: Some("k".into()),
            ..Task::default()
        };
        let flags = Task { model: Some("b".into()), ..Task::default() };
        let merged = file.with(flags);
        assert_eq!(
            (merged.model.as_deref(), merged.limit, merged.api_key.as_deref()),
            (Some("b"), Some(Limit::Count(3)), Some("k"))
        );
    }

    #[test]
    fn generation_is_taken_apart_with_evalscopes_defaults() {
        let plain = Task::default().generation();
        assert_eq!((plain.retries, plain.stream, plain.fields.get("temperature")), (5, false, Some(&json!(0.0))));
        let own = Task {
            generation_config: Some(object("max_tokens=9,n=3,stream=True").unwrap_or_default()),
            ..Task::default()
        };
        let own = own.generation();
        assert_eq!(
            (own.tries, own.stream, own.fields.get("temperature"), own.fields.get("max_tokens")),
            (Some(3), true, None, Some(&json!(9)))
        );
    }

    #[test]
    fn unknown_keys_and_words_are_refused_with_the_known_ones() {
        let folder = std::env::temp_dir().join("evalscope-task-test.yaml");
        assert!(std::fs::write(&folder, "model: a\ndataset: [x]\n").is_ok());
        let told = Task::read(&folder).err().map(|failure| failure.to_string()).unwrap_or_default();
        assert!(told.contains("dataset") && told.contains("datasets"), "{told}");
        let task = Task { eval_type: Some("text2image".into()), ..Task::default() };
        assert!(task.api().is_err_and(|failure| failure.hint.is_some_and(|hint| hint.contains("openai_api"))));
    }
}
