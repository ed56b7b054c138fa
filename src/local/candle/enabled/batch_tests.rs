//! Batches: that what runs together, joins, leaves, waits or is put back says what it says alone.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc::UnboundedReceiver;

use super::batch::{Batch, Room};
use super::catalog;
use super::decoder_tests::{Outcome, drawn, kernels};
use super::kernel::POSITIONS;
use super::network::Cache;
use super::network::cache::block_bytes;
use super::sequence::{Order, Place, Sequence};
use super::vocabulary::Vocabulary;
use crate::local::backend::{Draw, Event, Finish, Limits};
use crate::local::{Meter, Metrics};
use crate::tokenizer::Tokenizer;

/// A batch with so many blocks and of at most so many sequences, and what tells of it.
struct Bench {
    batch: Batch,
    vocabulary: Arc<Vocabulary>,
    memory: Meter,
    metrics: Arc<Metrics>,
    block_bytes: usize,
}

fn bench(blocks: usize, most: usize) -> Outcome<Bench> {
    let vocabulary = Arc::new(Vocabulary::drawing(&Tokenizer::built_in()?));
    let (shape, kind) = catalog::find("random:tiny", vocabulary.len())?;
    let decoder = drawn(&shape, kind, kernels(1)?)?;
    let block_bytes = block_bytes(&shape, kind, &decoder.machine);
    let room = Room::new(Cache::new(&shape, kind, blocks, &decoder.machine)?, blocks, block_bytes);
    let (memory, metrics) = (Meter::default(), Arc::new(Metrics::new("tiny", None)));
    let batch = Batch::new(decoder, Arc::clone(&vocabulary), room, most, memory.clone(), Arc::clone(&metrics));
    Ok(Bench { batch, vocabulary, memory, metrics, block_bytes })
}

impl Bench {
    fn finish(&mut self) {
        while !self.batch.is_empty() {
            self.batch.step();
        }
    }

    fn metric(&self, name: &str) -> f64 {
        let page = self.metrics.page();
        let line = page.lines().find(|line| line.starts_with(name)).and_then(|line| line.rsplit(' ').next());
        line.and_then(|value| value.parse().ok()).unwrap_or(f64::NAN)
    }
}

fn greedy() -> Draw {
    Draw { temperature: 0.0, ..Draw::default() }
}

fn order(prompt: Vec<u32>, draw: Draw, seed: u64, most: usize) -> Outcome<Order> {
    let limits = Limits { ignore_eos: true, ..Limits::default() };
    let place = Place::among(&Arc::default(), 1).ok_or("there is no place")?;
    Ok(Order { prompt, draw, seed, limits, most, logprobs: None, guide: None, received: Instant::now(), place })
}

/// A prompt of the given length, different for each `kind`.
fn prompt(kind: u32, length: u32) -> Vec<u32> {
    (0..length).map(|i| 1 + (i * 31 + kind * 7) % 250).collect()
}

/// What a reply came to: its tokens, its text, and how it ended with how many tokens remembered.
#[derive(Debug, Default, PartialEq)]
struct Said {
    tokens: Vec<u32>,
    text: String,
    end: Option<(Finish, usize)>,
    cached: usize,
}

fn said(events: &mut UnboundedReceiver<Event>) -> Outcome<Said> {
    let mut said = Said::default();
    while let Ok(event) = events.try_recv() {
        match event {
            Event::Token { id, text, .. } => {
                said.tokens.extend(id);
                said.text += &text;
            }
            Event::End { text, finish, tokens, cached_tokens } => {
                said.text += &text;
                said.end = Some((finish, tokens));
                said.cached = cached_tokens;
            }
            Event::Failed(why) => return Err(why.into()),
        }
    }
    Ok(said)
}

/// What one sequence says that has a batch for itself.
fn alone(order: Order) -> Outcome<Said> {
    let mut bench = bench(64, 8)?;
    let (sequence, mut events) = Sequence::new(order);
    bench.batch.join(sequence);
    bench.finish();
    said(&mut events)
}

/// Prompts around the bound of prompt tokens in a step and around whole blocks, drawn in three ways.
fn cases() -> Vec<(Vec<u32>, Draw, u64)> {
    let draws = [greedy(), Draw::default(), Draw { top_p: 0.8, top_k: Some(50), ..Draw::default() }];
    let case =
        |i: u32| (prompt(i, [1, 2, 63, 64, 65, 130][i as usize % 6]), draws[i as usize % 3].clone(), u64::from(i));
    (0..9).map(case).collect()
}

/// Runs all cases together, each joining a step after the one before.
fn together(bench: &mut Bench, most: usize) -> Outcome<Vec<Said>> {
    let mut all = Vec::new();
    for (prompt, draw, seed) in cases() {
        let (sequence, events) = Sequence::new(order(prompt, draw, seed, most)?);
        bench.batch.join(sequence);
        all.push(events);
        bench.batch.step();
    }
    bench.finish();
    all.iter_mut().map(said).collect()
}

#[test]
fn a_batch_gives_the_tokens_that_each_gets_alone() -> Outcome {
    let singles: Vec<Said> = cases()
        .into_iter()
        .map(|(prompt, draw, seed)| alone(order(prompt, draw, seed, 40)?))
        .collect::<Outcome<_>>()?;
    let mut room = bench(200, 16)?;
    assert_eq!(singles, together(&mut room, 40)?);
    assert_eq!(room.metric("vllm:num_preemptions_total"), 0.0);
    // Half of them at a time.
    let mut narrow = bench(200, 4)?;
    assert_eq!(singles, together(&mut narrow, 40)?);
    // So little memory that sequences have to give theirs up and read everything again.
    let mut tight = bench(12, 16)?;
    let tight_said = together(&mut tight, 40)?;
    for (single, other) in singles.iter().zip(&tight_said) {
        assert_eq!((&single.tokens, &single.text, single.end), (&other.tokens, &other.text, other.end));
    }
    assert!(tight.metric("vllm:num_preemptions_total") > 0.0);
    for bench in [room, narrow, tight] {
        assert_eq!((bench.metric("vllm:num_requests_running"), bench.metric("vllm:kv_cache_usage_perc")), (0.0, 0.0));
        assert_eq!(bench.metric("vllm:generation_tokens_total"), 360.0);
    }
    Ok(())
}

#[test]
fn a_prefix_that_comes_again_is_remembered_and_changes_nothing() -> Outcome {
    let mut bench = bench(64, 8)?;
    let shared = prompt(3, 100);
    let mut replies = Vec::new();
    for last in [1, 2, 1] {
        let (sequence, mut events) = Sequence::new(order([&shared[..], &[last]].concat(), greedy(), 0, 20)?);
        bench.batch.join(sequence);
        bench.finish();
        replies.push(said(&mut events)?);
    }
    assert_eq!([replies[0].cached, replies[1].cached, replies[2].cached], [0, 96, 96]);
    assert_eq!(replies[0].tokens, replies[2].tokens);
    assert_ne!(replies[0].tokens, replies[1].tokens);
    assert_eq!(bench.metric("vllm:prefix_cache_hits_total"), 192.0);
    assert_eq!(bench.metric("vllm:prefix_cache_queries_total"), 303.0);
    // What was said is remembered as well: the next turn of a chat finds it.
    let whole = [&shared[..], &[1], &replies[0].tokens, &[5; 3]].concat();
    let (sequence, mut events) = Sequence::new(order(whole.clone(), greedy(), 0, 20)?);
    bench.batch.join(sequence);
    bench.finish();
    let turn = said(&mut events)?;
    assert_eq!(turn.cached, 120 / POSITIONS * POSITIONS);
    assert_eq!(turn.tokens, alone(order(whole, greedy(), 0, 20)?)?.tokens);
    Ok(())
}

#[test]
fn the_seed_decides() -> Outcome {
    let tokens = |seed| alone(order(prompt(1, 10), Draw::default(), seed, 30)?).map(|said| said.tokens);
    assert_eq!(tokens(1)?, tokens(1)?);
    assert_ne!(tokens(1)?, tokens(2)?);
    Ok(())
}

#[test]
fn greedy_replies_do_not_run_in_circles() -> Outcome {
    let tokens = alone(order(prompt(1, 10), greedy(), 0, 200)?)?.tokens;
    let distinct: std::collections::HashSet<_> = tokens.iter().collect();
    assert!(distinct.len() > 40, "{} distinct tokens of 200", distinct.len());
    Ok(())
}

#[test]
fn a_cancelled_sequence_leaves_at_the_next_step() -> Outcome {
    let mut bench = bench(64, 1)?;
    let (gone, events) = Sequence::new(order(prompt(1, 20), greedy(), 0, 1000)?);
    let (stays, mut others) = Sequence::new(order(prompt(2, 5), greedy(), 0, 3)?);
    let (never, unread) = Sequence::new(order(prompt(3, 5), greedy(), 0, 3)?);
    for sequence in [gone, stays, never] {
        bench.batch.join(sequence);
    }
    bench.memory.watch();
    bench.batch.step();
    assert_eq!((bench.metric("vllm:num_requests_running"), bench.metric("vllm:num_requests_waiting")), (1.0, 2.0));
    drop((events, unread));
    bench.batch.step();
    let block = bench.block_bytes as u64;
    assert_eq!(bench.memory.seen().iter().map(|(_, bytes)| *bytes).collect::<Vec<_>>(), [0, 2 * block, block]);
    bench.finish();
    assert_eq!(said(&mut others)?.end, Some((Finish::Length, 3)));
    assert_eq!(bench.metric("vllm:request_success_total{engine=\"0\",finished_reason=\"abort\""), 2.0);
    Ok(())
}

#[test]
fn the_end_of_text_waits_for_the_fewest_tokens() -> Outcome {
    let bench = bench(4, 1)?;
    let ends = bench.vocabulary.ends().to_vec();
    let limits = Limits { min_tokens: 2, ..Limits::default() };
    let (mut sequence, mut events) = Sequence::new(Order { limits, ..order(vec![1], greedy(), 0, 10)? });
    let mut logits = vec![0.0; bench.vocabulary.len()];
    ends.iter().for_each(|end| logits[*end as usize] = 9.0);
    let mut advance = || sequence.advance(&logits, &bench.vocabulary, &bench.metrics);
    assert_eq!([advance(), advance(), advance()], [true, true, false]);
    assert_eq!(said(&mut events)?.end, Some((Finish::Stop, 2)));
    // A stop token of the request does the same, also where the end of a text does not count.
    let limits = Limits { ignore_eos: true, stop_token_ids: vec![42], ..Limits::default() };
    let (mut sequence, mut events) = Sequence::new(Order { limits, ..order(vec![1], greedy(), 0, 10)? });
    logits[42] = 8.0;
    assert!(!sequence.advance(&logits, &bench.vocabulary, &bench.metrics));
    assert_eq!(said(&mut events)?.end, Some((Finish::Stop, 0)));
    Ok(())
}

#[test]
fn a_stop_string_ends_the_reply_and_is_not_part_of_it() -> Outcome {
    let whole = alone(order(prompt(3, 8), greedy(), 0, 30)?)?.text;
    // Three characters out of the middle, so that the stop begins and ends inside tokens as it happens.
    let stop: String = whole.chars().skip(whole.chars().count() / 2).take(3).collect();
    let limits = Limits { ignore_eos: true, stop: vec![stop.clone()], ..Limits::default() };
    let stopped = alone(Order { limits, ..order(prompt(3, 8), greedy(), 0, 30)? })?;
    assert_eq!(Some(stopped.text.as_str()), whole.split(&stop).next());
    assert_eq!(stopped.end, Some((Finish::Stop, stopped.tokens.len())));
    Ok(())
}
