//! Puts events into their streams at set instants, on a thread of its own.
//!
//! Timers of the event loop step by a millisecond and a sleeping thread wakes late by a share of one. So the thread
//! sleeps until shortly before the next event is due and spends the rest awake: it gives the core away in turns while
//! there is time, and holds it for the last stretch. Events closer together than [`AWAKE`] therefore keep one core
//! busy. All streams share the thread, so that any number of them costs one core at most.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;

use super::backend::Event;

/// How long before an event the thread is awake. Linux wakes a sleeper some 60 µs late, others up to a timer step.
const AWAKE: Duration = if cfg!(target_os = "linux") { Duration::from_micros(250) } else { Duration::from_millis(2) };

/// How long before an event the thread holds its core.
const HOLD: Duration = Duration::from_micros(50);

/// A stream to be played: events and when each is due, in order.
pub struct Track {
    /// What happens when, earliest last so that playing it takes from the end.
    events: Vec<(Instant, Event)>,
    sender: UnboundedSender<Event>,
}

impl Track {
    /// A track of events in the order of their instants.
    pub fn new(mut events: Vec<(Instant, Event)>, sender: UnboundedSender<Event>) -> Self {
        events.reverse();
        Track { events, sender }
    }

    fn due(&self) -> Option<Instant> {
        self.events.last().map(|(at, _)| *at)
    }
}

/// The thread that plays tracks. Dropping it breaks off what is still playing.
#[derive(Debug)]
pub struct Pacer {
    tracks: Option<mpsc::Sender<Track>>,
    thread: Option<JoinHandle<()>>,
}

impl Pacer {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start() -> std::io::Result<Self> {
        let (tracks, added) = mpsc::channel();
        let thread = std::thread::Builder::new().name("local-pacer".to_owned()).spawn(move || play(&added))?;
        Ok(Pacer { tracks: Some(tracks), thread: Some(thread) })
    }

    /// Plays a track along with those that are playing. False when the thread is gone.
    pub fn add(&self, track: Track) -> bool {
        self.tracks.as_ref().is_some_and(|tracks| tracks.send(track).is_ok())
    }
}

impl Drop for Pacer {
    fn drop(&mut self) {
        // The closed channel is what ends the thread.
        self.tracks = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn play(added: &mpsc::Receiver<Track>) {
    let mut stage = Stage::default();
    loop {
        let wait = match stage.due() {
            Some(due) => due.saturating_duration_since(Instant::now()).saturating_sub(AWAKE),
            None => Duration::MAX,
        };
        let arrived = match wait {
            Duration::MAX => added.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Duration::ZERO => added.try_recv().map_err(|error| match error {
                mpsc::TryRecvError::Empty => RecvTimeoutError::Timeout,
                mpsc::TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
            }),
            wait => added.recv_timeout(wait),
        };
        match arrived {
            Ok(track) => stage.add(track),
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {}
        }
        let left = stage.due().map(|due| due.saturating_duration_since(Instant::now()));
        match left {
            Some(Duration::ZERO) => stage.play_next(),
            Some(left) if left <= HOLD => std::hint::spin_loop(),
            Some(left) if left <= AWAKE => std::thread::yield_now(),
            _ => {}
        }
    }
}

/// The tracks that are playing, ordered by their next event; equal instants go in the order of arrival.
#[derive(Default)]
struct Stage {
    order: BinaryHeap<Reverse<(Instant, usize)>>,
    tracks: Vec<Option<Track>>,
    free: Vec<usize>,
}

impl Stage {
    fn due(&self) -> Option<Instant> {
        self.order.peek().map(|Reverse((at, _))| *at)
    }

    fn add(&mut self, track: Track) {
        let Some(due) = track.due() else { return };
        let slot = self.free.pop().unwrap_or_else(|| {
            self.tracks.push(None);
            self.tracks.len() - 1
        });
        self.tracks[slot] = Some(track);
        self.order.push(Reverse((due, slot)));
    }

    /// Sends the earliest event. A track whose reader is gone is dropped.
    fn play_next(&mut self) {
        let Some(Reverse((_, slot))) = self.order.pop() else { return };
        let Some(track) = self.tracks[slot].as_mut() else { return };
        let sent = track.events.pop().is_some_and(|(_, event)| track.sender.send(event).is_ok());
        match track.due().filter(|_| sent) {
            Some(due) => self.order.push(Reverse((due, slot))),
            None => {
                self.tracks[slot] = None;
                self.free.push(slot);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;

    fn token(text: &str) -> Event {
        Event::Token { id: None, text: text.to_owned(), logprobs: None }
    }

    #[test]
    fn tracks_are_merged_by_their_instants_and_never_early() {
        let pacer = Pacer::start().ok();
        let start = Instant::now();
        let (sender, mut receiver) = unbounded_channel();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let one = vec![(at(30), token("a")), (at(34), token("c"))];
        let two = vec![(at(32), token("b")), (at(36), token("d"))];
        for events in [two, one] {
            let track = Track::new(events, sender.clone());
            assert!(pacer.as_ref().is_some_and(|pacer| pacer.add(track)));
        }
        drop(sender);
        for (expected, due) in [("a", at(30)), ("b", at(32)), ("c", at(34)), ("d", at(36))] {
            assert_eq!(receiver.blocking_recv(), Some(token(expected)));
            assert!(Instant::now() >= due, "{expected} came early");
        }
        assert_eq!(receiver.blocking_recv(), None);
    }

    #[test]
    fn a_reader_that_leaves_frees_the_slot() {
        let mut stage = Stage::default();
        let now = Instant::now();
        let (sender, receiver) = unbounded_channel();
        stage.add(Track::new(vec![(now, token("a")), (now, token("b"))], sender));
        drop(receiver);
        stage.play_next();
        assert_eq!((stage.due(), stage.free.len()), (None, 1));
    }
}
