//! The generations of one request: their events merged, and the reply that they make, streamed or whole.

use std::borrow::Cow;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Bytes;
use futures_util::Stream;
use serde_json::Value;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::backend::{Event, Finish, Generation, Logprobs, Refusal};
use super::body::{Endpoint, Streaming};
use super::logprobs::Speller;
use super::reply::{self, Choice, Part, Reply, Usage};

/// The generations of one request, a choice each. Dropping them cancels them.
#[derive(Debug)]
pub struct Choices {
    /// Those that go on, with the index of their choice.
    going: Vec<(usize, Generation)>,
    /// Which of them is asked first, so that none waits for another.
    turn: usize,
    /// Choices that share a prompt.
    each: usize,
    /// What is known of each choice.
    told: Vec<Told>,
    cached: usize,
}

/// What is known of a choice.
#[derive(Debug)]
struct Told {
    prompt: usize,
    generated: usize,
    first: bool,
    /// What it begins with.
    echo: String,
    speller: Speller,
}

/// What happened next, and to which choice.
type Happened = (usize, Option<Event>);

impl Choices {
    /// The choices of these generations, each `choices` of which share a prompt; `echoes` are what they begin with, if
    /// anything.
    pub fn new(endpoint: Endpoint, generations: Vec<Generation>, choices: usize, echoes: Vec<String>) -> Self {
        let mut echoes = echoes.into_iter();
        let told = generations.iter().map(|generation| Told {
            prompt: generation.prompt_tokens,
            generated: 0,
            first: true,
            echo: echoes.next().unwrap_or_default(),
            speller: Speller::new(endpoint),
        });
        let told = told.collect();
        Choices { going: generations.into_iter().enumerate().collect(), turn: 0, each: choices, told, cached: 0 }
    }

    /// The next event of any choice; no event where its channel was closed before its end. Ready without a choice when
    /// all have ended.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Happened>> {
        let count = self.going.len();
        if count == 0 {
            return Poll::Ready(None);
        }
        for step in 0..count {
            let at = (self.turn + step) % count;
            let (index, generation) = &mut self.going[at];
            let index = *index;
            let Poll::Ready(event) = generation.events.poll_recv(context) else { continue };
            self.turn = at + 1;
            match &event {
                Some(Event::Token { .. }) => self.told[index].generated += 1,
                Some(Event::End { cached_tokens, .. }) => {
                    // The other choices of a prompt find what the first one left.
                    if index.is_multiple_of(self.each) {
                        self.cached += cached_tokens;
                    }
                    self.going.remove(at);
                }
                Some(Event::Failed(_)) | None => {
                    self.going.remove(at);
                }
            }
            return Poll::Ready(Some((index, event)));
        }
        Poll::Pending
    }

    /// The usage of all choices, each prompt counted once.
    fn usage(&self) -> Usage {
        Usage {
            prompt: self.told.iter().step_by(self.each).map(|told| told.prompt).sum(),
            cached: self.cached,
            generated: self.told.iter().map(|told| told.generated).sum(),
        }
    }

    /// Waits for all choices and makes one reply of them.
    ///
    /// # Errors
    /// When the backend fails or the server stops.
    pub async fn whole(mut self, reply: &Reply, closing: &CancellationToken) -> Result<Value, Refusal> {
        let mut choices: Vec<_> =
            self.told.iter().map(|told| (told.echo.clone(), Finish::Stop, Vec::<Logprobs>::new())).collect();
        loop {
            let happened = tokio::select! {
                happened = poll_fn(|context| self.poll(context)) => happened,
                () = closing.cancelled() => return Err(Refusal::Broken("the server is stopping".to_owned())),
            };
            let Some((index, event)) = happened else { break };
            let (said, finished, likely) = &mut choices[index];
            match event {
                Some(Event::Token { text, logprobs, .. }) => {
                    said.push_str(&text);
                    likely.extend(logprobs.map(|logprobs| *logprobs));
                }
                Some(Event::End { text, finish, .. }) => {
                    said.push_str(&text);
                    *finished = finish;
                }
                Some(Event::Failed(why)) => return Err(Refusal::Broken(why)),
                None => return Err(Refusal::Broken("the generation was broken off".to_owned())),
            }
        }
        let choices = choices.into_iter().zip(&mut self.told).map(|((text, finish, likely), told)| Choice {
            text,
            finish,
            logprobs: told.speller.spell(&likely),
        });
        Ok(reply.whole(&choices.collect::<Vec<_>>(), self.usage()))
    }
}

/// The body of a streamed reply. Dropping it, which hyper does when the client is gone, cancels the generations.
#[derive(Debug)]
pub struct Events {
    choices: Choices,
    reply: Reply,
    streaming: Streaming,
    over: bool,
    broken: bool,
    closing: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Events {
    /// The events of these choices, broken off when `closing` is cancelled.
    pub fn new(choices: Choices, reply: Reply, streaming: Streaming, closing: CancellationToken) -> Self {
        let closing = Box::pin(closing.cancelled_owned());
        Events { choices, reply, streaming, over: false, broken: false, closing }
    }

    /// A part of a choice, its first one with what the choice begins with.
    fn part(
        &mut self,
        index: usize,
        text: &str,
        logprobs: Option<&Logprobs>,
        spell: impl Fn(&Reply, Part<'_>) -> Bytes,
    ) -> Bytes {
        let told = &mut self.choices.told[index];
        let first = std::mem::replace(&mut told.first, false);
        let text = if first && !told.echo.is_empty() {
            Cow::Owned(std::mem::take(&mut told.echo) + text)
        } else {
            Cow::Borrowed(text)
        };
        let logprobs = logprobs.map_or(Value::Null, |one| told.speller.spell(std::slice::from_ref(one)));
        let usage = Usage { prompt: told.prompt, cached: 0, generated: told.generated };
        let usage = self.streaming.running_usage.then_some(usage);
        spell(&self.reply, Part { index, first, text: &text, logprobs: &logprobs, usage })
    }

    /// The event that ends a choice; with the last one go those that end the stream, for they happen together.
    fn end(&mut self, index: usize, text: &str, finish: Finish) -> Bytes {
        let over = self.choices.going.is_empty();
        let tail = over.then(|| self.reply.tail(self.streaming.usage.then(|| self.choices.usage())));
        self.over = over;
        self.part(index, text, None, |reply, part| {
            Bytes::from(reply.end(part, finish) + tail.as_deref().unwrap_or_default())
        })
    }
}

impl Stream for Events {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.over {
            return Poll::Ready(None);
        }
        let happened = match this.choices.poll(context) {
            Poll::Ready(happened) => happened,
            Poll::Pending => match Future::poll(this.closing.as_mut(), context) {
                Poll::Ready(()) => None,
                Poll::Pending => return Poll::Pending,
            },
        };
        let (index, event) = happened.unwrap_or((0, None));
        if event.is_none() && !std::mem::replace(&mut this.broken, true) {
            // hyper flushes when a body has nothing to give. Without this turn the last events before a break could be
            // lost with it.
            this.choices.going.clear();
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(match event {
            Some(Event::Token { text, logprobs, .. }) => {
                Ok(this.part(index, &text, logprobs.as_deref(), |reply, part| reply.token(part)))
            }
            Some(Event::End { text, finish, .. }) => Ok(this.end(index, &text, finish)),
            Some(Event::Failed(why)) => {
                this.over = true;
                Ok(reply::failure_event(&why))
            }
            // An error here makes hyper close the connection without the last chunk, so that the reader can tell a
            // stream that was broken off from one that ended.
            None => {
                this.over = true;
                Err(io::Error::from(io::ErrorKind::ConnectionAborted))
            }
        }))
    }
}
