//! The events of a reply, however they are framed.

use std::task::{Context, Poll};

use futures_util::Stream;

use super::lines::Lines;
use super::{Event, Events, Stamped};
use crate::target::Framing;

/// The events of a stream of stamped bytes.
#[expect(
    clippy::large_enum_variant,
    reason = "there is one for each request in flight, and the larger is the usual one"
)]
pub enum Frames<S> {
    /// Server-sent events.
    Events(Events<S>),
    /// A JSON document a line.
    Lines(Lines<S>),
}

impl<S, E> Frames<S>
where
    S: Stream<Item = Result<Stamped, E>> + Unpin,
{
    /// Frames the bytes; a last event that lacks its ending counts as well.
    pub fn of(framing: Framing, bytes: S) -> Self {
        match framing {
            Framing::Events => Frames::Events(Events::lenient(bytes)),
            Framing::Lines => Frames::Lines(Lines::of(bytes)),
        }
    }

    /// The next event and the stamp of the read that completed it; `None` at the end of the stream.
    #[inline]
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<(u64, Event), E>>> {
        match self {
            Frames::Events(events) => events.poll_next(cx),
            Frames::Lines(lines) => lines.poll_next(cx),
        }
    }
}
