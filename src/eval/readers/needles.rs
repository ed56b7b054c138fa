//! A long text made into texts of given lengths, each with needles at a given depth.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::super::haystack::{Coder, Haystack, Language, Options, needles, question};
use super::{Read, text, wrong};
use crate::error::{Failure, Result};
use crate::tokenizer::Tokenizer;

impl Coder for Tokenizer {
    fn encode(&self, text: &str) -> Vec<u32> {
        Tokenizer::encode(self, text).unwrap_or_default()
    }

    fn decode(&self, tokens: &[u32]) -> String {
        Tokenizer::decode(self, tokens).unwrap_or_default()
    }
}

/// A row for each length and depth of the grid that the settings describe.
pub fn read(path: &Path, config: &str, params: &Map<String, Value>) -> Result<Read> {
    let set: Map<String, Value> = params
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let options: Options =
        serde_json::from_value(Value::Object(set)).map_err(|error| wrong(path, format!("extra_params: {error}")))?;
    if let Some(problem) = options.problem() {
        return Err(Failure::usage(format!("extra_params: {problem}")));
    }
    let language = if config == "chinese" { Language::Chinese } else { Language::English };
    let needles = options.needles.clone().filter(|list| !list.is_empty()).unwrap_or_else(|| needles(language));
    let question = options.retrieval_question.clone().unwrap_or_else(|| question(language).to_owned());
    let (tokenizer, notice) = tokenizer(options.tokenizer_path.as_deref())?;
    let longest = options.lengths().into_iter().max().unwrap_or(0);
    let haystack = Haystack::new(&tokenizer, &text(path)?, &needles, longest);
    let row = |(length, depth)| {
        let row = json!({
            "context": haystack.text(length, depth), "question": question, "answer": needles.join("\n"), "needles": needles,
            "context_length": length, "depth_percent": depth,
        });
        row.as_object().cloned().unwrap_or_default()
    };
    Ok(Read { rows: options.grid().into_iter().map(row).collect(), notice })
}

/// The tokenizer of a path; the one that is built in where nothing is at that path, and a notice of it.
fn tokenizer(path: Option<&str>) -> Result<(Tokenizer, Option<String>)> {
    match path.filter(|path| Path::new(path).exists()) {
        Some(path) => {
            Tokenizer::open_for("extra_params.tokenizer_path", Path::new(path)).map(|tokenizer| (tokenizer, None))
        }
        None => {
            let wanted = path.map(|path| format!(": {path} is no file or folder here")).unwrap_or_default();
            let notice = format!("lengths are counted with the tokenizer that is built in{wanted}");
            Ok((Tokenizer::built_in()?, Some(notice)))
        }
    }
}
