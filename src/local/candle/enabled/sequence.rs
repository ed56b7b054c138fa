//! One request under way: its tokens, the blocks that hold their keys and values, and where its reply is sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::guide::Guide;
use super::kernel::POSITIONS;
use super::network::Run;
use super::pool::{Pool, Prefix};
use super::sampler::{Likely, Sampler};
use super::text::Text;
use super::vocabulary::Vocabulary;
use crate::local::backend::{Draw, Event, Finish, Limits, Logprobs, TokenLogprob};
use crate::local::metrics::{Course, Metrics};

/// What a sequence is made from.
#[derive(Debug)]
pub struct Order {
    /// The prompt, at least one token.
    pub prompt: Vec<u32>,
    /// How tokens are drawn.
    pub draw: Draw,
    /// Seed of the draws.
    pub seed: u64,
    /// When to stop.
    pub limits: Limits,
    /// Most tokens of the reply, at least 1.
    pub most: usize,
    /// How many of the likeliest tokens are told beside each that is drawn.
    pub logprobs: Option<usize>,
    /// What keeps the reply within its constraint.
    pub guide: Option<Guide>,
    /// When the last byte of the request had been read.
    pub received: Instant,
    /// Its place among the requests that were accepted.
    pub place: Place,
}

/// A place among the requests that were accepted, free again when it is dropped.
#[derive(Debug)]
pub struct Place(Arc<AtomicUsize>);

impl Place {
    /// A place among at most `most`, where there is one.
    pub fn among(taken: &Arc<AtomicUsize>, most: usize) -> Option<Self> {
        let place = Place(Arc::clone(taken));
        // Dropping a place that is one too many gives it back.
        (taken.fetch_add(1, Ordering::Relaxed) < most).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One request under way.
#[derive(Debug)]
pub struct Sequence {
    /// Prompt and reply.
    tokens: Vec<u32>,
    prompt: usize,
    /// How many of the tokens have been through the network and are remembered.
    fed: usize,
    blocks: Vec<u32>,
    /// The prefix that the first `known` blocks are.
    prefix: Prefix,
    known: usize,
    /// Tokens of the prompt that were remembered when it was first taken up.
    cached: usize,
    most: usize,
    limits: Limits,
    sampler: Sampler,
    guide: Option<Guide>,
    logprobs: Option<usize>,
    text: Text,
    events: UnboundedSender<Event>,
    times: Times,
    _place: Place,
}

/// When what happened to a request.
#[derive(Debug)]
struct Times {
    received: Instant,
    /// When it was first taken up.
    started: Option<Instant>,
    /// When its first and its last token were drawn.
    tokens: Option<(Instant, Instant)>,
}

impl Sequence {
    /// A sequence, and the events that it will send.
    pub fn new(order: Order) -> (Self, UnboundedReceiver<Event>) {
        let (events, receiver) = unbounded_channel();
        let sequence = Sequence {
            sampler: Sampler::new(order.draw, order.seed, &order.prompt),
            prompt: order.prompt.len(),
            tokens: order.prompt,
            fed: 0,
            blocks: Vec::new(),
            prefix: 0,
            known: 0,
            cached: 0,
            most: order.most,
            text: Text::new(order.limits.stop.clone()),
            limits: order.limits,
            guide: order.guide,
            logprobs: order.logprobs,
            events,
            times: Times { received: order.received, started: None, tokens: None },
            _place: order.place,
        };
        (sequence, receiver)
    }

    /// Whether nobody reads its events any more.
    pub fn is_cancelled(&self) -> bool {
        self.events.is_closed()
    }

    /// How many tokens wait to be fed. More than one means that they are being read; one is that which was drawn last.
    pub fn waiting(&self) -> usize {
        self.tokens.len() - self.fed
    }

    /// How many tokens could be fed with the blocks it has.
    pub fn room(&self) -> usize {
        self.blocks.len() * POSITIONS - self.fed
    }

    /// Takes the blocks of what is remembered of its tokens. False, with nothing taken, when there are not enough others
    /// for the rest and one for each of so many sequences beside it; a sequence that has nobody beside it begins anyway.
    pub fn begin(&mut self, pool: &mut Pool, beside: usize, metrics: &Metrics) -> bool {
        let (blocks, prefix) = pool.find(&self.tokens);
        if beside > 0 && pool.idle() < self.tokens.len().div_ceil(POSITIONS) - blocks.len() + beside {
            pool.give(&blocks);
            return false;
        }
        self.known = blocks.len();
        self.fed = self.known * POSITIONS;
        (self.blocks, self.prefix) = (blocks, prefix);
        if self.times.started.is_none() {
            let now = Instant::now();
            self.times.started = Some(now);
            self.cached = self.fed;
            metrics.started(now - self.times.received, self.cached, self.prompt);
        }
        true
    }

    /// Takes blocks until `count` tokens can be fed, as far as there are any.
    pub fn grow(&mut self, pool: &mut Pool, count: usize) {
        while self.room() < count {
            let Some(block) = pool.take() else { return };
            self.blocks.push(block);
        }
    }

    /// Gives its blocks back. What was remembered has to be read again, where nobody else keeps it.
    pub fn leave(&mut self, pool: &mut Pool) {
        pool.give(&self.blocks);
        self.blocks.clear();
        (self.fed, self.known, self.prefix) = (0, 0, 0);
    }

    /// The next tokens on their way through the network.
    pub fn run(&self, count: usize) -> Run<'_> {
        let tokens = &self.tokens[self.fed..self.fed + count];
        let wanted = usize::from(self.fed + count == self.tokens.len());
        let blocks = &self.blocks[..(self.fed + count).div_ceil(POSITIONS)];
        Run { tokens, position: self.fed, blocks, wanted }
    }

    /// Notes that tokens have been through the network, and lets others share the blocks that they fill.
    pub fn feed(&mut self, count: usize, pool: &mut Pool) {
        self.fed += count;
        let full = &self.tokens.as_chunks::<POSITIONS>().0[..self.fed / POSITIONS];
        for (tokens, block) in full.iter().zip(&self.blocks).skip(self.known) {
            self.prefix = pool.fill(*block, self.prefix, tokens);
            self.known += 1;
        }
    }

    /// Draws the next token from the logits after the last one, and sends what it settles. False when that was the end.
    pub fn advance(&mut self, logits: &[f32], vocabulary: &Vocabulary, metrics: &Metrics) -> bool {
        let mut logits = logits[..vocabulary.len().min(logits.len())].to_vec();
        let likely = self.logprobs.map(|count| Likely::of(&logits, count));
        let generated = self.tokens.len() - self.prompt;
        let short = generated < self.limits.min_tokens;
        let ends = vocabulary.ends();
        bar(&mut logits, vocabulary.barred());
        if let Some(guide) = &mut self.guide
            && let Err(why) = guide.bar(&mut logits, vocabulary)
        {
            self.fail(&format!("the reply cannot be kept within its constraint: {why}"));
            return false;
        }
        // A reply that is complete has nothing but the end to come.
        let may_go_on = self.guide.is_none()
            || (0u32..).zip(&logits).any(|(token, logit)| *logit > f32::NEG_INFINITY && !ends.contains(&token));
        if may_go_on && (self.limits.ignore_eos || short) {
            bar(&mut logits, ends);
        }
        if short {
            bar(&mut logits, &self.limits.stop_token_ids);
        }
        let token = self.sampler.choose(&mut logits);
        if ends.contains(&token) || self.limits.stop_token_ids.contains(&token) {
            let text = self.text.finish();
            self.end(text, Finish::Stop, metrics);
            return false;
        }
        let complete = match self.guide.as_mut().map(|guide| guide.take(token)).transpose() {
            Ok(complete) => complete.unwrap_or(false),
            Err(why) => {
                self.fail(&format!("the reply cannot be kept within its constraint: {why}"));
                return false;
            }
        };
        self.tokens.push(token);
        self.note(metrics);
        let bytes = vocabulary.bytes(token);
        let (mut text, mut stopped) = if generated + 1 < self.limits.min_tokens {
            (self.text.push_unstopped(bytes), false)
        } else {
            self.text.push(bytes)
        };
        let full = generated + 1 >= self.most;
        if (full || complete) && !stopped {
            text += &self.text.finish();
        }
        stopped |= complete;
        let logprobs = likely.map(|likely| Box::new(told(&likely, token, vocabulary)));
        // A reader that has left is noticed before the next step.
        let _ = self.events.send(Event::Token { id: Some(token), text, logprobs });
        if stopped || full {
            self.end(String::new(), if stopped { Finish::Stop } else { Finish::Length }, metrics);
        }
        !(stopped || full)
    }

    /// Tells the reader that the model failed.
    pub fn fail(&self, why: &str) {
        let _ = self.events.send(Event::Failed(why.to_owned()));
    }

    /// Notes that a token was drawn.
    fn note(&mut self, metrics: &Metrics) {
        let now = Instant::now();
        let first = match self.times.tokens {
            None => {
                metrics.first_token(now - self.times.received);
                now
            }
            Some((first, last)) => {
                metrics.between(now - last);
                first
            }
        };
        self.times.tokens = Some((first, now));
    }

    fn end(&self, text: String, finish: Finish, metrics: &Metrics) {
        let now = Instant::now();
        let generated = self.tokens.len() - self.prompt;
        let (first, last) = self.times.tokens.unwrap_or((now, now));
        metrics.finished(&Course {
            finish,
            whole: now - self.times.received,
            prefill: first - self.times.started.unwrap_or(first),
            decode: last - first,
            prompt_tokens: self.prompt,
            generated_tokens: generated,
        });
        let _ = self.events.send(Event::End { text, finish, tokens: generated, cached_tokens: self.cached });
    }
}

fn bar(logits: &mut [f32], tokens: &[u32]) {
    for token in tokens {
        if let Some(logit) = logits.get_mut(*token as usize) {
            *logit = f32::NEG_INFINITY;
        }
    }
}

fn told(likely: &Likely, token: u32, vocabulary: &Vocabulary) -> Logprobs {
    let of = |id: u32| TokenLogprob { id, bytes: vocabulary.bytes(id).to_vec(), logprob: likely.logprob(id) };
    Logprobs { chosen: of(token), top: likely.top().into_iter().map(of).collect() }
}
