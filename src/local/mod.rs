//! A model inside this program, and the OpenAI-compatible server in front of it.
//!
//! | file | what it holds |
//! |---|---|
//! | [`backend`] | the seam: a request goes in, events come out, dropping them cancels the work |
//! | `candle` | the real backend: a small decoder with weights drawn from a seed |
//! | [`scripted`], `pacer` | the backend for tests: a script says when each piece is handed over |
//! | `body`, `reply`, `routes` | request bodies in, replies and SSE out, the paths between them |
//! | [`server`] | a loopback server in a thread of its own |
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
pub mod meter;
pub mod metronome;
mod pacer;
mod reply;
mod routes;
pub mod scripted;
pub mod server;
#[cfg(test)]
mod tests;

pub use backend::{Backend, Generation, GenerationRequest, Refusal};
pub use meter::Meter;
pub use metronome::{Metronome, Pace, Truth};
pub use scripted::{Script, Scripted};
pub use server::{Server, serve};

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

/// Starts the embedded model of the plan behind a server on 127.0.0.1, at the port of the plan or a free one.
///
/// It is ready when this returns: the weights are drawn and the socket accepts connections.
///
/// # Errors
/// When the model is unknown, the program was built without the feature `local`, or the port is taken.
pub fn start(spec: &EmbeddedSpec) -> Result<Server> {
    let listener = server::bind(spec.port)?;
    Server::start(listener, candle::load(spec)?)
}
