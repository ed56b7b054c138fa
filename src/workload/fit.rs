//! Texts brought to a length in tokens: `target_input_len`, `input_len_mode`, `prefix_file` and `prefix_role`.

use serde_json::{Value, json};

use super::format::Measured;
use super::lines::Place;
use super::messages;
use super::remarks::Reason;
use crate::error::{Failure, Result};
use crate::plan::dataset::{InputLenMode, PrefixRole, TextArgs};
use crate::prompt::{Content, Conversation};
use crate::tokenizer::Tokenizer;

/// Rounds in which a prefix is brought to its length.
const ROUNDS: usize = 10;
/// Tokens that a cut may lie before the asked one, where the cut text is read as more tokens than it had.
const SLACK: usize = 8;

/// Brings texts to a length.
pub(super) struct Fit {
    tokenizer: Tokenizer,
    target: usize,
    drop: bool,
    /// Ids of the prefix file.
    prefix: Option<Vec<u32>>,
    role: PrefixRole,
    chat: bool,
}

/// What became of a text.
pub(super) enum Fitted {
    /// It has its length, or as much of it as there was.
    Use(Conversation),
    /// It is left out.
    Leave(Reason),
}

impl Fit {
    /// What the options ask for; `None` where they ask for no length.
    pub(super) fn of(args: &TextArgs, tokenizer: Option<&Tokenizer>, chat: bool) -> Result<Option<Self>> {
        let Some(target) = args.target_input_len else { return Ok(None) };
        let tokenizer = tokenizer.ok_or_else(|| {
            Failure::usage("target_input_len in --dataset-args needs --tokenizer-path")
                .hint("tokens can only be counted with the tokenizer of the server")
        })?;
        let prefix = args.prefix_file.as_ref().map(|path| {
            let text = std::fs::read_to_string(path).map_err(|error| {
                Failure::files(format!("prefix_file {}: cannot be read", path.display())).because(error)
            })?;
            match tokenizer.encode(&text)? {
                ids if ids.is_empty() => Err(Failure::usage(format!("prefix_file {}: is empty", path.display()))),
                ids => Ok(ids),
            }
        });
        Ok(Some(Fit {
            tokenizer: tokenizer.clone(),
            target: target as usize,
            drop: args.input_len_mode == InputLenMode::Drop,
            prefix: prefix.transpose()?,
            role: args.prefix_role,
            chat,
        }))
    }

    /// Brings the measured text of a conversation to the length.
    pub(super) fn apply(&self, mut conversation: Conversation, measured: Measured, place: Place<'_>) -> Result<Fitted> {
        let Some(text) = measured.text(&conversation) else {
            return Err(place
                .refuse("target_input_len brings texts to a length, and this is JSON")
                .hint("leave it out of --dataset-args, or keep lines of text alone"));
        };
        if text.trim().is_empty() {
            return Ok(Fitted::Leave(Reason::Empty));
        }
        let ids = self.tokenizer.encode(text)?;
        let whole = match conversation.turns.first() {
            Some(turn) => messages::tokens(&turn.content, &self.tokenizer)?.map_or(ids.len(), |all| all as usize),
            None => ids.len(),
        };
        if self.prefix.is_some() && measured == Measured::LastUser && whole > self.target {
            return Ok(Fitted::Leave(Reason::OverTarget));
        }
        if ids.len() < self.target && self.drop {
            return Ok(Fitted::Leave(Reason::TooShort));
        }
        let Some(turn) = conversation.turns.first_mut() else { return Ok(Fitted::Leave(Reason::Empty)) };
        if ids.len() > self.target {
            measured.replace(&mut turn.content, self.cut(&ids)?);
        } else if let Some(prefix) = &self.prefix
            && whole < self.target
        {
            self.lead(&mut turn.content, prefix, whole)?;
        }
        Ok(Fitted::Use(conversation))
    }

    /// The first tokens of a text, as many as asked for.
    fn cut(&self, ids: &[u32]) -> Result<String> {
        let mut nearest = (0, String::new());
        for short in 0..SLACK.min(self.target) {
            let kept = ids.get(..self.target - short).unwrap_or(ids);
            // A character that was cut in two is no text.
            let text = self.tokenizer.decode(kept)?.trim_end_matches(char::REPLACEMENT_CHARACTER).to_owned();
            let count = self.tokenizer.count(&text)?;
            if count == self.target {
                return Ok(text);
            }
            if count < self.target && count > nearest.0 {
                nearest = (count, text);
            }
        }
        Ok(nearest.1)
    }

    /// Puts as much of the prefix in front as is missing.
    fn lead(&self, content: &mut Content, prefix: &[u32], whole: usize) -> Result<()> {
        let apart = self.chat && self.role == PrefixRole::System;
        let first = match &*content {
            Content::Text(text) => Some(text.clone()),
            Content::Messages(list) => {
                list.first().and_then(|message| message.get("content")).and_then(Value::as_str).map(str::to_owned)
            }
            _ => None,
        };
        let first = first.unwrap_or_default();
        let alone = self.tokenizer.count(&first)?;
        let total = |text: &str| -> Result<usize> {
            if apart {
                return Ok(whole + self.tokenizer.count(text)?);
            }
            Ok(whole - alone + self.tokenizer.count(&format!("{text}{first}"))?)
        };
        let mut more = prefix.iter().copied().cycle();
        let mut ids: Vec<u32> = more.by_ref().take(self.target - whole).collect();
        let mut text = self.tokenizer.decode(&ids)?;
        for _ in 0..ROUNDS {
            let got = total(&text)?;
            if got > self.target {
                ids.truncate(ids.len().saturating_sub(got - self.target));
            } else if got < self.target {
                ids.extend(more.by_ref().take(self.target - got));
            } else {
                break;
            }
            text = self.tokenizer.decode(&ids)?;
        }
        let joined = format!("{text}{first}");
        match content {
            Content::Text(user) if apart => {
                let user = std::mem::take(user);
                *content = Content::Messages(vec![
                    json!({"role": "system", "content": text}),
                    json!({"role": "user", "content": user}),
                ]);
            }
            Content::Text(user) => *user = joined,
            Content::Messages(list) if apart => list.insert(0, json!({"role": "system", "content": text})),
            Content::Messages(list) => {
                if let Some(content) = list.first_mut().and_then(|message| message.get_mut("content")) {
                    *content = joined.into();
                }
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{TestResult, file};
    use super::*;
    use crate::prompt::Prompt;

    const PLACE: Place<'static> = Place { file: "a", line: 1 };
    const TEXT: &str = "The state of the art is what people know how to do today, and no more than that, they say.";

    fn fit(args: Value, chat: bool) -> TestResult<Fit> {
        let tokenizer = Tokenizer::built_in()?;
        Ok(Fit::of(&serde_json::from_value(args)?, Some(&tokenizer), chat)?.ok_or("no length")?)
    }

    fn apply(fit: &Fit, content: Content, measured: Measured) -> TestResult<Option<Content>> {
        match fit.apply(Prompt::new(content).into(), measured, PLACE)? {
            Fitted::Use(mut conversation) => Ok(Some(conversation.turns.remove(0).content)),
            Fitted::Leave(_) => Ok(None),
        }
    }

    #[test]
    fn longer_texts_are_cut_and_shorter_ones_stay_or_go() -> TestResult {
        let tokenizer = Tokenizer::built_in()?;
        let text = Content::Text(TEXT.to_owned());
        for target in [1, 2, 5, 9] {
            let cut = fit(json!({"target_input_len": target}), false)?;
            let Some(Content::Text(kept)) = apply(&cut, text.clone(), Measured::Text)? else {
                return Err("left".into());
            };
            assert_eq!(tokenizer.count(&kept)?, target);
            assert!(TEXT.starts_with(&kept));
        }
        let long = fit(json!({"target_input_len": 900}), false)?;
        assert_eq!(apply(&long, text.clone(), Measured::Text)?, Some(text.clone()));
        let drop = fit(json!({"target_input_len": 900, "input_len_mode": "drop"}), false)?;
        assert_eq!(apply(&drop, text, Measured::Text)?, None);
        Ok(())
    }

    #[test]
    fn a_prefix_fills_up_to_the_exact_length() -> TestResult {
        let tokenizer = Tokenizer::built_in()?;
        let (_folder, path) = file("prefix.txt", b"You are a helpful assistant. Answer in one short sentence.\n")?;
        for (role, chat) in [("system", true), ("user", true), ("system", false)] {
            let args = json!({"target_input_len": 300, "prefix_file": path, "prefix_role": role});
            let fit = fit(args, chat)?;
            let content = apply(&fit, Content::Text(TEXT.to_owned()), Measured::Text)?.ok_or("left")?;
            assert_eq!(messages::tokens(&content, &tokenizer)?, Some(300), "{role} {chat}");
            assert_eq!(matches!(&content, Content::Messages(list) if list.len() == 2), role == "system" && chat);
        }
        Ok(())
    }

    #[test]
    fn only_the_last_question_of_a_chat_is_cut() -> TestResult {
        let fit = fit(json!({"target_input_len": 4}), true)?;
        let chat = Content::Messages(vec![
            json!({"role": "system", "content": TEXT}),
            json!({"role": "user", "content": TEXT}),
        ]);
        let Some(Content::Messages(list)) = apply(&fit, chat, Measured::LastUser)? else { return Err("left".into()) };
        assert_eq!(list[0]["content"], TEXT);
        assert!(list[1]["content"].as_str().is_some_and(|text| text.len() < TEXT.len()));
        Ok(())
    }

    #[test]
    fn json_and_a_missing_tokenizer_are_refused() -> TestResult {
        let fit = fit(json!({"target_input_len": 4}), true)?;
        assert!(fit.apply(Prompt::new(Content::Body(serde_json::Map::new())).into(), Measured::Text, PLACE).is_err());
        let args: TextArgs = serde_json::from_value(json!({"target_input_len": 4}))?;
        let failure = Fit::of(&args, None, true).err().ok_or("accepted")?;
        assert!(failure.message.contains("--tokenizer-path"));
        Ok(())
    }
}
