//! One request under way: its texts, what they have become, and where the answer is sent.

use std::collections::VecDeque;
use std::time::Instant;

use tokio::sync::oneshot;

use super::text::Text;
use crate::local::backend::{Embeddings, Finish, Promise, Refusal, Scores};
use crate::local::candle::chosen::sequence::Place;
use crate::local::metrics::{Course, Metrics};

/// One request under way.
pub struct Job {
    /// The texts that have not been through the network.
    waiting: VecDeque<Text>,
    /// What the others have become.
    done: Vec<Vec<f32>>,
    /// Tokens of all texts together.
    prompt_tokens: usize,
    answer: Answer,
    received: Instant,
    /// When its first text was taken up.
    started: Option<Instant>,
    _place: Place,
}

/// Where the answer is sent, and what it is.
enum Answer {
    Embeddings(oneshot::Sender<Result<Embeddings, Refusal>>),
    Scores(oneshot::Sender<Result<Scores, Refusal>>),
}

impl Job {
    /// A request for the vectors of texts.
    pub fn embedding(texts: Vec<Text>, received: Instant, place: Place) -> (Self, Promise<Embeddings>) {
        let (answer, promise) = oneshot::channel();
        (Self::new(texts, Answer::Embeddings(answer), received, place), promise)
    }

    /// A request for the scores of pairs.
    pub fn scoring(texts: Vec<Text>, received: Instant, place: Place) -> (Self, Promise<Scores>) {
        let (answer, promise) = oneshot::channel();
        (Self::new(texts, Answer::Scores(answer), received, place), promise)
    }

    fn new(texts: Vec<Text>, answer: Answer, received: Instant, place: Place) -> Self {
        let prompt_tokens = texts.iter().map(|text| text.tokens.len()).sum();
        let done = Vec::with_capacity(texts.len());
        Job { waiting: texts.into(), done, prompt_tokens, answer, received, started: None, _place: place }
    }

    /// Whether whoever asked has left.
    pub fn is_cancelled(&self) -> bool {
        match &self.answer {
            Answer::Embeddings(answer) => answer.is_closed(),
            Answer::Scores(answer) => answer.is_closed(),
        }
    }

    /// Hands over the next texts, as many as have no more than `room` tokens together; one at least where `alone`.
    pub fn take(&mut self, room: usize, alone: bool, metrics: &Metrics) -> Vec<Text> {
        let mut taken: Vec<Text> = Vec::new();
        let mut tokens = 0;
        while let Some(text) = self.waiting.front()
            && (tokens + text.tokens.len() <= room || (alone && taken.is_empty()))
        {
            tokens += text.tokens.len();
            taken.extend(self.waiting.pop_front());
        }
        if self.started.is_none() && !taken.is_empty() {
            let now = Instant::now();
            metrics.begun(now.duration_since(self.received), self.prompt_tokens);
            self.started = Some(now);
        }
        taken
    }

    /// Takes what the texts that were handed over have become.
    pub fn give(&mut self, vectors: impl Iterator<Item = Vec<f32>>) {
        self.done.extend(vectors);
    }

    /// Whether all texts have been handed over.
    pub fn is_through(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Sends the answer.
    pub fn finish(self, metrics: &Metrics) {
        let now = Instant::now();
        let started = self.started.unwrap_or(now);
        // Told before the answer is sent, so that whoever has read it finds it counted.
        metrics.finished(&Course {
            finish: Finish::Stop,
            whole: now.duration_since(self.received),
            prefill: now.duration_since(started),
            decode: std::time::Duration::ZERO,
            prompt_tokens: self.prompt_tokens,
            generated_tokens: 0,
        });
        let prompt_tokens = self.prompt_tokens;
        // Whoever asked may have left by now.
        match self.answer {
            Answer::Embeddings(answer) => {
                let _ = answer.send(Ok(Embeddings { vectors: self.done, prompt_tokens }));
            }
            Answer::Scores(answer) => {
                let _ = answer.send(Ok(Scores { scores: self.done.concat(), prompt_tokens }));
            }
        }
    }

    /// Says why there is no answer.
    pub fn fail(self, why: &str) {
        let broken = Refusal::Broken(why.to_owned());
        match self.answer {
            Answer::Embeddings(answer) => {
                let _ = answer.send(Err(broken));
            }
            Answer::Scores(answer) => {
                let _ = answer.send(Err(broken));
            }
        }
    }
}
