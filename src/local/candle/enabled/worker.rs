//! The thread of a model, and who may send it work.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::{self, Receiver};
use std::thread::JoinHandle;

use super::sequence::Place;
use crate::error::{Failure, Result};
use crate::local::backend::Refusal;
use crate::local::{Meter, Metrics};
use crate::plan::EmbeddedSpec;

/// Requests that are worked on at once, and that may wait, where nothing is said.
const MOST: usize = 256;
const WAITING: usize = 4096;

/// Seconds after which a request that was refused may be tried again.
const RETRY_AFTER_S: u32 = 1;

/// A thread that works on what it is sent. Dropping it ends the thread at its next step; what still ran is broken off.
pub struct Worker<T> {
    /// Requests that were accepted and have not ended, and how many there may be.
    taken: Arc<AtomicUsize>,
    most: usize,
    sender: Option<mpsc::Sender<T>>,
    thread: Option<JoinHandle<()>>,
    /// The memory that the model uses.
    pub memory: Meter,
    /// What is counted of it.
    pub metrics: Arc<Metrics>,
}

/// What the work is done with.
pub struct Tools {
    /// Most requests that are worked on at once.
    pub most: usize,
    /// Told of the memory that is in use.
    pub memory: Meter,
    /// Told of what happens.
    pub metrics: Arc<Metrics>,
}

impl<T: Send + 'static> Worker<T> {
    /// Starts the thread of a model of this context and so many bytes of weights. What `made` gives does the work.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start<W: FnOnce(&Receiver<T>) + Send + 'static>(
        spec: &EmbeddedSpec,
        context: usize,
        bytes: u64,
        made: impl FnOnce(Tools) -> W,
    ) -> Result<Self> {
        let (sender, arriving) = mpsc::channel();
        let memory = Meter::default();
        memory.take(bytes);
        let metrics = Arc::new(Metrics::new(spec.name(), Some(context)));
        let most = spec.engine.max_num_seqs.unwrap_or(MOST);
        let work = made(Tools { most, memory: memory.clone(), metrics: Arc::clone(&metrics) });
        let thread = std::thread::Builder::new()
            .name("local-model".to_owned())
            .spawn(move || work(&arriving))
            .map_err(|error| Failure::bug("the embedded model has no thread").because(error))?;
        Ok(Worker {
            taken: Arc::default(),
            most: most.saturating_add(spec.engine.max_waiting.unwrap_or(WAITING)),
            sender: Some(sender),
            thread: Some(thread),
            memory,
            metrics,
        })
    }
}

impl<T> Worker<T> {
    /// A place among the requests under way.
    ///
    /// # Errors
    /// When there is none now.
    pub fn place(&self) -> std::result::Result<Place, Refusal> {
        Place::among(&self.taken, self.most).ok_or_else(|| {
            self.metrics.refused();
            Refusal::Busy { retry_after_s: RETRY_AFTER_S }
        })
    }

    /// Sends work.
    ///
    /// # Errors
    /// When the thread is gone.
    pub fn send(&self, work: T) -> std::result::Result<(), Refusal> {
        self.metrics.arrived();
        let sent = self.sender.as_ref().is_some_and(|sender| sender.send(work).is_ok());
        if sent { Ok(()) } else { Err(Refusal::Broken("the thread of the model is gone".to_owned())) }
    }
}

impl<T> Drop for Worker<T> {
    fn drop(&mut self) {
        // The closed channel is what ends the thread.
        self.sender = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of the embedded model panicked");
        }
    }
}
