//! The thread that tells the trackers.

use std::error::Error;
use std::sync::mpsc::Receiver;

use super::tracker::{End, Over, State, Step, Tracker};
use super::tracking::Told;
use crate::engine::stand_back;
use crate::error::{Failure, Result};
use crate::units::{clean, count};

/// What is to be told.
pub(super) enum Event {
    Running(Step),
    Over(Box<Over>),
    End(End),
}

/// One tracker, and what it could not be told.
struct Listener {
    tracker: Box<dyn Tracker>,
    failed: u64,
    first: String,
}

impl Listener {
    fn note<T>(&mut self, told: Result<T>) -> Option<T> {
        told.map_err(|failure| {
            self.failed += 1;
            if self.failed == 1 {
                self.first = chain(&failure);
            }
        })
        .ok()
    }

    fn notice(&self) -> Option<String> {
        let (name, first) = (self.tracker.name(), &self.first);
        match self.failed {
            0 => None,
            1 => Some(format!("{name}: failed once: {first}")),
            failed => Some(format!("{name}: failed {} times, first: {first}", count(failed))),
        }
    }
}

/// Tells each event to each tracker until the run is over. A tracker that fails is told the next event all the same.
pub(super) fn relay(events: &Receiver<Event>, trackers: Vec<Box<dyn Tracker>>) -> Told {
    stand_back();
    let mut listeners: Vec<Listener> =
        trackers.into_iter().map(|tracker| Listener { tracker, failed: 0, first: String::new() }).collect();
    let mut is_empty = true;
    let mut told = Told::default();
    for event in events {
        for listener in &mut listeners {
            match &event {
                Event::Running(step) => {
                    let done = listener.tracker.running(step);
                    listener.note(done);
                }
                Event::Over(over) => {
                    let done = listener.tracker.over(over);
                    listener.note(done);
                }
                Event::End(end) if is_empty && end.state != State::Finished && listener.tracker.folder().is_some() => {
                    forget(listener.tracker.as_ref());
                }
                Event::End(end) => {
                    let done = listener.tracker.end(end);
                    let upload = listener.note(done).flatten();
                    told.uploads.extend(upload.map(|command| (listener.tracker.name(), command)));
                }
            }
        }
        is_empty = false;
    }
    told.notices = listeners.iter().filter_map(Listener::notice).collect();
    told
}

/// Takes the folder of a run back that never began.
fn forget(tracker: &dyn Tracker) {
    if let Some(folder) = tracker.folder() {
        // Nothing but what the tracker made is in it, and an empty folder is all that stays where this fails.
        let _ = std::fs::remove_dir_all(&folder);
        let _ = folder.parent().map(std::fs::remove_dir);
    }
}

fn chain(failure: &Failure) -> String {
    let mut text = failure.to_string();
    let mut cause = failure.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    clean(&text, 300)
}
