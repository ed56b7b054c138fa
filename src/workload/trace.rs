//! `workload_trace`: recorded requests with their bodies, sent when they were recorded.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::PathBuf;

use http::{HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::offsets::parse;
use super::remarks::{Reason, Remarks};
use super::{Source, Survey, messages};
use crate::error::{Failure, Result};
use crate::plan::WorkloadSpec;
use crate::plan::dataset::{Args, TraceArgs};
use crate::prompt::{Content, Conversation, Prompt};
use crate::tokenizer::Tokenizer;
use crate::units::NS_PER_S;

/// Faults that are told; more of them are counted.
const TOLD: usize = 20;
/// Fields that EvalScope keeps for itself.
const RESERVED: &str = "__evalscope_";

/// A trace of which only times and places of the records are in memory; bodies are read when they are wanted.
pub(super) struct TraceFile {
    path: PathBuf,
    args: TraceArgs,
    tokenizer: Option<Tokenizer>,
    records: Vec<Place>,
    remarks: Remarks,
}

/// Where a record stands.
#[derive(Debug, Clone, Copy)]
struct Place {
    due_ns: u64,
    byte: u64,
    line: u64,
}

/// A line of the file. Other fields are refused.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record<'a> {
    #[serde(borrow)]
    timestamp: &'a RawValue,
    body: Value,
    #[serde(default)]
    headers: Option<Map<String, Value>>,
    #[serde(default)]
    request_id: Option<String>,
    #[serde(default)]
    completion_tokens: Option<i64>,
}

impl TraceFile {
    /// Reads and checks the whole file; every fault is told at once.
    pub(super) fn new(spec: &WorkloadSpec, tokenizer: Option<Tokenizer>) -> Result<Self> {
        let Args::Trace(args) = &spec.args else { return Err(Failure::bug("a trace without its options")) };
        let path = spec.path.clone().ok_or_else(|| Failure::bug("a trace without a file"))?;
        let mut trace =
            TraceFile { path, args: args.clone(), tokenizer, records: Vec::new(), remarks: Remarks::default() };
        trace.index()?;
        Ok(trace)
    }

    fn open(&self) -> Result<BufReader<File>> {
        let file = File::open(&self.path).map_err(|error| self.unreadable(error))?;
        Ok(BufReader::with_capacity(1 << 16, file))
    }

    fn unreadable(&self, error: std::io::Error) -> Failure {
        Failure::files(format!("--dataset-path {}: cannot be read", self.path.display()))
            .because(error)
            .hint("check the path and the permission to read it")
    }

    /// Notes when each record came and where it stands, in the order of time.
    fn index(&mut self) -> Result<()> {
        let mut reader = self.open()?;
        let (mut faults, mut more) = (Vec::new(), 0_u64);
        let mut found: Vec<(i128, u64, u64)> = Vec::new();
        let (mut byte, mut line) = (0, 0);
        let mut buffer = Vec::new();
        loop {
            buffer.clear();
            let read = reader.read_until(b'\n', &mut buffer).map_err(|error| self.unreadable(error))?;
            if read == 0 {
                break;
            }
            line += 1;
            match self.check(&buffer) {
                Ok(Some(instant)) => found.push((instant, byte, line)),
                Ok(None) => self.remarks.skip(Reason::Blank),
                Err(why) if faults.len() < TOLD => faults.push(format!("line {line}: {why}")),
                Err(_) => more += 1,
            }
            byte += read as u64;
        }
        if !faults.is_empty() {
            let more = if more > 0 { format!("; and {more} more") } else { String::new() };
            return Err(Failure::usage(format!("{}: {}{more}", self.path.display(), faults.join("; ")))
                .hint("a record has timestamp and body, and may have headers, request_id and completion_tokens"));
        }
        if found.is_empty() {
            return Err(Failure::usage(format!("{}: dataset is empty", self.path.display())));
        }
        self.remarks.sorted = found.windows(2).filter(|pair| pair[1].0 < pair[0].0).count() as u64;
        found.sort_by_key(|(instant, ..)| *instant);
        let start = found.first().map_or(0, |(instant, ..)| *instant);
        let mut first = None;
        for (instant, byte, line) in found {
            let second = (instant - start) as f64 / NS_PER_S;
            if self.args.from.is_some_and(|from| second < from) || self.args.to.is_some_and(|to| second >= to) {
                self.remarks.skip(Reason::Outside);
                continue;
            }
            let due = (instant - *first.get_or_insert(instant)) as f64 / self.args.speed;
            self.records.push(Place { due_ns: due.round() as u64, byte, line });
        }
        if self.records.is_empty() {
            return Err(Failure::usage(format!("{}: no record between \"from\" and \"to\"", self.path.display())));
        }
        Ok(())
    }

    /// The instant of a line that can be sent; `None` for a blank one.
    fn check(&self, line: &[u8]) -> std::result::Result<Option<i128>, String> {
        let text = std::str::from_utf8(line).map_err(|_| "not valid UTF-8".to_owned())?;
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.is_empty() {
            return Ok(None);
        }
        let record = record(text)?;
        let time = record.timestamp.get().trim_matches('"');
        let instant = parse(time, 9).ok_or_else(|| format!("timestamp {time:?} is no instant"))?;
        self.prompt(record)?;
        Ok(Some(instant))
    }

    /// The request of a record.
    fn prompt(&self, record: Record<'_>) -> std::result::Result<Prompt, String> {
        let mut body = match record.body {
            Value::Object(body) => body,
            Value::String(text) => serde_json::from_str(&text).map_err(|_| "body: not a JSON object".to_owned())?,
            _ => return Err("body: must be an object, or one as text".to_owned()),
        };
        if let Some(name) = body.keys().find(|name| name.starts_with(RESERVED)) {
            return Err(format!("body: {name} is reserved"));
        }
        match body.get("messages") {
            Some(Value::Array(list)) => messages::check(list)?,
            Some(_) => return Err("body: messages must be an array".to_owned()),
            None => {}
        }
        let tokens = record.completion_tokens.map(|tokens| u32::try_from(tokens).ok().filter(|tokens| *tokens > 0));
        let tokens = match tokens {
            Some(None) => return Err("completion_tokens must be positive".to_owned()),
            Some(tokens) => tokens,
            None => None,
        };
        self.model(&mut body);
        if let Some(tokens) = tokens.filter(|_| self.args.match_output_length && !is_forced(&body)) {
            body.insert("max_tokens".to_owned(), json!(tokens));
            body.insert("ignore_eos".to_owned(), json!(true));
        }
        let mut headers = Vec::new();
        for (name, value) in record.headers.unwrap_or_default() {
            let name: HeaderName = name.parse().map_err(|_| format!("headers: {name:?} is no header name"))?;
            let value = value.as_str().ok_or_else(|| format!("headers: {name} must be text"))?;
            let value: HeaderValue =
                value.parse().map_err(|_| format!("headers: the value of {name} cannot be carried by a header"))?;
            headers.push((name, value));
        }
        Ok(Prompt { headers, id: record.request_id, max_tokens: tokens, ..Prompt::new(Content::Body(body)) })
    }

    /// The model to ask for in place of the recorded one.
    fn model(&self, body: &mut Map<String, Value>) {
        let recorded = body.get("model").and_then(Value::as_str).unwrap_or("");
        if let Some(model) = self.args.model_mapping.get(recorded).or(self.args.model_override.as_ref()) {
            body.insert("model".to_owned(), json!(model));
        }
    }

    /// Reads a record again.
    fn item(&self, reader: &mut BufReader<File>, place: Place) -> Result<Conversation> {
        let mut buffer = Vec::new();
        let read = reader.seek(SeekFrom::Start(place.byte)).and_then(|_| reader.read_until(b'\n', &mut buffer));
        read.map_err(|error| self.unreadable(error))?;
        let text = String::from_utf8_lossy(&buffer);
        let changed = |why| {
            Failure::files(format!("{}: line {}: changed while it was read: {why}", self.path.display(), place.line))
        };
        let mut prompt = record(text.trim_start_matches('\u{feff}').trim())
            .and_then(|record| self.prompt(record))
            .map_err(changed)?;
        if let Some(tokenizer) = &self.tokenizer {
            prompt.tokens = messages::tokens(&prompt.content, tokenizer)?;
        }
        Ok(Conversation { turns: vec![prompt], due_ns: Some(place.due_ns) })
    }
}

fn record(text: &str) -> std::result::Result<Record<'_>, String> {
    serde_json::from_str(text).map_err(|error| {
        // The parser sees one line and would call it line 1.
        let text = error.to_string().replace('`', "");
        text.split(" at line ").next().unwrap_or(&text).to_owned()
    })
}

/// Whether the form of the reply is forced, so that its end cannot be put off.
fn is_forced(body: &Map<String, Value>) -> bool {
    let kinds: BTreeSet<&str> = ["json_object", "json_schema"].into();
    let format = body.get("response_format").and_then(|format| format.get("type")).and_then(Value::as_str);
    let tools = body.get("tools").and_then(Value::as_array).is_some_and(|tools| !tools.is_empty());
    let choice = match body.get("tool_choice") {
        Some(Value::String(choice)) => choice == "required",
        Some(Value::Object(_)) => true,
        _ => false,
    };
    format.is_some_and(|format| kinds.contains(format)) || (tools && choice)
}

impl Source for TraceFile {
    fn items(&mut self, from: u64, count: u64) -> Result<Vec<Conversation>> {
        let mut reader = self.open()?;
        let many = self.records.len().max(1) as u64;
        (from..from.saturating_add(count))
            .filter_map(|index| self.records.get(usize::try_from(index % many).unwrap_or(0)))
            .map(|place| self.item(&mut reader, *place))
            .collect()
    }

    fn survey(&mut self, most: u64) -> Result<Option<Survey>> {
        let count = most.min(self.records.len() as u64);
        let last = usize::try_from(count).ok().and_then(|count| self.records.get(count.saturating_sub(1)));
        Ok(Some(Survey { count, span_ns: last.map_or(0, |place| place.due_ns), hits: None }))
    }

    fn remarks(&self) -> Remarks {
        Remarks { repeats_after: Some(self.records.len() as u64), ..self.remarks.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{TestResult, file, set};
    use super::*;
    use crate::plan::dataset::Set;

    fn open(text: &str, args: Value) -> TestResult<(tempfile::TempDir, Result<TraceFile>)> {
        let (folder, path) = file("trace.jsonl", text.as_bytes())?;
        let spec = set(Set::WorkloadTrace, Some(path), args)?;
        Ok((folder, TraceFile::new(&spec, None)))
    }

    fn body(conversation: &Conversation) -> Map<String, Value> {
        match &conversation.turns[0].content {
            Content::Body(body) => body.clone(),
            other => Map::from_iter([("no body".to_owned(), json!(format!("{other:?}")))]),
        }
    }

    const TRACE: &str = concat!(
        r#"{"timestamp": 1700000000.5, "body": {"model": "a", "messages": [{"role": "user", "content": "x"}]}}"#,
        "\n\n",
        r#"{"timestamp": "1700000003.5", "body": "{\"model\": \"b\", \"prompt\": \"y\"}", "headers": {"X-A": "1"},"#,
        r#" "request_id": "r2", "completion_tokens": 64}"#,
        "\n",
        r#"{"timestamp": "2023-11-14T22:13:21.500000Z", "body": {"prompt": "z", "response_format": {"type": "json_object"}},"#,
        r#" "completion_tokens": 9}"#,
        "\n",
    );

    #[test]
    fn records_come_in_the_order_of_time_at_the_asked_speed() -> TestResult {
        let args = json!({"speed": 2, "match_output_length": true, "model_mapping": {"a": "A"}, "model_override": "M"});
        let (_folder, trace) = open(TRACE, args)?;
        let mut trace = trace?;
        let items = trace.items(0, 3)?;
        let due: Vec<_> = items.iter().map(|item| item.due_ns).collect();
        assert_eq!(due, [Some(0), Some(500_000_000), Some(1_500_000_000)]);
        assert_eq!((body(&items[0])["model"].as_str(), body(&items[2])["model"].as_str()), (Some("A"), Some("M")));
        assert_eq!(body(&items[1]).get("max_tokens"), None, "a reply whose form is forced ends by itself");
        assert_eq!((&body(&items[2])["max_tokens"], &body(&items[2])["ignore_eos"]), (&json!(64), &json!(true)));
        let last = &items[2].turns[0];
        assert_eq!((last.id.as_deref(), last.headers[0].0.as_str()), (Some("r2"), "x-a"));
        assert_eq!((trace.remarks().sorted, trace.remarks().to_string()), (1, "1 blank line".to_owned()));
        assert_eq!(trace.survey(9)?, Some(Survey { count: 3, span_ns: 1_500_000_000, hits: None }));
        Ok(())
    }

    #[test]
    fn a_window_is_cut_out() -> TestResult {
        let (_folder, trace) = open(TRACE, json!({"from": 1, "to": 3}))?;
        let mut trace = trace?;
        assert_eq!(trace.survey(9)?.map(|survey| survey.count), Some(1));
        assert_eq!(trace.items(0, 1)?[0].due_ns, Some(0));
        Ok(())
    }

    #[test]
    fn every_fault_is_told_with_its_line() -> TestResult {
        let text = concat!(
            "{\"timestamp\": 1, \"body\": {}, \"extra\": 1}\n",
            "{\"body\": {}}\n",
            "{\"timestamp\": \"soon\", \"body\": {}}\n",
            "{\"timestamp\": 1, \"body\": {\"__evalscope_x\": 1}}\n",
            "{\"timestamp\": 1, \"body\": {}, \"completion_tokens\": 0}\n",
            "{\"timestamp\": 1, \"body\": []}\n",
            "{\"timestamp\": 1, \"body\": {}, \"headers\": {\"a b\": \"c\"}}\n",
        );
        let (_folder, trace) = open(text, json!({}))?;
        let message = trace.err().ok_or("accepted")?.message;
        for words in [
            "line 1: unknown field extra, expected one of timestamp, body, headers, request_id, completion_tokens",
            "line 2: missing field timestamp",
            "line 3: timestamp \"soon\" is no instant",
            "line 4: body: __evalscope_x is reserved",
            "line 5: completion_tokens must be positive",
            "line 6: body: must be an object",
            "line 7: headers: \"a b\" is no header name",
        ] {
            assert!(message.contains(words), "{words}: {message}");
        }
        Ok(())
    }
}
