//! Framing of event streams: bytes as they arrive to events, each with the stamp of the read that completed it.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use eventsource_stream::{Event, EventStream, EventStreamError};
use futures_util::Stream;

/// Bytes and the instant they arrived.
#[derive(Debug, Clone, PartialEq)]
pub struct Stamped {
    /// Nanoseconds since the run's epoch.
    pub at_ns: u64,
    /// What arrived.
    pub bytes: Bytes,
}

/// The events of a stream of stamped bytes. Framing is done by `eventsource-stream`; what stands here keeps the stamp
/// of the newest bytes beside it and mends what that crate cannot take: a byte order mark (it panics), bytes that are not
/// UTF-8 (they become U+FFFD, as in browsers), a CR at the end of a read (it waits for the next one), and, if asked, a
/// last event that lacks its blank line.
pub struct Events<S> {
    events: EventStream<Cleaned<S>>,
    newest: Rc<Cell<u64>>,
}

impl<S, E> Events<S>
where
    S: Stream<Item = Result<Stamped, E>> + Unpin,
{
    /// Frames exactly as the standard says: an event without its blank line at the end is dropped.
    pub fn strict(bytes: S) -> Self {
        Self::over(bytes, None)
    }

    /// Frames as the standard says, and also takes a last event that lacks its blank line.
    pub fn lenient(bytes: S) -> Self {
        Self::over(bytes, Some(Bytes::from_static(b"\n\n")))
    }

    fn over(bytes: S, ending: Option<Bytes>) -> Self {
        let newest = Rc::new(Cell::new(0));
        let cleaned = Cleaned {
            bytes,
            newest: Rc::clone(&newest),
            plain: Plain::new(),
            opening: Some(Bytes::from_static(b":\n")),
            ending,
            over: false,
        };
        Events { events: EventStream::new(cleaned), newest }
    }

    /// The next event and the stamp of the read that completed it; `None` at the end of the stream.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<(u64, Event), E>>> {
        let event = ready!(Pin::new(&mut self.events).poll_next(cx));
        Poll::Ready(event.and_then(|event| match event {
            Ok(event) => Some(Ok((self.newest.get(), event))),
            Err(EventStreamError::Transport(error)) => Some(Err(error)),
            // Text is cleaned before it gets here and every line parses as a field or a comment.
            Err(EventStreamError::Utf8(_) | EventStreamError::Parser(_)) => None,
        }))
    }
}

/// Bytes made plain for the framing: UTF-8 without byte order mark, lines that end in LF alone.
struct Cleaned<S> {
    bytes: S,
    newest: Rc<Cell<u64>>,
    plain: Plain,
    /// An empty comment that goes first: the crate looks for a byte order mark in its first piece only.
    opening: Option<Bytes>,
    ending: Option<Bytes>,
    over: bool,
}

impl<S, E> Stream for Cleaned<S>
where
    S: Stream<Item = Result<Stamped, E>> + Unpin,
{
    type Item = Result<Bytes, E>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(opening) = self.opening.take() {
            return Poll::Ready(Some(Ok(opening)));
        }
        if self.over {
            return Poll::Ready(self.ending.take().map(Ok));
        }
        match ready!(Pin::new(&mut self.bytes).poll_next(cx)) {
            Some(Ok(Stamped { at_ns, bytes })) => {
                self.newest.set(at_ns);
                Poll::Ready(Some(Ok(self.plain.push(bytes))))
            }
            Some(Err(error)) => Poll::Ready(Some(Err(error))),
            None => {
                self.over = true;
                Poll::Ready(Some(Ok(self.plain.finish())))
            }
        }
    }
}

const MARK: &[u8] = "\u{feff}".as_bytes();
const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();

/// What must be remembered between two pieces.
struct Plain {
    /// Bytes of a character, or of the byte order mark, that is not complete.
    partial: BytesMut,
    /// Nothing has been passed on yet, so a byte order mark may come.
    at_start: bool,
    /// The last byte was CR, passed on as LF; an LF that follows belongs to it.
    after_cr: bool,
}

impl Plain {
    fn new() -> Self {
        Plain { partial: BytesMut::new(), at_start: true, after_cr: false }
    }

    fn push(&mut self, piece: Bytes) -> Bytes {
        let settled = self.partial.is_empty() && !self.at_start && !self.after_cr;
        if settled && !piece.contains(&b'\r') && std::str::from_utf8(&piece).is_ok() {
            return piece;
        }
        let mut all = std::mem::take(&mut self.partial);
        all.extend_from_slice(&piece);
        if self.at_start {
            if all.len() < MARK.len() && MARK.starts_with(&all) {
                self.partial = all;
                return Bytes::new();
            }
            self.at_start = false;
            if all.starts_with(MARK) {
                bytes::Buf::advance(&mut all, MARK.len());
            }
        }
        let mut out = BytesMut::with_capacity(all.len() + REPLACEMENT.len());
        let mut rest = all.len();
        for chunk in all.utf8_chunks() {
            self.push_lines(chunk.valid().as_bytes(), &mut out);
            rest -= chunk.valid().len() + chunk.invalid().len();
            let unfinished = rest == 0 && std::str::from_utf8(chunk.invalid()).is_err_and(|e| e.error_len().is_none());
            if unfinished {
                self.partial.extend_from_slice(chunk.invalid());
            } else if !chunk.invalid().is_empty() {
                self.push_lines(REPLACEMENT, &mut out);
            }
        }
        out.freeze()
    }

    /// Appends text with CRLF and lone CR as LF. A CR at the end of a piece is passed on at once, for the event it
    /// completes must not wait for the next read.
    fn push_lines(&mut self, text: &[u8], out: &mut BytesMut) {
        for &byte in text {
            match byte {
                b'\n' if self.after_cr => {}
                b'\r' => out.extend_from_slice(b"\n"),
                _ => out.extend_from_slice(&[byte]),
            }
            self.after_cr = byte == b'\r';
        }
    }

    fn finish(&mut self) -> Bytes {
        if self.partial.is_empty() { Bytes::new() } else { Bytes::from_static(REPLACEMENT) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use futures_util::stream;
    use serde_json::Value;
    use std::convert::Infallible;
    use std::task::Waker;

    fn events(pieces: Vec<Vec<u8>>, strict: bool) -> Vec<(u64, Event)> {
        let bytes = stream::iter(
            pieces
                .into_iter()
                .enumerate()
                .map(|(index, piece)| Ok::<_, Infallible>(Stamped { at_ns: index as u64, bytes: piece.into() })),
        );
        let mut events = if strict { Events::strict(bytes) } else { Events::lenient(bytes) };
        let mut cx = Context::from_waker(Waker::noop());
        let mut out = Vec::new();
        while let Poll::Ready(Some(Ok(event))) = events.poll_next(&mut cx) {
            out.push(event);
        }
        out
    }

    fn cut(bytes: &[u8], how: &Value) -> Vec<Vec<u8>> {
        match how {
            Value::Array(lengths) => {
                let mut rest = bytes;
                let mut pieces = Vec::new();
                for length in lengths.iter().filter_map(Value::as_u64) {
                    let (piece, after) = rest.split_at((length as usize).min(rest.len()));
                    pieces.push(piece.to_vec());
                    rest = after;
                }
                pieces.push(rest.to_vec());
                pieces
            }
            size => bytes.chunks(size.as_u64().unwrap_or(1).max(1) as usize).map(<[u8]>::to_vec).collect(),
        }
    }

    #[test]
    fn golden_streams_give_the_same_events_however_they_are_cut() -> Result<(), Box<dyn std::error::Error>> {
        let mut wrong = Vec::new();
        for line in include_str!("../../tests/golden/sse.jsonl").lines() {
            let case: Value = serde_json::from_str(line)?;
            let bytes = base64::engine::general_purpose::STANDARD.decode(case["stream_b64"].as_str().unwrap_or(""))?;
            for how in case["chunkings"].as_array().into_iter().flatten() {
                let got: Vec<Value> = events(cut(&bytes, how), true)
                    .into_iter()
                    .map(|(_, event)| serde_json::json!({"type": event.event, "data": event.data}))
                    .collect();
                let expected: Vec<Value> = case["expected"]["events"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|event| serde_json::json!({"type": event["event"], "data": event["data"]}))
                    .collect();
                if got != expected {
                    wrong.push(format!("{} cut {how}: {got:?} instead of {expected:?}", case["id"]));
                }
            }
        }
        assert!(wrong.is_empty(), "{} wrong, first: {}", wrong.len(), wrong[0].chars().take(600).collect::<String>());
        Ok(())
    }

    #[test]
    fn an_event_bears_the_stamp_of_the_read_that_completed_it() {
        let pieces = ["data: a\n", "\ndata: b\n\ndata: c", "\n\n"].map(|piece| piece.as_bytes().to_vec());
        let stamps: Vec<u64> = events(pieces.to_vec(), false).iter().map(|(stamp, _)| *stamp).collect();
        assert_eq!(stamps, [1, 1, 2]);
    }

    #[test]
    fn a_last_event_without_its_blank_line_counts_when_lenient() {
        let data = |strict| events(vec![b"data: [DONE]".to_vec()], strict).len();
        assert_eq!((data(true), data(false)), (0, 1));
    }
}
