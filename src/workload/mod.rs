//! What a load point sends: conversations from a prompt, a dataset or a seeded generator.
//!
//! All of its cost is paid before the timed part: files are read and checked, prompts are made and counted, and reply
//! lengths are drawn when [`Workload::conversations`] returns. An item depends on the plan and its number alone, so a
//! run is the same again with the same seed, whatever the number of threads or of load points.
//!
//! | file | noun |
//! |---|---|
//! | `open` | a dataset's name to the source behind it |
//! | `catalog` | all datasets with their cards |
//! | `arrivals`, `offsets` | when each request is due; instants read from a file |
//! | `compat` | random prompts as another tool draws them |
//! | `generators` | the random generators of other tools |
//! | `cycle`, `dataset` | rows of a file, streamed and cycled; prompts among them, filtered or fitted |
//! | `lines`, `elements` | a file's lines, or the elements of its array |
//! | `format`, `messages`, `turns`, `trajectories`, `pictures` | what a row stands for |
//! | `fit` | texts brought to a length |
//! | `maker`, `vocabulary`, `lengths` | random texts of exact length; the ids they are drawn from; how lengths spread |
//! | `random`, `shared`, `trie`, `images` | random prompts, groups with a prefix, conversations by lengths, images |
//! | `recorded`, `trace` | recorded traffic: times and lengths; whole bodies |
//! | `shape`, `salt` | an item to a prompt: chat or text, template, reply length; tokens of its own against caches |
//! | `rng` | a random stream for each purpose and item |
//! | `remarks` | what was left out and why |

mod arrivals;
mod catalog;
mod compat;
mod cycle;
mod dataset;
mod elements;
mod fit;
mod format;
mod generators;
mod images;
mod lengths;
mod lines;
mod maker;
mod messages;
mod offsets;
mod open;
mod pictures;
mod random;
#[cfg(test)]
mod random_tests;
mod recorded;
mod remarks;
mod rng;
mod salt;
mod shape;
mod shared;
#[cfg(test)]
mod shared_files_tests;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod trace;
mod trajectories;
mod trie;
mod turns;
mod vocabulary;

pub use arrivals::{Arrivals, Process};
pub use catalog::{Card, cards, options};
pub use generators::{Legacy, Pcg64, Python};
pub use images::{data_uri, media_type};
pub use offsets::read_offsets;
pub use open::{open, survey};
pub use remarks::{Hits, Reason, Remarks, Skipped};

use self::shape::Shape;
use crate::error::{Failure, Result};
use crate::prompt::Conversation;
use crate::tokenizer::Tokenizer;

/// A numbered list of what is asked, before it takes the form of a request; after its last item the first comes again.
trait Source {
    /// The items from number `from` on.
    fn items(&mut self, from: u64, count: u64) -> Result<Vec<Conversation>>;
    /// What a reader of the results should know of the items so far.
    fn remarks(&self) -> Remarks;
    /// Where the generator of arrivals stands after these items were drawn, where the source draws from it.
    fn arrivals(&self, _from: u64, _count: u64) -> Result<Option<Legacy>> {
        Ok(None)
    }
    /// What the first `most` items are, where that can be told without making them.
    fn survey(&mut self, _most: u64) -> Result<Option<Survey>> {
        Ok(None)
    }
}

/// What a source holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Survey {
    /// Conversations, as many as asked about at most.
    pub count: u64,
    /// From the first of them to the last, in nanoseconds at the asked speed; 0 where there is no schedule.
    pub span_ns: u64,
    /// What a prefix cache without bounds would serve, where that is known.
    pub hits: Option<Hits>,
}

impl Survey {
    /// Conversations a second, between the first and the last.
    pub fn rate(&self) -> Option<f64> {
        (self.count > 1 && self.span_ns > 0)
            .then(|| (self.count - 1) as f64 / (self.span_ns as f64 / crate::units::NS_PER_S))
    }
}

/// A seeded, restartable, endless list of conversations.
pub struct Workload {
    source: Box<dyn Source + Send>,
    shape: Shape,
    tokenizer: Option<Tokenizer>,
    /// Number of the first item.
    first: u64,
    has_schedule: bool,
    /// Items handed out, counted to the last of them.
    handed: u64,
}

impl Workload {
    /// The `count` conversations from number `offset` on, the offset of the dataset not included: the first load point
    /// begins at 0 and each further one where the one before ended.
    ///
    /// Conversations of recorded traffic say when they are due, counted from the first of the whole source.
    ///
    /// # Errors
    /// When rows beyond those that were opened are needed and cannot be read.
    pub fn conversations(&mut self, offset: u64, count: u64) -> Result<Vec<Conversation>> {
        let from = self.first.checked_add(offset).filter(|from| from.checked_add(count).is_some());
        let from = from.ok_or_else(|| Failure::usage(format!("--dataset-offset {}: out of range", self.first)))?;
        let items = self.source.items(from, count)?;
        self.handed = self.handed.max(offset.saturating_add(count));
        (from..).zip(items).map(|(index, item)| self.shape.conversation(index, item)).collect()
    }

    /// Whether its conversations say when they are due.
    pub fn has_schedule(&self) -> bool {
        self.has_schedule
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
        let remarks = self.source.remarks();
        let repeats_after = remarks.repeats_after.filter(|repeats| *repeats < self.handed);
        Remarks { repeats_after, ..remarks }
    }
}
