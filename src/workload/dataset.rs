//! Items from a file: streamed line by line, filtered by length, cycled in order when they run out.

use super::format::{Format, Row};
use super::lines::Origin;
use super::messages;
use super::remarks::{Reason, Remarks};
use super::{Item, Source};
use crate::error::{Failure, Result};
use crate::plan::Lengths;
use crate::prompt::Content;
use crate::tokenizer::Tokenizer;

/// A dataset of which only the rows in use are in memory.
pub(super) struct Dataset {
    origin: Origin,
    /// `None` is told by the first line.
    format: Option<Format>,
    lengths: Lengths,
    tokenizer: Option<Tokenizer>,
    /// The rows from item `start` on, the whole dataset where `total` says so.
    rows: Vec<Item>,
    start: u64,
    /// Number of usable rows, once the end of the file was seen.
    total: Option<u64>,
    remarks: Remarks,
}

/// What one reading of the file gave.
struct Pass {
    kept: Vec<(u64, Item)>,
    usable: u64,
    ended: bool,
}

impl Dataset {
    pub(super) fn new(origin: Origin, format: Option<Format>, lengths: Lengths, tokenizer: Option<Tokenizer>) -> Self {
        Dataset {
            origin,
            format,
            lengths,
            tokenizer,
            rows: Vec::new(),
            start: 0,
            total: None,
            remarks: Remarks::default(),
        }
    }

    /// Brings the items from `from` on into memory, reading no further than needed.
    fn load(&mut self, from: u64, count: u64) -> Result<()> {
        let until = from.saturating_add(count);
        let pass = self.read(until, |index| index >= from)?;
        if !pass.ended {
            self.keep(from, pass.kept);
            return Ok(());
        }
        let total = pass.usable;
        if total == 0 {
            return Err(self.nothing());
        }
        self.total = Some(total);
        if from == 0 {
            self.keep(from, pass.kept);
            return Ok(());
        }
        // The rows wrap around, and only now it is known where.
        let place = |index: u64| (index % total + total - from % total) % total;
        let pass = self.read(u64::MAX, |index| place(index) < count)?;
        if pass.usable != total {
            return Err(Failure::files(format!("{}: changed while it was read", self.origin.name())));
        }
        let mut kept = pass.kept;
        kept.sort_by_key(|(index, _)| place(*index));
        self.keep(from, kept);
        Ok(())
    }

    fn keep(&mut self, start: u64, kept: Vec<(u64, Item)>) {
        self.start = start;
        self.rows = kept.into_iter().map(|(_, item)| item).collect();
    }

    /// Reads from the first line on, up to `until` usable rows or the end, and keeps those that are wanted.
    fn read(&mut self, until: u64, wanted: impl Fn(u64) -> bool) -> Result<Pass> {
        let mut remarks = Remarks::default();
        let mut pass = Pass { kept: Vec::new(), usable: 0, ended: false };
        let mut format = self.format;
        let mut lines = self.origin.lines()?;
        while pass.usable < until {
            let Some((place, line)) = lines.next()? else {
                pass.ended = true;
                break;
            };
            if line.trim().is_empty() {
                remarks.skip(Reason::Blank);
                continue;
            }
            let Row { content, unparsed } = format.get_or_insert_with(|| Format::detect(line)).row(line, place)?;
            let tokens = match &self.tokenizer {
                Some(tokenizer) => messages::tokens(&content, tokenizer)?,
                None => None,
            };
            if let Some(reason) = self.unfit(&content, tokens) {
                remarks.skip(reason);
                continue;
            }
            remarks.unparsed += u64::from(unparsed);
            if wanted(pass.usable) {
                pass.kept.push((pass.usable, Item { content, tokens, max_tokens: None }));
            }
            pass.usable += 1;
        }
        self.remarks = remarks;
        Ok(pass)
    }

    /// Why a row cannot be used. Only text has a length; messages and bodies go as they are, as in EvalScope.
    fn unfit(&self, content: &Content, tokens: Option<u32>) -> Option<Reason> {
        let Content::Text(text) = content else { return None };
        if text.trim().is_empty() {
            return Some(Reason::Empty);
        }
        let length = match tokens {
            Some(tokens) => u64::from(tokens),
            None => text.chars().count() as u64,
        };
        if length < u64::from(self.lengths.min) {
            Some(Reason::TooShort)
        } else if length > u64::from(self.lengths.max) {
            Some(Reason::TooLong)
        } else {
            None
        }
    }

    fn nothing(&self) -> Failure {
        let name = self.origin.name();
        let Lengths { min, max } = self.lengths;
        let unit = if self.tokenizer.is_some() { "tokens" } else { "characters" };
        let skipped = self.remarks.to_string();
        if self.remarks.filtered() == 0 {
            let blank = if skipped.is_empty() { skipped } else { format!(" ({skipped})") };
            return Failure::usage(format!("{name}: dataset is empty{blank}"))
                .hint("write one prompt a line, or name another file with --dataset-path");
        }
        Failure::usage(format!("{name}: no row has {min} to {max} {unit} ({skipped})")).hint(
            "widen --min-prompt-length and --max-prompt-length; they count characters unless --tokenizer-path is set",
        )
    }
}

impl Source for Dataset {
    fn items(&mut self, from: u64, count: u64) -> Result<Vec<Item>> {
        let have = self.rows.len() as u64;
        let whole = self.total == Some(have);
        let covered = from >= self.start && (whole || from.saturating_add(count) <= self.start.saturating_add(have));
        if have == 0 || !covered {
            self.load(from, count)?;
        }
        let skip = usize::try_from((from - self.start) % (self.rows.len().max(1) as u64)).unwrap_or(0);
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        Ok(self.rows.iter().cycle().skip(skip).take(count).cloned().collect())
    }

    fn remarks(&self) -> Remarks {
        let mut remarks = self.remarks.clone();
        remarks.repeats_after = self.total;
        remarks
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
        assert_eq!(dataset.rows.len(), 2);
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
        assert_eq!(items[0].tokens, Some(length));
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
