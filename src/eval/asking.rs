//! Questions on their way through the load engine: requests, later turns, retries, and the answers that come back.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::reasoning::{Thought, thought};
use super::sample::Sample;
use crate::engine::{Request, Requests, Said, Turn, Turns};
use crate::error::{Failure, Result};
use crate::prompt::{Content, Prompt};
use crate::record::{FailureKind, Outcome, Record, Sink};
use crate::run::Speller;
use crate::target::Dialect;
use crate::wire::{Answer, answer};

/// The first pause before a request is made again; it doubles up to the interval that the user sets.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// How often a request that failed is made again, and how long the longest pause before is.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Times.
    pub retries: u32,
    /// The longest pause, unless the server asks for more.
    pub interval: Duration,
}

impl Patience {
    /// The pause before try number `attempt`, counted from 1.
    fn pause(self, attempt: u32, wanted_ns: Option<u64>) -> Duration {
        let own = FIRST_PAUSE.saturating_mul(1 << attempt.saturating_sub(1).min(16)).min(self.interval);
        wanted_ns.map_or(own, |ns| Duration::from_nanos(ns).min(Duration::from_secs(600)))
    }
}

/// Whether the same request may succeed later.
fn may_recover(record: &Record) -> bool {
    match record.outcome {
        Outcome::Failed(FailureKind::Status) => {
            record.status.is_some_and(|status| status == 408 || status == 429 || status >= 500)
        }
        Outcome::Failed(FailureKind::Connect | FailureKind::Timeout | FailureKind::Broken | FailureKind::Server) => {
            true
        }
        _ => false,
    }
}

/// What asks a list of samples.
#[derive(Clone)]
pub struct Asking {
    /// What the target speaks.
    pub dialect: Dialect,
    /// The samples, in the order in which they are asked.
    pub samples: Arc<Vec<Arc<Sample>>>,
    /// How prompts become requests.
    pub speller: Speller,
    /// The same without what this program sets of its own accord.
    pub bare: Speller,
    /// How often, and how soon.
    pub patience: Patience,
}

impl Asking {
    /// The requests of the samples, one after another: the first ones as [`Asking::first`] made them, and what follows each.
    pub fn requests(&self, first: Vec<Request>) -> Requests {
        let this = self.clone();
        Box::new(first.into_iter().enumerate().map(move |(at, request)| {
            let course = Course { asking: this.clone(), at, said: Vec::new(), turn: 0, attempt: 0 };
            Ok(Request { then: Some(Box::new(course)), ..request })
        }))
    }

    /// The first request of a sample.
    ///
    /// # Errors
    /// When the dialect of the target has no place for what the sample holds.
    pub fn first(&self, sample: &Sample) -> Result<Request> {
        self.request(sample, &sample.messages)
    }

    /// Why the protocol of the target has no place for the question of a sample, where it has none.
    pub fn unfit(&self, sample: &Sample) -> Option<String> {
        let question = sample.decision.as_ref().filter(|_| self.dialect.decides())?;
        question.body(&self.dialect, "").err()
    }

    /// A sample's request after what was said so far.
    fn request(&self, sample: &Sample, messages: &[Value]) -> Result<Request> {
        let content = match sample.decision.as_ref().filter(|_| self.dialect.decides()) {
            Some(question) => {
                let body = question.body(&self.dialect, &system(messages));
                Content::Body(body.map_err(|why| Failure::usage(format!("a question cannot be asked: {why}")))?)
            }
            None => chat(sample, messages),
        };
        // A sample with parameters of its own finds out what these do, so it goes without those that nobody asked for.
        let speller = if sample.body.is_empty() { &self.speller } else { &self.bare };
        speller.request(&Prompt::new(content))
    }
}

/// What the system says in a chat.
fn system(messages: &[Value]) -> String {
    let said = messages.iter().filter(|message| message["role"] == "system");
    said.filter_map(|message| message["content"].as_str()).collect::<Vec<_>>().join("\n\n")
}

/// A chat, with the tools of the sample and what else its body holds.
fn chat(sample: &Sample, messages: &[Value]) -> Content {
    if sample.tools.is_none() && sample.body.is_empty() {
        return Content::Messages(messages.to_vec());
    }
    let mut body = Map::new();
    body.insert("messages".to_owned(), json!(messages));
    body.extend(sample.tools.iter().map(|tools| ("tools".to_owned(), tools.clone())));
    body.extend(sample.body.clone());
    Content::Body(body)
}

/// What follows a request: the next turn after an answer, the same request after a failure that may pass.
struct Course {
    asking: Asking,
    at: usize,
    /// What was said after the messages of the sample.
    said: Vec<Value>,
    /// Turns of the user after the first that were said.
    turn: usize,
    attempt: u32,
}

impl Course {
    fn turns(&self) -> usize {
        self.asking.samples.get(self.at).map_or(0, |sample| sample.turns.len())
    }

    fn request(&self) -> Result<Request> {
        let Some(sample) = self.asking.samples.get(self.at) else { return Ok(Request::default()) };
        if self.said.is_empty() {
            return self.asking.first(sample);
        }
        self.asking.request(sample, &[&sample.messages[..], &self.said[..]].concat())
    }
}

impl Turns for Course {
    fn next(&mut self, said: Said<'_>) -> Result<Option<Turn>> {
        if said.record.is_ok() {
            let turn = self.asking.samples.get(self.at).and_then(|sample| sample.turns.get(self.turn));
            let Some(turn) = turn.cloned() else { return Ok(None) };
            self.turn += 1;
            self.attempt = 0;
            self.said.push(json!({"role": "assistant", "content": thought(said.text, "").answer}));
            self.said.push(json!({"role": "user", "content": turn}));
            return Ok(Some(Turn { request: self.request()?, pause: Duration::ZERO }));
        }
        let patience = self.asking.patience;
        if self.attempt >= patience.retries || !may_recover(said.record) {
            // The conversation is over, whatever was still to be said in it.
            self.turn = self.turns();
            return Ok(None);
        }
        self.attempt += 1;
        let pause = patience.pause(self.attempt, said.record.retry_after_ns);
        Ok(Some(Turn { request: self.request()?, pause }))
    }

    fn left(&self) -> u32 {
        u32::try_from(self.turns().saturating_sub(self.turn)).unwrap_or(u32::MAX)
    }
}

/// What came of a sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    /// The answers, one a turn; fewer where it failed.
    pub turns: Vec<Spoken>,
    /// Requests that failed and were made again.
    pub retries: u32,
    /// Why it failed in the end.
    pub failure: Option<Loss>,
}

/// The status with which HTTP servers refuse a request that is wrong.
pub const REFUSED: u16 = 400;

/// Why a sample has no answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Loss {
    /// What happened: how the last request ended, or [`Loss::UNFIT`].
    pub kind: &'static str,
    /// Why, in words.
    pub why: String,
    /// The status of the last reply, where one came that was not a success.
    pub status: Option<u16>,
}

impl Loss {
    /// The protocol of the target has no place for the question.
    pub const UNFIT: &'static str = "unfit";

    fn of(record: &Record) -> Self {
        let name = record.outcome.name();
        let status = record.status.filter(|_| record.outcome == Outcome::Failed(FailureKind::Status));
        Loss { kind: name, why: record.error.clone().unwrap_or_else(|| name.to_owned()), status }
    }

    /// Whether the server refused the request as it is.
    pub fn is_refusal(&self) -> bool {
        self.status == Some(REFUSED)
    }

    /// Whether it is the end of the run and not of the sample.
    pub fn is_cut(&self) -> bool {
        self.kind == Outcome::Cancelled.name()
    }
}

impl Answered {
    /// What comes of a sample that is not asked, and why it is not.
    pub fn unfit(why: String) -> Self {
        Answered { turns: Vec::new(), retries: 0, failure: Some(Loss { kind: Loss::UNFIT, why, status: None }) }
    }
}

/// One answer with what was measured of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Spoken {
    /// The reply taken apart.
    pub answer: Answer,
    /// Reasoning and what is left without it.
    pub thought: Thought,
    /// The fact, without the reply.
    pub record: Record,
}

/// Takes records, puts them together by sample, and hands on what is complete.
pub struct Answers<'a> {
    dialect: Dialect,
    pending: HashMap<u64, Answered>,
    /// Called with the place of the sample and what came of it.
    done: &'a mut (dyn FnMut(usize, Answered) -> Result<()> + Send),
    /// Called with each record, of tries that failed as well.
    seen: &'a mut (dyn FnMut(&Record) -> Result<()> + Send),
}

impl<'a> Answers<'a> {
    /// A sink for the records of one run.
    pub fn new(
        dialect: Dialect,
        done: &'a mut (dyn FnMut(usize, Answered) -> Result<()> + Send),
        seen: &'a mut (dyn FnMut(&Record) -> Result<()> + Send),
    ) -> Self {
        Answers { dialect, pending: HashMap::new(), done, seen }
    }
}

impl Sink for Answers<'_> {
    fn accept(&mut self, mut record: Record) -> Result<()> {
        (self.seen)(&record)?;
        let place = record.conversation;
        let none = || Answered { turns: Vec::new(), retries: 0, failure: None };
        let mut answered = self.pending.remove(&place).unwrap_or_else(none);
        let over = record.turns_left == 0;
        if record.is_ok() {
            let answer = answer(&self.dialect, &record.reply.take().unwrap_or_default());
            let thought = thought(&answer.text, &answer.reasoning);
            record.gaps_ns = Vec::new();
            answered.turns.push(Spoken { answer, thought, record });
        } else if over {
            answered.failure = Some(Loss::of(&record));
        } else {
            answered.retries += 1;
        }
        if !over {
            self.pending.insert(place, answered);
            return Ok(());
        }
        (self.done)(usize::try_from(place).unwrap_or(usize::MAX), answered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_interval_unless_the_server_says() {
        let patience = Patience { retries: 5, interval: Duration::from_secs(3) };
        let pauses: Vec<u128> = (1..6).map(|attempt| patience.pause(attempt, None).as_millis()).collect();
        assert_eq!(pauses, [500, 1000, 2000, 3000, 3000]);
        assert_eq!(patience.pause(1, Some(7_000_000_000)), Duration::from_secs(7));
    }

    #[test]
    fn what_may_pass_is_told_from_what_will_not() {
        let mut record = Record::due("r".to_owned(), 0, 0, 0);
        for (outcome, status, again) in [
            (Outcome::Failed(FailureKind::Status), Some(429), true),
            (Outcome::Failed(FailureKind::Status), Some(503), true),
            (Outcome::Failed(FailureKind::Status), Some(400), false),
            (Outcome::Failed(FailureKind::Broken), None, true),
            (Outcome::Failed(FailureKind::Payload), Some(200), false),
            (Outcome::Cancelled, None, false),
        ] {
            (record.outcome, record.status) = (outcome, status);
            assert_eq!(may_recover(&record), again, "{outcome:?} {status:?}");
        }
    }
}
