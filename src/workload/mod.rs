//! What a load point sends: conversations from a prompt, a dataset or a seeded generator.
//!
//! All of its cost is paid before the timed part: files are read and checked, prompts are made and counted, and reply
//! lengths are drawn when [`Workload::conversations`] returns. An item depends on the plan and its number alone, so a
//! run is the same again with the same seed, whatever the number of threads or of load points.
//!
//! | file | noun |
//! |---|---|
//! | `arrivals`, `offsets` | when each request is due; instants read from a file |
//! | `compat` | random prompts as another tool draws them |
//! | `generators` | the random generators of other tools |
//! | `dataset` | rows of a file, filtered and cycled |
//! | `lines`, `format`, `messages` | a file's lines; what a line stands for; what makes messages acceptable |
//! | `synth`, `vocabulary` | random prompts of exact length; the ids they are drawn from |
//! | `shape` | an item to a prompt: chat or text, template, reply length |
//! | `rng` | a random stream for each purpose and item |
//! | `remarks` | what was left out and why |

mod arrivals;
mod compat;
mod dataset;
mod format;
mod generators;
mod lines;
mod messages;
mod offsets;
mod remarks;
mod rng;
mod shape;
mod synth;
#[cfg(test)]
mod testing;
mod vocabulary;

pub use arrivals::{Arrivals, Process};
pub use generators::{Legacy, Pcg64, Python};
pub use offsets::read_offsets;
pub use remarks::{Reason, Remarks, Skipped};

use self::compat::Compat;
use self::dataset::Dataset;
use self::format::Format;
use self::lines::Origin;
use self::shape::Shape;
use self::synth::Synth;
use crate::error::{Failure, Result};
use crate::plan::{self, WorkloadSpec};
use crate::prompt::{Content, Conversation};
use crate::tokenizer::Tokenizer;

/// The questions that ship with the program.
const OPEN_QA: &str = include_str!("../../datasets/openqa/open_qa.jsonl");
/// Name of their file, which is also looked for in a folder.
const OPEN_QA_FILE: &str = "open_qa.jsonl";

/// A numbered, endless list of what is asked, before it takes the form of a request.
trait Source {
    /// The items from number `from` on.
    fn items(&mut self, from: u64, count: u64) -> Result<Vec<Item>>;
    /// What a reader of the results should know of the items so far.
    fn remarks(&self) -> Remarks;
    /// Where the generator of arrivals stands after these items were drawn, where the source draws from it.
    fn arrivals(&self, _from: u64, _count: u64) -> Result<Option<Legacy>> {
        Ok(None)
    }
}

/// What is asked, and its length where it was counted.
#[derive(Debug, Clone, PartialEq)]
struct Item {
    content: Content,
    tokens: Option<u32>,
    /// Most tokens of the reply, where the source draws them itself.
    max_tokens: Option<u32>,
}

/// One item for all.
struct Fixed(Item);

impl Source for Fixed {
    fn items(&mut self, _from: u64, count: u64) -> Result<Vec<Item>> {
        Ok(vec![self.0.clone(); usize::try_from(count).unwrap_or(usize::MAX)])
    }

    fn remarks(&self) -> Remarks {
        Remarks { repeats_after: Some(1), ..Remarks::default() }
    }
}

/// Whole requests of a file, which pass this module by.
struct Elsewhere;

impl Source for Elsewhere {
    fn items(&mut self, _from: u64, _count: u64) -> Result<Vec<Item>> {
        Err(Failure::bug("a saved workload has no prompts to make"))
    }

    fn remarks(&self) -> Remarks {
        Remarks::default()
    }
}

/// A seeded, restartable, endless list of conversations.
pub struct Workload {
    source: Box<dyn Source + Send>,
    shape: Shape,
    tokenizer: Option<Tokenizer>,
    /// Number of the first item.
    first: u64,
}

/// Opens the source that the plan names. The `count` conversations that the run will ask for are read and checked, so
/// that a bad row ends the command before the first request; random prompts are made later, for each load point.
///
/// # Errors
/// When a file cannot be read, a row in use is malformed (the message names file and line), or no row is left.
pub fn open(spec: &WorkloadSpec, count: u64) -> Result<Workload> {
    let named = spec.tokenizer.as_deref().map(Tokenizer::open).transpose()?;
    let tokenizer = named.clone();
    let dataset = |origin, format, tokenizer| -> Result<Box<dyn Source + Send>> {
        let mut dataset = Dataset::new(origin, format, spec.lengths, tokenizer);
        dataset.items(spec.offset, count.max(1))?;
        Ok(Box::new(dataset))
    };
    let source: Box<dyn Source + Send> = match &spec.source {
        plan::Source::Fixed(text) => {
            let content = Content::Text(text.clone());
            let tokens = match &tokenizer {
                Some(tokenizer) => messages::tokens(&content, tokenizer)?,
                None => None,
            };
            Box::new(Fixed(Item { content, tokens, max_tokens: None }))
        }
        plan::Source::OpenQa(path) => {
            let origin = match path {
                None => Origin::BuiltIn { name: "openqa", text: OPEN_QA },
                Some(path) if path.is_dir() => Origin::File(path.join(OPEN_QA_FILE)),
                Some(path) => Origin::File(path.clone()),
            };
            dataset(origin, Some(Format::OpenQa), tokenizer)?
        }
        plan::Source::LineByLine(path) => dataset(Origin::File(path.clone()), Some(Format::LineByLine), tokenizer)?,
        plan::Source::Custom(path) => dataset(Origin::File(path.clone()), None, tokenizer)?,
        plan::Source::Random { prefix } => {
            let tokenizer = tokenizer.map_or_else(Tokenizer::built_in, Ok)?;
            Box::new(Synth::new(spec, *prefix, tokenizer)?)
        }
        plan::Source::RandomAs { .. } => Box::new(Compat::new(spec, tokenizer.map_or_else(Tokenizer::built_in, Ok)?)?),
        plan::Source::Saved(_) => Box::new(Elsewhere),
    };
    Ok(Workload { source, shape: Shape::new(spec), tokenizer: named, first: spec.offset })
}

impl Workload {
    /// The `count` conversations from number `offset` on, the offset of the dataset not included: the first load point
    /// begins at 0 and each further one where the one before ended.
    ///
    /// # Errors
    /// When rows beyond those that were opened are needed and cannot be read.
    pub fn conversations(&mut self, offset: u64, count: u64) -> Result<Vec<Conversation>> {
        let from = self.first.checked_add(offset).filter(|from| from.checked_add(count).is_some());
        let from = from.ok_or_else(|| Failure::usage(format!("--dataset-offset {}: out of range", self.first)))?;
        let items = self.source.items(from, count)?;
        Ok((from..).zip(items).map(|(index, item)| self.shape.prompt(index, item).into()).collect())
    }

    /// Where the generator of arrivals stands once the conversations of a load point were drawn in the manner of another
    /// tool; `None` where the source is our own. See [`Arrivals::after`].
    ///
    /// # Errors
    /// As [`Workload::conversations`].
    pub fn arrivals_state(&self, offset: u64, count: u64) -> Result<Option<Legacy>> {
        self.source.arrivals(self.first.saturating_add(offset), count)
    }

    /// The tokenizer that the plan names, read once; replies are counted with it as well.
    pub fn tokenizer(&self) -> Option<&Tokenizer> {
        self.tokenizer.as_ref()
    }

    /// What a reader of the results should know of everything handed out so far.
    pub fn remarks(&self) -> Remarks {
        self.source.remarks()
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{TestResult, file, spec};
    use super::*;
    use crate::plan::Source as From;

    fn text(conversation: &Conversation) -> &str {
        match conversation.turns.first().map(|prompt| &prompt.content) {
            Some(Content::Text(text)) => text,
            _ => "",
        }
    }

    #[test]
    fn the_questions_that_ship_are_all_usable() -> TestResult {
        let mut workload = open(&spec(From::OpenQa(None)), 400)?;
        let asked = workload.conversations(0, 400)?;
        let rows = usize::try_from(workload.remarks().repeats_after.ok_or("no end")?)?;
        assert!(rows >= 240, "{rows} questions");
        assert_eq!(asked[0], Conversation { ..asked[rows].clone() });
        assert_eq!(workload.remarks().skipped, []);
        let mut texts: Vec<&str> = asked[..rows].iter().map(text).collect();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), rows, "a question is there twice");
        Ok(())
    }

    #[test]
    fn the_tokenizer_that_ships_gives_back_what_it_takes() -> TestResult {
        let tokenizer = Tokenizer::built_in()?;
        let questions = OPEN_QA.lines().map(str::to_owned);
        let odd =
            ["", " ", "\r\n\t ", "a\u{0}b", "\u{feff}x", "e\u{301} \u{1f9d1}\u{200d}\u{1f680}", "\u{10ffff}", "<|im_"];
        for text in questions.chain(odd.map(str::to_owned)) {
            assert_eq!(tokenizer.decode(&tokenizer.encode(&text)?)?, text);
        }
        Ok(())
    }

    #[test]
    fn a_folder_with_questions_is_found() -> TestResult {
        let (folder, _) = file(OPEN_QA_FILE, b"{\"question\":\"why?\"}\r\n")?;
        let mut workload = open(&spec(From::OpenQa(Some(folder.path().to_owned()))), 1)?;
        assert_eq!(text(&workload.conversations(0, 1)?[0]), "why?");
        Ok(())
    }

    #[test]
    fn the_offset_of_the_plan_comes_first() -> TestResult {
        let (_folder, path) = file("a.txt", b"a\nb\nc\nd\n")?;
        let mut spec = spec(From::Custom(path));
        spec.offset = 3;
        let mut workload = open(&spec, 4)?;
        let first = workload.conversations(0, 2)?;
        let second = workload.conversations(2, 2)?;
        assert_eq!([&first[..], &second[..]].concat().iter().map(text).collect::<String>(), "dabc");
        Ok(())
    }

    #[test]
    fn an_offset_without_end_is_refused() -> TestResult {
        let mut spec = spec(From::Random { prefix: 0 });
        spec.offset = u64::MAX;
        let failure = open(&spec, 1)?.conversations(0, 2).err().ok_or("accepted")?;
        assert!(failure.message.contains("--dataset-offset"));
        Ok(())
    }

    #[test]
    fn bad_rows_end_the_command_when_they_are_opened() -> TestResult {
        let (_folder, path) = file("a.jsonl", b"[{\"role\":\"user\",\"content\":\"x\"}]\n\n[{\"role\":\"user\"}]\n")?;
        assert!(open(&spec(From::LineByLine(path.clone())), 1).is_ok());
        let failure = open(&spec(From::LineByLine(path)), 2).err().ok_or("accepted")?;
        assert!(failure.message.ends_with("a.jsonl: line 3: messages[0].content: is missing"), "{failure}");
        Ok(())
    }

    #[test]
    fn one_prompt_serves_all_with_lengths_of_their_own() -> TestResult {
        let mut spec = spec(From::Fixed("hi".to_owned()));
        spec.max_tokens = (1, 1000);
        let asked = open(&spec, 3)?.conversations(0, 3)?;
        assert!(asked.iter().all(|conversation| text(conversation) == "hi"));
        assert_ne!(asked[0].turns[0].max_tokens, asked[1].turns[0].max_tokens);
        Ok(())
    }

    #[test]
    fn lines_that_fail_as_json_are_remarked() -> TestResult {
        let (_folder, path) = file("a.txt", b"{\"messages\": [\nplain\n")?;
        let workload = open(&spec(From::LineByLine(path)), 2)?;
        assert_eq!(workload.remarks().unparsed, 1);
        Ok(())
    }
}
