//! `evalscope perf --dataset random` of the Python EvalScope, as of 1.14.1 (`perf/plugin/datasets/random_dataset.py`).
//!
//! From `numpy.random`, which `--seed` seeds: the shared prefix, prompt lengths, offsets, a seed for the repair of each
//! prompt, and after them the gaps between arrivals. From Python's `random`: reply lengths, where `--max-tokens` has
//! two values. The connection test before the run takes the first of those.

use super::coder::Coder;
use super::{Compat, Drawn, Filler};
use crate::error::{Failure, Result};
use crate::plan::{Lengths, WorkloadSpec};
use crate::workload::generators::{Legacy, Python};

/// All ids with added tokens, but neither special ones nor single bytes such as `<0x0A>`.
pub(super) fn allowed(coder: &Coder) -> Vec<u32> {
    let is_byte = |id| coder.spelling(id).is_some_and(|spelling| super::super::vocabulary::is_byte(&spelling));
    (0..coder.full()).filter(|id| !coder.is_special(*id) && !is_byte(*id)).collect()
}

/// Refuses chat messages: the tool takes the length of the chat template off the drawn lengths, and that template is
/// not rendered here.
pub(super) fn check(spec: &WorkloadSpec) -> Result<()> {
    let Lengths { min, max } = spec.lengths;
    if min > max {
        return Err(Failure::usage(format!("--min-prompt-length {min} exceeds --max-prompt-length {max}")));
    }
    if spec.chat {
        return Err(Failure::usage("--compat evalscope: the length of the chat template is not known")
            .hint("add --no-apply-chat-template here and there, with an address that ends in /v1/completions"));
    }
    Ok(())
}

pub(super) fn draw(compat: &Compat, from: u64, count: usize) -> Drawn {
    let Lengths { min, max } = compat.lengths;
    let mut arrivals = Legacy::new(compat.seed.into());
    let prefix = compat.pick(&mut arrivals, compat.prefix as usize);
    let span = (max - min).saturating_add(1);
    let inputs = arrivals.vector(span, count).into_iter().map(|above| min + above).collect();
    let places = u32::try_from(compat.allowed.len()).unwrap_or(u32::MAX);
    let from = from % u64::from(places);
    let moved = |offset: u32| ((u64::from(offset) + from) % u64::from(places)) as u32;
    let offsets = arrivals.vector(places, count).into_iter().map(moved).collect();
    let seeds = arrivals.vector(u32::MAX, count);
    let (least, greatest) = compat.max_tokens;
    let mut python = Python::new(compat.seed.into());
    python.within(least, greatest);
    let outputs = (0..count).map(|_| python.within(least, greatest)).collect();
    Drawn { prefix, inputs, outputs, offsets, filler: Filler::Seeds(seeds), arrivals }
}
