//! All requests under way, taken through the model together, one step at a time.
//!
//! In each step every sequence that speaks gets one token, and those that still read their prompt share a bounded
//! number of tokens in the order of their arrival, so that a long prompt slows the others down without stopping them.
//! Sequences join and leave between any two steps.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};

use super::cache::Cache;
use super::decoder::{Decoder, Row};
use super::sequence::Sequence;
use super::vocabulary::Vocabulary;

/// Most tokens of prompts that are read in one step.
const PROMPT_ROWS: usize = 64;

/// All requests under way.
pub struct Batch {
    decoder: Decoder,
    vocabulary: Arc<Vocabulary>,
    sequences: Vec<Sequence>,
    /// The cache of each sequence, at the same index.
    caches: Vec<Cache>,
}

impl Batch {
    /// An empty batch.
    pub fn new(decoder: Decoder, vocabulary: Arc<Vocabulary>) -> Self {
        Batch { decoder, vocabulary, sequences: Vec::new(), caches: Vec::new() }
    }

    /// Takes sequences and steps until the channel is closed; what is under way then is broken off.
    pub fn run(mut self, arriving: &Receiver<Sequence>) {
        loop {
            if self.is_empty() {
                match arriving.recv() {
                    Ok(sequence) => self.join(sequence),
                    Err(_) => return,
                }
            }
            loop {
                match arriving.try_recv() {
                    Ok(sequence) => self.join(sequence),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return,
                }
            }
            self.step();
        }
    }

    /// Whether nothing is under way.
    pub fn is_empty(&self) -> bool {
        self.sequences.is_empty()
    }

    /// Adds a sequence.
    pub fn join(&mut self, sequence: Sequence) {
        self.caches.push(Cache::new(&self.decoder.shape, sequence.positions()));
        self.sequences.push(sequence);
    }

    /// Drops what was cancelled, and takes the others one step on.
    pub fn step(&mut self) {
        let going: Vec<bool> = self.sequences.iter().map(|sequence| !sequence.is_cancelled()).collect();
        self.keep(&going);
        let (rows, drawing) = self.rows();
        if rows.is_empty() {
            return;
        }
        if let Err(error) = self.forward(&rows, &drawing) {
            // The caches may hold half a step, so nothing that is under way can go on.
            let why = format!("the embedded model failed: {error}");
            self.sequences.iter().for_each(|sequence| sequence.fail(&why));
            self.sequences.clear();
            self.caches.clear();
        }
    }

    /// The rows of the next step, and the sequences that draw a token after it.
    fn rows(&mut self) -> (Vec<Row>, Vec<usize>) {
        let mut rows = Vec::with_capacity(self.sequences.len() + PROMPT_ROWS);
        let mut drawing = Vec::with_capacity(self.sequences.len());
        let mut left = PROMPT_ROWS;
        for (slot, sequence) in self.sequences.iter_mut().enumerate() {
            let waiting = sequence.waiting().len();
            let taken = if waiting > 1 { waiting.min(left) } else { waiting };
            let last = taken == waiting;
            if waiting > 1 {
                left -= taken;
            }
            let tokens = sequence.waiting()[..taken].iter().enumerate();
            rows.extend(tokens.map(|(i, token)| Row { slot, token: *token, wanted: last && i + 1 == taken }));
            sequence.feed(taken);
            if last {
                drawing.push(slot);
            }
        }
        (rows, drawing)
    }

    fn forward(&mut self, rows: &[Row], drawing: &[usize]) -> candle_core::Result<()> {
        let Some(logits) = self.decoder.forward(rows, &mut self.caches)? else { return Ok(()) };
        let width = logits.dim(1)?;
        let mut logits = logits.flatten_all()?.to_vec1::<f32>()?;
        let mut going = vec![true; self.sequences.len()];
        for (slot, logits) in drawing.iter().zip(logits.chunks_exact_mut(width)) {
            going[*slot] = self.sequences[*slot].advance(&mut logits[..self.decoder.vocabulary], &self.vocabulary);
        }
        self.keep(&going);
        Ok(())
    }

    fn keep(&mut self, going: &[bool]) {
        if going.iter().all(|going| *going) {
            return;
        }
        let mut each = going.iter();
        self.sequences.retain(|_| each.next().copied().unwrap_or(true));
        let mut each = going.iter();
        self.caches.retain(|_| each.next().copied().unwrap_or(true));
    }
}
