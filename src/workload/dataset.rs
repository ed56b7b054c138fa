//! Prompts of a file, filtered by length or brought to one.

use super::Source;
use super::cycle::{Cycle, Parsed, Parser};
use super::fit::{Fit, Fitted};
use super::format::{Format, Row};
use super::lines::{Origin, Place};
use super::messages;
use super::remarks::{Reason, Remarks};
use crate::error::{Failure, Result};
use crate::plan::Lengths;
use crate::prompt::{Content, Conversation, Prompt};
use crate::tokenizer::Tokenizer;

/// Prompts of a file, of which only those in use are in memory.
pub(super) struct Dataset {
    rows: Cycle<Prompts>,
}

/// Rows to conversations.
pub(super) struct Prompts {
    /// `None` is told by the first line.
    format: Option<Format>,
    found: Option<Format>,
    lengths: Lengths,
    tokenizer: Option<Tokenizer>,
    fit: Option<Fit>,
    /// Texts to embed that go into one request, and those that wait for more.
    batch: usize,
    waiting: Vec<String>,
    waiting_tokens: Option<u32>,
}

impl Dataset {
    pub(super) fn new(origin: Origin, format: Option<Format>, lengths: Lengths, tokenizer: Option<Tokenizer>) -> Self {
        let parser = Prompts {
            format,
            found: None,
            lengths,
            tokenizer,
            fit: None,
            batch: 1,
            waiting: Vec::new(),
            waiting_tokens: Some(0),
        };
        Dataset { rows: Cycle::new(origin, parser) }
    }

    /// Brings every text to a length.
    pub(super) fn fitted(mut self, fit: Option<Fit>) -> Self {
        self.rows.parser.fit = fit;
        self
    }

    /// Puts so many texts into one request.
    pub(super) fn batched(mut self, batch: u32) -> Self {
        self.rows.parser.batch = batch as usize;
        self
    }
}

impl Parser for Prompts {
    type Row = Conversation;

    fn begin(&mut self) {
        self.found = self.format.clone();
        self.waiting.clear();
        self.waiting_tokens = Some(0);
    }

    fn row(&mut self, text: &str, place: Place<'_>, remarks: &mut Remarks) -> Result<Parsed<Conversation>> {
        let format = self.found.get_or_insert_with(|| Format::detect(text));
        let Row { mut conversation, unparsed } = match format.row(text, place)? {
            Ok(row) => row,
            Err(reason) => return Ok(Parsed::Skip(reason)),
        };
        let measured = format.measured();
        if let Some(fit) = &self.fit {
            match fit.apply(conversation, measured, place)? {
                Fitted::Use(fitted) => conversation = fitted,
                Fitted::Leave(reason) => return Ok(Parsed::Skip(reason)),
            }
        } else if let Some(reason) = self.unfit(measured.text(&conversation))? {
            return Ok(Parsed::Skip(reason));
        }
        if let Some(tokenizer) = &self.tokenizer {
            for turn in &mut conversation.turns {
                turn.tokens = match turn.tokens {
                    None => messages::tokens(&turn.content, tokenizer)?,
                    known => known,
                };
            }
        }
        remarks.unparsed += u64::from(unparsed);
        Ok(self.gather(conversation))
    }

    fn finish(&mut self) -> Option<Conversation> {
        (!self.waiting.is_empty()).then(|| self.send())
    }

    fn nothing(&self, name: &str, remarks: &Remarks) -> Failure {
        let Lengths { min, max } = self.lengths;
        let unit = if self.tokenizer.is_some() { "tokens" } else { "characters" };
        let skipped = remarks.to_string();
        if remarks.filtered() == 0 {
            let blank = if skipped.is_empty() { skipped } else { format!(" ({skipped})") };
            return Failure::usage(format!("{name}: dataset is empty{blank}"))
                .hint("write one prompt a line, or name another file with --dataset-path");
        }
        if self.fit.is_some() {
            return Failure::usage(format!("{name}: no row has the length of target_input_len ({skipped})"));
        }
        Failure::usage(format!("{name}: no row has {min} to {max} {unit} ({skipped})")).hint(
            "widen --min-prompt-length and --max-prompt-length; they count characters unless --tokenizer-path is set",
        )
    }
}

impl Prompts {
    /// Why a row cannot be used. Only what the format measures has a length; other messages and bodies go as they are, as
    /// in EvalScope.
    fn unfit(&self, text: Option<&str>) -> Result<Option<Reason>> {
        let Some(text) = text else { return Ok(None) };
        if text.trim().is_empty() {
            return Ok(Some(Reason::Empty));
        }
        let length = match &self.tokenizer {
            Some(tokenizer) => tokenizer.count(text)? as u64,
            None => text.chars().count() as u64,
        };
        Ok(if length < u64::from(self.lengths.min) {
            Some(Reason::TooShort)
        } else if length > u64::from(self.lengths.max) {
            Some(Reason::TooLong)
        } else {
            None
        })
    }

    /// The conversation itself, or the batch that it completes.
    fn gather(&mut self, conversation: Conversation) -> Parsed<Conversation> {
        if self.batch <= 1 {
            return Parsed::Use(conversation);
        }
        for turn in conversation.turns {
            self.waiting_tokens = self.waiting_tokens.zip(turn.tokens).and_then(|(a, b)| a.checked_add(b));
            match turn.content {
                Content::Inputs(texts) => self.waiting.extend(texts),
                other => return Parsed::Use(Prompt::new(other).into()),
            }
        }
        if self.waiting.len() < self.batch { Parsed::Part } else { Parsed::Use(self.send()) }
    }

    fn send(&mut self) -> Conversation {
        let texts = std::mem::take(&mut self.waiting);
        let tokens = self.waiting_tokens.replace(0);
        Prompt { tokens, ..Prompt::new(Content::Inputs(texts)) }.into()
    }
}

impl Source for Dataset {
    fn items(&mut self, from: u64, count: u64) -> Result<Vec<Conversation>> {
        Ok(self.rows.rows(from, count)?.cloned().collect())
    }

    fn remarks(&self) -> Remarks {
        self.rows.remarks()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{TestResult, file, texts};
    use super::*;
    use crate::error::Exit;

    const ANY: Lengths = Lengths { min: 0, max: 1000 };

    fn dataset(bytes: &[u8], lengths: Lengths) -> TestResult<(tempfile::TempDir, Dataset)> {
        let (folder, path) = file("a.txt", bytes)?;
        Ok((folder, Dataset::new(Origin::File(path), None, lengths, None)))
    }

    #[test]
    fn rows_cycle_in_order_from_any_offset() -> TestResult {
        for (from, count, expected) in [
            (0, 2, "a b"),
            (0, 7, "a b c d e a b"),
            (3, 2, "d e"),
            (3, 4, "d e a b"),
            (12, 2, "c d"),
            (14, 12, "e a b c d e a b c d e a"),
            (u64::MAX - 1, 1, "e"),
        ] {
            let (_folder, mut dataset) = dataset(b"a\nb\n\nc\nd\ne\n", ANY)?;
            assert_eq!(texts(&dataset.items(from, count)?).join(" "), expected, "{from} {count}");
        }
        Ok(())
    }

    #[test]
    fn points_that_follow_each_other_read_on() -> TestResult {
        let (_folder, mut dataset) = dataset(b"a\nb\nc\nd\ne", ANY)?;
        let mut all = Vec::new();
        for (from, count) in [(0, 2), (2, 2), (4, 3), (7, 1)] {
            all.extend(texts(&dataset.items(from, count)?));
        }
        assert_eq!(all.join(" "), "a b c d e a b c");
        assert_eq!(dataset.remarks().repeats_after, Some(5));
        Ok(())
    }

    #[test]
    fn only_rows_in_use_are_held_and_checked() -> TestResult {
        let (_folder, mut dataset) = dataset(b"[\"not messages\"]\n", ANY)?;
        assert!(dataset.items(0, 1).is_err());
        let lines = b"{\"text\":\"a\"}\n{\"text\":\"b\"}\n{\"text\":\"c\"}\n{broken\n";
        let (folder, path) = file("b.jsonl", lines)?;
        let mut dataset = Dataset::new(Origin::File(path), None, ANY, None);
        assert_eq!(texts(&dataset.items(1, 2)?), ["b", "c"]);
        assert_eq!(dataset.rows.held(), 2);
        let failure = dataset.items(3, 1).err().ok_or("accepted")?;
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.message.contains("b.jsonl: line 4: column 2: not JSON"), "{failure}");
        assert!(failure.hint.is_some());
        drop(folder);
        Ok(())
    }

    #[test]
    fn bounds_include_both_ends_and_what_is_left_out_is_counted() -> TestResult {
        let (_folder, mut dataset) =
            dataset("\nab\nabc\nabcd\n  \nabcde\néßü\n".as_bytes(), Lengths { min: 3, max: 4 })?;
        assert_eq!(texts(&dataset.items(0, 5)?), ["abc", "abcd", "éßü", "abc", "abcd"]);
        assert_eq!(dataset.remarks().to_string(), "2 blank lines, 1 too short, 1 too long");
        // Reading again counts again from zero.
        assert_eq!(texts(&dataset.items(1, 1)?), ["abcd"]);
        assert_eq!(dataset.remarks().to_string(), "2 blank lines, 1 too short, 1 too long");
        Ok(())
    }

    #[test]
    fn a_tokenizer_makes_the_bounds_tokens_and_counts() -> TestResult {
        let tokenizer = Tokenizer::built_in()?;
        let length = u32::try_from(tokenizer.count("the state of the art")?)?;
        let (_folder, path) = file("a.txt", b"the state of the art\nthe\n")?;
        let lengths = Lengths { min: length, max: length };
        let mut dataset = Dataset::new(Origin::File(path), None, lengths, Some(tokenizer));
        let items = dataset.items(0, 2)?;
        assert_eq!(texts(&items), ["the state of the art"; 2]);
        assert_eq!(items[0].turns[0].tokens, Some(length));
        assert_eq!(dataset.remarks().to_string(), "1 too short");
        Ok(())
    }

    #[test]
    fn a_dataset_without_rows_is_refused_with_the_reason() -> TestResult {
        for (bytes, min, message) in [
            (&b""[..], 0, "dataset is empty"),
            (b"\n \n", 0, "dataset is empty (2 blank lines)"),
            (b"\nab\nc\n", 9, "no row has 9 to 1000 characters (1 blank line, 2 too short)"),
        ] {
            let (_folder, mut dataset) = dataset(bytes, Lengths { min, max: 1000 })?;
            let failure = dataset.items(0, 1).err().ok_or("accepted")?;
            assert_eq!(failure.exit, Exit::Usage);
            assert!(failure.message.ends_with(message), "{failure}");
            assert!(failure.hint.is_some());
        }
        Ok(())
    }
}
