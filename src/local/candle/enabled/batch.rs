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
use crate::local::Meter;

/// Most tokens of prompts that are read in one step.
const PROMPT_ROWS: usize = 64;

/// All requests under way.
pub struct Batch {
    decoder: Decoder,
    vocabulary: Arc<Vocabulary>,
    sequences: Vec<Sequence>,
    /// The cache of each sequence, at the same index.
    caches: Vec<Cache>,
    /// Told of every cache that comes and goes.
    memory: Meter,
}

impl Batch {
    /// An empty batch.
    pub fn new(decoder: Decoder, vocabulary: Arc<Vocabulary>, memory: Meter) -> Self {
        Batch { decoder, vocabulary, sequences: Vec::new(), caches: Vec::new(), memory }
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
        let cache = Cache::new(&self.decoder.shape, sequence.positions());
        self.memory.take(cache.bytes());
        self.caches.push(cache);
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
            self.keep(&vec![false; self.sequences.len()]);
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
        let memory = &self.memory;
        self.caches.retain(|cache| {
            let stays = each.next().copied().unwrap_or(true);
            if !stays {
                memory.give(cache.bytes());
            }
            stays
        });
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::UnboundedReceiver;

    use super::super::catalog;
    use super::*;
    use crate::local::backend::{Draw, Event, Finish, Limits};
    use crate::tokenizer::Tokenizer;

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    fn batch() -> Result<Batch, Box<dyn std::error::Error>> {
        let vocabulary = Vocabulary::of(&Tokenizer::built_in()?);
        let decoder = Decoder::draw(catalog::find("random:tiny")?, vocabulary.len(), 11)?;
        Ok(Batch::new(decoder, Arc::new(vocabulary), Meter::default()))
    }

    fn greedy() -> Draw {
        Draw { temperature: 0.0, ..Draw::default() }
    }

    fn limits() -> Limits {
        Limits { ignore_eos: true, ..Limits::default() }
    }

    /// A prompt of the given length, different for each `kind`.
    fn prompt(kind: u32, length: u32) -> Vec<u32> {
        (0..length).map(|i| 1 + (i * 31 + kind * 7) % 250).collect()
    }

    fn ids(events: &mut UnboundedReceiver<Event>) -> Vec<u32> {
        std::iter::from_fn(|| events.try_recv().ok())
            .filter_map(|event| if let Event::Token { id, .. } = event { id } else { None })
            .collect()
    }

    /// Tokens of one sequence that has the batch for itself.
    fn alone(batch: &mut Batch, prompt: Vec<u32>, draw: Draw, seed: u64, most: usize) -> Vec<u32> {
        let (sequence, mut events) = Sequence::new(prompt, draw, seed, limits(), most);
        batch.join(sequence);
        while !batch.is_empty() {
            batch.step();
        }
        ids(&mut events)
    }

    #[test]
    fn a_batch_gives_the_tokens_that_each_gets_alone() -> Outcome {
        let mut batch = batch()?;
        let draws = [greedy(), Draw::default(), Draw { top_p: 0.8, top_k: Some(50), ..Draw::default() }];
        // Lengths around the bound of prompt tokens in a step, joining one after the other.
        let cases: Vec<_> = (0..9u32)
            .map(|i| (prompt(i, [1, 2, 63, 64, 65, 130][i as usize % 6]), draws[i as usize % 3].clone(), u64::from(i)))
            .collect();
        let singles: Vec<_> = cases
            .iter()
            .map(|(prompt, draw, seed)| alone(&mut batch, prompt.clone(), draw.clone(), *seed, 40))
            .collect();
        let mut together = Vec::new();
        for (prompt, draw, seed) in cases {
            let (sequence, events) = Sequence::new(prompt, draw, seed, limits(), 40);
            batch.join(sequence);
            together.push(events);
            batch.step();
        }
        while !batch.is_empty() {
            batch.step();
        }
        for (single, events) in singles.iter().zip(&mut together) {
            assert_eq!(single.len(), 40);
            assert_eq!(single, &ids(events));
        }
        Ok(())
    }

    #[test]
    fn the_seed_decides_and_the_weights_decide() -> Outcome {
        let mut batch = batch()?;
        let mut tokens = |seed| alone(&mut batch, prompt(1, 10), Draw::default(), seed, 30);
        assert_eq!(tokens(1), tokens(1));
        assert_ne!(tokens(1), tokens(2));
        Ok(())
    }

    #[test]
    fn greedy_replies_do_not_run_in_circles() -> Outcome {
        let mut batch = batch()?;
        let tokens = alone(&mut batch, prompt(1, 10), greedy(), 0, 200);
        let distinct: std::collections::HashSet<_> = tokens.iter().collect();
        assert!(distinct.len() > 40, "{} distinct tokens of 200", distinct.len());
        Ok(())
    }

    #[test]
    fn a_cancelled_sequence_leaves_at_the_next_step() -> Outcome {
        let mut batch = batch()?;
        let (gone, events) = Sequence::new(prompt(1, 5), greedy(), 0, limits(), 1000);
        let (stays, mut others) = Sequence::new(prompt(2, 5), greedy(), 0, limits(), 1000);
        batch.join(gone);
        batch.join(stays);
        batch.step();
        assert_eq!((batch.sequences.len(), batch.caches.len()), (2, 2));
        let [gone, stays] = [0, 1].map(|slot| batch.caches[slot].bytes());
        assert_eq!(stays, 2 * 2 * 4 * (1005 * 32), "two layers of keys and values, 32 numbers a position");
        batch.memory.watch();
        drop(events);
        batch.step();
        assert_eq!(batch.memory.seen().iter().map(|(_, bytes)| *bytes).collect::<Vec<_>>(), [gone + stays, stays]);
        assert_eq!((batch.sequences.len(), batch.caches.len()), (1, 1));
        assert_eq!(ids(&mut others).len(), 2);
        Ok(())
    }

    #[test]
    fn the_end_of_text_waits_for_the_fewest_tokens() -> Outcome {
        let batch = batch()?;
        let ends = batch.vocabulary.ends().to_vec();
        let mut logits = vec![0.0; batch.vocabulary.len()];
        let limits = Limits { min_tokens: 2, ..Limits::default() };
        let (mut sequence, mut events) = Sequence::new(vec![1], greedy(), 0, limits, 10);
        let mut advance = || {
            logits.fill(0.0);
            ends.iter().for_each(|end| logits[*end as usize] = 9.0);
            sequence.advance(&mut logits, &batch.vocabulary)
        };
        assert_eq!([advance(), advance(), advance()], [true, true, false]);
        assert_eq!(ids(&mut events).len(), 2);
        Ok(())
    }

    #[test]
    fn a_stop_string_ends_the_reply_and_is_not_part_of_it() -> Outcome {
        let mut batch = batch()?;
        let free = alone(&mut batch, prompt(3, 8), greedy(), 0, 30);
        let bytes: Vec<u8> = free.iter().flat_map(|token| batch.vocabulary.bytes(*token).to_vec()).collect();
        let whole = String::from_utf8_lossy(&bytes).into_owned();
        // Three characters out of the middle, so that the stop begins and ends inside tokens as it happens.
        let stop: String = whole.chars().skip(whole.chars().count() / 2).take(3).collect();
        let limits = Limits { stop: vec![stop.clone()], ..limits() };
        let (sequence, mut events) = Sequence::new(prompt(3, 8), greedy(), 0, limits, 30);
        batch.join(sequence);
        while !batch.is_empty() {
            batch.step();
        }
        let mut said = String::new();
        let mut count = 0;
        while let Ok(event) = events.try_recv() {
            match event {
                Event::Token { text, .. } => {
                    said += &text;
                    count += 1;
                }
                Event::End { text, finish, tokens } => {
                    said += &text;
                    assert_eq!((finish, tokens), (Finish::Stop, count));
                }
                Event::Failed(why) => return Err(why.into()),
            }
        }
        assert_eq!(Some(said.as_str()), whole.split(&stop).next());
        Ok(())
    }
}
