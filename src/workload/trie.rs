//! Traces of agents described by lengths: a long first prompt, then outputs of tools, each after the time the tool took.

use std::time::Duration;

use serde::Deserialize;

use super::Source;
use super::cycle::{Cycle, Parsed, Parser};
use super::lines::{Origin, Place};
use super::maker::{Made, Maker};
use super::remarks::Remarks;
use super::rng::Purpose;
use crate::error::{Failure, Result};
use crate::plan::WorkloadSpec;
use crate::prompt::{Conversation, Prompt};
use crate::tokenizer::Tokenizer;

/// Longest time of a tool, in seconds.
const LONGEST: f64 = 86_400.0;

/// A conversation by its lengths in tokens and its waits.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Lengths {
    input_prompt_length: u32,
    num_turns: usize,
    assistant_response_length: Vec<u32>,
    tool_call_output_length: Vec<u32>,
    /// Seconds.
    tool_call_latency: Vec<f64>,
    final_assistant_response_length: u32,
}

/// Reads the lines of a file.
struct Lines;

impl Parser for Lines {
    type Row = Lengths;

    fn row(&mut self, text: &str, place: Place<'_>, _: &mut Remarks) -> Result<Parsed<Lengths>> {
        let lengths: Lengths = serde_json::from_str(text).map_err(|error| {
            let why = error.to_string().replace('`', "");
            place.refuse(why.split(" at line ").next().unwrap_or(&why).to_owned())
        })?;
        let Lengths { num_turns, assistant_response_length, tool_call_output_length, tool_call_latency, .. } = &lengths;
        for (name, count) in [
            ("assistant_response_length", assistant_response_length.len()),
            ("tool_call_output_length", tool_call_output_length.len()),
            ("tool_call_latency", tool_call_latency.len()),
        ] {
            if count != *num_turns {
                return Err(place.refuse(format_args!("{name} has {count} values and num_turns is {num_turns}")));
            }
        }
        if let Some(bad) = tool_call_latency.iter().find(|seconds| !(0.0..=LONGEST).contains(*seconds)) {
            return Err(place.refuse(format_args!("tool_call_latency {bad}: must be from 0 to {LONGEST} seconds")));
        }
        Ok(Parsed::Use(lengths))
    }
}

/// Conversations of random text after such lengths.
pub(super) struct Trie {
    rows: Cycle<Lines>,
    maker: Maker,
}

impl Trie {
    pub(super) fn new(spec: &WorkloadSpec, tokenizer: Option<Tokenizer>) -> Result<Self> {
        let path = spec.path.clone().ok_or_else(|| Failure::bug("lengths without a file"))?;
        Ok(Trie { rows: Cycle::new(Origin::File(path), Lines), maker: Maker::new(spec, tokenizer)? })
    }

    fn item(&self, index: u64, lengths: &Lengths) -> Result<Conversation> {
        let mut rng = self.maker.stream(Purpose::Prompt, index);
        let replies = lengths.assistant_response_length.iter().chain([&lengths.final_assistant_response_length]);
        let mut turns = Vec::new();
        for (turn, reply) in replies.enumerate() {
            let (length, pause) = match turn.checked_sub(1) {
                None => (lengths.input_prompt_length, 0.0),
                Some(tool) => (lengths.tool_call_output_length[tool], lengths.tool_call_latency[tool]),
            };
            let made = self.maker.text(&mut rng, index, &Made::default(), length.max(1) as usize)?;
            turns.push(Prompt {
                tokens: made.tokens(),
                max_tokens: Some((*reply).max(1)),
                pause: Duration::from_secs_f64(pause),
                ..Prompt::text(made.text)
            });
        }
        Ok(Conversation { turns, due_ns: None })
    }
}

impl Source for Trie {
    fn items(&mut self, from: u64, count: u64) -> Result<Vec<Conversation>> {
        let rows: Vec<Lengths> = self.rows.rows(from, count)?.cloned().collect();
        self.maker.each(from, rows.len() as u64, |index| {
            let row = usize::try_from(index - from).ok().and_then(|place| rows.get(place));
            row.map_or_else(|| Err(Failure::bug("a row is missing")), |row| self.item(index, row))
        })
    }

    fn remarks(&self) -> Remarks {
        Remarks { inexact: self.maker.remarks().inexact, ..self.rows.remarks() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{TestResult, file, set};
    use super::*;
    use crate::plan::dataset::Set;

    const LINE: &str = r#"{"input_prompt_length":80,"num_turns":2,"assistant_response_length":[50,60],"tool_call_output_length":[30,20],"tool_call_latency":[0.4,1.2],"final_assistant_response_length":90}"#;

    #[test]
    fn a_line_becomes_a_conversation_of_its_lengths() -> TestResult {
        let (_folder, path) = file("a.jsonl", format!("{LINE}\n").as_bytes())?;
        let mut trie = Trie::new(&set(Set::TrieCodeQa, Some(path), json!({}))?, None)?;
        let items = trie.items(0, 2)?;
        let shown: Vec<_> = items[0].turns.iter().map(|turn| (turn.tokens, turn.max_tokens, turn.pause)).collect();
        let after = |seconds| Duration::from_secs_f64(seconds);
        assert_eq!(
            shown,
            [(Some(80), Some(50), Duration::ZERO), (Some(30), Some(60), after(0.4)), (Some(20), Some(90), after(1.2)),]
        );
        assert_ne!(items[0].turns[0].content, items[1].turns[0].content, "no text comes again");
        Ok(())
    }

    #[test]
    fn lists_of_another_length_are_refused() -> TestResult {
        let (_folder, path) = file("a.jsonl", LINE.replace("[50,60]", "[50]").as_bytes())?;
        let mut trie = Trie::new(&set(Set::TrieCodeQa, Some(path), json!({}))?, None)?;
        let failure = trie.items(0, 1).err().ok_or("accepted")?;
        assert!(failure.message.ends_with("line 1: assistant_response_length has 1 values and num_turns is 2"));
        Ok(())
    }
}
