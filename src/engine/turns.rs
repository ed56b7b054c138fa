//! What follows a request in the same conversation.

use std::time::Duration;

use super::feed::Request;
use crate::error::Result;
use crate::record::Record;

/// What came of a request.
#[derive(Debug, Clone, Copy)]
pub struct Said<'a> {
    /// The finished fact.
    pub record: &'a Record,
    /// The visible text of the reply; empty where it failed.
    pub text: &'a str,
}

/// What follows a request in its conversation. Turns are made on the worker's thread between two requests, never while a
/// reply is read.
pub trait Turns: Send {
    /// Takes what came of the request before, also where that failed, and gives the turn that follows; `None` where the
    /// conversation is over.
    ///
    /// # Errors
    /// When its body cannot be made.
    fn next(&mut self, said: Said<'_>) -> Result<Option<Turn>>;

    /// Turns that are left.
    fn left(&self) -> u32;
}

/// A later turn of a conversation.
pub struct Turn {
    /// The request, with everything that was said so far in its body.
    pub request: Request,
    /// Wait between the end of the reply before and this request.
    pub pause: Duration,
}
