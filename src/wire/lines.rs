//! Framing of JSON lines: each line is an event, with the stamp of the read that completed it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use futures_util::Stream;

use super::{Event, Stamped};

/// The lines of a stream of stamped bytes. Empty ones are left out, a last one without its end counts, and bytes that
/// are not UTF-8 become U+FFFD.
pub struct Lines<S> {
    bytes: S,
    /// What came and was not given out yet.
    pending: BytesMut,
    /// How much of it has no line end in it.
    searched: usize,
    newest: u64,
    over: bool,
}

impl<S, E> Lines<S>
where
    S: Stream<Item = Result<Stamped, E>> + Unpin,
{
    /// Frames the bytes.
    pub(super) fn of(bytes: S) -> Self {
        Lines { bytes, pending: BytesMut::new(), searched: 0, newest: 0, over: false }
    }

    /// The next line and the stamp of the read that completed it; `None` at the end of the stream.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<(u64, Event), E>>> {
        loop {
            let end = self.pending[self.searched..].iter().position(|byte| *byte == b'\n');
            let line = match end {
                Some(end) => {
                    let line = self.pending.split_to(self.searched + end + 1);
                    self.searched = 0;
                    line
                }
                None if self.over && self.pending.is_empty() => return Poll::Ready(None),
                None if self.over => {
                    self.searched = 0;
                    self.pending.split()
                }
                None => {
                    self.searched = self.pending.len();
                    match ready!(Pin::new(&mut self.bytes).poll_next(cx)) {
                        Some(Ok(Stamped { at_ns, bytes })) => {
                            self.newest = at_ns;
                            self.pending.extend_from_slice(&bytes);
                        }
                        Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                        None => self.over = true,
                    }
                    continue;
                }
            };
            let line = line.trim_ascii();
            if !line.is_empty() {
                let data = String::from_utf8_lossy(line).into_owned();
                return Poll::Ready(Some(Ok((self.newest, Event { data, ..Event::default() }))));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;
    use proptest::prelude::*;
    use std::convert::Infallible;
    use std::task::Waker;

    fn lines(pieces: &[&[u8]]) -> Vec<(u64, String)> {
        let bytes =
            stream::iter(pieces.iter().enumerate().map(|(index, piece)| {
                Ok::<_, Infallible>(Stamped { at_ns: index as u64, bytes: piece.to_vec().into() })
            }));
        let mut lines = Lines::of(bytes);
        let mut out = Vec::new();
        while let Poll::Ready(Some(Ok((at, event)))) = lines.poll_next(&mut Context::from_waker(Waker::noop())) {
            out.push((at, event.data));
        }
        out
    }

    #[test]
    fn a_line_bears_the_stamp_of_the_read_that_completed_it() {
        let pieces: [&[u8]; 4] = [b"{\"a\":1}\n{\"b\"", b":2}", b"\r\n\n", b"{\"c\":3}"];
        let expected = [(0, "{\"a\":1}"), (2, "{\"b\":2}"), (3, "{\"c\":3}")];
        assert_eq!(lines(&pieces), expected.map(|(at, line)| (at, line.to_owned())));
    }

    proptest! {
        #[test]
        fn lines_are_the_same_wherever_the_bytes_are_split(text in "[aé€😀\n\r ]{0,40}", size in 1usize..7) {
            let whole: Vec<String> = lines(&[text.as_bytes()]).into_iter().map(|(_, line)| line).collect();
            let pieces: Vec<&[u8]> = text.as_bytes().chunks(size).collect();
            let cut: Vec<String> = lines(&pieces).into_iter().map(|(_, line)| line).collect();
            prop_assert_eq!(&whole, &cut);
            let expected: Vec<&str> =
                text.split('\n').map(|line| line.trim_ascii()).filter(|line| !line.is_empty()).collect();
            prop_assert_eq!(whole, expected);
        }
    }
}
