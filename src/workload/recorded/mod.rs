//! Recorded traffic: when each request came, how long it was, and which prefix it shares with others.
//!
//! | file | noun |
//! |---|---|
//! | `row` | a request of a trace in any layout |
//! | `clients` | requests drawn from descriptions of clients, as ServeGen has them |
//! | `spans` | calls of agents, as OpenTelemetry has them |
//!
//! A row is a few numbers; its text is made when it is wanted. Without prefix hashes it is random, with them each hash
//! stands for a block of tokens that depends on the seed and the hash alone, so equal hashes are equal text.

mod clients;
mod row;
mod spans;
#[cfg(test)]
mod tests;

pub(super) use self::clients::Clients;
pub(super) use self::row::Row;
pub(super) use self::spans::Spans;

use std::collections::HashSet;

use self::row::Trace;
use super::cycle::Cycle;
use super::lines::Origin;
use super::maker::{Made, Maker, SALT};
use super::remarks::{Hits, Remarks};
use super::rng::Purpose;
use super::{Source, Survey};
use crate::error::{Failure, Result};
use crate::plan::WorkloadSpec;
use crate::plan::dataset::{Args, Set};
use crate::prompt::{Content, Conversation, Prompt};
use crate::tokenizer::Tokenizer;

/// Tokens of a block in Mooncake's traces, and in all others.
const MOONCAKE_BLOCK: u32 = 512;
const BLOCK: u32 = 16;

/// Texts of rows, by their lengths and prefix hashes.
pub(super) struct Texts {
    maker: Maker,
    block: u32,
    cache_bust: bool,
}

/// Requests of a trace.
pub(super) struct Recorded {
    rows: Cycle<Trace>,
    texts: Texts,
    hits: Option<Hits>,
}

impl Recorded {
    pub(super) fn new(spec: &WorkloadSpec, set: Set, tokenizer: Option<Tokenizer>) -> Result<Self> {
        let Args::Recorded(args) = &spec.args else { return Err(Failure::bug("a trace without its options")) };
        let path = spec.path.clone().ok_or_else(|| Failure::bug("a trace without a file"))?;
        let default = if set == Set::Mooncake { MOONCAKE_BLOCK } else { BLOCK };
        let texts = Texts {
            maker: Maker::new(spec, tokenizer)?,
            block: args.block_size.unwrap_or(default),
            cache_bust: spec.cache_bust,
        };
        let rows = Cycle::new(Origin::File(path), Trace::new(set, args.clone(), spec.lengths));
        Ok(Recorded { rows, texts, hits: None })
    }
}

impl Texts {
    /// The request of a row.
    pub(super) fn prompt(&self, index: u64, row: &Row) -> Result<Conversation> {
        let made = if row.hashes.is_empty() {
            let mut rng = self.maker.stream(Purpose::Prompt, index);
            self.maker.text(&mut rng, index, &Made::default(), row.input as usize)?
        } else {
            self.blocks(index, row)?
        };
        let tokens = made.tokens();
        let content = Content::Text(made.text);
        let prompt = Prompt { tokens, max_tokens: Some(row.output.max(1)), ..Prompt::new(content) };
        Ok(Conversation { turns: vec![prompt], due_ns: Some(row.due_ns) })
    }

    /// Block after block, each from its hash, the last one cut; what no hash stands for is the item's own.
    fn blocks(&self, index: u64, row: &Row) -> Result<Made> {
        let wanted = row.input as usize;
        let mut ids: Vec<u32> = Vec::with_capacity(wanted);
        for hash in &row.hashes {
            let room = (wanted - ids.len()).min(self.block as usize);
            if room == 0 {
                break;
            }
            let mut rng = self.maker.stream(Purpose::Block, *hash);
            ids.extend(self.maker.vocabulary.draw(&mut rng, ids.is_empty(), room));
        }
        let mut rng = self.maker.stream(Purpose::Prompt, index);
        let missing = wanted - ids.len();
        ids.extend(self.maker.vocabulary.draw(&mut rng, ids.is_empty(), missing));
        if self.cache_bust {
            let salt = self.maker.salt(index, SALT.min(wanted));
            ids.splice(..salt.len(), salt);
        }
        // Words stay what they are beside each other, which the vocabulary was probed for; a hundred million tokens of
        // a trace are not counted once more.
        if let Some(text) = self.maker.vocabulary.spell(true, &ids) {
            return Ok(Made { text, ids, exact: true });
        }
        let text = self.maker.spell(&ids)?;
        let read = self.maker.tokenizer.encode(&text)?;
        let made = match read.len() == wanted {
            true => Made { text, ids: read, exact: true },
            // The blocks stay; the end is trimmed or continued.
            false => self.maker.make(&mut rng, &Made { text, ids: read, exact: false }, wanted)?,
        };
        self.maker.note(&made);
        Ok(made)
    }

    /// The requests of rows, numbered from `from` on.
    pub(super) fn prompts(&self, from: u64, rows: &[Row]) -> Result<Vec<Conversation>> {
        self.maker.each(from, rows.len() as u64, |index| {
            let row = usize::try_from(index - from).ok().and_then(|place| rows.get(place));
            row.map_or_else(|| Err(Failure::bug("a row is missing")), |row| self.prompt(index, row))
        })
    }
}

/// What a cache of unlimited size would hold of prompts that come in this order.
#[derive(Default)]
pub(super) struct Cache {
    seen: HashSet<u64>,
    hits: Hits,
}

impl Cache {
    /// The next prompt: blocks from the first on that were all there before are served.
    pub(super) fn see(&mut self, row: &Row, block: u32) {
        let mut rest = row.input;
        let mut served = true;
        for hash in &row.hashes {
            let tokens = rest.min(block);
            rest -= tokens;
            served &= !self.seen.insert(*hash);
            self.hits.cached += u64::from(if served { tokens } else { 0 });
        }
        self.hits.tokens += u64::from(row.input);
    }

    /// The sum; `None` where no prompt has hashes.
    pub(super) fn hits(&self) -> Option<Hits> {
        (!self.seen.is_empty()).then_some(self.hits)
    }
}

impl Source for Recorded {
    fn items(&mut self, from: u64, count: u64) -> Result<Vec<Conversation>> {
        let rows: Vec<Row> = self.rows.rows(from, count)?.cloned().collect();
        self.texts.prompts(from, &rows)
    }

    fn survey(&mut self, most: u64) -> Result<Option<Survey>> {
        let (mut cache, mut last) = (Cache::default(), 0);
        let block = self.texts.block;
        let count = self.rows.survey(most, |row| {
            cache.see(row, block);
            last = row.due_ns;
        })?;
        self.hits = cache.hits();
        Ok(Some(Survey { count, span_ns: last, hits: self.hits }))
    }

    fn remarks(&self) -> Remarks {
        let Remarks { inexact, .. } = self.texts.maker.remarks();
        Remarks { inexact, hits: self.hits, ..self.rows.remarks() }
    }
}
