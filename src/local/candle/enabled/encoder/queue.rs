//! All requests under way, whose texts are taken through the network some at a time.
//!
//! A step takes texts in the order in which they came, of as many requests as it has room for, up to a number of tokens;
//! so a request of a thousand texts takes many steps, and one that is longer than a step is a step of its own.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};

use super::job::Job;
use super::network::Encoder;
use crate::local::Metrics;
use crate::local::candle::chosen::machine::Machine;

/// Most tokens of one step, on a processor and on a device. On a processor weights are read once for some 64 rows
/// already, and a short text need not wait for long ones.
const TOKENS: [usize; 2] = [512, 8192];

/// All requests under way.
pub struct Queue {
    encoder: Encoder,
    /// In the order of their arrival.
    jobs: VecDeque<Job>,
    /// Most requests of one step.
    most: usize,
    /// Most tokens of one step.
    tokens: usize,
    metrics: Arc<Metrics>,
}

impl Queue {
    /// An empty queue in front of an encoder. A step takes the texts of at most so many requests.
    pub fn new(encoder: Encoder, most: usize, metrics: Arc<Metrics>) -> Self {
        let tokens = TOKENS[usize::from(matches!(encoder.machine, Machine::Candle(_)))];
        Queue { encoder, jobs: VecDeque::new(), most, tokens, metrics }
    }

    /// Takes requests and steps until the channel is closed; what is under way then is broken off.
    pub fn run(mut self, arriving: &Receiver<Job>) {
        loop {
            if self.jobs.is_empty() {
                match arriving.recv() {
                    Ok(job) => self.join(job),
                    Err(_) => return,
                }
            }
            loop {
                match arriving.try_recv() {
                    Ok(job) => self.join(job),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return,
                }
            }
            self.step();
        }
    }

    /// Adds a request.
    pub fn join(&mut self, job: Job) {
        self.jobs.push_back(job);
    }

    /// Drops what was cancelled, and takes some texts through the network.
    pub fn step(&mut self) {
        let before = self.jobs.len();
        self.jobs.retain(|job| !job.is_cancelled());
        (self.jobs.len()..before).for_each(|_| self.metrics.cancelled());
        let mut texts = Vec::new();
        // How many of them are of which request.
        let mut counts = Vec::new();
        let mut room = self.tokens;
        for job in self.jobs.iter_mut().take(self.most) {
            let taken = job.take(room, texts.is_empty(), &self.metrics);
            if taken.is_empty() {
                break;
            }
            room = room.saturating_sub(taken.iter().map(|text| text.tokens.len()).sum());
            counts.push(taken.len());
            texts.extend(taken);
            if !job.is_through() {
                break;
            }
        }
        let running = counts.len();
        if texts.is_empty() {
            self.metrics.step(0, self.jobs.len(), 0.0, 0);
            return;
        }
        let tokens = texts.iter().map(|text| text.tokens.len()).sum();
        self.metrics.step(running, self.jobs.len() - running, 0.0, tokens);
        let computed = self.encoder.forward(&texts);
        // Requests are done in the order of their arrival, so those that are through stand at the front.
        let mut over: Vec<Job> = Vec::new();
        match computed {
            Ok(vectors) => {
                let mut vectors = vectors.into_iter();
                for (job, count) in self.jobs.iter_mut().zip(&counts) {
                    job.give(vectors.by_ref().take(*count));
                }
                while self.jobs.front().is_some_and(Job::is_through) {
                    over.extend(self.jobs.pop_front());
                }
                self.metrics.step(0, self.jobs.len(), 0.0, 0);
                over.into_iter().for_each(|job| job.finish(&self.metrics));
            }
            Err(error) => {
                over.extend(self.jobs.drain(..running));
                self.metrics.step(0, self.jobs.len(), 0.0, 0);
                over.into_iter().for_each(|job| job.fail(&format!("the embedded model failed: {error}")));
            }
        }
    }
}
