//! What serves an encoder: requests in, and a thread that works on them.

use super::config::Task;
use super::job::Job;
use super::open::Opened;
use super::queue::Queue;
use super::text::{Reader, Text};
use crate::error::Result;
use crate::local::backend::{
    Backend, EmbeddingRequest, Embeddings, Generation, GenerationRequest, Input, ModelCard, Promise, Refusal,
    ScoreRequest, Scores,
};
use crate::local::candle::chosen::worker::Worker;
use crate::local::{Meter, Metrics};
use crate::plan::EmbeddedSpec;

/// An encoder and its thread.
pub struct Model {
    name: String,
    task: Task,
    reader: Reader,
    worker: Worker<Job>,
}

impl Model {
    /// Starts the thread of an encoder.
    ///
    /// # Errors
    /// When the system gives none.
    pub fn start(spec: &EmbeddedSpec, opened: Opened) -> Result<Self> {
        let Opened { encoder, reader, task } = opened;
        let worker = Worker::start(spec, reader.context(), encoder.bytes(), |tools| {
            let queue = Queue::new(encoder, tools.most, tools.metrics);
            move |arriving| queue.run(arriving)
        })?;
        Ok(Model { name: spec.name().to_owned(), task, reader, worker })
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
        let place = self.worker.place()?;
        let inputs = request.input.iter().enumerate();
        let texts = inputs.map(|(index, input)| self.reader.text(input, index, request.input.len()));
        let (job, promise) = Job::embedding(texts.collect::<Result<Vec<Text>, _>>()?, request.received, place);
        self.worker.send(job)?;
        Ok(promise)
    }

    fn score(&self, request: ScoreRequest) -> Result<Promise<Scores>, Refusal> {
        if !matches!(self.task, Task::Score { .. }) {
            return Err(self.unserved("does not score documents"));
        }
        let place = self.worker.place()?;
        let pairs = request.documents.iter().map(|document| self.reader.pair(&request.query, document));
        let pairs = pairs.collect::<Result<Vec<(Text, bool)>, _>>()?;
        self.worker.metrics.truncated(pairs.iter().filter(|(_, cut)| *cut).count());
        let texts = pairs.into_iter().map(|(text, _)| text).collect();
        let (job, promise) = Job::scoring(texts, request.received, place);
        self.worker.send(job)?;
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
        Some(&self.worker.metrics)
    }

    fn memory(&self) -> Option<Meter> {
        Some(self.worker.memory.clone())
    }
}
