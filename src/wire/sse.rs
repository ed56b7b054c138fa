//! Framing of event streams: bytes as they arrive to events, each with the stamp of the read that completed it.

use std::borrow::Cow;
use std::cell::Cell;
use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use eventsource_stream::EventStream;
use futures_util::Stream;

/// Bytes and the instant they arrived.
#[derive(Debug, Clone, PartialEq)]
pub struct Stamped {
    /// Nanoseconds since the run's epoch.
    pub at_ns: u64,
    /// What arrived.
    pub bytes: Bytes,
}

/// One event of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// Its name: `message` where the server gives none, and nothing where the framing has no names.
    pub name: Cow<'static, str>,
    /// Its data.
    pub data: String,
}

/// What an event without a name is called.
const UNNAMED: Cow<'static, str> = Cow::Borrowed("message");

/// The events of a stream of stamped bytes.
///
/// An event of a single `data` line that came as a whole is taken at once, for nearly all are like that, and the general
/// way costs twenty times as many instructions. Everything else is framed by `eventsource-stream`, which any mixture
/// of both is held against in tests; what stands here keeps the stamp of the newest bytes beside it and mends what that
/// crate cannot take: a byte order mark (it panics), bytes that are not UTF-8 (they become U+FFFD, as in browsers), a CR
/// at the end of a read (it waits for the next one), and, if asked, a last event that lacks its blank line.
pub struct Events<S> {
    bytes: S,
    plain: Plain,
    newest: u64,
    /// What came, was made plain and was not framed yet.
    piece: Bytes,
    library: Library,
    /// What is put behind the last byte.
    ending: &'static [u8],
}

impl<S, E> Events<S>
where
    S: Stream<Item = Result<Stamped, E>> + Unpin,
{
    /// Frames exactly as the standard says: an event without its blank line at the end is dropped.
    pub fn strict(bytes: S) -> Self {
        Self::over(bytes, b"")
    }

    /// Frames as the standard says, and also takes a last event that lacks its blank line.
    pub fn lenient(bytes: S) -> Self {
        Self::over(bytes, b"\n\n")
    }

    fn over(bytes: S, ending: &'static [u8]) -> Self {
        Events { bytes, plain: Plain::new(), newest: 0, piece: Bytes::new(), library: Library::new(), ending }
    }

    /// The next event and the stamp of the read that completed it; `None` at the end of the stream.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<(u64, Event), E>>> {
        loop {
            if let Poll::Ready(event) = self.library.poll_next(cx) {
                return Poll::Ready(event.map(|event| Ok((self.newest, event))));
            }
            if self.library.is_between_events()
                && let Some(event) = take_whole(&mut self.piece)
            {
                return Poll::Ready(Some(Ok((self.newest, event))));
            }
            if !self.piece.is_empty() {
                self.library.push(std::mem::take(&mut self.piece));
                continue;
            }
            match ready!(Pin::new(&mut self.bytes).poll_next(cx)) {
                Some(Ok(Stamped { at_ns, bytes })) => {
                    self.newest = at_ns;
                    self.piece = self.plain.push(bytes);
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => self.library.end([&self.plain.finish(), self.ending].concat()),
            }
        }
    }
}

/// Takes an event of a single `data` line off the front, if a whole one stands there.
fn take_whole(piece: &mut Bytes) -> Option<Event> {
    let rest = piece.strip_prefix(b"data:")?;
    let end = memchr::memchr(b'\n', rest)?;
    if rest.get(end + 1) != Some(&b'\n') {
        return None;
    }
    let line = &rest[..end];
    // The bytes are UTF-8 since they were made plain, and a line end is no part of a character.
    let data = std::str::from_utf8(line.strip_prefix(b" ").unwrap_or(line)).ok()?.to_owned();
    piece.advance(b"data:".len() + end + 2);
    Some(Event { name: UNNAMED, data })
}

/// `eventsource-stream`, fed a piece at a time.
struct Library {
    events: EventStream<Inlet>,
    inlet: Rc<Slot>,
    /// It may have events of what it was fed.
    busy: bool,
    opened: bool,
    /// The last two bytes it was fed; a blank line at first, for nothing is open then.
    tail: [u8; 2],
}

#[derive(Default)]
struct Slot {
    piece: Cell<Option<Bytes>>,
    over: Cell<bool>,
}

/// Where the library takes its bytes from.
struct Inlet(Rc<Slot>);

impl Stream for Inlet {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.0.piece.take() {
            Some(piece) => Poll::Ready(Some(Ok(piece))),
            None if self.0.over.get() => Poll::Ready(None),
            // Nobody need be woken: it is asked again when there is more.
            None => Poll::Pending,
        }
    }
}

impl Library {
    fn new() -> Self {
        let inlet = Rc::<Slot>::default();
        let events = EventStream::new(Inlet(Rc::clone(&inlet)));
        Library { events, inlet, busy: false, opened: false, tail: *b"\n\n" }
    }

    /// Whether nothing that it was fed is part of an event to come.
    fn is_between_events(&self) -> bool {
        self.tail == *b"\n\n"
    }

    /// Feeds a piece; the one before must have been framed.
    fn push(&mut self, piece: Bytes) {
        if !self.opened {
            // An empty comment goes first: the crate looks for a byte order mark in its first piece only.
            self.opened = true;
            self.inlet.piece.set(Some(Bytes::from_static(b":\n")));
            let nothing = Pin::new(&mut self.events).poll_next(&mut Context::from_waker(std::task::Waker::noop()));
            debug_assert!(nothing.is_pending());
        }
        if let [.., before, last] = piece[..] {
            self.tail = [before, last];
        } else if let [last] = piece[..] {
            self.tail = [self.tail[1], last];
        }
        self.inlet.piece.set(Some(piece));
        self.busy = true;
    }

    /// Feeds what is left; nothing more will come.
    fn end(&mut self, rest: Vec<u8>) {
        if !rest.is_empty() {
            self.push(rest.into());
        }
        self.inlet.over.set(true);
        self.busy = true;
    }

    /// The next event of what it was fed; pending when it wants more.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        if !self.busy {
            return Poll::Pending;
        }
        let polled = Pin::new(&mut self.events).poll_next(cx);
        self.busy = polled.is_ready();
        // Text is cleaned before it gets here and every line parses as a field or a comment.
        polled.map(|event| {
            let event = event?.ok()?;
            let name = if event.event == UNNAMED { UNNAMED } else { Cow::Owned(event.event) };
            Some(Event { name, data: event.data })
        })
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
                all.advance(MARK.len());
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
    use proptest::prelude::*;
    use serde_json::Value;
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
                    .map(|(_, event)| serde_json::json!({"type": event.name, "data": event.data}))
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

    /// The events by the library alone, fed the whole text at once.
    fn by_the_library(text: &str) -> Vec<Event> {
        let mut plain = Plain::new();
        let cleaned = [&plain.push(text.as_bytes().to_vec().into())[..], &plain.finish(), b"\n\n"].concat();
        let mut library = Library::new();
        library.end(cleaned);
        let mut cx = Context::from_waker(Waker::noop());
        std::iter::from_fn(|| match library.poll_next(&mut cx) {
            Poll::Ready(event) => event,
            Poll::Pending => None,
        })
        .collect()
    }

    proptest! {
        #[test]
        fn whole_events_and_others_mix_as_the_library_alone_has_them(
            parts in prop::collection::vec(
                prop::sample::select(vec![
                    "data: {\"a\":1}\n\n", "data:x\n\n", "data: \n\n", "data:\n\n", "data\n\n", "data:  é\n\n", ": c\n\n", ":\n",
                    "event: e\n", "data: l\n", "id: 1\n", "\n", "\r\n", "\r", "data: [DONE]\n\n", "retry: 5\n\n", "other: z\n", "\u{feff}",
                ]),
                0..12,
            ),
            sizes in prop::collection::vec(1usize..40, 1..6),
        ) {
            let text = parts.concat();
            let mut pieces = Vec::new();
            let mut rest = text.as_bytes();
            for size in sizes.iter().cycle() {
                if rest.is_empty() { break; }
                let (piece, after) = rest.split_at((*size).min(rest.len()));
                pieces.push(piece.to_vec());
                rest = after;
            }
            let got: Vec<Event> = events(pieces, false).into_iter().map(|(_, event)| event).collect();
            prop_assert_eq!(got, by_the_library(&text));
        }
    }
}
