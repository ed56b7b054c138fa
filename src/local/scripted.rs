//! A backend that plays scripts: what each request gets, and when, is known beforehand.
//!
//! It is how a load generator checks itself: what it measured is compared with what the script says. Instants count
//! from the receipt of the request, so that one late piece does not shift those after it.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;

use super::backend::{Backend, Event, Finish, Generation, GenerationRequest, ModelCard, Refusal};
use super::pacer::{Pacer, Track};
use crate::error::{Failure, Result};

/// What one request gets, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// Said in the usage.
    pub prompt_tokens: usize,
    /// Nanoseconds from the receipt of the request to each piece, ascending, and its text. A piece counts as a token.
    pub pieces: Vec<(u64, String)>,
    /// How it ends, at the instant of the last piece.
    pub ending: Ending,
}

/// How a script ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// As a reply should.
    Finish(Finish),
    /// With an error that is told in the reply.
    Fail(String),
    /// With a connection that closes amid the reply.
    Break,
}

impl Script {
    /// A script of `count` pieces of the same text: the first after `first`, the others `gap` apart.
    pub fn even(first: Duration, gap: Duration, count: usize, text: &str) -> Self {
        let ns = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let at = |index: usize| ns(first).saturating_add(ns(gap).saturating_mul(index as u64));
        let pieces = (0..count).map(|index| (at(index), text.to_owned())).collect();
        Script { prompt_tokens: 1, pieces, ending: Ending::Finish(Finish::Length) }
    }
}

type Writer = dyn Fn(u64, &GenerationRequest) -> Result<Script, Refusal> + Send + Sync;

/// The backend that plays scripts.
pub struct Scripted {
    model: String,
    writer: Box<Writer>,
    arrivals: AtomicU64,
    pacer: Pacer,
}

impl Scripted {
    /// A backend under the name `model`. `writer` gets the number of the request, counted from 0 in the order of
    /// arrival, and gives its script or a refusal.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn new(
        model: impl Into<String>,
        writer: impl Fn(u64, &GenerationRequest) -> Result<Script, Refusal> + Send + Sync + 'static,
    ) -> Result<Self> {
        let pacer = Pacer::start().map_err(|error| Failure::bug("the scripted server has no thread").because(error))?;
        Ok(Scripted { model: model.into(), writer: Box::new(writer), arrivals: AtomicU64::new(0), pacer })
    }
}

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scripted").field("model", &self.model).field("arrivals", &self.arrivals).finish_non_exhaustive()
    }
}

impl Backend for Scripted {
    fn models(&self) -> Vec<ModelCard> {
        vec![ModelCard { name: self.model.clone(), context: None }]
    }

    fn submit(&self, request: GenerationRequest) -> Result<Generation, Refusal> {
        let number = self.arrivals.fetch_add(1, Ordering::Relaxed);
        let script = (self.writer)(number, &request)?;
        let tokens = script.pieces.len();
        let due = |ns: u64| request.received + Duration::from_nanos(ns);
        let last = due(script.pieces.last().map_or(0, |(ns, _)| *ns));
        let mut events: Vec<_> = script
            .pieces
            .into_iter()
            .map(|(ns, text)| (due(ns), Event::Token { id: None, text, logprobs: None }))
            .collect();
        match script.ending {
            Ending::Finish(finish) => {
                events.push((last, Event::End { text: String::new(), finish, tokens, cached_tokens: 0 }));
            }
            Ending::Fail(why) => events.push((last, Event::Failed(why))),
            Ending::Break => {}
        }
        let (sender, receiver) = mpsc::unbounded_channel();
        if !self.pacer.add(Track::new(events, sender)) {
            return Err(Refusal::Broken("the thread that plays scripts is gone".to_owned()));
        }
        Ok(Generation { prompt_tokens: script.prompt_tokens, events: receiver })
    }
}
