//! What serves an encoder: requests in, and a thread that works on them.

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use super::config::Task;
use super::job::Job;
use super::open::Opened;
use super::queue::Queue;
use super::text::{Reader, Text};
use crate::error::{Failure, Result};
use crate::local::backend::{
    Backend, EmbeddingRequest, Embeddings, Generation, GenerationRequest, Input, ModelCard, Promise, Refusal,
    ScoreRequest, Scores,
};
use crate::local::candle::chosen::sequence::Place;
use crate::local::candle::chosen::{MOST, RETRY_AFTER_S, WAITING};
use crate::local::{Meter, Metrics};
use crate::plan::EmbeddedSpec;

/// An encoder and its thread.
pub struct Model {
    name: String,
    task: Task,
    reader: Reader,
    /// Requests that were accepted and have not ended, and how many there may be.
    taken: Arc<AtomicUsize>,
    most: usize,
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    memory: Meter,
    metrics: Arc<Metrics>,
}

impl Model {
    /// Starts the thread of an encoder.
    ///
    /// # Errors
    /// When the system gives none.
    pub fn start(spec: &EmbeddedSpec, opened: Opened) -> Result<Self> {
        let Opened { encoder, reader, task } = opened;
        let (jobs, arriving) = mpsc::channel();
        let memory = Meter::default();
        memory.take(encoder.bytes());
        let metrics = Arc::new(Metrics::new(spec.name(), Some(reader.context())));
        let most = spec.engine.max_num_seqs.unwrap_or(MOST);
        let queue = Queue::new(encoder, most, Arc::clone(&metrics));
        let thread = std::thread::Builder::new()
            .name("local-model".to_owned())
            .spawn(move || queue.run(&arriving))
            .map_err(|error| Failure::bug("the embedded model has no thread").because(error))?;
        Ok(Model {
            name: spec.name().to_owned(),
            task,
            reader,
            taken: Arc::default(),
            most: most.saturating_add(spec.engine.max_waiting.unwrap_or(WAITING)),
            jobs: Some(jobs),
            thread: Some(thread),
            memory,
            metrics,
        })
    }

    /// A place among the requests under way.
    fn place(&self) -> Result<Place, Refusal> {
        Place::among(&self.taken, self.most).ok_or_else(|| {
            self.metrics.refused();
            Refusal::Busy { retry_after_s: RETRY_AFTER_S }
        })
    }

    fn send(&self, job: Job) -> Result<(), Refusal> {
        self.metrics.arrived();
        let sent = self.jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok());
        if sent { Ok(()) } else { Err(Refusal::Broken("the thread of the model is gone".to_owned())) }
    }

    /// What the model is and which paths it serves.
    fn unserved(&self, wanted: &str) -> Refusal {
        let (kind, paths) = match self.task {
            Task::Embed(_) => ("an embedding model", "/v1/embeddings"),
            Task::Score { .. } => ("a reranker", "/v1/rerank and /v1/score"),
        };
        Refusal::Unserved(format!("{} is {kind} and {wanted}; it serves {paths}", self.name))
    }
}

impl Backend for Model {
    fn models(&self) -> Vec<ModelCard> {
        vec![ModelCard { name: self.name.clone(), context: Some(self.reader.context()) }]
    }

    fn submit(&self, _: GenerationRequest) -> Result<Generation, Refusal> {
        Err(self.unserved("writes no text"))
    }

    fn embed(&self, request: EmbeddingRequest) -> Result<Promise<Embeddings>, Refusal> {
        if !matches!(self.task, Task::Embed(_)) {
            return Err(self.unserved("does not give embeddings"));
        }
        let place = self.place()?;
        let inputs = request.input.iter().enumerate();
        let texts = inputs.map(|(index, input)| self.reader.text(input, index, request.input.len()));
        let (job, promise) = Job::embedding(texts.collect::<Result<Vec<Text>, _>>()?, request.received, place);
        self.send(job)?;
        Ok(promise)
    }

    fn score(&self, request: ScoreRequest) -> Result<Promise<Scores>, Refusal> {
        if !matches!(self.task, Task::Score { .. }) {
            return Err(self.unserved("does not score documents"));
        }
        let place = self.place()?;
        let pairs = request.documents.iter().map(|document| self.reader.pair(&request.query, document));
        let pairs = pairs.collect::<Result<Vec<(Text, bool)>, _>>()?;
        self.metrics.truncated(pairs.iter().filter(|(_, cut)| *cut).count());
        let texts = pairs.into_iter().map(|(text, _)| text).collect();
        let (job, promise) = Job::scoring(texts, request.received, place);
        self.send(job)?;
        Ok(promise)
    }

    fn tokenize(&self, input: &Input, add_special_tokens: bool) -> Result<Vec<u32>, Refusal> {
        self.reader.tokens(input, add_special_tokens)
    }

    fn detokenize(&self, tokens: &[u32]) -> Result<String, Refusal> {
        self.reader.detokenize(tokens)
    }

    fn path(&self) -> &'static str {
        match self.task {
            Task::Embed(_) => "/v1/embeddings",
            Task::Score { .. } => "/v1/rerank",
        }
    }

    fn metrics(&self) -> Option<&Metrics> {
        Some(&self.metrics)
    }

    fn memory(&self) -> Option<Meter> {
        Some(self.memory.clone())
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        // The closed channel ends the thread at its next step; what still ran is broken off.
        self.jobs = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of the embedded model panicked");
        }
    }
}
