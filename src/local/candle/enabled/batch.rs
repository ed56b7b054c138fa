//! All requests under way, taken through the model together, one step at a time.
//!
//! In each step every sequence that speaks gets one token, and those that still read their prompt share a bounded
//! number of tokens in the order of their arrival, so that a long prompt slows the others down without stopping them.
//! Sequences join and leave between any two steps. Where the memory for keys and values runs out, the sequence that came
//! last gives its part up and waits; what it had said is not said again.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};

use candle_core::{Device, Storage, Tensor, bail};

use super::decoder::Decoder;
use super::machine::Machine;
use super::network::{Cache, Run};
use super::pool::Pool;
use super::sequence::Sequence;
use super::vocabulary::Vocabulary;
use crate::local::{Meter, Metrics};

/// Most tokens of prompts that are read in one step on a processor: while others speak, who wait for them, and while none
/// does. The more there are, the fewer times all weights are read from memory.
const PROMPT_ROWS: [usize; 2] = [64, 256];
/// The same on a device.
const DEVICE_ROWS: [usize; 2] = [512, 2048];

/// The memory for keys and values.
pub struct Room {
    /// What all layers remember.
    pub cache: Cache,
    /// Whose block is whose.
    pub pool: Pool,
    /// Bytes of a block.
    pub block_bytes: usize,
    /// Bytes that a sequence is told to use.
    used: u64,
}

impl Room {
    /// Memory of blocks, all free.
    pub fn new(cache: Cache, blocks: usize, block_bytes: usize) -> Self {
        Room { cache, pool: Pool::new(blocks), block_bytes, used: 0 }
    }
}

/// All requests under way.
pub struct Batch {
    decoder: Decoder,
    vocabulary: Arc<Vocabulary>,
    room: Room,
    /// Most sequences that are taken through the model together.
    most: usize,
    /// In the order of their arrival.
    running: Vec<Sequence>,
    waiting: VecDeque<Sequence>,
    /// Told of the memory that is in use.
    memory: Meter,
    metrics: Arc<Metrics>,
}

impl Batch {
    /// An empty batch of at most so many sequences at a time.
    pub fn new(
        decoder: Decoder,
        vocabulary: Arc<Vocabulary>,
        room: Room,
        most: usize,
        memory: Meter,
        metrics: Arc<Metrics>,
    ) -> Self {
        Batch { decoder, vocabulary, room, most, running: Vec::new(), waiting: VecDeque::new(), memory, metrics }
    }

    /// Takes sequences and steps until the channel is closed; what is under way then is broken off.
    pub fn run(mut self, arriving: &Receiver<Sequence>) {
        let machine = self.decoder.machine.clone();
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
            machine.enter(|| self.step());
        }
    }

    /// Whether nothing is under way.
    pub fn is_empty(&self) -> bool {
        self.running.is_empty() && self.waiting.is_empty()
    }

    /// Adds a sequence.
    pub fn join(&mut self, sequence: Sequence) {
        self.waiting.push_back(sequence);
    }

    /// Drops what was cancelled, takes up what waits, and takes all that run one step on.
    pub fn step(&mut self) {
        self.drop_cancelled();
        self.take_up();
        let counts = self.counts();
        let tokens: usize = counts.iter().sum();
        if tokens > 0
            && let Err(error) = self.forward(&counts)
        {
            // The cache may hold half a step, so nothing that is under way can go on.
            let why = format!("the embedded model failed: {error}");
            self.running.iter().for_each(|sequence| sequence.fail(&why));
            self.keep(&vec![false; self.running.len()]);
        }
        let share = self.room.pool.used() as f64 / self.room.pool.len().max(1) as f64;
        self.metrics.step(self.running.len(), self.waiting.len(), share, tokens);
        self.tell_memory();
    }

    fn drop_cancelled(&mut self) {
        let before = self.running.len() + self.waiting.len();
        self.waiting.retain(|sequence| !sequence.is_cancelled());
        let going: Vec<bool> = self.running.iter().map(|sequence| !sequence.is_cancelled()).collect();
        self.keep(&going);
        (self.running.len() + self.waiting.len()..before).for_each(|_| self.metrics.cancelled());
    }

    /// Takes up what waits, as far as there is room for its tokens.
    fn take_up(&mut self) {
        while self.running.len() < self.most
            && let Some(mut sequence) = self.waiting.pop_front()
        {
            if !sequence.begin(&mut self.room.pool, self.running.len(), &self.metrics) {
                self.waiting.push_front(sequence);
                return;
            }
            self.running.push(sequence);
        }
    }

    /// How many tokens of each sequence the next step takes.
    fn counts(&mut self) -> Vec<usize> {
        let rows = if matches!(self.decoder.machine, Machine::Candle(_)) { DEVICE_ROWS } else { PROMPT_ROWS };
        let mut left = rows[usize::from(self.running.iter().all(|sequence| sequence.waiting() > 1))];
        let mut counts = Vec::with_capacity(self.running.len());
        while counts.len() < self.running.len() {
            let sequence = &mut self.running[counts.len()];
            let waiting = sequence.waiting();
            let wanted = if waiting > 1 { waiting.min(left) } else { waiting };
            sequence.grow(&mut self.room.pool, wanted);
            let count = wanted.min(sequence.room());
            if count == 0 && wanted > 0 {
                // The last one leaves, which may be this one. The first one always finds room: all of it is as much as
                // any sequence can need.
                if let Some(mut last) = self.running.pop() {
                    last.leave(&mut self.room.pool);
                    self.metrics.preempted();
                    self.waiting.push_front(last);
                }
                continue;
            }
            if waiting > 1 {
                left -= count;
            }
            counts.push(count);
        }
        counts
    }

    fn forward(&mut self, counts: &[usize]) -> candle_core::Result<()> {
        let fed = self.running.iter().zip(counts).filter(|(_, count)| **count > 0);
        let runs: Vec<Run<'_>> = fed.map(|(sequence, count)| sequence.run(*count)).collect();
        let logits = self.decoder.forward(&runs, &mut self.room.cache)?;
        let mut drawing = vec![false; self.running.len()];
        for ((sequence, count), drawing) in self.running.iter_mut().zip(counts).zip(&mut drawing) {
            sequence.feed(*count, &mut self.room.pool);
            *drawing = sequence.waiting() == 0;
        }
        let Some(logits) = logits else { return Ok(()) };
        let mut going = vec![true; self.running.len()];
        let drawing = self.running.iter_mut().zip(&mut going).zip(drawing).filter(|(_, drawing)| *drawing);
        let drawing: Vec<(&mut Sequence, &mut bool)> = drawing.map(|(sequence, _)| sequence).collect();
        let (vocabulary, metrics) = (&self.vocabulary, &self.metrics);
        with_rows(&logits, |rows| {
            let parts = drawing.into_iter().zip(rows).collect();
            self.decoder.machine.each(parts, |((sequence, going), logits): ((&mut Sequence, &mut bool), &[f32])| {
                *going = sequence.advance(logits, vocabulary, metrics);
            });
        })?;
        self.keep(&going);
        Ok(())
    }

    fn keep(&mut self, going: &[bool]) {
        if going.iter().all(|going| *going) {
            return;
        }
        let mut each = going.iter();
        let pool = &mut self.room.pool;
        self.running.retain_mut(|sequence| {
            let stays = each.next().copied().unwrap_or(true);
            if !stays {
                sequence.leave(pool);
            }
            stays
        });
    }

    fn tell_memory(&mut self) {
        let used = (self.room.pool.used() * self.room.block_bytes) as u64;
        match used.checked_sub(self.room.used) {
            Some(0) => {}
            Some(more) => self.memory.take(more),
            None => self.memory.give(self.room.used - used),
        }
        self.room.used = used;
    }
}

/// Hands over the rows of a matrix of 32-bit numbers, where they lie if that is in memory.
fn with_rows(matrix: &Tensor, work: impl FnOnce(Vec<&[f32]>)) -> candle_core::Result<()> {
    let matrix = matrix.to_device(&Device::Cpu)?.contiguous()?;
    let width = matrix.dim(1)?;
    let (storage, layout) = matrix.storage_and_layout();
    let (Storage::Cpu(numbers), Some((start, end))) = (&*storage, layout.contiguous_offsets()) else {
        bail!("logits lie elsewhere");
    };
    work(numbers.as_slice::<f32>()?[start..end].chunks_exact(width).collect());
    Ok(())
}
