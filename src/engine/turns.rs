//! What follows a request in the same conversation.

use std::time::Duration;

use super::feed::Request;
use crate::error::Result;

/// The turns of a conversation that follow one that was answered. They are made on the worker's thread between two
/// requests, never while a reply is read.
pub trait Turns: Send {
    /// Takes the visible text of the reply that came and gives the turn that follows.
    ///
    /// # Errors
    /// When its body cannot be made.
    fn next(&mut self, reply: &str) -> Result<Turn>;

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
