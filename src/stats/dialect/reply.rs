//! One request of the log as every dialect reads it: its record, its events, and what a tokenizer makes of its text.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::mark::Mark;
use crate::record::{Outcome, Record, TokensFrom};
use crate::units::NS_PER_S;

/// Counts the tokens of a text.
pub type Count<'a> = dyn Fn(&str) -> Result<u64> + 'a;

/// What dialects ask of one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// Arrival in ns since the run's epoch.
    pub at_ns: u64,
    /// Tokens of its own text by a tokenizer, where one counted.
    pub counted: Option<u32>,
    /// Flags of its [`Mark`].
    pub flags: u16,
}

impl Event {
    /// Whether all of these flags are set.
    pub(super) fn has(&self, flags: u16) -> bool {
        self.flags & flags == flags
    }
}

/// Tokens of a whole reply by a tokenizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counted {
    /// Of the visible text.
    pub(super) content: u64,
    /// Of the reasoning.
    pub(super) reasoning: u64,
    /// Of everything, tool calls included.
    pub(super) all: u64,
}

/// One request.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// Its record, without the lists of gaps and events and without the text.
    pub record: Record,
    /// Its events in order. A reply that is not streamed is one event at its end.
    pub events: Vec<Event>,
    /// The visible text.
    pub content: String,
    pub(super) counted: Option<Counted>,
}

impl Reply {
    /// Reads a record of the log. A tokenizer counts the text of every event apart, and the whole text in one piece,
    /// because the sum of the pieces is often more.
    ///
    /// # Errors
    /// When the tokenizer refuses a text.
    pub fn of(mut record: Record, count: Option<&Count>) -> Result<Reply> {
        let mut marks = std::mem::take(&mut record.marks);
        let text = record.text.take().unwrap_or_default();
        record.gaps_ns = Vec::new();
        if marks.is_empty() && !record.stream && record.is_ok() {
            let flags = Mark::CHOICES | Mark::CONTENT | Mark::FINISH | Mark::USAGE;
            marks.push(Mark { at_ns: record.end_ns, text: text.len() as u32, flags, ..Mark::default() });
        }
        // Without the text, or with one that does not fit its events, nothing can be counted.
        let count = count.filter(|_| marks.iter().map(|mark| mark.text as usize).sum::<usize>() == text.len());
        let mut events = Vec::with_capacity(marks.len());
        let (mut content, mut reasoning) = (String::new(), String::new());
        let mut from = 0;
        for mark in marks {
            let piece = text.get(from..from + mark.text as usize).unwrap_or_default();
            from += mark.text as usize;
            // An event with both is taken for content: the log does not say where one ends.
            if mark.has(Mark::CONTENT) {
                content.push_str(piece);
            } else if mark.has(Mark::REASONING) {
                reasoning.push_str(piece);
            }
            let counted = count.map(|count| count(piece)).transpose()?;
            let counted = counted.map(|tokens| tokens as u32);
            events.push(Event { at_ns: mark.at_ns, counted, flags: mark.flags });
        }
        let counted = match count {
            Some(count) => {
                Some(Counted { content: count(&content)?, reasoning: count(&reasoning)?, all: count(&text)? })
            }
            None => None,
        };
        if let (true, None, Some(counted)) = (record.is_ok(), record.completion_tokens, counted) {
            record.completion_tokens = Some(counted.all);
            record.tokens_from = Some(TokensFrom::Tokenizer);
        }
        Ok(Reply { record, events, content, counted })
    }

    /// When the request went out; one that never did counts from when it was due.
    pub(super) fn start_ns(&self) -> u64 {
        self.record.started_ns.unwrap_or(self.record.intended_ns)
    }

    /// From the request going out to a stamp, in seconds.
    pub(super) fn since_start(&self, at_ns: u64) -> f64 {
        at_ns.saturating_sub(self.start_ns()) as f64 / NS_PER_S
    }

    /// What it waited in the client before it went out, in seconds.
    pub(super) fn queued(&self) -> f64 {
        self.start_ns().saturating_sub(self.record.intended_ns) as f64 / NS_PER_S
    }

    /// Stamps of the events that carry at least one of these flags.
    pub(super) fn stamps(&self, flags: u16) -> impl Iterator<Item = u64> + Clone + '_ {
        self.events.iter().filter(move |event| event.flags & flags != 0).map(|event| event.at_ns)
    }

    /// Stamp of the last event that is more than `[DONE]`, else the end.
    pub(super) fn last_json_ns(&self) -> u64 {
        let said = self.events.iter().rev().find(|event| !event.has(Mark::DONE));
        said.map_or(self.record.end_ns, |event| event.at_ns)
    }

    /// Completion tokens where the server told them.
    pub(super) fn server_output(&self) -> Option<u64> {
        self.record.completion_tokens.filter(|_| self.record.tokens_from == Some(TokensFrom::Usage))
    }

    /// Prompt tokens as far as they are known.
    pub(super) fn input(&self) -> u64 {
        self.record.prompt_tokens.unwrap_or(0)
    }
}

/// Gaps between stamps, in seconds.
pub(super) fn gaps(stamps_ns: impl Iterator<Item = u64> + Clone) -> Vec<f64> {
    let later = stamps_ns.clone().skip(1);
    stamps_ns.zip(later).map(|(before, at)| at.saturating_sub(before) as f64 / NS_PER_S).collect()
}

/// The requests of a load point that a tool would have seen, in the order of the workload.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Replies {
    list: Vec<Reply>,
    /// Requests that no tool has a word for, by outcome: they are in nothing.
    pub left_out: BTreeMap<&'static str, u64>,
}

impl Replies {
    /// Takes replies in any order. Warm-up requests are left out silently, as every tool does.
    pub fn of(replies: impl IntoIterator<Item = Reply>) -> Replies {
        let mut out = Replies::default();
        for reply in replies {
            match reply.record.outcome {
                _ if reply.record.warmup => {}
                Outcome::Cancelled | Outcome::Unsent => {
                    *out.left_out.entry(reply.record.outcome.name()).or_default() += 1;
                }
                Outcome::Ok | Outcome::Failed(_) => out.list.push(reply),
            }
        }
        out.list.sort_by_key(|reply| (reply.record.conversation, reply.record.turn));
        out
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Reply> {
        self.list.iter()
    }

    /// Whether streams of the run have events: a run without a chunk log has none.
    pub fn have_events(&self) -> bool {
        let mut good = self.list.iter().filter(|reply| reply.record.is_ok()).peekable();
        good.peek().is_none() || good.any(|reply| !reply.events.is_empty())
    }

    /// From the first request being due to the last one being over, in seconds: what a client that counts from before
    /// its first dispatch takes for the length of the run.
    pub(super) fn dispatch_to_end(&self) -> f64 {
        let first = self.list.iter().map(|reply| reply.record.intended_ns).min().unwrap_or(0);
        self.last_end_ns().saturating_sub(first) as f64 / NS_PER_S
    }

    /// When the first request went out.
    pub(super) fn first_start_ns(&self) -> u64 {
        self.list.iter().map(Reply::start_ns).min().unwrap_or(0)
    }

    /// When the last request was over.
    pub(super) fn last_end_ns(&self) -> u64 {
        self.list.iter().map(|reply| reply.record.end_ns).max().unwrap_or(0)
    }
}
