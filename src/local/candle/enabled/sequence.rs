//! One request under way: its prompt, what it has said, and where that is sent.

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::sampler::Sampler;
use super::text::Text;
use super::vocabulary::Vocabulary;
use crate::local::backend::{Draw, Event, Finish, Limits};

/// One request under way.
#[derive(Debug)]
pub struct Sequence {
    /// The prompt, and once that is fed the last token that was drawn.
    pending: Vec<u32>,
    /// How many of the pending tokens have been fed.
    fed: usize,
    positions: usize,
    generated: usize,
    most: usize,
    least: usize,
    ignore_eos: bool,
    sampler: Sampler,
    text: Text,
    events: UnboundedSender<Event>,
}

impl Sequence {
    /// A sequence that says at most `most` tokens, at least 1, and the events that it will send.
    pub fn new(
        prompt: Vec<u32>,
        draw: Draw,
        seed: u64,
        limits: Limits,
        most: usize,
    ) -> (Self, UnboundedReceiver<Event>) {
        let (events, receiver) = unbounded_channel();
        let sequence = Sequence {
            sampler: Sampler::new(draw, seed, &prompt),
            positions: prompt.len() + most,
            pending: prompt,
            fed: 0,
            generated: 0,
            most,
            least: limits.min_tokens,
            ignore_eos: limits.ignore_eos,
            text: Text::new(limits.stop),
            events,
        };
        (sequence, receiver)
    }

    /// Most positions that it takes in a cache.
    pub fn positions(&self) -> usize {
        self.positions
    }

    /// Whether nobody reads its events any more.
    pub fn is_cancelled(&self) -> bool {
        self.events.is_closed()
    }

    /// Tokens that wait to be fed. More than one means that the prompt is being read.
    pub fn waiting(&self) -> &[u32] {
        &self.pending[self.fed..]
    }

    /// Notes that waiting tokens were fed.
    pub fn feed(&mut self, tokens: usize) {
        self.fed += tokens;
    }

    /// Draws the next token from the logits after the last one, and sends what it settles. False when that was the
    /// end.
    pub fn advance(&mut self, logits: &mut [f32], vocabulary: &Vocabulary) -> bool {
        let bar = |logits: &mut [f32], tokens: &[u32]| {
            tokens.iter().for_each(|token| logits[*token as usize] = f32::NEG_INFINITY);
        };
        bar(logits, vocabulary.barred());
        if self.ignore_eos || self.generated < self.least {
            bar(logits, vocabulary.ends());
        }
        let token = self.sampler.choose(logits);
        if vocabulary.ends().contains(&token) {
            let text = self.text.finish();
            self.end(text, Finish::Stop);
            return false;
        }
        self.generated += 1;
        let bytes = vocabulary.bytes(token);
        let (mut text, stopped) =
            if self.generated < self.least { (self.text.push_unstopped(bytes), false) } else { self.text.push(bytes) };
        let full = self.generated >= self.most && !stopped;
        if full {
            text += &self.text.finish();
        }
        // A reader that has left is noticed before the next step.
        let _ = self.events.send(Event::Token { id: Some(token), text });
        if stopped || full {
            self.end(String::new(), if stopped { Finish::Stop } else { Finish::Length });
            return false;
        }
        self.pending.clear();
        self.pending.push(token);
        self.fed = 0;
        true
    }

    /// Tells the reader that the model failed.
    pub fn fail(&self, why: &str) {
        let _ = self.events.send(Event::Failed(why.to_owned()));
    }

    fn end(&self, text: String, finish: Finish) {
        let _ = self.events.send(Event::End { text, finish, tokens: self.generated });
    }
}
