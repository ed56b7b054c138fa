//! Random texts of exact length in tokens.

use std::sync::atomic::{AtomicU64, Ordering};

use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::remarks::Remarks;
use super::rng::{self, Purpose};
use super::vocabulary::Vocabulary;
use crate::error::{Failure, Result};
use crate::plan::WorkloadSpec;
use crate::prompt::Conversation;
use crate::tokenizer::Tokenizer;

/// Rounds of repair before a text is given up and counted.
const ROUNDS: usize = 32;
/// Rounds after which a text is drawn anew, in case it admits no repair.
const FRESH: usize = 8;
/// Tokens of its own that `--cache-bust` gives a conversation, within the length that was asked for.
pub(super) const SALT: usize = 8;

/// Makes random texts. What it makes for an item depends on the seed and the item's number alone, whatever the number
/// of threads and of load points.
///
/// Ids are drawn independently and uniformly; EvalScope takes runs of consecutive ids, which no text resembles. The
/// count is that of the content: what a chat template adds is not known here, whereas EvalScope takes it off the length.
pub(super) struct Maker {
    pub(super) tokenizer: Tokenizer,
    pub(super) vocabulary: Vocabulary,
    seed: u64,
    cache_bust: bool,
    threads: rayon::ThreadPool,
    inexact: AtomicU64,
}

/// A text that was made, its ids, and whether there are as many of them as wanted.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Made {
    pub(super) text: String,
    pub(super) ids: Vec<u32>,
    pub(super) exact: bool,
}

impl Made {
    /// Length in tokens.
    pub(super) fn tokens(&self) -> Option<u32> {
        u32::try_from(self.ids.len()).ok()
    }
}

impl Maker {
    /// A maker that draws from the tokenizer, or from the one that is built in.
    pub(super) fn new(spec: &WorkloadSpec, tokenizer: Option<Tokenizer>) -> Result<Self> {
        let tokenizer = tokenizer.map_or_else(Tokenizer::built_in, Ok)?;
        let threads = rayon::ThreadPoolBuilder::new()
            .num_threads(spec.threads.max(1))
            .build()
            .map_err(|error| Failure::files("threads to make prompts cannot be started").because(error))?;
        let vocabulary = threads.install(|| Vocabulary::of(&tokenizer))?;
        let (seed, cache_bust) = (spec.seed, spec.cache_bust);
        Ok(Maker { tokenizer, vocabulary, seed, cache_bust, threads, inexact: AtomicU64::new(0) })
    }

    /// The stream of an item.
    pub(super) fn stream(&self, purpose: Purpose, item: u64) -> ChaCha8Rng {
        rng::stream(self.seed, purpose, item)
    }

    /// Prefix number `index` of so many tokens.
    pub(super) fn prefix(&self, index: u64, length: u32) -> Result<Made> {
        let made = self.make(&mut self.stream(Purpose::Prefix, index), &Made::default(), length as usize)?;
        self.note(&made);
        Ok(made)
    }

    /// A text that begins with the head and has `wanted` tokens in all; its first tokens are the item's own where that
    /// is asked for. What does not come out exactly is counted.
    pub(super) fn text(&self, rng: &mut ChaCha8Rng, item: u64, head: &Made, wanted: usize) -> Result<Made> {
        let made = if self.cache_bust && !head.ids.is_empty() {
            self.make(rng, &self.salted(item, head)?, wanted)?
        } else {
            self.make(rng, head, wanted)?
        };
        self.note(&made);
        Ok(made)
    }

    /// Counts a text that does not have its length.
    pub(super) fn note(&self, made: &Made) {
        self.inexact.fetch_add(u64::from(!made.exact), Ordering::Relaxed);
    }

    /// Ids that only this item begins with.
    pub(super) fn salt(&self, item: u64, count: usize) -> Vec<u32> {
        self.vocabulary.draw(&mut self.stream(Purpose::Salt, item), true, count)
    }

    /// The head with its first tokens drawn anew for the item.
    fn salted(&self, item: u64, head: &Made) -> Result<Made> {
        let own = SALT.min(head.ids.len());
        let mut ids = self.salt(item, own);
        ids.extend(&head.ids[own..]);
        let text = self.spell(&ids)?;
        let ids = self.tokenizer.encode(&text)?;
        Ok(Made { text, ids, exact: true })
    }

    /// The text of ids.
    pub(super) fn spell(&self, ids: &[u32]) -> Result<String> {
        self.vocabulary.spell(true, ids).map_or_else(|| self.tokenizer.decode(ids), Ok)
    }

    /// Every text is encoded again, and only that count is believed; where it is not the wanted one, the end is trimmed
    /// or continued.
    pub(super) fn make(&self, rng: &mut ChaCha8Rng, head: &Made, wanted: usize) -> Result<Made> {
        let mut nearest: Option<Made> = None;
        let mut ids = Vec::new();
        for round in 0..ROUNDS {
            let text = if round % FRESH == 0 {
                ids.clone_from(&head.ids);
                ids.truncate(wanted);
                let missing = wanted - ids.len();
                ids.extend(self.vocabulary.draw(rng, ids.is_empty(), missing));
                self.spell(&ids)?
            } else {
                self.tokenizer.decode(&ids)?
            };
            ids = self.tokenizer.encode(&text)?;
            // A head that is longer than the whole is cut.
            let kept = text.starts_with(&head.text) || head.text.starts_with(&text);
            let exact = kept && ids.len() == wanted;
            let gap = ids.len().abs_diff(wanted);
            if kept && nearest.as_ref().is_none_or(|made| gap < made.ids.len().abs_diff(wanted)) {
                nearest = Some(Made { text, ids: ids.clone(), exact });
            }
            if exact {
                break;
            }
            if ids.len() < wanted {
                let missing = wanted - ids.len();
                ids.extend(self.vocabulary.draw(rng, ids.is_empty(), missing));
            } else {
                // Where no id is too many the text lost its head, and the last ids are drawn again.
                let keep = if ids.len() > wanted { wanted } else { wanted.saturating_sub(1) };
                ids.truncate(keep);
                ids.extend(self.vocabulary.draw(rng, ids.is_empty(), wanted - keep));
            }
        }
        nearest.ok_or_else(|| {
            Failure::usage(format!("tokenizer {}: cannot continue the shared prefix", self.tokenizer.name()))
                .hint("leave out the prefix, or name another tokenizer with --tokenizer-path")
        })
    }

    /// Makes the items from number `from` on, on all threads.
    pub(super) fn each(
        &self,
        from: u64,
        count: u64,
        make: impl Fn(u64) -> Result<Conversation> + Send + Sync,
    ) -> Result<Vec<Conversation>> {
        let until = from.checked_add(count).ok_or_else(|| Failure::usage("--dataset-offset: out of range"))?;
        self.threads.install(|| (from..until).into_par_iter().map(make).collect())
    }

    /// Texts so far that do not have their length.
    pub(super) fn remarks(&self) -> Remarks {
        Remarks { inexact: self.inexact.load(Ordering::Relaxed), ..Remarks::default() }
    }
}
