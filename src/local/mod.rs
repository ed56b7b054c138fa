//! A model inside this program, and the OpenAI-compatible server in front of it.
//!
//! | file | what it holds |
//! |---|---|
//! | [`backend`] | the seam: a request goes in, events come out, dropping them cancels the work |
//! | `candle` | the real backend: decoders and encoders, from files or with weights drawn from a seed |
//! | [`scripted`], `pacer` | the backend for tests: a script says when each piece is handed over |
//! | `fields`, `body`, `chat`, `constraint` | request bodies in: chats and completions, in OpenAI's and vLLM's spelling |
//! | `choices`, `reply`, `logprobs` | replies and SSE out |
//! | `pooling`, `tokens` | embeddings, scores and rankings; tokenizing |
//! | `routes`, `key` | the paths between them, and who may use them |
//! | [`server`] | a server in a thread of its own |
//! | [`metrics`], `histogram` | what is counted, as vLLM names it |
//! | [`meter`] | memory of the model over time |
//! | [`metronome`] | a server of known timing that notes the truth, for the self-check of the load engine |
//!
//! The server speaks HTTP like any other, so a run against the embedded model takes the same path as a run against a
//! machine far away: nothing here is known to the engine.
//!
//! # One token is one event
//!
//! A stream carries one SSE event for each generated token. A token that ends inside a UTF-8 character, or whose text
//! may still become a stop string, gives an event whose text is empty; the text comes with the token that settles it.
//! `usage.completion_tokens` is the number of those events. The end-of-text token is not one of them: it has no text
//! and is told by `finish_reason` only.

pub mod backend;
mod body;
mod candle;
mod chat;
mod choices;
mod constraint;
mod fields;
mod histogram;
mod key;
mod logprobs;
pub mod meter;
pub mod metrics;
pub mod metronome;
mod pacer;
mod pooling;
mod reply;
mod routes;
pub mod scripted;
pub mod server;
#[cfg(test)]
mod tests;
mod tokens;

pub use backend::{Backend, Generation, GenerationRequest, Refusal};
pub use meter::Meter;
pub use metrics::{Course, Metrics};
pub use metronome::{Metronome, Pace, Truth};
pub use scripted::{Script, Scripted};
pub use server::{Server, Terms, serve};

use std::net::SocketAddr;

use crate::error::Result;
use crate::plan::EmbeddedSpec;

/// Checks that the embedded model of the plan could be started, and starts nothing.
///
/// # Errors
/// As those of [`start`].
pub fn check(spec: &EmbeddedSpec) -> Result<()> {
    candle::check(spec)?;
    server::bind(spec.port).map(drop)
}

/// Starts the embedded model on an address of its own choice and on these terms, for others to use. The port of the
/// plan is not looked at.
///
/// # Errors
/// As those of [`start`].
pub fn start_at(address: SocketAddr, spec: &EmbeddedSpec, terms: Terms) -> Result<Server> {
    let listener = server::bind_at(address)?;
    Server::start_shared(listener, candle::load(spec)?, terms)
}

/// Starts the embedded model of the plan behind a server on 127.0.0.1, at the port of the plan or a free one.
///
/// It is ready when this returns: the weights are drawn and the socket accepts connections.
///
/// # Errors
/// When the model is unknown, the program was built without the feature `local`, or the port is taken.
pub fn start(spec: &EmbeddedSpec) -> Result<Server> {
    let listener = server::bind(spec.port)?;
    Server::start_shared(listener, candle::load(spec)?, Terms::default())
}
