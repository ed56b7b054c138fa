//! A dataset's name to the source behind it.

use std::path::PathBuf;

use super::compat::Compat;
use super::dataset::Dataset;
use super::fit::Fit;
use super::format::Format;
use super::lines::Origin;
use super::pictures::{Folder, Pictures};
use super::random::{BATCH, Random};
use super::recorded::{Clients, Recorded, Spans};
use super::remarks::Remarks;
use super::shape::Shape;
use super::shared::Shared;
use super::trace::TraceFile;
use super::trajectories::Trajectories;
use super::trie::Trie;
use super::{Source, Survey, Workload, messages};
use crate::error::{Failure, Result};
use crate::plan::dataset::{Args, Set, SpeedArgs};
use crate::plan::{self, WorkloadSpec};
use crate::prompt::{Content, Conversation, Prompt};
use crate::tokenizer::Tokenizer;

/// The questions that ship with the program.
pub(super) const OPEN_QA: &str = include_str!("../../datasets/openqa/open_qa.jsonl");
/// Name of their file, which is also looked for in a folder.
pub(super) const OPEN_QA_FILE: &str = "open_qa.jsonl";
/// Names of files that other datasets have in a folder.
const FILES: [(Set, &str); 7] = [
    (Set::LongAlpaca, "LongAlpaca-12k.json"),
    (Set::ShareGptZh, "common_zh_70k.jsonl"),
    (Set::ShareGptEn, "common_en_70k.jsonl"),
    (Set::ShareGptZhMultiTurn, "common_zh_70k.jsonl"),
    (Set::ShareGptEnMultiTurn, "common_en_70k.jsonl"),
    (Set::TrieAgenticCoding, "agentic_coding_8k.jsonl"),
    (Set::TrieCodeQa, "code_qa_8k.jsonl"),
];
/// The character of the speed benchmark.
const SPEED_CHARACTER: &str = "熵";

type Boxed = Box<dyn Source + Send>;

/// A few items for all.
struct Fixed(Vec<Conversation>);

impl Source for Fixed {
    fn items(&mut self, from: u64, count: u64) -> Result<Vec<Conversation>> {
        let skip = usize::try_from(from % (self.0.len().max(1) as u64)).unwrap_or(0);
        Ok(self.0.iter().cycle().skip(skip).take(usize::try_from(count).unwrap_or(usize::MAX)).cloned().collect())
    }

    fn remarks(&self) -> Remarks {
        Remarks { repeats_after: Some(self.0.len() as u64), ..Remarks::default() }
    }
}

/// Whole requests of a file, which pass this module by.
struct Elsewhere;

impl Source for Elsewhere {
    fn items(&mut self, _from: u64, _count: u64) -> Result<Vec<Conversation>> {
        Err(Failure::bug("a saved workload has no prompts to make"))
    }

    fn remarks(&self) -> Remarks {
        Remarks::default()
    }
}

/// Opens the source that the plan names. The `count` conversations that the run will ask for are read and checked, so
/// that a bad row ends the command before the first request; random prompts are made later, for each load point.
///
/// # Errors
/// When a file cannot be read, a row in use is malformed (the message names file and line), or no row is left.
pub fn open(spec: &WorkloadSpec, count: u64) -> Result<Workload> {
    let named = spec.tokenizer.as_deref().map(Tokenizer::open).transpose()?;
    let source = source(spec, named.as_ref(), count)?;
    let has_schedule = matches!(spec.source, plan::Source::Set(set) if set.has_schedule());
    let shape = Shape::new(spec, named.clone());
    Ok(Workload { source, shape, tokenizer: named, first: spec.offset, has_schedule, handed: 0 })
}

/// What the first `most` items of a dataset are, where it can tell before the run: recorded traffic and groups with a
/// prefix. Nothing is sent and no text is made.
///
/// # Errors
/// As [`open`].
pub fn survey(spec: &WorkloadSpec, most: u64) -> Result<Option<Survey>> {
    match spec.source {
        plan::Source::Set(set) if set.has_schedule() || matches!(set, Set::SharedPrefix | Set::Lengths) => {
            // Nothing is counted with it here.
            source(spec, None, 0)?.survey(most)
        }
        _ => Ok(None),
    }
}

fn source(spec: &WorkloadSpec, tokenizer: Option<&Tokenizer>, count: u64) -> Result<Boxed> {
    let set = match &spec.source {
        plan::Source::Fixed(text) => {
            let content = Content::Text(text.clone());
            let tokens = match tokenizer {
                Some(tokenizer) => messages::tokens(&content, tokenizer)?,
                None => None,
            };
            return Ok(Box::new(Fixed(vec![Prompt { tokens, ..Prompt::new(content) }.into()])));
        }
        plan::Source::RandomAs { .. } => {
            let tokenizer = tokenizer.cloned().map_or_else(Tokenizer::built_in, Ok)?;
            return Ok(Box::new(Compat::new(spec, tokenizer)?));
        }
        plan::Source::Saved(_) => return Ok(Box::new(Elsewhere)),
        plan::Source::Set(set) => *set,
    };
    let owned = tokenizer.cloned();
    let mut source: Boxed = match set {
        Set::Random
        | Set::RandomVl
        | Set::RandomMultiTurn
        | Set::RandomEmbedding
        | Set::RandomEmbeddingBatch
        | Set::RandomRerank => return Ok(Box::new(Random::new(spec, set, owned)?)),
        Set::SharedPrefix => return Ok(Box::new(Shared::new(spec, owned)?)),
        Set::SpeedBenchmark | Set::SpeedBenchmarkLong => return speed(spec, set, tokenizer),
        Set::ServeGen => return Ok(Box::new(Clients::new(spec, owned)?)),
        Set::Otel => return Ok(Box::new(Spans::new(spec, tokenizer)?)),
        Set::WorkloadTrace => return Ok(Box::new(TraceFile::new(spec, owned)?)),
        // The rows of a trace are checked as they are counted, before the run; texts are made for each load point.
        Set::Mooncake | Set::Bailian | Set::TimedTrace | Set::BurstGpt | Set::Azure | Set::Lengths => {
            return Ok(Box::new(Recorded::new(spec, set, owned)?));
        }
        Set::TrieAgenticCoding | Set::TrieCodeQa | Set::TrieOfficeWork => Box::new(Trie::new(spec, owned)?),
        Set::Flickr8k | Set::KontextBench | Set::MmmuMultiImage => match &spec.path {
            Some(path) if path.is_dir() => match Folder::of(path)? {
                Some(folder) => Box::new(folder),
                None => rows(spec, set, owned)?,
            },
            _ => rows(spec, set, owned)?,
        },
        _ => rows(spec, set, owned)?,
    };
    if count > 0 {
        source.items(spec.offset, count)?;
    }
    Ok(source)
}

/// Rows of a file.
fn rows(spec: &WorkloadSpec, set: Set, tokenizer: Option<Tokenizer>) -> Result<Boxed> {
    let fit = match &spec.args {
        Args::Text(args) => Fit::of(args, tokenizer.as_ref(), spec.chat)?,
        _ => None,
    };
    let batch = match (set, &spec.args) {
        (Set::EmbeddingBatch, Args::Batch(args)) => args.batch_size.unwrap_or(BATCH),
        _ => 1,
    };
    let path = path(spec, set);
    let format = format(spec, set, tokenizer.clone())?;
    let field = (set == Set::SweSmith).then_some("conversations");
    let nested = matches!(set, Set::CustomMultiTurn | Set::SweSmith);
    let origin = match (set, path) {
        (Set::OpenQa, None) => Origin::BuiltIn { name: "openqa", text: OPEN_QA },
        (_, None) => return Err(Failure::usage(format!("--dataset {} needs --dataset-path", set.name()))),
        // A bracket begins a line of messages here, not a list of rows.
        (Set::LineByLine | Set::Custom, Some(path)) => Origin::File(path),
        (_, Some(path)) => Origin::Array { path, field, nested },
    };
    let dataset = Dataset::new(origin, format, spec.lengths, tokenizer);
    Ok(Box::new(dataset.fitted(fit).batched(batch)))
}

fn format(spec: &WorkloadSpec, set: Set, tokenizer: Option<Tokenizer>) -> Result<Option<Format>> {
    Ok(Some(match (set, &spec.args) {
        (Set::OpenQa, _) => Format::Field("question"),
        (Set::LongAlpaca, _) => Format::Field("instruction"),
        (Set::LineByLine, _) => Format::LineByLine,
        (Set::Custom, _) => return Ok(None),
        (Set::ShareGptZh | Set::ShareGptEn, _) => Format::Request,
        (Set::ShareGptZhMultiTurn | Set::ShareGptEnMultiTurn | Set::CustomMultiTurn, _) => {
            Format::Turns(spec.turns.max)
        }
        (Set::OpenAiBatch, _) => Format::Batch,
        (Set::Embedding | Set::EmbeddingBatch, _) => Format::Embedding,
        (Set::Rerank, _) => Format::Ranking,
        (Set::OpenDecisions, _) => Format::Decision,
        (Set::SweSmith, Args::Turns(args)) => Format::Trajectory(Trajectories::new(spec, args, tokenizer)),
        (Set::Flickr8k | Set::KontextBench | Set::MmmuMultiImage, _) => {
            Format::Picture(Pictures::new(set, spec.path.as_deref().unwrap_or(std::path::Path::new("."))))
        }
        _ => return Err(Failure::bug(format!("{} has no rows", set.name()))),
    }))
}

/// The file of a dataset; in a folder the one of the dataset's own name, where there is one.
fn path(spec: &WorkloadSpec, set: Set) -> Option<PathBuf> {
    let path = spec.path.clone()?;
    if !path.is_dir() {
        return Some(path);
    }
    let own = if set == Set::OpenQa { Some(OPEN_QA_FILE) } else { None };
    let own = own.or_else(|| FILES.iter().find(|(known, _)| *known == set).map(|(_, name)| *name));
    // What was fetched from a hub may be the tables of a split.
    Some(own.map(|name| path.join(name)).filter(|file| file.exists()).unwrap_or(path))
}

/// The prompts of the speed benchmark: each length twice.
fn speed(spec: &WorkloadSpec, set: Set, tokenizer: Option<&Tokenizer>) -> Result<Boxed> {
    let Args::Speed(args) = &spec.args else { return Err(Failure::bug("no options of a speed benchmark")) };
    let mut prompts = Vec::new();
    for length in args.lengths(set) {
        let content = Content::Text(SPEED_CHARACTER.repeat(length as usize));
        let tokens = match tokenizer {
            Some(tokenizer) => messages::tokens(&content, tokenizer)?,
            None => None,
        };
        let prompt: Conversation = Prompt { tokens, ..Prompt::new(content) }.into();
        prompts.extend(std::iter::repeat_n(prompt, SpeedArgs::REPEATS));
    }
    Ok(Box::new(Fixed(prompts)))
}
