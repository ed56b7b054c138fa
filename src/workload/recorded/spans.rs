//! Calls of agents from OpenTelemetry traces: each span with `gen_ai.input.messages` is a request with its whole history.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::error::{Failure, Result};
use crate::plan::WorkloadSpec;
use crate::plan::dataset::{Args, RecordedArgs};
use crate::prompt::{Content, Conversation, Prompt};
use crate::tokenizer::Tokenizer;
use crate::units::NS_PER_S;
use crate::workload::offsets::parse;
use crate::workload::remarks::{Reason, Remarks};
use crate::workload::{Source, Survey, messages};

/// Folders in a folder that are looked through.
const DEPTH: u32 = 3;

/// Requests of the spans of one trace, or of those of a folder one trace after the other.
pub(in crate::workload) struct Spans {
    items: Vec<Conversation>,
    remarks: Remarks,
}

#[derive(Deserialize)]
struct Trace {
    spans: Vec<Span>,
}

#[derive(Deserialize)]
struct Span {
    #[serde(default)]
    span_id: Option<String>,
    start_time: Value,
    #[serde(default)]
    end_time: Option<Value>,
    #[serde(default)]
    attributes: Map<String, Value>,
}

impl Spans {
    pub(in crate::workload) fn new(spec: &WorkloadSpec, tokenizer: Option<&Tokenizer>) -> Result<Self> {
        let Args::Recorded(args) = &spec.args else { return Err(Failure::bug("a trace without its options")) };
        let path = spec.path.as_deref().ok_or_else(|| Failure::bug("a trace without a file"))?;
        let mut spans = Spans { items: Vec::new(), remarks: Remarks::default() };
        let mut begun = 0;
        for file in files(path, DEPTH)? {
            begun = spans.add(&file, begun, args, tokenizer)?;
        }
        if spans.items.is_empty() {
            return Err(Failure::usage(format!("{}: no span holds gen_ai.input.messages", path.display())));
        }
        let first = spans.items.iter().filter_map(|item| item.due_ns).min().unwrap_or(0);
        for item in &mut spans.items {
            item.due_ns = item.due_ns.map(|due| ((due - first) as f64 / args.speed).round() as u64);
        }
        spans.items.sort_by_key(|item| item.due_ns);
        spans.remarks.repeats_after = Some(spans.items.len() as u64);
        Ok(spans)
    }

    /// Adds the spans of a file, whose first begins at `begun`; gives when the last of them is over.
    fn add(&mut self, file: &Path, begun: u64, args: &RecordedArgs, tokenizer: Option<&Tokenizer>) -> Result<u64> {
        let refuse = |why: String| Failure::usage(format!("{}: {why}", file.display()));
        let text = std::fs::read_to_string(file)
            .map_err(|error| Failure::files(format!("{}: cannot be read", file.display())).because(error))?;
        let trace: Trace = serde_json::from_str(&text)
            .map_err(|error| refuse("not a trace with `spans`".to_owned()).because(error))?;
        let instant = |value: &Value| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            parse(&text, 9).ok_or_else(|| refuse(format!("{text:?} is no instant")))
        };
        let starts: Vec<i128> = trace.spans.iter().map(|span| instant(&span.start_time)).collect::<Result<_>>()?;
        let first = starts.iter().min().copied().unwrap_or(0);
        let mut over = begun;
        for (span, start) in trace.spans.into_iter().zip(starts) {
            let since = |instant: i128| begun + u64::try_from(instant - first).unwrap_or(0);
            let due = since(start);
            over = over.max(span.end_time.as_ref().map(&instant).transpose()?.map_or(due, since));
            let seconds = due as f64 / NS_PER_S;
            if args.from.is_some_and(|from| seconds < from) || args.to.is_some_and(|to| seconds >= to) {
                self.remarks.skip(Reason::Outside);
                continue;
            }
            let attribute = |name: &str| span.attributes.get(name);
            if args.model.is_some()
                && attribute("gen_ai.request.model").and_then(Value::as_str) != args.model.as_deref()
            {
                self.remarks.skip(Reason::OtherModel);
                continue;
            }
            let name = span.span_id.as_deref().unwrap_or("?");
            let list = match attribute("gen_ai.input.messages") {
                Some(Value::String(text)) => serde_json::from_str(text)
                    .map_err(|error| refuse(format!("span {name}: messages are no list")).because(error))?,
                Some(Value::Array(list)) => list.clone(),
                _ => {
                    self.remarks.skip(Reason::NoUser);
                    continue;
                }
            };
            messages::check(&list).map_err(|why| refuse(format!("span {name}: {why}")))?;
            let content = Content::Messages(list);
            let count = ["gen_ai.usage.completion_tokens", "gen_ai.usage.output_tokens", "gen_ai.request.max_tokens"];
            let max_tokens = count.iter().find_map(|name| attribute(name)).and_then(Value::as_u64);
            let tokens = match tokenizer {
                Some(tokenizer) => messages::tokens(&content, tokenizer)?,
                None => None,
            };
            let max_tokens = max_tokens.and_then(|tokens| u32::try_from(tokens).ok()).filter(|tokens| *tokens > 0);
            let prompt = Prompt { tokens, max_tokens, id: span.span_id, ..Prompt::new(content) };
            self.items.push(Conversation { turns: vec![prompt], due_ns: Some(due) });
        }
        Ok(over)
    }
}

/// The JSON files of a folder and those in it, in the order of their names.
fn files(path: &Path, depth: u32) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let unreadable =
        |error| Failure::files(format!("--dataset-path {}: cannot be read", path.display())).because(error);
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(path).map_err(unreadable)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    entries.sort();
    let mut found = Vec::new();
    for entry in entries {
        if entry.is_dir() && depth > 0 {
            found.extend(files(&entry, depth - 1)?);
        } else if entry.extension().is_some_and(|ending| ending == "json") {
            found.push(entry);
        }
    }
    Ok(found)
}

impl Source for Spans {
    fn items(&mut self, from: u64, count: u64) -> Result<Vec<Conversation>> {
        let skip = usize::try_from(from % (self.items.len().max(1) as u64)).unwrap_or(0);
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        Ok(self.items.iter().cycle().skip(skip).take(count).cloned().collect())
    }

    fn survey(&mut self, most: u64) -> Result<Option<Survey>> {
        let count = most.min(self.items.len() as u64);
        let last = usize::try_from(count).ok().and_then(|count| self.items.get(count.saturating_sub(1)));
        Ok(Some(Survey { count, span_ns: last.and_then(|item| item.due_ns).unwrap_or(0), hits: None }))
    }

    fn remarks(&self) -> Remarks {
        self.remarks.clone()
    }
}
