//! Figures of whole conversations: requests of several turns that belong together.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::Spread;
use crate::hist::Hist;
use crate::record::{Outcome, Record};
use crate::units::NS_PER_MS;

/// The conversations of a load point. Absent where every request stands alone.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ConversationFigures {
    /// Conversations that got to their last turn.
    pub complete: u64,
    /// Those that a failed turn ended before.
    pub failed: u64,
    /// Those that the end of the run cut short.
    pub cut: u64,
    /// Turns that were never sent because of that.
    pub turns_unsent: u64,
    /// Turns of a complete conversation.
    pub turns: Option<Spread>,
    /// Start of the first turn to the end of the last, of complete conversations, pauses included.
    pub duration_ms: Option<Spread>,
    /// Start of the first turn to the first token of the last, of complete conversations.
    pub last_answer_ms: Option<Spread>,
    /// Time to first token of first turns.
    pub ttft_first_turn_ms: Option<Spread>,
    /// Time to first token of later turns.
    pub ttft_later_turns_ms: Option<Spread>,
    /// Share of the prompt tokens that were said in earlier turns, in percent: what a prefix cache could give back. An
    /// estimate from the counts of the turn before, not a word of the server's.
    pub cached_percent_estimated: Option<f64>,
}

/// A conversation that goes on.
#[derive(Debug, Clone, Copy)]
struct Open {
    started_ns: u64,
    left: u32,
}

/// Collects [`ConversationFigures`] in flat memory: only what goes on is kept. Records of one conversation come in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Conversations {
    seen: bool,
    open: HashMap<u64, Open>,
    complete: u64,
    failed: u64,
    /// Of merged parts: what was open at their end.
    cut: u64,
    turns_unsent: u64,
    turns: Hist,
    duration: Hist,
    last_answer: Hist,
    first_ttft: Hist,
    later_ttft: Hist,
    estimated: (u64, u64),
}

impl Conversations {
    /// Adds a measured record.
    pub(super) fn add(&mut self, record: &Record) {
        if record.turn == 0 && record.turns_left == 0 {
            return;
        }
        self.seen = true;
        let begun = self.open.remove(&record.conversation);
        match record.outcome {
            Outcome::Ok => {}
            Outcome::Failed(_) => {
                self.failed += 1;
                self.turns_unsent += u64::from(record.turns_left);
                return;
            }
            Outcome::Cancelled | Outcome::Unsent => {
                self.cut += 1;
                self.turns_unsent += u64::from(record.turns_left);
                return;
            }
        }
        if let Some(ttft) = record.ttft_ns() {
            if record.turn == 0 { &mut self.first_ttft } else { &mut self.later_ttft }.record(ttft);
        }
        if let (Some(estimate), Some(prompt)) = (record.cached_estimate, record.prompt_tokens) {
            self.estimated.0 += estimate.min(prompt);
            self.estimated.1 += prompt;
        }
        let started_ns = begun.map(|begun| begun.started_ns).or(record.started_ns);
        let Some(started_ns) = started_ns else { return };
        if record.turns_left > 0 {
            self.open.insert(record.conversation, Open { started_ns, left: record.turns_left });
            return;
        }
        self.complete += 1;
        self.turns.record(u64::from(record.turn) + 1);
        self.duration.record(record.last_event_ns.unwrap_or(record.end_ns).saturating_sub(started_ns));
        if let Some(token) = record.first_token_ns {
            self.last_answer.record(token.saturating_sub(started_ns));
        }
    }

    /// Adds everything another part has seen; what goes on in it does so no longer.
    pub(super) fn merge(&mut self, other: &Conversations) {
        let (cut, turns) = other.unfinished();
        self.seen |= other.seen;
        self.complete += other.complete;
        self.failed += other.failed;
        self.cut += cut;
        self.turns_unsent += turns;
        for (ours, theirs) in [
            (&mut self.turns, &other.turns),
            (&mut self.duration, &other.duration),
            (&mut self.last_answer, &other.last_answer),
            (&mut self.first_ttft, &other.first_ttft),
            (&mut self.later_ttft, &other.later_ttft),
        ] {
            ours.merge(theirs);
        }
        self.estimated.0 += other.estimated.0;
        self.estimated.1 += other.estimated.1;
    }

    /// Conversations that were cut short, and all turns that were not sent.
    fn unfinished(&self) -> (u64, u64) {
        let left: u64 = self.open.values().map(|open| u64::from(open.left)).sum();
        (self.cut + self.open.len() as u64, self.turns_unsent + left)
    }

    /// The figures; what goes on counts as cut short.
    pub(super) fn figures(&self) -> Option<ConversationFigures> {
        let (cut, turns_unsent) = self.unfinished();
        self.seen.then(|| ConversationFigures {
            complete: self.complete,
            failed: self.failed,
            cut,
            turns_unsent,
            turns: Spread::of(&self.turns, 1.0),
            duration_ms: Spread::of(&self.duration, NS_PER_MS),
            last_answer_ms: Spread::of(&self.last_answer, NS_PER_MS),
            ttft_first_turn_ms: Spread::of(&self.first_ttft, NS_PER_MS),
            ttft_later_turns_ms: Spread::of(&self.later_ttft, NS_PER_MS),
            cached_percent_estimated: (self.estimated.1 > 0)
                .then(|| 100.0 * self.estimated.0 as f64 / self.estimated.1 as f64),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::FailureKind;

    const MS: u64 = 1_000_000;

    fn turn(conversation: u64, turn: u32, left: u32, start_ms: u64) -> Record {
        let start = start_ms * MS;
        Record {
            turns_left: left,
            started_ns: Some(start),
            first_token_ns: Some(start + (5 + u64::from(turn)) * MS),
            last_event_ns: Some(start + 20 * MS),
            end_ns: start + 21 * MS,
            outcome: Outcome::Ok,
            prompt_tokens: Some(100 * (u64::from(turn) + 1)),
            cached_estimate: Some(90 * u64::from(turn)),
            ..Record::due(format!("{conversation}-{turn}"), conversation, turn, start)
        }
    }

    #[test]
    fn conversations_are_told_from_their_turns() {
        let mut all = Conversations::default();
        // Two that go on side by side and end, one that fails, one that is cut.
        for record in [
            turn(1, 0, 2, 0),
            turn(2, 0, 1, 1),
            turn(1, 1, 1, 100),
            turn(2, 1, 0, 201),
            turn(1, 2, 0, 300),
            turn(3, 0, 3, 400),
            Record { outcome: Outcome::Failed(FailureKind::Status), ..turn(3, 1, 2, 500) },
            turn(4, 0, 5, 600),
        ] {
            all.add(&record);
        }
        let figures = all.figures().unwrap_or_default();
        assert_eq!((figures.complete, figures.failed, figures.cut, figures.turns_unsent), (2, 1, 1, 2 + 5));
        let values = |spread: &Option<Spread>| spread.as_ref().map(|s| (s.n, s.min, s.max));
        assert_eq!(values(&figures.turns), Some((2, 2.0, 3.0)));
        assert_eq!(values(&figures.duration_ms), Some((2, 220.0, 320.0)));
        assert_eq!(values(&figures.last_answer_ms), Some((2, 206.0, 307.0)));
        assert_eq!(values(&figures.ttft_first_turn_ms), Some((4, 5.0, 5.0)));
        assert_eq!(values(&figures.ttft_later_turns_ms), Some((3, 6.0, 7.0)));
        assert_eq!(figures.cached_percent_estimated, Some(100.0 * 360.0 / 1100.0));
        let mut merged = Conversations::default();
        merged.merge(&all);
        merged.merge(&all);
        let merged = merged.figures().unwrap_or_default();
        assert_eq!((merged.complete, merged.cut, merged.turns_unsent), (4, 2, 14));
        assert_eq!(values(&merged.turns), Some((4, 2.0, 3.0)));
    }

    #[test]
    fn requests_that_stand_alone_are_no_conversations() {
        let mut all = Conversations::default();
        all.add(&turn(1, 0, 0, 0));
        assert_eq!(all.figures(), None);
    }
}
