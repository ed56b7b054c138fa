//! Conversations for `swe_smith`: turns that are made already, or trajectories of an agent cut into turns.

use serde_json::{Map, Value, json};

use super::lines::Place;
use super::messages;
use super::remarks::Reason;
use super::rng::{Purpose, stream, within};
use crate::error::{Failure, Result};
use crate::plan::dataset::{Range, TurnArgs};
use crate::plan::{Turns, WorkloadSpec};
use crate::prompt::{Content, Conversation, Prompt};
use crate::tokenizer::Tokenizer;

/// EvalScope's lengths in tokens of the first and of later turns, and characters that a token is taken for.
const FIRST: Range = Range { min: 65_000, max: 65_000 };
const LATER: Range = Range { min: 500, max: 500 };
const CHARS_PER_TOKEN: f64 = 3.0;

/// How trajectories are cut.
#[derive(Clone)]
pub(super) struct Trajectories {
    first: Range,
    later: Range,
    chars_per_token: f64,
    turns: Turns,
    seed: u64,
    tokenizer: Option<Tokenizer>,
}

impl std::fmt::Debug for Trajectories {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trajectories").field("first", &self.first).field("later", &self.later).finish_non_exhaustive()
    }
}

impl PartialEq for Trajectories {
    fn eq(&self, other: &Self) -> bool {
        (self.first, self.later, self.turns, self.seed) == (other.first, other.later, other.turns, other.seed)
    }
}

impl Trajectories {
    pub(super) fn new(spec: &WorkloadSpec, args: &TurnArgs, tokenizer: Option<Tokenizer>) -> Self {
        Trajectories {
            first: args.first_turn_length.unwrap_or(FIRST),
            later: args.subsequent_turn_length.unwrap_or(LATER),
            chars_per_token: args.chars_per_token.unwrap_or(CHARS_PER_TOKEN),
            turns: spec.turns,
            seed: spec.seed,
            tokenizer,
        }
    }

    /// The conversation of a row.
    pub(super) fn conversation(
        &self,
        row: Value,
        place: Place<'_>,
    ) -> Result<std::result::Result<Conversation, Reason>> {
        match row {
            Value::Array(turns) => self.made(turns, None, place),
            Value::Object(mut row) => {
                let rid = row.get("rid").and_then(Value::as_str).map(str::to_owned);
                match row.shift_remove("turns").or_else(|| row.shift_remove("conversation")) {
                    Some(Value::Array(turns)) => self.made(turns, rid, place),
                    Some(_) => Err(place.refuse("`turns` must be a list")),
                    None => self.cut(row, place),
                }
            }
            _ => Err(place.refuse("must be a list of turns, or a trajectory with `messages`")),
        }
    }

    /// Turns as they stand in the file.
    fn made(
        &self,
        list: Vec<Value>,
        rid: Option<String>,
        place: Place<'_>,
    ) -> Result<std::result::Result<Conversation, Reason>> {
        let mut turns = Vec::new();
        for (index, turn) in list.into_iter().enumerate() {
            let at = |why: &str| place.refuse(format_args!("turn {index}: {why}"));
            let Value::Object(mut turn) = turn else { return Err(at("must be an object with `messages`")) };
            let Some(Value::Array(messages)) = turn.shift_remove("messages") else {
                return Err(at("`messages` must be a list"));
            };
            messages::check(&messages).map_err(|why| at(&why))?;
            let tokens = turn.get("prompt_tokens").and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
            let id = rid.as_ref().map(|rid| format!("{rid}_t{index}"));
            turns.push(Prompt { tokens, id, ..Prompt::new(Content::Messages(messages)) });
        }
        turns.truncate(self.turns.max.map_or(usize::MAX, |max| max as usize));
        Ok(if turns.is_empty() { Err(Reason::NoUser) } else { Ok(Conversation { turns, due_ns: None }) })
    }

    /// A trajectory cut into turns: what the user and the tools said, filled up to the length that is drawn for each
    /// turn, the last message cut. Those too short are left out, as in EvalScope.
    fn cut(&self, mut row: Map<String, Value>, place: Place<'_>) -> Result<std::result::Result<Conversation, Reason>> {
        let tokenizer = self.tokenizer.as_ref().ok_or_else(|| {
            Failure::usage("--dataset swe_smith needs --tokenizer-path to cut trajectories into turns")
                .hint("a file of turns, {\"conversations\": [[{\"messages\": [...]}]]}, needs none")
        })?;
        let list = match row.shift_remove("messages") {
            Some(Value::Array(list)) => list,
            Some(Value::String(text)) => {
                serde_json::from_str(&text).map_err(|error| place.refuse("`messages` must be a list").because(error))?
            }
            _ => return Err(place.refuse("`messages` is missing")),
        };
        let said: Vec<String> = list.iter().filter_map(text_of_user).collect();
        let mut rng = stream(self.seed, Purpose::Turns, place.line);
        let most = self.turns.max.unwrap_or(self.turns.min);
        let wanted = within(&mut rng, self.turns.min, most);
        let budget = f64::from(self.first.max) + f64::from(self.later.max) * f64::from(most.saturating_sub(1));
        let characters: usize = said.iter().map(|text| text.chars().count()).sum();
        if (characters as f64) < (budget * self.chars_per_token).floor() {
            return Ok(Err(Reason::Brief));
        }
        let mut rest = said.into_iter();
        let mut turns = Vec::new();
        for index in 0..wanted {
            let range = if index == 0 { self.first } else { self.later };
            let length = within(&mut rng, range.min, range.max) as usize;
            match fill(&mut rest, length, tokenizer)? {
                Some((messages, tokens)) => turns.push(Prompt { tokens, ..Prompt::new(Content::Messages(messages)) }),
                None => return Ok(Err(Reason::Brief)),
            }
        }
        Ok(Ok(Conversation { turns, due_ns: None }))
    }
}

/// The text of a message of the user or of a tool.
fn text_of_user(message: &Value) -> Option<String> {
    if !matches!(message.get("role")?.as_str()?, "user" | "tool") {
        return None;
    }
    match message.get("content")? {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Array(parts) => {
            let texts: Vec<&str> = parts
                .iter()
                .filter_map(|part| part.as_str().or_else(|| part.get("text").and_then(Value::as_str)))
                .collect();
            (!texts.is_empty()).then(|| texts.join("\n"))
        }
        _ => None,
    }
}

/// Messages of exactly so many tokens; `None` where there are not enough.
fn fill(
    rest: &mut impl Iterator<Item = String>,
    length: usize,
    tokenizer: &Tokenizer,
) -> Result<Option<(Vec<Value>, Option<u32>)>> {
    let mut messages = Vec::new();
    let mut have = 0;
    while have < length {
        let Some(mut text) = rest.next() else { return Ok(None) };
        let ids = tokenizer.encode(&text)?;
        let room = length - have;
        let mut count = ids.len();
        if count > room {
            text = tokenizer.decode(ids.get(..room).unwrap_or(&ids))?;
            text.truncate(text.trim_end_matches(char::REPLACEMENT_CHARACTER).len());
            count = tokenizer.count(&text)?;
        }
        messages.push(json!({"role": "user", "content": text}));
        have += count;
        if count >= room || count == 0 {
            break;
        }
    }
    Ok((!messages.is_empty()).then(|| (messages, u32::try_from(have).ok())))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{TestResult, set};
    use super::*;
    use crate::plan::dataset::Set;

    const PLACE: Place<'static> = Place { file: "a.json", line: 1 };

    fn trajectories(first: u32, later: u32, turns: u32) -> TestResult<Trajectories> {
        let args = json!({"first_turn_length": first, "subsequent_turn_length": later, "chars_per_token": 1.0});
        let mut spec = set(Set::SweSmith, None, args.clone())?;
        spec.turns = Turns { min: turns, max: Some(turns) };
        Ok(Trajectories::new(&spec, &serde_json::from_value(args)?, Some(Tokenizer::built_in()?)))
    }

    #[test]
    fn turns_that_are_made_stay_as_they_are() -> TestResult {
        let row = json!({"rid": "r", "turns": [{"messages": [{"role": "user", "content": "a"}], "prompt_tokens": 9},
            {"messages": [{"role": "user", "content": "b"}]}]});
        let made = trajectories(1, 1, 2)?.conversation(row, PLACE)?.map_err(|_| "left out")?;
        assert_eq!((made.turns[0].tokens, made.turns[1].id.as_deref()), (Some(9), Some("r_t1")));
        let list = json!([{"messages": [{"role": "user", "content": "a"}]}]);
        assert_eq!(trajectories(1, 1, 2)?.conversation(list, PLACE)?.map_err(|_| "left out")?.turns.len(), 1);
        Ok(())
    }

    #[test]
    fn trajectories_are_cut_to_the_lengths() -> TestResult {
        let tokenizer = Tokenizer::built_in()?;
        let long = "the people of the state know what to do and how to do it today ".repeat(20);
        let row = json!({"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": long},
            {"role": "assistant", "content": "x"}, {"role": "tool", "content": [{"type": "text", "text": long}]},
            {"role": "user", "content": long}]});
        let made = trajectories(120, 30, 3)?.conversation(row.clone(), PLACE)?.map_err(|_| "left out")?;
        let tokens = |turn: &Prompt| messages::tokens(&turn.content, &tokenizer);
        let counts: Vec<_> = made.turns.iter().map(tokens).collect::<Result<_>>()?;
        assert_eq!(counts, [Some(120), Some(30), Some(30)]);
        assert_eq!(trajectories(9000, 30, 3)?.conversation(row, PLACE)?, Err(Reason::Brief));
        Ok(())
    }
}
